//! The names of the response: `status`, `json`, `headers`, …
//!
//! Owns: which part of a [`Response`] a name reads. Must never know: how the response came.

use std::borrow::Cow;
use std::rc::Rc;

use super::evaluate::{Evaluated, Run};
use super::{EvalError, Response, ResponseField, Val};

pub(super) const TIMINGS: [&str; 8] =
    ["duration", "total", "blocked", "connecting", "tls_handshaking", "sending", "waiting", "receiving"];

impl<'a> Run<'a> {
    fn response(&self, name: &str) -> Result<&'a dyn Response, EvalError> {
        self.scope.response().ok_or_else(|| EvalError::new(format!("`{name}`: no request was made yet")))
    }

    /// `headers` and the like as an object, where they are not just selected from.
    pub fn settle(&self, value: Val<'a>) -> Result<Val<'a>, EvalError> {
        let Val::Response(field) = value else { return Ok(value) };
        let response = self.response(name(field))?;
        let text = |(key, value): (String, String)| (key, Val::Str(Cow::Owned(value)));
        Ok(Val::Map(Rc::new(match field {
            ResponseField::Cookies => response.cookies().into_iter().map(text).collect(),
            ResponseField::Timings => TIMINGS
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), Val::Float(response.timing(name)?))))
                .collect(),
            _ => response.headers().into_iter().map(text).collect(),
        })))
    }

    /// A field of `headers`, `cookies` or `timings`.
    pub fn response_entry(&self, field: ResponseField, key: &str) -> Result<Option<Val<'a>>, EvalError> {
        let response = self.response(name(field))?;
        Ok(match field {
            ResponseField::Cookies => response.cookie(key).map(Val::Str),
            ResponseField::Timings => match response.timing(key) {
                None if TIMINGS.contains(&key) => {
                    let why = format!("`timings.{key}`: there was no response, and so no time: {}", response.error());
                    return Err(EvalError::new(why));
                }
                time => time.map(Val::Float),
            },
            _ => response.header(key).map(Val::Str),
        })
    }
}

fn name(field: ResponseField) -> &'static str {
    match field {
        ResponseField::Status => "status",
        ResponseField::Body => "body",
        ResponseField::Json => "json",
        ResponseField::Headers => "headers",
        ResponseField::Cookies => "cookies",
        ResponseField::Timings => "timings",
        ResponseField::Url => "url",
        ResponseField::Error => "error",
        ResponseField::ErrorCode => "error_code",
        ResponseField::Proto => "proto",
        ResponseField::RemoteIp => "remote_ip",
    }
}

pub(super) fn read<'a>(run: &Run<'a>, field: ResponseField) -> Evaluated<'a> {
    let response = run.response(name(field))?;
    Ok(match field {
        ResponseField::Status => Val::Int(response.status()),
        ResponseField::Body => Val::Str(response.body()),
        ResponseField::Json => match response.json() {
            Ok(value) => Val::from_json(value),
            Err(why) => return Err(EvalError::new(format!("`json`: {why}"))),
        },
        ResponseField::Headers | ResponseField::Cookies | ResponseField::Timings => Val::Response(field),
        ResponseField::Url => Val::str(response.url()),
        ResponseField::Error => Val::str(response.error()),
        ResponseField::ErrorCode => Val::Int(response.error_code()),
        ResponseField::Proto => Val::str(response.proto()),
        ResponseField::RemoteIp => Val::Str(response.remote_ip()),
    })
}
