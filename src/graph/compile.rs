//! From a valid plan to the graph. Cannot fail: whatever could be wrong was reported before.

mod bindings;
mod delivery;
mod request;

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::expr::{DataProgram, Expr, Program, SetId, SlotId, Template, TextProgram};
use crate::metrics::{Site, SiteId};
use crate::plan::{self, Branch, Count, Http, StepKind};
use crate::source::Spanned;
use crate::units::Duration;
use crate::validate::http::inherited;
use crate::validate::place::{self, Place};
use crate::validate::{ValidPlan, ValidScenario};

use super::{
    Action, Block, CheckId, CheckInfo, Graph, HttpOptions, PollStep, RowUse, Scenario, Step, StepId, Times, TlsOptions,
};

pub(super) use crate::validate::place::poll_name;
use bindings::{Bindings, ids, slots};
pub(super) use delivery::MAX_BODY;
pub(super) use request::AGENT;

const WHILE_MAX: u64 = 1000;
/// What browsers open to one host.
const MAX_PARALLEL: usize = 6;
const POLL_EVERY: plan::Sleep = plan::Sleep::Fixed(Duration::from_secs(1));

pub fn compile(valid: &ValidPlan) -> Graph {
    let slots = slots(valid);
    let ids = ids(&slots);
    let mut arena = Arena { metrics: place::custom_metrics(&valid.scenarios), ..Arena::default() };
    let mut scenarios: Vec<Scenario> =
        valid.scenarios.iter().map(|scenario| arena.scenario(valid, scenario, &ids)).collect();
    number_takers(&mut scenarios);
    Graph {
        name: valid.name.clone(),
        description: valid.plan.description.as_ref().map(|description| description.value.clone()),
        digest: format!("sha256:{:x}", Sha256::digest(valid.source.text.as_bytes())),
        scenarios,
        steps: arena.steps,
        sites: arena.sites,
        slots,
        data: valid.data.clone(),
        checks: arena.checks,
        custom_metrics: arena.metrics,
        thresholds: valid.thresholds.clone(),
        default_thresholds: valid.default_thresholds,
        tls: tls(valid),
        http: http(&valid.plan.http),
        route: valid.route.clone(),
        secrets: valid.secrets.clone(),
        seed: valid.seed,
    }
}

/// VUs have their ids in the order of the scenarios; those that take rows of a set are numbered among themselves.
fn number_takers(scenarios: &mut [Scenario]) {
    let mut vus = 0;
    let mut takers: HashMap<SetId, u64> = HashMap::new();
    for scenario in scenarios {
        let peak = scenario.executor.vu_numbers();
        for rows in &mut scenario.rows {
            let before = takers.entry(rows.set).or_default();
            rows.skipped = vus - *before;
            *before += peak;
        }
        vus += peak;
    }
}

fn tls(valid: &ValidPlan) -> TlsOptions {
    let written = &valid.plan.http.tls;
    let ca = written.ca.as_ref().and_then(|ca| valid.files.get(&ca.value));
    TlsOptions {
        insecure: valid.insecure || written.insecure.as_ref().is_some_and(|insecure| insecure.value),
        ca_pem: ca.map(|contents| contents.to_vec()),
        handshake: valid.handshake.clone(),
    }
}

fn http(written: &Http) -> HttpOptions {
    HttpOptions {
        connections: written.connections.as_ref().map(|connections| connections.value).unwrap_or_default(),
        version: written.version.as_ref().map(|version| version.value).unwrap_or_default(),
    }
}

fn cookies(valid: &ValidPlan, scenario: &ValidScenario) -> plan::Cookies {
    let levels = scenario.http_levels(valid.plan);
    inherited(&levels, None, |http| http.cookies.as_ref()).map(|cookies| cookies.value).unwrap_or_default()
}

fn width(written: Option<&Spanned<u64>>, default: usize) -> usize {
    written.and_then(|written| usize::try_from(written.value).ok()).unwrap_or(default)
}

/// The graph while it grows.
#[derive(Default)]
struct Arena {
    steps: Vec<Step>,
    sites: Vec<Site>,
    /// Sites by their tags and by whether they are measured: places that agree in that are one series.
    known_sites: HashMap<(Vec<(String, String)>, bool), SiteId>,
    checks: Vec<CheckInfo>,
    metrics: Vec<String>,
}

impl Arena {
    fn scenario(&mut self, valid: &ValidPlan, scenario: &ValidScenario, ids: &HashMap<String, SlotId>) -> Scenario {
        let top = Place::top(scenario);
        let site = self.site(top.scenario_site());
        let bindings = Bindings {
            constants: &scenario.constants,
            slots: ids,
            data: &valid.data,
            scenario: &scenario.name,
            later: Default::default(),
            rows: Default::default(),
        };
        let mut compiler = Compiler { arena: self, valid, scenario, bindings: &bindings };
        let [on_start, body, on_stop] = scenario.sections().map(|section| compiler.block(&top, section));
        Scenario {
            name: scenario.name.clone(),
            executor: scenario.executor.clone(),
            start_time: scenario.start_time,
            graceful_stop: scenario.graceful_stop,
            pace: scenario.pace,
            warmup: scenario.warmup,
            env: scenario.written.map_or(Vec::new(), |written| {
                written.env.iter().map(|(name, text)| (name.value.clone(), text.value.clone())).collect()
            }),
            weight: scenario.weight,
            site,
            on_start,
            body,
            on_stop,
            later: bindings.later.get(),
            rows: bindings.rows.into_inner().into_iter().map(|set| RowUse { set, skipped: 0 }).collect(),
            cookies: cookies(valid, scenario),
        }
    }

    fn site(&mut self, site: Site) -> SiteId {
        let next = SiteId(self.sites.len() as u32);
        let sites = &mut self.sites;
        *self.known_sites.entry((site.tags.clone(), site.unmeasured)).or_insert_with(|| {
            sites.push(site);
            next
        })
    }

    fn check(&mut self, name: &str, step: &str, site: Site) -> CheckId {
        let site = self.site(site);
        self.checks.push(CheckInfo { name: name.to_owned(), step: step.to_owned(), site });
        CheckId(self.checks.len() as u32 - 1)
    }
}

/// Compiles the steps of one scenario into the arena.
struct Compiler<'a, 'p> {
    arena: &'a mut Arena,
    valid: &'a ValidPlan<'p>,
    scenario: &'a ValidScenario<'p>,
    bindings: &'a Bindings<'a>,
}

impl Compiler<'_, '_> {
    fn block(&mut self, place: &Place, steps: &[plan::Step]) -> Block {
        steps.iter().map(|step| self.step(place, step)).collect()
    }

    fn step(&mut self, place: &Place, step: &plan::Step) -> StepId {
        let (name, site, action) = self.action(place, step);
        let site = self.arena.site(site);
        let condition = step.condition.as_ref().map(|condition| self.program(condition));
        self.arena.steps.push(Step { name, span: step.span, condition, site, action });
        StepId(self.arena.steps.len() as u32 - 1)
    }

    fn action(&mut self, place: &Place, step: &plan::Step) -> (String, Site, Action) {
        let inside = &place.inside(step);
        let (kind, action) = match &step.kind {
            StepKind::Request(request) => {
                let site = place.request_site(step, request, &self.scenario.constants);
                let action = Action::Request(Box::new(self.request(place, step, request)));
                return (place::request_name(step, request), site, action);
            }
            StepKind::Poll(poll) => {
                let action = Action::Poll(Box::new(self.poll(inside, poll)));
                return (place::name_of_poll(step, poll), place.poll_site(step, poll), action);
            }
            StepKind::Group { name, metric, steps } => {
                let metric = metric.as_ref().and_then(|metric| self.metric(&metric.value));
                let action = Action::Group { name: name.value.clone(), metric, body: self.block(inside, steps) };
                return (name.value.clone(), inside.site(), action);
            }
            StepKind::Sleep(sleep) => ("sleep", Action::Sleep(*sleep)),
            StepKind::Set(assignments) => ("set", Action::Set(self.assignments(assignments))),
            StepKind::Append(assignments) => ("append", Action::Append(self.assignments(assignments))),
            StepKind::If { condition, then, otherwise } => {
                let condition = self.program(condition);
                let (then, otherwise) = (self.block(inside, then), self.block(inside, otherwise));
                ("if", Action::If { condition, then, otherwise })
            }
            StepKind::Repeat { times, steps } => {
                ("repeat", Action::Repeat { times: self.times(times), body: self.block(inside, steps) })
            }
            StepKind::While { condition, max, steps } => {
                let max = max.as_ref().map_or(WHILE_MAX, |max| max.value);
                ("while", Action::While { condition: self.program(condition), max, body: self.block(inside, steps) })
            }
            StepKind::ForEach { items, bind, concurrency, steps } => {
                let bind = self.bindings.iteration_slot(&bind.value);
                let concurrency = width(concurrency.as_ref(), 1);
                let (items, body) = (self.program(items), self.block(inside, steps));
                ("for_each", Action::ForEach { items, bind, concurrency, body })
            }
            StepKind::Parallel { branches, max } => {
                let max = width(max.as_ref(), MAX_PARALLEL);
                ("parallel", Action::Parallel { branches: self.block(inside, branches), max })
            }
            StepKind::Choose(branches) => ("choose", self.choose(inside, branches)),
            StepKind::Log { level, message } => {
                ("log", Action::Log { level: *level, message: self.text(&message.value) })
            }
            StepKind::Outcome(name) => ("outcome", Action::Outcome(self.text(&name.value))),
            StepKind::Stop { scope, reason } => {
                let reason = reason.as_ref().map(|reason| self.text(&reason.value));
                ("stop", Action::Stop { scope: *scope, reason })
            }
        };
        let name = step.name.as_ref().map_or_else(|| kind.to_owned(), |name| name.value.clone());
        (name, place.site(), action)
    }

    fn poll(&mut self, place: &Place, poll: &plan::Poll) -> PollStep {
        PollStep {
            until: self.program(&poll.until),
            fail_if: poll.fail_if.as_ref().map(|fail_if| self.program(fail_if)),
            every: poll.every.as_ref().map_or(POLL_EVERY, |every| every.value),
            attempts: poll.attempts.as_ref().map(|attempts| attempts.value),
            timeout: poll.timeout.as_ref().map(|timeout| timeout.value),
            first_waits: poll.first_waits,
            on_give_up: poll.on_give_up.clone(),
            body: self.block(place, &poll.steps),
        }
    }

    fn choose(&mut self, place: &Place, branches: &[Branch]) -> Action {
        let total = branches.iter().map(|branch| branch.weight.value).sum();
        let branches = branches.iter().map(|branch| (branch.weight.value, self.block(place, &branch.steps))).collect();
        Action::Choose { branches, total }
    }

    fn assignments(&self, assignments: &[plan::Assignment]) -> Vec<(SlotId, DataProgram)> {
        let compiled = |assignment: &plan::Assignment| {
            (self.bindings.slot(&assignment.target), DataProgram::compile(&assignment.value, self.bindings))
        };
        assignments.iter().map(compiled).collect()
    }

    fn times(&self, times: &Count) -> Times {
        match times {
            Count::Fixed(times) => Times::Fixed(times.value),
            Count::Computed(template) => Times::Computed(self.data(&template.value)),
        }
    }

    fn metric(&self, name: &str) -> Option<u16> {
        self.arena.metrics.iter().position(|known| known == name).and_then(|index| u16::try_from(index).ok())
    }

    fn program(&self, expr: &Expr) -> Program {
        Program::compile(expr, self.bindings)
    }

    fn text(&self, template: &Template) -> TextProgram {
        TextProgram::compile(template, self.bindings)
    }

    fn data(&self, template: &Template) -> DataProgram {
        DataProgram::compile(&crate::expr::Data::Template(template.clone()), self.bindings)
    }
}
