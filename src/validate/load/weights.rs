//! The plan's load, shared by the scenarios that have a `weight`, as Locust's user classes share its users.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::load::{Crew, Executor, MaxVus, Open, Rota};
use crate::plan::{Plan, Scenario};
use crate::source::Spanned;

use super::super::Overrides;
use super::{ALL_TAKE, Decided, Field, belongs, decide, fields};

/// Weights are relative: more tell nothing that fewer could not.
const MOST_WEIGHT: u64 = 10_000;

/// Whether every scenario takes its load from the plan's, so that there is one load only.
pub(in super::super) fn all_share(plan: &Plan) -> bool {
    !plan.scenarios.is_empty() && plan.scenarios.iter().all(|scenario| scenario.weight.is_some())
}

/// What each scenario has of the plan's load; `None` for those with a load of their own.
pub(in super::super) fn share(
    plan: &Plan,
    overrides: Option<&Overrides>,
    found: &mut Diagnostics,
) -> Vec<Option<Decided>> {
    let sharing: Vec<(&Scenario, &Spanned<u64>)> =
        plan.scenarios.iter().filter_map(|scenario| Some((scenario, scenario.weight.as_ref()?))).collect();
    let Some((_, first)) = sharing.first() else { return vec![None; plan.scenarios.len()] };
    let before = found.found.len();
    check_scenarios(plan, found);
    let by_command_line = overrides.is_some_and(Overrides::has_load);
    let says_nothing =
        |(name, span): &Field| span.is_none() || ALL_TAKE.contains(name) && *name != "executor" || *name == "pace";
    if !plan.load.unread && !by_command_line && fields(&plan.load).iter().all(says_nothing) {
        found.push(
            Diagnostic::error("load-missing", "the scenarios share the plan's load by `weight`, and the plan has none")
                .at(first.span)
                .help("write it at the top level, beside `scenarios`: `vus: 10` with `duration: 30s`, `stages` or `iterations`"),
        );
    }
    let whole = decide(&plan.load, Some(first.span), overrides, found);
    let weights: Vec<u64> = sharing.iter().map(|(_, weight)| weight.value).collect();
    let executors = if found.found.len() > before || plan.load.unread {
        // Something is wrong with the whole, so that its parts would be, too.
        vec![whole.executor.clone(); sharing.len()]
    } else {
        refuse_empty_crews(&sharing, &whole.executor, &weights, found);
        refuse_paces(&sharing, &whole.executor, found);
        executors(&whole.executor, &weights)
    };
    let sum = weights.iter().fold(0, |sum: u64, weight| sum.saturating_add(*weight));
    let mut executors = executors.into_iter();
    let decided = |scenario: &Scenario| {
        let weight = scenario.weight.as_ref()?;
        Some(Decided {
            executor: executors.next()?,
            pace: scenario.load.pace.as_ref().map(|pace| pace.value).or(whole.pace),
            weight: Some((weight.value, sum)),
            ..whole.clone()
        })
    };
    plan.scenarios.iter().map(decided).collect()
}

fn check_scenarios(plan: &Plan, found: &mut Diagnostics) {
    for scenario in &plan.scenarios {
        // A pace is of VUs, wherever they come from.
        let mut own = fields(&scenario.load)
            .into_iter()
            .filter(|(name, _)| *name != "pace")
            .filter_map(|(name, span)| Some((name, span?)));
        let Some(weight) = &scenario.weight else {
            if own.next().is_none() && !scenario.load.unread {
                let message = format!("`{}` has neither a `weight` nor a load of its own", scenario.name.value);
                found.push(
                    Diagnostic::error("load-missing", message)
                        .at(scenario.name.span)
                        .help("write `weight: 1`, as in the other scenarios, or how many VUs it has and for how long"),
                );
            }
            continue;
        };
        for (name, span) in own {
            let message = format!("`{name}` beside `weight`, by which the scenario shares the plan's load");
            found.push(
                Diagnostic::error("load-conflict", message)
                    .at(span)
                    .also(weight.span, "`weight` is here")
                    .help(format!("remove `{name}`, or give the scenario a whole load of its own instead of a weight")),
            );
        }
        if weight.value == 0 {
            found.push(Diagnostic::error("load-zero", "`weight` must be at least 1").at(weight.span));
        } else if weight.value > MOST_WEIGHT {
            let message = format!("`weight: {}` is more than {MOST_WEIGHT}", weight.value);
            let help = "weights are relative: divide all of them by the same number";
            found.push(Diagnostic::error("load-limit", message).at(weight.span).help(help));
        }
    }
}

fn refuse_empty_crews(
    sharing: &[(&Scenario, &Spanned<u64>)],
    whole: &Executor,
    weights: &[u64],
    found: &mut Diagnostics,
) {
    let vus = ("VU", "VUs", whole.peak_vus());
    // Arrivals at random are as many in the mean.
    let due = whole.arrivals().map(|(arrivals, _)| ("arrival", "arrivals", arrivals.total()));
    for (one, many, all) in [Some(vus), due].into_iter().flatten() {
        for ((scenario, weight), _) in sharing.iter().zip(Crew::shares(weights, all)).filter(|(_, share)| *share == 0) {
            let name = &scenario.name.value;
            let message = format!("no {one} is left for `{name}`: all {all} go to scenarios of more weight");
            found.push(
                Diagnostic::error("load-weight", message)
                    .at(weight.span)
                    .help(format!("raise the number of {many} of the plan, or this weight")),
            );
        }
    }
}

/// The plan's own is refused with its other fields.
fn refuse_paces(sharing: &[(&Scenario, &Spanned<u64>)], whole: &Executor, found: &mut Diagnostics) {
    for pace in
        sharing.iter().filter_map(|(scenario, _)| scenario.load.pace.as_ref()).filter(|_| whole.open().is_some())
    {
        let message = format!("`pace` does not belong to the executor `{}`, which the plan's load has", whole.name());
        found.push(Diagnostic::error("load-field", message).at(pace.span).help(belongs("pace")));
    }
}

/// The executor of each part. Every level of a ramp, and every pile of iterations, comes to the whole again.
fn executors(whole: &Executor, weights: &[u64]) -> Vec<Executor> {
    let piles = whole.iterations().map_or(Vec::new(), |iterations| Crew::shares(weights, iterations));
    let crews = Crew::deal(weights, whole.peak_vus());
    let part = |(index, crew): (usize, Crew)| match whole.clone() {
        Executor::ConstantVus { duration, .. } => Executor::ConstantVus { vus: crew.len(), duration },
        Executor::RampingVus { start_vus, stages, graceful_ramp_down, .. } => {
            Executor::RampingVus { start_vus, stages, graceful_ramp_down, crew: Some(crew) }
        }
        Executor::SharedIterations { iterations, max_duration, .. } => {
            let iterations = piles.get(index).copied().unwrap_or(iterations);
            Executor::SharedIterations { vus: crew.len(), iterations, max_duration }
        }
        Executor::PerVuIterations { iterations, max_duration, .. } => {
            Executor::PerVuIterations { vus: crew.len(), iterations, max_duration }
        }
        Executor::ConstantArrivalRate { rate, duration, open } => {
            Executor::ConstantArrivalRate { rate, duration, open: open_part(open, index, crew.len(), weights) }
        }
        Executor::RampingArrivalRate { start_rate, stages, open } => {
            Executor::RampingArrivalRate { start_rate, stages, open: open_part(open, index, crew.len(), weights) }
        }
    };
    crews.into_iter().enumerate().map(part).collect()
}

/// `vus` of the most that the whole may have.
fn open_part(open: Open, index: usize, vus: u64, weights: &[u64]) -> Open {
    Open {
        pre_allocated_vus: Crew::shares(weights, open.pre_allocated_vus).get(index).copied().unwrap_or(0),
        max_vus: match open.max_vus {
            MaxVus::Given(_) => MaxVus::Given(vus),
            MaxVus::ByRate(_) | MaxVus::Cut { .. } => MaxVus::ByRate(vus),
        },
        rota: Rota::deal(weights).into_iter().nth(index),
        ..open
    }
}
