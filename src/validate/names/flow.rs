//! The walk through the steps in the order of running, with what may be set by then.

mod request;

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Expr, NameUse, Template};
use crate::plan::{Count, Plan, Poll, Step, StepKind, VariableScope};
use crate::source::Span;

use super::super::files::FileTemplates;
use super::super::{ValidScenario, steps, vocabulary};
use super::data_names;
use super::known::{Known, Section, collect, sets};
use request::{discarded, requests};

/// What may have happened when a step begins.
#[derive(Clone, Default)]
struct Moment<'p> {
    set: BTreeSet<&'p str>,
    response: bool,
    /// The last response may have its body.
    kept: bool,
    /// Where the body of a response that may be the last one is discarded.
    discarded: Option<Span>,
}

impl Moment<'_> {
    fn or(&mut self, other: Self) {
        self.set.extend(other.set);
        self.response |= other.response;
        self.kept |= other.kept;
        self.discarded = self.discarded.or(other.discarded);
    }
}

struct Flow<'a, 'p> {
    plan: &'p Plan,
    scenario: &'a ValidScenario<'p>,
    files: &'a FileTemplates,
    known: &'a Known<'p>,
    section: Section,
    now: Moment<'p>,
    found: &'a mut Diagnostics,
}

pub(super) fn check<'p>(
    plan: &'p Plan,
    scenario: &ValidScenario<'p>,
    files: &FileTemplates,
    known: &Known<'p>,
    section: Section,
    found: &mut Diagnostics,
) {
    let steps = section.steps(scenario);
    Flow { plan, scenario, files, known, section, now: Moment::default(), found }.steps(steps);
}

impl<'p> Flow<'_, 'p> {
    fn steps(&mut self, steps: &'p [Step]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &'p Step) {
        if let Some(condition) = &step.condition {
            self.expr(condition);
        }
        let kept = self.now.kept;
        self.action(step);
        // Where it may be left out, the response before it may still be the last one.
        if step.condition.is_some() || is_loop(&step.kind) {
            self.now.kept |= kept;
        }
    }

    fn action(&mut self, step: &'p Step) {
        match &step.kind {
            StepKind::Request(request) => self.request(request),
            StepKind::Sleep(_) => {}
            StepKind::Set(assignments) | StepKind::Append(assignments) => {
                for assignment in assignments {
                    self.reads(data_names(&assignment.value));
                    self.sets(assignment.target.scope, &assignment.target.name.value);
                }
            }
            StepKind::If { condition, then, otherwise } => {
                self.expr(condition);
                self.branches([&then[..], &otherwise[..]].into_iter());
            }
            StepKind::Repeat { times, steps } => {
                if let Count::Computed(template) = times {
                    self.template(&template.value);
                }
                self.round(steps);
            }
            // The first test of a `while` comes before its first round, so what the rounds set does not count for it.
            StepKind::While { condition, steps, .. } => {
                self.expr(condition);
                self.round(steps);
            }
            StepKind::ForEach { items, steps, .. } => {
                self.expr(items);
                self.step_sets(step);
                self.round(steps);
            }
            StepKind::Poll(poll) => self.poll(poll),
            StepKind::Choose(branches) => self.branches(branches.iter().map(|branch| &branch.steps[..])),
            StepKind::Group { steps, .. } => self.steps(steps),
            StepKind::Log { message, .. } => self.template(&message.value),
            StepKind::Outcome(name) => self.template(&name.value),
            StepKind::Stop { reason, .. } => {
                if let Some(reason) = reason {
                    self.template(&reason.value);
                }
            }
        }
    }

    /// Each branch begins with what was before; afterwards any of them may have been taken.
    fn branches(&mut self, branches: impl Iterator<Item = &'p [Step]>) {
        let before = self.now.clone();
        for branch in branches {
            let after_others = std::mem::replace(&mut self.now, before.clone());
            self.steps(branch);
            self.now.or(after_others);
        }
    }

    /// A loop's steps: in a later round, whatever they set and any response of theirs is there from the start.
    fn round(&mut self, steps: &'p [Step]) {
        for step in steps {
            collect(step, &mut |scope, name| self.sets(scope, &name.value));
        }
        self.now.response |= steps::has_request(steps);
        for request in requests(steps) {
            let discarded = self.discards(request);
            self.now.kept |= discarded.is_none();
            self.now.discarded = self.now.discarded.or(discarded);
        }
        self.steps(steps);
    }

    fn poll(&mut self, poll: &'p Poll) {
        self.round(&poll.steps);
        self.expr(&poll.until);
        if let Some(fail_if) = &poll.fail_if {
            self.expr(fail_if);
        }
    }

    fn step_sets(&mut self, step: &'p Step) {
        for (scope, name) in sets(step) {
            self.sets(scope, &name.value);
        }
    }

    fn sets(&mut self, scope: VariableScope, name: &'p str) {
        if scope == VariableScope::Iteration {
            self.now.set.insert(name);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        for used in expr.names() {
            self.found.found.extend(self.mistake(&used, true));
        }
    }

    fn template(&mut self, template: &Template) {
        self.reads(template.names());
    }

    fn reads(&mut self, names: Vec<NameUse>) {
        for used in names {
            self.found.found.extend(self.mistake(&used, false));
        }
    }

    fn mistake(&self, used: &NameUse, quotable: bool) -> Option<Diagnostic> {
        let field = used.field.as_deref();
        let unread = &self.plan.unread;
        match used.root.as_str() {
            "env" | "vu" if field.is_some_and(|field| unread.may_name(field)) => None,
            root if unread.may_name(root) => None,
            "env" if field.is_some_and(|field| self.known.declares_env(field)) => None,
            "env" => Some(self.known.unknown_env(used)),
            "vu" if field.is_some_and(|name| vocabulary::fact("vu", name).is_some() || self.known.sets_vu(name)) => {
                None
            }
            "vu" => Some(self.known.unknown_in_vu(used)),
            "scenario" if matches!(field, Some("name" | "iteration")) => None,
            "scenario" => {
                let shown = field.map_or(String::new(), |field| format!(".{field}"));
                let message = format!("unknown name `scenario{shown}`");
                Some(
                    Diagnostic::error("unknown-name", message)
                        .at(used.span)
                        .help("a scenario has `scenario.name` and `scenario.iteration`"),
                )
            }
            "setup" => Some(
                Diagnostic::error("not-yet", "`setup` is not available yet")
                    .at(used.span)
                    .help("use `on_start`, which runs once per VU, and names such as `vu.token`"),
            ),
            root if vocabulary::response_field(root).is_some() => {
                (!unread.steps).then(|| self.unread_response(used))?
            }
            root if self.known.var(root).is_some() || self.now.set.contains(root) => None,
            _ => self.known.unset(used, self.section, quotable),
        }
    }

    /// About a name of the response that no path to this point has.
    fn unread_response(&self, used: &NameUse) -> Option<Diagnostic> {
        let root = used.root.as_str();
        if !self.now.response {
            let message = format!("`{root}` is of a response, and no request comes before");
            return Some(Diagnostic::error("no-response-yet", message).at(used.span));
        }
        let place = self.now.discarded.filter(|_| !self.now.kept && matches!(root, "body" | "json"))?;
        Some(discarded(&format!("`{root}` is"), used.span, place))
    }
}

fn is_loop(kind: &StepKind) -> bool {
    matches!(kind, StepKind::Repeat { .. } | StepKind::While { .. } | StepKind::ForEach { .. })
}
