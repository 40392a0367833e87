//! A request step: rendering, redirects, samples, and what follows a response.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Uri};
use url::form_urlencoded::Serializer;

use super::answer::Answer;
use super::flow::Flow;
use super::{UnderWay, Vu};
use crate::clock::{Instant, now};
use crate::expr::{EvalError, Program, Value};
use crate::graph::{BodyProgram, CheckId, RequestStep, Step};
use crate::metrics::{ProblemKind, RequestSample};
use crate::plan::StatusRange;
use crate::transport::url::{parse_url, redirect_target};
use crate::transport::{ErrorCode, Exchange, Failure, Request, Session};

/// The largest body that is taken, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

impl<S: Session> Vu<S> {
    pub(super) async fn request(&mut self, step: &Step, spec: &RequestStep) -> Flow {
        let due = now();
        let request = match self.rendered(spec) {
            Ok(request) => request,
            Err(why) => {
                self.problem(step.site, ProblemKind::Template, "", &why);
                return Flow::FAILED;
            }
        };
        self.waited = true;
        self.exchange(step, spec, request, due).await;
        let passed = self.run_checks(&spec.require) && self.extract(&spec.extract);
        if passed {
            self.run_checks(&spec.checks);
        }
        let later = self.graph.scenarios[self.identity.scenario].later;
        if let Some(answer) = &mut self.answer {
            answer.keep_only(later);
        }
        if passed { Flow::Next } else { Flow::FAILED }
    }

    /// Sends the request and follows its redirects; every hop is a sample, the last one the answer.
    async fn exchange(&mut self, step: &Step, spec: &RequestStep, mut request: Request, due: Instant) {
        let mut hop_due = due;
        let mut hops_left = spec.redirects;
        let is_private = spec.extract.iter().any(|extraction| extraction.secret);
        loop {
            if let Some(cookie) = self.jar.header(&request.uri) {
                merge_cookie(&mut request.headers, cookie);
            }
            let stage = self.stage();
            self.asked_in = stage;
            self.under_way = Some(UnderWay { site: step.site, stage });
            let result = self.session.send(&request).await;
            self.under_way = None;
            let end = now();
            let total = end - hop_due;
            let exchange = match result {
                Ok(exchange) => exchange,
                Err(failure) => {
                    let timed_out = has_latency(&failure);
                    self.record_failure(step, stage, &failure, timed_out.then_some(total));
                    let whole = timed_out.then_some(end - due);
                    self.answer = Some(Box::new(Answer::missing(failure, request.uri.to_string(), whole, is_private)));
                    return;
                }
            };
            self.jar.keep(&exchange.headers, &request.uri);
            let next = if spec.redirects > 0 { redirect(&request, &exchange) } else { Redirect::None };
            let next = match next {
                Redirect::To(_) if hops_left == 0 => Redirect::Lost(format!("more than {} redirects", spec.redirects)),
                next => next,
            };
            let expected = match &next {
                Redirect::To(_) => true,
                Redirect::Lost(_) => false,
                Redirect::None => is_expected(&spec.expect, exchange.status),
            };
            let error = if let Redirect::Lost(why) = &next { why.as_str() } else { "" };
            self.record_exchange((step, stage), &exchange, expected, error, total);
            match next {
                Redirect::To(next) => {
                    request = *next;
                    hops_left -= 1;
                    hop_due = end;
                }
                Redirect::None | Redirect::Lost(_) => {
                    self.answer =
                        Some(Box::new(Answer::received(exchange, request.uri.to_string(), end - due, is_private)));
                    return;
                }
            }
        }
    }

    fn record_exchange(
        &self,
        (step, stage): (&Step, u16),
        exchange: &Exchange,
        expected: bool,
        error: &str,
        total: std::time::Duration,
    ) {
        self.recorder.borrow_mut().request(&RequestSample {
            site: step.site,
            stage,
            status: exchange.status,
            proto: exchange.proto,
            expected,
            interrupted: false,
            phases: Some(exchange.phases),
            total: Some(total),
            error_code: if expected { 0 } else { status_error(exchange.status) },
            error,
            sent: exchange.sent,
            received: exchange.received,
        });
    }

    /// `total` is `None` where there is no latency.
    fn record_failure(&self, step: &Step, stage: u16, failure: &Failure, total: Option<std::time::Duration>) {
        self.recorder.borrow_mut().request(&RequestSample {
            site: step.site,
            stage,
            status: failure.status,
            proto: failure.proto,
            expected: false,
            interrupted: false,
            phases: total.map(|_| failure.phases),
            total,
            error_code: failure.code as u16,
            error: &self.secrets.told(&self.graph.secrets, &failure.message),
            sent: failure.sent,
            received: failure.received,
        });
    }

    /// Records each check; `false` where one did not hold.
    pub(super) fn run_checks(&self, checks: &[(CheckId, Program)]) -> bool {
        let mut all = true;
        for (id, condition) in checks {
            let held = condition.holds(self);
            // Not the step's, so that each check has a row of its own.
            let site = self.graph.checks[id.0 as usize].site;
            self.recorder.borrow_mut().check(site, self.asked_in, held == Ok(true));
            if let Err(error) = &held {
                self.problem(site, ProblemKind::Check, "", &error.message);
            }
            all &= held == Ok(true);
        }
        all
    }

    fn rendered(&self, spec: &RequestStep) -> Result<Request, String> {
        let mut text = String::new();
        spec.url
            .render(self, &mut text)
            .map_err(|error| format!("the URL `{}`: {}", spec.url.text(), error.message))?;
        if !spec.query.is_empty() {
            let query = self.pairs(&spec.query).map_err(|error| format!("`query`: {}", error.message))?;
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(&query);
        }
        let uri = parse_url(&text).map_err(|why| format!("the URL `{text}`: {why}"))?;
        let mut headers = HeaderMap::with_capacity(spec.headers.len() + 2);
        let mut value = String::new();
        for (name, program) in &spec.headers {
            value.clear();
            program.render(self, &mut value).map_err(|error| format!("header `{name}`: {}", error.message))?;
            let value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| format!("header `{name}`: the value has a character that may not stand in a header"))?;
            headers.append(name, value);
        }
        let body = self.body(&spec.body, &mut headers).map_err(|error| format!("the body: {}", error.message))?;
        Ok(Request {
            method: spec.method.clone(),
            uri,
            headers,
            body,
            timeout: spec.timeout,
            max_body: MAX_BODY,
            discard_body: false,
            expect_continue: false,
        })
    }

    fn body(&self, body: &BodyProgram, headers: &mut HeaderMap) -> Result<Bytes, EvalError> {
        Ok(match body {
            BodyProgram::None => Bytes::new(),
            BodyProgram::Json(program) => {
                let mut out = Vec::with_capacity(128);
                program.write_json(self, &mut out)?;
                headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
                Bytes::from(out)
            }
            BodyProgram::Form(fields) => {
                headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/x-www-form-urlencoded"));
                Bytes::from(self.pairs(fields)?)
            }
            BodyProgram::Text(program) => {
                let mut out = String::new();
                program.render(self, &mut out)?;
                Bytes::from(out)
            }
            BodyProgram::Bytes(bytes) => Bytes::from_owner(std::sync::Arc::clone(bytes)),
        })
    }

    /// `name=value` pairs, URL-encoded; a list repeats its name.
    fn pairs(&self, fields: &[(String, crate::expr::DataProgram)]) -> Result<String, EvalError> {
        let mut out = Serializer::new(String::new());
        for (name, program) in fields {
            match program.evaluate(self)? {
                Value::Array(values) => {
                    for value in &values {
                        out.append_pair(name, &scalar_text(name, value)?);
                    }
                }
                value => {
                    out.append_pair(name, &scalar_text(name, &value)?);
                }
            }
        }
        Ok(out.finish())
    }
}

fn scalar_text(name: &str, value: &Value) -> Result<String, EvalError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Null => Err(EvalError { message: format!("`{name}` is null") }),
        Value::Array(_) | Value::Object(_) => Err(EvalError {
            message: format!("`{name}` is a list or an object; write it as text with `json_encode(…)`"),
        }),
    }
}

/// A request without a response has no latency, except one that was sent and timed out: it took at least that long.
fn has_latency(failure: &Failure) -> bool {
    failure.code == ErrorCode::Timeout && failure.written
}

fn is_expected(ranges: &[StatusRange], status: u16) -> bool {
    ranges.iter().any(|range| (range.first..=range.last).contains(&status))
}

/// k6's codes for responses that were not expected: 1000 + status, so 1400 to 1499 for 4xx and 1500 to 1599 for 5xx. Others (an
/// unexpected 200 or 302) have none there, either; they are in `http_req_failed` all the same.
fn status_error(status: u16) -> u16 {
    if (400..600).contains(&status) { 1000 + status } else { 0 }
}

fn merge_cookie(headers: &mut HeaderMap, jar: HeaderValue) {
    let merged = match headers.get(COOKIE) {
        // What the plan writes stands first; the jar adds to it.
        Some(own) => HeaderValue::from_bytes(&[own.as_bytes(), b"; ", jar.as_bytes()].concat()).unwrap_or(jar),
        None => jar,
    };
    headers.insert(COOKIE, merged);
}

/// What a response asks for besides being read.
enum Redirect {
    None,
    To(Box<Request>),
    /// It is a redirect, and there is no way to follow it.
    Lost(String),
}

/// The request that follows a redirect, as browsers make it.
fn redirect(request: &Request, exchange: &Exchange) -> Redirect {
    let keeps_method = match exchange.status {
        301 | 302 => request.method != Method::POST,
        303 => matches!(request.method, Method::GET | Method::HEAD),
        307 | 308 => true,
        _ => return Redirect::None,
    };
    let Some(location) = exchange.headers.get(LOCATION) else { return Redirect::None };
    let location = String::from_utf8_lossy(location.as_bytes());
    let uri = match redirect_target(&request.uri, &location) {
        Ok(uri) => uri,
        Err(why) => return Redirect::Lost(format!("cannot follow the redirect to `{location}`: {why}")),
    };
    let mut next = Box::new(request.clone());
    next.headers.remove(COOKIE);
    if !same_origin(&request.uri, &uri) {
        next.headers.remove(AUTHORIZATION);
    }
    if !keeps_method {
        next.method = Method::GET;
        next.body = Bytes::new();
        next.headers.remove(CONTENT_TYPE);
        next.headers.remove(CONTENT_LENGTH);
    }
    next.uri = uri;
    Redirect::To(next)
}

fn same_origin(a: &Uri, b: &Uri) -> bool {
    a.scheme() == b.scheme() && a.authority() == b.authority()
}
