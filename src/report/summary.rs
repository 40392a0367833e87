//! Everything the summary says, as plain data in the order of reading. Its texts are masked and clean.

use std::collections::BTreeMap;
use std::time::Duration;

use super::generator;
use super::quantity::{count, counted, duration};
use crate::clean::{Mask, SHORTEST_SECRET, clean, is_too_short};
use crate::exit;
use crate::graph::Graph;
use crate::judge::{Facts, Finding, Outcome, State, Statistic, Threshold, Verdict};
use crate::metrics::{Aside, Kind, Metric, Problem, ProblemKind, Snapshot, Trend};

#[derive(Clone, Debug)]
pub struct Summary {
    pub plan: String,
    pub duration: Duration,
    pub planned: Duration,
    /// Every scenario ends when its iterations are done, so `planned` is only the latest end.
    pub counts_iterations: bool,
    pub several_scenarios: bool,
    pub peak_vus: u64,
    pub thresholds: Vec<ThresholdRow>,
    /// The plan has none of its own.
    pub default_thresholds: bool,
    /// Failing ones first.
    pub checks: Vec<CheckRow>,
    /// In the order of the plan; where there are several, a last row for all of them.
    pub requests: Vec<RequestRow>,
    /// By outcome; where there are several scenarios, by scenario and outcome.
    pub iterations: Vec<TrendRow>,
    /// `None` where no iteration was due by a rate.
    pub arrivals: Option<ArrivalsRow>,
    /// Groups, polls and the plan's own trends, in ms.
    pub durations: Vec<TrendRow>,
    /// Attempts of polls, without unit.
    pub attempts: Vec<TrendRow>,
    pub network: Network,
    /// Most frequent first.
    pub problems: Vec<ProblemRow>,
    /// Problems beyond the rows that are kept.
    pub unlisted_problems: u64,
    pub notes: Vec<String>,
    pub outcome: Outcome,
    pub exit_code: u8,
    pub reasons: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct ThresholdRow {
    pub submetric: String,
    /// As written: `p(95)<3s`.
    pub text: String,
    pub observed: Option<f64>,
    pub unit: Unit,
    pub state: State,
}

/// Of a threshold's observed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Ms,
    /// 0..=1, shown in percent.
    Share,
    PerSecond,
    None,
}

#[derive(Clone, Debug)]
pub struct CheckRow {
    pub name: String,
    pub step: String,
    pub passes: u64,
    pub fails: u64,
}

#[derive(Clone, Debug)]
pub struct RequestRow {
    pub name: String,
    pub count: u64,
    /// Per second of the time that is judged.
    pub rate: f64,
    /// 0..=1; `None` where no request had a result.
    pub failed: Option<f64>,
    pub times: Option<Times>,
}

#[derive(Clone, Debug)]
pub struct TrendRow {
    pub name: String,
    pub count: u64,
    pub times: Option<Times>,
}

/// What became of the iterations that were due.
#[derive(Clone, Copy, Debug)]
pub struct ArrivalsRow {
    pub due: u64,
    pub dropped: u64,
    /// In ms; `None` where every one was dropped.
    pub start_delay_p99: Option<f64>,
}

/// Statistics of a trend, in its unit.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub avg: f64,
    pub p50: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

/// Bytes on the wire.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    pub sent: u64,
    pub received: u64,
}

#[derive(Clone, Debug)]
pub struct ProblemRow {
    pub count: u64,
    /// `request`, `check`…
    pub kind: &'static str,
    /// The step, with the check or variable where it has one.
    pub place: String,
    /// The first of them.
    pub example: String,
}

impl Summary {
    pub fn new(graph: &Graph, facts: &Facts, verdict: &Verdict) -> Summary {
        let mask = Mask::new(&graph.secrets);
        let safe = |text: &str| clean(&mask.apply(text));
        let snapshot = &facts.snapshot;
        let total = |metric| snapshot.counter(metric, &[]).unwrap_or(0);
        Summary {
            plan: safe(&graph.name),
            duration: facts.duration,
            planned: facts.planned,
            counts_iterations: counts_iterations(graph),
            several_scenarios: scenarios(graph).len() > 1,
            peak_vus: snapshot.gauge(Metric::VusMax, &[]).map_or(0, |gauge| gauge.max),
            thresholds: thresholds(&graph.thresholds, &verdict.findings, snapshot, &safe),
            default_thresholds: graph.default_thresholds,
            checks: checks(graph, snapshot, &safe),
            requests: requests(snapshot, &safe),
            iterations: iterations(graph, snapshot, &safe),
            arrivals: arrivals(snapshot),
            durations: durations(graph, snapshot, &safe),
            attempts: trends(snapshot, Metric::PollAttempts, "name", &|name| safe(name)),
            network: Network { sent: total(Metric::DataSent), received: total(Metric::DataReceived) },
            problems: problems(graph, snapshot, &safe),
            unlisted_problems: snapshot.unlisted_problems(),
            notes: notes(graph, facts).iter().map(|note| safe(note)).collect(),
            outcome: verdict.outcome,
            exit_code: exit::code(Ok(verdict.outcome)),
            reasons: verdict.reasons.iter().map(|reason| safe(reason)).collect(),
        }
    }
}

type Safe<'a> = &'a dyn Fn(&str) -> String;

fn thresholds(thresholds: &[Threshold], findings: &[Finding], snapshot: &Snapshot, safe: Safe) -> Vec<ThresholdRow> {
    let row = |(threshold, finding): (&Threshold, &Finding)| ThresholdRow {
        submetric: safe(&threshold.submetric()),
        text: safe(&threshold.text),
        observed: finding.observed,
        unit: unit(threshold, snapshot),
        state: finding.state,
    };
    thresholds.iter().zip(findings).map(row).collect()
}

fn unit(threshold: &Threshold, snapshot: &Snapshot) -> Unit {
    match (snapshot.metric(&threshold.metric).map(Metric::kind), threshold.statistic) {
        (_, Statistic::Count) => Unit::None,
        (Some(Kind::Trend { time: true }), _) => Unit::Ms,
        (Some(Kind::Rate), _) => Unit::Share,
        (Some(Kind::Counter), Statistic::Rate) => Unit::PerSecond,
        _ => Unit::None,
    }
}

/// Passes and fails by name and step: a step that stands in the plan twice is one row.
pub(super) fn checks(graph: &Graph, snapshot: &Snapshot, safe: Safe) -> Vec<CheckRow> {
    let mut rows: Vec<CheckRow> = Vec::new();
    for check in &graph.checks {
        let (passes, fails) = snapshot.check(check.site).unwrap_or((0, 0));
        let (name, step) = (safe(&check.name), safe(&check.step));
        match rows.iter_mut().find(|row| row.name == name && row.step == step) {
            Some(row) => {
                row.passes += passes;
                row.fails += fails;
            }
            None => rows.push(CheckRow { name, step, passes, fails }),
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.fails));
    rows
}

fn requests(snapshot: &Snapshot, safe: Safe) -> Vec<RequestRow> {
    let row = |name: String, selector: &[(String, String)]| {
        let count = snapshot.counter(Metric::HttpReqs, selector).unwrap_or(0);
        let rate = snapshot.per_second(Metric::HttpReqs, selector).unwrap_or(0.0);
        let failed = snapshot.rate(Metric::HttpReqFailed, selector).map(|(failed, total)| failed as f64 / total as f64);
        let times = snapshot.trend(Metric::HttpReqDuration, selector).as_ref().map(Times::of);
        RequestRow { name, count, rate, failed, times }
    };
    let names = snapshot.request_names();
    let mut rows: Vec<_> = names.iter().map(|name| row(safe(name), &[("name".into(), name.to_string())])).collect();
    if rows.len() > 1 {
        rows.push(row("all requests".to_owned(), &[]));
    }
    rows
}

fn iterations(graph: &Graph, snapshot: &Snapshot, safe: Safe) -> Vec<TrendRow> {
    let rows = |selector: &[(String, String)], lead: &str| -> Vec<TrendRow> {
        let row = |(outcome, count): (&String, &u64)| {
            let selector = [selector, &[("outcome".into(), outcome.clone())]].concat();
            let trend = snapshot.trend(Metric::IterationDuration, &selector);
            TrendRow { name: format!("{lead}{}", safe(outcome)), count: *count, times: trend.as_ref().map(Times::of) }
        };
        snapshot.outcomes_of(selector).iter().map(row).collect()
    };
    let scenarios = scenarios(graph);
    match scenarios.len() {
        0 | 1 => rows(&[], ""),
        _ => scenarios
            .iter()
            .flat_map(|name| rows(&[("scenario".into(), name.to_string())], &format!("{}: ", safe(name))))
            .collect(),
    }
}

fn arrivals(snapshot: &Snapshot) -> Option<ArrivalsRow> {
    let (dropped, due) = snapshot.rate(Metric::DroppedIterations, &[])?;
    let delay = snapshot.trend(Metric::IterationStartDelay, &[]);
    Some(ArrivalsRow { due, dropped, start_delay_p99: delay.map(|delay| delay.percentile(99.0)) })
}

/// Names in the order of the plan.
fn scenarios(graph: &Graph) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (tag, value) in graph.sites.iter().flat_map(|site| &site.tags) {
        if tag == "scenario" && !names.contains(&value.as_str()) {
            names.push(value);
        }
    }
    names
}

fn counts_iterations(graph: &Graph) -> bool {
    !graph.scenarios.is_empty() && graph.scenarios.iter().all(|scenario| scenario.executor.iterations().is_some())
}

fn durations(graph: &Graph, snapshot: &Snapshot, safe: Safe) -> Vec<TrendRow> {
    let mut rows = trends(snapshot, Metric::GroupDuration, "group", &|name| format!("group {}", safe(name)));
    rows.extend(trends(snapshot, Metric::PollWait, "name", &|name| poll(&safe(name))));
    for (index, name) in graph.custom_metrics.iter().enumerate() {
        let trend = snapshot.trend(Metric::Custom(index as u16), &[]);
        rows.extend(trend.map(|trend| TrendRow::of(safe(name), &trend)));
    }
    rows
}

/// Polls without a name of their own are called `poll until …` already.
fn poll(name: &str) -> String {
    if name.starts_with("poll ") { name.to_owned() } else { format!("poll {name}") }
}

fn trends(snapshot: &Snapshot, metric: Metric, tag: &str, title: &dyn Fn(&str) -> String) -> Vec<TrendRow> {
    let row = |name: &str| {
        let trend = snapshot.trend(metric, &[(tag.to_owned(), name.to_owned())])?;
        Some(TrendRow::of(title(name), &trend))
    };
    snapshot.values_of(metric, tag).into_iter().filter_map(row).collect()
}

fn problems(graph: &Graph, snapshot: &Snapshot, safe: Safe) -> Vec<ProblemRow> {
    let several = scenarios(graph).len() > 1;
    let mut rows: BTreeMap<(&str, String, String), u64> = BTreeMap::new();
    for problem in snapshot.problems() {
        let place = safe(&place(problem, snapshot, several));
        let example = match problem.error_code {
            0 => safe(&problem.message),
            code => format!("{} (error {code})", safe(&problem.message)),
        };
        *rows.entry((kind(problem.kind), place, example)).or_default() += problem.count;
    }
    let row = |((kind, place, example), count)| ProblemRow { count, kind, place, example };
    let mut rows: Vec<_> = rows.into_iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows
}

/// The step with its check or variable. One that makes no samples has no tags of its own: what is around it says where it is.
fn place(problem: &Problem, snapshot: &Snapshot, several_scenarios: bool) -> String {
    let tag = |tag| snapshot.tag(problem.site, tag).filter(|value| !value.is_empty());
    let parts = match tag("name") {
        Some(name) => [Some(name), tag("check").or_else(|| tag("variable")), None],
        None => {
            let step = Some(problem.place.as_str()).filter(|place| !place.is_empty());
            [tag("scenario").filter(|_| several_scenarios), tag("group"), step]
        }
    };
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// What went wrong, in one word of the result file and the summary.
pub(super) fn kind(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Check => "check",
        ProblemKind::Extraction => "extraction",
        ProblemKind::Template => "template",
        ProblemKind::Expression => "expression",
        ProblemKind::Request => "request",
        ProblemKind::Poll => "poll",
    }
}

fn notes(graph: &Graph, facts: &Facts) -> Vec<String> {
    let generator = &facts.generator;
    let mut notes = remarks(graph, facts);
    let requests = facts.snapshot.counter(Metric::HttpReqs, &[]).unwrap_or(0);
    let judged = facts.snapshot.rate(Metric::HttpReqFailed, &[]).map_or(0, |(_, total)| total);
    if requests > judged {
        notes.push(format!("requests cut off by the end of the run: {}; sent, but not judged", requests - judged));
    }
    if generator.same_machine {
        notes
            .push("generator and target shared this machine: the target had less of it than it will have alone".into());
    }
    if let Some(why) = &generator.saturated {
        notes.push(format!("the generator could not keep up: {why}"));
    }
    notes.extend(generator::noteworthy(generator));
    notes.push(generator::line(generator));
    notes
}

/// What readers of the verdict should know: the notes of the run, what no threshold looks at, and what is not masked.
pub(super) fn remarks(graph: &Graph, facts: &Facts) -> Vec<String> {
    let mut notes = facts.notes.clone();
    notes.extend(set_aside(graph, &facts.snapshot));
    if facts.paused > Duration::ZERO {
        notes.push(format!("paused for {}: no iteration was started in that time", duration(facts.paused)));
    }
    let looks_at = |metric: &str, wanted: &[(&str, &str)]| {
        graph.thresholds.iter().filter(|it| it.metric == metric).any(|threshold| {
            wanted.iter().all(|(tag, value)| threshold.selector.iter().any(|(key, of)| key == tag && of == value))
        })
    };
    let failed = facts.snapshot.outcomes().get("failed").copied().unwrap_or(0);
    let watched =
        looks_at("iterations", &[("outcome", "failed")]) || looks_at("extract_failed", &[]) || looks_at("checks", &[]);
    if failed > 0 && !watched && !facts.default_thresholds {
        notes.push(format!(
            "{} failed, and no threshold looks at `iterations{{outcome:failed}}`",
            counted(failed, "iteration")
        ));
    }
    let failed = facts.snapshot.rate(Metric::HttpReqFailed, &[]).map_or(0, |(failed, _)| failed);
    if failed > 0 && !looks_at("http_req_failed", &[]) {
        notes.push(format!("{} failed, and no threshold looks at `http_req_failed`", counted(failed, "request")));
    }
    let added = |it: &&Threshold| it.span.is_none() && it.metric == "dropped_iterations";
    if let Some(threshold) = graph.thresholds.iter().find(added).filter(|_| !graph.default_thresholds) {
        notes.push(format!("`{} {}` is the default threshold of an arrival rate", threshold.metric, threshold.text));
    }
    if graph.secrets.iter().any(|secret| !secret.is_empty() && is_too_short(secret)) {
        notes.push(format!(
            "a secret of fewer than {SHORTEST_SECRET} characters cannot be masked: it may be shown here and in logs"
        ));
    }
    notes
}

/// What the numbers leave out because the plan says so.
fn set_aside(graph: &Graph, snapshot: &Snapshot) -> Vec<String> {
    let told = |aside: Aside| match aside.failed {
        0 => counted(aside.requests, "request"),
        failed => format!("{}, {} failed", counted(aside.requests, "request"), count(failed)),
    };
    let mut warmups: Vec<Duration> = graph.scenarios.iter().map(|scenario| scenario.warmup).collect();
    warmups.sort();
    warmups.dedup();
    let warmup = told(snapshot.warmup());
    let mut notes = match warmups.as_slice() {
        [] | [Duration::ZERO] => Vec::new(),
        [all] => vec![format!("first {} ({warmup}) not judged", duration(*all))],
        _ => vec![format!("warm-up of each scenario ({warmup}) not judged")],
    };
    let unmeasured = snapshot.unmeasured();
    if !unmeasured.is_empty() {
        let sum = |sum: Aside, more: &Aside| Aside {
            requests: sum.requests + more.requests,
            failed: sum.failed + more.failed,
            ..sum
        };
        let names: Vec<&str> = unmeasured.keys().map(String::as_str).collect();
        let all = told(unmeasured.values().fold(Aside::default(), sum));
        notes.push(format!("{all} not measured (`measure: false`): {}", names.join(", ")));
    }
    notes
}

impl TrendRow {
    fn of(name: String, trend: &Trend) -> TrendRow {
        TrendRow { name, count: trend.count(), times: Some(Times::of(trend)) }
    }
}

impl Times {
    fn of(trend: &Trend) -> Times {
        Times {
            avg: trend.avg(),
            p50: trend.percentile(50.0),
            p90: trend.percentile(90.0),
            p95: trend.percentile(95.0),
            p99: trend.percentile(99.0),
            max: trend.max(),
        }
    }
}
