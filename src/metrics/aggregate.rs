//! All threads' intervals, merged on the coordinating thread into one snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::recorder::{Interval, MAX_PROBLEMS, MAX_SERIES, VuCount};
use super::series::{OTHER, ProblemSeries, RequestSeries, TallyKey, TallySeries};
use super::snapshot::{Problem, RequestTotals, TallyTotals};
use super::{Metric, Site, SiteId, Snapshot};

/// Distinct texts of errors, over all series.
const MAX_ERROR_TEXTS: usize = 1_000;

pub struct Aggregate {
    snapshot: Snapshot,
    vus: BTreeMap<SiteId, Vec<VuCount>>,
}

impl Aggregate {
    /// `sites` and `custom_metrics` are the graph's: its ids index them.
    pub fn new(sites: &[Site], custom_metrics: &[String]) -> Aggregate {
        Aggregate { snapshot: Snapshot::new(sites, custom_metrics), vus: BTreeMap::new() }
    }

    /// When the first scenario is through with its warm-up: rates are of what comes after.
    pub fn judged_from(mut self, start: Duration) -> Aggregate {
        self.snapshot.judged_from = start;
        self
    }

    /// Merges an interval and leaves it empty, ready to be given back to its recorder.
    pub fn absorb(&mut self, interval: &mut Interval) {
        interval.requests.live().iter().for_each(|series| self.absorb_request(series));
        interval.tallies.live().iter().for_each(|series| self.absorb_tally(series, &interval.labels));
        interval.problems.live().iter().for_each(|row| self.absorb_problem(row));
        for count in &interval.vus {
            let threads = self.vus.entry(count.scenario).or_default();
            if threads.len() <= interval.thread {
                threads.resize(interval.thread + 1, VuCount { scenario: count.scenario, current: 0, peak: 0 });
            }
            let thread = &mut threads[interval.thread];
            *thread = VuCount { peak: thread.peak.max(count.peak), ..*count };
        }
        self.count_vus();
        self.snapshot.lost += interval.lost;
        self.snapshot.unlisted += interval.unlisted;
        interval.clear();
    }

    /// Closes a slice of the time series; `elapsed` is since the start of the run.
    pub fn tick(&mut self, elapsed: Duration) {
        self.snapshot.elapsed = elapsed;
        self.snapshot.timeline.tick(elapsed);
        for thread in self.vus.values_mut().flatten() {
            thread.peak = thread.current;
        }
        self.count_vus();
    }

    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub fn into_snapshot(self) -> Snapshot {
        self.snapshot
    }

    fn absorb_request(&mut self, series: &RequestSeries) {
        let snapshot = &mut self.snapshot;
        let measured = !snapshot.is_unmeasured(series.key.site);
        let open = &mut snapshot.timeline.open;
        open.sent += series.sent;
        open.received += series.received;
        if measured {
            open.requests += series.requests;
            open.failed += series.failed;
            snapshot.timeline.durations.absorb(&series.trends[0]);
        }
        if snapshot.requests.len() >= MAX_SERIES && !snapshot.requests.contains_key(&series.key) {
            snapshot.lost += series.requests;
            return;
        }
        let totals: &mut RequestTotals = snapshot.requests.entry(series.key).or_default();
        totals.requests += series.requests;
        totals.judged += series.judged;
        totals.failed += series.failed;
        totals.sent += series.sent;
        totals.received += series.received;
        for (text, count) in &series.errors {
            let known = snapshot.error_texts.len() < MAX_ERROR_TEXTS || snapshot.error_texts.contains(text);
            let text = if known { Arc::clone(text) } else { Arc::from(OTHER) };
            snapshot.error_texts.insert(Arc::clone(&text));
            *totals.errors.entry(text).or_default() += count;
        }
        for (all, samples) in totals.trends.iter_mut().zip(&series.trends) {
            all.absorb(samples);
        }
    }

    fn absorb_tally(&mut self, series: &TallySeries, labels: &[Arc<str>]) {
        let TallyKey { metric, site, stage, label } = series.key;
        let snapshot = &mut self.snapshot;
        if metric == Metric::Iterations {
            snapshot.timeline.open.iterations += series.total;
        }
        let key = (metric, site, stage, labels.get(usize::from(label)).cloned().unwrap_or_else(|| Arc::from(OTHER)));
        if snapshot.tallies.len() >= MAX_SERIES && !snapshot.tallies.contains_key(&key) {
            snapshot.lost += series.total;
            return;
        }
        let totals: &mut TallyTotals = snapshot.tallies.entry(key).or_default();
        totals.total += series.total;
        totals.passes += series.passes;
        totals.samples.absorb(&series.samples);
    }

    fn absorb_problem(&mut self, row: &ProblemSeries) {
        let known = &mut self.snapshot.problems;
        match known.iter().position(|(key, _)| *key == row.key) {
            Some(index) => known[index].1.count += row.count,
            None if known.len() >= MAX_PROBLEMS => self.snapshot.unlisted += row.count,
            None => {
                let problem = Problem {
                    kind: row.key.kind,
                    site: row.key.site,
                    status: row.key.status,
                    error_code: row.key.error_code,
                    place: row.place.clone(),
                    message: row.message.clone(),
                    count: row.count,
                };
                known.push((row.key, problem));
            }
        }
    }

    /// Threads report their peaks of the same interval; that these are at the same moment is assumed, and true to within a ramp's
    /// change in a second.
    fn count_vus(&mut self) {
        let snapshot = &mut self.snapshot;
        let (mut current, mut peak) = (0, 0);
        for (scenario, threads) in &self.vus {
            let of_scenario = (threads.iter().map(|t| t.current).sum(), threads.iter().map(|t| t.peak).sum());
            snapshot.vus.entry(*scenario).or_default().see(of_scenario.0, of_scenario.1);
            current += of_scenario.0;
            peak += of_scenario.1;
        }
        snapshot.all_vus.see(current, peak);
        snapshot.timeline.open.vus = snapshot.timeline.open.vus.max(peak);
    }
}
