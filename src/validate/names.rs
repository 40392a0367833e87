//! Names: what every expression reads must exist, and a step that sets it must be able to come before.
//!
//! An analysis of what *may* have happened: a branch that may be taken counts as taken, and a loop as having run before. So what is
//! reported here is wrong on every path.

mod flow;
mod known;

use crate::diagnostic::{Diagnostic, Diagnostics, closest};
use crate::expr::{Data, NameUse};
use crate::plan::Plan;

use super::ValidScenario;
use super::files::FileTemplates;

pub(super) fn check(plan: &Plan, scenarios: &[ValidScenario], files: &FileTemplates, found: &mut Diagnostics) {
    for scenario in scenarios {
        let known = known::Known::of(plan, scenario, scenarios);
        known.check_definitions(found);
        for section in known::Section::ALL {
            flow::check(plan, scenario, files, &known, section, found);
        }
    }
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
