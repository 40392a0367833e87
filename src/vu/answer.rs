//! The response that the steps after a request read.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use crate::expr::{Response, Value};
use crate::graph::LaterReads;
use crate::metrics::Phases;
use crate::transport::{Exchange, Failure};

/// A response, or what there is in its place.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// `None` where nothing came and nothing timed out.
    times: Option<(Phases, Duration)>,
    url: String,
    error: String,
    error_code: u16,
    proto: &'static str,
    remote_ip: Option<std::net::IpAddr>,
    json: OnceCell<Result<Value, String>>,
    quoted: Quoted,
}

/// Whether messages show how the body begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoted {
    Yes,
    /// A secret is taken from it: where the secret is not found, nobody knows what to mask.
    Private,
    /// It was not kept.
    Discarded,
}

impl Answer {
    pub(super) fn received(exchange: Exchange, url: String, total: Duration, quoted: Quoted) -> Answer {
        Answer {
            status: exchange.status,
            headers: exchange.headers,
            body: exchange.body,
            times: Some((exchange.phases, total)),
            url,
            error: String::new(),
            error_code: 0,
            proto: exchange.proto,
            remote_ip: exchange.remote_ip,
            json: OnceCell::new(),
            quoted,
        }
    }

    /// Status 0, an empty body, and the error.
    pub(super) fn missing(failure: Failure, url: String, total: Option<Duration>, quoted: Quoted) -> Answer {
        Answer {
            status: 0,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            times: total.map(|total| (failure.phases, total)),
            url,
            error: failure.message,
            error_code: failure.code as u16,
            proto: failure.proto,
            remote_ip: None,
            json: OnceCell::new(),
            quoted,
        }
    }

    /// Lets go of what no later step reads.
    pub(super) fn keep_only(&mut self, later: LaterReads) {
        if !later.body {
            self.body = Bytes::new();
            self.json = OnceCell::new();
        }
        if !later.headers {
            self.headers = HeaderMap::new();
        }
    }

    /// How the body begins, for messages.
    pub(super) fn beginning(&self) -> String {
        match self.quoted {
            Quoted::Yes => format!("the body starts with `{}`", self.excerpt()),
            Quoted::Private => "the body is not shown, since a secret is taken from it".to_owned(),
            Quoted::Discarded => "the body was discarded".to_owned(),
        }
    }

    fn excerpt(&self) -> String {
        const SHOWN: usize = 160;
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(4 * SHOWN)]).into_owned();
        let Some((end, _)) = text.char_indices().nth(SHOWN) else { return text };
        // Not in the middle of a word: half a secret could not be recognized and masked.
        let whole =
            text[..end].trim_end_matches(|letter: char| letter.is_alphanumeric() || "-._~+/=%".contains(letter));
        format!("{whole}…")
    }

    fn set_cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .get_all(http::header::SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .filter_map(|text| text.split(';').next()?.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim()))
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

impl Response for Answer {
    fn status(&self) -> i64 {
        i64::from(self.status)
    }

    fn body(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    fn json(&self) -> Result<&Value, String> {
        let parsed = self.json.get_or_init(|| {
            serde_json::from_slice(&self.body).map_err(|error| match self.body.is_empty() {
                true if !self.error.is_empty() => format!("there was no response: {}", self.error),
                true if self.quoted == Quoted::Discarded => "the body was discarded".to_owned(),
                true => "the body is empty".to_owned(),
                false => format!("the body is not JSON ({error}); {}", self.beginning()),
            })
        });
        parsed.as_ref().map_err(Clone::clone)
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values = self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let first = values.next()?;
        Some(values.fold(first, |joined, next| Cow::Owned(format!("{joined}, {next}"))))
    }

    fn headers(&self) -> Vec<(String, String)> {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        self.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
    }

    fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        self.set_cookies().find(|(known, _)| *known == name).map(|(_, value)| Cow::Borrowed(value))
    }

    fn cookies(&self) -> Vec<(String, String)> {
        self.set_cookies().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn timing(&self, name: &str) -> Option<f64> {
        let (phases, total) = self.times.as_ref()?;
        Some(millis(match name {
            "duration" => phases.duration(),
            "total" => *total,
            "blocked" => phases.blocked,
            "looking_up" => phases.looking_up,
            "connecting" => phases.connecting,
            "tls_handshaking" => phases.tls_handshaking,
            "sending" => phases.sending,
            "waiting" => phases.waiting,
            "receiving" => phases.receiving,
            _ => return None,
        }))
    }

    fn url(&self) -> &str {
        &self.url
    }

    fn error(&self) -> &str {
        &self.error
    }

    fn error_code(&self) -> i64 {
        i64::from(self.error_code)
    }

    fn proto(&self) -> &str {
        self.proto
    }

    fn remote_ip(&self) -> Cow<'_, str> {
        self.remote_ip.map_or(Cow::Borrowed(""), |ip| Cow::Owned(ip.to_string()))
    }
}
