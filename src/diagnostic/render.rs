//! Diagnostics → text for people, with the plan's line and a caret under the place.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use super::{Diagnostic, Diagnostics, Quote, Severity};
use crate::source::{Source, Span};

/// Around a place in a line so long that nobody could read it whole.
const LONGEST_LINE: usize = 4096;
/// A place that covers more lines than this is shown by its first line.
const MOST_LINES: usize = 3;
/// Bytes between two places that are shown in one picture; beyond it the second is named by its line.
const FAR: u32 = 64 * 1024;

/// All of them in the order of the plan, those without a place first and those in other files last, and a line that counts them.
/// Empty for none.
pub fn render(diagnostics: &Diagnostics, source: &Source, color: bool) -> String {
    if diagnostics.found.is_empty() {
        return String::new();
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(120);
    let mut sorted: Vec<&Diagnostic> = diagnostics.found.iter().collect();
    sorted.sort_by(|a, b| a.order().cmp(&b.order()));
    let source = without_secrets(source, &diagnostics.secrets);
    let mut text = String::new();
    for found in sorted {
        text.push_str(renderer.render(&[group(found, &source)]).trim_end());
        text.push_str("\n\n");
    }
    text.push_str(&count_line(diagnostics));
    text.push('\n');
    text
}

/// `3 errors, 1 warning`.
pub fn count_line(diagnostics: &Diagnostics) -> String {
    let counted = |severity: Severity, noun: &str| {
        let count = diagnostics.found.iter().filter(|found| found.severity == severity).count();
        (count > 0).then(|| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
    };
    let counts: Vec<String> =
        [counted(Severity::Error, "error"), counted(Severity::Warning, "warning")].into_iter().flatten().collect();
    counts.join(", ")
}

/// The source with stars in these places, as many bytes as there were, so that offsets stay right.
fn without_secrets<'s>(source: &'s Source, secrets: &[Span]) -> Cow<'s, Source> {
    let mut shown = Cow::Borrowed(source);
    for span in secrets {
        let at = |offset: u32| boundary(&source.text, offset as usize);
        let range = at(span.start)..at(span.end);
        let stars: String = source.text[range.clone()]
            .chars()
            .flat_map(|c| std::iter::repeat_n(if c == '\n' { '\n' } else { '*' }, c.len_utf8()))
            .collect();
        shown.to_mut().text.replace_range(range, &stars);
    }
    shown
}

fn group<'a>(found: &'a Diagnostic, source: &'a Source) -> Group<'a> {
    let level = match found.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(one_line(&found.message)).id(found.code);
    let mut group = Group::with_title(title);
    if let Some(span) = found.span {
        let source = found.source.as_deref().unwrap_or(source);
        group = match found.hidden {
            true => group.element(origin(span, source)),
            false => group.element(snippet(found, span, source)),
        };
    }
    if let Some(quote) = &found.quote {
        group = group.element(quoted(quote));
    }
    if let Some((also, label)) = found.also.as_ref().filter(|also| !is_near(found, also, source)) {
        let line = source.place(also.start).line;
        let (file, here) = (source.part(also.start), found.span.map(|span| source.part(span.start)));
        let elsewhere = found.source.is_some() || here.is_some_and(|here| here != file);
        let of = if elsewhere { format!(" of {}", one_line(file.name)) } else { String::new() };
        group = group.element(Level::NOTE.message(format!("{}: line {line}{of}", one_line(label))));
    }
    for help in &found.help {
        group = group.element(Level::HELP.message(normalize_untrusted_str(help)));
    }
    group
}

/// Only the place, without its text.
fn origin(span: Span, source: &Source) -> Origin<'_> {
    let place = source.place(span.start);
    Origin::path(one_line(source.part(span.start).name)).line(place.line).char_column(place.column)
}

fn is_near(found: &Diagnostic, also: &(Span, String), source: &Source) -> bool {
    let together = |a: u32, b: u32| a.abs_diff(b) < FAR && source.part(a) == source.part(b);
    found.source.is_none() && found.span.is_some_and(|span| together(span.start, also.0.start))
}

fn snippet<'a>(found: &'a Diagnostic, span: Span, source: &'a Source) -> Snippet<'a, Annotation<'a>> {
    let span = Span { start: span.start, end: span.end.min(span.start.saturating_add(FAR)) };
    let near = found.also.as_ref().filter(|also| is_near(found, also, source));
    let file = source.part(span.start);
    let window = Window::around(&source.text, &file.range, span, near.map(|(span, _)| *span));
    let mark = |kind: AnnotationKind, span: Span, label: Option<&'a str>| {
        let annotation = kind.span(window.range(span));
        annotation.label(label.map(|label| Cow::Owned(one_line(label))))
    };
    let snippet = Snippet::source(window.text.clone())
        .path(one_line(file.name))
        .line_start(window.first_line)
        .annotation(mark(AnnotationKind::Primary, span, found.label.as_deref()));
    match near {
        Some((also, label)) => snippet.annotation(mark(AnnotationKind::Context, *also, Some(label))),
        None => snippet,
    }
}

fn quoted(quote: &Quote) -> Snippet<'_, Annotation<'_>> {
    let at = |offset: usize| boundary(&quote.text, offset);
    Snippet::source(harmless(&quote.text))
        .path(one_line(&quote.file))
        .line_start(quote.line)
        .annotation(AnnotationKind::Primary.span(at(quote.range.start)..at(quote.range.end)))
}

/// The lines that matter: from the first place to the last, so that the cost does not grow with the plan.
struct Window {
    text: String,
    first_line: usize,
    start: usize,
}

impl Window {
    /// `file` is the range of the file that the places lie in.
    fn around(text: &str, file: &Range<usize>, span: Span, also: Option<Span>) -> Window {
        let text = &text[..file.end];
        let first = also.map_or(span.start, |also| also.start.min(span.start)) as usize;
        let last = also.map_or(span.end, |also| also.end.max(span.end)) as usize;
        let line_start = text[..boundary(text, first)].rfind('\n').map_or(0, |at| at + 1).max(file.start);
        let start = if first - line_start.min(first) > LONGEST_LINE {
            boundary(text, first - LONGEST_LINE / 2)
        } else {
            line_start
        };
        let last = boundary(text, last.max(start));
        let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
        let end = if end - last > LONGEST_LINE { boundary(text, last + LONGEST_LINE / 2) } else { end };
        let first_line = text[file.start.min(start)..start].bytes().filter(|byte| *byte == b'\n').count() + 1;
        Window { text: harmless(&text[start..end]), first_line, start }
    }

    /// A place that covers many lines is marked at its first line only.
    fn range(&self, span: Span) -> Range<usize> {
        let at = |offset: u32| boundary(&self.text, (offset as usize).saturating_sub(self.start));
        let (start, mut end) = (at(span.start), at(span.end));
        if self.text[start..end].bytes().filter(|byte| *byte == b'\n').count() >= MOST_LINES {
            end = self.text[start..end].find('\n').map_or(end, |line_end| start + line_end);
        }
        let trimmed = self.text[start..end].trim_end().len();
        start..start + trimmed
    }
}

/// The nearest place at or before `offset` where a character starts.
fn boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Terminal control characters become spaces of the same length in bytes, so that offsets stay right.
fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !matches!(c, '\n' | '\t') {
            safe.extend(std::iter::repeat_n(' ', c.len_utf8()));
        } else {
            safe.push(c);
        }
    }
    safe
}

fn one_line(text: &str) -> String {
    normalize_untrusted_str(&text.replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Format;

    fn check(text: &str, place: &str, expected: &[&str]) {
        let source = Source::new("plan.yaml", Format::Yaml, text);
        let start = text.find(place).expect("the place stands in the text");
        let span = Span::new(start, start + place.len());
        let mut found = Diagnostics::default();
        found.push(Diagnostic::error("some-code", "something is `wrong`").at(span).help("do it right"));
        let rendered = render(&found, &source, false);
        let lines: Vec<&str> = rendered.lines().map(str::trim_end).collect();
        for line in expected {
            assert!(lines.contains(line), "{line:?} is missing in\n{rendered}");
        }
    }

    #[test]
    fn a_diagnostic_has_code_place_caret_help_and_count() {
        let source = Source::new("plans/checkout.yaml", Format::Yaml, "a: 1\nthresholds:\n  http_req_durations: [x]\n");
        let mut found = Diagnostics::default();
        found.push(
            Diagnostic::error("unknown-metric", "threshold on unknown metric `http_req_durations`")
                .at(Span::new(19, 37))
                .help("did you mean `http_req_duration`?"),
        );
        assert_eq!(
            render(&found, &source, false),
            "error[unknown-metric]: threshold on unknown metric `http_req_durations`\n \
             --> plans/checkout.yaml:3:3\n  \
             |\n\
             3 |   http_req_durations: [x]\n  \
             |   ^^^^^^^^^^^^^^^^^^\n  \
             |\n  \
             = help: did you mean `http_req_duration`?\n\n1 error\n"
        );
    }

    #[test]
    fn carets_stand_under_wide_text_tabs_and_carriage_returns() {
        check("이름: 값 bad\n", "bad", &["1 | 이름: 값 bad", "  |          ^^^"]);
        check("a:\tbad\r\nb: c\r\n", "bad", &["1 | a:    bad", "  |       ^^^"]);
        check("a: b\r\nc: bad\r\n", "bad", &["2 | c: bad", "  |    ^^^"]);
    }

    #[test]
    fn terminal_controls_of_a_plan_never_reach_the_terminal() {
        let source = Source::new("p\u{1b}[2J.yaml", Format::Yaml, "a: \u{1b}[31mred\u{7} bad\n");
        let mut found = Diagnostics::default();
        let hostile = "unknown \u{1b}[31m\u{202e}";
        found.push(Diagnostic::error("c", hostile).at(Span::new(0, 1)).label(hostile).help(hostile));
        let rendered = render(&found, &source, false);
        assert!(!rendered.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{rendered:?}");
    }

    #[test]
    fn places_outside_the_text_and_endless_lines_are_survived() {
        let long = format!("a: {}bad{}", "x".repeat(1 << 20), "y".repeat(1 << 20));
        for (text, start, end) in
            [("", 0, 0), ("", 5, 9), ("가", 1, 2), ("a\n", 2, 2), (&*long, (1 << 20) + 3, (1 << 20) + 6)]
        {
            let source = Source::new("p", Format::Yaml, text);
            let mut found = Diagnostics::default();
            found.push(Diagnostic::error("c", "m").at(Span::new(start, end)));
            let rendered = render(&found, &source, true);
            assert!(rendered.len() < 20_000 && rendered.ends_with("1 error\n"), "{} bytes", rendered.len());
        }
    }

    #[test]
    fn a_second_place_far_away_is_named_by_its_line() {
        let text = "a: 1\n".repeat(40_000);
        let source = Source::new("p", Format::Yaml, text);
        let mut found = Diagnostics::default();
        found.push(Diagnostic::error("c", "m").at(Span::new(195_000, 195_001)).also(Span::new(0, 1), "first here"));
        let rendered = render(&found, &source, false);
        assert!(rendered.contains("= note: first here: line 1\n") && rendered.lines().count() < 10, "{rendered}");
    }

    #[test]
    fn a_place_in_an_included_file_is_shown_there() {
        let mut source = Source::new("p.yaml", Format::Yaml, "a: 1\ninclude: q.yaml");
        let base = source.include("q.yaml", "x: 1\ny: bad\n") as usize;
        let mut found = Diagnostics::default();
        found.push(
            Diagnostic::error("c", "m").at(Span::new(base + 8, base + 11)).also(Span::new(5, 12), "included here"),
        );
        let rendered = render(&found, &source, false);
        for line in [" --> q.yaml:2:4\n", "2 | y: bad\n", "included here: line 2 of p.yaml\n"] {
            assert!(rendered.contains(line), "{line:?} is missing in\n{rendered}");
        }
    }

    #[test]
    fn a_place_in_another_file_is_shown_there_and_a_second_one_in_the_plan_is_named() {
        let plan = Source::new("plan.yaml", Format::Yaml, "a: 1\nb: 2\n");
        let file = Source::new("body.json", Format::Yaml, "{\n  \"x\": bad\n}\n");
        let found = Diagnostic::error("c", "m").at(Span::new(9, 12)).also(Span::new(5, 6), "set here, later");
        let found = Diagnostic { source: Some(std::sync::Arc::new(file)), ..found };
        let rendered = render(&Diagnostics { found: vec![found], ..Diagnostics::default() }, &plan, false);
        assert!(rendered.contains("--> body.json:2:8") && rendered.contains("2 |   \"x\": bad"), "{rendered}");
        assert!(rendered.contains("= note: set here, later: line 2 of plan.yaml"), "{rendered}");
    }

    #[test]
    fn secrets_are_covered_and_what_stands_beside_them_keeps_its_place() {
        let text = "a: { password: '비밀 hush', bad: 1 }\nb: 1\n";
        let source = Source::new("p.yaml", Format::Yaml, text);
        let (secret, place) = (text.find("비밀").unwrap(), text.find("bad").unwrap());
        let mut found = Diagnostics { secrets: vec![Span::new(secret, secret + 11)], ..Diagnostics::default() };
        found.push(Diagnostic::error("c", "m").at(Span::new(place, place + 3)));
        let rendered = render(&found, &source, false);
        assert!(rendered.contains("1 | a: { password: '***********', bad: 1 }\n"), "{rendered}");
        assert!(rendered.contains("  |                               ^^^\n"), "{rendered}");
    }

    #[test]
    fn they_come_in_the_order_of_the_plan_and_are_counted() {
        let source = Source::new("p", Format::Yaml, "a\nb\nc\n");
        let mut found = Diagnostics::default();
        for (code, at) in [("third", 4), ("second", 2), ("first", 0)] {
            found.push(Diagnostic::error(code, "m").at(Span::new(at, at + 1)));
        }
        found.push(Diagnostic::warning("placeless", "m"));
        let rendered = render(&found, &source, false);
        let codes: Vec<usize> =
            ["placeless", "first", "second", "third"].map(|code| rendered.find(code).unwrap()).into();
        assert!(codes.is_sorted(), "{rendered}");
        assert!(rendered.ends_with("\n3 errors, 1 warning\n"), "{rendered}");
    }
}
