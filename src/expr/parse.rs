//! From text to syntax tree, or to everything that is wrong with it.
//!
//! Owns: the bounds on what the parser may see, and its errors in our words. The `cel` parser recurses and recovers; bounds are checked
//! on the tokens before, and recovery is switched off, so that no broken tree is ever walked.

use std::borrow::Cow;

use cel::parser::{ParseError, Parser};

use super::lexer::{self, Kind, Token};
use super::value::shorten;
use super::{Expr, Located, habits, translate};
use crate::diagnostic::Diagnostic;

/// Longest expression, in bytes.
const TEXT_LIMIT: usize = 8 * 1024;
/// Deepest nesting of brackets and conditions.
const BRACKET_LIMIT: usize = 32;
/// Deepest tree: brackets, and operators and fields in a row.
const DEPTH_LIMIT: usize = 128;

impl Expr {
    /// Every mistake of syntax, with the fix where it is a known habit (`and`, `===`, `${…}` around it, …).
    pub fn parse(located: Located) -> Result<Expr, Vec<Diagnostic>> {
        let Located { text, span, .. } = located;
        if text.len() > TEXT_LIMIT {
            let message = format!("an expression of {} bytes is too long", text.len());
            return Err(vec![
                too_much(located, message).help(format!("at most {TEXT_LIMIT} bytes: split it with `set`")),
            ]);
        }
        let tokens = lexer::tokens(text);
        if tokens.is_empty() {
            return Err(vec![Diagnostic::error("expression-syntax", "an expression is missing").at(span)]);
        }
        let found = habits::find(located, &tokens);
        if !found.is_empty() {
            return Err(found);
        }
        check_depth(located, &tokens)?;
        let parser = Parser::new().enable_optional_syntax(true).max_recursion_depth(200).error_recovery_limit(0);
        match parser.parse_with_source_info(&with_stand_ins(text, &tokens)) {
            Ok((tree, places)) => {
                let root = translate::translate(tree, located, &tokens, &places)?;
                Ok(Expr { text: text.to_owned(), span, root })
            }
            Err(errors) => Err(vec![syntax_error(located, &tokens, errors.errors.first())]),
        }
    }
}

/// What the parser sees in the place of `has` in `has(name)`, which is ours: CEL's own takes fields only. As long as the word itself,
/// so that places stay right; the translation knows it by the token.
pub(super) const HAS_STAND_IN: &str = "is_";

fn with_stand_ins<'t>(text: &'t str, tokens: &[Token]) -> Cow<'t, str> {
    let mut text = Cow::Borrowed(text);
    for (at, window) in tokens.windows(4).enumerate() {
        let [has, open, name, close] = window else { continue };
        let is_call = has.is("has") && open.is("(") && name.kind == Kind::Name && close.is(")");
        if is_call && !at.checked_sub(1).is_some_and(|before| tokens[before].is(".")) {
            text.to_mut().replace_range(has.start..has.end(), HAS_STAND_IN);
        }
    }
    text
}

fn too_much(located: Located, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("expression-limit", message).at(located.span)
}

/// An upper bound of the tree's depth: the operators, dots and brackets around a place, summed over the brackets that are open there.
fn check_depth(located: Located, tokens: &[Token]) -> Result<(), Vec<Diagnostic>> {
    let mut levels = vec![0_usize];
    for token in tokens.iter().filter(|token| token.kind == Kind::Symbol || token.is("in")) {
        if matches!(token.text, ")" | "]" | "}") {
            levels.truncate((levels.len() - 1).max(1));
            continue;
        }
        // Siblings: their subtrees lie side by side.
        let sibling = matches!(token.text, "," | "&&" | "||");
        if let Some(level) = levels.last_mut() {
            *level = if sibling { 0 } else { *level + 1 };
        }
        if matches!(token.text, "(" | "[" | "{") {
            levels.push(0);
        }
        if levels.len() - 1 > BRACKET_LIMIT || levels.iter().sum::<usize>() > DEPTH_LIMIT {
            let help = "split it: `set` gives a part of it a name";
            return Err(vec![too_much(located, "an expression is nested too deeply").help(help)]);
        }
    }
    Ok(())
}

fn syntax_error(located: Located, tokens: &[Token], error: Option<&ParseError>) -> Diagnostic {
    let known = error.and_then(|error| known_error(&error.msg));
    let at = error.and_then(|error| offset(located.text, error.pos)).unwrap_or(located.text.len());
    let Some(token) = tokens.iter().find(|token| token.end() > at) else {
        let end = tokens.last().map_or(0, Token::end);
        let found = Diagnostic::error("expression-syntax", "the expression ends too early");
        let found = found.at(located.part(end.saturating_sub(1), end)).label("something is missing behind this");
        return match unclosed(tokens) {
            Some(open) => found.help(format!("`{open}` is not closed")),
            None => found,
        };
    };
    let span = located.part(token.start, token.end());
    match known {
        Some((message, help)) => Diagnostic::error("expression-syntax", message).at(span).help(help),
        None => {
            Diagnostic::error("expression-syntax", format!("`{}` is not expected here", shorten(token.text))).at(span)
        }
    }
}

/// Mistakes that the parser knows by more than their place.
fn known_error(message: &str) -> Option<(String, &'static str)> {
    if let Some(word) = message.strip_prefix("reserved identifier: ") {
        return Some((format!("`{word}` is a reserved word"), "choose another name, or read a field by `x[\"name\"]`"));
    }
    let known = [
        ("invalid int literal", "this number does not fit 64 bits", "write it with a decimal point, or as text"),
        ("invalid uint literal", "this number does not fit 64 bits", "write it with a decimal point, or as text"),
        ("invalid double literal", "this number is too large", "a floating-point number is below 1.8e308"),
        ("invalid argument to has()", "`has` takes a name or a field", "write `has(token)` or `has(json.token)`"),
        ("argument must be a simple name", "the first argument names the element", "write `list.all(x, x.ok)`"),
        (
            "invalid string literal",
            "this text has an escape that does not exist",
            "a backslash is written `\\\\`, or use `r'raw text'`",
        ),
    ];
    let (_, text, help) = known.into_iter().find(|(start, ..)| message.starts_with(start))?;
    Some((text.to_owned(), help))
}

/// The parser counts lines from 1, and columns from 1 in characters.
fn offset(text: &str, (line, column): (isize, isize)) -> Option<usize> {
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &text[start..];
    Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at))
}

fn unclosed<'t>(tokens: &[Token<'t>]) -> Option<&'t str> {
    let mut open = Vec::new();
    for token in tokens.iter().filter(|token| token.kind == Kind::Symbol) {
        match token.text {
            "(" | "[" | "{" => open.push(token.text),
            ")" | "]" | "}" => drop(open.pop()),
            _ => {}
        }
    }
    open.pop()
}
