//! Numbers that no run can mean: nothing at all, or more than there is.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::load::{Executor, Part, with_levels};
use crate::plan::{Load, StageForm, Steps};
use crate::source::Span;
use crate::units::Duration;

const MOST_VUS: u64 = 1_000_000;
const MOST_STEPS: u64 = 10_000;
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) fn check(load: &Load, executor: Option<&Executor>, scenario: Option<Span>, found: &mut Diagnostics) {
    check_numbers(load, found);
    check_times(load, found);
    let Some(executor) = executor else { return };
    let mut say = |code, message: String, span: Option<Span>| {
        found.push(Diagnostic { span: span.or(scenario), ..Diagnostic::error(code, message) });
    };
    match executor {
        Executor::SharedIterations { vus, iterations, .. } if iterations < vus && *iterations > 0 => {
            let message = format!(
                "{iterations} iterations cannot be shared by {vus} VUs: raise `iterations`, or lower `vus` to {iterations}"
            );
            say("load-iterations", message, load.iterations.as_ref().or(load.vus.as_ref()).map(|field| field.span));
        }
        Executor::RampingVus { start_vus, stages, .. } => {
            let span = load.stages.as_ref().map(|stages| stages.span);
            match executor.duration() {
                Duration::ZERO => say("load-zero", "the stages last no time at all".to_owned(), span),
                total if total <= LONGEST => {}
                _ => say("load-limit", "the stages last longer than 365 days".to_owned(), span),
            }
            if *start_vus == 0 && stages.iter().all(|stage| stage.target() == 0) {
                say("load-zero", "every stage has the target 0: no VU ever runs".to_owned(), span);
            }
            check_steps(load, *start_vus, stages, found);
        }
        _ => {}
    }
}

/// Steps that lead nowhere, or through too many levels.
fn check_steps(load: &Load, start_vus: u64, stages: &[Part], found: &mut Diagnostics) {
    let written = load.stages.iter().flat_map(|stages| &stages.value);
    for ((from, part), form) in with_levels(start_vus, stages).zip(written) {
        let (Part::Steps(steps), StageForm::Steps(form)) = (part, form) else { continue };
        if let Some(mistake) = zero_step(form) {
            found.push(mistake);
        } else if steps.jumps(from) == 0 {
            let message = format!("the stage adds nothing: there are {from} VUs already when it begins");
            found.push(
                Diagnostic::error("load-zero", message)
                    .at(form.until.span)
                    .help(format!("to hold a level, write `{{ duration: 10m, target: {from} }}`")),
            );
        } else if steps.jumps(from) > MOST_STEPS {
            let message =
                format!("from {from} to {} VUs by {} are {} steps", steps.until, steps.add, steps.jumps(from));
            found.push(Diagnostic::error("load-limit", message).at(form.add.span).help(format!(
                "there may be {MOST_STEPS}: add more VUs with each, or write `{{ duration, target }}` for a line"
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
    for (name, field) in [("vus", &load.vus), ("iterations", &load.iterations)] {
        if let Some(field) = field.as_ref().filter(|field| field.value == 0) {
            found.push(Diagnostic::error("load-zero", format!("`{name}` must be at least 1")).at(field.span));
        }
    }
    let targets = load.stages.iter().flat_map(|stages| &stages.value).map(|stage| match stage {
        StageForm::Line(stage) => ("target", &stage.target),
        StageForm::Steps(steps) => ("until", &steps.until),
    });
    let counts =
        load.vus.iter().map(|field| ("vus", field)).chain(load.start_vus.iter().map(|field| ("start_vus", field)));
    for (name, field) in counts.chain(targets).filter(|(_, field)| field.value > MOST_VUS) {
        let message = format!("`{name}: {}` is more than {MOST_VUS} VUs", field.value);
        found.push(Diagnostic::error("load-limit", message).at(field.span));
    }
}

fn check_times(load: &Load, found: &mut Diagnostics) {
    let times = [
        ("duration", &load.duration, true),
        ("max_duration", &load.max_duration, true),
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
