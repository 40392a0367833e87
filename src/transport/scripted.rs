//! A wire made of paper, for tests of those who use one: replies come from a function, delays from the runtime's clock.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ::http::HeaderMap;
use bytes::Bytes;

use super::{ErrorCode, Exchange, Failure, Request, Session, Transport};
use crate::clock::{self, Duration};
use crate::metrics::Phases;

/// What the target does with one request: after `delay` it answers, or fails with `failure`.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub delay: Duration,
    pub failure: Option<ErrorCode>,
}

impl Default for Reply {
    fn default() -> Reply {
        Reply { status: 200, headers: HeaderMap::new(), body: Bytes::new(), delay: Duration::ZERO, failure: None }
    }
}

/// Sessions that answer by the script, and a record of what they were asked.
#[derive(Clone)]
pub struct Scripted {
    script: Rc<dyn Fn(&Request) -> Reply>,
    requests: Rc<RefCell<Vec<Request>>>,
    sessions: Rc<Cell<usize>>,
    closes: Rc<Cell<usize>>,
}

impl Scripted {
    pub fn new(script: impl Fn(&Request) -> Reply + 'static) -> Scripted {
        Scripted { script: Rc::new(script), requests: Rc::default(), sessions: Rc::default(), closes: Rc::default() }
    }

    /// Everything that was sent so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    /// How many sessions were made.
    pub fn sessions(&self) -> usize {
        self.sessions.get()
    }

    /// How often a session was told to close its connections.
    pub fn closes(&self) -> usize {
        self.closes.get()
    }
}

impl Transport for Scripted {
    type Session = ScriptedSession;

    fn session(&self) -> ScriptedSession {
        self.sessions.set(self.sessions.get() + 1);
        ScriptedSession { scripted: self.clone(), started: None }
    }
}

pub struct ScriptedSession {
    scripted: Scripted,
    /// Of the hop under way.
    started: Option<clock::Instant>,
}

impl Session for ScriptedSession {
    async fn send(&mut self, request: &Request) -> Result<Exchange, Failure> {
        let started = *self.started.insert(clock::now());
        self.scripted.requests.borrow_mut().push(request.clone());
        let reply = (self.scripted.script)(request);
        let is_late = reply.delay > request.timeout;
        clock::sleep(reply.delay.min(request.timeout)).await;
        self.started = None;
        let phases = Phases { waiting: clock::now() - started, ..Phases::default() };
        let code = if is_late { Some(ErrorCode::Timeout) } else { reply.failure };
        if let Some(code) = code {
            return Err(failure(code, phases));
        }
        let Reply { status, headers, body, .. } = reply;
        let received = body.len() as u64;
        Ok(Exchange {
            status,
            proto: "HTTP/1.1",
            headers,
            body,
            phases,
            remote_ip: None,
            reused: true,
            sent: 1,
            received,
        })
    }

    fn rest(&mut self) {}

    fn close(&mut self) {
        self.scripted.closes.set(self.scripted.closes.get() + 1);
    }

    fn fork(&mut self) -> ScriptedSession {
        ScriptedSession { scripted: self.scripted.clone(), started: None }
    }

    fn join(&mut self, _: ScriptedSession) {}

    fn cut(&mut self) -> Option<Failure> {
        let waiting = clock::now() - self.started.take()?;
        Some(failure(ErrorCode::Other, Phases { waiting, ..Phases::default() }))
    }
}

/// One that had gone out, unless no connection came about.
fn failure(code: ErrorCode, phases: Phases) -> Failure {
    let written = !matches!(
        code,
        ErrorCode::DialRefused | ErrorCode::DialTimeout | ErrorCode::DialFailed | ErrorCode::NoSuchHost
    );
    let message = format!("scripted failure {}", code as u16);
    Failure { code, message, phases, status: 0, proto: "", written, sent: u64::from(written), received: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_late_reply_is_a_timeout_and_a_dropped_one_is_cut() {
        let scripted = Scripted::new(|_| Reply { delay: Duration::from_secs(2), ..Reply::default() });
        let timeout = Duration::from_secs(1);
        let request = Request { timeout, ..Request::get(::http::Uri::default()) };
        let mut session = scripted.session();
        let failure = session.send(&request).await.unwrap_err();
        assert_eq!((failure.code, failure.phases.duration()), (ErrorCode::Timeout, timeout));
        assert!(session.cut().is_none());
        assert!(tokio::time::timeout(timeout / 2, session.send(&request)).await.is_err());
        assert_eq!(session.cut().map(|failure| failure.phases.duration()), Some(timeout / 2));
        assert_eq!((scripted.requests().len(), scripted.sessions()), (2, 1));
    }
}
