//! Habits of other languages, seen in the tokens, each answered with the text to write instead.
//!
//! Owns: codes and fixes of these mistakes. Must never know: the grammar; what is no habit is the parser's to judge.

mod phrases;

use super::Located;
use super::lexer::{Kind, Token};
use crate::diagnostic::Diagnostic;

/// Every habit of the expression, in order.
pub(super) fn find(located: Located, tokens: &[Token]) -> Vec<Diagnostic> {
    if let Some(whole) = whole_expression(located, tokens) {
        return vec![whole];
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let one = || token_habit(located, tokens, at).or_else(|| malformed(located, tokens[at]));
        let (habit, taken) = match phrases::find(located, tokens, at) {
            Some((phrase, taken)) => (Some(phrase), taken),
            None => (one(), 1),
        };
        found.extend(habit);
        at += taken;
    }
    found
}

/// What is around all of it: `${x}`, `{{ x }}`, and the `{ x }` that is left of `${{ x }}`.
fn whole_expression(located: Located, tokens: &[Token]) -> Option<Diagnostic> {
    let braces = |open: usize, close: usize| {
        let inner = tokens.get(open..tokens.len().checked_sub(close)?)?;
        let (first, last) = (inner.first()?, inner.last()?);
        Some(&located.text[first.start..last.end()])
    };
    let first = tokens.first()?;
    let whole = located.part(first.start, tokens.last()?.end());
    let ends = |count: usize| tokens.len() > count && tokens[tokens.len() - count..].iter().all(|token| token.is("}"));
    if first.is("${") && ends(1) && tokens.iter().filter(|token| token.is("${")).count() == 1 {
        let found = Diagnostic::error(
            "template-in-expression",
            "an expression field takes a bare expression, without `${…}` around it",
        );
        return Some(found.at(whole).help(format!("remove `${{` and `}}`: `{}`", braces(1, 1)?)));
    }
    let opened = tokens.iter().filter(|token| token.is("{")).count();
    let doubled = opened == 2 && ends(2) && first.is("{") && tokens[1].is("{") && tokens[1].start == first.end();
    let single =
        opened == 1 && first.is("{") && ends(1) && !tokens.iter().any(|token| token.is(":")) && tokens.len() > 2;
    let inner = if doubled { braces(2, 2)? } else { braces(1, 1).filter(|_| single)? };
    let found = Diagnostic::error("double-braces", "`{{ … }}` is not the syntax of expressions");
    Some(found.at(whole).help(format!("write `{inner}` in an expression field and `${{{inner}}}` in a template")))
}

fn token_habit(located: Located, tokens: &[Token], at: usize) -> Option<Diagnostic> {
    let token = tokens[at];
    let before = at.checked_sub(1).map(|before| tokens[before]);
    let after = tokens.get(at + 1);
    let found = |code, message: String, help: &str| {
        Some(Diagnostic::error(code, message).at(located.part(token.start, token.end())).help(help))
    };
    let is_field = before.is_some_and(|before| before.is(".") || before.is("?."));
    if token.kind == Kind::Name && !is_field {
        let word = token.text;
        return match word {
            "and" | "AND" => found("word-operator", format!("`{word}` is not an operator"), "write `&&`"),
            "or" | "OR" => found("word-operator", format!("`{word}` is not an operator"), "write `||`"),
            "not" | "NOT" if after.is_some_and(|after| after.is("in")) => {
                found("word-operator", "`not in` is not an operator".into(), "write `!(x in list)`")
            }
            "not" | "NOT" => {
                found("word-operator", format!("`{word}` is not an operator"), "write `!`, as in `!(a == b)`")
            }
            "undefined" | "None" | "nil" | "Null" | "NULL" => found(
                "other-null",
                format!("`{word}` is not a value here"),
                "write `null`; `has(x.y)` asks whether a field is there",
            ),
            "True" | "TRUE" => found("other-boolean", format!("`{word}` is not a value here"), "write `true`"),
            "False" | "FALSE" => found("other-boolean", format!("`{word}` is not a value here"), "write `false`"),
            "headers" => header_with_hyphens(located, tokens, at),
            _ => None,
        };
    }
    match (token.kind, token.text) {
        (Kind::Name, "true" | "false" | "null" | "in") => {
            let help = format!("write `[\"{}\"]` instead of `.{}`", token.text, token.text);
            found("reserved-word", format!("`{}` is a reserved word and cannot follow a dot", token.text), &help)
        }
        (Kind::Number, number) if super::types::milliseconds(number).is_some() => {
            let ms = super::types::milliseconds(number).unwrap_or_default();
            let message = format!("`{number}` is no number: expressions know no units");
            found("expression-syntax", message, &format!("times are in ms: write `{ms}`"))
        }
        (Kind::Number, "1xx" | "2xx" | "3xx" | "4xx" | "5xx") => {
            let class = &token.text[..1];
            let message = format!("`{}` is no number: classes of statuses stand in `expect` only", token.text);
            found("expression-syntax", message, &format!("write `status >= {class}00 && status <= {class}99`"))
        }
        (Kind::Symbol, "===") => {
            found("strict-equality", "`===` is not an operator".into(), "write `==`: it never converts types")
        }
        (Kind::Symbol, "!==") => {
            found("strict-equality", "`!==` is not an operator".into(), "write `!=`: it never converts types")
        }
        (Kind::Symbol, "=") => found("single-equals", "`=` is not an operator".into(), "write `==` to compare"),
        (Kind::Symbol, "&") => found("single-operator", "`&` is not an operator".into(), "write `&&`"),
        (Kind::Symbol, "|") => {
            found("single-operator", "`|` is not an operator".into(), "write `||`; functions are called: `f(x)`")
        }
        (Kind::Symbol, "=>") if !inside_call(&tokens[..at]) => {
            let help = "write the condition alone: `status == 200`, without `r =>` before it";
            found("arrow-function", "a condition is no function".into(), help)
        }
        (Kind::Symbol, "=>") => found(
            "arrow-function",
            "`=>` is not an operator".into(),
            "write `list.map(x, x.id)` instead of `list.map(x => x.id)`",
        ),
        (Kind::Symbol, "??") => {
            found("other-optional", "`??` is not an operator".into(), "write `json.?key.orValue(\"\")`")
        }
        (Kind::Symbol, "?.") => {
            found("other-optional", "`?.` is not an operator".into(), "the question mark comes second: `json.?key`")
        }
        (Kind::Symbol, "${") => found(
            "template-in-expression",
            "`${` stands inside an expression".into(),
            "remove `${` and `}`: a name is read by itself",
        ),
        (Kind::Symbol, "`") if before.is_some_and(|before| before.is(".")) => {
            found("backtick", "a field is not quoted with backticks".into(), "write it in brackets: `x['a-field']`")
        }
        (Kind::Symbol, "`") => {
            found("backtick", "text is not quoted with backticks".into(), "write `'text'`, and join with `+`")
        }
        (Kind::SmartQuote, _) => {
            let message = format!("`{}` is a typographic quote", token.text);
            found("smart-quote", message, "write `'` or `\"`")
        }
        _ => None,
    }
}

/// Whether a bracket is open behind a name, as in `list.map(`.
fn inside_call(before: &[Token]) -> bool {
    let mut open = Vec::new();
    for (at, token) in before.iter().enumerate() {
        match token.text {
            "(" => open.push(at > 0 && before[at - 1].kind == Kind::Name),
            ")" => drop(open.pop()),
            _ => {}
        }
    }
    open.contains(&true)
}

/// `headers.content-type` would be a subtraction.
fn header_with_hyphens(located: Located, tokens: &[Token], at: usize) -> Option<Diagnostic> {
    let first = tokens[at];
    let joined = |index: usize| tokens.get(index).filter(|token| token.start == tokens[index - 1].end());
    let named = |index: usize| joined(index).filter(|token| token.kind == Kind::Name);
    joined(at + 1).filter(|token| token.is("."))?;
    let name = named(at + 2)?;
    let mut last = at + 2;
    while joined(last + 1).is_some_and(|token| token.is("-")) && named(last + 2).is_some() {
        last += 2;
    }
    if last == at + 2 {
        return None;
    }
    let header = &located.text[name.start..tokens[last].end()];
    let found = Diagnostic::error("header-name", format!("`headers.{header}` would be a subtraction"));
    Some(found.at(located.part(first.start, tokens[last].end())).help(format!("write `headers[\"{header}\"]`")))
}

/// Tokens that no expression has, and words that CEL keeps for itself.
fn malformed(located: Located, token: Token) -> Option<Diagnostic> {
    let (message, help) = match token.kind {
        Kind::Unclosed => ("this text is not closed".to_owned(), format!("add a closing `{}`", quote(token.text))),
        Kind::Foreign => (
            format!("`{}` has no meaning in an expression", token.text.escape_debug()),
            "text stands in quotes: `'text'`".to_owned(),
        ),
        Kind::Text if bad_escape(token.text).is_some() => {
            let escape = bad_escape(token.text).unwrap_or_default();
            (format!("`\\{escape}` is not an escape"), "a backslash is written `\\\\`, or use `r'raw text'`".to_owned())
        }
        Kind::Symbol if token.text == "$" => {
            ("`$` has no meaning in an expression".to_owned(), "names stand by themselves, without `$`".to_owned())
        }
        _ => return None,
    };
    Some(Diagnostic::error("expression-syntax", message).at(located.part(token.start, token.end())).help(help))
}

/// A character behind a backslash that CEL gives no meaning.
fn bad_escape(text: &str) -> Option<char> {
    let raw = text.find(['"', '\'']).is_some_and(|quote| text[..quote].contains(['r', 'R']));
    let mut rest = text.chars().filter(|_| !raw);
    while let Some(c) = rest.next() {
        if c == '\\' {
            let escaped = rest.next()?;
            if !"abfnrtv\"'\\?`xXuU0123".contains(escaped) {
                return Some(escaped);
            }
        }
    }
    None
}

fn quote(text: &str) -> &'static str {
    match (text.find('"'), text.find('\'')) {
        (Some(double), single) if single.is_none_or(|single| double < single) => "\"",
        _ => "'",
    }
}
