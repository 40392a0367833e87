//! What can be run and is hardly meant so. Each lint has a name, a reason and a way to silence it: `allow: [NAME]`.

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, closest};
use crate::expr::{Part, Template};
use crate::load::{self, Executor};
use crate::plan::{
    Auth, Check, Http, Load, Plan, Request, Sleep, StageForm, StatusRange, Step, StepKind, looks_secret,
};
use crate::source::{Span, Spanned};
use crate::units::format_duration;

use super::{ValidScenario, place};

/// All of them, wherever they are found.
pub const LINTS: &[&str] = &[
    "bad-proxy",
    "body-on-get",
    "check-against-expect",
    "constant-check",
    "few-rows",
    "never-holds",
    "no-checks",
    "no-effect",
    "no-pause",
    "secret-in-plan",
    "template-in-text",
    "threshold-always-holds",
    "threshold-tolerates-all",
    "unlikely-url",
];

/// What counts as success where the plan does not say.
const EXPECTED: StatusRange = StatusRange { first: 200, last: 399 };

pub(super) fn check(plan: &Plan, scenarios: &[ValidScenario], found: &mut Diagnostics) {
    clear_values(plan, scenarios, found);
    for scenario in scenarios {
        let levels = scenario.http_levels(plan);
        levels.iter().for_each(|level| clear_credentials(&level.headers, level.auth.as_ref(), found));
        place::visit(scenario, &mut |_, step| check_step(step, &levels, found));
    }
    never_hold(plan, scenarios, found);
    no_checks(plan, scenarios, found);
}

/// Takes out what the plan allows, and refuses names that are no lint's.
pub(super) fn allow(plan: &Plan, found: &mut Diagnostics) {
    for name in plan.allow.iter().filter(|name| !LINTS.contains(&name.value.as_str())) {
        let diagnostic = Diagnostic::error("unknown-lint", format!("there is no lint `{}`", name.value)).at(name.span);
        found.push(match closest(&name.value, LINTS.iter().copied()) {
            Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
            None => diagnostic.help(format!("lints are {}", LINTS.join(", "))),
        });
    }
    let is_allowed = |one: &Diagnostic| plan.allow.iter().any(|name| name.value == one.code);
    found.found.retain(|one| one.severity == Severity::Error || !is_allowed(one));
}

fn check_step(step: &Step, levels: &[&Http], found: &mut Diagnostics) {
    match &step.kind {
        StepKind::Request(request) => {
            clear_credentials(&request.headers, request.auth.as_ref(), found);
            let expect = expected(request, levels);
            for check in request.require.iter().chain(&request.checks) {
                check_against_expect(check, expect, found);
            }
        }
        StepKind::Sleep(Sleep::Fixed(length)) if length.is_zero() => {
            found.push(
                Diagnostic::warning("no-pause", "`sleep: 0` is no pause")
                    .at(step.span)
                    .help("write how long a person would wait, such as `sleep: 1s..3s`, or remove the step"),
            );
        }
        _ => {}
    }
}

fn expected<'p>(request: &'p Request, levels: &[&'p Http]) -> &'p [StatusRange] {
    let by_level = levels.iter().rev().find_map(|level| level.expect.as_ref());
    request.expect.as_ref().or(by_level).map_or(std::slice::from_ref(&EXPECTED), |expect| &expect.value)
}

fn check_against_expect(check: &Check, expect: &[StatusRange], found: &mut Diagnostics) {
    let Some(wanted) = check.condition.wanted_numbers("status") else { return };
    let is_expected =
        |status: &i64| expect.iter().any(|range| (i64::from(range.first)..=i64::from(range.last)).contains(status));
    // Without a response the status is 0, which nobody can expect.
    if wanted.contains(&0) || wanted.iter().any(is_expected) {
        return;
    }
    let statuses: Vec<String> = wanted.iter().map(i64::to_string).collect();
    found.push(
        Diagnostic::warning("check-against-expect", "where this check passes, the request counts as failed")
            .at(check.condition.span)
            .help(format!("say that the status is a success: `expect: [{}]`", statuses.join(", "))),
    );
}

/// Every load once: scenarios with a weight have one together.
fn never_hold(plan: &Plan, scenarios: &[ValidScenario], found: &mut Diagnostics) {
    if let Some(sharing) = scenarios.iter().find(|scenario| scenario.weight.is_some()) {
        never_holds("the load that scenarios share", &plan.load, &sharing.executor, found);
    }
    for scenario in scenarios.iter().filter(|scenario| scenario.weight.is_none()) {
        let written = scenario.written.map_or(&plan.load, |written| &written.load);
        never_holds(&format!("the load of `{}`", scenario.name), written, &scenario.executor, found);
    }
}

fn never_holds(what: &str, written: &Load, executor: &Executor, found: &mut Diagnostics) {
    let (start, stages, unit) = match executor {
        Executor::RampingVus { start_vus, stages, .. } => (start_vus, stages, " VUs".to_owned()),
        Executor::RampingArrivalRate { start_rate, stages, open } => {
            let unit = format_duration(open.time_unit);
            (start_rate, stages, if unit == "1s" { "/s".to_owned() } else { format!(" per {unit}") })
        }
        _ => return,
    };
    // Steps hold their last level.
    let Some((load::Part::Line(last), before)) = stages.split_last() else { return };
    let highest = before.iter().map(load::Part::target).fold(*start, u64::max);
    let peak = last.target;
    if peak <= highest || last.duration.is_zero() {
        return;
    }
    let span = written.stages.as_ref().and_then(|stages| stages.value.last()).and_then(|stage| match stage {
        StageForm::Line(stage) => Some(stage.target.span),
        StageForm::Steps(_) => None,
    });
    let message = format!("{what} ends when it reaches its peak of {peak}{unit}");
    let diagnostic = Diagnostic::warning("never-holds", message).help(format!(
        "a stage goes in a straight line to its target; hold it with another: `{{ duration: 1m, target: {peak} }}`"
    ));
    found.push(Diagnostic { span, ..diagnostic });
}

fn no_checks(plan: &Plan, scenarios: &[ValidScenario], found: &mut Diagnostics) {
    let (mut first, mut checked) = (None, plan.unread.steps);
    for scenario in scenarios {
        place::visit(scenario, &mut |_, step| match &step.kind {
            StepKind::Request(request) => {
                first = first.or(Some(request.url.span));
                checked |= !(request.checks.is_empty() && request.require.is_empty() && request.extract.is_empty());
            }
            StepKind::Poll(_) => checked = true,
            _ => {}
        });
    }
    if let Some(first) = first.filter(|_| !checked) {
        found.push(
            Diagnostic::warning(
                "no-checks",
                "no request of the plan has a check: an error page with status 200 passes",
            )
            .at(first)
            .help("say what a right response is, such as `checks: [status == 200, size(json.items) > 0]`"),
        );
    }
}

/// Of names that look like secrets and are not declared so.
fn clear_values(plan: &Plan, scenarios: &[ValidScenario], found: &mut Diagnostics) {
    let defaults = plan.env.iter().filter_map(|variable| Some((&variable.name.value, variable.default.as_ref()?)));
    let of_scenarios = scenarios.iter().filter_map(|scenario| scenario.written).flat_map(|written| &written.env);
    for (name, text) in defaults.chain(of_scenarios.map(|(name, text)| (&name.value, text))) {
        let is_secret = || plan.env.iter().any(|variable| variable.secret && variable.name.value == *name);
        if looks_secret(name) && !text.value.is_empty() && !is_secret() {
            found.push(in_clear(text.span, &format!("`{name}`")));
        }
    }
}

fn clear_credentials(headers: &[(Spanned<String>, Spanned<Template>)], auth: Option<&Auth>, found: &mut Diagnostics) {
    let header = headers.iter().filter(|(name, _)| name.value.eq_ignore_ascii_case("authorization"));
    let secret = match auth {
        Some(Auth::Basic { password, .. } | Auth::Digest { password, .. }) => Some(password),
        Some(Auth::Bearer(token)) => Some(token),
        Some(Auth::None) | None => None,
    };
    for text in header.map(|(_, value)| value).chain(secret) {
        if !text.value.parts.iter().any(|part| matches!(part, Part::Expr(_))) {
            found.push(in_clear(text.span, "a credential"));
        }
    }
}

fn in_clear(span: Span, what: &str) -> Diagnostic {
    Diagnostic::warning("secret-in-plan", format!("{what} stands in the plan in clear"))
        .at(span)
        .hidden()
        .help("declare it, `env: { API_TOKEN: { required: true, secret: true } }`, and write `${env.API_TOKEN}`")
}
