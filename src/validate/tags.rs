//! Tags of plan, command line, scenario and step: their keys, and values that do not change during a run.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::{Plan, Scenario, Tag};

use super::Overrides;
use super::constants::Constants;
use super::requests::check_constant;

/// Tags that samples get by themselves.
const RESERVED: &[&str] = &[
    "scenario",
    "group",
    "name",
    "method",
    "status",
    "proto",
    "expected_response",
    "error",
    "error_code",
    "stage",
    "check",
    "variable",
    "outcome",
];

pub(super) fn plan(
    plan: &Plan,
    overrides: &Overrides,
    constants: &Constants,
    found: &mut Diagnostics,
) -> Vec<(String, String)> {
    check(&plan.tags, constants, found);
    let mut tags = merged(&[], &plan.tags, constants);
    for (key, value) in &overrides.tags {
        found.found.extend(mistake(key, &format!("--tag {key}=…")));
        put(&mut tags, key, value.clone());
    }
    tags
}

pub(super) fn scenario(
    base: &[(String, String)],
    written: Option<&Scenario>,
    constants: &Constants,
    found: &mut Diagnostics,
) -> Vec<(String, String)> {
    let own = written.map_or(&[][..], |written| &written.tags[..]);
    check(own, constants, found);
    merged(base, own, constants)
}

pub(super) fn check(tags: &[Tag], constants: &Constants, found: &mut Diagnostics) {
    for tag in tags {
        found.found.extend(mistake(&tag.key.value, &tag.key.value).map(|diagnostic| diagnostic.at(tag.key.span)));
        check_constant("a tag's value", &tag.value.value, constants, found);
    }
}

/// `tags` over `base`; what is not constant has been reported and is left out.
pub(super) fn merged(base: &[(String, String)], tags: &[Tag], constants: &Constants) -> Vec<(String, String)> {
    let mut merged = base.to_vec();
    for tag in tags {
        if let Some(value) = constants.text(&tag.value.value) {
            put(&mut merged, &tag.key.value, value);
        }
    }
    merged
}

fn put(tags: &mut Vec<(String, String)>, key: &str, value: String) {
    match tags.iter_mut().find(|(known, _)| known == key) {
        Some((_, old)) => *old = value,
        None => tags.push((key.to_owned(), value)),
    }
}

fn mistake(key: &str, written: &str) -> Option<Diagnostic> {
    if RESERVED.contains(&key) {
        let diagnostic = Diagnostic::error("reserved-tag", format!("the tag `{key}` is set by the run itself"));
        return Some(match key {
            "name" => diagnostic.help("a request gets its name by `name:` on the step"),
            "group" => diagnostic.help("a part of the plan gets its name by `group:`"),
            _ => diagnostic.help("choose another key"),
        });
    }
    let wrong = key.is_empty() || key.contains(['{', '}', ',', ':', '"', '\'']) || key.trim() != key;
    wrong.then(|| {
        Diagnostic::error("bad-tag", format!("`{written}` is no name for a tag"))
            .help("use letters, digits, `_`, `-` and `.`: thresholds select samples by `{tag:value}`")
    })
}
