//! One threshold against one snapshot.

use std::time::Duration;

use super::{Comparison, Statistic, Threshold};
use crate::metrics::{Kind, Snapshot};

/// What a threshold came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Index into the thresholds.
    pub threshold: usize,
    /// In the unit of the threshold's limit.
    pub observed: Option<f64>,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Held,
    Broken,
    /// No samples: neither held nor broken.
    NoData,
    /// No samples, and the plan said that this may be.
    AllowedEmpty,
}

/// One finding per threshold, in their order.
pub fn evaluate(thresholds: &[Threshold], snapshot: &Snapshot) -> Vec<Finding> {
    let finding = |(index, threshold): (usize, &Threshold)| {
        let observed = observe(threshold, snapshot);
        let state = match observed {
            Some(value) if threshold.holds(value) => State::Held,
            Some(_) => State::Broken,
            None if threshold.allow_empty => State::AllowedEmpty,
            None => State::NoData,
        };
        Finding { threshold: index, observed, state }
    };
    thresholds.iter().enumerate().map(finding).collect()
}

/// The first threshold that is broken and asks for the run to be aborted then. One without data never does.
pub fn should_abort(thresholds: &[Threshold], snapshot: &Snapshot, elapsed: Duration) -> Option<usize> {
    thresholds.iter().position(|threshold| {
        threshold.abort_on_fail
            && elapsed >= threshold.delay_abort_eval
            && observe(threshold, snapshot).is_some_and(|value| !threshold.holds(value))
    })
}

/// The value of the threshold's statistic; `None` where there are no samples.
fn observe(threshold: &Threshold, snapshot: &Snapshot) -> Option<f64> {
    let metric = snapshot.metric(&threshold.metric)?;
    let selector = &threshold.selector;
    match metric.kind() {
        Kind::Trend { .. } => {
            let trend = snapshot.trend(metric, selector)?;
            match threshold.statistic {
                Statistic::Avg => Some(trend.avg()),
                Statistic::Min => Some(trend.min()),
                Statistic::Med => Some(trend.percentile(50.0)),
                Statistic::Max => Some(trend.max()),
                Statistic::Percentile(p) => Some(trend.percentile(p)),
                Statistic::Count => Some(trend.count() as f64),
                Statistic::Rate | Statistic::Value => None,
            }
        }
        Kind::Counter => match threshold.statistic {
            Statistic::Count => snapshot.counter(metric, selector).map(|count| count as f64),
            Statistic::Rate => snapshot.per_second(metric, selector),
            _ => None,
        },
        Kind::Rate => {
            let (passes, total) = snapshot.rate(metric, selector)?;
            match threshold.statistic {
                Statistic::Rate => Some(passes as f64 / total as f64),
                Statistic::Count => Some(passes as f64),
                _ => None,
            }
        }
        Kind::Gauge => {
            let gauge = snapshot.gauge(metric, selector)?;
            match threshold.statistic {
                Statistic::Value => Some(gauge.value as f64),
                Statistic::Max => Some(gauge.max as f64),
                _ => None,
            }
        }
    }
}

impl Threshold {
    /// Exact for `==` and `!=`: they are for counts.
    pub fn holds(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Less => value < self.limit,
            Comparison::LessOrEqual => value <= self.limit,
            Comparison::Greater => value > self.limit,
            Comparison::GreaterOrEqual => value >= self.limit,
            Comparison::Equal => value == self.limit,
            Comparison::NotEqual => value != self.limit,
        }
    }

    /// As the plan writes it: `http_req_duration{name:reserve}`.
    pub fn submetric(&self) -> String {
        if self.selector.is_empty() {
            return self.metric.clone();
        }
        let tags: Vec<String> = self.selector.iter().map(|(tag, value)| format!("{tag}:{value}")).collect();
        format!("{}{{{}}}", self.metric, tags.join(","))
    }
}
