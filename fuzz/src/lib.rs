//! What the targets share: a plan taken through every stage before a run, and a world for expressions to look at.

mod world;

use proofload::diagnostic::{Diagnostic, Diagnostics, machine, render};
use proofload::expr::Located;
use proofload::graph::{self, Graph};
use proofload::plan;
use proofload::source::{Format, Source, Span};
use proofload::validate::{self, Overrides};

pub use world::World;

/// Longer inputs find nothing that shorter ones do not, and take the time of many of them.
const LONGEST: usize = 64 * 1024;

/// The input as text, where it is any.
pub fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok().filter(|text| text.len() <= LONGEST)
}

/// A scalar that is the whole plan.
pub fn located(text: &str) -> Located<'_> {
    Located { text, span: Span::new(0, text.len()), exact: true }
}

/// Text → Graph, as all commands do it. What was found is printed in every form.
pub fn examine(format: Format, text: &str) -> Option<Graph> {
    let mut source = Source::new("plan", format, text);
    // No file is there, and none is read.
    source.folder = "/nonexistent".into();
    let parsed = plan::parse(&source);
    assert!(parsed.plan.is_some() || parsed.found.has_errors(), "a plan that is none without a reason");
    let overrides = Overrides { seed: Some(7), ..Overrides::default() };
    match validate::check(&parsed, &source, &overrides, &|_| None) {
        Ok((valid, warnings)) => {
            print(&warnings, &source);
            Some(graph::compile(&valid))
        }
        Err(found) => {
            assert!(found.has_errors(), "refused without a reason");
            print(&found, &source);
            None
        }
    }
}

/// Mistakes of a text that is all there is of the plan.
pub fn print_all(found: Vec<Diagnostic>, text: &str) {
    print(&Diagnostics { found }, &Source::new("plan", Format::Yaml, text));
}

/// For people with and without colour, and for machines.
fn print(found: &Diagnostics, source: &Source) {
    for color in [false, true] {
        assert_eq!(render(found, source, color).is_empty(), found.found.is_empty());
    }
    machine::json(found, source);
    machine::github(found, source);
}
