//! Running steps: blocks, branches, loops, polls.

use std::future::Future;
use std::pin::Pin;

use rand::RngExt;

use super::Vu;
use super::flow::{Ending, Flow};
use super::slots::{MAX_APPENDED, Refused};
use crate::clock::{Duration, now, sleep};
use crate::expr::{DataProgram, Program, SlotId, TextProgram, Value};
use crate::graph::{Action, Block, Graph, PollStep, Step, StepId, Times};
use crate::metrics::{Metric, ProblemKind};
use crate::plan::{GiveUp, Sleep, StopScope};
use crate::transport::Session;

/// After so many steps without waiting for anything the other VUs of the thread get their turn.
/// Few enough that a thread full of VUs that only compute still ends within a second when it is told to.
const STEPS_IN_A_ROW: u32 = 128;

pub(super) type Running<'a> = Pin<Box<dyn Future<Output = Flow> + 'a>>;

impl<S: Session> Vu<S> {
    /// Boxed, since blocks hold steps that hold blocks.
    pub(super) fn run_block<'a>(&'a mut self, graph: &'a Graph, block: &'a [StepId]) -> Running<'a> {
        Box::pin(async move {
            for id in block {
                match self.run_step(graph, &graph.steps[id.0 as usize]).await {
                    Flow::Next => {}
                    end => return end,
                }
            }
            Flow::Next
        })
    }

    async fn run_step(&mut self, graph: &Graph, step: &Step) -> Flow {
        self.take_turns().await;
        if let Some(condition) = &step.condition {
            match self.decided(condition, step) {
                Some(true) => {}
                Some(false) => return Flow::Next,
                None => return Flow::FAILED,
            }
        }
        match &step.action {
            Action::Request(request) => {
                self.steps_in_a_row = 0;
                // Boxed, since it is ten times as large as all others, and a VU that sleeps has none.
                Box::pin(self.request(step, request)).await
            }
            Action::Sleep(spec) => self.pause(*spec).await,
            Action::Set(assignments) => self.set(assignments, step),
            Action::Append(assignments) => self.append(assignments, step),
            Action::If { condition, then, otherwise } => match self.decided(condition, step) {
                Some(true) => self.run_block(graph, then).await,
                Some(false) => self.run_block(graph, otherwise).await,
                None => Flow::FAILED,
            },
            Action::Repeat { times, body } => self.repeat(graph, step, times, body).await,
            Action::While { condition, max, body } => self.run_while(graph, step, condition, *max, body).await,
            // Boxed, as the request is: rare, and large.
            Action::ForEach { items, bind, concurrency: width @ 2.., body } => {
                Box::pin(self.each_at_once(graph, step, items, (*bind, body), *width)).await
            }
            Action::ForEach { items, bind, body, .. } => self.for_each(graph, step, items, *bind, body).await,
            Action::Parallel { branches, max } => Box::pin(self.parallel(graph, step, branches, *max)).await,
            Action::Poll(poll) => self.poll(graph, step, poll).await,
            Action::Choose { branches, total } => {
                let block = self.chosen(branches, *total);
                self.run_block(graph, block).await
            }
            Action::Group { metric, body, .. } => self.group(graph, step, *metric, body).await,
            Action::Log { level, message } => match self.text(message, step) {
                Some(text) => {
                    self.console.log(*level, &self.secrets.masked(&self.graph.secrets, &text));
                    Flow::Next
                }
                None => Flow::FAILED,
            },
            Action::Outcome(name) => match self.text(name, step) {
                Some(text) => {
                    self.outcome = Some(self.secrets.masked(&self.graph.secrets, &text).into_owned());
                    Flow::Next
                }
                None => Flow::FAILED,
            },
            Action::Stop { scope, reason } => self.stop(*scope, reason.as_ref(), step),
        }
    }

    /// A plan that computes for long without waiting must not take the thread from the others.
    pub(super) async fn take_turns(&mut self) {
        self.steps_in_a_row += 1;
        if self.steps_in_a_row >= STEPS_IN_A_ROW {
            self.steps_in_a_row = 0;
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn pause(&mut self, spec: Sleep) -> Flow {
        self.steps_in_a_row = 0;
        self.waited = true;
        let length = self.length(spec);
        self.rest(length);
        // Think time is wanted: what the schedule wants comes that much later.
        self.due = self.due.map(|due| due + length);
        sleep(length).await;
        Flow::Next
    }

    pub(super) fn length(&self, spec: Sleep) -> Duration {
        match spec {
            Sleep::Fixed(length) => length,
            Sleep::Range(least, most) => {
                let nanos = |length: Duration| u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
                let (least, most) = (nanos(least), nanos(most));
                Duration::from_nanos(self.random.borrow_mut().random_range(least..=most.max(least)))
            }
        }
    }

    fn set(&mut self, assignments: &[(SlotId, DataProgram)], step: &Step) -> Flow {
        for (slot, value) in assignments {
            match value.evaluate(self) {
                Ok(value) => self.slots.set(*slot, value),
                Err(error) => return self.fail(step, &self.assigning("set", *slot), &error.message),
            }
        }
        Flow::Next
    }

    fn append(&mut self, assignments: &[(SlotId, DataProgram)], step: &Step) -> Flow {
        for (slot, value) in assignments {
            let value = match value.evaluate(self) {
                Ok(value) => value,
                Err(error) => return self.fail(step, &self.assigning("append", *slot), &error.message),
            };
            if let Err(refused) = self.slots.append(*slot, value) {
                return self.refused(step, *slot, refused);
            }
        }
        Flow::Next
    }

    pub(super) fn refused(&self, step: &Step, slot: SlotId, why: Refused) -> Flow {
        let message = match why {
            Refused::NoList => "is not a list".to_owned(),
            Refused::Full => format!("has {MAX_APPENDED} elements already, the most that `append` makes"),
        };
        self.fail(step, &self.assigning("append", slot), &message)
    }

    async fn repeat(&mut self, graph: &Graph, step: &Step, times: &Times, body: &Block) -> Flow {
        let times = match times {
            Times::Fixed(times) => *times,
            Times::Computed(program) => match program.evaluate(self).map(|value| (value.as_u64(), value)) {
                Ok((Some(times), _)) => times,
                Ok((None, value)) => {
                    return self.fail(step, &titled("repeat", step), &format!("is {value}, not a whole number"));
                }
                Err(error) => return self.fail(step, &titled("repeat", step), &error.message),
            },
        };
        for _ in 0..times {
            self.take_turns().await;
            match self.run_block(graph, body).await {
                Flow::Next => {}
                end => return end,
            }
        }
        Flow::Next
    }

    async fn run_while(&mut self, graph: &Graph, step: &Step, condition: &Program, max: u64, body: &Block) -> Flow {
        for _ in 0..max {
            match self.decided(condition, step) {
                Some(true) => {}
                Some(false) => return Flow::Next,
                None => return Flow::FAILED,
            }
            self.take_turns().await;
            match self.run_block(graph, body).await {
                Flow::Next => {}
                end => return end,
            }
        }
        match self.decided(condition, step) {
            Some(false) => Flow::Next,
            Some(true) => {
                let message = format!("`{}` is still true after {max} rounds (`max`)", condition.text());
                self.fail(step, &titled("while", step), &message)
            }
            None => Flow::FAILED,
        }
    }

    /// What a `for_each` goes through; `None` where that is no list, which is recorded.
    pub(super) fn items(&self, items: &Program, step: &Step) -> Option<Vec<Value>> {
        let why = match items.evaluate(self).and_then(|value| value.to_value()) {
            Ok(Value::Array(items)) => return Some(items),
            Ok(other) => format!("`in` is not a list but {other}"),
            Err(error) => format!("`in`: {}", error.message),
        };
        self.fail(step, &titled("for_each", step), &why);
        None
    }

    async fn for_each(&mut self, graph: &Graph, step: &Step, items: &Program, bind: SlotId, body: &Block) -> Flow {
        let Some(items) = self.items(items, step) else { return Flow::FAILED };
        for item in items {
            self.take_turns().await;
            self.slots.set(bind, item);
            match self.run_block(graph, body).await {
                Flow::Next => {}
                end => return end,
            }
        }
        Flow::Next
    }

    fn chosen<'g>(&self, branches: &'g [(u64, Block)], total: u64) -> &'g Block {
        let mut ticket = self.random.borrow_mut().random_range(0..total.max(1));
        for (weight, block) in branches {
            match ticket.checked_sub(*weight) {
                Some(rest) => ticket = rest,
                None => return block,
            }
        }
        &branches[0].1
    }

    async fn group(&mut self, graph: &Graph, step: &Step, metric: Option<u16>, body: &Block) -> Flow {
        let stage = self.stage();
        let started = now();
        let flow = self.run_block(graph, body).await;
        // A group that failed half way took no meaningful time.
        if !matches!(flow, Flow::End(Ending::Failed)) {
            let took = now() - started;
            let mut recorder = self.recorder.borrow_mut();
            recorder.trend(Metric::GroupDuration, step.site, stage, took);
            if let Some(custom) = metric {
                recorder.trend(Metric::Custom(custom), step.site, stage, took);
            }
        }
        flow
    }

    /// Its `timeout` says how long attempts may begin; one under way ends by the time-outs of its own requests.
    async fn poll(&mut self, graph: &Graph, step: &Step, poll: &PollStep) -> Flow {
        let stage = self.stage();
        let started = now();
        let mut attempts = 0;
        let given_up = loop {
            if attempts > 0 || poll.first_waits {
                let wait = self.length(poll.every);
                if poll.timeout.is_some_and(|timeout| now() + wait > started + timeout) {
                    break format!(
                        "not true within {}",
                        crate::units::format_duration(poll.timeout.unwrap_or_default())
                    );
                }
                self.pause(Sleep::Fixed(wait)).await;
            }
            self.take_turns().await;
            attempts += 1;
            match self.run_block(graph, &poll.body).await {
                Flow::Next => {}
                end => return end,
            }
            match self.decided(&poll.until, step) {
                Some(true) => {
                    let mut recorder = self.recorder.borrow_mut();
                    recorder.trend(Metric::PollWait, step.site, stage, now() - started);
                    recorder.number(Metric::PollAttempts, step.site, stage, attempts);
                    return Flow::Next;
                }
                Some(false) => {}
                None => return Flow::FAILED,
            }
            match poll.fail_if.as_ref().map(|condition| self.decided(condition, step)) {
                None | Some(Some(false)) => {}
                Some(Some(true)) => {
                    let condition = poll.fail_if.as_ref().map_or("", |condition| condition.text());
                    self.problem(
                        step.site,
                        ProblemKind::Poll,
                        "",
                        &format!("`fail_if` came true after {}: {condition}", tried(attempts)),
                    );
                    return Flow::FAILED;
                }
                Some(None) => return Flow::FAILED,
            }
            if poll.attempts == Some(attempts) {
                break format!("not true after {}", tried(attempts));
            }
        };
        self.give_up(step, poll, &given_up)
    }

    fn give_up(&mut self, step: &Step, poll: &PollStep, why: &str) -> Flow {
        match &poll.on_give_up {
            GiveUp::Continue => Flow::Next,
            GiveUp::Outcome(outcome) => Flow::End(Ending::Named(Some(outcome.clone()))),
            GiveUp::Fail => {
                let message = format!("gave up, {why}: {}", poll.until.text());
                self.problem(step.site, ProblemKind::Poll, "", &message);
                Flow::FAILED
            }
        }
    }

    fn stop(&mut self, scope: StopScope, reason: Option<&TextProgram>, step: &Step) -> Flow {
        let reason = match reason.map(|program| self.text(program, step)) {
            None => None,
            Some(Some(text)) => Some(self.secrets.masked(&self.graph.secrets, &text).into_owned()),
            Some(None) => return Flow::FAILED,
        };
        Flow::End(match scope {
            StopScope::Iteration => Ending::Named(reason),
            StopScope::Vu => Ending::VuStops,
            StopScope::Test => Ending::TestStops(reason.unwrap_or_default()),
        })
    }

    /// A condition's value; `None` where it cannot be evaluated, which is recorded.
    fn decided(&self, condition: &Program, step: &Step) -> Option<bool> {
        match condition.holds(self) {
            Ok(held) => Some(held),
            Err(error) => {
                let message = format!("`{}`: {}", condition.text(), error.message);
                self.problem(step.site, ProblemKind::Expression, &place(step), &message);
                None
            }
        }
    }

    fn text(&self, program: &TextProgram, step: &Step) -> Option<String> {
        let mut out = String::new();
        match program.render(self, &mut out) {
            Ok(()) => Some(out),
            Err(error) => {
                self.problem(step.site, ProblemKind::Template, &place(step), &error.message);
                None
            }
        }
    }

    fn fail(&self, step: &Step, place: &str, message: &str) -> Flow {
        self.problem(step.site, ProblemKind::Template, place, message);
        Flow::FAILED
    }

    /// The place of an assignment: its variable tells it from the others of its step.
    fn assigning(&self, kind: &str, slot: SlotId) -> String {
        format!("{kind} {}", self.graph.slots[slot.0 as usize].name)
    }
}

/// What a table of problems calls a step that makes no samples, and so has no tags of its own.
fn place(step: &Step) -> String {
    let kind = match &step.action {
        // These have a name in the tags of their site.
        Action::Request(_) | Action::Poll(_) => return String::new(),
        Action::Group { .. } => return "its `if`".to_owned(),
        Action::Sleep(_) => "sleep",
        Action::Set(_) => "set",
        Action::Append(_) => "append",
        Action::If { .. } => "if",
        Action::Repeat { .. } => "repeat",
        Action::While { .. } => "while",
        Action::ForEach { .. } => "for_each",
        Action::Parallel { .. } => "parallel",
        Action::Choose { .. } => "choose",
        Action::Log { .. } => "log",
        Action::Outcome(_) => "outcome",
        Action::Stop { .. } => "stop",
    };
    titled(kind, step)
}

/// The kind of a step, and the name that the plan gives to it.
fn titled(kind: &str, step: &Step) -> String {
    if step.name == kind { kind.to_owned() } else { format!("{kind} {}", step.name) }
}

fn tried(attempts: u64) -> String {
    format!("{attempts} attempt{}", if attempts == 1 { "" } else { "s" })
}
