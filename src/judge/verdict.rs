//! From findings and the facts of the run to one verdict.

use std::time::Duration;

use super::{Finding, State, Statistic, Threshold, evaluate};
use crate::health::Usage;
use crate::metrics::{Kind, Metric, Problem, ProblemKind, Snapshot};

/// Everything known when the run is over.
#[derive(Clone, Debug)]
pub struct Facts {
    pub snapshot: Snapshot,
    pub started_at: jiff::Timestamp,
    pub duration: Duration,
    /// How long no iterations were started, because somebody had paused the run.
    pub paused: Duration,
    /// How long the plan says that it takes at most.
    pub planned: Duration,
    pub end: End,
    pub generator: Generator,
    /// The plan has request steps, so a run that sent nothing has shown nothing.
    pub has_requests: bool,
    /// The thresholds, if any, are the default ones: nobody has said what else must hold, and nobody has asked for none.
    pub default_thresholds: bool,
    /// What readers of the summary should know besides, whole sentences.
    pub notes: Vec<String>,
}

/// Why the run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The plan was done.
    Completed,
    /// By a signal.
    Interrupted,
    /// By the threshold of this index, with `abort_on_fail`.
    ThresholdAbort(usize),
    /// By `stop: test`, with its reason (empty where the plan gives none).
    StoppedByPlan(String),
    /// We could not go on; the reason. What was measured until then is kept.
    Failed(String),
}

/// The health of the load generator itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generator {
    pub threads: usize,
    /// Mean use of the cores that its threads run on, 0..=1.
    pub cpu_share: f64,
    /// How late timers were.
    pub late_p99: Option<Duration>,
    /// The target runs on this machine and took its share of it.
    pub same_machine: bool,
    /// Why its numbers are not the target's, where they are not.
    pub saturated: Option<String>,
    /// What it ran out of, so that requests failed on its side.
    pub exhausted: Option<String>,
    /// What it used of what it may use.
    pub usage: Usage,
}

/// What the run says about the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed,
    /// The run cannot tell.
    Inconclusive,
    Interrupted,
    StoppedByPlan,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub outcome: Outcome,
    /// One per threshold, in their order.
    pub findings: Vec<Finding>,
    /// All that apply, the deciding one first; empty where the run passed.
    pub reasons: Vec<String>,
}

/// Passed only when nothing speaks against it. When several things do, the first in this order decides: interrupted, stopped by
/// the plan or by a failure of ours, requests that failed on the generator's side, a saturated generator behind a broken threshold of time or throughput, any broken threshold,
/// failed iterations of which the plan says nothing, and whatever leaves the run without an answer, a saturated generator among it.
pub fn decide(thresholds: &[Threshold], facts: &Facts) -> Verdict {
    let findings = evaluate(thresholds, &facts.snapshot);
    let mut against = ended_early(&facts.end);
    against.extend(exhaustion(facts));
    against.extend(saturation(thresholds, &findings, facts));
    against.extend(broken(thresholds, &findings, &facts.end));
    against.extend(failed_iterations(facts).map(|reason| (Outcome::Failed, reason)));
    against.extend(unanswered(thresholds, &findings, facts));
    let outcome = against.first().map_or(Outcome::Passed, |(outcome, _)| *outcome);
    Verdict { outcome, findings, reasons: against.into_iter().map(|(_, reason)| reason).collect() }
}

type Reasons = Vec<(Outcome, String)>;

fn ended_early(end: &End) -> Reasons {
    match end {
        End::Interrupted => vec![(Outcome::Interrupted, "interrupted by a signal before the end of the plan".into())],
        End::StoppedByPlan(why) if why.is_empty() => vec![(Outcome::StoppedByPlan, "the plan stopped the test".into())],
        End::StoppedByPlan(why) => vec![(Outcome::StoppedByPlan, format!("the plan stopped the test: {why}"))],
        End::Failed(why) => vec![(Outcome::Inconclusive, format!("the run could not go on: {why}"))],
        End::Completed | End::ThresholdAbort(_) => Vec::new(),
    }
}

/// Failures of our own are in every share and every count that a threshold looks at.
fn exhaustion(facts: &Facts) -> Reasons {
    let told =
        |why: &String| format!("the generator ran out of what it needs, so the run says nothing of the target: {why}");
    facts.generator.exhausted.iter().map(|why| (Outcome::Inconclusive, told(why))).collect()
}

fn saturation(thresholds: &[Threshold], findings: &[Finding], facts: &Facts) -> Reasons {
    let Some(why) = &facts.generator.saturated else { return Vec::new() };
    let mut about_time = thresholds.iter().zip(findings).enumerate().filter(|(index, (threshold, finding))| {
        let aborted = facts.end == End::ThresholdAbort(*index);
        (aborted || finding.state == State::Broken) && needs_healthy_generator(threshold, &facts.snapshot)
    });
    let blamed = about_time.next().map(|(_, (threshold, _))| {
        format!(
            "the generator could not keep up ({why}), so `{} {}` says nothing of the target",
            threshold.submetric(),
            threshold.text
        )
    });
    blamed.map(|reason| (Outcome::Inconclusive, reason)).into_iter().collect()
}

/// Times and throughput are the generator's when it is the limit, and so is what it dropped. Other shares are not: a target that
/// refuses every connection keeps any generator busy, and its failures are its own.
fn needs_healthy_generator(threshold: &Threshold, snapshot: &Snapshot) -> bool {
    let metric = snapshot.metric(&threshold.metric);
    if metric == Some(Metric::DroppedIterations) {
        return true;
    }
    match metric.map(Metric::kind) {
        Some(Kind::Trend { time }) => time && threshold.statistic != Statistic::Count,
        Some(Kind::Counter) => threshold.statistic == Statistic::Rate,
        Some(Kind::Rate | Kind::Gauge) | None => false,
    }
}

fn broken(thresholds: &[Threshold], findings: &[Finding], end: &End) -> Reasons {
    let mut reasons = Vec::new();
    if let End::ThresholdAbort(index) = end {
        let which = thresholds.get(*index).map_or_else(String::new, name);
        reasons.push((Outcome::Failed, format!("aborted when threshold {which} broke")));
    }
    let all = thresholds.iter().zip(findings).filter(|(_, finding)| finding.state == State::Broken);
    reasons.extend(all.map(|(threshold, _)| (Outcome::Failed, format!("threshold {} broke", name(threshold)))));
    reasons
}

/// Most of the iterations that may fail where the plan does not say how many: the same share as that of requests.
const MOST_FAILED: f64 = 0.01;

/// Why a plan that says nothing of failed iterations must not pass with them.
fn failed_iterations(facts: &Facts) -> Option<String> {
    let outcomes = facts.snapshot.outcomes();
    let of = |outcome: &str| outcomes.get(outcome).copied().unwrap_or(0);
    let (failed, ended) = (of("failed"), outcomes.values().sum::<u64>() - of("interrupted"));
    let share = failed as f64 / ended.max(1) as f64;
    if !facts.default_thresholds || share <= MOST_FAILED {
        return None;
    }
    let ends_iterations = |kind| !matches!(kind, ProblemKind::Check | ProblemKind::Request);
    let first = facts.snapshot.problems().into_iter().find(|problem| ends_iterations(problem.kind));
    let told = |problem: &Problem| match facts.snapshot.tag(problem.site, "name").unwrap_or(&problem.place) {
        "" => problem.message.clone(),
        step => format!("{step}: {}", problem.message),
    };
    let why = first.map_or_else(|| "a `require` did not hold (see the checks)".to_owned(), told);
    Some(format!("{} % of the iterations failed ({failed} of {ended}): {why}", (share * 1000.0).round() / 10.0))
}

fn unanswered(thresholds: &[Threshold], findings: &[Finding], facts: &Facts) -> Reasons {
    let snapshot = &facts.snapshot;
    let mut reasons = Vec::new();
    // Where it has spoilt a threshold, that says so.
    if let Some(why) = facts.generator.saturated.as_ref().filter(|_| saturation(thresholds, findings, facts).is_empty())
    {
        reasons.push(format!("the generator could not keep up ({why}), so the plan's load was not made"));
    }
    reasons.extend(emptiness(facts));
    reasons.extend(aimlessness(findings, facts));
    if snapshot.lost() > 0 {
        reasons.push(format!("samples were lost ({}): too many series of metrics", snapshot.lost()));
    }
    let empty = thresholds.iter().zip(findings).filter(|(_, finding)| finding.state == State::NoData);
    reasons.extend(empty.map(|(threshold, _)| format!("threshold {} had no data", name(threshold))));
    reasons.into_iter().map(|reason| (Outcome::Inconclusive, reason)).collect()
}

/// Why the run as a whole has shown nothing, thresholds or not.
fn emptiness(facts: &Facts) -> Option<String> {
    let snapshot = &facts.snapshot;
    let outcomes = snapshot.outcomes();
    let of = |outcome: &str| outcomes.get(outcome).copied().unwrap_or(0);
    let (all, failed) = (outcomes.values().sum::<u64>(), of("failed"));
    let answered = snapshot.rate(Metric::HttpReqFailed, &[]).is_some();
    let warmup = snapshot.warmup();
    if all == 0 {
        let seen = warmup.iterations + warmup.requests > 0;
        let why = if seen { "no iteration began after the warm-up" } else { "no iteration ran" };
        return Some(why.to_owned());
    }
    if failed > 0 && all == failed + of("interrupted") {
        // Where the share of failed iterations has spoken, it has said this, too.
        let said = failed_iterations(facts).is_some();
        return (!said).then(|| format!("no iteration came to its end: {failed} failed (see the problems)"));
    }
    if all == of("interrupted") && !answered {
        return Some("every iteration was interrupted before it had a result".to_owned());
    }
    let unmeasured: u64 = snapshot.unmeasured().values().map(|aside| aside.requests).sum();
    let sent = snapshot.counter(Metric::HttpReqs, &[]).unwrap_or(0) + unmeasured;
    let when = if warmup.requests > 0 { " after the warm-up" } else { "" };
    (facts.has_requests && sent == 0).then(|| format!("the plan has requests, and none was sent{when}"))
}

/// Why nothing was asked of the run, or nothing that it answers.
fn aimlessness(findings: &[Finding], facts: &Facts) -> Option<String> {
    if findings.is_empty() {
        let why = "the plan has neither thresholds nor requests or checks, so there is nothing that could fail";
        return facts.default_thresholds.then(|| why.to_owned());
    }
    let silent = findings.iter().all(|finding| finding.state == State::AllowedEmpty);
    silent.then(|| "no threshold had any data, though each may be without (`allow_empty`)".to_owned())
}

fn name(threshold: &Threshold) -> String {
    format!("`{} {}`", threshold.submetric(), threshold.text)
}
