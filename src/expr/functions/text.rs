//! Functions on text, lists and optional values. Positions count characters, not bytes.

use std::borrow::Cow;
use std::rc::Rc;

use super::super::evaluate::Run;
use super::super::{EvalError, Val};
use super::{int_of, pattern, text_of};

type Outcome<'a> = Result<Val<'a>, EvalError>;

fn owned<'a>(text: impl Into<String>) -> Val<'a> {
    Val::Str(Cow::Owned(text.into()))
}

pub(super) fn size<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let length = match &arguments[0] {
        Val::Str(text) => text.chars().count(),
        value => match value.length() {
            Some(length) => length,
            None => {
                return Err(EvalError::new(format!("takes a string, a list or an object, not {}", value.describe())));
            }
        },
    };
    Ok(Val::Int(length as i64))
}

pub(super) fn matches<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let pattern =
        pattern(text_of(&arguments[1])?).map_err(|why| EvalError::new(format!("the pattern is not valid: {why}")))?;
    Ok(Val::Bool(pattern.is_match(text_of(&arguments[0])?)))
}

pub(super) fn contains<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    if arguments[0].is_list() {
        return Err(EvalError::new("takes a string, not a list: in a list, write `x in list`"));
    }
    Ok(Val::Bool(text_of(&arguments[0])?.contains(text_of(&arguments[1])?)))
}

pub(super) fn starts_with<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(Val::Bool(text_of(&arguments[0])?.starts_with(text_of(&arguments[1])?)))
}

pub(super) fn ends_with<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(Val::Bool(text_of(&arguments[0])?.ends_with(text_of(&arguments[1])?)))
}

pub(super) fn lower_ascii<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(owned(text_of(&arguments[0])?.to_ascii_lowercase()))
}

pub(super) fn upper_ascii<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(owned(text_of(&arguments[0])?.to_ascii_uppercase()))
}

pub(super) fn trim<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(owned(text_of(&arguments[0])?.trim()))
}

/// How many at most; `None` where there is no limit, which a negative one means too.
fn limit(argument: Option<&Val>) -> Result<Option<usize>, EvalError> {
    let limit = argument.map(int_of).transpose()?;
    Ok(limit.and_then(|limit| usize::try_from(limit).ok()))
}

/// An empty separator gives the characters. With a limit, what is left stays together in the last part.
pub(super) fn split<'a>(run: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let (text, separator) = (text_of(&arguments[0])?, text_of(&arguments[1])?);
    run.spend(text.len())?;
    let parts: Vec<Val> = match (limit(arguments.get(2))?, separator) {
        (Some(0), _) => Vec::new(),
        (None, "") => text.chars().map(owned).collect(),
        (Some(most), "") => characters(text, most).map(owned).collect(),
        (None, separator) => text.split(separator).map(owned).collect(),
        (Some(most), separator) => text.splitn(most, separator).map(owned).collect(),
    };
    Ok(Val::List(Rc::new(parts)))
}

/// Single characters, the last part being the rest.
fn characters(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let starts = text.char_indices().map(|(start, _)| start);
    starts.enumerate().take(most).map(move |(index, start)| {
        let rest = &text[start..];
        let length = rest.chars().next().map_or(0, char::len_utf8);
        if index + 1 == most { rest } else { &rest[..length] }
    })
}

pub(super) fn join<'a>(run: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let list = &arguments[0];
    if !list.is_list() {
        return Err(EvalError::new(format!("takes a list, not {}", list.describe())));
    }
    let separator = arguments.get(1).map_or(Ok(""), text_of)?;
    let mut joined = String::new();
    for index in 0..list.length().unwrap_or(0) {
        if index > 0 {
            joined.push_str(separator);
        }
        let before = joined.len();
        list.item(index).unwrap_or(Val::Null).write_text(&mut joined)?;
        run.spend(joined.len() - before + separator.len())?;
    }
    Ok(owned(joined))
}

pub(super) fn replace<'a>(run: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let (text, old, new) = (text_of(&arguments[0])?, text_of(&arguments[1])?, text_of(&arguments[2])?);
    let limit = limit(arguments.get(3))?;
    let longest = text.matches(old).count().saturating_mul(new.len()).saturating_add(text.len());
    run.spend(longest)?;
    Ok(owned(match limit {
        Some(limit) => text.replacen(old, new, limit),
        None => text.replace(old, new),
    }))
}

/// From `start` up to `end`, or to the end of the text.
pub(super) fn substring<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let text = text_of(&arguments[0])?;
    let length = text.chars().count() as i64;
    let start = int_of(&arguments[1])?;
    let end = arguments.get(2).map_or(Ok(length), int_of)?;
    if start < 0 || start > end || end > length {
        return Err(EvalError::new(format!("{start}..{end} is not within a text of {length} characters")));
    }
    Ok(owned(text.chars().skip(start as usize).take((end - start) as usize).collect::<String>()))
}

/// -1 where it does not occur.
pub(super) fn index_of<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let (text, part) = (text_of(&arguments[0])?, text_of(&arguments[1])?);
    let from = arguments.get(2).map_or(Ok(0), |from| offset(text, from))?;
    Ok(Val::Int(text[from..].find(part).map_or(-1, |at| text[..from + at].chars().count() as i64)))
}

/// -1 where it does not occur.
pub(super) fn last_index_of<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let (text, part) = (text_of(&arguments[0])?, text_of(&arguments[1])?);
    let from = arguments.get(2).map_or(Ok(text.len()), |from| offset(text, from))?;
    // It may begin at `from`, and then reaches beyond it.
    let mut end = (from + part.len()).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Ok(Val::Int(text[..end].rfind(part).map_or(-1, |at| text[..at].chars().count() as i64)))
}

/// The byte at which a character stands; the end of the text is a place, too.
fn offset(text: &str, index: &Val) -> Result<usize, EvalError> {
    let index = int_of(index)?;
    let places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let found = usize::try_from(index).ok().and_then(|index| places.clone().nth(index));
    found.ok_or_else(|| EvalError::new(format!("there is no character {index} in a text of {}", places.count() - 1)))
}

/// Empty right behind the last one.
pub(super) fn char_at<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let text = text_of(&arguments[0])?;
    let at = offset(text, &arguments[1])?;
    Ok(owned(text[at..].chars().next().map_or_else(String::new, String::from)))
}

fn optional<'v, 'a>(value: &'v mut Val<'a>) -> Result<&'v mut Option<Box<Val<'a>>>, EvalError> {
    match value {
        Val::Optional(value) => Ok(value),
        other => Err(EvalError::new(format!("takes an optional, as `json.?key` is, not {}", other.describe()))),
    }
}

pub(super) fn has_value<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(Val::Bool(optional(&mut arguments[0])?.is_some()))
}

pub(super) fn value<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    match optional(&mut arguments[0])?.take() {
        Some(value) => Ok(*value),
        None => Err(EvalError::new("the value is absent: `orValue(…)` says what to take then")),
    }
}

pub(super) fn optional_of<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(Val::Optional(Some(Box::new(std::mem::replace(&mut arguments[0], Val::Null)))))
}

pub(super) fn optional_none<'a>(_: &mut Run<'a>, _: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(Val::Optional(None))
}
