//! Names: what every expression reads must exist, and must be set on every way to the step that reads it, unless the expression
//! foresees that it is not (`has(seat)`, `seat.orValue(null)`).
//!
//! An analysis of what has *certainly* happened: a branch counts where its condition cannot fail, or where the other one sets the same
//! name or ends the iteration; a loop counts where it runs at least once.

mod flow;
mod known;
mod moment;
mod unset;

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Diagnostics, closest};
use crate::expr::{Data, NameUse};
use crate::plan::Plan;

use super::ValidScenario;
use super::data::Loaded;
use super::files::FileTemplates;

/// Gives the data sets that each scenario reads.
pub(super) fn check(
    plan: &Plan,
    scenarios: &[ValidScenario],
    data: &[Loaded],
    files: &FileTemplates,
    found: &mut Diagnostics,
) -> Vec<BTreeSet<usize>> {
    let mut all_reads = Vec::new();
    for scenario in scenarios {
        let known = known::Known::of(plan, scenario, scenarios, data);
        known.check_definitions(found);
        all_reads.push(flow::check(plan, scenario, files, &known, found));
    }
    all_reads
}

/// The outside names that data reads.
pub(super) fn data_names(data: &Data) -> Vec<NameUse> {
    match data {
        Data::Literal(_) => Vec::new(),
        Data::Template(template) => template.names(),
        Data::List(items) => items.iter().flat_map(data_names).collect(),
        Data::Object(fields) => fields.iter().flat_map(|(_, value)| data_names(value)).collect(),
    }
}

pub(super) fn unknown_env(declared: &[&str], used: &NameUse) -> Diagnostic {
    let Some(field) = &used.field else {
        return lonely("env", used).help("write `env.NAME`, with a name that the plan declares under `env:`");
    };
    let diagnostic = Diagnostic::error("unknown-name", format!("`env.{field}` is not declared")).at(used.span);
    match closest(field, declared.iter().copied()) {
        Some(close) => diagnostic.help(format!("did you mean `env.{close}`?")),
        None => diagnostic.help(format!("declare it in the plan: `env: {{ {field}: default }}`")),
    }
}

/// A namespace without a field behind it.
fn lonely(namespace: &str, used: &NameUse) -> Diagnostic {
    let message = format!("`{namespace}` has no value of its own, only names behind it");
    Diagnostic::error("unknown-name", message).at(used.span)
}
