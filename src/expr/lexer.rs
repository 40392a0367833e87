//! Tokens of an expression, with their places.
//!
//! Owns: where a token begins and ends; it exists so that a template's `}` is found, habits are seen and no malformed token ever reaches
//! the parser. Must never know: grammar.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Names and keywords.
    Name,
    Number,
    /// Quoted, closed, with its prefix.
    Text,
    /// A quote without its end.
    Unclosed,
    Symbol,
    /// Quotes of word processors: `“ ” ‘ ’ « »`.
    SmartQuote,
    /// A character that no expression has outside of quotes.
    Foreign,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub kind: Kind,
    pub start: usize,
    pub text: &'t str,
}

impl Token<'_> {
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub fn is(&self, text: &str) -> bool {
        self.text == text && matches!(self.kind, Kind::Symbol | Kind::Name)
    }
}

/// Longest first: the first that fits is taken.
const SYMBOLS: [&str; 35] = [
    "===", "!==", "==", "!=", "<=", ">=", "&&", "||", "=>", "??", "${", "?.", "(", ")", "[", "]", "{", "}", ".", ",",
    "-", "!", "?", ":", "+", "*", "/", "%", "<", ">", "=", "&", "|", "`", "$",
];

pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(token) = next_token(text, from) {
        from = token.end();
        found.push(token);
    }
    found
}

/// The first token at or behind `from`, without white space and comments.
pub(super) fn next_token(text: &str, from: usize) -> Option<Token<'_>> {
    let start = skip_blank(text, from);
    let rest = &text[start..];
    let first = rest.chars().next()?;
    let (kind, length) = match first {
        '"' | '\'' => quoted(rest, 0),
        'a'..='z' | 'A'..='Z' | '_' => name_or_prefixed(rest),
        '0'..='9' => (Kind::Number, number(rest)),
        '“' | '”' | '„' | '‘' | '’' | '«' | '»' => (Kind::SmartQuote, first.len_utf8()),
        _ => match symbol(rest) {
            Some(symbol) => (Kind::Symbol, symbol.len()),
            None => (Kind::Foreign, first.len_utf8()),
        },
    };
    Some(Token { kind, start, text: &rest[..length] })
}

fn skip_blank(text: &str, mut from: usize) -> usize {
    loop {
        let rest = &text[from..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']).len();
        from += blank;
        if !text[from..].starts_with("//") {
            return from;
        }
        from += text[from..].find('\n').unwrap_or(text.len() - from);
    }
}

/// `?.` is only one symbol where a name follows: `a ?.5 : 1` is a condition.
fn symbol(rest: &str) -> Option<&'static str> {
    let found = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol))?;
    let named = rest[found.len()..].starts_with(|next: char| next.is_ascii_alphabetic() || next == '_');
    Some(if found == "?." && !named { "?" } else { found })
}

fn name_or_prefixed(rest: &str) -> (Kind, usize) {
    let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let quote_follows = rest[length..].starts_with(['"', '\'']);
    if quote_follows && matches!(rest[..length].to_ascii_lowercase().as_str(), "r" | "b" | "br") {
        return quoted(rest, length);
    }
    (Kind::Name, length)
}

fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let digit_follows = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        let exponent = at > 0 && matches!(bytes[at - 1], b'e' | b'E') && !rest.starts_with("0x");
        let goes_on = match bytes[at] {
            b'.' => digit_follows && !rest[..at].contains('.'),
            b'+' | b'-' => digit_follows && exponent,
            byte => byte.is_ascii_alphanumeric(),
        };
        if !goes_on {
            break;
        }
        at += 1;
    }
    at
}

/// One or three quotes, raw or with escapes; a text in single quotes ends on its line.
fn quoted(rest: &str, prefix: usize) -> (Kind, usize) {
    let raw = rest[..prefix].contains(['r', 'R']);
    let quote = &rest[prefix..prefix + 1];
    let triple = quote.repeat(3);
    let mark = if rest[prefix..].starts_with(&triple) { triple.as_str() } else { quote };
    let mut at = prefix + mark.len();
    while let Some(next) = rest[at..].chars().next() {
        if rest[at..].starts_with(mark) {
            return (Kind::Text, at + mark.len());
        }
        let line_ends = matches!(next, '\n' | '\r') && mark.len() == 1;
        if line_ends {
            break;
        }
        at += next.len_utf8();
        if next == '\\' && !raw {
            at += rest[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    (Kind::Unclosed, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_into_the_tokens_that_cel_sees() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = tokens(text).iter().map(|token| token.text).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("a.b[0] == 1.5e-3", &["a", ".", "b", "[", "0", "]", "==", "1.5e-3"]);
        check("json.?data // c\n+ 0x1F", &["json", ".", "?", "data", "+", "0x1F"]);
        check("a ?.5 : b?.c", &["a", "?", ".", "5", ":", "b", "?.", "c"]);
        check(r#"'a\'}' + r"\" + """q"uote""""#, &[r"'a\'}'", "+", r#"r"\""#, "+", r#""""q"uote""""#]);
        check("'open\nx", &["'open", "x"]);
        check("a===b!==c=>d", &["a", "===", "b", "!==", "c", "=>", "d"]);
        check("“é@", &["“", "é", "@"]);
        check(r"'\", &[r"'\"]);
    }
}
