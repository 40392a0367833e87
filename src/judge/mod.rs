//! Stage 8: thresholds × snapshot + facts of the run → verdict.
//!
//! Must never know: how samples were made, exit codes.

mod evaluate;
mod verdict;

pub use evaluate::{Finding, State, evaluate, should_abort};
pub use verdict::{End, Facts, Generator, Outcome, Verdict, decide};

use std::time::Duration;

use crate::source::Span;

/// A compiled threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Name in the catalogue: `http_req_duration`, `token_status_check`.
    pub metric: String,
    /// Tags that samples must carry, in the order written.
    pub selector: Vec<(String, String)>,
    pub statistic: Statistic,
    pub comparison: Comparison,
    /// In the metric's unit: ms for times, 0..1 for rates, per second for `rate` of a counter.
    pub limit: f64,
    /// As written: `p(95)<3s`.
    pub text: String,
    pub abort_on_fail: bool,
    pub delay_abort_eval: Duration,
    pub allow_empty: bool,
    /// `None` for default thresholds.
    pub span: Option<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    Avg,
    Min,
    Med,
    Max,
    Count,
    Rate,
    Value,
    /// 0..=100.
    Percentile(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

#[cfg(test)]
mod tests;
