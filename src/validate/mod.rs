//! Stage 2: the plan as meant: every rule, every default, every cross-reference; all mistakes at once.
//!
//! After it no user mistake in the plan is possible. Must never know: the network, executors at work.

pub(crate) mod constants;
mod data;
pub(crate) mod delivery;
mod environment;
mod files;
pub(crate) mod http;
mod lints;
mod load;
mod names;
pub(crate) mod place;
pub(crate) mod requests;
mod route;
mod selector;
mod statement;
mod steps;
mod tags;
mod thresholds;
mod types;
pub(crate) mod vocabulary;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::load::{Executor, Stage};
use crate::plan::{Http, Load, Parsed, Plan, Scenario, Step};
use crate::route::{Handshake, Route};
use crate::source::{Source, Span};
use crate::units::Duration;

pub use constants::Constants;
pub use lints::LINTS;

/// What the command line says over the plan.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub vus: Option<u64>,
    pub duration: Option<Duration>,
    pub iterations: Option<u64>,
    pub stages: Vec<Stage>,
    /// `-e KEY=VALUE`; wins over the process environment, which wins over the plan's default.
    pub env: BTreeMap<String, String>,
    /// `--tag KEY=VALUE`; wins over the plan's tags, loses to those of scenarios and steps.
    pub tags: BTreeMap<String, String>,
    pub no_default_thresholds: bool,
    /// Any certificate is accepted, whatever the plan says.
    pub insecure: bool,
    pub seed: Option<u64>,
}

impl Overrides {
    /// Whether they say anything of the load.
    fn has_load(&self) -> bool {
        self.vus.is_some() || self.duration.is_some() || self.iterations.is_some() || !self.stages.is_empty()
    }
}

/// A plan without mistakes. `graph::compile` cannot fail on it.
#[derive(Debug)]
pub struct ValidPlan<'p> {
    pub plan: &'p Plan,
    pub source: &'p Source,
    pub name: String,
    /// Values of `env` and `vars`, as far as no scenario has others.
    pub constants: Arc<Constants>,
    /// Values to mask in all output.
    pub secrets: Vec<String>,
    pub scenarios: Vec<ValidScenario<'p>>,
    /// In the order of the plan.
    pub data: Vec<Arc<crate::data::DataSet>>,
    /// Contents of every file that requests send, and of certificates, by the path as written.
    pub files: BTreeMap<String, Arc<[u8]>>,
    /// Those in which `${ expr }` is replaced.
    pub(crate) file_templates: files::FileTemplates,
    pub route: Route,
    pub handshake: Handshake,
    pub thresholds: Vec<crate::judge::Threshold>,
    /// Whether `thresholds` are the default ones because the plan has none.
    pub default_thresholds: bool,
    /// Any certificate is accepted, whatever the plan says.
    pub insecure: bool,
    pub seed: u64,
}

/// One scenario with its load decided; the short form has become the scenario `default`.
#[derive(Debug)]
pub struct ValidScenario<'p> {
    pub name: String,
    pub executor: Executor,
    pub start_time: Duration,
    pub graceful_stop: Duration,
    /// The shortest time between the starts of two iterations of one VU.
    pub pace: Option<Duration>,
    /// The first part, whose samples are not judged.
    pub warmup: Duration,
    /// The scenario's weight, and that of all that share the plan's load.
    pub weight: Option<(u64, u64)>,
    /// The plan's values of `env` and `vars`, or those that its own `env` makes of them.
    pub constants: Arc<Constants>,
    /// `None` for the short form, whose fields stand in the plan itself.
    pub written: Option<&'p Scenario>,
    /// Those of plan, command line and scenario, without the built-in ones.
    pub tags: Vec<(String, String)>,
    /// What goes in front of relative URLs, without a slash at its end.
    pub base_url: Option<String>,
    /// The scenario's own, or else the plan's.
    pub on_start: &'p [Step],
    pub body: &'p [Step],
    /// The scenario's own, or else the plan's.
    pub on_stop: &'p [Step],
}

impl<'p> ValidScenario<'p> {
    /// The three parts that run on their own: each begins with no variable of an iteration set and no response.
    pub(crate) fn sections(&self) -> [&'p [Step]; 3] {
        [self.on_start, self.body, self.on_stop]
    }

    /// Defaults for requests, the weakest first.
    pub(crate) fn http_levels(&self, plan: &'p Plan) -> Vec<&'p Http> {
        std::iter::once(&plan.http).chain(self.written.map(|written| &written.http)).collect()
    }
}

/// Checks everything, and gives all mistakes together with those that parsing found. `environment` reads the process environment (injected, so that tests are closed).
/// Warnings come back beside the valid plan.
pub fn check<'p>(
    parsed: &'p Parsed,
    source: &'p Source,
    overrides: &Overrides,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(ValidPlan<'p>, Diagnostics), Diagnostics> {
    let mut found = parsed.found.clone();
    let Some(plan) = &parsed.plan else { return Err(found.in_order()) };
    let seed = overrides.seed.unwrap_or_else(random_seed);
    let constants = Arc::new(environment::read(plan, overrides, environment, seed, &mut found));
    let scenarios = scenarios(plan, overrides, &constants, seed, &mut found);
    let file_templates = files::templates(source, &scenarios, &mut found);
    let sets = data::read(plan, source, &mut found);
    let reads = names::check(plan, &scenarios, &sets, &file_templates, &mut found);
    data::lint(&sets, &scenarios, &reads, &mut found);
    types::check(plan, &scenarios, &sets, &file_templates, &mut found);
    requests::check(plan, &scenarios, &mut found);
    steps::check(plan, &scenarios, &mut found);
    let files = files::read(plan, source, &scenarios, &mut found);
    let route = route::check(plan, source, &constants, environment, &mut found);
    let handshake = route::handshake(plan, &files, &constants, &mut found);
    let (thresholds, default_thresholds) = thresholds::check(plan, overrides, &scenarios, &mut found);
    if !found.has_errors() {
        lints::check(plan, &scenarios, &mut found);
    }
    lints::allow(plan, &mut found);
    let all_constants = std::iter::once(&*constants).chain(scenarios.iter().map(|scenario| &*scenario.constants));
    let secrets = [environment::all_secrets(plan, all_constants), route::secrets(&route)].concat();
    environment::mask(&mut found, secrets.clone());
    let found = found.in_order();
    if found.has_errors() {
        return Err(found);
    }
    let valid = ValidPlan {
        plan,
        source,
        name: plan.name.as_ref().map_or_else(|| source.name.clone(), |name| name.value.clone()),
        secrets,
        constants,
        scenarios,
        data: sets.into_iter().filter_map(|loaded| loaded.set).collect(),
        files,
        file_templates,
        route,
        handshake,
        thresholds,
        default_thresholds,
        insecure: overrides.insecure,
        seed,
    };
    Ok((valid, found))
}

/// Kept to 53 bits, so that every reader of a result file gives the same number back.
fn random_seed() -> u64 {
    std::hash::RandomState::new().hash_one(0u8) >> 11
}

fn scenarios<'p>(
    plan: &'p Plan,
    overrides: &Overrides,
    plan_constants: &Arc<Constants>,
    seed: u64,
    found: &mut Diagnostics,
) -> Vec<ValidScenario<'p>> {
    check_form(plan, found);
    let single = plan.scenarios.len() <= 1 || load::all_share(plan);
    if !single {
        load::refuse_overrides(overrides, found);
    }
    let overrides_of_load = single.then_some(overrides);
    let mut shares = load::share(plan, overrides_of_load, found).into_iter();
    let mut build = |name: &str, load: &Load, written: Option<&'p Scenario>| {
        let before = found.found.len();
        let decided = shares
            .next()
            .flatten()
            .unwrap_or_else(|| load::decide(load, written.map(|written| written.name.span), overrides_of_load, found));
        let warmup = written.and_then(|written| written.warmup.as_ref()).or(plan.warmup.as_ref());
        if found.found.len() == before && !load.unread && !plan.load.unread {
            load::check_warmup(name, warmup, &decided.executor, found);
        }
        let constants = match written.filter(|written| !written.env.is_empty()) {
            Some(written) => Arc::new(environment::of_scenario(plan, plan_constants, written, seed, found)),
            None => Arc::clone(plan_constants),
        };
        let plan_tags = tags::plan(plan, overrides, &constants, found);
        let base_url = http::base_url(&plan.http, &constants, found);
        let own_url = written.and_then(|written| http::base_url(&written.http, &constants, found));
        let (start, stop) = written.map_or((&[][..], &[][..]), |written| (&written.on_start[..], &written.on_stop[..]));
        ValidScenario {
            name: name.to_owned(),
            executor: decided.executor,
            start_time: decided.start_time,
            graceful_stop: decided.graceful_stop,
            pace: decided.pace,
            warmup: warmup.map_or(Duration::ZERO, |warmup| warmup.value),
            weight: decided.weight,
            written,
            tags: tags::scenario(&plan_tags, written, &constants, found),
            base_url: own_url.or(base_url),
            constants,
            on_start: if start.is_empty() { &plan.on_start } else { start },
            body: body(plan, written),
            on_stop: if stop.is_empty() { &plan.on_stop } else { stop },
        }
    };
    if plan.scenarios.is_empty() {
        return vec![build("default", &plan.load, None)];
    }
    plan.scenarios.iter().map(|scenario| build(&scenario.name.value, &scenario.load, Some(scenario))).collect()
}

fn body<'p>(plan: &'p Plan, written: Option<&'p Scenario>) -> &'p [Step] {
    let steps = match written {
        Some(written) => &written.steps,
        None => &plan.steps,
    };
    steps.as_ref().map_or(&[], |steps| &steps.value[..])
}

/// The short form or scenarios, and not both.
fn check_form(plan: &Plan, found: &mut Diagnostics) {
    let Some(first) = plan.scenarios.first() else {
        if plan.steps.is_none() && !plan.unread.steps {
            let message = "the plan has neither `steps` nor `scenarios`: there is nothing to run";
            found.push(
                Diagnostic::error("no-steps", message)
                    .at(Span::default())
                    .help("write `steps:` with at least one step, such as `- get: http://localhost:8080/`"),
            );
        }
        return;
    };
    if let Some(steps) = &plan.steps {
        found.push(
            Diagnostic::error("two-forms", "a plan has either `steps` or `scenarios`, not both")
                .at(steps.span)
                .also(first.name.span, "the first scenario")
                .help("move these steps into a scenario"),
        );
    }
    if plan.scenarios.iter().all(|scenario| scenario.weight.is_none()) {
        load::refuse_beside_scenarios(&plan.load, found);
    }
}
