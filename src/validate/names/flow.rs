//! The walk through the steps in the order of running, with what has happened by then on every way.

mod reads;
mod request;

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostics;
use crate::expr::{Expr, Program, Value};
use crate::plan::{Branch, Count, GiveUp, Plan, Poll, Step, StepKind, StopScope};
use crate::source::Span;

use super::super::files::FileTemplates;
use super::super::{ValidScenario, place};
use super::data_names;
use super::known::{Known, Section, collect};
use super::moment::{Fact, Gap, Moment, Way};

struct Flow<'a, 'p> {
    plan: &'p Plan,
    scenario: &'a ValidScenario<'p>,
    files: &'a FileTemplates,
    known: &'a Known<'p>,
    section: Section,
    now: Moment<'p>,
    /// Ways on which `on_start` ends before its last step, and the VU goes on.
    ended_early: Vec<(Way<'p>, Gap)>,
    /// What the branches around set that run at the same time, innermost last.
    beside: Vec<Beside<'p>>,
    /// The loops around.
    loops: Vec<Span>,
    /// Data sets that were read.
    rows: BTreeSet<usize>,
    found: &'a mut Diagnostics,
}

struct Beside<'p> {
    /// By the number of the branch.
    sets: Vec<(usize, Fact<'p>, Span)>,
    here: usize,
}

/// Gives the data sets that the scenario reads.
pub(super) fn check<'p>(
    plan: &'p Plan,
    scenario: &ValidScenario<'p>,
    files: &FileTemplates,
    known: &Known<'p>,
    found: &mut Diagnostics,
) -> BTreeSet<usize> {
    let mut flow = Flow {
        plan,
        scenario,
        files,
        known,
        section: Section::Start,
        now: Moment::default(),
        ended_early: Vec::new(),
        beside: Vec::new(),
        loops: Vec::new(),
        rows: BTreeSet::new(),
        found,
    };
    let started = flow.section(Section::Start, Moment::default()).lasting();
    flow.section(Section::Body, started.clone());
    // A VU may stop before any iteration is through.
    flow.section(Section::Stop, started);
    flow.rows
}

/// Whether it runs its steps again after they have run.
fn has_rounds(kind: &StepKind) -> bool {
    match kind {
        StepKind::Repeat { .. } | StepKind::While { .. } | StepKind::Poll(_) => true,
        StepKind::ForEach { concurrency, .. } => concurrency.as_ref().is_none_or(|width| width.value <= 1),
        _ => false,
    }
}

impl<'p> Flow<'_, 'p> {
    fn section(&mut self, section: Section, start: Moment<'p>) -> Moment<'p> {
        (self.section, self.now) = (section, start);
        self.steps(section.steps(self.scenario));
        let end = std::mem::take(&mut self.now);
        let mut ways = std::mem::take(&mut self.ended_early);
        if ways.is_empty() {
            return end;
        }
        // Whatever one of the others has done, this one knows of.
        ways.push((end.into_way(), Gap::new(Span::default(), "")));
        let mut all = Moment::default();
        all.meet(&ways);
        all
    }

    fn steps(&mut self, steps: &'p [Step]) {
        for step in steps {
            match &step.condition {
                Some(condition) => self.either(condition, |flow| flow.step(step), |_| {}),
                None => self.step(step),
            }
        }
    }

    fn step(&mut self, step: &'p Step) {
        let loops = self.loops.len();
        if has_rounds(&step.kind) {
            self.loops.push(step.span);
            place::inner(&step.kind).into_iter().for_each(|steps| self.comes_round(steps));
        }
        self.kind(step);
        self.loops.truncate(loops);
    }

    fn kind(&mut self, step: &'p Step) {
        match &step.kind {
            StepKind::Request(request) => self.request(request),
            StepKind::Sleep(_) => {}
            StepKind::Set(assignments) | StepKind::Append(assignments) => {
                for assignment in assignments {
                    self.reads(data_names(&assignment.value));
                    self.now.happens(Fact::of(&assignment.target));
                }
            }
            StepKind::If { condition, then, otherwise } => {
                self.either(condition, |flow| flow.steps(then), |flow| flow.steps(otherwise));
            }
            StepKind::Repeat { times, steps } => self.repeat(times, steps),
            StepKind::While { condition, steps, .. } => self.run_while(condition, steps),
            StepKind::ForEach { items, bind, steps, .. } => self.for_each(items, &bind.value, steps),
            StepKind::Parallel { branches, .. } => self.parallel(branches),
            StepKind::Poll(poll) => self.poll(poll),
            StepKind::Choose(branches) => self.choose(branches),
            StepKind::Group { steps, .. } => self.steps(steps),
            StepKind::Log { message, .. } => self.template(&message.value),
            StepKind::Outcome(name) => self.template(&name.value),
            StepKind::Stop { scope, reason } => {
                reason.iter().for_each(|reason| self.template(&reason.value));
                if *scope == StopScope::Iteration {
                    self.ends_early(step.span);
                }
                self.now.end();
            }
        }
    }

    /// `stop: iteration` in `on_start` ends only that: the VU's iterations begin.
    fn ends_early(&mut self, at: Span) {
        if self.section == Section::Start {
            self.ended_early.push((self.now.clone().into_way(), Gap::new(at, "when `on_start` ends here")));
        }
    }

    /// Walks one of several ways, and comes back.
    fn way(&mut self, walk: impl FnOnce(&mut Self)) -> Way<'p> {
        let fork = self.now.fork();
        walk(self);
        self.now.leave(&fork)
    }

    /// Goes on where the condition has come out so.
    fn assume(&mut self, condition: &Expr, outcome: bool) {
        for name in condition.proves(outcome) {
            self.known.fact(&name).into_iter().for_each(|fact| self.now.happens(fact));
        }
        if self.constant(condition) == Some(Value::Bool(!outcome)) {
            self.now.end();
        }
    }

    fn either(&mut self, condition: &'p Expr, then: impl FnOnce(&mut Self), otherwise: impl FnOnce(&mut Self)) {
        self.expr(condition);
        let held = self.way(|flow| {
            flow.assume(condition, true);
            then(flow);
        });
        let failed = self.way(|flow| {
            flow.assume(condition, false);
            otherwise(flow);
        });
        self.now.meet(&[
            (held, Gap::new(condition.span, "when this is true")),
            (failed, Gap::new(condition.span, "when this is false")),
        ]);
    }

    fn repeat(&mut self, times: &'p Count, steps: &'p [Step]) {
        let Count::Computed(template) = times else { return self.steps(steps) };
        self.template(&template.value);
        let times = self.scenario.constants.text(&template.value).and_then(|text| text.parse::<u64>().ok());
        self.maybe(times.map(|times| times > 0), Gap::new(template.span, "when this is 0"), |flow| flow.steps(steps));
    }

    fn for_each(&mut self, items: &'p Expr, bind: &'p str, steps: &'p [Step]) {
        self.expr(items);
        let items_now = self.constant(items);
        let runs = items_now.as_ref().and_then(Value::as_array).map(|items| !items.is_empty());
        self.maybe(runs, Gap::new(items.span, "when this list is empty"), |flow| {
            flow.now.happens(Fact::Name(bind));
            flow.steps(steps);
        });
    }

    /// Steps that `runs` says will be run or not, where that is known. What a loop does in a later round is no help in its first.
    fn maybe(&mut self, runs: Option<bool>, gap: Gap, walk: impl FnOnce(&mut Self)) {
        let done = self.way(|flow| {
            if runs == Some(false) {
                flow.now.end();
            }
            walk(flow);
        });
        let skipped = self.way(|flow| {
            if runs == Some(true) {
                flow.now.end();
            }
        });
        self.now.meet(&[(done, gap), (skipped, gap)]);
    }

    fn run_while(&mut self, condition: &'p Expr, steps: &'p [Step]) {
        self.expr(condition);
        let done = self.way(|flow| {
            flow.assume(condition, true);
            flow.steps(steps);
            flow.assume(condition, false);
        });
        let skipped = self.way(|flow| flow.assume(condition, false));
        let gap = Gap::new(condition.span, "when this is false at once");
        self.now.meet(&[(done, gap), (skipped, gap)]);
    }

    /// Its steps run once at least, unless it may give up before its first attempt and go on.
    fn poll(&mut self, poll: &'p Poll) {
        let goes_on = poll.on_give_up == GiveUp::Continue;
        let runs = if goes_on && poll.first_waits && poll.timeout.is_some() { None } else { Some(true) };
        self.maybe(runs, Gap::new(poll.span, "when the poll gives up before its first attempt"), |flow| {
            flow.steps(&poll.steps);
            flow.expr(&poll.until);
            poll.fail_if.iter().for_each(|condition| flow.expr(condition));
            if matches!(poll.on_give_up, GiveUp::Outcome(_)) {
                flow.ends_early(poll.span);
            }
            if !goes_on {
                flow.assume(&poll.until, true);
            }
        });
    }

    fn choose(&mut self, branches: &'p [Branch]) {
        let ways = branches.iter().map(|branch| {
            let way = self.way(|flow| {
                if branch.weight.value == 0 {
                    flow.now.end();
                }
                flow.steps(&branch.steps);
            });
            (way, Gap::new(branch.weight.span, "when this branch is chosen"))
        });
        let ways: Vec<_> = ways.collect();
        self.now.meet(&ways);
    }

    /// Each branch begins with what was before, and has run to its end afterwards.
    fn parallel(&mut self, branches: &'p [Step]) {
        let mut sets = Vec::new();
        for (number, branch) in branches.iter().enumerate() {
            collect(branch, &mut |scope, name| {
                sets.push((number, Fact::named(scope, &name.value), name.span));
            });
        }
        self.beside.push(Beside { sets, here: 0 });
        let ways = branches.iter().enumerate().map(|(number, branch)| {
            self.beside.iter_mut().last().into_iter().for_each(|beside| beside.here = number);
            self.way(|flow| flow.steps(std::slice::from_ref(branch)))
        });
        let ways: Vec<_> = ways.collect();
        self.beside.pop();
        self.now.meet_all(&ways);
    }

    /// The value of an expression that the run cannot change.
    fn constant(&self, expr: &Expr) -> Option<Value> {
        Program::compile(expr, &*self.scenario.constants).constant().cloned()
    }
}
