//! Steps besides requests: loops that do something and end, weights, names of groups and of their metrics.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::metrics::Metric;
use crate::plan::{Count, Plan, Poll, Step, StepKind, Unread};
use crate::source::Spanned;

use super::requests::zero;
use super::{ValidScenario, place};

/// Longest name of a metric, as in k6.
const METRIC_NAME_LENGTH: usize = 128;

/// What one VU may do at the same time.
const MOST_AT_ONCE: u64 = 1000;

pub(super) fn check(plan: &Plan, scenarios: &[ValidScenario], found: &mut Diagnostics) {
    for scenario in scenarios {
        place::visit(scenario, &mut |_, step| check_step(step, &plan.unread, found));
    }
}

fn check_step(step: &Step, unread: &Unread, found: &mut Diagnostics) {
    if let Some(measure) = &step.measure
        && !unread.steps
        && !has_request(std::slice::from_ref(step))
    {
        found.push(
            Diagnostic::error("measure-without-request", "`measure` says nothing on a step that sends no request")
                .at(measure.span)
                .help("put it on a request, or on a group with requests"),
        );
    }
    match &step.kind {
        StepKind::Group { name, metric, .. } => {
            check_group_name(name, found);
            if let Some(metric) = metric {
                check_metric_name(metric, found);
            }
        }
        StepKind::Repeat { times, .. } => {
            if let Count::Fixed(times) = times
                && times.value == 0
            {
                found.push(zero("`repeat: 0` never runs its steps", times.span));
            }
        }
        StepKind::While { max, .. } => {
            if let Some(max) = max.as_ref().filter(|max| max.value == 0) {
                found.push(zero("`max: 0` never runs the steps", max.span));
            }
        }
        StepKind::Parallel { max: width, .. } => check_width("max_parallel", width.as_ref(), found),
        StepKind::ForEach { concurrency: width, .. } => check_width("concurrency", width.as_ref(), found),
        StepKind::Poll(poll) => check_poll(poll, unread, found),
        StepKind::Choose(branches) => {
            let total = branches.iter().map(|branch| branch.weight.value).try_fold(0u64, u64::checked_add);
            match total {
                Some(0) => found.push(zero("no branch of `choose` has a weight above 0", step.span)),
                Some(_) => {}
                None => found.push(Diagnostic::error("bad-weight", "the weights are too large").at(step.span)),
            }
        }
        StepKind::Request(_)
        | StepKind::Sleep(_)
        | StepKind::Set(_)
        | StepKind::Append(_)
        | StepKind::If { .. }
        | StepKind::Log { .. }
        | StepKind::Outcome(_)
        | StepKind::Stop { .. } => {}
    }
}

/// How much one VU may do at the same time.
fn check_width(key: &str, width: Option<&Spanned<u64>>, found: &mut Diagnostics) {
    let Some(width) = width else { return };
    if width.value == 0 {
        let help = "write how many may run at the same time, or leave the key out";
        found.push(zero(&format!("`{key}: 0` never runs anything"), width.span).help(help));
    } else if width.value > MOST_AT_ONCE {
        let message = format!("`{key}` is at most {MOST_AT_ONCE}: each one has a connection of its own");
        found
            .push(Diagnostic::error("out-of-range", message).at(width.span).help("for more load, use more VUs: `vus`"));
    }
}

fn check_poll(poll: &Poll, unread: &Unread, found: &mut Diagnostics) {
    if !has_request(&poll.steps) && !unread.steps {
        found.push(
            Diagnostic::error("poll-without-request", "a poll whose steps send no request has nothing to wait for")
                .at(poll.span)
                .help("put the request that is to be repeated into its `steps`"),
        );
    }
    if let Some(timeout) = poll.timeout.as_ref().filter(|timeout| timeout.value.is_zero()) {
        found.push(zero("`timeout: 0` gives up at once", timeout.span));
    }
}

pub(super) fn has_request(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.kind {
        StepKind::Request(_) => true,
        other => place::inner(other).into_iter().any(has_request),
    })
}

fn check_group_name(name: &Spanned<String>, found: &mut Diagnostics) {
    if name.value.contains("::") {
        found.push(
            Diagnostic::error("bad-group", "the name of a group cannot contain `::`, which separates nested groups")
                .at(name.span),
        );
    }
}

fn check_metric_name(metric: &Spanned<String>, found: &mut Diagnostics) {
    let name = metric.value.as_str();
    if Metric::named(name).is_some() {
        found.push(
            Diagnostic::error("metric-conflict", format!("`{name}` is a built-in metric"))
                .at(metric.span)
                .help("give the group's metric a name of its own"),
        );
    } else if !is_metric_name(name) {
        found.push(
            Diagnostic::error("bad-metric", format!("`{name}` is no name for a metric"))
                .at(metric.span)
                .help("use letters, digits and `_`, at most 128 of them, and no digit in front"),
        );
    }
}

fn is_metric_name(name: &str) -> bool {
    let letters = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    letters && !name.starts_with(|first: char| first.is_ascii_digit()) && name.len() <= METRIC_NAME_LENGTH
}
