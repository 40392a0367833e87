//! `data`: data sets, and where their rows come from.

use serde_json::Map;

use super::values::spanned;
use super::{Decoder, Fields, first_line};
use crate::diagnostic::Diagnostic;
use crate::expr::{Data, Value};
use crate::plan::model::{Csv, DataSet, EnvKind, OnExhausted, RowPer, RowPick, RowSource};
use crate::plan::node::{Key, Kind, Node};
use crate::plan::vocabulary::{self as words, DATA_SET};
use crate::source::Spanned;

/// Where rows come from; a set has exactly one of them.
const SOURCES: [&str; 4] = ["csv", "json", "jsonl", "rows"];
/// What only CSV needs to be told.
const OF_CSV: [&str; 4] = ["delimiter", "header", "columns", "types"];

impl Decoder<'_> {
    pub(super) fn data_sets(&mut self, node: &Node) -> Vec<DataSet> {
        let Some(entries) = self.entries(node, "data", "a map from names to data sets") else {
            self.unread.node(node);
            return Vec::new();
        };
        let mut sets = Vec::new();
        for (key, value) in entries {
            let before = self.found.found.len();
            let set = self.data_set(key, value);
            match set.filter(|_| self.found.found.len() == before) {
                Some(set) => sets.push(set),
                None => self.unread.word(&key.name),
            }
        }
        sets
    }

    fn data_set(&mut self, key: &Key, value: &Node) -> Option<DataSet> {
        self.variable(key);
        if let Kind::Text(text) = &value.kind {
            let kind = match text.value.rsplit_once('.').map(|(_, ending)| ending) {
                Some("json") => "json",
                Some("jsonl" | "ndjson") => "jsonl",
                _ => "csv",
            };
            let help = format!("write `{{ {kind}: {} }}`", text.value);
            self.wrong_type_with(value, &key.name, "a map", help);
            return None;
        }
        if value.is_null() {
            self.no_value(key, &words::Shape::Object(&DATA_SET));
            return None;
        }
        let fields = self.fields(&DATA_SET, value, &key.name)?;
        let from = self.row_source(&fields);
        let picks = [RowPick::Sequential, RowPick::Random, RowPick::Shuffle, RowPick::Unique, RowPick::PerVu];
        let ends = [OnExhausted::StopVu, OnExhausted::Recycle, OnExhausted::Fail];
        Some(DataSet {
            name: spanned(key),
            pick: self.one_of(&fields, "pick", words::ROW_PICKS, &picks),
            per: self.one_of(&fields, "per", words::ROWS_PER, &[RowPer::Iteration, RowPer::Vu]),
            on_exhausted: self.one_of(&fields, "on_exhausted", words::ON_EXHAUSTED, &ends),
            from: from?,
        })
    }

    fn one_of<T: Copy>(&mut self, fields: &Fields, name: &str, known: &[&str], values: &[T]) -> Option<Spanned<T>> {
        let node = fields.take(name)?;
        let index = self.word(node, name, known)?;
        values.get(index).map(|value| Spanned::new(*value, node.span))
    }

    fn row_source(&mut self, fields: &Fields) -> Option<RowSource> {
        let written: Vec<(&str, &Node)> = SOURCES.iter().filter_map(|name| Some((*name, fields.take(name)?))).collect();
        let [(name, node)] = written[..] else {
            // One that could not be read has been reported.
            if !(written.is_empty() && fields.unread) {
                let place = written.get(1).map_or(first_line(self.source, fields.span), |(_, node)| node.span);
                let message = "a data set needs exactly one of `csv`, `json`, `jsonl` and `rows`";
                self.push(Diagnostic::error("missing-key", message).at(place));
            }
            return None;
        };
        if name != "csv" {
            for option in OF_CSV.iter().filter_map(|option| fields.key(option)) {
                let message = format!("`{}` is for CSV, and `{name}` has no use for it", option.name);
                self.push(Diagnostic::error("conflicting-keys", message).at(option.span).help("leave it out"));
            }
        }
        Some(match name {
            "csv" => RowSource::Csv(Box::new(self.csv(node, fields)?)),
            "json" => RowSource::Json(self.label(node, name)?),
            "jsonl" => RowSource::JsonLines(self.label(node, name)?),
            _ => RowSource::Inline(self.rows(node)?),
        })
    }

    fn csv(&mut self, file: &Node, fields: &Fields) -> Option<Csv> {
        let file = self.label(file, "csv");
        let delimiter = fields.take("delimiter").map(|node| self.delimiter(node));
        let header = fields.take("header").and_then(|node| self.boolean(node, "header"));
        let columns = fields.take("columns").map(|node| self.columns(node));
        let types = fields.take("types").map(|node| self.column_types(node)).unwrap_or_default();
        Some(Csv { file: file?, delimiter: delimiter.flatten(), header, columns: columns.flatten(), types })
    }

    fn delimiter(&mut self, node: &Node) -> Option<u8> {
        let text = self.fixed_text(node, "delimiter")?;
        match text.value.as_bytes() {
            b"tab" => Some(b'\t'),
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Some(*byte),
            _ => {
                let message = format!("`delimiter` must be one ASCII character, not {:?}", text.value);
                let error = Diagnostic::error("unknown-value", message).at(node.span);
                self.push(error.help("such as `;` or `|` in quotes, or the word `tab`"));
                None
            }
        }
    }

    fn columns(&mut self, node: &Node) -> Option<Spanned<Vec<Spanned<String>>>> {
        let items = self.items(node, "columns", "a list of names")?;
        let mut names: Vec<Spanned<String>> = Vec::new();
        for item in items {
            let Some(name) = self.label(item, "columns") else { continue };
            match names.iter().find(|known| known.value == name.value) {
                Some(first) => {
                    let error = Diagnostic::error("duplicate-key", format!("`{}` stands here twice", name.value));
                    self.push(error.at(name.span).also(first.span, "first here"));
                }
                None => names.push(name),
            }
        }
        Some(Spanned::new(names, node.span))
    }

    fn column_types(&mut self, node: &Node) -> Vec<(Spanned<String>, EnvKind)> {
        let Some(entries) = self.entries(node, "types", "a map from columns to types") else { return Vec::new() };
        let kinds = [EnvKind::Text, EnvKind::Int, EnvKind::Float, EnvKind::Bool];
        let kind = |(key, value): &(Key, Node)| {
            let index = self.word(value, &key.name, words::ENV_KINDS)?;
            Some((spanned(key), kinds[index]))
        };
        entries.iter().filter_map(kind).collect()
    }

    fn rows(&mut self, node: &Node) -> Option<Spanned<Vec<Map<String, Value>>>> {
        let items = self.items(node, "rows", "a list of maps")?;
        let mut rows = Vec::new();
        for item in items {
            let Kind::Map(_) = &item.kind else {
                self.wrong_type_with(item, "rows", "a list of maps", "write `- { id: 1, name: ann }` for each row");
                continue;
            };
            match fixed(&self.data(item)) {
                Some(Value::Object(row)) => rows.push(row),
                _ => {
                    let message = "`rows` are fixed: `${…}` is not replaced here";
                    let place = first_line(self.source, item.span);
                    let error = Diagnostic::error("template-not-allowed", message).at(place);
                    self.push(error.help("what varies is set by a step: `set: { name: \"${…}\" }`"));
                }
            }
        }
        Some(Spanned::new(rows, node.span))
    }
}

/// The value of data without templates.
fn fixed(data: &Data) -> Option<Value> {
    match data {
        Data::Literal(value) => Some(value.clone()),
        Data::Template(_) => None,
        Data::List(items) => items.iter().map(fixed).collect::<Option<Vec<_>>>().map(Value::Array),
        Data::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| Some((key.clone(), fixed(value)?)));
            entries.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
    }
}
