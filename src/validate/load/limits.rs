//! Numbers that no run can mean: nothing at all, or more than there is.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::load::Executor;
use crate::plan::Load;
use crate::source::Span;
use crate::units::Duration;

const MOST_VUS: u64 = 1_000_000;
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
            let total = stages.iter().try_fold(Duration::ZERO, |sum, stage| sum.checked_add(stage.duration));
            match total {
                Some(Duration::ZERO) => say("load-zero", "the stages last no time at all".to_owned(), span),
                Some(total) if total <= LONGEST => {}
                _ => say("load-limit", "the stages last longer than 365 days".to_owned(), span),
            }
            if *start_vus == 0 && stages.iter().all(|stage| stage.target == 0) {
                say("load-zero", "every stage has the target 0: no VU ever runs".to_owned(), span);
            }
        }
        _ => {}
    }
}

fn check_numbers(load: &Load, found: &mut Diagnostics) {
    for (name, field) in [("vus", &load.vus), ("iterations", &load.iterations)] {
        if let Some(field) = field.as_ref().filter(|field| field.value == 0) {
            found.push(Diagnostic::error("load-zero", format!("`{name}` must be at least 1")).at(field.span));
        }
    }
    let targets = load.stages.iter().flat_map(|stages| &stages.value).map(|stage| ("target", &stage.target));
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
