//! Stage 1: the plan as written: a typed model in which every value knows its place.
//!
//! Owns: the types of the language, its vocabulary, and the YAML and TOML front ends.
//! Must never know: defaults, metrics, HTTP, async.

mod clear;
mod decode;
mod habits;
pub mod model;
mod node;
mod reference;
mod schema;
mod toml;
mod unread;
mod vocabulary;
mod yaml;
mod yaml_mistakes;

pub use clear::looks_secret;
pub use model::*;
pub use reference::reference;
pub use schema::schema;
pub use unread::Unread;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Format, LARGEST, Source};

/// What one reading of the text gave. A plan with mistakes of form is there as far as it could be read, for `validate` to find the
/// rest of the mistakes.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// `None` where the text is no YAML or TOML, or no plan at all; then `found` says so.
    pub plan: Option<Plan>,
    /// Every mistake of form, and warnings, in the order of finding.
    pub found: Diagnostics,
}

/// Reads the text into the model, with every mistake of form found on the way.
pub fn parse(source: &Source) -> Parsed {
    let mut found = Diagnostics::default();
    if source.text.len() as u64 > LARGEST {
        found.push(Diagnostic::error("too-big", "the plan is larger than 16 MiB"));
        return Parsed { plan: None, found };
    }
    let root = match source.format {
        Format::Yaml => yaml::parse(source, &mut found),
        Format::Toml => toml::parse(source, &mut found),
    };
    found.secrets = root.as_ref().map_or_else(Vec::new, |root| clear::secrets(source, root));
    let plan = root.and_then(|root| decode::plan(source, &root, &mut found));
    Parsed { plan, found }
}

#[cfg(test)]
mod tests;
