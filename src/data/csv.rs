//! CSV (RFC 4180) into a [`Table`], in place: the file's own bytes become the table's text.
//!
//! Lines end with LF, CRLF or CR; empty ones are skipped. A field in quotes may hold delimiters, line ends and doubled quotes.
//! Spaces are part of a field.

use std::ops::Range;

use super::mistake::Mistake;
use super::table::{Column, Table, convert};
use crate::plan::EnvKind;

/// More of one file's mistakes are not told: they tend to be all the same.
const MOST_MISTAKES: usize = 5;

/// A file whose header has been read.
pub struct Csv {
    bytes: Vec<u8>,
    delimiter: u8,
    header: Option<Vec<String>>,
    at: usize,
    line: usize,
}

/// A column to keep: where it is in each row, and what its fields are.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub at: usize,
    pub name: String,
    pub kind: EnvKind,
}

/// A field as it lies in the file.
struct Field {
    /// Without the quotes around it.
    bytes: Range<usize>,
    /// Holds doubled quotes.
    escaped: bool,
    line: usize,
}

impl Csv {
    /// Reads the header, where the file has one.
    pub fn open(mut bytes: Vec<u8>, delimiter: u8, header: bool) -> Result<Csv, Mistake> {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        if let Err(error) = std::str::from_utf8(&bytes) {
            return Err(not_utf8(&bytes, error.valid_up_to()));
        }
        let mut csv = Csv { bytes, delimiter, header: None, at: 0, line: 1 };
        if header {
            csv.read_header()?;
        }
        Ok(csv)
    }

    pub fn header(&self) -> Option<&[String]> {
        self.header.as_deref()
    }

    fn read_header(&mut self) -> Result<(), Mistake> {
        let mut fields = Vec::new();
        if !self.next_row(&mut fields)? {
            return Err(Mistake::of_file("the file is empty").help("its first line has the names of the columns"));
        }
        let mut names: Vec<String> = Vec::new();
        for (at, field) in fields.iter().enumerate() {
            let name = self.text(field).trim();
            let name = if field.escaped { name.replace("\"\"", "\"") } else { name.to_owned() };
            let wrong = match names.iter().position(|known| *known == name) {
                _ if name.is_empty() => format!("column {} has no name", at + 1),
                Some(first) => format!("the columns {} and {} have one name, `{name}`", first + 1, at + 1),
                None if at >= usize::from(u16::MAX) => "there are more than 65535 columns".to_owned(),
                None => {
                    names.push(name);
                    continue;
                }
            };
            let mistake = Mistake::at(wrong, field.line, &self.bytes, field.bytes.clone());
            return Err(
                mistake.help("the first line has the names of the columns; where it has data, write `header: false`")
            );
        }
        self.header = Some(names);
        Ok(())
    }

    /// All rows. Without a header, each of them must have as many fields as are wanted.
    pub fn read(mut self, wanted: &[Wanted]) -> Result<Table, Vec<Mistake>> {
        let width = self.header.as_ref().map_or(wanted.len(), Vec::len);
        let fields_left = self.bytes[self.at..].iter().filter(|byte| [self.delimiter, b'\n', b'\r'].contains(byte));
        let rows_left = fields_left.count() / width.max(1) + 1;
        let mut ends = Vec::with_capacity(rows_left * wanted.len());
        let (mut fields, mut found, mut kept) = (Vec::with_capacity(width), Vec::new(), 0);
        loop {
            match self.next_row(&mut fields) {
                Ok(true) => {}
                Ok(false) => break,
                Err(mistake) => {
                    found.push(mistake);
                    break;
                }
            }
            match self.mistakes(&fields, width, wanted) {
                wrong if wrong.is_empty() && found.is_empty() => kept = self.keep(&fields, wanted, kept, &mut ends),
                wrong => found.extend(wrong),
            }
            if found.len() >= MOST_MISTAKES {
                break;
            }
        }
        found.truncate(MOST_MISTAKES);
        if !found.is_empty() {
            return Err(found);
        }
        if ends.is_empty() {
            return Err(vec![Mistake::of_file("the file has no rows")]);
        }
        self.bytes.truncate(kept);
        self.bytes.shrink_to_fit();
        ends.shrink_to_fit();
        // Fields of text without the ASCII between them are text.
        let text = String::from_utf8(self.bytes).map_err(|_| vec![Mistake::of_file("the file is not UTF-8")])?;
        let columns = wanted.iter().map(|one| Column { name: one.name.clone(), kind: Some(one.kind) });
        Ok(Table::of_text(columns.collect(), text, ends))
    }

    fn text(&self, field: &Field) -> &str {
        std::str::from_utf8(&self.bytes[field.bytes.clone()]).unwrap_or_default()
    }

    /// Everything that is wrong with a row.
    fn mistakes(&self, fields: &[Field], width: usize, wanted: &[Wanted]) -> Vec<Mistake> {
        if fields.len() != width {
            return vec![self.ragged(fields, width)];
        }
        let of_kind = |one: &Wanted| {
            let field = &fields[one.at];
            let wrong = one.kind != EnvKind::Text && convert(one.kind, self.text(field)).is_none();
            wrong.then(|| {
                let shown: String = self.text(field).chars().take(60).collect();
                let message = format!("column `{}` must be {}, not {shown:?}", one.name, noun(one.kind));
                Mistake::at(message, field.line, &self.bytes, field.bytes.clone())
            })
        };
        wanted.iter().filter_map(of_kind).collect()
    }

    fn ragged(&self, fields: &[Field], width: usize) -> Mistake {
        let (first, last) = (&fields[0], &fields[fields.len() - 1]);
        let counted = |count: usize| format!("{count} field{}", if count == 1 { "" } else { "s" });
        let wanted = if self.header.is_some() { "the header" } else { "`columns`" };
        let message = format!("the row has {}, and {wanted} has {width}", counted(fields.len()));
        let (place, line) = match fields.get(width) {
            Some(extra) => (extra.bytes.start..last.bytes.end, extra.line),
            None => (first.bytes.start..last.bytes.end, first.line),
        };
        Mistake::at(message, line, &self.bytes, place)
            .help("a field that holds the delimiter stands in quotes: \"a, b\"")
    }

    /// Moves the wanted fields to the end of those kept so far, which is never beyond where they are now.
    fn keep(&mut self, fields: &[Field], wanted: &[Wanted], mut kept: usize, ends: &mut Vec<u32>) -> usize {
        for one in wanted {
            let field = &fields[one.at];
            if field.escaped {
                let mut bytes = field.bytes.clone();
                while let Some(at) = bytes.next() {
                    self.bytes[kept] = self.bytes[at];
                    kept += 1;
                    // The second of two quotes.
                    if self.bytes[at] == b'"' {
                        bytes.next();
                    }
                }
            } else {
                self.bytes.copy_within(field.bytes.clone(), kept);
                kept += field.bytes.len();
            }
            ends.push(kept as u32);
        }
        kept
    }

    /// The fields of the next row that is not empty; `false` at the end of the file.
    fn next_row(&mut self, fields: &mut Vec<Field>) -> Result<bool, Mistake> {
        fields.clear();
        while self.end_of_line() {}
        if self.at >= self.bytes.len() {
            return Ok(false);
        }
        loop {
            let field = if self.bytes.get(self.at) == Some(&b'"') { self.quoted()? } else { self.bare() };
            fields.push(field);
            if self.bytes.get(self.at) == Some(&self.delimiter) {
                self.at += 1;
            } else {
                self.end_of_line();
                return Ok(true);
            }
        }
    }

    /// Goes over the end of a line, where there is one.
    fn end_of_line(&mut self) -> bool {
        let length = match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
            (Some(b'\r'), Some(b'\n')) => 2,
            (Some(b'\r' | b'\n'), _) => 1,
            _ => return false,
        };
        self.at += length;
        self.line += 1;
        true
    }

    fn bare(&mut self) -> Field {
        let start = self.at;
        let delimiter = self.delimiter;
        let ends = |byte: &u8| *byte == delimiter || matches!(byte, b'\n' | b'\r');
        let length = self.bytes[start..].iter().position(ends);
        self.at = length.map_or(self.bytes.len(), |length| start + length);
        Field { bytes: start..self.at, escaped: false, line: self.line }
    }

    fn quoted(&mut self) -> Result<Field, Mistake> {
        let (open, line) = (self.at, self.line);
        let mut escaped = false;
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                None => {
                    let mistake = Mistake::at("the quote is never closed", line, &self.bytes, open..open + 1);
                    return Err(mistake.help("a quote inside of quotes is doubled: \"a \"\"b\"\" c\""));
                }
                Some(b'"') if self.bytes.get(self.at + 1) == Some(&b'"') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(b'"') => break,
                Some(b'\n' | b'\r') => {
                    self.end_of_line();
                }
                Some(_) => self.at += 1,
            }
        }
        let bytes = open + 1..self.at;
        self.at += 1;
        match self.bytes.get(self.at) {
            None | Some(b'\n' | b'\r') => {}
            Some(byte) if *byte == self.delimiter => {}
            Some(_) => {
                let place = bytes.end..self.at + 1;
                let mistake = Mistake::at("the field goes on behind its closing quote", self.line, &self.bytes, place);
                return Err(mistake.help("a quote inside of quotes is doubled: \"a \"\"b\"\" c\""));
            }
        }
        Ok(Field { bytes, escaped, line })
    }
}

pub(super) fn not_utf8(bytes: &[u8], at: usize) -> Mistake {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Mistake::of_file("the text is in UTF-16").help("save the file as UTF-8");
    }
    let line = line_of(bytes, at);
    Mistake::at("the text is not UTF-8", line, bytes, at..at + 1).help("save the file as UTF-8")
}

/// The number of the line in which a byte is.
fn line_of(bytes: &[u8], at: usize) -> usize {
    let ends = (0..at).filter(|at| match bytes[*at] {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    ends.count() + 1
}

fn noun(kind: EnvKind) -> &'static str {
    match kind {
        EnvKind::Text => "text",
        EnvKind::Int => "a whole number",
        EnvKind::Float => "a number",
        EnvKind::Bool => "`true` or `false`",
    }
}
