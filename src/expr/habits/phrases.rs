//! Habits that take several tokens: operators and phrases of other languages.
//!
//! Owns: how they begin, and where they end. Must never know: the grammar.

use super::super::Located;
use super::super::lexer::{Kind, Token};
use crate::diagnostic::Diagnostic;

/// The phrase that begins at a token, and how many tokens it takes.
pub(super) fn find(located: Located, tokens: &[Token], at: usize) -> Option<(Diagnostic, usize)> {
    let joined = |symbols: &[&str]| {
        let spelled = symbols.iter().enumerate().all(|(index, symbol)| {
            let touches =
                index == 0 || tokens.get(at + index).is_some_and(|next| next.start == tokens[at + index - 1].end());
            touches && tokens.get(at + index).is_some_and(|token| token.text == *symbol)
        });
        spelled.then_some(symbols.len())
    };
    let (code, message, help, taken) = if let Some(taken) = joined(&["{", "{"]) {
        let message = "`{{ … }}` is not the syntax of expressions".to_owned();
        ("double-braces", message, "a name stands by itself, without braces".to_owned(), taken)
    } else if let Some(taken) = joined(&["<", ">"]) {
        ("expression-syntax", "`<>` is not an operator".to_owned(), "write `!=`".to_owned(), taken)
    } else if let Some(taken) = joined(&["=", "~"]) {
        let help = format!("write `{}.matches('pattern')`", operand(located, tokens, at));
        ("expression-syntax", "`=~` is not an operator".to_owned(), help, taken)
    } else if let Some(taken) = joined(&[".", "."]) {
        range(located, tokens, at, taken)
    } else if let Some(taken) = joined(&["$", "."]) {
        let message = "a JSONPath is no expression".to_owned();
        ("expression-syntax", message, "the body is `json`: write `json.x` for `$.x`".to_owned(), taken)
    } else {
        words(located, tokens, at)?
    };
    let place = located.part(tokens[at].start, tokens[at + taken - 1].end());
    Some((Diagnostic::error(code, message).at(place).help(help), taken))
}

type Phrase = (&'static str, String, String, usize);

/// `200..299`, which is a list of statuses only in `expect`.
fn range(located: Located, tokens: &[Token], at: usize, taken: usize) -> Phrase {
    let bounds = at.checked_sub(1).and_then(|from| Some((tokens[from], tokens.get(at + taken)?)));
    let listed = at.checked_sub(2).filter(|listed| tokens[*listed].is("in"));
    let help = match (bounds, listed) {
        (Some((from, to)), Some(listed)) if from.kind == Kind::Number && to.kind == Kind::Number => {
            let x = operand(located, tokens, listed);
            format!("write `{x} >= {} && {x} <= {}`", from.text, to.text)
        }
        _ => "write `x >= 1 && x <= 9`".to_owned(),
    };
    ("expression-syntax", "`..` is not an operator".to_owned(), help, taken)
}

fn words(located: Located, tokens: &[Token], at: usize) -> Option<Phrase> {
    const CALLED: [(&str, &str); 5] = [
        ("contains", "contains"),
        ("includes", "contains"),
        ("matches", "matches"),
        ("startsWith", "startsWith"),
        ("endsWith", "endsWith"),
    ];
    let (token, after) = (tokens[at], tokens.get(at + 1)?);
    let before = at.checked_sub(1).map(|before| tokens[before]);
    if let Some((_, ours)) = CALLED.iter().find(|(word, _)| token.is(word))
        && after.kind == Kind::Text
        && before.is_some_and(|before| !before.is("."))
    {
        let message = format!("`{}` is not an operator", token.text);
        let help = format!("call it: `{}.{ours}({})`", operand(located, tokens, at), after.text);
        return Some(("word-operator", message, help, 1));
    }
    if token.is("in") && after.is("(") {
        let close = tokens[at + 2..].iter().position(|token| matches!(token.text, ")" | "("))? + at + 2;
        let is_list = tokens[at + 2..close].iter().any(|token| token.is(","));
        let members = &located.text[after.end()..tokens[close].start];
        let help = format!("write `{} in [{}]`", operand(located, tokens, at), members.trim());
        let message = "a list stands in `[…]`, not in `(…)`".to_owned();
        return (is_list && tokens[close].is(")")).then_some(("expression-syntax", message, help, close + 1 - at));
    }
    let compares = matches!(after.text, "<" | "<=" | ">" | ">=" | "==" | "!=") && after.kind == Kind::Symbol;
    if compares && (token.is("&&") || token.is("||")) {
        let message = format!("`{}` does not say what is compared", after.text);
        let help = format!("name it again: `status >= 200 {} status {} …`", token.text, after.text);
        return Some(("expression-syntax", message, help, 2));
    }
    None
}

/// What is written right before a token: names, dots and brackets without a space between them.
fn operand<'t>(located: Located<'t>, tokens: &[Token], at: usize) -> &'t str {
    let Some(last) = at.checked_sub(1) else { return "x" };
    let mut first = last;
    while first > 0 && tokens[first - 1].end() == tokens[first].start && !tokens[first - 1].is("!") {
        first -= 1;
    }
    let (start, end) = (tokens[first].start, tokens[last].end());
    &located.text[start..end]
}
