//! Rows as they lie in memory: one text for all fields, and small numbers that say where each of them is.
//!
//! A million rows of text as a vector of strings would take five times the file; so they take less than twice.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::plan::EnvKind;

/// A column's name, and what its fields are read as; `None` where each field has a type of its own, as in JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    pub kind: Option<EnvKind>,
}

/// Rows and columns, read-only.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: usize,
    cells: Cells,
}

/// One field of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'t> {
    Text(&'t str),
    Int(i64),
    Float(f64),
    Bool(bool),
    Null,
    /// A list, an object, or a number beyond 64 signed bits.
    Json(&'t Value),
}

#[derive(Debug)]
enum Cells {
    /// Every row has every column. Field i ends at `ends[i]` and begins where the one before it ends.
    Text { text: String, ends: Vec<u32> },
    /// Only what a row has: `keys[i]` is the column of `values[i]`; row r begins at `starts[r]`.
    Json { text: String, starts: Vec<u32>, keys: Vec<u16>, values: Vec<Stored> },
}

/// A value in 16 bytes.
#[derive(Debug)]
enum Stored {
    /// A range of the text.
    Text(u32, u32),
    Int(i64),
    Float(f64),
    Bool(bool),
    Null,
    Other(Box<Value>),
}

impl Table {
    /// Fields of text, row by row, one after the other in `text`; of a column with a kind each must have been converted once.
    pub(super) fn of_text(columns: Vec<Column>, text: String, ends: Vec<u32>) -> Table {
        let rows = ends.len() / columns.len().max(1);
        Table { columns, rows, cells: Cells::Text { text, ends } }
    }

    /// Rows that were made by hand or during a run. The columns named come first, then others in the order in which rows have them.
    /// `Err` says which bound was passed.
    pub fn of_rows(columns: &[&str], rows: impl IntoIterator<Item = Map<String, Value>>) -> Result<Table, String> {
        let mut all = JsonRows::default();
        for column in columns {
            all.column(column)?;
        }
        for row in rows {
            all.push(row)?;
        }
        Ok(all.finish())
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub fn column(&self, name: &str) -> Option<u16> {
        self.columns.iter().position(|column| column.name == name).and_then(|at| u16::try_from(at).ok())
    }

    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// `None` where the row has no such field.
    pub fn cell(&self, row: usize, column: u16) -> Option<Cell<'_>> {
        match &self.cells {
            Cells::Text { text, ends } => {
                let at = row * self.columns.len() + usize::from(column);
                let start = if at == 0 { 0 } else { *ends.get(at - 1)? };
                let field = text.get(start as usize..*ends.get(at)? as usize)?;
                convert(self.columns.get(usize::from(column))?.kind.unwrap_or_default(), field)
            }
            Cells::Json { text, starts, keys, values } => {
                let (start, end) = (*starts.get(row)? as usize, *starts.get(row + 1)? as usize);
                let keys = keys.get(start..end)?;
                // Rows mostly have all columns, and in their order.
                let at = match keys.get(usize::from(column)) {
                    Some(key) if *key == column => usize::from(column),
                    _ => keys.iter().position(|key| *key == column)?,
                };
                Some(values.get(start + at)?.cell(text))
            }
        }
    }

    /// Bytes that it takes.
    pub fn memory(&self) -> usize {
        match &self.cells {
            Cells::Text { text, ends } => text.capacity() + ends.capacity() * size_of::<u32>(),
            Cells::Json { text, starts, keys, values } => {
                text.capacity()
                    + starts.capacity() * size_of::<u32>()
                    + keys.capacity() * size_of::<u16>()
                    + values.capacity() * size_of::<Stored>()
            }
        }
    }
}

/// A field as its column's kind. `None` where it is no such value.
pub(super) fn convert(kind: EnvKind, field: &str) -> Option<Cell<'_>> {
    match kind {
        EnvKind::Text => Some(Cell::Text(field)),
        EnvKind::Int => field.trim().parse().ok().map(Cell::Int),
        EnvKind::Float => field.trim().parse().ok().filter(|float: &f64| float.is_finite()).map(Cell::Float),
        // Spreadsheets write them in capitals.
        EnvKind::Bool => match field.trim() {
            field if field.eq_ignore_ascii_case("true") => Some(Cell::Bool(true)),
            field if field.eq_ignore_ascii_case("false") => Some(Cell::Bool(false)),
            _ => None,
        },
    }
}

impl Stored {
    fn cell<'t>(&'t self, text: &'t str) -> Cell<'t> {
        match self {
            Stored::Text(start, end) => Cell::Text(text.get(*start as usize..*end as usize).unwrap_or_default()),
            Stored::Int(int) => Cell::Int(*int),
            Stored::Float(float) => Cell::Float(*float),
            Stored::Bool(value) => Cell::Bool(*value),
            Stored::Null => Cell::Null,
            Stored::Other(value) => Cell::Json(value),
        }
    }
}

/// A table of objects while it grows.
#[derive(Default)]
pub struct JsonRows {
    columns: Vec<Column>,
    known: HashMap<String, u16>,
    text: String,
    starts: Vec<u32>,
    keys: Vec<u16>,
    values: Vec<Stored>,
}

impl JsonRows {
    /// `Err` says which bound was passed; the table is of no use then.
    pub fn push(&mut self, row: Map<String, Value>) -> Result<(), String> {
        self.starts.push(small(self.values.len())?);
        for (at, (name, value)) in row.into_iter().enumerate() {
            let expected = self.columns.get(at).is_some_and(|column| column.name == name);
            let key = if expected { at as u16 } else { self.column(&name)? };
            let value = self.stored(value)?;
            self.keys.push(key);
            self.values.push(value);
        }
        Ok(())
    }

    pub fn finish(mut self) -> Table {
        let rows = self.starts.len();
        // `push` has kept the number within its bound for each row before the last; this is the end of the last.
        self.starts.push(u32::try_from(self.values.len()).unwrap_or(u32::MAX));
        self.text.shrink_to_fit();
        self.starts.shrink_to_fit();
        self.keys.shrink_to_fit();
        self.values.shrink_to_fit();
        let JsonRows { columns, text, starts, keys, values, .. } = self;
        Table { columns, rows, cells: Cells::Json { text, starts, keys, values } }
    }

    fn column(&mut self, name: &str) -> Result<u16, String> {
        if let Some(known) = self.known.get(name) {
            return Ok(*known);
        }
        let next = u16::try_from(self.columns.len()).ok().filter(|next| *next < u16::MAX);
        let next = next.ok_or("the rows have more than 65535 different keys: are some of them data?")?;
        self.known.insert(name.to_owned(), next);
        self.columns.push(Column { name: name.to_owned(), kind: None });
        Ok(next)
    }

    fn stored(&mut self, value: Value) -> Result<Stored, String> {
        Ok(match value {
            Value::String(text) => {
                let start = small(self.text.len())?;
                self.text.push_str(&text);
                Stored::Text(start, small(self.text.len())?)
            }
            Value::Bool(value) => Stored::Bool(value),
            Value::Null => Stored::Null,
            Value::Number(number) => match (number.as_i64(), number.is_f64(), number.as_f64()) {
                (Some(int), ..) => Stored::Int(int),
                (None, true, Some(float)) => Stored::Float(float),
                _ => Stored::Other(Box::new(Value::Number(number))),
            },
            other => Stored::Other(Box::new(other)),
        })
    }
}

fn small(number: usize) -> Result<u32, String> {
    u32::try_from(number)
        .map_err(|_| "the rows have more than 4 GiB of text, or more than four billion fields".to_owned())
}
