//! Broken YAML, explained: what the parser noticed, and what the person most likely meant.
//!
//! A parser says where it got lost; the line's text says why. Knows nothing of plans.

use serde_yaml::Error;

use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span};

pub fn explain(source: &Source, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let span = place(source, error);
    match error {
        Error::AliasError { error: inner, .. } => {
            let explained = explain(source, inner);
            Diagnostic { span: Some(span), ..explained }
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => too_much(error, span),
        Error::MultipleDocuments { .. } => {
            Diagnostic::error("yaml-syntax", "the file holds more than one YAML document")
                .at(span)
                .help("a plan is one document: remove the `---`, or put each plan into its own file")
        }
        Error::UnknownAnchor { .. } => unknown_anchor(source, span),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            Diagnostic::error("yaml-syntax", "this alias refers to a value that contains it").at(span)
        }
        Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            Diagnostic::error("yaml-syntax", "`<<` merges a map, and this is none").at(span).help("write `<<: *name`")
        }
        other => from_text(source, span, &bare_message(other)),
    }
}

/// Where the parser got lost; never outside the text.
pub fn place(source: &Source, error: &Error) -> Span {
    let Some(location) = error.location() else { return Span::new(0, 0) };
    let end = source.text.len();
    let start = location
        .span()
        .byte_offset()
        .map_or_else(|| offset_of(source, location.line(), location.column()), |at| at as usize);
    let mut start = start.min(end);
    while !source.text.is_char_boundary(start) {
        start -= 1;
    }
    let length = source.text[start..].chars().next().filter(|c| !matches!(c, '\n' | '\r')).map_or(0, char::len_utf8);
    Span::new(start, start + length)
}

fn offset_of(source: &Source, line: u64, column: u64) -> usize {
    let mut start = 0;
    for text in source.text.split_inclusive('\n').take(line.saturating_sub(1) as usize) {
        start += text.len();
    }
    let rest = &source.text[start..];
    start + rest.chars().take(column.saturating_sub(1) as usize).map(char::len_utf8).sum::<usize>()
}

fn bare_message(error: &Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

fn too_much(error: &Error, span: Span) -> Diagnostic {
    if matches!(error, Error::Budget { breach: serde_yaml::budget::BudgetBreach::Depth { .. }, .. }) {
        return super::node::too_deep(span);
    }
    Diagnostic::error("too-big", "the plan unfolds into more values than a plan can have")
        .at(span)
        .help("aliases that repeat aliases grow fast: write less of it by reference")
}

fn unknown_anchor(source: &Source, span: Span) -> Diagnostic {
    let name: String =
        source.text[span.start as usize..].chars().take_while(|c| !c.is_whitespace() && *c != ',').collect();
    let span = Span::new(span.start as usize, span.start as usize + name.len());
    Diagnostic::error("yaml-syntax", format!("`{name}` refers to an anchor that does not stand above"))
        .at(span)
        .help(format!("where `*` is meant as text, quote the value: \"{name}\""))
}

/// The line that holds the offset, and where it starts.
fn line_at(source: &Source, offset: usize) -> (usize, &str) {
    let start = source.text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line = source.text[start..].split('\n').next().unwrap_or_default();
    (start, line.trim_end_matches('\r'))
}

fn from_text(source: &Source, span: Span, message: &str) -> Diagnostic {
    let (start, line) = line_at(source, span.start as usize);
    let spoken = |message: &str| Diagnostic::error("yaml-syntax", message.to_owned());
    if let Some((at, template)) = unquoted_template_in_flow(line) {
        return spoken("a template inside `{ … }` or `[ … ]` must be quoted")
            .at(Span::new(start + at, start + at + template.len()))
            .help(format!("quote it: \"{template}\""));
    }
    if let Some(at) = tab_in_indentation(source, span.start as usize) {
        return spoken("a tab in the indentation: YAML is indented with spaces")
            .at(Span::new(at, at + 1))
            .help("replace the tab by two spaces");
    }
    if message.contains("recursion limit") {
        return super::node::too_deep(span);
    }
    if let Some((at, first)) = forbidden_first(line, span.start as usize - start) {
        let first = if first == '`' { "a backtick".to_owned() } else { format!("`{first}`") };
        return spoken(&format!("a value cannot start with {first}"))
            .at(Span::new(start + at, start + at + 1))
            .help(format!("quote the value: \"{}\"", line[at..].trim().replace('"', "\\\"")));
    }
    if let Some((at, value)) = text_after_quote(line) {
        return spoken("text goes on behind the closing quote")
            .at(Span::new(start + at, start + line.trim_end().len()))
            .help(format!("put all of it inside one pair of quotes: {}", quoted(value)));
    }
    if message.contains("unclosed quote") || message.contains("quoted scalar") || message.contains("quotes") {
        return spoken("this quote is never closed")
            .at(open_quote(source, span.start as usize).unwrap_or(span))
            .help("close the text with the same quote that opens it");
    }
    if let Some((key, at, value)) = colon_in_value(line).filter(|_| message.contains("mapping values")) {
        return spoken("`: ` inside a value that has no quotes starts a new `key: value`")
            .at(Span::new(start + at, start + at + value.len()))
            .help(format!("quote the whole value: `{key}: {}`", quoted(value)));
    }
    if let Some((at, value)) = quote_inside_flow_value(line, span.start as usize - start) {
        return spoken("a value with quotes inside it ends at the first `: `, `,` or bracket")
            .at(Span::new(start + at, start + at + value.len()))
            .help(format!("quote the whole value: {}", quoted(value)));
    }
    if message.contains("unclosed bracket") {
        return spoken("this bracket is never closed").at(span);
    }
    if message.contains("flow mapping") {
        return spoken("this `{ … }` is not closed, or a comma is missing in it").at(span);
    }
    if message.contains("flow sequence") {
        return spoken("this `[ … ]` is not closed, or a comma is missing in it").at(span);
    }
    if message.contains("mapping values") || message.contains("block mapping") || message.contains("indent") {
        return spoken("the indentation does not fit the lines above")
            .at(span)
            .help("keys of one map start in the same column; what belongs to a key stands further right than the key");
    }
    if message.contains("block collection") || message.contains("block sequence") || message.contains("block entry") {
        let error = spoken("a `- ` entry cannot stand here").at(span);
        if let Some(key) = key_of_list_column(source, start) {
            return Diagnostic { message: format!("`{key}` stands in the column of the `- ` above it"), ..error }
                .help(format!("where `{key}` belongs to that entry, indent it by two more"));
        }
        return error
            .help("all entries of a list start in the same column; a list does not mix with `key: value` lines");
    }
    if message.contains("simple key") || message.contains("expected ':'") {
        return spoken("a `: ` is missing behind this key")
            .at(span)
            .help("write `key: value`, with a space behind the colon");
    }
    spoken(&format!("this is not valid YAML: {message}")).at(span)
}

/// `{ userId: ${x} }`: a `${` that an open bracket of the same line encloses, outside quotes.
fn unquoted_template_in_flow(line: &str) -> Option<(usize, &str)> {
    let mut depth = 0usize;
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') if line[..at].ends_with(' ') => return None,
            (None, '$') if depth > 0 && line[at..].starts_with("${") => {
                let end = line[at..].find('}').map_or(line.len(), |end| at + end + 1);
                return Some((at, &line[at..end]));
            }
            (None, '{' | '[') if line[..at].ends_with([' ', '{', '[', ',']) => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// `{ ok: a == 'x: y' }`: the value whose quote does not stand at its start, where the parser stumbled behind that quote.
fn quote_inside_flow_value(line: &str, column: usize) -> Option<(usize, &str)> {
    let before = line.get(..column)?;
    let open = before.rfind(['{', ','])? + 1;
    let at = open + line[open..].find(": ")? + 2;
    let value = line.get(at..)?;
    let quote_at = value.find(['\'', '"']).filter(|quote_at| *quote_at > 0 && at + quote_at < column)?;
    let quote = value[quote_at..].chars().next()?;
    let close = quote_at + 1 + value[quote_at + 1..].find(quote)? + 1;
    let end = close + value[close..].find([',', '}', ']']).unwrap_or(value.len() - close);
    Some((at, value[..end].trim_end()))
}

/// The key of a line that begins in the column of the list's entries above it.
fn key_of_list_column(source: &Source, start: usize) -> Option<&str> {
    let (_, line) = line_at(source, start);
    let (key, _) = line.trim_start().split_once(':')?;
    let column = line.len() - line.trim_start().len();
    let entry = source.text[..start].lines().rev().find(|above| {
        let indentation = above.len() - above.trim_start().len();
        !above.trim().is_empty() && indentation <= column
    })?;
    let begins = entry.trim_start().starts_with("- ") && entry.len() - entry.trim_start().len() == column;
    (begins && key.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(key)
}

/// The nearest quote above that opens a value and is not closed on its line.
fn open_quote(source: &Source, offset: usize) -> Option<Span> {
    let mut end = (offset + 1).min(source.text.len());
    while !source.text.is_char_boundary(end) {
        end -= 1;
    }
    source.text[..end].rmatch_indices(['"', '\'']).find_map(|(at, quote)| {
        let (start, line) = line_at(source, at);
        let before = &line[..at - start];
        let opens = before.is_empty() || before.ends_with([' ', '[', '{', ',']);
        let behind = line.get(at - start + 1..).unwrap_or_default();
        (opens && before.matches(quote).count() % 2 == 0 && !behind.contains(quote)).then(|| Span::new(at, at + 1))
    })
}

/// On the line of the error or the one before: the parser notices a tab late.
fn tab_in_indentation(source: &Source, offset: usize) -> Option<usize> {
    let (start, line) = line_at(source, offset);
    let before = start.checked_sub(1).map(|end| line_at(source, end));
    [Some((start, line)), before].into_iter().flatten().find_map(|(start, line)| {
        let indentation = &line[..line.len() - line.trim_start().len()];
        indentation.find('\t').map(|at| start + at)
    })
}

/// `@`, `%`, a backtick: reserved by YAML at the start of a value.
fn forbidden_first(line: &str, column: usize) -> Option<(usize, char)> {
    let first = line.get(column..)?.chars().next()?;
    matches!(first, '@' | '%' | '`').then_some((column, first))
}

/// `key: a: b` → the key, and the value with its place.
fn colon_in_value(line: &str) -> Option<(&str, usize, &str)> {
    let (key, rest) = line.split_once(": ")?;
    let value = rest.trim();
    if value.starts_with(['"', '\'', '{', '[', '|', '>', '#', '&', '*']) {
        return None;
    }
    let plain = value.split(" #").next().unwrap_or(value).trim_end();
    let at = key.len() + 2 + (rest.len() - rest.trim_start().len());
    (plain.contains(": ") || plain.ends_with(':')).then(|| (key.trim_start_matches(['-', ' ']), at, plain))
}

/// `key: "a" == b`: quotes around a part only.
fn text_after_quote(line: &str) -> Option<(usize, &str)> {
    let (key, rest) = line.split_once(": ").or_else(|| line.split_once("- "))?;
    let value = rest.trim();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let close = value[1..].find(quote)? + 1;
    let tail = value[close + 1..].trim_start();
    let at = key.len() + 2 + (rest.len() - rest.trim_start().len()) + close + 1;
    (!tail.is_empty() && !tail.starts_with(['#', ',', '}', ']', ':'])).then_some((at, value))
}

/// In the quotes that need the least escaping.
fn quoted(value: &str) -> String {
    if !value.contains('"') && !value.contains('\\') {
        format!("\"{value}\"")
    } else {
        format!("'{}'", value.replace('\'', "''"))
    }
}
