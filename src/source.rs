//! The text of a plan and places in it.
//!
//! Owns: byte spans, and their translation to line and column. Knows nothing of YAML, TOML or plans.

use std::io::{Error, ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Bytes of a plan at most: more is data in the wrong place.
pub const LARGEST: u64 = 16 * 1024 * 1024;

/// A half-open range of byte offsets into the text of a [`Source`], files that it includes counted after its own.
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
    /// The plan's own text, then those of the files that it includes: one space of offsets, so that a [`Span`] needs no file.
    pub text: String,
    included: Vec<Included>,
}

/// A further file of a plan.
#[derive(Clone, Debug, PartialEq)]
struct Included {
    name: String,
    start: usize,
}

/// One file's part of the text of a [`Source`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'s> {
    pub name: &'s str,
    pub range: Range<usize>,
}

/// A place as people count: from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Source {
    pub fn new(name: impl Into<String>, format: Format, text: impl Into<String>) -> Source {
        Source { name: name.into(), folder: PathBuf::from("."), format, text: text.into(), included: Vec::new() }
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
        Ok(Source { name: path.display().to_string(), folder, format, text, included: Vec::new() })
    }

    /// Appends the text of a further file and says where it starts: what to add to offsets into it.
    pub fn include(&mut self, name: impl Into<String>, text: &str) -> u32 {
        // A line end between two files, so that the end of one is no place in the next.
        self.text.push('\n');
        let start = self.text.len();
        self.text.push_str(text);
        self.included.push(Included { name: name.into(), start });
        start as u32
    }

    /// The file that an offset lies in.
    pub fn part(&self, offset: u32) -> Part<'_> {
        let next = self.included.partition_point(|file| file.start <= offset as usize);
        let end = self.included.get(next).map_or(self.text.len(), |file| file.start - 1);
        match next.checked_sub(1).map(|index| &self.included[index]) {
            Some(file) => Part { name: &file.name, range: file.start..end },
            None => Part { name: &self.name, range: 0..end },
        }
    }

    /// Line and column in the file that the offset lies in.
    pub fn place(&self, offset: u32) -> Place {
        let part = self.part(offset).range;
        let mut offset = (offset as usize).min(part.end);
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[part.start..offset];
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
    fn included_files_have_names_and_lines_of_their_own() {
        let mut source = Source::new("p", Format::Yaml, "a\nb");
        let (first, second) = (source.include("q", "c\nd\n"), source.include("r", "e"));
        let table = [(0, "p", 1), (3, "p", 2), (first, "q", 1), (first + 2, "q", 2), (second, "r", 1), (99, "r", 1)];
        for (offset, name, line) in table {
            assert_eq!((source.part(offset).name, source.place(offset).line), (name, line), "{offset}");
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
