//! Conversions and numbers. Conversions follow CEL: `int` cuts towards zero, and nothing is guessed.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use super::super::evaluate::Run;
use super::super::operators::order;
use super::super::value::Number;
use super::super::{EvalError, Val};
use super::{float_of, int_of};

type Outcome<'a> = Result<Val<'a>, EvalError>;

/// Members of a `range`.
const RANGE_LIMIT: i64 = 10_000_000;

fn no_conversion(value: &Val, target: &str) -> EvalError {
    EvalError::new(format!("{} is not {target}", value.describe()))
}

pub(super) fn int<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let value = &arguments[0];
    let int = match (value, value.number()) {
        (Val::Str(text), _) => text.parse().ok(),
        (_, Some(Number::Int(int))) => Some(int),
        (_, Some(Number::Float(float))) => whole(float),
        _ => None,
    };
    int.map(Val::Int).ok_or_else(|| no_conversion(value, "a 64-bit integer"))
}

/// Cut towards zero; `None` beyond 64 bits.
fn whole(float: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    (float > -BEYOND && float < BEYOND).then_some(float as i64)
}

pub(super) fn double<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let value = &arguments[0];
    let float = match value {
        Val::Str(text) => text.parse().ok(),
        value => value.number().map(Number::as_float),
    };
    float.map(Val::Float).ok_or_else(|| no_conversion(value, "a number"))
}

pub(super) fn string<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let mut text = String::new();
    arguments[0].write_text(&mut text).map_err(|error| EvalError::new(format!("the argument {}", error.message)))?;
    Ok(Val::Str(Cow::Owned(text)))
}

pub(super) fn bool<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let value = &arguments[0];
    let known = match value {
        Val::Bool(value) => Some(*value),
        Val::Str(text) => match text.as_ref() {
            "1" | "t" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        },
        _ => None,
    };
    known.map(Val::Bool).ok_or_else(|| no_conversion(value, "a bool: compare it with something"))
}

pub(super) fn min<'a>(run: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    extreme(run, arguments, Ordering::Less)
}

pub(super) fn max<'a>(run: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    extreme(run, arguments, Ordering::Greater)
}

/// Of two numbers, or of a list of numbers.
fn extreme<'a>(run: &mut Run<'a>, arguments: &[Val<'a>], wanted: Ordering) -> Outcome<'a> {
    let items: Vec<Val> = match arguments {
        [list] if list.is_list() => (0..).map_while(|index| list.item(index)).collect(),
        numbers => numbers.to_vec(),
    };
    run.spend(items.len())?;
    let mut best: Option<(Number, Val)> = None;
    for item in items {
        let number = item.number().ok_or_else(|| EvalError::new(format!("takes numbers, not {}", item.describe())))?;
        if best.as_ref().is_none_or(|(best, _)| order(number, *best) == Some(wanted)) {
            best = Some((number, item));
        }
    }
    best.map(|(_, item)| item).ok_or_else(|| EvalError::new("an empty list has none"))
}

pub(super) fn abs<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    match arguments[0] {
        Val::Int(int) => match int.checked_abs() {
            Some(int) => Ok(Val::Int(int)),
            None => Err(EvalError::new(format!("of {int} does not fit 64 bits"))),
        },
        ref value => Ok(Val::Float(float_of(value)?.abs())),
    }
}

pub(super) fn round<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    to_whole(&arguments[0], f64::round)
}

pub(super) fn floor<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    to_whole(&arguments[0], f64::floor)
}

pub(super) fn ceil<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    to_whole(&arguments[0], f64::ceil)
}

/// An integer, unlike CEL's extension of the same name: it is what ids and amounts want.
fn to_whole<'a>(value: &Val<'a>, rounded: fn(f64) -> f64) -> Outcome<'a> {
    if let Val::Int(int) = value {
        return Ok(Val::Int(*int));
    }
    whole(rounded(float_of(value)?)).map(Val::Int).ok_or_else(|| no_conversion(value, "a 64-bit integer"))
}

/// `to` is not included.
pub(super) fn range<'a>(run: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let (from, to) = (int_of(&arguments[0])?, int_of(&arguments[1])?);
    let length = to.saturating_sub(from).max(0);
    if length > RANGE_LIMIT {
        return Err(EvalError::new(format!("has at most {RANGE_LIMIT} members, not {length}")));
    }
    run.spend(length as usize)?;
    Ok(Val::List(Rc::new((from..to).map(Val::Int).collect())))
}
