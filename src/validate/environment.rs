//! `env`, `vars` and secrets: what the plan takes from outside, and what it computes once from that.

use crate::diagnostic::{Diagnostic, Diagnostics, closest};
use crate::expr::{Data, NameUse, Value};
use crate::plan::{EnvKind, EnvVar, Plan, Scenario};
use crate::source::{Span, Spanned};

use super::Overrides;
use super::constants::Constants;
use super::names::data_names;

pub(super) fn read(
    plan: &Plan,
    overrides: &Overrides,
    environment: &dyn Fn(&str) -> Option<String>,
    seed: u64,
    found: &mut Diagnostics,
) -> Constants {
    let mut constants = Constants::new(seed, &plan.unread);
    refuse_unknown(plan, overrides, found);
    for variable in &plan.env {
        let name = &variable.name.value;
        if variable.secret {
            constants.secret.insert(format!("env.{name}"));
        }
        let outside = overrides.env.get(name).cloned().or_else(|| environment(name));
        match value(variable, outside) {
            Ok(value) => constants.env.push((name.clone(), value)),
            Err(diagnostic) => {
                constants.broken.insert(format!("env.{name}"));
                found.push(*diagnostic);
            }
        }
        warn_of_clear_secret(variable, found);
    }
    compute_vars(plan, &mut constants, found);
    constants
}

/// What a scenario with an `env` of its own has instead of the plan's constants; its `vars` are computed anew from that.
pub(super) fn of_scenario(
    plan: &Plan,
    base: &Constants,
    scenario: &Scenario,
    seed: u64,
    found: &mut Diagnostics,
) -> Constants {
    let mut constants = base.without_vars(seed, &plan.unread);
    for (name, text) in &scenario.env {
        match replaced(plan, name, text) {
            Ok(value) => constants.set_env(&name.value, value),
            Err(diagnostic) => {
                constants.set_broken_env(&name.value);
                if !plan.unread.may_name(&name.value) {
                    found.push(*diagnostic);
                }
            }
        }
        let is_secret = plan.env.iter().any(|known| known.secret && known.name.value == name.value);
        if is_secret && !text.value.is_empty() {
            found.push(clear_secret(&name.value, text));
        }
    }
    compute_vars(plan, &mut constants, found);
    constants
}

fn replaced(plan: &Plan, name: &Spanned<String>, text: &Spanned<String>) -> Result<Value, Box<Diagnostic>> {
    let declared = || plan.env.iter().map(|variable| variable.name.value.as_str());
    let Some(variable) = plan.env.iter().find(|variable| variable.name.value == name.value) else {
        let message = format!("the plan declares no `{}` that a scenario could replace", name.value);
        let help = match closest(&name.value, declared()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("declare it at the top level: `env: {{ {}: default }}`", name.value),
        };
        return Err(Box::new(Diagnostic::error("unknown-env", message).at(name.span).help(help)));
    };
    convert(variable.kind, &text.value).ok_or_else(|| Box::new(mistyped(variable, &text.value, text.span)))
}

fn compute_vars(plan: &Plan, constants: &mut Constants, found: &mut Diagnostics) {
    for (index, (name, data)) in plan.vars.iter().enumerate() {
        if constants.reads_secret(&data_names(data)) {
            constants.secret.insert(name.value.clone());
        }
        match var(plan, index, data, constants, found) {
            Some(value) => constants.vars.push((name.value.clone(), value)),
            None => {
                constants.broken.insert(name.value.clone());
            }
        }
    }
}

/// Texts of the variables declared secret, in the plan and in its scenarios.
pub(super) fn all_secrets<'c>(plan: &Plan, constants: impl Iterator<Item = &'c Constants>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for secret in constants.flat_map(|constants| secrets(plan, constants)) {
        if !all.contains(&secret) {
            all.push(secret);
        }
    }
    all
}

/// The empty text is none: masking it would mask everything.
fn secrets(plan: &Plan, constants: &Constants) -> Vec<String> {
    let secret = |name: &str| plan.env.iter().any(|variable| variable.secret && variable.name.value == name);
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let values = constants.env.iter().filter(|(name, _)| secret(name)).filter_map(|(_, value)| text(value));
    values.filter(|text| !text.is_empty()).collect()
}

/// Takes the values of secrets out of what is said: a message may quote a tag or an outcome that is made of one.
pub(super) fn mask(found: &mut Diagnostics, mut secrets: Vec<String>) {
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    let hide = |text: &mut String| {
        for secret in secrets.iter().filter(|secret| text.contains(secret.as_str())).collect::<Vec<_>>() {
            *text = text.replace(secret.as_str(), "***");
        }
    };
    for diagnostic in &mut found.found {
        hide(&mut diagnostic.message);
        diagnostic.label.iter_mut().for_each(hide);
        diagnostic.also.iter_mut().for_each(|(_, label)| hide(label));
        diagnostic.quote.iter_mut().for_each(|quote| hide(&mut quote.text));
        diagnostic.help.iter_mut().for_each(hide);
    }
}

fn refuse_unknown(plan: &Plan, overrides: &Overrides, found: &mut Diagnostics) {
    let declared = || plan.env.iter().map(|variable| variable.name.value.as_str());
    let known = |name: &str| declared().any(|known| known == name) || plan.unread.may_name(name);
    for name in overrides.env.keys().filter(|name| !known(name)) {
        let message = format!("`-e {name}=…` sets a variable that the plan does not declare");
        let help = match closest(name, declared()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("declare it in the plan: `env: {{ {name}: default }}`"),
        };
        found.push(Diagnostic::error("unknown-env", message).help(help));
    }
}

fn warn_of_clear_secret(variable: &EnvVar, found: &mut Diagnostics) {
    let Some(default) = variable.default.as_ref().filter(|default| variable.secret && !default.value.is_empty()) else {
        return;
    };
    found.push(clear_secret(&variable.name.value, default));
}

fn clear_secret(name: &str, written: &Spanned<String>) -> Diagnostic {
    Diagnostic::warning("secret-in-plan", format!("the secret `{name}` stands in the plan in clear"))
        .at(written.span)
        .hidden()
        .help(format!("write `{name}: {{ required: true, secret: true }}` and pass it in the environment"))
}

fn value(variable: &EnvVar, outside: Option<String>) -> Result<Value, Box<Diagnostic>> {
    let name = &variable.name.value;
    let fix = format!("pass it with `-e {name}=…` or in the environment");
    let missing =
        |message: String| Box::new(Diagnostic::error("missing-env", message).at(variable.name.span).help(&*fix));
    let from_outside = outside.is_some();
    let text = outside.or_else(|| variable.default.as_ref().map(|default| default.value.clone()));
    // A secret that a CI system does not hand out arrives as an empty text.
    match text {
        None if variable.required => Err(missing(format!("`{name}` is required and not set"))),
        Some(text) if variable.required && text.is_empty() => {
            Err(missing(format!("`{name}` is required, and it is set but empty")))
        }
        None => Ok(Value::Null),
        Some(text) => convert(variable.kind, &text).ok_or_else(|| {
            let place = variable.default.as_ref().filter(|_| !from_outside).map_or(variable.name.span, |it| it.span);
            let diagnostic = mistyped(variable, &text, place);
            Box::new(match from_outside {
                true => diagnostic.help("the value comes from the command line or the environment"),
                false => diagnostic,
            })
        }),
    }
}

fn convert(kind: EnvKind, text: &str) -> Option<Value> {
    match kind {
        EnvKind::Text => Some(Value::from(text)),
        EnvKind::Int => text.trim().parse::<i64>().ok().map(Value::from),
        EnvKind::Float => serde_json::Number::from_f64(text.trim().parse().ok()?).map(Value::Number),
        EnvKind::Bool => text.trim().parse::<bool>().ok().map(Value::from),
    }
}

fn mistyped(variable: &EnvVar, text: &str, place: Span) -> Diagnostic {
    let name = &variable.name.value;
    let wanted = match variable.kind {
        EnvKind::Text => "a text",
        EnvKind::Int => "a whole number",
        EnvKind::Float => "a number",
        EnvKind::Bool => "`true` or `false`",
    };
    let shown = if variable.secret { String::new() } else { format!(", not `{text}`") };
    Diagnostic::error("env-type", format!("`{name}` must be {wanted}{shown}")).at(place)
}

fn var(plan: &Plan, index: usize, data: &Data, constants: &Constants, found: &mut Diagnostics) -> Option<Value> {
    let name = &plan.vars[index].0;
    let before = found.found.len();
    let names = data_names(data);
    for used in &names {
        check_use(plan, index, used, constants, found);
    }
    if found.found.len() > before || names.iter().any(|used| constants.is_broken(used)) {
        return None;
    }
    let failed = |error: crate::expr::EvalError| {
        Diagnostic::error("bad-var", format!("`{}` cannot be computed: {}", name.value, error.message)).at(name.span)
    };
    constants.evaluate(data).map_err(|error| found.push(failed(error))).ok()
}

fn check_use(plan: &Plan, index: usize, used: &NameUse, constants: &Constants, found: &mut Diagnostics) {
    let root = used.root.as_str();
    let declared = |name: &str| constants.env_names().contains(&name);
    let position = plan.vars.iter().position(|(name, _)| name.value == root);
    let diagnostic = match (root, used.field.as_deref(), position) {
        _ if constants.is_broken(used) => return,
        ("env", Some(field), _) if declared(field) => return,
        ("env", ..) => super::names::unknown_env(&constants.env_names(), used),
        (_, _, Some(position)) if position < index => return,
        (_, _, Some(position)) => {
            Diagnostic::error("unset-name", format!("`{root}` is read before it is set: `vars` are computed in order"))
                .at(used.span)
                .also(plan.vars[position].0.span, "set here")
        }
        _ => {
            let message = format!("`{root}` is not known when the plan is loaded, which is when `vars` are computed");
            Diagnostic::error("not-constant", message)
                .at(used.span)
                .help("`vars` may read `env.NAME` and the `vars` above; use the step `set` for the rest")
        }
    };
    found.push(diagnostic);
}
