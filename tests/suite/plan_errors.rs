//! One plan per mistake that people make, and exactly what they are told. `UPDATE_GOLDEN=1` writes the expected texts anew.

use std::fs;
use std::path::{Path, PathBuf};

use proofload::diagnostic::{Diagnostics, render};
use proofload::source::{Format, Source};
use proofload::validate::Overrides;
use proofload::{plan, validate};

#[test]
fn every_mistake_is_reported_at_its_place_with_the_fix() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/plan_errors");
    let plans = plans_in(&folder);
    assert!(plans.len() >= 45, "only {} plans in {}", plans.len(), folder.display());
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for path in plans {
        let told = told_about(&path);
        let golden = PathBuf::from(format!("{}.expected", path.display()));
        if update {
            fs::write(&golden, &told).expect("the expected text can be written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if told != expected {
            wrong.push(format!("{}\nexpected:\n{expected}\nbut was:\n{told}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{} differ (UPDATE_GOLDEN=1 accepts them)\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn every_expected_text_belongs_to_a_plan() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/plan_errors");
    for path in files_in(&folder).into_iter().filter(|path| ends_with(path, "expected")) {
        assert!(path.with_extension("").exists(), "{} has no plan", path.display());
    }
}

fn told_about(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("the plan can be read");
    let format = if ends_with(path, "toml") { Format::Toml } else { Format::Yaml };
    let name = path.file_name().expect("a plan has a name").to_string_lossy().into_owned();
    // Relative, as the tests run in the root: what is told must not depend on where that is.
    let mut source = Source::new(name, format, text);
    source.folder = PathBuf::from("tests/data/plan_errors");
    let found = mistakes(&source).unwrap_or_else(|| panic!("{} has no mistake", source.name));
    assert!(found.found.iter().all(|found| found.span.is_some()), "{}: a mistake has no place", source.name);
    render(&found, &source, false)
}

fn mistakes(source: &Source) -> Option<Diagnostics> {
    match validate::check(&plan::parse(source), source, &Overrides::default(), &|_| None) {
        Err(found) => Some(found),
        Ok((_, warnings)) => (!warnings.found.is_empty()).then_some(warnings),
    }
}

fn plans_in(folder: &Path) -> Vec<PathBuf> {
    files_in(folder).into_iter().filter(|path| ends_with(path, "yaml") || ends_with(path, "toml")).collect()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder of broken plans exists");
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

fn ends_with(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension == ending)
}
