//! Executors: when a VU starts its next iteration.
//!
//! A [`Lane`] is one thread's share of one scenario. Each executor is one small file that says when; starting, stopping and
//! counting are here.

mod arrival;
mod per_vu;
mod shared;
mod spans;

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

use super::Event;
use super::stop::Stop;
use crate::clock::{Duration, Instant, now, sleep, sleep_until};
use crate::data::Supply;
use crate::graph::{Graph, Scenario};
use crate::load::{Executor, Ramp, Share};
use crate::metrics::Recorder;
use crate::transport::Transport;
use crate::vu::{Console, Finished, Identity, Vu};
pub(super) use arrival::Starts;

/// `log` lines per second over all threads; the rest is counted.
const LOGS_PER_SECOND: u64 = 100;

/// How long a VU that failed before it did anything waits, so that a broken plan doesn't spin.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// What all threads count together.
pub(super) struct Counters {
    /// Iterations begun, per scenario.
    iterations: Vec<AtomicU64>,
    logs: AtomicU64,
    lost_logs: AtomicU64,
    waiting_logs: AtomicU64,
    since: Instant,
    /// Rows of data sets.
    pub(super) supply: Arc<Supply>,
}

impl Counters {
    pub(super) fn new(graph: &Graph) -> Counters {
        Counters {
            iterations: graph.scenarios.iter().map(|_| AtomicU64::new(0)).collect(),
            logs: AtomicU64::new(0),
            lost_logs: AtomicU64::new(0),
            waiting_logs: AtomicU64::new(0),
            since: now(),
            supply: Arc::new(Supply::new(&graph.data, graph.seed)),
        }
    }

    /// The number of the next iteration of a scenario, from 0, unique and without gaps.
    fn next_iteration(&self, scenario: usize) -> u64 {
        self.iterations[scenario].fetch_add(1, Ordering::Relaxed)
    }

    /// Iterations of a scenario that have begun.
    fn begun(&self, scenario: usize) -> u64 {
        self.iterations[scenario].load(Ordering::Relaxed)
    }

    /// An allowance that grows with time, with a burst of one second's worth, and only so many that nobody has read yet.
    pub(super) fn may_log(&self) -> bool {
        let allowed = (now() - self.since).as_secs().saturating_add(1).saturating_mul(LOGS_PER_SECOND);
        let is_read = self.waiting_logs.load(Ordering::Relaxed) < super::WAITING_LOGS;
        let may = is_read && self.logs.load(Ordering::Relaxed) < allowed;
        if may {
            self.logs.fetch_add(1, Ordering::Relaxed);
            self.waiting_logs.fetch_add(1, Ordering::Relaxed);
        }
        may
    }

    /// The coordinator has one that [`Counters::may_log`] allowed.
    pub(super) fn log_has_come(&self) {
        self.waiting_logs.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn lose_log(&self) {
        self.lost_logs.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn lost_logs(&self) -> u64 {
        self.lost_logs.load(Ordering::Relaxed)
    }
}

/// One thread's share of one scenario.
pub(super) struct Lane<T> {
    pub graph: Arc<Graph>,
    /// Index into the graph's scenarios.
    pub scenario: usize,
    /// The id of the scenario's VU 0.
    pub first_vu: u64,
    pub start: Instant,
    /// Of [`Executor::share`].
    pub share: Share,
    pub transport: T,
    pub recorder: Rc<RefCell<Recorder>>,
    pub console: Rc<dyn Console>,
    pub counters: Arc<Counters>,
    pub stop: Rc<Stop>,
    pub events: SyncSender<Event>,
    pub active: Cell<u64>,
    /// Of all lanes of the thread.
    pub starts: Rc<Starts>,
}

impl<T: Transport + Clone + 'static> Lane<T> {
    fn scenario(&self) -> &Scenario {
        &self.graph.scenarios[self.scenario]
    }

    /// Makes the share's load, and waits until all its VUs have ended.
    pub(super) async fn run(self: Rc<Self>) {
        let _alarm = Alarm(self.events.clone());
        let executor = &self.scenario().executor;
        if let Some((arrivals, open)) = executor.arrivals() {
            arrival::run(&self, &arrivals, open).await;
        } else if let Some(ramp) = executor.ramp() {
            self.run_vus(&ramp).await;
        }
    }

    /// Starts each VU when its time comes, and waits until all have ended.
    async fn run_vus(self: &Rc<Self>, ramp: &Ramp) {
        let mut running = tokio::task::JoinSet::new();
        for index in self.share.vus(self.scenario().executor.peak_vus()) {
            let life = ramp.life(index);
            let Some(first) = life.spans.first() else { continue };
            if !self.wait_until(self.start + first.start).await {
                break;
            }
            let lane = Rc::clone(self);
            running.spawn_local(async move {
                let _alarm = Alarm(lane.events.clone());
                match &lane.scenario().executor {
                    Executor::ConstantVus { .. } | Executor::RampingVus { .. } => {
                        spans::drive(&lane, index, &life).await
                    }
                    Executor::SharedIterations { iterations, .. } => shared::drive(&lane, index, *iterations).await,
                    Executor::PerVuIterations { iterations, .. } => per_vu::drive(&lane, index, *iterations).await,
                    // They have no line of VUs.
                    Executor::ConstantArrivalRate { .. } | Executor::RampingArrivalRate { .. } => {}
                }
            });
        }
        while running.join_next().await.is_some() {}
    }

    /// `false`: the run ends before that.
    async fn wait_until(&self, at: Instant) -> bool {
        if self.stop.is_ending() {
            return false;
        }
        if at <= now() {
            return true;
        }
        tokio::select! {
            biased;
            () = self.stop.ending() => false,
            () = sleep_until(at) => true,
        }
    }

    /// The scenario's regular end, and the moment at which everything still running is cut off.
    fn end(&self) -> (Instant, Instant) {
        let end = self.start + self.scenario().executor.duration();
        (end, end + self.scenario().graceful_stop)
    }

    fn hire(&self, index: u64) -> Vu<T::Session> {
        let identity = Identity { id: self.first_vu + index, scenario: self.scenario, scenario_start: self.start };
        let supply = &self.counters.supply;
        Vu::new(&self.graph, identity, self.transport.session(), supply, &self.recorder, &self.console)
    }

    /// `stop: test`.
    fn stop_test(&self, reason: String) {
        // Waits where the channel is full, since the verdict hangs on it; an error means that the coordinator has left.
        let _ = self.events.send(Event::TestStopped(reason));
        self.stop.raise(super::Command::Abort);
    }

    /// Counts a VU as active while it does something.
    async fn active<R>(&self, work: impl Future<Output = R>) -> R {
        self.count_active(1);
        let done = work.await;
        self.count_active(-1);
        done
    }

    fn count_active(&self, change: i64) {
        self.active.set(self.active.get().saturating_add_signed(change));
        self.recorder.borrow_mut().vus(self.scenario().site, self.active.get());
    }
}

/// Whether a VU goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    GoOn,
    /// Its time was up; it may have another.
    Cut,
    /// Stopped by the plan.
    Over,
}

/// Tells of a panic in the task that holds it: load that is missing must not look like load that went well.
struct Alarm(SyncSender<Event>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.send(Event::Failed("a part of the generator panicked".to_owned()));
        }
    }
}

/// A VU at work: iterations under a moment at which they are cut off.
pub(super) struct Shift<'l, T: Transport> {
    lane: &'l Lane<T>,
    vu: Vu<T::Session>,
    started: bool,
    /// Set by the pace: when the next iteration may start.
    earliest: Option<Instant>,
    cut: Option<Cut<'l>>,
}

/// The moment, and the future that is ready when it, an abort or the end of a drain has come.
type Cut<'l> = (Instant, Pin<Box<dyn Future<Output = ()> + 'l>>);

impl<'l, T: Transport + Clone + 'static> Shift<'l, T> {
    pub(super) fn begin(lane: &'l Lane<T>, index: u64) -> Shift<'l, T> {
        Shift { lane, vu: lane.hire(index), started: lane.scenario().on_start.is_empty(), earliest: None, cut: None }
    }

    /// Waits for as long as the pace demands and while the run is paused. `false`: no more iterations before `until`.
    pub(super) async fn may_start(&mut self, until: Instant) -> bool {
        let stop = &self.lane.stop;
        loop {
            let at = now();
            if stop.is_ending() || at >= until {
                return false;
            }
            let paused = stop.is_paused();
            let wake = match self.earliest.filter(|earliest| *earliest > at) {
                _ if paused => until,
                Some(earliest) => earliest.min(until),
                None => return true,
            };
            self.vu.rest(wake - at);
            tokio::select! {
                biased;
                () = stop.ending() => {}
                () = stop.resumed(), if paused => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Runs one iteration, with `on_start` before the first. `number` is asked for only when it really begins; `due` is when the
    /// schedule wants it to, where there is one.
    pub(super) async fn iterate(
        &mut self,
        cut_at: Instant,
        due: Option<Instant>,
        number: impl FnOnce() -> u64,
    ) -> Turn {
        let finished = self.until_cut(cut_at, Some((due, number))).await;
        match finished {
            // The next one waits for its time anyhow.
            Some(Finished::FailedAtOnce) if due.is_some() => Turn::GoOn,
            Some(Finished::FailedAtOnce) => {
                tokio::select! {
                    () = sleep(PAUSE_AFTER_FAILURE) => {}
                    () = self.lane.stop.ending() => {}
                }
                Turn::GoOn
            }
            finished => self.turn(finished).await,
        }
    }

    /// Runs `on_start` ahead of the first iteration; where it fails, that tries again.
    pub(super) async fn prepare(&mut self, cut_at: Instant) -> Turn {
        let finished = self.until_cut(cut_at, None::<(_, fn() -> u64)>).await;
        self.turn(finished).await
    }

    async fn turn(&self, finished: Option<Finished>) -> Turn {
        match finished {
            None => Turn::Cut,
            Some(Finished::Next | Finished::FailedAtOnce) => {
                tokio::task::coop::consume_budget().await;
                Turn::GoOn
            }
            Some(Finished::VuStops) => Turn::Over,
            Some(Finished::TestStops(reason)) => {
                self.lane.stop_test(reason);
                Turn::Over
            }
        }
    }

    /// `on_start`, where it has not run yet, and the iteration that is asked for; `None` where it was cut off.
    async fn until_cut(
        &mut self,
        cut_at: Instant,
        iteration: Option<(Option<Instant>, impl FnOnce() -> u64)>,
    ) -> Option<Finished> {
        let (lane, vu, started, earliest) = (self.lane, &mut self.vu, &mut self.started, &mut self.earliest);
        let cut = Self::cut(&mut self.cut, lane, cut_at);
        tokio::select! {
            biased;
            finished = async {
                if !*started {
                    if let Some(ended) = vu.start().await {
                        return ended;
                    }
                    *started = true;
                }
                let Some((due, number)) = iteration else { return Finished::Next };
                *earliest = lane.scenario().pace.map(|pace| now() + pace);
                vu.iterate(number(), due).await
            } => Some(finished),
            () = cut => {
                // No iteration has begun before `on_start` is through.
                if self.started { self.vu.interrupted() } else { self.vu.cut_off() }
                self.cut = None;
                None
            }
        }
    }

    /// `on_stop`, as far as the time until the cut allows.
    pub(super) async fn finish(mut self, cut_at: Instant) {
        if !self.started || self.lane.scenario().on_stop.is_empty() {
            return;
        }
        let cut = Self::cut(&mut self.cut, self.lane, cut_at);
        tokio::select! {
            biased;
            // First: when the time is up already, nothing is sent.
            () = cut => self.vu.cut_off(),
            stops = self.vu.finish() => if let Some(reason) = stops {
                self.lane.stop_test(reason);
            },
        }
    }

    /// One timer for as long as the moment stays the same, instead of one per iteration.
    fn cut<'a>(
        kept: &'a mut Option<Cut<'l>>,
        lane: &'l Lane<T>,
        at: Instant,
    ) -> &'a mut Pin<Box<dyn Future<Output = ()> + 'l>> {
        if kept.as_ref().is_none_or(|(moment, _)| *moment != at) {
            *kept = None;
        }
        let grace = lane.scenario().graceful_stop;
        &mut kept.get_or_insert_with(|| (at, Box::pin(lane.stop.cut(at, grace)))).1
    }
}
