//! A request step: its attempts, their hops, the samples of these, and what follows a response.

mod multipart;
mod record;
mod redirect;
mod render;
mod retry;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::answer::{Answer, Quoted};
use super::flow::Flow;
use super::{UnderWay, Vu};
use crate::clock::{Instant, now};
use crate::expr::Program;
use crate::graph::{CheckId, RequestStep, Step};
use crate::metrics::ProblemKind;
use crate::plan::{Sleep, StatusRange};
use crate::transport::{Exchange, Failure, Request, Session};
use record::has_latency;
pub(super) use redirect::same_origin;
use redirect::{Next, redirect};
pub(super) use render::Login;

/// Where an exchange stands between its hops.
struct Way {
    /// When the first hop was due, and the one under way.
    due: Instant,
    hop_due: Instant,
    redirects_left: u32,
    /// The hop under way answers a challenge.
    is_answer: bool,
}

impl<S: Session> Vu<S> {
    pub(super) async fn request(&mut self, step: &Step, spec: &RequestStep) -> Flow {
        let due = self.due.take().unwrap_or_else(now);
        let (request, login) = match self.rendered(spec) {
            Ok(rendered) => rendered,
            Err(why) => {
                self.problem(step.site, ProblemKind::Template, "", &why);
                return Flow::FAILED;
            }
        };
        self.waited = true;
        self.attempts(step, spec, request, login.as_ref(), due).await;
        let passed = self.run_checks(&spec.require) && self.extract(&spec.extract);
        if passed {
            self.run_checks(&spec.checks);
        }
        let later = self.graph.scenarios[self.identity.scenario].later;
        if let Some(answer) = self.answer.as_mut().and_then(Rc::get_mut) {
            answer.keep_only(later);
        }
        if passed { Flow::Next } else { Flow::FAILED }
    }

    /// Sends the request until its response is accepted; the last one is the answer.
    async fn attempts(
        &mut self,
        step: &Step,
        spec: &RequestStep,
        request: Request,
        login: Option<&Login>,
        mut due: Instant,
    ) {
        let Some(retry) = &spec.retry else { return self.exchange(step, spec, request, login, due).await };
        for attempt in 1..retry.attempts {
            self.exchange(step, spec, request.clone(), login, due).await;
            let Some(pause) = self.pause_before_retry(retry, attempt) else { return };
            self.pause(Sleep::Fixed(pause)).await;
            due = now();
        }
        self.exchange(step, spec, request, login, due).await;
    }

    /// Sends the request, follows its redirects and answers its challenges; every hop is a sample, the last one the answer.
    async fn exchange(
        &mut self,
        step: &Step,
        spec: &RequestStep,
        mut request: Request,
        login: Option<&Login>,
        due: Instant,
    ) {
        let mut way = Way { due, hop_due: due, redirects_left: spec.redirects, is_answer: false };
        // A password is for the host that the plan names, not for one that a redirect leads to.
        let login = login.map(|login| (login, request.uri.clone()));
        loop {
            let login = login.as_ref().filter(|(_, home)| same_origin(home, &request.uri)).map(|(login, _)| *login);
            let own_cookies = request.headers.get(COOKIE).cloned();
            self.dress(&mut request, login);
            let stage = self.stage();
            self.asked_in = stage;
            self.under_way = Some(UnderWay { site: step.site, stage });
            let result = self.session.send(&request).await;
            self.under_way = None;
            let end = now();
            let exchange = match result {
                Ok(exchange) => exchange,
                Err(failure) => return self.take_failure((step, stage), spec, &request, failure, &way, end),
            };
            self.jar.keep(&exchange.headers, &request.uri);
            let next = self.next(spec, &request, &exchange, login, &way);
            let expected = match &next {
                Next::To(_) | Next::Again => true,
                Next::Lost(_) => false,
                Next::Done => is_expected(&spec.expect, exchange.status),
            };
            let error = if let Next::Lost(why) = &next { why.as_str() } else { "" };
            self.record_exchange((step, stage), &exchange, expected, error, end - way.hop_due);
            way = Way { hop_due: end, is_answer: matches!(next, Next::Again), ..way };
            match next {
                Next::To(next) => {
                    request = *next;
                    way.redirects_left -= 1;
                }
                Next::Again => restore(&mut request.headers, own_cookies),
                Next::Done | Next::Lost(_) => {
                    let (url, total) = (request.uri.to_string(), end - way.due);
                    self.answer = Some(Rc::new(Answer::received(exchange, url, total, quoted(spec))));
                    return;
                }
            }
        }
    }

    /// What only the VU knows: its cookies, and the answer to a challenge of before.
    fn dress(&mut self, request: &mut Request, login: Option<&Login>) {
        if let Some(cookie) = self.jar.header(&request.uri) {
            merge_cookie(&mut request.headers, cookie);
        }
        if let Some(login) = login {
            self.authorize(request, login);
        }
    }

    fn next(
        &mut self,
        spec: &RequestStep,
        request: &Request,
        exchange: &Exchange,
        login: Option<&Login>,
        way: &Way,
    ) -> Next {
        if let Some(login) = login.filter(|_| exchange.status == 401 && !way.is_answer) {
            match self.challenge(login, &request.uri, &exchange.headers) {
                Ok(true) => return Next::Again,
                Ok(false) => {}
                Err(why) => return Next::Lost(format!("cannot answer the digest challenge: {why}")),
            }
        }
        if spec.redirects == 0 {
            return Next::Done;
        }
        match redirect(request, exchange) {
            Next::To(_) if way.redirects_left == 0 => Next::Lost(format!("more than {} redirects", spec.redirects)),
            next => next,
        }
    }

    fn take_failure(
        &mut self,
        (step, stage): (&Step, u16),
        spec: &RequestStep,
        request: &Request,
        failure: Failure,
        way: &Way,
        end: Instant,
    ) {
        let timed_out = has_latency(&failure);
        self.record_failure(step, stage, &failure, timed_out.then_some(end - way.hop_due));
        let whole = timed_out.then_some(end - way.due);
        self.answer = Some(Rc::new(Answer::missing(failure, request.uri.to_string(), whole, quoted(spec))));
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
}

fn is_expected(ranges: &[StatusRange], status: u16) -> bool {
    ranges.iter().any(|range| (range.first..=range.last).contains(&status))
}

fn merge_cookie(headers: &mut HeaderMap, jar: HeaderValue) {
    let merged = match headers.get(COOKIE) {
        // What the plan writes stands first; the jar adds to it.
        Some(own) => HeaderValue::from_bytes(&[own.as_bytes(), b"; ", jar.as_bytes()].concat()).unwrap_or(jar),
        None => jar,
    };
    headers.insert(COOKIE, merged);
}

/// The plan's own cookies, before those of the jar are added again.
fn restore(headers: &mut HeaderMap, own_cookies: Option<HeaderValue>) {
    match own_cookies {
        Some(own) => drop(headers.insert(COOKIE, own)),
        None => drop(headers.remove(COOKIE)),
    }
}

/// Whether messages may show how the body begins.
fn quoted(spec: &RequestStep) -> Quoted {
    match spec.discard_body {
        true => Quoted::Discarded,
        false if spec.extract.iter().any(|extraction| extraction.secret) => Quoted::Private,
        false => Quoted::Yes,
    }
}
