//! How many users, and when: which executor is meant, its defaults, and limits. Semantics and defaults are k6's.

mod command_line;
mod limits;
mod weights;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::load::{Executor, MaxVus, Open, Part, Stage, Steps};
use crate::plan::{ExecutorKind, Load, StageForm};
use crate::source::{Span, Spanned};
use crate::units::{Duration, format_duration};

use super::Overrides;

pub(super) use command_line::refuse_overrides;
pub(super) use weights::{all_share, share};

const GRACEFUL: Duration = Duration::from_secs(30);
const MAX_DURATION: Duration = Duration::from_secs(600);
const TIME_UNIT: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Decided {
    pub executor: Executor,
    pub start_time: Duration,
    pub graceful_stop: Duration,
    pub pace: Option<Duration>,
    /// The scenario's weight, and that of all that share one load.
    pub weight: Option<(u64, u64)>,
}

/// A field of [`Load`] with its name and, where it is written, its place.
type Field = (&'static str, Option<Span>);

/// Decides the executor; `scenario` is the place to blame where no field is.
pub(super) fn decide(
    load: &Load,
    scenario: Option<Span>,
    overrides: Option<&Overrides>,
    found: &mut Diagnostics,
) -> Decided {
    let mut merged = load.clone();
    let by_command_line = overrides.is_some_and(|overrides| command_line::apply(overrides, &mut merged, found));
    let before = found.found.len();
    let executor = executor(&merged, scenario, found);
    limits::check(&merged, executor.as_ref(), scenario, found);
    if by_command_line {
        // What the command line says has no place in the plan.
        for diagnostic in &mut found.found[before..] {
            diagnostic.span = diagnostic.span.filter(|span| *span != command_line::NOWHERE);
        }
    }
    Decided {
        executor: executor.unwrap_or(Executor::SharedIterations { vus: 1, iterations: 1, max_duration: MAX_DURATION }),
        start_time: value(&merged.start_time, Duration::ZERO),
        graceful_stop: value(&merged.graceful_stop, GRACEFUL),
        pace: merged.pace.as_ref().map(|pace| pace.value),
        weight: None,
    }
}

/// What is not judged must leave something that is.
pub(super) fn check_warmup(
    scenario: &str,
    warmup: Option<&Spanned<Duration>>,
    executor: &Executor,
    found: &mut Diagnostics,
) {
    let lasts = executor.duration();
    if let Some(warmup) = warmup.filter(|warmup| warmup.value >= lasts) {
        let (long, lasts) = (format_duration(warmup.value), format_duration(lasts));
        let message =
            format!("the warm-up of {long} leaves nothing to judge of the scenario `{scenario}`, which lasts {lasts}");
        found.push(
            Diagnostic::error("load-warmup", message)
                .at(warmup.span)
                .help("write a shorter one; a scenario may have a `warmup` of its own, also `0s`"),
        );
    }
}

fn value<T: Copy>(field: &Option<Spanned<T>>, default: T) -> T {
    field.as_ref().map_or(default, |field| field.value)
}

pub(super) fn refuse_beside_scenarios(load: &Load, found: &mut Diagnostics) {
    for (name, span) in fields(load) {
        let Some(span) = span else { continue };
        found.push(
            Diagnostic::error(
                "load-beside-scenarios",
                format!("`{name}` stands beside `scenarios`, each of which has its own load"),
            )
            .at(span)
            .help("move it into the scenario that it is meant for, or give the scenarios `weight: 1` each to share it"),
        );
    }
}

fn fields(load: &Load) -> [Field; 17] {
    [
        ("executor", load.executor.as_ref().map(|field| field.span)),
        ("vus", load.vus.as_ref().map(|field| field.span)),
        ("duration", load.duration.as_ref().map(|field| field.span)),
        ("iterations", load.iterations.as_ref().map(|field| field.span)),
        ("stages", load.stages.as_ref().map(|field| field.span)),
        ("start_vus", load.start_vus.as_ref().map(|field| field.span)),
        ("start_time", load.start_time.as_ref().map(|field| field.span)),
        ("graceful_stop", load.graceful_stop.as_ref().map(|field| field.span)),
        ("graceful_ramp_down", load.graceful_ramp_down.as_ref().map(|field| field.span)),
        ("max_duration", load.max_duration.as_ref().map(|field| field.span)),
        ("rate", load.rate.as_ref().map(|field| field.span)),
        ("start_rate", load.start_rate.as_ref().map(|field| field.span)),
        ("time_unit", load.time_unit.as_ref().map(|field| field.span)),
        ("pre_allocated_vus", load.pre_allocated_vus.as_ref().map(|field| field.span)),
        ("max_vus", load.max_vus.as_ref().map(|field| field.span)),
        ("arrivals", load.arrivals.as_ref().map(|field| field.span)),
        ("pace", load.pace.as_ref().map(|field| field.span)),
    ]
}

/// Which executor takes which fields, besides those that all take.
const TAKES: &[(ExecutorKind, &str, &[&str])] = &[
    (ExecutorKind::ConstantVus, "constant-vus", &["vus", "duration", "pace"]),
    (ExecutorKind::RampingVus, "ramping-vus", &["stages", "start_vus", "graceful_ramp_down", "pace"]),
    (ExecutorKind::SharedIterations, "shared-iterations", &["iterations", "vus", "max_duration", "pace"]),
    (ExecutorKind::PerVuIterations, "per-vu-iterations", &["iterations", "vus", "max_duration", "pace"]),
    (
        ExecutorKind::ConstantArrivalRate,
        "constant-arrival-rate",
        &["rate", "duration", "time_unit", "pre_allocated_vus", "max_vus", "arrivals"],
    ),
    (
        ExecutorKind::RampingArrivalRate,
        "ramping-arrival-rate",
        &["stages", "start_rate", "time_unit", "pre_allocated_vus", "max_vus", "arrivals"],
    ),
];
/// What only the executors of arrivals take, besides `rate`, which only one of them does: beside `stages` it tells that these are of rates.
const OF_RAMPING_RATES: &[&str] = &["start_rate", "time_unit", "pre_allocated_vus", "max_vus", "arrivals"];
const ALL_TAKE: &[&str] = &["executor", "start_time", "graceful_stop"];

fn executor(load: &Load, scenario: Option<Span>, found: &mut Diagnostics) -> Option<Executor> {
    if load.unread {
        refuse_contradictions(load, found);
        return None;
    }
    let before = found.found.len();
    let kind = match &load.executor {
        Some(kind) => {
            check_fields(load, kind.value, found);
            kind.value
        }
        None => infer(load, found)?,
    };
    if found.found.len() > before {
        return None;
    }
    build(load, kind, scenario, found)
}

/// The executor that the fields mean.
fn infer(load: &Load, found: &mut Diagnostics) -> Option<ExecutorKind> {
    if let Some(stages) = &load.stages {
        refuse_beside_stages(load, stages.span, found);
        let kind = match tells_rates(load) {
            true => ExecutorKind::RampingArrivalRate,
            false => ExecutorKind::RampingVus,
        };
        refuse_strays(load, kind, &["vus", "duration", "iterations", "rate"], found);
        return Some(kind);
    }
    if load.rate.is_some() {
        refuse_strays(load, ExecutorKind::ConstantArrivalRate, &[], found);
        return Some(ExecutorKind::ConstantArrivalRate);
    }
    if load.iterations.is_some() {
        if let (Some(duration), Some(most)) = (&load.duration, &load.max_duration) {
            found.push(
                Diagnostic::error("load-conflict", "`duration` beside `iterations` means the same as `max_duration`")
                    .at(duration.span)
                    .also(most.span, "the other")
                    .help("remove one of them"),
            );
        }
        refuse_strays(load, ExecutorKind::SharedIterations, &["duration"], found);
        return Some(ExecutorKind::SharedIterations);
    }
    if load.duration.is_some() {
        refuse_strays(load, ExecutorKind::ConstantVus, &[], found);
        return Some(ExecutorKind::ConstantVus);
    }
    if let Some(vus) = &load.vus {
        found.push(
            Diagnostic::error("load-missing", "`vus` alone does not say for how long")
                .at(vus.span)
                .help("add `duration: 30s` or `iterations: 100`"),
        );
        return None;
    }
    refuse_strays(load, ExecutorKind::SharedIterations, &[], found);
    Some(ExecutorKind::SharedIterations)
}

/// Whether fields are there that only arrivals have, and only with stages where there is no `rate`.
fn tells_rates(load: &Load) -> bool {
    fields(load).iter().any(|(name, span)| span.is_some() && OF_RAMPING_RATES.contains(name))
}

/// Whether the load is one of arrivals, right or wrong.
fn is_open(load: &Load) -> bool {
    match &load.executor {
        Some(kind) => matches!(kind.value, ExecutorKind::ConstantArrivalRate | ExecutorKind::RampingArrivalRate),
        None => load.rate.is_some() || load.stages.is_some() && tells_rates(load),
    }
}

/// What is wrong whatever the fields say that could not be read.
fn refuse_contradictions(load: &Load, found: &mut Diagnostics) {
    match (&load.executor, &load.stages) {
        (Some(kind), _) => check_fields(load, kind.value, found),
        (None, Some(stages)) => refuse_beside_stages(load, stages.span, found),
        (None, None) => {}
    }
}

fn refuse_beside_stages(load: &Load, stages: Span, found: &mut Diagnostics) {
    let others = [
        ("vus", "`start_vus` says how many to begin with"),
        ("duration", "each stage has its own"),
        ("iterations", ""),
        ("rate", "`start_rate` says the rate to begin with"),
    ];
    refuse_beside(load, "stages", stages, &others, found);
}

fn refuse_beside(load: &Load, key: &str, place: Span, others: &[(&str, &str)], found: &mut Diagnostics) {
    for (name, span) in fields(load) {
        let (Some(span), Some((_, why))) = (span, others.iter().find(|(other, _)| *other == name)) else { continue };
        let hint = if why.is_empty() { String::new() } else { format!(": {why}") };
        found.push(
            Diagnostic::error("load-conflict", format!("`{name}` and `{key}` exclude each other"))
                .at(span)
                .also(place, format!("`{key}` is here"))
                .help(format!("remove `{name}`{hint}")),
        );
    }
}

fn refuse_strays(load: &Load, kind: ExecutorKind, besides: &[&str], found: &mut Diagnostics) {
    let meant = takes(kind);
    for (name, span) in fields(load) {
        let fits = ALL_TAKE.contains(&name) || meant.1.contains(&name) || besides.contains(&name);
        let Some(span) = span.filter(|_| !fits) else { continue };
        let message = format!("`{name}` does not belong to the executor `{}`, which these fields mean", meant.0);
        let help = instead(name, kind).unwrap_or_else(|| belongs(name));
        found.push(Diagnostic::error("load-field", message).at(span).help(help));
    }
}

fn check_fields(load: &Load, kind: ExecutorKind, found: &mut Diagnostics) {
    let (executor, takes) = takes(kind);
    for (name, span) in fields(load) {
        let Some(span) = span.filter(|_| !ALL_TAKE.contains(&name) && !takes.contains(&name)) else { continue };
        let help = instead(name, kind).unwrap_or_else(|| belongs(name));
        let message = format!("the executor `{executor}` has no field `{name}`");
        found.push(Diagnostic::error("load-field", message).at(span).help(help));
    }
}

/// What was meant by a field that another executor has.
fn instead(name: &str, kind: ExecutorKind) -> Option<String> {
    use ExecutorKind::{ConstantArrivalRate, PerVuIterations, RampingArrivalRate, RampingVus, SharedIterations};
    let text = match (name, kind) {
        ("vus", RampingVus) => "write `start_vus` for the number of VUs to begin with",
        ("vus" | "start_vus", ConstantArrivalRate | RampingArrivalRate) => {
            "write `max_vus` for the most VUs, and `pre_allocated_vus` for those that are there from the start"
        }
        ("duration", SharedIterations | PerVuIterations) => "write `max_duration` for the longest time it may take",
        ("rate", RampingArrivalRate) => "write `start_rate` for the rate to begin with",
        ("start_rate", ConstantArrivalRate) => "write `rate`, or `stages` for a rate that changes",
        _ => return None,
    };
    Some(text.to_owned())
}

fn takes(kind: ExecutorKind) -> (&'static str, &'static [&'static str]) {
    TAKES.iter().find(|(known, ..)| *known == kind).map_or(("", &[]), |(_, name, fields)| (name, fields))
}

fn belongs(field: &str) -> String {
    let owners: Vec<String> =
        TAKES.iter().filter(|(.., fields)| fields.contains(&field)).map(|(_, name, _)| format!("`{name}`")).collect();
    let why = if field == "pace" { ", whose VUs follow no rate: a rate of arrivals is a pace already" } else { "" };
    format!("`{field}` belongs to {}{why}", owners.join(" and "))
}

fn build(load: &Load, kind: ExecutorKind, scenario: Option<Span>, found: &mut Diagnostics) -> Option<Executor> {
    let vus = value(&load.vus, 1);
    let iterations = value(&load.iterations, 1);
    let most = load.max_duration.as_ref().or(load.duration.as_ref());
    let max_duration = most.map_or(MAX_DURATION, |most| most.value);
    let place = load.executor.as_ref().map(|kind| kind.span).or(scenario);
    let mut missing = |field: &str, example: &str| {
        let message = format!("the executor `{}` needs `{field}`", takes(kind).0);
        let diagnostic = Diagnostic::error("load-missing", message).help(format!("write `{field}: {example}`"));
        found.push(Diagnostic { span: place, ..diagnostic });
        None
    };
    match kind {
        ExecutorKind::ConstantVus => match &load.duration {
            Some(duration) => Some(Executor::ConstantVus { vus, duration: duration.value }),
            None => missing("duration", "30s"),
        },
        ExecutorKind::RampingVus => match &load.stages {
            Some(stages) => Some(ramping(load, &stages.value)),
            None => missing("stages", "[{ duration: 30s, target: 50 }]"),
        },
        ExecutorKind::SharedIterations => Some(Executor::SharedIterations { vus, iterations, max_duration }),
        ExecutorKind::PerVuIterations => Some(Executor::PerVuIterations { vus, iterations, max_duration }),
        ExecutorKind::ConstantArrivalRate => match (&load.rate, &load.duration) {
            (Some(rate), Some(duration)) => {
                let (rate, duration) = (rate.value, duration.value);
                Some(Executor::ConstantArrivalRate { rate, duration, open: open(load, rate) })
            }
            (None, _) => missing("rate", "100"),
            (_, None) => missing("duration", "30s"),
        },
        ExecutorKind::RampingArrivalRate => match &load.stages {
            Some(stages) => {
                let start_rate = value(&load.start_rate, 0);
                let stages: Vec<Part> = stages.value.iter().map(part).collect();
                let peak = stages.iter().map(Part::target).fold(start_rate, u64::max);
                Some(Executor::RampingArrivalRate { start_rate, stages, open: open(load, peak) })
            }
            None => missing("stages", "[{ duration: 30s, target: 50 }]"),
        },
    }
}

/// As in k6 `pre_allocated_vus` alone are all that there may be. `peak` is the highest rate.
fn open(load: &Load, peak: u64) -> Open {
    let spacing = match load.arrivals.as_ref().map(|arrivals| arrivals.value) {
        Some(crate::plan::Spacing::Poisson) => crate::load::Spacing::Poisson,
        Some(crate::plan::Spacing::Regular) | None => crate::load::Spacing::Regular,
    };
    let time_unit = value(&load.time_unit, TIME_UNIT);
    let before = load.pre_allocated_vus.as_ref().filter(|vus| vus.value > 0);
    let given = load.max_vus.as_ref().or(before).map(|most| MaxVus::Given(most.value));
    Open {
        time_unit,
        spacing,
        pre_allocated_vus: before.map_or(0, |vus| vus.value),
        max_vus: given.unwrap_or_else(|| MaxVus::by_rate(peak, time_unit)),
        rota: None,
    }
}

fn ramping(load: &Load, stages: &[StageForm]) -> Executor {
    // A row of steps of ten from k6's one VU would make 11, 21, 31.
    let start_vus = if matches!(stages.first(), Some(StageForm::Steps(_))) { 0 } else { 1 };
    Executor::RampingVus {
        start_vus: value(&load.start_vus, start_vus),
        stages: stages.iter().map(part).collect(),
        graceful_ramp_down: value(&load.graceful_ramp_down, GRACEFUL),
        crew: None,
    }
}

fn part(written: &StageForm) -> Part {
    match written {
        StageForm::Line(stage) => Part::Line(Stage { duration: stage.duration.value, target: stage.target.value }),
        StageForm::Steps(steps) => Part::Steps(Steps {
            add: steps.add.value,
            every: steps.every.value,
            until: steps.until.value,
            hold: steps.hold.as_ref().map(|hold| hold.value),
        }),
    }
}
