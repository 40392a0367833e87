//! How a request is delivered, in lines: what differs from the defaults, and no password.

use crate::plan::{Cookies, RetryOn};
use crate::units::{format_duration, format_size};

use super::super::compile::MAX_BODY;
use super::super::{BodyProgram, PartProgram, PartSource, RequestStep, Retry};
use super::{pairs, statuses};

pub(super) fn body(body: &BodyProgram) -> Vec<String> {
    match body {
        BodyProgram::None => Vec::new(),
        BodyProgram::Json(data) => vec![format!("json {}", data.text())],
        BodyProgram::Form(fields) => vec![format!("form {}", pairs(fields))],
        BodyProgram::Text(text) => vec![format!("body {:?}", text.text())],
        BodyProgram::Bytes(bytes) => vec![format!("body of {} bytes from a file", bytes.len())],
        BodyProgram::FileText { path, .. } => vec![format!("body from {path}, a template")],
        BodyProgram::Multipart(parts) => parts.iter().map(part).collect(),
    }
}

fn part(part: &PartProgram) -> String {
    let content = match &part.source {
        PartSource::Text(data) => data.text(),
        PartSource::Json(data) => format!("json {}", data.text()),
        PartSource::File(bytes) => format!("{} bytes from a file", bytes.len()),
    };
    let filename = part.filename.as_ref().map_or(String::new(), |name| format!(", named {}", name.text()));
    let kind = part.content_type.as_ref().map_or(String::new(), |kind| format!(", as {}", kind.text()));
    format!("part {}: {content}{filename}{kind}", part.name)
}

pub(super) fn delivery(request: &RequestStep) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(credentials) = &request.credentials {
        lines.push(format!("digest as {}", credentials.username.text()));
    }
    if request.packed.is_some() {
        lines.push("the body is packed once, before the run".to_owned());
    }
    if request.expect_continue {
        lines.push("asks before it sends the body (100-continue)".to_owned());
    }
    if request.discard_body {
        lines.push("the response's body is discarded".to_owned());
    }
    if request.max_body as u64 != MAX_BODY {
        lines.push(format!("a response's body of at most {}", format_size(request.max_body as u64)));
    }
    lines.extend(request.retry.as_ref().map(retry));
    lines
}

fn retry(retry: &Retry) -> String {
    let reasons: Vec<String> = retry.on.iter().map(reason).collect();
    let first = format_duration(retry.initial);
    let pauses = match retry.factor {
        1 => format!("{first} apart"),
        factor => format!("{first} apart, then {factor} times as long each time up to {}", format_duration(retry.max)),
    };
    let jitter = if retry.jitter { ", the pauses shortened at random to half at most" } else { "" };
    let asked = match retry.retry_after {
        true => format!("; `Retry-After` up to {}", format_duration(retry.max)),
        false => String::new(),
    };
    format!("at most {} attempts on {}: {pauses}{jitter}{asked}", retry.attempts, reasons.join(", "))
}

fn reason(reason: &RetryOn) -> String {
    match reason {
        RetryOn::Status(range) => statuses(*range),
        RetryOn::Error => "error".to_owned(),
        RetryOn::Timeout => "timeout".to_owned(),
    }
}

/// `None` for the default.
pub(super) fn cookies(cookies: Cookies) -> Option<&'static str> {
    match cookies {
        Cookies::PerVu => None,
        Cookies::PerIteration => Some("cookies are kept for an iteration"),
        Cookies::Off => Some("no cookies are kept or sent"),
    }
}
