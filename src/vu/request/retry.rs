//! Whether a response is accepted, and how long to wait before the request is sent again.

use http::header::RETRY_AFTER;
use jiff::fmt::rfc2822::DateTimeParser;

use super::super::Vu;
use super::super::answer::Answer;
use crate::clock::{self, Duration};
use crate::expr::Response;
use crate::graph::Retry;
use crate::plan::{RetryOn, Sleep};
use crate::transport::{ErrorCode, Session};

impl<S: Session> Vu<S> {
    /// `None` where the answer to this attempt, counted from 1, is accepted.
    pub(super) fn pause_before_retry(&self, retry: &Retry, attempt: u64) -> Option<Duration> {
        let answer = self.answer.as_deref()?;
        if !retry.on.iter().any(|reason| refuses(*reason, answer)) {
            return None;
        }
        let longest = backoff(retry, attempt);
        let pause = if retry.jitter { self.length(Sleep::Range(longest / 2, longest)) } else { longest };
        let asked = if retry.retry_after { retry_after(answer) } else { None };
        Some(asked.map_or(pause, |asked| pause.max(asked.min(retry.max))))
    }
}

fn refuses(reason: RetryOn, answer: &Answer) -> bool {
    let timed_out = [ErrorCode::Timeout, ErrorCode::DialTimeout].iter().any(|code| *code as i64 == answer.error_code());
    match reason {
        RetryOn::Status(range) => (range.first..=range.last).contains(&answer.status),
        RetryOn::Timeout => timed_out,
        RetryOn::Error => answer.error_code() != 0 && !timed_out,
    }
}

fn backoff(retry: &Retry, attempt: u64) -> Duration {
    let exponent = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    retry.initial.saturating_mul(retry.factor.saturating_pow(exponent)).min(retry.max)
}

/// Seconds, or a date.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let text = answer.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let until = DateTimeParser::new().parse_timestamp(text).ok()?;
    Duration::try_from(until.duration_since(clock::wall())).ok()
}
