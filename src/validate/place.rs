//! The tags of every place that emits samples: what thresholds may select, and what the graph's sites carry.

use crate::metrics::Site;
use crate::plan::{Poll, Request, Step, StepKind, Target, VariableScope};

use super::constants::Constants;
use super::{ValidScenario, tags};

/// Somewhere in a scenario: the scenario itself or one of its groups.
#[derive(Clone)]
pub(crate) struct Place {
    scenario: String,
    /// Names of the groups around, with `::` between them; empty at the top.
    group: String,
    tags: Vec<(String, String)>,
    /// `measure: false` stands somewhere around.
    unmeasured: bool,
}

impl Place {
    pub(crate) fn top(scenario: &ValidScenario) -> Place {
        Place { scenario: scenario.name.clone(), group: String::new(), tags: scenario.tags.clone(), unmeasured: false }
    }

    /// Where the steps inside a step are.
    pub(crate) fn inside(&self, step: &Step) -> Place {
        let group = match &step.kind {
            StepKind::Group { name, .. } if self.group.is_empty() => name.value.clone(),
            StepKind::Group { name, .. } => format!("{}::{}", self.group, name.value),
            _ => self.group.clone(),
        };
        Place { group, unmeasured: self.leaves_out(step), ..self.clone() }
    }

    /// Whether requests of a step here are not measured: the nearest `measure` decides.
    fn leaves_out(&self, step: &Step) -> bool {
        step.measure.as_ref().map_or(self.unmeasured, |measure| !measure.value)
    }

    /// Tags of iterations and VUs.
    pub(crate) fn scenario_site(&self) -> Site {
        site(&[("scenario", &self.scenario)], &self.tags)
    }

    /// Tags of the group, and of whatever in it has no name of its own.
    pub(crate) fn site(&self) -> Site {
        site(&[("scenario", &self.scenario), ("group", &self.group)], &self.tags)
    }

    pub(crate) fn request_site(&self, step: &Step, request: &Request, constants: &Constants) -> Site {
        let method = ("method", request.method.value.as_str());
        let tags = tags::merged(&self.tags, &request.tags, constants);
        Site { unmeasured: self.leaves_out(step), ..self.named_site(&request_name(step, request), method, &tags) }
    }

    pub(crate) fn check_site(&self, step: &Step, request: &Request, check: &str, constants: &Constants) -> Site {
        let tags = tags::merged(&self.tags, &request.tags, constants);
        self.named_site(&request_name(step, request), ("check", check), &tags)
    }

    pub(crate) fn extract_site(&self, step: &Step, request: &Request, variable: &str, constants: &Constants) -> Site {
        let tags = tags::merged(&self.tags, &request.tags, constants);
        self.named_site(&request_name(step, request), ("variable", variable), &tags)
    }

    pub(crate) fn poll_site(&self, step: &Step, poll: &Poll) -> Site {
        let name = name_of_poll(step, poll);
        let own = [("scenario", self.scenario.as_str()), ("group", &self.group), ("name", &name)];
        site(&own, &self.tags)
    }

    fn named_site(&self, name: &str, last: (&str, &str), tags: &[(String, String)]) -> Site {
        site(&[("scenario", &self.scenario), ("group", &self.group), ("name", name), last], tags)
    }
}

fn site(own: &[(&str, &str)], tags: &[(String, String)]) -> Site {
    let own = own.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Site { tags: own.chain(tags.iter().cloned()).collect(), ..Site::default() }
}

/// A request's row in every report: its name, or method and URL as the plan writes them, so that ids never add rows.
pub(crate) fn request_name(step: &Step, request: &Request) -> String {
    match &step.name {
        Some(name) => name.value.clone(),
        None => format!("{} {}", request.method.value, request.url.value.text),
    }
}

/// What a poll without a name is called.
pub(crate) fn poll_name(until: &str) -> String {
    format!("poll until {until}")
}

/// A poll's name in `poll_wait` and `poll_attempts`.
pub(crate) fn name_of_poll(step: &Step, poll: &Poll) -> String {
    step.name.as_ref().map_or_else(|| poll_name(&poll.until.text), |name| name.value.clone())
}

/// The steps inside a step, in the order written.
pub(crate) fn inner(kind: &StepKind) -> Vec<&[Step]> {
    match kind {
        StepKind::If { then, otherwise, .. } => vec![then, otherwise],
        StepKind::Repeat { steps, .. }
        | StepKind::While { steps, .. }
        | StepKind::ForEach { steps, .. }
        | StepKind::Group { steps, .. }
        | StepKind::Parallel { branches: steps, .. } => vec![steps],
        StepKind::Poll(poll) => vec![&poll.steps],
        StepKind::Choose(branches) => branches.iter().map(|branch| &branch.steps[..]).collect(),
        StepKind::Request(_)
        | StepKind::Sleep(_)
        | StepKind::Set(_)
        | StepKind::Append(_)
        | StepKind::Log { .. }
        | StepKind::Outcome(_)
        | StepKind::Stop { .. } => Vec::new(),
    }
}

/// Every step of the scenario's three sections with its place, outer ones first.
pub(crate) fn visit<'p>(scenario: &ValidScenario<'p>, see: &mut impl FnMut(&Place, &'p Step)) {
    for section in scenario.sections() {
        visit_steps(&Place::top(scenario), section, see);
    }
}

fn visit_steps<'p>(place: &Place, steps: &'p [Step], see: &mut impl FnMut(&Place, &'p Step)) {
    for step in steps {
        see(place, step);
        let inside = place.inside(step);
        for block in inner(&step.kind) {
            visit_steps(&inside, block, see);
        }
    }
}

/// Names of the trends that groups declare with `metric:`, each once, in the order in which the graph numbers them.
pub(crate) fn custom_metrics(scenarios: &[ValidScenario]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for scenario in scenarios {
        visit(scenario, &mut |_, step| {
            if let StepKind::Group { metric: Some(metric), .. } = &step.kind
                && !names.contains(&metric.value)
            {
                names.push(metric.value.clone());
            }
        });
    }
    names
}

/// A variable as the plan says it: `seat`, `vu.token`.
pub(crate) fn variable(target: &Target) -> String {
    match target.scope {
        VariableScope::Iteration => target.name.value.clone(),
        VariableScope::Vu => format!("vu.{}", target.name.value),
    }
}
