//! TOML 1.0 → [`Node`].

use std::collections::HashSet;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::node::{self, Key, Kind, Node};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Source, Span};

/// How the crate's message about a repeated key starts.
const DUPLICATE: &str = "duplicate key";

/// Every table costs the crate a kilobyte and more, however short its text is.
const LARGEST_TOML: usize = 1024 * 1024;

pub fn parse(source: &Source, found: &mut Diagnostics) -> Option<Node> {
    if source.text.len() > LARGEST_TOML {
        found.push(
            Diagnostic::error("too-big", "a plan in TOML is at most 1 MiB large")
                .help("move request bodies into files: `body_file`"),
        );
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let duplicates = errors.iter().filter(|error| error.message().starts_with(DUPLICATE)).count();
    let mut lines = HashSet::new();
    for error in &errors {
        let place = error.span().unwrap_or(0..0);
        // The second mistake of one line is an echo of the first.
        if lines.insert(line_at(source, place.start).0) {
            found.push(explain(source, table.get_ref(), error.message(), place));
        }
    }
    // After a duplicate the rest is still sound; after broken syntax every further mistake may be its echo.
    let sound = duplicates == errors.len();
    let root = sound.then(|| {
        let kind = Builder { source, found }.table(table.get_ref(), 0);
        Node { span: Span::new(0, source.text.len()), kind }
    });
    dismantle(table.into_inner());
    root
}

/// A dotted key nests as deep as it is long, and dropping a tree recurses: this does not.
fn dismantle(table: DeTable) {
    let mut values = vec![DeValue::Table(table)];
    while let Some(value) = values.pop() {
        match value {
            DeValue::Table(table) => values.extend(table.into_iter().map(|(_, value)| value.into_inner())),
            DeValue::Array(items) => values.extend(items.into_iter().map(|item| item.into_inner())),
            _ => {}
        }
    }
}

struct Builder<'s> {
    source: &'s Source,
    found: &'s mut Diagnostics,
}

impl Builder<'_> {
    fn node(&mut self, value: &DeValue, place: Range<usize>, depth: usize) -> Node {
        let span = Span::new(place.start, place.end);
        if depth > node::DEEPEST {
            self.found.push(node::too_deep(span));
            return Node { span, kind: Kind::Null };
        }
        let kind = match value {
            DeValue::String(text) => return Node::text(self.source, span, text.clone().into_owned()),
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(value) => Kind::Int(value),
                Err(_) => {
                    self.found.push(node::number_too_big(integer.as_str(), span));
                    Kind::Refused
                }
            },
            DeValue::Float(float) => {
                let value = float.as_str().parse().unwrap_or(f64::NAN);
                node::number(self.source, span, value, self.found)
            }
            DeValue::Boolean(value) => Kind::Bool(*value),
            DeValue::Datetime(_) => return Node::text(self.source, span, self.slice(&place)),
            DeValue::Array(items) => {
                Kind::List(items.iter().map(|item| self.node(item.get_ref(), item.span(), depth + 1)).collect())
            }
            DeValue::Table(table) => self.table(table, depth + 1),
        };
        Node { span: reach(span, &kind), kind }
    }

    fn table(&mut self, table: &DeTable, depth: usize) -> Kind {
        let mut pairs: Vec<(Key, Node)> = table
            .iter()
            .map(|(key, value)| {
                let place = key.span();
                let key = Key { name: key.get_ref().clone().into_owned(), span: Span::new(place.start, place.end) };
                (key, self.node(value.get_ref(), value.span(), depth))
            })
            .collect();
        // The table is sorted by name; the order of writing is the order of assignments and checks.
        pairs.sort_by_key(|(key, _)| key.span.start);
        node::map_of(pairs, self.found)
    }

    fn slice(&self, place: &Range<usize>) -> String {
        self.source.text.get(place.clone()).unwrap_or_default().to_owned()
    }
}

/// The crate places a table at its header; a step reaches to the end of its last value.
fn reach(span: Span, kind: &Kind) -> Span {
    let end = match kind {
        Kind::Map(map) => map.iter().map(|(_, value)| value.span.end).max(),
        Kind::List(list) => list.iter().map(|item| item.span.end).max(),
        _ => None,
    };
    Span { start: span.start, end: end.unwrap_or(span.end).max(span.end) }
}

fn explain(source: &Source, table: &DeTable, message: &str, place: Range<usize>) -> Diagnostic {
    let span = Span::new(place.start, place.end);
    let written = source.text.get(place.clone()).unwrap_or_default();
    if message.starts_with(DUPLICATE) {
        let error = Diagnostic::error("duplicate-key", format!("the key `{written}` stands here twice"))
            .at(span)
            .label("again here")
            .help("keep one of them; a list of tables is written with double brackets: `[[steps]]`");
        let name = written.trim_matches(['"', '\'']);
        // Of two headers the crate keeps the second.
        let header = || {
            source.text[..place.start]
                .rfind(&format!("[{written}]"))
                .map(|at| Span::new(at + 1, at + 1 + written.len()))
        };
        return match earlier(table, name, place.start).or_else(header) {
            Some(first) => error.also(first, "first here"),
            None => error,
        };
    }
    if message.contains("recursion") {
        return node::too_deep(span);
    }
    let (line_span, line) = line_at(source, place.start);
    let spoken = |message: &str| Diagnostic::error("toml-syntax", message.to_owned());
    if is_yaml_pair(line) {
        let error = spoken("TOML writes `key = value`, not `key: value`").at(line_span);
        return error.help("where this is meant as YAML, let the file name end in `.yaml`");
    }
    if message.starts_with("string values must be quoted") {
        let error = spoken("text must stand in quotes").at(span);
        return if written.is_empty() { error } else { error.help(format!("write `\"{written}\"`")) };
    }
    if message.starts_with("invalid basic string, expected") || message.starts_with("invalid literal string, expected")
    {
        return spoken("this quote is never closed").at(span).help("close the text with the same quote that opens it");
    }
    if let Some((start, key)) = bare_key(line).filter(|_| message.starts_with("key with no value")) {
        let start = line_span.start as usize + start;
        return spoken("a key with spaces, braces or other signs must stand in quotes")
            .at(Span::new(start, start + key.len()))
            .help(format!("put the key in quotes: `\"{key}\" = …`"));
    }
    spoken(&format!("this is not valid TOML: {message}")).at(span)
}

/// The last place before `offset` where the name is a key.
fn earlier(table: &DeTable, name: &str, offset: usize) -> Option<Span> {
    let mut tables = vec![table];
    let mut last: Option<Span> = None;
    while let Some(table) = tables.pop() {
        for (key, value) in table.iter() {
            let place = key.span();
            if key.get_ref() == name && place.end <= offset && last.is_none_or(|last| place.start as u32 > last.start) {
                last = Some(Span::new(place.start, place.end));
            }
            match value.get_ref() {
                DeValue::Table(inner) => tables.push(inner),
                DeValue::Array(items) => tables.extend(items.iter().filter_map(|item| item.get_ref().as_table())),
                _ => {}
            }
        }
    }
    last
}

fn line_at(source: &Source, offset: usize) -> (Span, &str) {
    let mut offset = offset.min(source.text.len());
    while !source.text.is_char_boundary(offset) {
        offset -= 1;
    }
    let start = source.text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line = source.text[start..].lines().next().unwrap_or_default();
    (Span::new(start, start + line.len()), line)
}

/// `http_req_duration{name:x} = …`: a key that only quotes make one.
fn bare_key(line: &str) -> Option<(usize, &str)> {
    let (key, _) = line.split_once(" =").or_else(|| line.split_once('='))?;
    let start = key.len() - key.trim_start().len();
    let key = key.trim();
    let bare = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    (!bare && !key.contains(['"', '\'', '['])).then_some((start, key))
}

fn is_yaml_pair(line: &str) -> bool {
    let key = line.trim_start().trim_start_matches("- ");
    key.split_once(':').is_some_and(|(key, value)| {
        let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        plain && (value.is_empty() || value.starts_with(' '))
    })
}
