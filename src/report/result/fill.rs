//! The result file, filled from the facts of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use super::{
    AsideEntry, CheckEntry, EnvironmentEntry, ErrorEntry, GeneratorEntry, MetricEntry, PlanEntry, ResultFile, RunEntry,
    SliceEntry, ThresholdEntry, TrendEntry,
};
use crate::clean::Mask;
use crate::exit;
use crate::graph::Graph;
use crate::judge::{Facts, Finding, Verdict};
use crate::metrics::{Aside, Kind, Metric, Problem, Slice, Snapshot, Trend};
use crate::report::summary;

/// Version of this format. More may be added to it without a change of the number.
const SCHEMA: u32 = 1;

/// Metrics of which every request name has an entry of its own.
const PER_REQUEST: [Metric; 3] = [Metric::HttpReqDuration, Metric::HttpReqs, Metric::HttpReqFailed];

impl ResultFile {
    /// Of a whole run; whoever writes it while the run goes on sets `partial`.
    pub fn new(graph: &Graph, facts: &Facts, verdict: &Verdict) -> ResultFile {
        let mask = Mask::new(&graph.secrets);
        let masked = |text: &str| mask.apply(text);
        let snapshot = &facts.snapshot;
        ResultFile {
            schema: SCHEMA,
            proofload: env!("CARGO_PKG_VERSION").to_owned(),
            partial: false,
            plan: PlanEntry { name: masked(&graph.name), digest: graph.digest.clone(), seed: graph.seed },
            run: run(facts, verdict, &masked),
            metrics: metrics(graph, snapshot, &masked),
            warmup: graph.scenarios.iter().any(|it| !it.warmup.is_zero()).then(|| aside(snapshot.warmup())),
            unmeasured: snapshot.unmeasured().into_iter().map(|(name, of)| (masked(&name), aside(of))).collect(),
            thresholds: thresholds(graph, verdict, &masked),
            checks: checks(graph, snapshot, &masked),
            outcomes: outcomes(snapshot, &masked),
            errors: errors(snapshot, &masked),
            unlisted_errors: snapshot.unlisted_problems(),
            series: snapshot.slices().iter().map(slice).collect(),
            generator: GeneratorEntry::of(&facts.generator, &masked),
            environment: environment(),
            notes: summary::remarks(graph, facts).iter().map(|note| masked(note)).collect(),
        }
    }
}

pub(super) type Masked<'a> = &'a dyn Fn(&str) -> String;

/// An entry to be: its name, its metric, and the tags that its samples carry.
type Wanted = (String, Metric, Vec<(String, String)>);

fn run(facts: &Facts, verdict: &Verdict, masked: Masked) -> RunEntry {
    RunEntry {
        started_at: facts.started_at.to_string(),
        duration_ms: millis(facts.duration),
        planned_ms: millis(facts.planned),
        judged_from_ms: millis(facts.snapshot.judged_from()),
        paused_ms: millis(facts.paused),
        verdict: verdict.outcome.into(),
        exit_code: exit::code(Ok(verdict.outcome)),
        reasons: verdict.reasons.iter().map(|reason| masked(reason)).collect(),
    }
}

fn aside(aside: Aside) -> AsideEntry {
    AsideEntry { http_reqs: aside.requests, failed: aside.failed, iterations: aside.iterations }
}

fn metrics(graph: &Graph, snapshot: &Snapshot, masked: Masked) -> BTreeMap<String, MetricEntry> {
    let names = Metric::names().map(str::to_owned).chain(graph.custom_metrics.iter().cloned());
    let mut wanted: Vec<Wanted> =
        names.filter_map(|name| Some((name.clone(), snapshot.metric(&name)?, Vec::new()))).collect();
    for request in snapshot.request_names() {
        let selector = vec![("name".to_owned(), request.to_owned())];
        wanted.extend(
            PER_REQUEST.iter().filter_map(|metric| {
                Some((format!("{}{{name:{request}}}", metric.name()?), *metric, selector.clone()))
            }),
        );
    }
    wanted.extend(graph.thresholds.iter().filter_map(|threshold| {
        Some((threshold.submetric(), snapshot.metric(&threshold.metric)?, threshold.selector.clone()))
    }));
    let entry = |(name, metric, selector): Wanted| Some((masked(&name), MetricEntry::of(snapshot, metric, &selector)?));
    wanted.into_iter().filter_map(entry).collect()
}

impl MetricEntry {
    /// `None` where there is no data.
    fn of(snapshot: &Snapshot, metric: Metric, selector: &[(String, String)]) -> Option<MetricEntry> {
        match metric.kind() {
            Kind::Counter => {
                let count = snapshot.counter(metric, selector)?;
                let rate = snapshot.per_second(metric, selector).unwrap_or(0.0);
                Some(MetricEntry::Counter { count, rate: rounded(rate) })
            }
            Kind::Gauge => {
                let gauge = snapshot.gauge(metric, selector)?;
                Some(MetricEntry::Gauge { value: gauge.value, max: gauge.max })
            }
            Kind::Rate => {
                let (passes, total) = snapshot.rate(metric, selector)?;
                Some(MetricEntry::Rate { rate: passes as f64 / total as f64, passes, total })
            }
            Kind::Trend { time } => {
                let unit = time.then(|| "ms".to_owned());
                Some(MetricEntry::Trend(Box::new(TrendEntry::of(&snapshot.trend(metric, selector)?, unit))))
            }
        }
    }
}

impl TrendEntry {
    fn of(trend: &Trend, unit: Option<String>) -> TrendEntry {
        TrendEntry {
            unit,
            count: trend.count(),
            min: trend.min(),
            avg: rounded(trend.avg()),
            med: trend.percentile(50.0),
            max: trend.max(),
            p90: trend.percentile(90.0),
            p95: trend.percentile(95.0),
            p99: trend.percentile(99.0),
            histogram: encode(trend),
        }
    }
}

fn encode(trend: &Trend) -> Option<String> {
    let mut histogram = hdrhistogram::Histogram::<u64>::new(3).ok()?;
    for (value, count) in trend.values() {
        histogram.record_n(value, count).ok()?;
    }
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(&histogram, &mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}

fn thresholds(graph: &Graph, verdict: &Verdict, masked: Masked) -> Vec<ThresholdEntry> {
    let entry = |finding: &Finding| {
        let threshold = graph.thresholds.get(finding.threshold)?;
        Some(ThresholdEntry {
            metric: masked(&threshold.submetric()),
            threshold: masked(&threshold.text),
            observed: finding.observed,
            verdict: finding.state.into(),
        })
    };
    verdict.findings.iter().filter_map(entry).collect()
}

fn checks(graph: &Graph, snapshot: &Snapshot, masked: Masked) -> Vec<CheckEntry> {
    let rows = summary::checks(graph, snapshot, masked).into_iter();
    rows.map(|row| CheckEntry { name: row.name, step: row.step, passes: row.passes, fails: row.fails }).collect()
}

fn outcomes(snapshot: &Snapshot, masked: Masked) -> BTreeMap<String, u64> {
    let mut outcomes = BTreeMap::new();
    for (outcome, count) in snapshot.outcomes() {
        *outcomes.entry(masked(&outcome)).or_default() += count;
    }
    outcomes
}

fn errors(snapshot: &Snapshot, masked: Masked) -> Vec<ErrorEntry> {
    let tag = |problem: &Problem, tag| snapshot.tag(problem.site, tag);
    let entry = |problem: &Problem| ErrorEntry {
        kind: summary::kind(problem.kind).to_owned(),
        step: masked(tag(problem, "name").unwrap_or(&problem.place)),
        subject: masked(tag(problem, "check").or_else(|| tag(problem, "variable")).unwrap_or_default()),
        status: problem.status,
        error_code: problem.error_code,
        message: masked(&problem.message),
        count: problem.count,
    };
    snapshot.problems().into_iter().map(entry).collect()
}

fn slice(slice: &Slice) -> SliceEntry {
    SliceEntry {
        at_ms: millis(slice.start),
        length_ms: millis(slice.length),
        vus: slice.vus,
        http_reqs: slice.requests,
        failed: slice.failed,
        iterations: slice.iterations,
        data_sent: slice.sent,
        data_received: slice.received,
        p50: slice.p50,
        p95: slice.p95,
    }
}

fn environment() -> EnvironmentEntry {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    EnvironmentEntry { os: std::env::consts::OS.to_owned(), arch: std::env::consts::ARCH.to_owned(), cores }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Three digits after the point: more would be noise in every comparison of two files.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
