//! What can be run and is hardly meant so. Each lint has a name, a reason and a way to silence it: `allow: [NAME]`.

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, closest};
use crate::expr::{Part, Template};
use crate::load::Executor;
use crate::plan::{Auth, Check, EnvVar, Http, Plan, Request, Sleep, StatusRange, Step, StepKind, looks_secret};
use crate::source::{Span, Spanned};

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
    plan.env.iter().for_each(|variable| clear_default(variable, found));
    for scenario in scenarios {
        let levels = scenario.http_levels(plan);
        levels.iter().for_each(|level| clear_credentials(&level.headers, level.auth.as_ref(), found));
        never_holds(plan, scenario, found);
        place::visit(scenario, &mut |_, step| check_step(step, &levels, found));
    }
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

fn never_holds(plan: &Plan, scenario: &ValidScenario, found: &mut Diagnostics) {
    let Executor::RampingVus { start_vus, stages, .. } = &scenario.executor else { return };
    let Some((last, before)) = stages.split_last().filter(|(last, _)| !last.duration.is_zero()) else { return };
    let highest = before.iter().map(|stage| stage.target).fold(*start_vus, u64::max);
    let peak = last.target;
    if peak <= highest {
        return;
    }
    let written = scenario.written.map_or(&plan.load, |written| &written.load);
    let span = written.stages.as_ref().and_then(|stages| stages.value.last()).map(|stage| stage.target.span);
    let message = format!("the load of `{}` ends when it reaches its peak of {peak} VUs", scenario.name);
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

fn clear_default(variable: &EnvVar, found: &mut Diagnostics) {
    if let Some(default) =
        variable.default.as_ref().filter(|default| looks_secret(&variable.name.value) && !default.value.is_empty())
        && !variable.secret
    {
        found.push(in_clear(default.span, &format!("`{}`", variable.name.value)));
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
