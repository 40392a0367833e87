//! The run second by second, in bounded memory.

use std::time::Duration;

use super::histogram::Distribution;

/// Slices kept: six hours of seconds. A longer run has its neighbours merged, again and again.
const MAX_SLICES: usize = 6 * 3600;

/// A tick so soon after the last one belongs to its slice: rates over a sliver of time would be noise.
const SLIVER: Duration = Duration::from_millis(100);

/// What happened in one piece of the run, usually a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slice {
    /// From the start of the run.
    pub start: Duration,
    pub length: Duration,
    /// The most VUs active at once.
    pub vus: u64,
    pub requests: u64,
    /// Requests that were not what was expected.
    pub failed: u64,
    pub iterations: u64,
    /// Bytes.
    pub sent: u64,
    pub received: u64,
    /// Of `http_req_duration`, in ms; `None` where nothing was measured.
    pub p50: Option<f64>,
    pub p95: Option<f64>,
}

impl Slice {
    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.length.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Percentiles cannot be added: the worse one stays.
    fn join(&mut self, next: &Slice) {
        self.length = (next.start + next.length).saturating_sub(self.start);
        self.vus = self.vus.max(next.vus);
        self.requests += next.requests;
        self.failed += next.failed;
        self.iterations += next.iterations;
        self.sent += next.sent;
        self.received += next.received;
        self.p50 = worse(self.p50, next.p50);
        self.p95 = worse(self.p95, next.p95);
    }
}

fn worse(left: Option<f64>, right: Option<f64>) -> Option<f64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.max(right)),
        (one, other) => one.or(other),
    }
}

/// Collects the slice under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    pub slices: Vec<Slice>,
    pub open: Slice,
    pub durations: Distribution,
}

impl Timeline {
    /// Closes the slice under way at `elapsed`.
    pub fn tick(&mut self, elapsed: Duration) {
        let start = self.slices.last().map_or(Duration::ZERO, |last| last.start + last.length);
        let mut slice = std::mem::take(&mut self.open);
        slice.start = start;
        slice.length = elapsed.saturating_sub(start);
        if self.durations.count > 0 {
            slice.p50 = Some(self.durations.percentile(50.0) as f64 / 1000.0);
            slice.p95 = Some(self.durations.percentile(95.0) as f64 / 1000.0);
            self.durations.clear();
        }
        match self.slices.last_mut() {
            Some(last) if slice.length < SLIVER => last.join(&slice),
            _ => self.slices.push(slice),
        }
        if self.slices.len() > MAX_SLICES {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        let pairs = self.slices.chunks(2).map(|pair| {
            let mut joined = pair[0].clone();
            pair[1..].iter().for_each(|next| joined.join(next));
            joined
        });
        self.slices = pairs.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_seconds_stays_bounded_and_loses_no_request() {
        let mut timeline = Timeline::default();
        for second in 1..=86_400 {
            timeline.open.requests = 3;
            timeline.tick(Duration::from_secs(second));
        }
        assert!(timeline.slices.len() <= MAX_SLICES);
        assert_eq!(timeline.slices.iter().map(|slice| slice.requests).sum::<u64>(), 3 * 86_400);
        let total: Duration = timeline.slices.iter().map(|slice| slice.length).sum();
        assert_eq!(total, Duration::from_secs(86_400));
    }

    #[test]
    fn a_sliver_at_the_end_joins_the_last_slice() {
        let mut timeline = Timeline::default();
        timeline.open.requests = 10;
        timeline.tick(Duration::from_secs(1));
        timeline.open.requests = 2;
        timeline.tick(Duration::from_millis(1040));
        assert_eq!(timeline.slices.len(), 1);
        assert_eq!((timeline.slices[0].requests, timeline.slices[0].length), (12, Duration::from_millis(1040)));
    }
}
