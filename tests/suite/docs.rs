//! Documentation and schemas that are made from the program: fresh, and true. `UPDATE_GOLDEN=1` rewrites what is generated.

use std::fs;

use proofload::metrics::{Kind, Metric};
use proofload::source::{Format, Source};
use proofload::{diagnostic, expr, plan, validate};

use crate::program::root;

/// The file with the fresh text, written when asked for.
fn golden(name: &str, fresh: &str) {
    let path = root().join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, fresh).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(known == fresh, "{name} is stale; UPDATE_GOLDEN=1 rewrites it");
}

/// The page with what stands between `<!-- generated: NAME -->` and `<!-- end -->` made anew.
fn regenerated(page: &str) -> String {
    let mut fresh = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("<!-- generated: ") {
        let (name, after) = after.split_once(" -->").expect("the marker is closed");
        let (_, after) = after.split_once("<!-- end -->").expect("the part has an end");
        fresh.push_str(&format!("{before}<!-- generated: {name} -->\n\n{}\n\n<!-- end -->", generated(name).trim()));
        rest = after;
    }
    fresh + rest
}

fn generated(name: &str) -> String {
    match name {
        "keys" => plan::reference(),
        "functions" => expr::function_reference(),
        "metrics" => metrics(),
        other => panic!("nothing makes `{other}`"),
    }
}

fn metrics() -> String {
    let mut table = String::from("| metric | type | tags besides the plan's own |\n| --- | --- | --- |\n");
    for name in Metric::names() {
        let metric = Metric::named(name).unwrap();
        let kind = match metric.kind() {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Rate => "rate",
            Kind::Trend { time: true } => "trend, ms",
            Kind::Trend { time: false } => "trend",
        };
        table.push_str(&format!("| `{name}` | {kind} | {} |\n", metric.tags().join(", ")));
    }
    table
}

#[test]
fn generated_parts_of_the_language_page_are_fresh() {
    let name = "docs/plan-language.md";
    let page = fs::read_to_string(root().join(name)).unwrap();
    assert_eq!(page.matches("<!-- generated: ").count(), 3);
    golden(name, &regenerated(&page));
}

#[test]
fn every_plan_in_the_documentation_is_right() {
    let mut plans = 0;
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        // The pages of codes have a test of their own.
        if path.is_dir() {
            continue;
        }
        let page = fs::read_to_string(&path).unwrap();
        for (index, block) in page.split("```yaml\n").skip(1).enumerate() {
            let text = block.split("```").next().unwrap();
            let name = format!("{}, plan {}", path.display(), index + 1);
            // The files that they read are those of the plans to copy.
            let mut source = Source::new(name, Format::Yaml, text);
            source.folder = root().join("plans");
            let parsed = plan::parse(&source);
            let checked = validate::check(&parsed, &source, &Default::default(), &|_| None);
            let found = checked.map_or_else(|found| found, |(_, warnings)| warnings);
            // Short examples may do without checks.
            let is_clean = found.found.iter().all(|one| one.code == "no-checks");
            assert!(is_clean, "{}", diagnostic::render(&found, &source, false));
            plans += 1;
        }
    }
    assert!(plans >= 6, "only {plans} plans");
}

#[test]
fn the_schema_of_plans_is_fresh() {
    golden("schemas/plan.schema.json", &(serde_json::to_string_pretty(&plan::schema()).unwrap() + "\n"));
}

#[test]
fn the_schema_accepts_every_plan_and_refuses_unknown_keys() {
    let validator = jsonschema::draft7::new(&plan::schema()).unwrap();
    for entry in fs::read_dir(root().join("plans")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "csv") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let toml = path.extension().is_some_and(|ending| ending == "toml");
        let mut value: serde_json::Value =
            if toml { toml::from_str(&text).unwrap() } else { serde_yaml::from_str(&text).unwrap() };
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{error} at {}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        value["stagse"] = true.into();
        assert!(!validator.is_valid(&value), "{}", path.display());
    }
}
