//! The pages of `check --explain`: one for every code of the sources, and what they show is true.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proofload::diagnostic::{Diagnostics, pages};
use proofload::source::{Format, Source};
use proofload::{diagnostic, plan, validate};

use crate::program::root;

/// What no single plan can show: it comes from the command line, from the file itself, or needs more text than anybody reads.
const WITHOUT_EXAMPLE: [&str; 5] =
    ["expression-limit", "no-unix-socket", "too-many-mistakes", "unknown-env", "unreadable-plan"];

/// What codes stand behind, besides `Diagnostic::error` and `Diagnostic::warning`.
const GIVE_CODES: [&str; 6] =
    ["Diagnostic::error(", "Diagnostic::warning(", "found(", "say(", "refuse(id,", "refuse_call(id, target.id,"];

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let sources = sources();
    let mut codes: BTreeSet<String> = sources.iter().flat_map(|text| given(text)).collect();
    codes.extend(told_in_goldens());
    assert!(codes.len() >= 100, "only {} codes: {codes:?}", codes.len());
    let known: BTreeSet<String> = pages::codes().map(str::to_owned).collect();
    let missing: Vec<&String> = codes.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "{missing:?} have no page: write docs/errors/CODE.md (any other page there shows how) and add CODE to the table in \
         src/diagnostic/pages.rs, in the order of the alphabet"
    );
    for code in &known {
        let quoted = format!("\"{code}\"");
        let is_given = sources.iter().any(|text| text.contains(&quoted));
        assert!(
            is_given,
            "nothing gives `{code}`: remove docs/errors/{code}.md and its line in src/diagnostic/pages.rs"
        );
    }
    assert!(pages::codes().is_sorted(), "the table in src/diagnostic/pages.rs is in the order of the alphabet");
    let files: BTreeSet<String> = files(&root().join("docs/errors")).into_iter().collect();
    assert_eq!(files, known.iter().map(|code| format!("{code}.md")).collect(), "files of docs/errors, and the table");
}

/// The first plan of a page has the mistake and no other, the second has none.
#[test]
fn every_page_shows_its_mistake_and_the_right_plan() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    let wrong: Vec<String> = pages::codes().filter_map(|code| lie(code, folder.path()).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_page_says_whether_its_code_can_be_silenced() {
    for code in pages::codes() {
        let page = pages::page(code).unwrap();
        let is_lint = validate::LINTS.contains(&code);
        assert_eq!(page.contains(&format!("`allow: [{code}]`")), is_lint, "docs/errors/{code}.md");
    }
}

fn lie(code: &str, folder: &Path) -> Result<(), String> {
    let page = pages::page(code).unwrap();
    let say = |what: &str| format!("docs/errors/{code}.md: {what}");
    if !page.starts_with(&format!("# {code}\n\n")) || page.lines().count() > 35 {
        return Err(say("a page begins with its code and has at most 35 lines"));
    }
    let mut blocks = blocks(page).into_iter();
    if !WITHOUT_EXAMPLE.contains(&code) {
        let (language, text) = blocks.next().ok_or_else(|| say("no plan"))?;
        if !language.ends_with(" wrong") {
            return Err(say("the first plan is marked as wrong: ```yaml wrong"));
        }
        let (told, found) = codes_of(code, language, text, folder);
        if found != [code] {
            return Err(say(&format!("the wrong plan gives {found:?}\n{told}")));
        }
    }
    let (language, text) = blocks.next().ok_or_else(|| say("no right plan"))?;
    let (told, found) = codes_of(code, language, text, folder);
    match (found.is_empty(), blocks.next()) {
        (true, None) => Ok(()),
        (false, _) => Err(say(&format!("the right plan is wrong\n{told}"))),
        (_, Some(_)) => Err(say("a wrong plan and a right one, no more")),
    }
}

/// What is told about a plan, and its codes. Short examples may do without checks, but on the page about that.
fn codes_of(code: &str, language: &str, text: &str, folder: &Path) -> (String, Vec<&'static str>) {
    let format = if language.starts_with("toml") { Format::Toml } else { Format::Yaml };
    let mut source = Source::new("plan", format, text);
    source.folder = folder.to_path_buf();
    let parsed = plan::parse(&source);
    let checked = validate::check(&parsed, &source, &Default::default(), &|_| None);
    let mut found: Diagnostics = checked.map_or_else(|found| found, |(_, warnings)| warnings);
    found.found.retain(|one| one.code != "no-checks" || code == "no-checks");
    let mut codes: Vec<&str> = found.found.iter().map(|one| one.code).collect();
    codes.dedup();
    (diagnostic::render(&found, &source, false), codes)
}

/// The files that plans of the pages read.
fn write_files(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("ca.pem"), pem("CERTIFICATE", made.cert.der())).unwrap();
    fs::write(folder.join("ca.key"), pem("PRIVATE KEY", &made.signing_key.serialize_der())).unwrap();
    fs::write(folder.join("order.json"), "{}").unwrap();
    fs::write(folder.join("people.csv"), "id,name\n1,alice\n2,bob\n").unwrap();
}

fn pem(kind: &str, bytes: &[u8]) -> String {
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(bytes))
}

/// Language, with what stands behind it, and text of the fenced blocks.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let fenced = page.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap_or((block, ""))).collect()
}

/// The codes that a source gives, as far as they stand where codes are given.
fn given(source: &str) -> Vec<String> {
    let places = GIVE_CODES.iter().flat_map(|giver| source.split(giver).skip(1));
    let quoted = places.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    let is_code =
        |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '0'..='9' | '-'));
    quoted.filter(is_code).map(str::to_owned).collect()
}

/// The codes in the expected texts of `plan_errors`, however they come about.
fn told_in_goldens() -> Vec<String> {
    let folder = root().join("tests/data/plan_errors");
    let texts = files(&folder).into_iter().filter(|name| name.ends_with(".expected"));
    let texts: Vec<String> = texts.map(|name| fs::read_to_string(folder.join(name)).unwrap()).collect();
    let heads = texts.iter().flat_map(|text| text.lines());
    let codes = heads.filter_map(|line| {
        let rest = line.strip_prefix("error[").or_else(|| line.strip_prefix("warning["))?;
        rest.split(']').next()
    });
    codes.map(str::to_owned).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// Every source, without its tests and without the table of pages.
fn sources() -> Vec<String> {
    let mut texts = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for name in files(&folder) {
            let path = folder.join(&name);
            match name.as_str() {
                "tests" | "tests.rs" | "pages.rs" => {}
                _ if path.is_dir() => folders.push(path),
                _ => {
                    let text = fs::read_to_string(&path).unwrap();
                    texts.push(text.split("\nmod tests {").next().unwrap_or_default().to_owned());
                }
            }
        }
    }
    texts
}
