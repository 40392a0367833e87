//! Values in the middle of an evaluation.
//!
//! Owns: the view over borrowed JSON, its types' names, and how messages show it.
//! Must never know: programs and scopes.

use std::borrow::Cow;
use std::rc::Rc;

use super::{ResponseField, Value};

/// A value in the middle of an evaluation: borrowed from scope or program wherever possible.
#[derive(Clone, Debug)]
pub enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Cow<'a, str>),
    /// A list or an object, borrowed; also an integer beyond 64 signed bits, which counts as a float but keeps its digits.
    Json(&'a Value),
    List(Rc<Vec<Val<'a>>>),
    Map(Rc<Vec<(String, Val<'a>)>>),
    /// `json.?data.?token`: a value, or its absence.
    Optional(Option<Box<Val<'a>>>),
    /// A namespace of the response that is only ever selected from: `headers`, `cookies`, `timings`.
    Response(ResponseField),
}

/// Values are shown in messages up to here.
const SHOWN_CHARACTERS: usize = 60;
const SHOWN_KEYS: usize = 8;

#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

impl<'a> Val<'a> {
    pub fn from_json(value: &'a Value) -> Val<'a> {
        match value {
            Value::Null => Val::Null,
            Value::Bool(value) => Val::Bool(*value),
            Value::String(text) => Val::Str(Cow::Borrowed(text)),
            Value::Number(number) => match number.as_i64() {
                Some(int) => Val::Int(int),
                None if number.is_f64() => Val::Float(number.as_f64().unwrap_or(f64::NAN)),
                None => Val::Json(value),
            },
            Value::Array(_) | Value::Object(_) => Val::Json(value),
        }
    }

    pub(super) fn owned(value: Value) -> Val<'a> {
        match value {
            Value::Null => Val::Null,
            Value::Bool(value) => Val::Bool(value),
            Value::String(text) => Val::Str(Cow::Owned(text)),
            Value::Number(number) => {
                number.as_i64().map_or_else(|| Val::Float(number.as_f64().unwrap_or(f64::NAN)), Val::Int)
            }
            Value::Array(items) => Val::List(Rc::new(items.into_iter().map(Val::owned).collect())),
            Value::Object(entries) => {
                Val::Map(Rc::new(entries.into_iter().map(|(key, value)| (key, Val::owned(value))).collect()))
            }
        }
    }

    pub(super) fn str(text: &'a str) -> Val<'a> {
        Val::Str(Cow::Borrowed(text))
    }

    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Val::Int(int) => Some(Number::Int(*int)),
            Val::Float(float) => Some(Number::Float(*float)),
            Val::Json(Value::Number(number)) => number.as_f64().map(Number::Float),
            _ => None,
        }
    }

    /// What the plan's author calls the type.
    pub fn kind(&self) -> &'static str {
        match self {
            Val::Null | Val::Json(Value::Null) => "null",
            Val::Bool(_) | Val::Json(Value::Bool(_)) => "bool",
            Val::Int(_) => "int",
            Val::Float(_) | Val::Json(Value::Number(_)) => "double",
            Val::Str(_) | Val::Json(Value::String(_)) => "string",
            Val::Json(Value::Array(_)) | Val::List(_) => "list",
            Val::Json(Value::Object(_)) | Val::Map(_) | Val::Response(_) => "object",
            Val::Optional(_) => "optional",
        }
    }

    /// Elements of a list, entries of an object; `None` for everything else.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Val::Json(Value::Array(items)) => Some(items.len()),
            Val::Json(Value::Object(entries)) => Some(entries.len()),
            Val::List(items) => Some(items.len()),
            Val::Map(entries) => Some(entries.len()),
            _ => None,
        }
    }

    /// The element of a list.
    pub(super) fn item(&self, index: usize) -> Option<Val<'a>> {
        match self {
            Val::Json(Value::Array(items)) => items.get(index).map(Val::from_json),
            Val::List(items) => items.get(index).cloned(),
            _ => None,
        }
    }

    /// The value of an object's key.
    pub(super) fn field(&self, key: &str) -> Option<Val<'a>> {
        match self {
            Val::Json(Value::Object(entries)) => entries.get(key).map(Val::from_json),
            Val::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()),
            _ => None,
        }
    }

    /// The key at a position; objects keep the order they were written in.
    pub(super) fn key(&self, index: usize) -> Option<Cow<'a, str>> {
        match self {
            Val::Json(Value::Object(entries)) => entries.iter().nth(index).map(|(key, _)| Cow::Borrowed(key.as_str())),
            Val::Map(entries) => entries.get(index).map(|(key, _)| Cow::Owned(key.clone())),
            _ => None,
        }
    }

    pub(super) fn keys(&self) -> Option<Vec<Val<'a>>> {
        match self {
            Val::Json(Value::Object(entries)) => Some(entries.keys().map(|key| Val::str(key)).collect()),
            Val::Map(entries) => Some(entries.iter().map(|(key, _)| Val::Str(Cow::Owned(key.clone()))).collect()),
            _ => None,
        }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self, Val::List(_) | Val::Json(Value::Array(_)))
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Val::Map(_) | Val::Json(Value::Object(_)))
    }

    /// `string "5"`, `a list of 3`, `an object (there are `a`, `b`)`: bounded, for messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Val::Null => "null".to_owned(),
            Val::Bool(value) => format!("bool {value}"),
            Val::Str(text) => format!("string {}", quoted(text)),
            Val::Optional(None) => "an absent value".to_owned(),
            Val::Optional(Some(value)) => format!("optional {}", value.describe()),
            Val::Response(_) => "an object".to_owned(),
            _ if self.is_list() => format!("a list of {}", self.length().unwrap_or(0)),
            _ if self.is_object() => format!("an object ({})", self.listed_keys()),
            _ => {
                let mut text = String::from(self.kind());
                text.push(' ');
                match self.write_text(&mut text) {
                    Ok(()) => text,
                    Err(_) => format!("{} {:?}", self.kind(), self.number().map_or(f64::NAN, Number::as_float)),
                }
            }
        }
    }

    /// "there are `status`, `queueOrder`": bounded, for messages.
    pub(super) fn listed_keys(&self) -> String {
        listed((0..).map_while(|index| self.key(index)), self.length().unwrap_or(0))
    }
}

impl Number {
    pub fn as_float(self) -> f64 {
        match self {
            Number::Int(int) => int as f64,
            Number::Float(float) => float,
        }
    }
}

/// In quotes, and bounded.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", shorten(text))
}

/// Text for a message: its start, where it is long.
pub(super) fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

/// Names in backticks, at most eight of `total`.
pub(super) fn listed<T: AsRef<str>>(names: impl Iterator<Item = T>, total: usize) -> String {
    if total == 0 {
        return "it is empty".to_owned();
    }
    let shown: Vec<String> = names.take(SHOWN_KEYS).map(|name| format!("`{}`", shorten(name.as_ref()))).collect();
    let rest = total - shown.len().min(total);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("there are {}{more}", shown.join(", "))
}
