//! What one thread measures: no locks, no channels, and no allocation per sample once every series has been seen.
//!
//! Must never know: other threads, or what becomes of the numbers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::series::{
    Index, OTHER, ProblemKey, ProblemSeries, RequestKey, RequestSeries, Shelf, TallyKey, TallySeries, number_of,
};
use super::{Metric, Phases, ProblemKind, RequestSample, SiteId, StageIndex, WARMUP};

/// Series of one thread; samples of more are counted as lost.
pub(super) const MAX_SERIES: usize = 10_000;
/// Rows of the table of problems.
pub(super) const MAX_PROBLEMS: usize = 200;
/// Distinct outcomes of iterations; more are counted as [`OTHER`].
const MAX_LABELS: usize = 1_000;
/// Characters kept of a text that may come from the target.
const MAX_TEXT: usize = 500;

/// k6's number for what has no better one; also that of requests that the end of the run cut off.
const CUT_OFF: u16 = 1000;

/// Numbers of one thread since the last [`Recorder::take`].
#[derive(Debug, Default)]
pub struct Interval {
    pub(super) thread: usize,
    pub(super) requests: Shelf<RequestSeries>,
    pub(super) tallies: Shelf<TallySeries>,
    pub(super) problems: Shelf<ProblemSeries>,
    pub(super) labels: Vec<Arc<str>>,
    pub(super) vus: Vec<VuCount>,
    pub(super) lost: u64,
    /// Problems beyond the rows of the table.
    pub(super) unlisted: u64,
}

/// Active VUs of one scenario on one thread: now, and at most since the last take.
#[derive(Clone, Copy, Debug)]
pub(super) struct VuCount {
    pub scenario: SiteId,
    pub current: u64,
    pub peak: u64,
}

/// One per thread.
pub struct Recorder {
    now: Interval,
    spare: Option<Interval>,
    requests: Index<RequestSeries>,
    tallies: Index<TallySeries>,
    problems: Index<ProblemSeries>,
    label_ids: HashMap<Arc<str>, u16>,
}

impl Recorder {
    /// `thread` counts from 0 and tells this recorder's VUs from those of the others.
    pub fn new(thread: usize) -> Recorder {
        // Label 0 is none, label 1 is for all that come too late.
        let labels = vec![Arc::from(""), Arc::from(OTHER)];
        Recorder {
            now: Interval { thread, labels, ..Interval::default() },
            spare: None,
            requests: Index::new(MAX_SERIES),
            tallies: Index::new(MAX_SERIES),
            problems: Index::new(MAX_PROBLEMS),
            label_ids: HashMap::new(),
        }
    }

    /// One hop. What has no response has no latency; what the end of the run cut off is only counted.
    pub fn request(&mut self, sample: &RequestSample) {
        let error_code = if sample.interrupted { CUT_OFF } else { sample.error_code };
        let RequestSample { site, stage, status, proto, expected, .. } = *sample;
        let key = RequestKey { site, stage, status, error_code, expected, proto };
        let Some(series) = self.requests.find(&mut self.now.requests, site, key) else {
            self.now.lost += 1;
            return;
        };
        series.requests += 1;
        series.sent += sample.sent;
        series.received += sample.received;
        if sample.interrupted {
            return;
        }
        series.judged += 1;
        if let Some(phases) = &sample.phases {
            record_phases(series, phases);
        }
        if let Some(total) = sample.total {
            series.trends[7].record(micros(total));
        }
        if !expected || error_code != 0 {
            self.fail(sample, key);
        }
    }

    fn fail(&mut self, sample: &RequestSample, key: RequestKey) {
        if let Some(series) = self.requests.find(&mut self.now.requests, key.site, key) {
            series.failed += u64::from(!sample.expected);
            if sample.error_code != 0 {
                series.error(shorten(sample.error));
            }
        }
        let RequestKey { site, stage, status, error_code, .. } = key;
        if stage == WARMUP {
            return;
        }
        let key = ProblemKey { kind: ProblemKind::Request, site, status, error_code, place: 0 };
        self.file(key, "", |message| match sample.error {
            "" => message.push_str(&format!("unexpected status {status}")),
            error => message.push_str(shorten(error)),
        });
    }

    pub fn check(&mut self, site: SiteId, stage: StageIndex, passed: bool) {
        self.rate(Metric::Checks, site, stage, passed);
    }

    /// A sample of a rate that is not one of requests: `checks`, `dropped_iterations`.
    pub fn rate(&mut self, metric: Metric, site: SiteId, stage: StageIndex, yes: bool) {
        self.tally(metric, site, stage, 0, |series| {
            series.total += 1;
            series.passes += u64::from(yes);
        });
    }

    /// A sample of a trend of times: `group_duration`, `poll_wait`, a custom one.
    pub fn trend(&mut self, metric: Metric, site: SiteId, stage: StageIndex, value: Duration) {
        self.number(metric, site, stage, micros(value));
    }

    /// A sample of a trend without unit: `poll_attempts`.
    pub fn number(&mut self, metric: Metric, site: SiteId, stage: StageIndex, value: u64) {
        self.tally(metric, site, stage, 0, |series| {
            series.total += 1;
            series.samples.record(value);
        });
    }

    pub fn count(&mut self, metric: Metric, site: SiteId, stage: StageIndex, by: u64) {
        self.tally(metric, site, stage, 0, |series| series.total += by);
    }

    /// The end of an iteration. `duration` is `None` for one that was cut off or failed: counted without a time.
    pub fn iteration(&mut self, site: SiteId, stage: StageIndex, outcome: &str, duration: Option<Duration>) {
        let label = self.label(outcome);
        self.tally(Metric::Iterations, site, stage, label, |series| {
            series.total += 1;
            if let Some(duration) = duration {
                series.samples.record(micros(duration));
            }
        });
    }

    /// Something went wrong; the text of the first one is kept as the example. Requests that failed file theirs themselves.
    /// `place` says what the tags of the site do not: the step, where it makes no samples of its own.
    pub fn problem(&mut self, site: SiteId, kind: ProblemKind, place: &str, message: &str) {
        let key = ProblemKey { kind, site, status: 0, error_code: 0, place: number_of(place) };
        self.file(key, place, |text| text.push_str(shorten(message)));
    }

    /// The number of VUs of a scenario that are active on this thread now.
    pub fn vus(&mut self, scenario: SiteId, active: u64) {
        match self.now.vus.iter_mut().find(|count| count.scenario == scenario) {
            Some(count) => {
                count.current = active;
                count.peak = count.peak.max(active);
            }
            None => self.now.vus.push(VuCount { scenario, current: active, peak: active }),
        }
    }

    /// Everything since the last take. Give it back when it is absorbed.
    pub fn take(&mut self) -> Interval {
        let mut next = self.spare.take().unwrap_or_default();
        next.thread = self.now.thread;
        next.labels.extend_from_slice(&self.now.labels[next.labels.len()..]);
        next.vus.clear();
        next.vus.extend(self.now.vus.iter().map(|count| VuCount { peak: count.current, ..*count }));
        self.requests.next_interval();
        self.tallies.next_interval();
        self.problems.next_interval();
        std::mem::replace(&mut self.now, next)
    }

    /// Recycles the memory of an interval that was taken from this recorder; that of another is dropped.
    pub fn give_back(&mut self, mut used: Interval) {
        if used.thread == self.now.thread {
            used.clear();
            self.spare = Some(used);
        }
    }

    fn tally(
        &mut self,
        metric: Metric,
        site: SiteId,
        stage: StageIndex,
        label: u16,
        change: impl FnOnce(&mut TallySeries),
    ) {
        match self.tallies.find(&mut self.now.tallies, site, TallyKey { metric, site, stage, label }) {
            Some(series) => change(series),
            None => self.now.lost += 1,
        }
    }

    fn file(&mut self, key: ProblemKey, place: &str, write: impl FnOnce(&mut String)) {
        match self.problems.find(&mut self.now.problems, key.site, key) {
            Some(row) => {
                if row.count == 0 {
                    write(&mut row.message);
                    row.place.push_str(shorten(place));
                }
                row.count += 1;
            }
            None => self.now.unlisted += 1,
        }
    }

    fn label(&mut self, text: &str) -> u16 {
        let text = shorten(text);
        if let Some(id) = self.label_ids.get(text) {
            return *id;
        }
        if self.label_ids.len() >= MAX_LABELS {
            return 1;
        }
        let (id, text) = (self.now.labels.len() as u16, Arc::<str>::from(text));
        self.now.labels.push(Arc::clone(&text));
        self.label_ids.insert(text, id);
        id
    }
}

impl Interval {
    /// Empty, with the memory kept.
    pub(super) fn clear(&mut self) {
        self.requests.clear();
        self.tallies.clear();
        self.problems.clear();
        self.lost = 0;
        self.unlisted = 0;
    }
}

fn record_phases(series: &mut RequestSeries, phases: &Phases) {
    let times = [
        phases.duration(),
        phases.blocked,
        phases.connecting,
        phases.tls_handshaking,
        phases.sending,
        phases.waiting,
        phases.receiving,
    ];
    for (trend, time) in series.trends.iter_mut().zip(times) {
        trend.record(micros(time));
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn shorten(text: &str) -> &str {
    text.char_indices().nth(MAX_TEXT).map_or(text, |(end, _)| &text[..end])
}
