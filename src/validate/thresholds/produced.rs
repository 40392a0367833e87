//! What the plan's run can produce: its metrics, and the values of their tags.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, closest};
use crate::metrics::{Metric, Site};
use crate::plan::{GiveUp, Plan, StepKind, StopScope, Unread};

use super::super::ValidScenario;
use super::super::constants::Constants;
use super::super::place::{self, Place};
use super::super::selector::Selector;

/// How many of the possible values a message lists.
const LISTED: usize = 5;
const PROTOCOLS: &[&str] = &["HTTP/0.9", "HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3.0"];
const BUILT_IN_OUTCOMES: &[&str] = &["completed", "interrupted", "failed"];

type Tags = Vec<(String, String)>;

#[derive(Default)]
pub(super) struct Produced {
    scenarios: Vec<Tags>,
    /// Scenarios with a rate of arrivals.
    arrivals: Vec<Tags>,
    /// Those that are measured, and with the others.
    requests: Vec<Tags>,
    exchanges: Vec<Tags>,
    checks: Vec<Tags>,
    extractions: Vec<Tags>,
    groups: Vec<Tags>,
    polls: Vec<Tags>,
    custom_names: Vec<String>,
    /// Of the groups that declare each custom metric.
    custom: Vec<Vec<Tags>>,
    /// The most stages that a scenario has.
    stages: usize,
    outcomes: BTreeSet<String>,
    /// Some outcome is computed during the run: any name may come.
    any_outcome: bool,
    unread: Unread,
    /// Some load could not be read.
    any_load: bool,
}

impl Produced {
    pub(super) fn of(plan: &Plan, scenarios: &[ValidScenario]) -> Produced {
        let custom_names = place::custom_metrics(scenarios);
        let custom = vec![Vec::new(); custom_names.len()];
        let outcomes = BUILT_IN_OUTCOMES.iter().map(|outcome| (*outcome).to_owned()).collect();
        let any_load = plan.load.unread || plan.scenarios.iter().any(|scenario| scenario.load.unread);
        let unread = plan.unread.clone();
        let mut produced = Produced { custom_names, custom, outcomes, unread, any_load, ..Produced::default() };
        for scenario in scenarios {
            produced.stages = produced.stages.max(scenario.executor.stages().len()).max(1);
            let Site { tags, .. } = Place::top(scenario).scenario_site();
            if scenario.executor.open().is_some() {
                produced.arrivals.push(tags.clone());
            }
            produced.scenarios.push(tags);
            place::visit(scenario, &mut |place, step| {
                produced.add(place, step, &scenario.constants);
                produced.add_outcome(&step.kind, &scenario.constants);
            });
        }
        produced
    }

    fn add(&mut self, place: &Place, step: &crate::plan::Step, constants: &Constants) {
        match &step.kind {
            StepKind::Request(request) => {
                let site = place.request_site(step, request, constants);
                if !site.unmeasured {
                    self.requests.push(site.tags.clone());
                }
                self.exchanges.push(site.tags);
                for check in request.require.iter().chain(&request.checks) {
                    self.checks.push(place.check_site(step, request, &check.name.value, constants).tags);
                }
                for extract in &request.extract {
                    let variable = place::variable(&extract.target);
                    self.extractions.push(place.extract_site(step, request, &variable, constants).tags);
                }
            }
            StepKind::Group { metric, .. } => {
                let Site { tags, .. } = place.inside(step).site();
                if let Some(metric) = metric
                    && let Some(index) = self.custom_names.iter().position(|known| *known == metric.value)
                {
                    self.custom[index].push(tags.clone());
                }
                self.groups.push(tags);
            }
            StepKind::Poll(poll) => self.polls.push(place.poll_site(step, poll).tags),
            _ => {}
        }
    }

    fn add_outcome(&mut self, kind: &StepKind, constants: &Constants) {
        let named = match kind {
            StepKind::Outcome(name) => name,
            StepKind::Stop { scope: StopScope::Iteration, reason: Some(name) } => name,
            StepKind::Poll(poll) => {
                if let GiveUp::Outcome(name) = &poll.on_give_up {
                    self.outcomes.insert(name.clone());
                }
                return;
            }
            _ => return,
        };
        match constants.text(&named.value) {
            Some(name) => {
                self.outcomes.insert(name);
            }
            None => self.any_outcome = true,
        }
    }

    pub(super) fn custom(&self, name: &str) -> Option<Metric> {
        let index = self.custom_names.iter().position(|known| known == name)?;
        u16::try_from(index).ok().map(Metric::Custom)
    }

    /// Whether a metric of this name may come from what could not be read.
    pub(super) fn may_declare(&self, name: &str) -> bool {
        let of_arrivals = Metric::named(name).is_some_and(is_of_arrivals);
        self.unread.may_name(name) || self.any_load && of_arrivals
    }

    pub(super) fn custom_names(&self) -> impl Iterator<Item = &str> {
        self.custom_names.iter().map(String::as_str)
    }

    pub(super) fn has(&self, metric: Metric) -> bool {
        !self.places(metric).is_empty()
    }

    /// Why the plan cannot produce the metric, if it cannot.
    pub(super) fn why_not(&self, metric: Metric) -> Option<&'static str> {
        if self.has(metric) || self.unread.parts {
            return None;
        }
        Some(match metric {
            Metric::Checks => "the plan has no `checks` and no `require`",
            Metric::ExtractFailed => "the plan has no `extract`",
            Metric::GroupDuration | Metric::Custom(_) => "the plan has no `group`",
            Metric::PollWait | Metric::PollAttempts => "the plan has no `poll`",
            _ if is_of_arrivals(metric) => "only arrival-rate executors produce it",
            _ if !self.exchanges.is_empty() => "all requests of the plan have `measure: false`",
            _ => "the plan sends no request",
        })
    }

    /// The tags of every place that emits the metric.
    fn places(&self, metric: Metric) -> &[Tags] {
        match metric {
            Metric::HttpReqs
            | Metric::HttpReqDuration
            | Metric::HttpReqBlocked
            | Metric::HttpReqConnecting
            | Metric::HttpReqTlsHandshaking
            | Metric::HttpReqSending
            | Metric::HttpReqWaiting
            | Metric::HttpReqReceiving
            | Metric::HttpReqTotal
            | Metric::HttpReqFailed
            | Metric::HttpReqErrors => &self.requests,
            Metric::DataSent | Metric::DataReceived => &self.exchanges,
            Metric::Checks => &self.checks,
            Metric::ExtractFailed => &self.extractions,
            Metric::Iterations | Metric::IterationDuration | Metric::Vus | Metric::VusMax => &self.scenarios,
            Metric::IterationStartDelay | Metric::DroppedIterations => &self.arrivals,
            Metric::GroupDuration => &self.groups,
            Metric::PollWait | Metric::PollAttempts => &self.polls,
            Metric::Custom(index) => &self.custom[usize::from(index)],
        }
    }

    /// What is wrong with a selector: unknown tags, values that no place has, or no place that has them all.
    pub(super) fn mistakes(&self, metric: Metric, selector: &Selector) -> Vec<Diagnostic> {
        if self.unread.parts {
            return Vec::new();
        }
        let places = self.places(metric);
        let mistakes: Vec<Diagnostic> =
            selector.tags.iter().filter_map(|(tag, value)| self.mistake(metric, selector.metric, tag, value)).collect();
        let fixed = |tag: &str| places.iter().flatten().any(|(key, _)| key == tag);
        let carries =
            |place: &Tags| selector.tags.iter().filter(|(tag, _)| fixed(tag)).all(|selected| place.contains(selected));
        if !mistakes.is_empty() || places.iter().any(carries) {
            return mistakes;
        }
        let message = format!("no sample of `{}` has all of these tags at once", selector.metric);
        vec![Diagnostic::error("unknown-tag-value", message)]
    }

    fn mistake(&self, metric: Metric, name: &str, tag: &str, value: &str) -> Option<Diagnostic> {
        let fixed: BTreeSet<&str> = tag_values(self.places(metric), tag);
        if !fixed.is_empty() {
            let unmeasured = || tag_values(&self.exchanges, tag).contains(value) && metric.name().is_some_and(is_http);
            return (!fixed.contains(value)).then(|| match unmeasured() {
                true => no_such_value(name, tag, value).help("`measure: false` keeps these requests out of it"),
                false => unknown_value(name, tag, value, fixed.iter().copied()),
            });
        }
        if !metric.tags().contains(&tag) {
            return Some(self.unknown_tag(metric, name, tag));
        }
        let number = value.parse::<u16>().ok();
        let wrong = |help: &str| Some(no_such_value(name, tag, value).help(help));
        match tag {
            "status" if number.is_some_and(|status| status == 0 || (100..=599).contains(&status)) => None,
            "status" => wrong("a status is a number from 100 to 599, or 0 where no response came"),
            "expected_response" if matches!(value, "true" | "false") => None,
            "expected_response" => wrong("it is `true` or `false`"),
            "error_code" if number.is_some() => None,
            "error_code" => wrong("error codes are numbers, such as 1050 for a timeout"),
            "stage" if self.any_load => None,
            "stage" if number.is_some_and(|stage| usize::from(stage) < self.stages) => None,
            "stage" => wrong(&format!("stages are counted from 0; the last one is {}", self.stages.saturating_sub(1))),
            "proto" if PROTOCOLS.contains(&value) => None,
            "proto" => Some(unknown_value(name, tag, value, PROTOCOLS.iter().copied())),
            "outcome" if self.any_outcome || self.outcomes.contains(value) => None,
            "outcome" => Some(unknown_value(name, tag, value, self.outcomes.iter().map(String::as_str))),
            _ => None,
        }
    }

    fn unknown_tag(&self, metric: Metric, name: &str, tag: &str) -> Diagnostic {
        let own = self.places(metric).iter().flatten().map(|(key, _)| key.as_str());
        let known: BTreeSet<&str> = own.chain(metric.tags().iter().copied()).collect();
        let diagnostic = Diagnostic::error("unknown-tag", format!("samples of `{name}` have no tag `{tag}`"));
        match closest(tag, known.iter().copied()) {
            Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
            None => diagnostic.help(format!("they have {}", listed(known.iter().copied()))),
        }
    }
}

fn is_of_arrivals(metric: Metric) -> bool {
    matches!(metric, Metric::IterationStartDelay | Metric::DroppedIterations)
}

fn is_http(metric: &str) -> bool {
    metric.starts_with("http_")
}

fn tag_values<'t>(places: &'t [Tags], tag: &str) -> BTreeSet<&'t str> {
    places.iter().flatten().filter(|(key, _)| key == tag).map(|(_, value)| value.as_str()).collect()
}

fn no_such_value(metric: &str, tag: &str, value: &str) -> Diagnostic {
    Diagnostic::error("unknown-tag-value", format!("no sample of `{metric}` can have `{tag}:{value}`"))
}

fn unknown_value<'v>(
    metric: &str,
    tag: &str,
    value: &str,
    values: impl Iterator<Item = &'v str> + Clone,
) -> Diagnostic {
    let diagnostic = no_such_value(metric, tag, value);
    match closest(value, values.clone()) {
        Some(close) => diagnostic.help(format!("did you mean `{tag}:{close}`?")),
        None => diagnostic.help(format!("`{tag}` is one of {}", listed(values))),
    }
}

fn listed<'v>(values: impl Iterator<Item = &'v str> + Clone) -> String {
    let shown: Vec<String> = values.clone().take(LISTED).map(|value| format!("`{value}`")).collect();
    let more = values.count().saturating_sub(LISTED);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
