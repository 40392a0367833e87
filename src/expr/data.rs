//! Data with templates at its leaves: what `json`, `set` and `vars` hold.
//!
//! Owns: keeping types where a leaf is one expression, and writing JSON without building it. Must never know: what the data is for.

use super::written::write_serialized;
use super::{EvalError, Names, Program, Scope, Template, TextProgram, Value};

/// Data with templates at its leaves: what `json`, `set` and `vars` hold. A leaf that is one `${ expr }` alone keeps the
/// expression's type.
#[derive(Clone, Debug)]
pub enum Data {
    Literal(Value),
    Template(Template),
    List(Vec<Data>),
    Object(Vec<(String, Data)>),
}

/// Compiled [`Data`].
#[derive(Clone, Debug)]
pub struct DataProgram {
    root: Leaf,
}

#[derive(Clone, Debug)]
enum Leaf {
    /// Nothing in it varies; `json` is its text.
    Literal {
        value: Value,
        json: Vec<u8>,
    },
    Value(Program),
    Text(TextProgram),
    List(Vec<Leaf>),
    /// Keys and their JSON text.
    Object(Vec<(String, Vec<u8>, Leaf)>),
}

impl DataProgram {
    pub fn compile(data: &Data, names: &dyn Names) -> DataProgram {
        DataProgram { root: Leaf::compile(data, names) }
    }

    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        self.root.evaluate(scope)
    }

    /// Appends compact JSON, without building a value first; nothing after an error.
    pub fn write_json(&self, scope: &dyn Scope, out: &mut Vec<u8>) -> Result<(), EvalError> {
        let before = out.len();
        let mut text = String::new();
        self.root.write_json(scope, &mut text, out).inspect_err(|_| out.truncate(before))
    }

    /// As text for people: JSON, with `${…}` where something varies.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.root.print(&mut out);
        out
    }

    /// The data where nothing of it varies.
    pub fn constant(&self) -> Option<&Value> {
        match &self.root {
            Leaf::Literal { value, .. } => Some(value),
            _ => None,
        }
    }
}

impl Leaf {
    fn compile(data: &Data, names: &dyn Names) -> Leaf {
        match data {
            Data::Literal(value) => Leaf::literal(value.clone()),
            Data::Template(template) => Leaf::template(template, names),
            Data::List(items) => {
                let items: Vec<Leaf> = items.iter().map(|item| Leaf::compile(item, names)).collect();
                let values: Option<Vec<Value>> = items.iter().map(|item| item.value().cloned()).collect();
                values.map_or_else(|| Leaf::List(items), |values| Leaf::literal(Value::Array(values)))
            }
            Data::Object(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, data)| (key.clone(), json(key.as_str()), Leaf::compile(data, names)))
                    .collect();
                let values = entries.iter().map(|(key, _, leaf)| Some((key.clone(), leaf.value().cloned()?)));
                match values.collect::<Option<serde_json::Map<_, _>>>() {
                    Some(values) => Leaf::literal(Value::Object(values)),
                    None => Leaf::Object(entries),
                }
            }
        }
    }

    fn literal(value: Value) -> Leaf {
        let json = json(&value);
        Leaf::Literal { value, json }
    }

    fn template(template: &Template, names: &dyn Names) -> Leaf {
        if let Some(expr) = template.single() {
            let program = Program::compile(expr, names);
            return match program.constant() {
                Some(value) => Leaf::literal(value.clone()),
                None => Leaf::Value(program),
            };
        }
        let program = TextProgram::compile(template, names);
        match program.constant() {
            Some(text) => Leaf::literal(Value::String(text.to_owned())),
            None => Leaf::Text(program),
        }
    }

    fn value(&self) -> Option<&Value> {
        match self {
            Leaf::Literal { value, .. } => Some(value),
            _ => None,
        }
    }

    fn print(&self, out: &mut String) {
        match self {
            Leaf::Literal { json, .. } => out.push_str(&String::from_utf8_lossy(json)),
            Leaf::Value(program) => out.push_str(&format!("${{{}}}", program.text())),
            Leaf::Text(program) => out.push_str(&Value::from(program.text()).to_string()),
            Leaf::List(items) => {
                out.push('[');
                print_all(items.iter().map(|item| ("", item)), out);
                out.push(']');
            }
            Leaf::Object(entries) => {
                out.push('{');
                print_all(entries.iter().map(|(key, _, leaf)| (key.as_str(), leaf)), out);
                out.push('}');
            }
        }
    }

    fn evaluate(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        Ok(match self {
            Leaf::Literal { value, .. } => value.clone(),
            Leaf::Value(program) => program.evaluate(scope)?.to_value().map_err(|error| within(program, error))?,
            Leaf::Text(program) => {
                let mut text = String::new();
                program.render(scope, &mut text)?;
                Value::String(text)
            }
            Leaf::List(items) => Value::Array(items.iter().map(|item| item.evaluate(scope)).collect::<Result<_, _>>()?),
            Leaf::Object(entries) => {
                let entries = entries.iter().map(|(key, _, leaf)| Ok((key.clone(), leaf.evaluate(scope)?)));
                Value::Object(entries.collect::<Result<_, EvalError>>()?)
            }
        })
    }

    /// `text` is room to render in.
    fn write_json(&self, scope: &dyn Scope, text: &mut String, out: &mut Vec<u8>) -> Result<(), EvalError> {
        match self {
            Leaf::Literal { json, .. } => out.extend_from_slice(json),
            Leaf::Value(program) => program.evaluate(scope)?.write_json(out).map_err(|error| within(program, error))?,
            Leaf::Text(program) => {
                text.clear();
                program.render(scope, text)?;
                write_serialized(text.as_str(), out)?;
            }
            Leaf::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write_json(scope, text, out)?;
                }
                out.push(b']');
            }
            Leaf::Object(entries) => {
                out.push(b'{');
                for (at, (_, key, leaf)) in entries.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(key);
                    out.push(b':');
                    leaf.write_json(scope, text, out)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }
}

/// Items with a comma between them, each behind its key where it has one.
fn print_all<'l>(items: impl Iterator<Item = (&'l str, &'l Leaf)>, out: &mut String) {
    for (at, (key, item)) in items.enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        if !key.is_empty() {
            out.push_str(key);
            out.push_str(": ");
        }
        item.print(out);
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut json = Vec::new();
    // A JSON value is always writable: its keys are text and its numbers are finite.
    let _ = write_serialized(value, &mut json);
    json
}

fn within(program: &Program, error: EvalError) -> EvalError {
    EvalError::new(format!("`{}`: {}", program.label(), error.message))
}
