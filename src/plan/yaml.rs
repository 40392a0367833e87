//! YAML 1.2 (core schema, with merge keys) → [`Node`].
//!
//! The crate streams places with every value; what it refuses is explained by `yaml_mistakes`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_yaml::options::DuplicateKeyPolicy;

use super::node::{self, DEEPEST, Key, Kind, Node};
use super::yaml_mistakes;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Source, Span};

/// A plan that is larger is data in the wrong place, or an attack.
const MOST_NODES: usize = 250_000;
/// What aliases may add to it by repetition.
const MOST_REPLAYED: usize = 100_000;

/// Bytes; for [`DEEPEST`] levels with room to spare.
const STACK: usize = 8 * 1024 * 1024;

pub fn parse(source: &Source, found: &mut Diagnostics) -> Option<Node> {
    let raw = match read(source, DuplicateKeyPolicy::Error) {
        Ok(raw) => raw,
        Err(error) if is_duplicate_key(&error) => return all_duplicates(source, error, found),
        Err(error) => {
            found.push(yaml_mistakes::explain(source, &error));
            return None;
        }
    };
    Some(Builder { source, found }.node(raw))
}

/// The strict reading stops at the first duplicate. This one lets all through, so that all are reported, and the rest besides.
fn all_duplicates(source: &Source, first: serde_yaml::Error, found: &mut Diagnostics) -> Option<Node> {
    let node = match read(source, DuplicateKeyPolicy::LastWins) {
        Ok(raw) => Some(Builder { source, found }.node(raw)),
        Err(error) => {
            found.push(yaml_mistakes::explain(source, &error));
            None
        }
    };
    // Keys that are equal only as numbers (`1` and `0x1`) are dropped by the lenient reading.
    if !found.has_errors() {
        found.push(
            Diagnostic::error("duplicate-key", "this key stands here twice")
                .at(yaml_mistakes::place(source, &first))
                .help("keep one of them; two values under one name would mean that one is lost"),
        );
    }
    node
}

fn read_here(source: &Source, duplicate_keys: DuplicateKeyPolicy) -> Result<Placed, serde_yaml::Error> {
    let options = serde_yaml::options! {
        strict_booleans: true,
        with_snippet: false,
        reject_unsupported_tags: true,
        non_finite_float_policy: serde_yaml::options::NonFiniteFloatPolicy::PassThrough,
        duplicate_keys: duplicate_keys,
        budget: serde_yaml::budget! {
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_nodes: MOST_NODES,
            max_documents: 2,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: MOST_REPLAYED },
    };
    serde_yaml::from_str_with_options(&source.text, options)
}

/// The crate recurses with 32 KiB per level in a debug build: too much for the stack of whoever calls.
fn read(source: &Source, duplicate_keys: DuplicateKeyPolicy) -> Result<Placed, serde_yaml::Error> {
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().stack_size(STACK);
        match reader.spawn_scoped(scope, || read_here(source, duplicate_keys)) {
            Ok(reader) => reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // A system that is out of threads: the caller's stack will do for any plan but a hostile one.
            Err(_) => read_here(source, duplicate_keys),
        }
    })
}

fn is_duplicate_key(error: &serde_yaml::Error) -> bool {
    matches!(error.without_snippet(), serde_yaml::Error::DuplicateMappingKey { .. })
}

type Placed = serde_yaml::Spanned<Raw>;

/// What the crate hands over, before places are refined.
enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    TooBig,
    Float(f64),
    Text(String),
    List(Vec<Placed>),
    Map(Vec<(Placed, Placed)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or(Raw::TooBig, Raw::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Raw, E> {
        Err(E::custom("binary values have no place in a plan"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
            if map.len() > MOST_NODES {
                return Err(A::Error::custom("too many keys"));
            }
        }
        Ok(Raw::Map(map))
    }
}

struct Builder<'s> {
    source: &'s Source,
    found: &'s mut Diagnostics,
}

impl Builder<'_> {
    fn node(&mut self, placed: Placed) -> Node {
        // Where it is defined: a mistake inside an anchored value is shown in that value.
        let span = byte_span(placed.defined.span());
        let kind = match placed.value {
            Raw::Null => Kind::Null,
            Raw::Bool(value) => Kind::Bool(value),
            Raw::Int(value) => Kind::Int(value),
            Raw::Float(value) => node::number(self.source, span, value, self.found),
            Raw::Text(value) => return Node::text(self.source, span, value),
            Raw::TooBig => {
                self.found.push(node::number_too_big(self.slice(span), span));
                Kind::Refused
            }
            Raw::List(items) => {
                let items: Vec<Node> = items.into_iter().map(|item| self.node(item)).collect();
                let span =
                    self.around(span, items.first().map(|item| item.span), items.last().map(|item| item.span), ']');
                return Node { span, kind: Kind::List(items) };
            }
            Raw::Map(entries) => return self.map(span, entries),
        };
        Node { span, kind }
    }

    fn map(&mut self, span: Span, entries: Vec<(Placed, Placed)>) -> Node {
        let entries: Vec<(Key, Node)> =
            entries.into_iter().filter_map(|(key, value)| Some((self.key(key)?, self.node(value)))).collect();
        // Merged entries stand elsewhere: only what stands behind the start belongs to this map.
        let own = |entry: &&(Key, Node)| entry.0.span.start >= span.start;
        let first = entries.iter().find(own).map(|(key, _)| key.span);
        let last =
            entries.iter().filter(own).map(|(key, value)| later(key.span, value.span)).max_by_key(|span| span.end);
        let span = self.around(span, first, last, '}');
        Node { span, kind: node::map_of(entries, self.found) }
    }

    fn key(&mut self, placed: Placed) -> Option<Key> {
        let node = self.node(placed);
        match (&node.kind, node.written(self.source)) {
            (_, Some(located)) => Some(Key { name: located.text.to_owned(), span: node.span }),
            (Kind::Refused, _) => None,
            (Kind::Null, None) => Some(Key { name: self.slice(node.span).to_owned(), span: node.span }),
            _ => {
                self.found.push(complex_key(self.slice(node.span), node.span));
                None
            }
        }
    }

    /// From the opening (or the first entry) to the end of the last entry, with the closing bracket where there is one.
    fn around(&self, start: Span, first: Option<Span>, last: Option<Span>, closing: char) -> Span {
        let from = if start.end > start.start { start.start } else { first.map_or(start.start, |first| first.start) };
        let to = last.map_or(start.end, |last| last.end).max(start.end) as usize;
        if start.end == start.start {
            return Span::new(from as usize, to);
        }
        let after = self.source.text.get(to..).unwrap_or_default();
        let gap = after.len() - after.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || is_quote(c)).len();
        let closed = after[gap..].starts_with(closing);
        Span::new(from as usize, if closed { to + gap + 1 } else { to })
    }

    fn slice(&self, span: Span) -> &str {
        self.source.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}

fn is_quote(c: char) -> bool {
    c == '"' || c == '\''
}

fn later(key: Span, value: Span) -> Span {
    if value.start >= key.end { value } else { key }
}

fn complex_key(written: &str, span: Span) -> Diagnostic {
    let error = Diagnostic::error("bad-key", "a key must be text, not a list or a map").at(span);
    match written.strip_prefix('{') {
        Some(inner) if !inner.is_empty() => {
            let name = inner.trim_end_matches('}').trim();
            error.help(format!("is this meant as a template? write \"${{{name}}}\", with one brace and in quotes"))
        }
        _ => error,
    }
}

fn byte_span(span: serde_yaml::Span) -> Span {
    let start = span.byte_offset().unwrap_or(0) as usize;
    Span::new(start, start + span.byte_len().unwrap_or(0) as usize)
}
