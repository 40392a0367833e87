//! Text with `${ expr }` in it: where the parts are, and rendering.
//!
//! Owns: the template's syntax and what may stand in text. Must never know: which field the text is for.

use super::lexer::{self, Kind};
use super::{EvalError, Expr, Located, NameUse, Names, Program, Scope, Value};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Text in which `${ expr }` is replaced.
#[derive(Clone, Debug)]
pub struct Template {
    pub text: String,
    pub span: Span,
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug)]
pub enum Part {
    Text(String),
    Expr(Expr),
}

impl Template {
    /// `$${` is a literal `${`. All mistakes at once.
    pub fn parse(located: Located) -> Result<Template, Vec<Diagnostic>> {
        let text = located.text;
        let (mut parts, mut found) = (Vec::new(), Vec::new());
        let mut plain = String::new();
        let mut from = 0;
        while let Some(at) = text[from..].find("${").map(|at| from + at) {
            found.extend(foreign_braces(located, from, at));
            if at > from && text[..at].ends_with('$') {
                plain.push_str(&text[from..at - 1]);
                plain.push_str("${");
                from = at + 2;
                continue;
            }
            plain.push_str(&text[from..at]);
            let Some(end) = closing_brace(text, at + 2) else {
                found.push(unclosed(located, at));
                return Err(found);
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            match Expr::parse(Located {
                text: &text[at + 2..end],
                span: located.part(at + 2, end),
                exact: located.exact,
            }) {
                Ok(expr) => parts.push(Part::Expr(expr)),
                Err(wrong) => found.extend(wrong),
            }
            from = end + 1;
        }
        found.extend(foreign_braces(located, from, text.len()));
        plain.push_str(&text[from..]);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        if found.is_empty() { Ok(Template { text: text.to_owned(), span: located.span, parts }) } else { Err(found) }
    }

    pub fn names(&self) -> Vec<NameUse> {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Text(_) => Vec::new(),
                Part::Expr(expr) => expr.names(),
            })
            .collect()
    }

    /// The expression of a template that is one `${ expr }` alone, and so keeps its type.
    pub fn single(&self) -> Option<&Expr> {
        match self.parts.as_slice() {
            [Part::Expr(expr)] => Some(expr),
            _ => None,
        }
    }
}

/// The `}` that ends an expression: not one in quotes, and not one of an object in it.
fn closing_brace(text: &str, from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = from;
    while let Some(token) = lexer::next_token(text, at) {
        match token.text {
            _ if token.kind != Kind::Symbol => {}
            "{" | "${" => depth += 1,
            "}" if depth == 0 => return Some(token.start),
            "}" => depth -= 1,
            _ => {}
        }
        at = token.end();
    }
    None
}

fn unclosed(located: Located, at: usize) -> Diagnostic {
    let line_end = located.text[at..].find('\n').map_or(located.text.len(), |length| at + length);
    Diagnostic::error("template-syntax", "this `${` is not closed")
        .at(located.part(at, line_end))
        .help("close it with `}`; a literal `${` is written `$${`")
}

/// `{{ x }}` in the plain text between `from` and `to`: what other tools call a template.
fn foreign_braces(located: Located, from: usize, to: usize) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut at = from;
    while let Some(open) = located.text[at..to].find("{{").map(|open| at + open) {
        at = open + 2;
        let Some(length) = located.text[at..to].find("}}") else { break };
        let name = located.text[at..at + length].trim();
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || "_.$-".contains(c));
        if is_name && !name.is_empty() {
            let help = format!(
                "write `${{{}}}`; where the braces are meant, write `${{'{{{{'}}{name}}}}}`",
                name.trim_start_matches('$')
            );
            let message = format!("templates are written `${{x}}`, not `{{{{{name}}}}}`");
            found.push(Diagnostic::error("double-braces", message).at(located.part(open, at + length + 2)).help(help));
            at += length + 2;
        }
    }
    found
}

/// A compiled template.
#[derive(Clone, Debug)]
pub struct TextProgram {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug)]
enum Segment {
    Text(String),
    Program(Program),
}

impl TextProgram {
    pub fn compile(template: &Template, names: &dyn Names) -> TextProgram {
        let mut segments: Vec<Segment> = Vec::new();
        for part in &template.parts {
            let text = match part {
                Part::Text(text) => text.clone(),
                Part::Expr(expr) => {
                    let program = Program::compile(expr, names);
                    match program.constant().and_then(plain) {
                        Some(text) => text,
                        None => {
                            segments.push(Segment::Program(program));
                            continue;
                        }
                    }
                }
            };
            match segments.last_mut() {
                Some(Segment::Text(last)) => last.push_str(&text),
                _ => segments.push(Segment::Text(text)),
            }
        }
        TextProgram { text: template.text.clone(), segments }
    }

    /// The text where nothing of it varies.
    pub fn constant(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [] => Some(""),
            [Segment::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// How the text begins, as far as that never varies.
    pub fn prefix(&self) -> &str {
        match self.segments.first() {
            Some(Segment::Text(text)) => text,
            _ => "",
        }
    }

    /// Appends the text; nothing after an error. A list, an object or an absent value is an error: nothing like `undefined` is ever sent.
    /// null renders as an error too, since a URL with `null` in it is garbage; `${x == null ? '' : x}` says what is meant.
    pub fn render(&self, scope: &dyn Scope, out: &mut String) -> Result<(), EvalError> {
        let before = out.len();
        for segment in &self.segments {
            let rendered = match segment {
                Segment::Text(text) => {
                    out.push_str(text);
                    Ok(())
                }
                Segment::Program(program) => render(program, scope, out),
            };
            if let Err(error) = rendered {
                out.truncate(before);
                return Err(error);
            }
        }
        Ok(())
    }

    /// As written in the plan.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn render(program: &Program, scope: &dyn Scope, out: &mut String) -> Result<(), EvalError> {
    let value = program.evaluate(scope)?;
    value.write_text(out).map_err(|error| EvalError::new(format!("`{}` {}", program.label(), error.message)))
}

fn plain(value: &Value) -> Option<String> {
    let mut text = String::new();
    super::Val::from_json(value).write_text(&mut text).ok().map(|()| text)
}
