//! What differs with every call: random values from the scope's generator, and the time.

use std::borrow::Cow;

use rand::{Rng, RngExt};

use super::super::evaluate::Run;
use super::super::{EvalError, Val};
use super::{float_of, int_of};

type Outcome<'a> = Result<Val<'a>, EvalError>;

/// Longest `random_string`.
const STRING_LIMIT: i64 = 1 << 20;
const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Both ends are included.
pub(super) fn int<'a>(run: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let (from, to) = (int_of(&arguments[0])?, int_of(&arguments[1])?);
    if from > to {
        return Err(EvalError::new(format!("the first number, {from}, is above the second, {to}")));
    }
    Ok(Val::Int(run.scope.random().borrow_mut().random_range(from..=to)))
}

pub(super) fn float<'a>(run: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let (from, to) = (float_of(&arguments[0])?, float_of(&arguments[1])?);
    let width = to - from;
    if from > to || !width.is_finite() {
        return Err(EvalError::new(format!("there are no numbers between {from} and {to}")));
    }
    Ok(Val::Float(from + width * run.scope.random().borrow_mut().random::<f64>()))
}

/// Letters and digits.
pub(super) fn string<'a>(run: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let length = int_of(&arguments[0])?;
    if !(0..=STRING_LIMIT).contains(&length) {
        return Err(EvalError::new(format!("makes 0 to {STRING_LIMIT} characters, not {length}")));
    }
    run.spend(length as usize)?;
    let mut random = run.scope.random().borrow_mut();
    let text: String =
        (0..length).map(|_| char::from(ALPHANUMERIC[random.random_range(0..ALPHANUMERIC.len())])).collect();
    Ok(Val::Str(Cow::Owned(text)))
}

pub(super) fn pick<'a>(run: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let list = &arguments[0];
    match list.length() {
        Some(length) if list.is_list() && length > 0 => {
            let index = run.scope.random().borrow_mut().random_range(0..length);
            Ok(list.item(index).unwrap_or(Val::Null))
        }
        Some(0) if list.is_list() => Err(EvalError::new("the list is empty")),
        _ => Err(EvalError::new(format!("takes a list, not {}", list.describe()))),
    }
}

/// Version 4 of RFC 9562: 122 random bits.
pub(super) fn uuid<'a>(run: &mut Run<'a>, _: &mut [Val<'a>]) -> Outcome<'a> {
    let mut bytes = [0_u8; 16];
    run.scope.random().borrow_mut().fill_bytes(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = super::codec::hex(&bytes);
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(Val::Str(Cow::Owned(parts.join("-"))))
}

/// RFC 3339 in UTC, to the millisecond.
pub(super) fn now<'a>(run: &mut Run<'a>, _: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(Val::Str(Cow::Owned(format!("{:.3}", run.scope.wall()))))
}

pub(super) fn timestamp_ms<'a>(run: &mut Run<'a>, _: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(Val::Int(run.scope.wall().as_millisecond()))
}
