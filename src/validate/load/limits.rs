//! Numbers that no run can mean: nothing at all, or more than there is.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::load::{Executor, Part, Steps as Climb, with_levels};
use crate::plan::{Load, StageForm, Steps};
use crate::source::Span;
use crate::units::Duration;

use super::{TIME_UNIT, is_open};

const MOST_VUS: u64 = 1_000_000;
/// Arrivals per second. A core of today comes to a tenth of it.
const MOST_PER_SECOND: u128 = 1_000_000;
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) fn check(load: &Load, executor: Option<&Executor>, scenario: Option<Span>, found: &mut Diagnostics) {
    check_numbers(load, found);
    check_times(load, found);
    let Some(executor) = executor else { return };
    match executor {
        Executor::SharedIterations { vus, iterations, .. } if iterations < vus && *iterations > 0 => {
            let message = format!(
                "{iterations} iterations cannot be shared by {vus} VUs: raise `iterations`, or lower `vus` to {iterations}"
            );
            let span = load.iterations.as_ref().or(load.vus.as_ref()).map(|field| field.span).or(scenario);
            found.push(Diagnostic { span, ..Diagnostic::error("load-iterations", message) });
        }
        Executor::RampingVus { start_vus: start, stages, .. }
        | Executor::RampingArrivalRate { start_rate: start, stages, .. } => {
            let before = found.found.len();
            check_steps(load, *start, stages, found);
            let nothing = (found.found.len() == before).then(|| amounts_to_nothing(executor)).flatten();
            if let Some((code, message)) = wrong_length(executor).or(nothing) {
                let span = load.stages.as_ref().map(|stages| stages.span).or(scenario);
                found.push(Diagnostic { span, ..Diagnostic::error(code, message) });
            }
        }
        _ => {}
    }
    if let (Some(before), Some(most)) = (&load.pre_allocated_vus, &load.max_vus)
        && before.value > most.value
    {
        let message = format!("`pre_allocated_vus: {}` are more than `max_vus: {}`", before.value, most.value);
        found.push(Diagnostic::error("load-conflict", message).at(before.span).also(most.span, "`max_vus` is here"));
    }
}

/// Of all stages together.
fn wrong_length(executor: &Executor) -> Option<(&'static str, String)> {
    match executor.duration() {
        Duration::ZERO => Some(("load-zero", "the stages last no time at all".to_owned())),
        total if total <= LONGEST => None,
        _ => Some(("load-limit", "the stages last longer than 365 days".to_owned())),
    }
}

fn amounts_to_nothing(executor: &Executor) -> Option<(&'static str, String)> {
    let why = match executor {
        Executor::RampingArrivalRate { .. } if executor.iterations_due() == Some(0) => {
            "the rate is so low that not one iteration is due"
        }
        Executor::RampingVus { start_vus: 0, stages, .. } if stages.iter().all(|stage| stage.target() == 0) => {
            "every stage has the target 0: no VU ever runs"
        }
        _ => return None,
    };
    Some(("load-zero", why.to_owned()))
}

/// Steps that lead nowhere, or through too many levels.
fn check_steps(load: &Load, start: u64, stages: &[Part], found: &mut Diagnostics) {
    let of_rates = is_open(load);
    let written = load.stages.iter().flat_map(|stages| &stages.value);
    for ((from, part), form) in with_levels(start, stages).zip(written) {
        let (Part::Steps(steps), StageForm::Steps(form)) = (part, form) else { continue };
        if let Some(mistake) = zero_step(form) {
            found.push(mistake);
        } else if steps.jumps(from) == 0 {
            let there = if of_rates { format!("the rate is {from}") } else { format!("there are {from} VUs") };
            let message = format!("the stage adds nothing: {there} already when it begins");
            found.push(
                Diagnostic::error("load-zero", message)
                    .at(form.until.span)
                    .help(format!("to hold a level, write `{{ duration: 10m, target: {from} }}`")),
            );
        } else if steps.jumps(from) > Climb::MOST {
            let vus = if of_rates { "" } else { " VUs" };
            let message =
                format!("from {from} to {}{vus} by {} are {} steps", steps.until, steps.add, steps.jumps(from));
            found.push(Diagnostic::error("load-limit", message).at(form.add.span).help(format!(
                "there may be {}: add more{vus} with each, or write `{{ duration, target }}` for a line",
                Climb::MOST
            )));
        }
    }
}

fn zero_step(steps: &Steps) -> Option<Diagnostic> {
    let zero =
        |name: &str, span: Span| Diagnostic::error("load-zero", format!("`{name}` must be more than 0")).at(span);
    if steps.add.value == 0 {
        return Some(zero("add", steps.add.span).help("to go down, let `until` be below the level before"));
    }
    if steps.every.value.is_zero() {
        return Some(zero("every", steps.every.span).help("`{ duration: 0s, target: 50 }` jumps to a level at once"));
    }
    let hold = steps.hold.as_ref().filter(|hold| hold.value.is_zero())?;
    Some(zero("hold", hold.span).help("leave it out, and the last level is held for as long as the others"))
}

fn check_numbers(load: &Load, found: &mut Diagnostics) {
    let at_least_one =
        [("vus", &load.vus), ("iterations", &load.iterations), ("rate", &load.rate), ("max_vus", &load.max_vus)];
    for (name, field) in at_least_one {
        if let Some(field) = field.as_ref().filter(|field| field.value == 0) {
            found.push(Diagnostic::error("load-zero", format!("`{name}` must be at least 1")).at(field.span));
        }
    }
    let targets = load.stages.iter().flat_map(|stages| &stages.value).map(|stage| match stage {
        StageForm::Line(stage) => ("target", &stage.target),
        StageForm::Steps(steps) => ("until", &steps.until),
    });
    let (rates, vus) = match is_open(load) {
        true => (targets.collect(), Vec::new()),
        false => (Vec::new(), targets.collect::<Vec<_>>()),
    };
    let counts = [
        ("vus", &load.vus),
        ("start_vus", &load.start_vus),
        ("pre_allocated_vus", &load.pre_allocated_vus),
        ("max_vus", &load.max_vus),
    ];
    let counts = counts.into_iter().filter_map(|(name, field)| Some((name, field.as_ref()?))).chain(vus);
    for (name, field) in counts.filter(|(_, field)| field.value > MOST_VUS) {
        let message = format!("`{name}: {}` is more than {MOST_VUS} VUs", field.value);
        found.push(Diagnostic::error("load-limit", message).at(field.span));
    }
    let time_unit = load.time_unit.as_ref().map_or(TIME_UNIT, |unit| unit.value);
    let most = MOST_PER_SECOND * time_unit.as_nanos() / 1_000_000_000;
    let given = [("rate", &load.rate), ("start_rate", &load.start_rate)];
    let rates = given.into_iter().filter_map(|(name, field)| Some((name, field.as_ref()?))).chain(rates);
    for (name, field) in rates.filter(|(_, field)| u128::from(field.value) > most && !time_unit.is_zero()) {
        let message = format!("`{name}: {}` is more than {MOST_PER_SECOND} iterations per second", field.value);
        found.push(Diagnostic::error("load-limit", message).at(field.span));
    }
}

fn check_times(load: &Load, found: &mut Diagnostics) {
    let times = [
        ("duration", &load.duration, true),
        ("max_duration", &load.max_duration, true),
        ("time_unit", &load.time_unit, true),
        ("pace", &load.pace, true),
        ("start_time", &load.start_time, false),
        ("graceful_stop", &load.graceful_stop, false),
        ("graceful_ramp_down", &load.graceful_ramp_down, false),
    ];
    for (name, field, positive) in times {
        let Some(field) = field else { continue };
        if positive && field.value.is_zero() {
            found.push(Diagnostic::error("load-zero", format!("`{name}` must be more than 0")).at(field.span));
        }
        if field.value > LONGEST {
            found.push(Diagnostic::error("load-limit", format!("`{name}` is longer than 365 days")).at(field.span));
        }
    }
}
