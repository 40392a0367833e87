//! Foreign text made safe to show: no secrets, no terminal escapes.
//!
//! Names of a plan, outcomes, and errors quote what a target sent. All of it passes through here before it reaches a terminal.
//! A VU masks what only it knows to be secret. Must never know: anything but text.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// One line without anything that a terminal would act on: control characters and marks that turn the direction of writing are
/// spelled out.
pub fn clean(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\t' => safe.push(' '),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            letter if letter.is_control() || is_invisible(letter) => safe.extend(letter.escape_unicode()),
            letter => safe.push(letter),
        }
    }
    safe
}

/// Marks of direction, separators of lines, zero-width characters: they have no shape of their own and change what stands around them.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Characters of the shortest secret that is masked: `***` for every `a` or `17` would leave no text readable, and hide nothing, since
/// what stands around it gives it away.
pub const SHORTEST_SECRET: usize = 4;

/// Characters of a secret's beginning that are masked where a text was cut behind them.
const SHORTEST_BEGINNING: usize = 6;

/// Replaces secrets, however they were encoded.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// Longest first, so that a part is never replaced inside of a whole.
    forms: Vec<Form>,
}

/// A text that gives a secret away.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Form {
    text: String,
    /// The letter of base64 before or after it holds bits of the secret, too, and others of its neighbour.
    before: bool,
    after: bool,
}

impl Mask {
    /// Secrets of fewer than [`SHORTEST_SECRET`] characters are left out.
    pub fn new(secrets: &[String]) -> Mask {
        let long_enough = secrets.iter().filter(|secret| !is_too_short(secret));
        let mut forms: Vec<Form> = long_enough.flat_map(|secret| forms(secret)).collect();
        forms.sort_by(|a, b| b.text.len().cmp(&a.text.len()).then_with(|| a.text.cmp(&b.text)));
        forms.dedup();
        Mask { forms }
    }

    /// Also masks how a secret begins, where the text was cut behind that (`…`).
    pub fn apply(&self, text: &str) -> String {
        let masked = self.forms.iter().fold(text.to_owned(), |text, form| match text.contains(&form.text) {
            true => form.replaced_in(&text),
            false => text,
        });
        if masked.contains('…') { self.without_beginnings(&masked) } else { masked }
    }

    fn without_beginnings(&self, text: &str) -> String {
        let mut parts = text.split('…').peekable();
        let mut out = String::with_capacity(text.len());
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return out + part;
            }
            let cut = self.forms.iter().map(|form| form.begun_at_end_of(part)).max().unwrap_or(0);
            out.push_str(&part[..part.len() - cut]);
            out.push_str(if cut > 0 { "***…" } else { "…" });
        }
        out
    }
}

impl Form {
    fn plain(text: String) -> Form {
        Form { text, before: false, after: false }
    }

    fn replaced_in(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find(&self.text) {
            let (mut kept, mut behind) = (&rest[..at], &rest[at + self.text.len()..]);
            if self.before {
                kept = kept.strip_suffix(is_base64).unwrap_or(kept);
            }
            if self.after {
                behind = behind.strip_prefix(is_base64).unwrap_or(behind);
            }
            out.push_str(kept);
            out.push_str("***");
            rest = behind;
        }
        out + rest
    }

    /// How many bytes at the end of `part` are the beginning of this; 0 where they are too few to tell.
    fn begun_at_end_of(&self, part: &str) -> usize {
        let ends = self.text.char_indices().skip(SHORTEST_BEGINNING).map(|(end, _)| end);
        ends.filter(|end| part.ends_with(&self.text[..*end])).max().unwrap_or(0)
    }
}

/// Whether a secret has too few characters to be masked.
pub fn is_too_short(secret: &str) -> bool {
    secret.chars().nth(SHORTEST_SECRET - 1).is_none()
}

fn is_base64(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '-' | '_')
}

/// `text` with every secret, and its base64, URL and JSON forms, replaced by `***`.
pub fn mask(text: &str, secrets: &[String]) -> String {
    Mask::new(secrets).apply(text)
}

fn forms(secret: &str) -> Vec<Form> {
    let quoted = serde_json::Value::from(secret).to_string();
    let percent = percent_encode(secret);
    let texts = [
        secret.to_owned(),
        quoted[1..quoted.len() - 1].to_owned(),
        percent.replace("%20", "+"),
        percent.to_lowercase(),
        percent,
    ];
    texts.into_iter().map(Form::plain).chain((0..3).flat_map(|skipped| inside_base64(secret, skipped))).collect()
}

/// How a secret shows inside a base64 text in which `skipped` bytes (modulo 3) stand before it, like `user:` in basic auth. Letters that
/// also hold bits of the neighbours differ with these, so they are only marked.
fn inside_base64(secret: &str, skipped: usize) -> Vec<Form> {
    let padded = [&vec![0; skipped][..], secret.as_bytes()].concat();
    let letters = (skipped * 8).div_ceil(6)..padded.len() * 8 / 6;
    let (before, after) = (skipped > 0, !padded.len().is_multiple_of(3));
    let engines = [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)];
    let inner = engines.iter().filter_map(|text| text.get(letters.clone()));
    inner.map(|text| Form { text: text.to_owned(), before, after }).collect()
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte as char),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_comes_through() {
        let check = |text: &str, expected: &str| assert_eq!(clean(text), expected);
        check("매진 sold out", "매진 sold out");
        check("\u{1b}[2J\u{1b}]0;owned\u{7}", "\\u{1b}[2J\\u{1b}]0;owned\\u{7}");
        check("\u{9b}31m", "\\u{9b}31m");
        check("a\r\nb\tc", "a\\r\\nb c");
        check("pass\u{202e}liaf", "pass\\u{202e}liaf");
    }

    #[test]
    fn secrets_are_masked_in_every_encoding() {
        let secrets = ["pa ss/wörd\"7".to_owned(), "hunter2hunter2".to_owned(), String::new()];
        let check = |text: &str, expected: &str| assert_eq!(mask(text, &secrets), expected, "{text}");
        check("token hunter2hunter2 refused", "token *** refused");
        check("nothing secret", "nothing secret");
        check("q=pa%20ss%2Fw%C3%B6rd%227&x", "q=***&x");
        check("q=pa%20ss%2fw%c3%b6rd%227&x", "q=***&x");
        check("q=pa+ss%2Fw%C3%B6rd%227", "q=***");
        check(r#"{"p":"pa ss/wörd\"7"}"#, r#"{"p":"***"}"#);
        for user in ["", "u", "us", "use"] {
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}hunter2hunter2!"));
            let masked = mask(&basic, &secrets);
            assert!(masked.contains("***") && masked.len() < 12, "{basic} became {masked}");
        }
        check("aHVudGVyMmh1bnRlcjI=", "***=");
    }

    #[test]
    fn basic_auth_shows_nothing_of_a_password_however_long_its_user() {
        for password in ["hunt", "hunte", "hunter2", "pässwort"] {
            for user in ["", "u", "us", "use", "user"] {
                for padded in [true, false] {
                    let pair = format!("{user}:{password}");
                    let header = if padded { STANDARD.encode(&pair) } else { URL_SAFE_NO_PAD.encode(&pair) };
                    let masked = mask(&format!("authorization: Basic {header}, 200"), &[password.to_owned()]);
                    let told = masked.trim_start_matches("authorization: Basic ").trim_end_matches(", 200");
                    // What is left are whole letters of what stands before the password.
                    let (left, padding) = told.split_once("***").unwrap_or_else(|| panic!("{header} became {masked}"));
                    assert!(padding.trim_matches('=').is_empty(), "{header} became {masked}");
                    assert!(left.len() * 6 <= (user.len() + 1) * 8 && header.starts_with(left), "{masked}");
                }
            }
        }
    }

    #[test]
    fn a_secret_that_was_cut_is_masked_and_one_too_short_to_be_told_from_chance_is_not() {
        let check = |secret: &str, text: &str, expected: &str| assert_eq!(mask(text, &[secret.to_owned()]), expected);
        check("hunter2hunter2", "is \"hunter2hun…\", a text", "is \"***…\", a text");
        check("hunter2hunter2", "hunter… and hunte…, hunter", "***… and hunte…, hunter");
        check("pa ss/wörd", "q=pa%20ss%2Fw…", "q=***…");
        check("a", "a banana", "a banana");
        check("200", "status 200", "status 200");
        check("öäü", "öäü", "öäü");
        check("2000", "status 2000", "status ***");
    }
}
