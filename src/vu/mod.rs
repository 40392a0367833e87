//! Stage 6: one virtual user: its memory, its cookies, its iterations.
//!
//! Owns: a VU's state and the running of steps. Must never know: other VUs, executors, the shape of the load.
//! A refused connection, a failed check, a missing extraction are data here, never an `Err`.

mod answer;
mod cookies;
mod digest;
mod extract;
mod flow;
mod fork;
mod merge;
mod parallel;
mod request;
mod rows;
mod scope;
mod secrets;
mod slots;
mod steps;

#[cfg(test)]
mod tests;

pub use flow::Ending;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::clock::{Duration, Instant, now};
use crate::data::Supply;
use crate::graph::{Graph, Scenario};
use crate::metrics::{Metric, ProblemKind, Recorder, RequestSample, SiteId, StageIndex, WARMUP};
use crate::plan::{Connections, LogLevel, RowPer};
use crate::transport::Session;
use answer::Answer;
use cookies::Jar;
use digest::Digests;
use flow::Flow;
use rows::Rows;
use secrets::Secrets;
use slots::Slots;

/// Why a request was cut off that was under way.
const END_OF_RUN: &str = "cut off by the end of the run";

/// A wait from which on it pays to let the connection rest: waking it up costs about a microsecond.
const REST_FROM: Duration = Duration::from_millis(50);

/// What a VU reports besides samples: lines of `log` steps.
pub trait Console {
    fn log(&self, level: LogLevel, message: &str);
}

/// Who a VU is and when its scenario began; fixed for its life.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Unique in the run, from 1.
    pub id: u64,
    /// Index into the graph's scenarios.
    pub scenario: usize,
    pub scenario_start: Instant,
}

/// One virtual user. It lives on one thread.
pub struct Vu<S> {
    graph: Arc<Graph>,
    identity: Identity,
    session: S,
    recorder: Rc<RefCell<Recorder>>,
    console: Rc<dyn Console>,
    random: RefCell<SmallRng>,
    jar: Jar,
    digests: Digests,
    secrets: Secrets,
    slots: Slots,
    supply: Arc<Supply>,
    rows: Rows,
    answer: Option<Rc<Answer>>,
    /// Named by an `outcome` step of this iteration.
    outcome: Option<String>,
    iteration: u64,
    scenario_iteration: u64,
    /// Where the iteration began, which is where it counts.
    begun_in: StageIndex,
    /// Where the last request began: its checks and extractions count there, too.
    asked_in: StageIndex,
    /// The request that is under way, so that one cut off half way is still counted.
    under_way: Option<UnderWay>,
    /// Steps since the runtime last had its turn.
    steps_in_a_row: u32,
    /// Whether this iteration has sent or slept at all.
    waited: bool,
    /// When the schedule wants the next request: until the first of an iteration that was due at a certain time.
    due: Option<Instant>,
}

/// A request that was handed to the session.
#[derive(Clone, Copy)]
struct UnderWay {
    site: SiteId,
    stage: StageIndex,
}

/// How an iteration ended, for its executor.
#[derive(Clone, Debug, PartialEq)]
pub enum Finished {
    /// Ready for the next one.
    Next,
    /// It failed before it sent or waited for anything: going on at once would only spin.
    FailedAtOnce,
    /// `stop: vu`, or a data set without a row for it.
    VuStops,
    /// `stop: test`, or a data set whose end stops the test; with the reason.
    TestStops(String),
}

impl<S: Session> Vu<S> {
    pub fn new(
        graph: &Arc<Graph>,
        identity: Identity,
        session: S,
        supply: &Arc<Supply>,
        recorder: &Rc<RefCell<Recorder>>,
        console: &Rc<dyn Console>,
    ) -> Vu<S> {
        Vu {
            graph: Arc::clone(graph),
            identity,
            session,
            recorder: Rc::clone(recorder),
            console: Rc::clone(console),
            random: RefCell::new(SmallRng::seed_from_u64(seed_of(graph.seed, identity.id))),
            jar: Jar::new(graph.scenarios[identity.scenario].cookies),
            digests: Digests::default(),
            secrets: Secrets::default(),
            slots: Slots::new(graph.slots.len()),
            supply: Arc::clone(supply),
            rows: Rows::new(graph),
            answer: None,
            outcome: None,
            iteration: 0,
            scenario_iteration: 0,
            begun_in: 0,
            asked_in: 0,
            under_way: None,
            steps_in_a_row: 0,
            waited: false,
            due: None,
        }
    }

    /// Runs `on_start`. `None`: ready. Otherwise how it ended; a failure is counted as a failed iteration.
    pub async fn start(&mut self) -> Option<Finished> {
        let graph = Arc::clone(&self.graph);
        self.begin();
        if let Some(ended) = self.take_rows(&graph, RowPer::Vu) {
            return Some(ended);
        }
        match self.run_block(&graph, &self.scenario(&graph).on_start).await {
            Flow::Next | Flow::End(Ending::Named(_)) => None,
            Flow::End(Ending::Failed) => {
                self.count_iteration("failed", None);
                Some(Finished::FailedAtOnce)
            }
            Flow::End(Ending::VuStops) => Some(Finished::VuStops),
            Flow::End(Ending::TestStops(reason)) => Some(Finished::TestStops(reason)),
        }
    }

    /// Runs `on_stop`. Gives the reason where that stops the test; a failure is among the problems already, and no iteration.
    pub async fn finish(&mut self) -> Option<String> {
        let graph = Arc::clone(&self.graph);
        // A VU that got no row to live with has nothing to bring to an end.
        if self.rows.without || self.take_rows(&graph, RowPer::Vu).is_some() {
            return None;
        }
        self.begin();
        match self.run_block(&graph, &self.scenario(&graph).on_stop).await {
            Flow::End(Ending::TestStops(reason)) => Some(reason),
            Flow::Next | Flow::End(Ending::Named(_) | Ending::Failed | Ending::VuStops) => None,
        }
    }

    /// Runs the scenario's steps once. `number` is the iteration's number in its scenario, from 0; `due` is when the schedule wants
    /// it to start, where there is one: what the first request waited for until then is part of its `http_req_total`.
    /// Where a data set has no row for it, it is no iteration, and is not counted.
    /// May be dropped at any await; [`Vu::interrupted`] then counts what was under way.
    pub async fn iterate(&mut self, number: u64, due: Option<Instant>) -> Finished {
        let graph = Arc::clone(&self.graph);
        self.begin();
        self.scenario_iteration = number;
        if let Some(due) = due {
            self.begun_in = self.stage_at(due);
        }
        let none_left = self.take_rows(&graph, RowPer::Vu).or_else(|| self.take_rows(&graph, RowPer::Iteration));
        if let Some(due) = due {
            self.arrived(due, none_left.is_some());
        }
        if let Some(ended) = none_left {
            return ended;
        }
        if graph.http.connections == Connections::PerIteration {
            self.session.close();
        }
        let started = now();
        let flow = self.run_block(&graph, &self.scenario(&graph).body).await;
        self.iteration += 1;
        let took = now() - started;
        match flow {
            Flow::Next => {
                let outcome = self.outcome.take();
                self.count_iteration(outcome.as_deref().unwrap_or("completed"), Some(took));
                Finished::Next
            }
            Flow::End(Ending::Named(outcome)) => {
                let outcome = outcome.or_else(|| self.outcome.take());
                self.count_iteration(outcome.as_deref().unwrap_or("completed"), Some(took));
                Finished::Next
            }
            Flow::End(Ending::Failed) => {
                self.count_iteration("failed", None);
                if self.waited { Finished::Next } else { Finished::FailedAtOnce }
            }
            Flow::End(Ending::VuStops) => {
                self.count_iteration("completed", Some(took));
                Finished::VuStops
            }
            Flow::End(Ending::TestStops(reason)) => {
                self.count_iteration("completed", Some(took));
                Finished::TestStops(reason)
            }
        }
    }

    /// Counts an iteration that the schedule wants, and how late it is; one for which there are no rows is dropped.
    fn arrived(&mut self, due: Instant, dropped: bool) {
        let (site, stage) = (self.graph.scenarios[self.identity.scenario].site, self.begun_in);
        let mut recorder = self.recorder.borrow_mut();
        recorder.rate(Metric::DroppedIterations, site, stage, dropped);
        if !dropped {
            recorder.trend(Metric::IterationStartDelay, site, stage, now().saturating_duration_since(due));
            self.due = Some(due);
        }
    }

    /// Counts an iteration that was cut off, and the request that it had under way.
    pub fn interrupted(&mut self) {
        self.cut_off();
        self.count_iteration("interrupted", None);
        self.iteration += 1;
    }

    /// Counts only the request that was under way: for `on_start` and `on_stop`, which are no iterations.
    pub fn cut_off(&mut self) {
        self.cut_off_by(END_OF_RUN);
    }

    fn cut_off_by(&mut self, why: &str) {
        let under_way = self.under_way.take().zip(self.session.cut());
        if let Some((request, cut)) = under_way.filter(|(_, cut)| cut.written) {
            self.recorder.borrow_mut().request(&RequestSample {
                site: request.site,
                stage: request.stage,
                status: 0,
                proto: "",
                expected: false,
                interrupted: true,
                phases: None,
                total: None,
                error_code: cut.code as u16,
                error: why,
                sent: cut.sent,
                received: cut.received,
            });
        }
    }

    /// Lets the connection rest in a wait of this length, where that pays.
    pub fn rest(&mut self, length: Duration) {
        if length >= REST_FROM {
            self.session.rest();
        }
    }

    fn begin(&mut self) {
        let lasting = self.graph.slots.iter().position(|slot| slot.per_vu).unwrap_or(self.slots.len());
        self.slots.clear(lasting);
        self.jar.begin_iteration();
        self.answer = None;
        self.outcome = None;
        self.waited = false;
        self.due = None;
        self.begun_in = self.stage();
    }

    fn scenario<'g>(&self, graph: &'g Graph) -> &'g Scenario {
        &graph.scenarios[self.identity.scenario]
    }

    fn stage(&self) -> StageIndex {
        self.stage_at(now())
    }

    fn stage_at(&self, at: Instant) -> StageIndex {
        let since = at.saturating_duration_since(self.identity.scenario_start);
        self.scenario(&self.graph).stage_at(since)
    }

    /// Records what went wrong, without secrets and control characters.
    /// `place` is empty where the tags of the site say it.
    fn problem(&self, site: SiteId, kind: ProblemKind, place: &str, message: &str) {
        let stage = match kind {
            ProblemKind::Check | ProblemKind::Extraction => self.asked_in,
            _ => self.stage(),
        };
        if stage == WARMUP {
            return;
        }
        let message = self.secrets.told(&self.graph.secrets, message);
        self.recorder.borrow_mut().problem(site, kind, place, &message);
    }

    fn count_iteration(&self, outcome: &str, took: Option<Duration>) {
        let site = self.graph.scenarios[self.identity.scenario].site;
        self.recorder.borrow_mut().iteration(site, self.begun_in, outcome, took);
    }
}

/// A VU's own seed: the same for the same plan seed and VU, whatever the number of threads.
fn seed_of(seed: u64, vu: u64) -> u64 {
    let mut mixed = seed ^ vu.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 27)
}
