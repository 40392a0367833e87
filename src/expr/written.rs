//! The ways out of an evaluation: JSON value, JSON text, plain text.
//!
//! Owns: what has no such form, and why. Must never know: what it is written for.

use std::fmt::Write;

use super::{EvalError, Val, Value};

/// JSON that is kept nests no deeper: a variable that holds itself in a list would grow until the stack overflows.
const DEPTH_LIMIT: usize = 128;

impl Val<'_> {
    /// A copy that lives on its own. An absent value, a number that JSON cannot hold, and lists within lists beyond all measure have none.
    pub fn to_value(&self) -> Result<Value, EvalError> {
        self.value_at(0)
    }

    fn value_at(&self, depth: usize) -> Result<Value, EvalError> {
        if depth > DEPTH_LIMIT {
            return Err(EvalError::new(format!("a value nests deeper than {DEPTH_LIMIT} levels")));
        }
        Ok(match self {
            Val::Null => Value::Null,
            Val::Bool(value) => Value::Bool(*value),
            Val::Int(int) => Value::from(*int),
            Val::Float(float) => {
                Value::Number(serde_json::Number::from_f64(*float).ok_or_else(|| not_a_number(*float))?)
            }
            Val::Str(text) => Value::String(text.as_ref().to_owned()),
            Val::Json(value) => copied(value, depth)?,
            Val::List(items) => {
                Value::Array(items.iter().map(|item| item.value_at(depth + 1)).collect::<Result<_, _>>()?)
            }
            Val::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| Ok((key.clone(), value.value_at(depth + 1)?)));
                Value::Object(entries.collect::<Result<_, EvalError>>()?)
            }
            Val::Optional(Some(value)) => value.value_at(depth)?,
            Val::Optional(None) | Val::Response(_) => return Err(absent()),
        })
    }

    /// Appends compact JSON.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) -> Result<(), EvalError> {
        match self {
            Val::Null => out.extend_from_slice(b"null"),
            Val::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Val::Int(int) => write_serialized(int, out)?,
            Val::Float(float) if float.is_finite() => write_serialized(float, out)?,
            Val::Float(float) => return Err(not_a_number(*float)),
            Val::Str(text) => write_serialized(text.as_ref(), out)?,
            Val::Json(value) => write_serialized(value, out)?,
            Val::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write_json(out)?;
                }
                out.push(b']');
            }
            Val::Map(entries) => {
                out.push(b'{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_serialized(key, out)?;
                    out.push(b':');
                    value.write_json(out)?;
                }
                out.push(b'}');
            }
            Val::Optional(Some(value)) => value.write_json(out)?,
            Val::Optional(None) | Val::Response(_) => return Err(absent()),
        }
        Ok(())
    }

    /// Appends the text of a string, a number or a bool; the rest has none.
    pub(super) fn write_text(&self, out: &mut String) -> Result<(), EvalError> {
        match self {
            Val::Str(text) => out.push_str(text),
            Val::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Val::Int(int) => {
                let _ = write!(out, "{int}");
            }
            // As JSON writes it: shortest, and still a floating-point number (`3.0`).
            Val::Float(float) => match serde_json::Number::from_f64(*float) {
                Some(number) => {
                    let _ = write!(out, "{number}");
                }
                None => return Err(not_a_number(*float)),
            },
            Val::Json(Value::Number(number)) => {
                let _ = write!(out, "{number}");
            }
            Val::Optional(Some(value)) => return value.write_text(out),
            Val::Optional(None) => return Err(EvalError::new("is absent: end it with `.orValue(…)`")),
            Val::Null => return Err(EvalError::new("is null: `x == null ? '' : x` says what to write then")),
            value => {
                return Err(EvalError::new(format!("is {}: `json_encode(…)` makes text of it", value.describe())));
            }
        }
        Ok(())
    }
}

fn copied(value: &Value, depth: usize) -> Result<Value, EvalError> {
    if depth > DEPTH_LIMIT {
        return Err(EvalError::new(format!("a value nests deeper than {DEPTH_LIMIT} levels")));
    }
    Ok(match value {
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| copied(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| Ok((key.clone(), copied(value, depth + 1)?)));
            Value::Object(entries.collect::<Result<_, EvalError>>()?)
        }
        scalar => scalar.clone(),
    })
}

pub(super) fn write_serialized<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EvalError> {
    serde_json::to_writer(out, value).map_err(|error| EvalError::new(format!("cannot be written as JSON: {error}")))
}

fn absent() -> EvalError {
    EvalError::new("the value is absent: end it with `.orValue(…)`")
}

fn not_a_number(float: f64) -> EvalError {
    EvalError::new(format!("{float} cannot be written: it is not a finite number"))
}
