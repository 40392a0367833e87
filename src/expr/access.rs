//! Reading fields and elements, and saying what was there when one is missing.
//!
//! Owns: `x.y`, `x[y]`, `has`, optionals and `in`. Must never know: programs around it.

use super::answer::TIMINGS;
use super::evaluate::{Evaluated, Run, at};
use super::program::Op;
use super::value::{Number, listed, shorten};
use super::{EvalError, ResponseField, Val, operators};

impl<'a> Run<'a> {
    /// The field of any value that has fields; `Err` where it has none.
    fn field(&self, value: &Val<'a>, key: &str) -> Result<Option<Val<'a>>, EvalError> {
        match value {
            Val::Response(field) => self.response_entry(*field, key),
            value if value.is_object() => Ok(value.field(key)),
            value if value.is_list() => Err(EvalError::new(match key {
                "length" | "size" | "count" => format!("a list has no `{key}`: write `size(x)`"),
                _ => format!("{} has no `{key}`: read an element, as in `[0]`", value.describe()),
            })),
            value => Err(EvalError::new(format!("{} has no `{key}`", value.describe()))),
        }
    }
}

pub(super) fn select<'a>(run: &mut Run<'a>, operand: &'a Op, field: &str, path: &str, optional: bool) -> Evaluated<'a> {
    if optional && operand.is_unset(run.scope) {
        return Ok(Val::Optional(None));
    }
    let value = operand.evaluate(run)?;
    // Once a path is optional, the rest of it is: `a.?b.c`.
    let (value, optional) = match value {
        Val::Optional(None) => return Ok(Val::Optional(None)),
        Val::Optional(Some(value)) => (*value, true),
        Val::Null if optional => return Ok(Val::Optional(None)),
        value => (value, optional),
    };
    match run.field(&value, field) {
        Ok(Some(found)) if optional => Ok(Val::Optional(Some(Box::new(found)))),
        Ok(Some(found)) => Ok(found),
        Ok(None) if optional => Ok(Val::Optional(None)),
        Ok(None) => Err(missing(run, &value, field, path)?),
        Err(_) if optional && matches!(value, Val::Null) => Ok(Val::Optional(None)),
        Err(error) => Err(at(path, error)),
    }
}

/// "`json.data.token`: no key `token` (there are `status`, `queueOrder`)".
fn missing<'a>(run: &Run<'a>, value: &Val<'a>, key: &str, path: &str) -> Result<EvalError, EvalError> {
    let what = match value {
        Val::Response(ResponseField::Headers) => "header",
        Val::Response(ResponseField::Cookies) => "cookie",
        Val::Response(_) => "timing",
        _ => "key",
    };
    let keys = match value {
        Val::Response(ResponseField::Timings) => listed(TIMINGS.into_iter(), TIMINGS.len()),
        value => run.settle(value.clone())?.listed_keys(),
    };
    let key = shorten(key);
    Ok(EvalError::new(format!("`{path}`: no {what} `{key}` ({keys})")))
}

pub(super) fn has<'a>(run: &mut Run<'a>, operand: &'a Op, field: &str, path: &str) -> Evaluated<'a> {
    if operand.is_unset(run.scope) {
        return Ok(Val::Bool(false));
    }
    let value = match operand.evaluate(run)? {
        Val::Optional(None) => return Ok(Val::Bool(false)),
        Val::Optional(Some(value)) => *value,
        value => value,
    };
    run.field(&value, field).map(|found| Val::Bool(found.is_some())).map_err(|error| at(path, error))
}

pub(super) fn indexed<'a>(
    run: &mut Run<'a>,
    operand: &'a Op,
    index: &'a Op,
    path: &str,
    optional: bool,
) -> Evaluated<'a> {
    if optional && operand.is_unset(run.scope) {
        return Ok(Val::Optional(None));
    }
    let value = operand.evaluate(run)?;
    let (value, optional) = match value {
        Val::Optional(None) => return Ok(Val::Optional(None)),
        Val::Optional(Some(value)) => (*value, true),
        Val::Null if optional => return Ok(Val::Optional(None)),
        value => (value, optional),
    };
    let index = index.evaluate(run)?;
    let found = match (&index, index.number()) {
        (Val::Str(key), _) if !value.is_list() => run.field(&value, key).map_err(|error| at(path, error))?,
        (_, Some(number)) if value.is_list() => position(number).and_then(|position| value.item(position)),
        _ => return Err(at(path, wrong_index(&value, &index))),
    };
    match (found, &index) {
        (Some(found), _) if optional => Ok(Val::Optional(Some(Box::new(found)))),
        (Some(found), _) => Ok(found),
        (None, _) if optional => Ok(Val::Optional(None)),
        (None, Val::Str(key)) => Err(missing(run, &value, key, path)?),
        (None, index) => {
            Err(at(path, EvalError::new(format!("no element {} in {}", index.describe(), value.describe()))))
        }
    }
}

/// A double counts where it is whole, as in CEL.
fn position(number: Number) -> Option<usize> {
    match number {
        Number::Int(int) => usize::try_from(int).ok(),
        Number::Float(float) if float >= 0.0 && float.fract() == 0.0 && float < 9e15 => Some(float as usize),
        Number::Float(_) => None,
    }
}

fn wrong_index(value: &Val, index: &Val) -> EvalError {
    let value_is = value.describe();
    EvalError::new(match value {
        value if value.is_list() => format!("{value_is} is read by a number, not {}", index.describe()),
        Val::Str(_) => format!("{value_is} is read by `charAt` or `substring`"),
        value if value.is_object() || matches!(value, Val::Response(_)) => {
            format!("{value_is} is read by text, not {}", index.describe())
        }
        _ => format!("{value_is} has no elements"),
    })
}

pub(super) fn contained<'a>(run: &mut Run<'a>, element: &'a Op, container: &'a Op) -> Evaluated<'a> {
    let element = element.settled(run)?;
    let container = container.evaluate(run)?;
    if container.is_list() {
        let length = container.length().unwrap_or(0);
        run.spend(length)?;
        let found =
            (0..length).any(|index| container.item(index).is_some_and(|item| operators::equal(&item, &element)));
        return Ok(Val::Bool(found));
    }
    match (&element, &container) {
        (Val::Str(key), Val::Response(field)) => Ok(Val::Bool(run.response_entry(*field, key)?.is_some())),
        (Val::Str(key), container) if container.is_object() => Ok(Val::Bool(container.field(key).is_some())),
        (_, container) if container.is_object() || matches!(container, Val::Response(_)) => Ok(Val::Bool(false)),
        (_, Val::Str(_)) => {
            Err(EvalError::new("`in` looks into lists and objects; in text, write `text.contains(part)`"))
        }
        (_, other) => Err(EvalError::new(format!("`in` looks into lists and objects, not into {}", other.describe()))),
    }
}
