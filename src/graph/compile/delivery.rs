//! How a request goes out: its body, its packing, its limits, its repetition.

use std::path::Path;
use std::sync::Arc;

use crate::compress::{Encoding, compress};
use crate::expr::{Data, DataProgram};
use crate::plan::{Body, BodyPart, Delivery, Http, PartContent, Request, RetryOn, StatusRange};
use crate::source::Spanned;
use crate::units::Duration;
use crate::validate::delivery::LONGEST_PAUSE;
use crate::validate::http::{HeaderValue, headers, inherited};

use super::super::{BodyProgram, Credentials, PartProgram, PartSource, Retry};
use super::Compiler;

/// The largest body that is taken, in bytes, where the plan does not say.
pub(in super::super) const MAX_BODY: u64 = 64 << 20;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const FACTOR: u64 = 2;
/// What usually passes: too many requests, trouble of the server, no response.
const RETRIED: [RetryOn; 4] = [
    RetryOn::Status(StatusRange { first: 429, last: 429 }),
    RetryOn::Status(StatusRange { first: 500, last: 599 }),
    RetryOn::Error,
    RetryOn::Timeout,
];
const OF_FILES: &str = "application/octet-stream";
const OF_JSON: &str = "application/json";

impl Compiler<'_, '_> {
    pub(super) fn body(&self, body: Option<&Body>) -> BodyProgram {
        match body {
            None => BodyProgram::None,
            Some(Body::Json(data)) => BodyProgram::Json(DataProgram::compile(data, self.bindings)),
            Some(Body::Form(fields)) => BodyProgram::Form(self.pairs(fields)),
            Some(Body::Text(text)) => BodyProgram::Text(self.text(&text.value)),
            Some(Body::File(path)) => self.file(path).map_or(BodyProgram::None, BodyProgram::Bytes),
            Some(Body::FileTemplate(path)) => {
                let file = self.valid.file_templates.get(&path.value);
                let text = |template| BodyProgram::FileText { path: path.value.clone(), text: self.text(template) };
                file.map_or(BodyProgram::None, |file| text(&file.template))
            }
            Some(Body::Multipart(parts)) => {
                BodyProgram::Multipart(parts.iter().filter_map(|(name, part)| self.part(name, part)).collect())
            }
        }
    }

    /// `None` for what validation has refused.
    fn part(&self, name: &Spanned<String>, part: &BodyPart) -> Option<PartProgram> {
        let data = |data: &Data| DataProgram::compile(data, self.bindings);
        let (source, kind, file) = match &part.content {
            PartContent::Text(value) => (PartSource::Text(data(value)), None, None),
            PartContent::Json(value) => (PartSource::Json(data(value)), Some(OF_JSON), None),
            PartContent::File(path) => {
                let name = Path::new(&path.value).file_name().map(|name| name.to_string_lossy().into_owned());
                (PartSource::File(self.file(path)?), Some(OF_FILES), name)
            }
        };
        let literal = |text: &str| self.text(&super::request::literal(text));
        Some(PartProgram {
            name: name.value.clone(),
            source,
            content_type: part.content_type.as_ref().map(|kind| self.text(&kind.value)).or(kind.map(literal)),
            filename: part.filename.as_ref().map(|name| self.text(&name.value)).or(file.as_deref().map(literal)),
        })
    }

    fn file(&self, path: &Spanned<String>) -> Option<Arc<[u8]>> {
        self.valid.files.get(&path.value).cloned()
    }

    pub(super) fn credentials(&self, levels: &[&Http], request: &Request) -> Option<Credentials> {
        headers(levels, request).into_iter().find_map(|header| match header.value {
            HeaderValue::Digest { username, password } => {
                Some(Credentials { username: self.text(username), password: self.text(password) })
            }
            HeaderValue::Text(_) | HeaderValue::Basic { .. } | HeaderValue::Bearer(_) => None,
        })
    }
}

/// What the request's body is packed with. The nearest place decides; a header `Content-Encoding` there says that it is packed already.
pub(super) fn compression(levels: &[&Http], request: &Request) -> Vec<Encoding> {
    if request.body.is_none() {
        return Vec::new();
    }
    let places = levels.iter().map(|level| (&level.headers, &level.delivery));
    let mut decided: &[Encoding] = &[];
    for (headers, delivery) in places.chain([(&request.headers, &request.delivery)]) {
        if headers.iter().any(|(name, _)| name.value.eq_ignore_ascii_case("content-encoding")) {
            decided = &[];
        }
        decided = delivery.compression.as_ref().map_or(decided, |compression| &compression.value);
    }
    decided.to_vec()
}

/// The packed body, where nothing in it varies. What cannot be packed here is tried again in the run, which can say so.
pub(super) fn packed(body: &BodyProgram, encodings: &[Encoding]) -> Option<Arc<[u8]>> {
    if encodings.is_empty() {
        return None;
    }
    let constant = match body {
        BodyProgram::Json(data) => data.constant()?.to_string().into_bytes(),
        BodyProgram::Text(text) | BodyProgram::FileText { text, .. } => text.constant()?.as_bytes().to_vec(),
        BodyProgram::Bytes(bytes) => bytes.to_vec(),
        BodyProgram::None | BodyProgram::Form(_) | BodyProgram::Multipart(_) => return None,
    };
    compress(encodings, constant).ok().map(Arc::from)
}

pub(super) fn max_body(levels: &[&Http], own: &Delivery) -> usize {
    let size = inherited(levels, own.max_body.as_ref(), |http| http.delivery.max_body.as_ref());
    usize::try_from(size.map_or(MAX_BODY, |size| size.value)).unwrap_or(usize::MAX)
}

pub(super) fn discards(levels: &[&Http], own: &Delivery) -> bool {
    inherited(levels, own.discard_body.as_ref(), |http| http.delivery.discard_body.as_ref()).is_some_and(|it| it.value)
}

pub(super) fn expects_continue(levels: &[&Http], own: &Delivery) -> bool {
    inherited(levels, own.expect_continue.as_ref(), |http| http.delivery.expect_continue.as_ref())
        .is_some_and(|it| it.value)
}

/// `None` where one attempt is all there is.
pub(super) fn retry(levels: &[&Http], own: &Delivery) -> Option<Retry> {
    let written = inherited(levels, own.retry.as_ref(), |http| http.delivery.retry.as_ref())?;
    let retry = written.value.as_ref().filter(|retry| retry.attempts.value > 1)?;
    let backoff = retry.backoff.as_ref();
    let max = backoff.and_then(|backoff| backoff.max.as_ref());
    let factor = backoff.and_then(|backoff| backoff.factor.as_ref()).map_or(FACTOR, |factor| factor.value);
    Some(Retry {
        attempts: retry.attempts.value,
        on: retry.on.clone().unwrap_or_else(|| RETRIED.to_vec()),
        initial: backoff.map_or(FIRST_PAUSE, |backoff| backoff.initial.value),
        factor: u32::try_from(factor).unwrap_or(u32::MAX),
        max: max.map_or(LONGEST_PAUSE, |max| max.value),
        jitter: backoff.is_some_and(|backoff| backoff.jitter),
        retry_after: retry.retry_after.unwrap_or(true),
    })
}
