//! What is wrong with a plan, as data: code, place, cause and fix.
//!
//! Owns: the `Diagnostic` type, did-you-mean and the rendering with carets. Knows nothing of what plans mean.

pub mod machine;
pub mod pages;
pub mod render;
pub mod suggest;

pub use render::render;
pub use suggest::closest;

use std::sync::Arc;

use crate::source::{Source, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One mistake. `code` is stable and kebab-case; `message` says what is wrong, in lower case with names in backticks;
/// `help` says what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: &'static str,
    pub message: String,
    /// Where, with an optional word about that place. Empty where the mistake has no place (an option of the command line).
    pub span: Option<Span>,
    pub label: Option<String>,
    /// Another place that matters: where the first of two duplicates stands.
    pub also: Option<(Span, String)>,
    /// The place in another file that the mistake is really in.
    pub quote: Option<Box<Quote>>,
    pub help: Vec<String>,
    /// Of the place, where that is not in the plan itself but in a file that it names.
    pub source: Option<Arc<Source>>,
    /// The place holds a secret: it is named, and its text is not shown.
    pub hidden: bool,
}

/// A line of a file that is not the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The line, or as much of it as is of use.
    pub text: String,
    /// The bytes of the text that are meant.
    pub range: std::ops::Range<usize>,
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            span: None,
            label: None,
            also: None,
            quote: None,
            help: Vec::new(),
            source: None,
            hidden: false,
        }
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    pub fn at(mut self, span: Span) -> Diagnostic {
        self.span = Some(span);
        self
    }

    pub fn hidden(self) -> Diagnostic {
        Diagnostic { hidden: true, ..self }
    }

    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = Some(label.into());
        self
    }

    pub fn also(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.also = Some((span, label.into()));
        self
    }

    /// The file's name; empty for the plan.
    fn file(&self) -> &str {
        self.source.as_ref().map_or("", |source| &source.name)
    }

    /// The plan's own first, by their places.
    fn order(&self) -> (&str, Option<u32>) {
        (self.file(), self.span.map(|span| span.start))
    }

    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help.push(help.into());
        self
    }
}

/// All that was found, in the order of finding; a plan with any error cannot run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnostics {
    pub found: Vec<Diagnostic>,
    /// Places of the plan that hold a secret: no picture of a line shows them.
    pub secrets: Vec<Span>,
}

/// More than anybody mends at once, and a bound for plans made of mistakes.
const MOST_MISTAKES: usize = 100;

impl Diagnostics {
    /// By place, each once (what is shared is checked wherever it is used), and no more errors than can be read.
    pub fn in_order(mut self) -> Diagnostics {
        let mut seen = std::collections::HashSet::new();
        self.found.retain(|one| seen.insert((one.code, one.span, one.file().to_owned(), one.message.clone())));
        self.found.sort_by(|a, b| a.order().cmp(&b.order()));
        if self.found.len() > MOST_MISTAKES && self.has_errors() {
            self.found.retain(|one| one.severity == Severity::Error);
            let more = self.found.len().saturating_sub(MOST_MISTAKES);
            self.found.truncate(MOST_MISTAKES);
            if more > 0 {
                self.push(Diagnostic::error("too-many-mistakes", format!("and {more} mistakes more, not shown")));
            }
        }
        self
    }

    /// Warnings become errors.
    pub fn strict(mut self) -> Diagnostics {
        self.found.iter_mut().for_each(|found| found.severity = Severity::Error);
        self
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|found| found.severity == Severity::Error)
    }
}
