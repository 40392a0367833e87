//! Load options of the command line, laid over the plan's load.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::load::Stage;
use crate::plan::{ExecutorKind, Load, StageForm};
use crate::source::{Span, Spanned};

use super::super::Overrides;

/// Marks fields that the command line has set.
pub(super) const NOWHERE: Span = Span { start: u32::MAX, end: u32::MAX };

fn given<T>(value: T) -> Option<Spanned<T>> {
    Some(Spanned::new(value, NOWHERE))
}

/// Puts the options over the plan's load as k6 does: `-d`, `-i` and `-s` replace whatever decided the executor.
pub(super) fn apply(overrides: &Overrides, load: &mut Load, found: &mut Diagnostics) -> bool {
    let Overrides { vus, duration, iterations, stages, .. } = overrides;
    if !stages.is_empty() && (duration.is_some() || iterations.is_some()) {
        let other = if duration.is_some() { "--duration" } else { "--iterations" };
        found.push(Diagnostic::error("load-conflict", format!("`--stage` and `{other}` exclude each other")));
        return false;
    }
    if let Some((option, help)) = says_nothing_of_arrivals(overrides).filter(|_| super::is_open(load)) {
        let message = format!("`{option}` says nothing where the load is a rate of arrivals");
        found.push(Diagnostic::error("load-conflict", message).help(help));
        return false;
    }
    let replaces = !stages.is_empty() || duration.is_some() || iterations.is_some();
    if replaces {
        let kept = Load {
            vus: load.vus.take(),
            start_time: load.start_time.take(),
            graceful_stop: load.graceful_stop.take(),
            pace: load.pace.take(),
            ..Load::default()
        };
        *load = kept;
        load.duration = duration.and_then(given);
        load.iterations = iterations.and_then(given);
    }
    if !stages.is_empty() {
        let spanned = |stage: &Stage| {
            StageForm::Line(crate::plan::Stage {
                duration: Spanned::new(stage.duration, NOWHERE),
                target: Spanned::new(stage.target, NOWHERE),
            })
        };
        load.stages = given(stages.iter().map(spanned).collect());
        load.vus = None;
        load.start_vus = vus.and_then(given);
    } else if let Some(vus) = vus {
        if load.stages.is_some() || load.executor.as_ref().is_some_and(|kind| kind.value == ExecutorKind::RampingVus) {
            found.push(
                Diagnostic::error("load-conflict", "`--vus` says nothing where `stages` decide the number of VUs")
                    .help("add `--duration` or `--iterations` to run a fixed number of VUs, or use `--stage 30s:50`"),
            );
            return false;
        }
        load.vus = given(*vus);
    }
    replaces || vus.is_some()
}

/// In k6 they would quietly turn a rate into VUs. Where that is what is meant, both options, or `--iterations`, say so.
fn says_nothing_of_arrivals(overrides: &Overrides) -> Option<(&'static str, &'static str)> {
    let Overrides { vus, duration, iterations, stages, .. } = overrides;
    match (vus, duration) {
        _ if iterations.is_some() => None,
        _ if !stages.is_empty() => Some(("--stage", "change the rate in the plan")),
        (Some(_), None) => Some((
            "--vus",
            "add `--duration` or `--iterations` to run so many VUs instead of the rate, or change the plan",
        )),
        (None, Some(_)) => Some(("--duration", "add `--vus` to run VUs instead of the rate, or change the plan")),
        _ => None,
    }
}

/// With several scenarios it is not clear whose load the options mean.
pub(in super::super) fn refuse_overrides(overrides: &Overrides, found: &mut Diagnostics) {
    let given = [
        ("--vus", overrides.vus.is_some()),
        ("--duration", overrides.duration.is_some()),
        ("--iterations", overrides.iterations.is_some()),
        ("--stage", !overrides.stages.is_empty()),
    ];
    for (option, _) in given.iter().filter(|(_, given)| *given) {
        let message = format!("`{option}` cannot apply to a plan with several scenarios");
        found.push(Diagnostic::error("load-conflict", message).help("change the load of the scenarios in the plan"));
    }
}
