//! One plain line of progress.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::quantity::{counted, duration, precise, share};
use super::table::prefix;
use crate::metrics::{Metric, Snapshot};

/// The figures of a running test. Counts are with the warm-up, the rest is of what is judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    pub elapsed: Duration,
    /// How long the plan takes at most.
    pub planned: Duration,
    pub vus: u64,
    pub iterations: u64,
    pub requests: u64,
    /// Requests per second in the last slice.
    pub rate: f64,
    /// Of `http_req_duration` so far, in ms.
    pub p95: Option<f64>,
    /// 0..=1 so far.
    pub failed: Option<f64>,
}

impl Progress {
    pub fn of(snapshot: &Snapshot, planned: Duration) -> Progress {
        let warmup = snapshot.warmup();
        Progress {
            elapsed: snapshot.elapsed(),
            planned,
            vus: snapshot.gauge(Metric::Vus, &[]).map_or(0, |gauge| gauge.value),
            iterations: snapshot.counter(Metric::Iterations, &[]).unwrap_or(0) + warmup.iterations,
            requests: snapshot.counter(Metric::HttpReqs, &[]).unwrap_or(0) + warmup.requests,
            rate: snapshot.slices().last().map_or(0.0, |slice| slice.rate()),
            p95: snapshot.trend(Metric::HttpReqDuration, &[]).map(|trend| trend.percentile(95.0)),
            failed: snapshot.rate(Metric::HttpReqFailed, &[]).map(|(failed, total)| failed as f64 / total as f64),
        }
    }
}

/// `12s/1m 00s · 50 VUs · 1,234 iterations · 4,210 requests · 140/s · p95 22.34 ms · 0.00 % failed`
pub fn line(progress: &Progress) -> String {
    let p95 = progress.p95.map_or_else(|| "–".to_owned(), |p95| format!("{} ms", precise(p95)));
    let failed = progress.failed.map_or_else(|| "–".to_owned(), |failed| format!("{} %", share(failed)));
    format!(
        "{}/{} · {} · {} · {} · {:.0}/s · p95 {p95} · {failed} failed",
        duration(progress.elapsed),
        duration(progress.planned),
        counted(progress.vus, "VU"),
        counted(progress.iterations, "iteration"),
        counted(progress.requests, "request"),
        progress.rate,
    )
}

/// A line that is written over must not wrap: at most `width` columns of it, with `…` where some are missing.
pub fn fitted(line: &str, width: usize) -> String {
    if line.width() <= width {
        return line.to_owned();
    }
    match width {
        0 => String::new(),
        _ => format!("{}…", prefix(line.chars(), width - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_to_its_terminal() {
        let check = |line: &str, width: usize, expected: &str| {
            assert_eq!(fitted(line, width), expected);
            assert!(fitted(line, width).width() <= width);
        };
        check("12s/1m 00s · 1 VU", 17, "12s/1m 00s · 1 VU");
        check("12s/1m 00s · 1 VU", 16, "12s/1m 00s · 1 …");
        check("대기열 순번", 8, "대기열 …");
        check("대기열 순번", 6, "대기…");
        check("12s", 1, "…");
        check("12s", 0, "");
    }

    #[test]
    fn a_line_says_what_is_known_and_invents_nothing() {
        let check = |progress: Progress, expected: &str| assert_eq!(line(&progress), expected);
        let planned = Duration::from_secs(60);
        check(
            Progress { planned, ..Progress::default() },
            "0ms/1m 00s · 0 VUs · 0 iterations · 0 requests · 0/s · p95 – · – failed",
        );
        check(
            Progress {
                elapsed: Duration::from_secs(12),
                planned,
                vus: 1,
                iterations: 1_234,
                requests: 4_210,
                rate: 139.6,
                p95: Some(22.34),
                failed: Some(0.001),
            },
            "12s/1m 00s · 1 VU · 1,234 iterations · 4,210 requests · 140/s · p95 22.34 ms · 0.10 % failed",
        );
    }
}
