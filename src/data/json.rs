//! JSON (an array of objects) and JSON lines into a [`Table`], one object at a time: no tree of the whole file is ever made.

use std::fmt;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::csv::not_utf8;
use super::mistake::Mistake;
use super::table::{JsonRows, Table};

const FORM: &str =
    "the file is an array of objects: [{\"id\": 1}, {\"id\": 2}]; for one object on each line, write `jsonl`";

/// An array of objects.
pub fn array(bytes: &[u8]) -> Result<Table, Mistake> {
    let bytes = text(bytes)?;
    let mut rows = JsonRows::default();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = json.deserialize_seq(Objects(&mut rows)).and_then(|()| json.end());
    read.map_err(|error| mistake(&error, bytes, 0, 1, FORM))?;
    full(rows)
}

/// One object on each line; empty lines are skipped.
pub fn lines(bytes: &[u8]) -> Result<Table, Mistake> {
    let bytes = text(bytes)?;
    let mut rows = JsonRows::default();
    let mut start = 0;
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if !line.trim_ascii().is_empty() {
            let row: Map<String, Value> = serde_json::from_slice(line)
                .map_err(|error| mistake(&error, bytes, start, index + 1, "each line is one object"))?;
            rows.push(row).map_err(Mistake::of_file)?;
        }
        start += line.len() + 1;
    }
    full(rows)
}

fn text(bytes: &[u8]) -> Result<&[u8], Mistake> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(not_utf8(bytes, error.valid_up_to())),
    }
}

fn full(rows: JsonRows) -> Result<Table, Mistake> {
    let table = rows.finish();
    match table.is_empty() {
        true => Err(Mistake::of_file("the file has no rows")),
        false => Ok(table),
    }
}

/// `start` and `line` are those of the text that was parsed; `form` is said where it is JSON, but not of the right form.
fn mistake(error: &serde_json::Error, bytes: &[u8], start: usize, line: usize, form: &str) -> Mistake {
    let whole = error.to_string();
    let message = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(message, _)| message);
    let lines_before = error.line().saturating_sub(1);
    let line_start = match lines_before {
        0 => start,
        _ => {
            let ends = bytes[start..].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            start + ends.map(|(at, _)| at + 1).nth(lines_before - 1).unwrap_or_default()
        }
    };
    let at = (line_start + error.column().saturating_sub(1)).min(bytes.len().saturating_sub(1));
    let mistake = Mistake::at(message, line + lines_before, bytes, at..(at + 1).min(bytes.len()));
    if error.is_data() { mistake.help(form) } else { mistake }
}

struct Objects<'r>(&'r mut JsonRows);

impl<'de> Visitor<'de> for Objects<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(row) = items.next_element::<Map<String, Value>>()? {
            self.0.push(row).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
