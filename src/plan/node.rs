//! One tree for both formats, in which every value knows its place.
//!
//! Must never know: what the keys of a plan mean.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::Located;
use crate::source::{Source, Span};

/// Recursion over a plan ends here: deeper ones are refused by the front ends.
pub const DEEPEST: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The whole value; of quoted text that stands there literally, without its quotes.
    pub span: Span,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A number too big to be one; reported, and nothing more is to be said about it.
    Refused,
    Text(Text),
    List(Vec<Node>),
    /// In the order of writing. A key that stands there twice has been reported.
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    pub value: String,
    /// The value stands literally at the node's span: an offset in it is an offset in the plan.
    pub exact: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub name: String,
    pub span: Span,
}

impl Node {
    /// Text whose place is known: quotes around it are taken off the span, and `exact` is found by comparison.
    pub fn text(source: &Source, span: Span, value: String) -> Node {
        let (start, end) = (span.start as usize, span.end as usize);
        let stands_at = |from: usize, to: usize| source.text.get(from..to) == Some(value.as_str());
        let inner = (start.saturating_add(1), end.saturating_sub(1));
        let (span, exact) = if stands_at(start, end) {
            (span, true)
        } else if stands_at(inner.0, inner.1) {
            (Span::new(inner.0, inner.1), true)
        } else {
            (span, false)
        };
        Node { span, kind: Kind::Text(Text { value, exact }) }
    }

    pub fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }

    /// What a message calls it.
    pub fn noun(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Int(_) | Kind::Float(_) | Kind::Refused => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// A scalar as the plan writes it (`007` stays `007`); `None` for null, lists and maps.
    pub fn written<'a>(&'a self, source: &'a Source) -> Option<Located<'a>> {
        let (text, exact) = match &self.kind {
            Kind::Text(text) => (text.value.as_str(), text.exact),
            Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
                (source.text.get(self.span.start as usize..self.span.end as usize)?, true)
            }
            Kind::Null | Kind::Refused | Kind::List(_) | Kind::Map(_) => return None,
        };
        Some(Located { text, span: self.span, exact })
    }
}

/// Builds a map and reports each repetition of a key with both places.
pub fn map_of(pairs: Vec<(Key, Node)>, found: &mut Diagnostics) -> Kind {
    let mut places = std::collections::HashMap::<String, Span>::new();
    for (key, _) in &pairs {
        match places.get(&key.name) {
            Some(first) => found.push(
                Diagnostic::error("duplicate-key", format!("the key `{}` stands here twice", key.name))
                    .at(key.span)
                    .label("again here")
                    .also(*first, "first here")
                    .help("keep one of them; two values under one name would mean that one is lost"),
            ),
            None => {
                places.insert(key.name.clone(), key.span);
            }
        }
    }
    Kind::Map(pairs)
}

/// A number that is neither lost nor rounded, or the error that says so.
pub fn number(source: &Source, span: Span, value: f64, found: &mut Diagnostics) -> Kind {
    let written = source.text.get(span.start as usize..span.end as usize).unwrap_or_default();
    let digits = written.trim_start_matches(['-', '+']);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole && digits.starts_with('0') {
        return Kind::Text(Text { value: written.to_owned(), exact: true });
    }
    if whole || !value.is_finite() {
        found.push(number_too_big(written, span));
        return Kind::Refused;
    }
    Kind::Float(value)
}

pub fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error("too-deep", format!("values are nested more than {DEEPEST} levels deep")).at(span)
}

pub fn number_too_big(written: &str, span: Span) -> Diagnostic {
    Diagnostic::error("number-too-big", format!("`{written}` is not a number that fits into 64 bits"))
        .at(span)
        .help("write it in quotes to send it as text")
}
