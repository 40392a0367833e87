//! What is recorded of each hop.

use super::super::Vu;
use crate::clock::Duration;
use crate::graph::Step;
use crate::metrics::RequestSample;
use crate::transport::{ErrorCode, Exchange, Failure, Session};

impl<S: Session> Vu<S> {
    pub(super) fn record_exchange(
        &self,
        (step, stage): (&Step, u16),
        exchange: &Exchange,
        expected: bool,
        error: &str,
        total: Duration,
    ) {
        // It quotes the target, where there is one.
        let error = if error.is_empty() { String::new() } else { self.secrets.told(&self.graph.secrets, error) };
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
            error: &error,
            sent: exchange.sent,
            received: exchange.received,
        });
    }

    /// `total` is `None` where there is no latency.
    pub(super) fn record_failure(&self, step: &Step, stage: u16, failure: &Failure, total: Option<Duration>) {
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
}

/// A request without a response has no latency, except one that was sent and timed out: it took at least that long.
pub(super) fn has_latency(failure: &Failure) -> bool {
    failure.code == ErrorCode::Timeout && failure.written
}

/// k6's codes for responses that were not expected: 1000 + status, so 1400 to 1499 for 4xx and 1500 to 1599 for 5xx. Others (an
/// unexpected 200 or 302) have none there, either; they are in `http_req_failed` all the same.
fn status_error(status: u16) -> u16 {
    if (400..600).contains(&status) { 1000 + status } else { 0 }
}
