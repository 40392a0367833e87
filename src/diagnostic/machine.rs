//! Diagnostics → text for machines: JSON, and workflow commands that GitHub shows at the plan's line.

use serde_json::{Value, json};

use super::{Diagnostic, Diagnostics, Severity};
use crate::source::{Source, Span};

/// One object per diagnostic, in the order of the plan; lines and columns count from 1, the end is not included.
pub fn json(diagnostics: &Diagnostics, source: &Source) -> Vec<Value> {
    diagnostics.found.iter().map(|found| object(found, source)).collect()
}

fn object(found: &Diagnostic, source: &Source) -> Value {
    let mut object = json!({
        "severity": severity(found.severity),
        "code": found.code,
        "message": found.message,
        "place": found.span.map(|span| place(span, found.source.as_deref().unwrap_or(source))),
        "label": found.label,
        "help": found.help,
    });
    if let Some((span, label)) = &found.also {
        object["also"] = json!({ "place": place(*span, source), "label": label });
    }
    object
}

fn place(span: Span, source: &Source) -> Value {
    let (start, end) = (source.place(span.start), source.place(span.end));
    json!({
        "file": source.part(span.start).name,
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// `::error file=…,line=…::…`, one line per diagnostic.
/// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>
pub fn github(diagnostics: &Diagnostics, source: &Source) -> String {
    diagnostics.found.iter().map(|found| annotation(found, source)).collect()
}

fn annotation(found: &Diagnostic, source: &Source) -> String {
    let source = found.source.as_deref().unwrap_or(source);
    let mut place = format!("file={}", property(&source.name));
    if let Some(span) = found.span {
        let (start, end) = (source.place(span.start), source.place(span.end));
        place = format!("file={},line={}", property(source.part(span.start).name), start.line);
        // Columns are of one line only.
        if end.line == start.line {
            place += &format!(",col={},endColumn={}", start.column, end.column);
        }
    }
    let message = std::iter::once(found.message.as_str()).chain(found.help.iter().map(String::as_str));
    let message = message.collect::<Vec<_>>().join("\n");
    format!("::{} {place},title={}::{}\n", severity(found.severity), property(found.code), data(&message))
}

/// The escapes of a command's text.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Those, and the ones of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Format;

    fn found() -> (Diagnostics, Source) {
        let source = Source::new("a,b.yaml", Format::Yaml, "x: 1\ny: bad\n");
        let mut found = Diagnostics::default();
        found.push(Diagnostic::error("some-code", "100 % wrong").at(Span::new(8, 11)).help("write\n`y: 1`"));
        found.push(Diagnostic::warning("other", "m").also(Span::new(0, 1), "here"));
        (found, source)
    }

    #[test]
    fn a_workflow_command_is_one_line_with_escapes() {
        let (found, source) = found();
        assert_eq!(
            github(&found, &source),
            "::error file=a%2Cb.yaml,line=2,col=4,endColumn=7,title=some-code::100 %25 wrong%0Awrite%0A`y: 1`\n\
             ::warning file=a%2Cb.yaml,title=other::m\n"
        );
    }

    #[test]
    fn json_has_places_as_people_count() {
        let (found, source) = found();
        let all = json(&found, &source);
        let place = json!({ "file": "a,b.yaml", "line": 2, "column": 4, "end_line": 2, "end_column": 7 });
        assert_eq!((&all[0]["place"], &all[0]["severity"]), (&place, &json!("error")));
        assert_eq!((&all[1]["place"], &all[1]["also"]["label"]), (&Value::Null, &json!("here")));
    }
}
