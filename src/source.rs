//! The text of a plan and places in it.
//!
//! Owns: byte spans, and their translation to line and column. Knows nothing of YAML, TOML or plans.

use std::io::{Error, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Bytes of a plan at most: more is data in the wrong place.
pub const LARGEST: u64 = 16 * 1024 * 1024;

/// A half-open range of byte offsets into a [`Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end.max(start) as u32 }
    }
}

/// A value and the place where the plan wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }
}

/// How a plan file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Yaml,
    Toml,
}

/// One plan text: read once, kept for as long as errors may point into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// What messages call it: the path as the user gave it, or `<stdin>`.
    pub name: String,
    /// The folder that relative paths of the plan start from.
    pub folder: PathBuf,
    pub format: Format,
    pub text: String,
}

/// A place as people count: from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Source {
    pub fn new(name: impl Into<String>, format: Format, text: impl Into<String>) -> Source {
        Source { name: name.into(), folder: PathBuf::from("."), format, text: text.into() }
    }

    /// Reads a plan file; `-` is standard input. TOML by the ending `.toml`, YAML otherwise. What is no UTF-8 text, or larger than
    /// [`LARGEST`], is an error of kind `InvalidData` that says so.
    pub fn read(path: &Path) -> std::io::Result<Source> {
        if path == Path::new("-") {
            return Ok(Source::new("<stdin>", Format::Yaml, read_text(std::io::stdin().lock())?));
        }
        let toml = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
        let format = if toml { Format::Toml } else { Format::Yaml };
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let text = read_text(std::fs::File::open(path)?)?;
        Ok(Source { name: path.display().to_string(), folder, format, text })
    }

    pub fn place(&self, offset: u32) -> Place {
        let mut offset = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Place { line, column }
    }
}

fn read_text(reader: impl Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::new(ErrorKind::InvalidData, "the plan is larger than 16 MiB"));
    }
    decode(bytes).map_err(|message| Error::new(ErrorKind::InvalidData, message))
}

/// Without a byte order mark.
fn decode(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("the plan is UTF-16 text: save it as UTF-8".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("the plan is not UTF-8 text: line {line} has the byte 0x{:02x}; save it as UTF-8", error.as_bytes()[at])
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_another_encoding_is_refused_with_its_place() {
        for (bytes, expected) in [
            (&b"a: 1\n"[..], Ok("a: 1\n")),
            (b"\xef\xbb\xbfa: 1", Ok("a: 1")),
            (b"\xff\xfea\0", Err("UTF-16")),
            (b"a: 1\nb: \xe9t\xe9", Err("line 2 has the byte 0xe9")),
        ] {
            match (decode(bytes.to_vec()), expected) {
                (Ok(text), Ok(expected)) => assert_eq!(text, expected),
                (Err(message), Err(expected)) => assert!(message.contains(expected), "{message}"),
                (found, _) => panic!("{bytes:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let source = Source::new("p", Format::Yaml, "a\n가나b\n");
        for (offset, line, column) in [(0, 1, 1), (2, 2, 1), (5, 2, 2), (6, 2, 2), (8, 2, 3), (99, 3, 1)] {
            assert_eq!(source.place(offset), Place { line, column }, "{offset}");
        }
    }
}
