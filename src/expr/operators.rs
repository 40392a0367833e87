//! What operators do with values: CEL's rules, without conversions.
//!
//! Owns: arithmetic, order, equality. Must never know: where the values come from.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use super::evaluate::Run;
use super::syntax::{Arithmetic, Comparison};
use super::value::Number;
use super::{EvalError, Val};

pub(super) fn arithmetic<'a>(
    run: &mut Run<'a>,
    operator: Arithmetic,
    left: Val<'a>,
    right: Val<'a>,
) -> Result<Val<'a>, EvalError> {
    match (left.number(), right.number()) {
        (Some(Number::Int(a)), Some(Number::Int(b))) => return integers(operator, a, b).map(Val::Int),
        (Some(Number::Float(a)), Some(Number::Float(b))) if operator != Arithmetic::Remainder => {
            return Ok(Val::Float(floats(operator, a, b)));
        }
        _ => {}
    }
    if operator == Arithmetic::Add {
        if let (Val::Str(a), Val::Str(b)) = (&left, &right) {
            run.spend(a.len() + b.len())?;
            return Ok(Val::Str(Cow::Owned([a.as_ref(), b.as_ref()].concat())));
        }
        if left.is_list() && right.is_list() {
            return joined(run, &left, &right);
        }
    }
    Err(mismatch(operator, &left, &right))
}

fn integers(operator: Arithmetic, a: i64, b: i64) -> Result<i64, EvalError> {
    let result = match operator {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide | Arithmetic::Remainder if b == 0 => {
            return Err(EvalError::new(format!("`{a} {} 0`: division by zero", operator.symbol())));
        }
        Arithmetic::Divide => a.checked_div(b),
        Arithmetic::Remainder => a.checked_rem(b),
    };
    result.ok_or_else(|| EvalError::new(format!("`{a} {} {b}` does not fit 64 bits", operator.symbol())))
}

fn floats(operator: Arithmetic, a: f64, b: f64) -> f64 {
    match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Remainder => a % b,
    }
}

fn joined<'a>(run: &mut Run<'a>, left: &Val<'a>, right: &Val<'a>) -> Result<Val<'a>, EvalError> {
    run.spend(left.length().unwrap_or(0) + right.length().unwrap_or(0))?;
    let items = [left, right].into_iter().flat_map(|list| (0..).map_while(|index| list.item(index)));
    Ok(Val::List(Rc::new(items.collect())))
}

fn mismatch(operator: Arithmetic, left: &Val, right: &Val) -> EvalError {
    let symbol = operator.symbol();
    let fix = match (left.number(), right.number()) {
        (Some(_), Some(_)) if operator == Arithmetic::Remainder => "`%` takes integers: `int(x)` makes one",
        (Some(_), Some(_)) => "`double(x)` makes both floating-point",
        _ if operator == Arithmetic::Add && (matches!(left, Val::Str(_)) || matches!(right, Val::Str(_))) => {
            "`string(x)` makes text of a value"
        }
        _ => "`int(x)` and `double(x)` make numbers of text",
    };
    EvalError::new(format!("`{symbol}` does not combine {} with {}: {fix}", left.describe(), right.describe()))
}

pub(super) fn compare(comparison: Comparison, left: &Val, right: &Val) -> Result<bool, EvalError> {
    let order = match (left, right) {
        (Val::Str(a), Val::Str(b)) => Some(a.as_ref().cmp(b.as_ref())),
        (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(b)),
        _ => match (left.number(), right.number()) {
            (Some(a), Some(b)) => order(a, b),
            _ => {
                let symbol = comparison.symbol();
                return Err(EvalError::new(format!(
                    "`{symbol}` does not compare {} with {}: `int(x)`, `double(x)` or `string(x)` converts",
                    left.describe(),
                    right.describe()
                )));
            }
        },
    };
    Ok(match comparison {
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// Mathematical order, also between the two types of number; `None` with NaN.
pub(super) fn order(a: Number, b: Number) -> Option<Ordering> {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
        (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
        (Number::Int(a), Number::Float(b)) => order_mixed(a, b),
        (Number::Float(a), Number::Int(b)) => order_mixed(b, a).map(Ordering::reverse),
    }
}

/// Exact: a 64-bit integer does not fit a double's 53 bits.
fn order_mixed(int: i64, float: f64) -> Option<Ordering> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        return None;
    }
    if float >= BEYOND {
        return Some(Ordering::Less);
    }
    if float < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc();
    let fraction = float - whole;
    Some(int.cmp(&(whole as i64)).then(0.0.partial_cmp(&fraction)?))
}

/// CEL's heterogeneous equality: values of different types are different, numbers compare by value.
pub(super) fn equal(left: &Val, right: &Val) -> bool {
    match (left, right) {
        (Val::Null, Val::Null) => true,
        (Val::Bool(a), Val::Bool(b)) => a == b,
        (Val::Str(a), Val::Str(b)) => a == b,
        (Val::Optional(a), Val::Optional(b)) => match (a, b) {
            (Some(a), Some(b)) => equal(a, b),
            (None, None) => true,
            _ => false,
        },
        _ => match (left.number(), right.number()) {
            (Some(a), Some(b)) => order(a, b) == Some(Ordering::Equal),
            (None, None) => same_elements(left, right),
            _ => false,
        },
    }
}

fn same_elements(left: &Val, right: &Val) -> bool {
    let (Some(length), Some(other)) = (left.length(), right.length()) else { return false };
    if length != other || left.is_list() != right.is_list() {
        return false;
    }
    if left.is_list() {
        let pairs = (0..length).map(|index| (left.item(index), right.item(index)));
        return pairs.into_iter().all(|pair| matches!(pair, (Some(a), Some(b)) if equal(&a, &b)));
    }
    left.keys().into_iter().flatten().all(|key| match &key {
        Val::Str(key) => matches!((left.field(key), right.field(key)), (Some(a), Some(b)) if equal(&a, &b)),
        _ => false,
    })
}
