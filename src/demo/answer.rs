//! Answers: JSON bodies and refusals.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

pub type Answer = Response<Full<Bytes>>;

/// Why a request is not served: the status, and a sentence for its JSON body.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub status: StatusCode,
    pub message: String,
}

impl Refusal {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Refusal {
        Refusal { status, message: message.into() }
    }

    pub fn into_answer(self) -> Answer {
        let body = json!({ "error": { "status": self.status.as_u16(), "message": self.message } });
        json_answer(self.status, body.to_string())
    }
}

pub fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, message)
}

pub fn not_found(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, message)
}

/// 200 with `{"data": …}`, the envelope of the shop.
pub fn data(value: &Value) -> Answer {
    json_answer(StatusCode::OK, json!({ "data": value }).to_string())
}

pub fn json_answer(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    typed(status, "application/json", body.into())
}

/// The text format of Prometheus.
pub fn metrics_answer(body: String) -> Answer {
    typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", body.into())
}

/// 405, with the methods that would do.
pub fn method_not_allowed(methods: &[Method]) -> Answer {
    let allowed = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} is allowed here"));
    let mut answer = refusal.into_answer();
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        answer.headers_mut().insert(ALLOW, allowed);
    }
    answer
}

fn typed(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
