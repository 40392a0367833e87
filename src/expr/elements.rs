//! Lists, objects and the macros over their elements.
//!
//! Owns: how they are made and visited. Must never know: what the elements mean.

use std::rc::Rc;

use super::evaluate::{Evaluated, Run};
use super::program::Op;
use super::syntax::Comprehension;
use super::value::quoted;
use super::{EvalError, Val};

pub(super) fn list<'a>(run: &mut Run<'a>, entries: &'a [(Op, bool)]) -> Evaluated<'a> {
    let mut items = Vec::with_capacity(entries.len());
    for (op, optional) in entries {
        items.extend(entry(op.settled(run)?, *optional)?);
    }
    Ok(Val::List(Rc::new(items)))
}

/// `[?x]` and `{?'key': x}` leave an absent value out.
fn entry(value: Val, optional: bool) -> Result<Option<Val>, EvalError> {
    match value {
        value if !optional => Ok(Some(value)),
        Val::Optional(value) => Ok(value.map(|value| *value)),
        other => Err(EvalError::new(format!("behind `?` stands an optional value, not {}", other.describe()))),
    }
}

pub(super) fn map<'a>(run: &mut Run<'a>, entries: &'a [(Op, Op, bool)]) -> Evaluated<'a> {
    let mut items: Vec<(String, Val)> = Vec::with_capacity(entries.len());
    for (key, value, optional) in entries {
        let key = match key.evaluate(run)? {
            Val::Str(key) => key.into_owned(),
            other => return Err(EvalError::new(format!("the keys of an object are text, not {}", other.describe()))),
        };
        if items.iter().any(|(other, _)| *other == key) {
            return Err(EvalError::new(format!("an object has the key {} twice", quoted(&key))));
        }
        if let Some(value) = entry(value.settled(run)?, *optional)? {
            items.push((key, value));
        }
    }
    Ok(Val::Map(Rc::new(items)))
}

pub(super) fn comprehension<'a>(
    run: &mut Run<'a>,
    kind: Comprehension,
    range: &'a Op,
    filter: Option<&'a Op>,
    body: &'a Op,
) -> Evaluated<'a> {
    let range = range.settled(run)?;
    let range = match range.keys() {
        Some(keys) => Val::List(Rc::new(keys)),
        None if range.is_list() => range,
        None => return Err(EvalError::new(format!("only lists and objects have elements, not {}", range.describe()))),
    };
    let depth = run.locals.len();
    let result = visit(run, kind, &range, filter, body);
    run.locals.truncate(depth);
    result
}

fn visit<'a>(
    run: &mut Run<'a>,
    kind: Comprehension,
    range: &Val<'a>,
    filter: Option<&'a Op>,
    body: &'a Op,
) -> Evaluated<'a> {
    let (mut items, mut matches, mut first_error) = (Vec::new(), 0, None);
    let depth = run.locals.len();
    for index in 0..range.length().unwrap_or(0) {
        run.spend(1)?;
        run.locals.truncate(depth);
        run.locals.push(range.item(index).unwrap_or(Val::Null));
        if let Some(filter) = filter
            && !holds(filter.evaluate(run)?)?
        {
            continue;
        }
        match kind {
            Comprehension::Map => items.push(body.settled(run)?),
            Comprehension::ExistsOne => matches += usize::from(holds(body.evaluate(run)?)?),
            Comprehension::All | Comprehension::Exists => match body.evaluate(run).and_then(holds) {
                Ok(value) if value == (kind == Comprehension::Exists) => return Ok(Val::Bool(value)),
                Ok(_) => {}
                Err(error) => first_error = first_error.or(Some(error)),
            },
        }
    }
    match (kind, first_error) {
        (_, Some(error)) => Err(error),
        (Comprehension::Map, None) => Ok(Val::List(Rc::new(items))),
        (Comprehension::ExistsOne, None) => Ok(Val::Bool(matches == 1)),
        (Comprehension::All | Comprehension::Exists, None) => Ok(Val::Bool(kind == Comprehension::All)),
    }
}

fn holds(value: Val) -> Result<bool, EvalError> {
    match value {
        Val::Bool(value) => Ok(value),
        other => Err(EvalError::new(format!("the condition on each element is {}, not a bool", other.describe()))),
    }
}
