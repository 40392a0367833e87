//! Stage 5: who runs: threads, VUs, starting and stopping.
//!
//! One operating-system thread per core, each with a runtime of its own; VU k of a scenario lives on thread k mod N. What crosses
//! threads is only messages: orders in (drain, abort, pause), a metrics interval out each second.
//! Must never know: the plan's text, thresholds, terminals, files.

mod executor;
mod stop;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Barrier};

use tokio::sync::watch;

use crate::clock::{Duration, Instant, now};
use crate::data::Shortage;
use crate::graph::Graph;
use crate::health::{Health, Stretch};
use crate::metrics::{Aggregate, Interval};
use crate::plan::Connections;
use crate::plan::LogLevel;
use crate::transport::Spread;
use executor::Counters;
pub use stop::Command;
use stop::Orders;
use worker::Worker;

/// How often threads hand over what they have measured.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// Messages that may wait for the coordinator.
const EVENTS: usize = 4096;

/// `log` lines among them; one more is counted as lost. A terminal that stands still must not fill the room of what was measured.
const WAITING_LOGS: u64 = EVENTS as u64 / 2;

/// How long the second interrupt waits for what the threads have measured since their last second.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The one kind of message that reaches the coordinator.
pub enum Event {
    Measured(Box<Measured>),
    /// All VUs of a thread have ended; nothing more comes from it.
    Done,
    /// A `log` step.
    Log {
        level: LogLevel,
        message: String,
    },
    /// `stop: test`.
    TestStopped(String),
    /// A part of the engine broke; what it would have measured is missing.
    Failed(String),
    /// From outside: a signal, or whoever started the run.
    Interrupt,
    /// From outside: no new iterations until it is taken back. The time of the plan goes on.
    Pause(bool),
    /// From outside, from whoever does not know whether a pause is on.
    TogglePause,
}

/// Everything a thread measured since its last one.
pub struct Measured {
    thread: usize,
    interval: Interval,
    stretch: Stretch,
}

/// What a caller wants after it has seen the state of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    GoOn,
    /// End now: running iterations are cut off.
    Abort,
}

/// What the engine tells while it runs.
pub trait Observer {
    /// Once a second, after all numbers of that second are in.
    fn second(&mut self, aggregate: &Aggregate, elapsed: Duration) -> Wish;
    fn log(&mut self, level: LogLevel, message: &str);
    /// The first interrupt has come: the run drains.
    fn draining(&mut self);
    /// A pause has begun, or is over.
    fn paused(&mut self, _paused: bool) {}
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Completed,
    Interrupted,
    /// The observer wished it.
    Aborted,
    /// `stop: test`, with its reason.
    StoppedByPlan(String),
    /// A part of the engine broke; the reason.
    Failed(String),
}

/// What a run leaves.
pub struct Ran {
    pub aggregate: Aggregate,
    pub end: End,
    pub started_at: jiff::Timestamp,
    pub duration: Duration,
    /// How long it was paused.
    pub paused: Duration,
    pub threads: usize,
    pub health: Health,
    pub lost_logs: u64,
    /// Data sets that ran out of rows.
    pub shortages: Vec<Shortage>,
    /// It was left before all threads had told everything.
    pub partial: bool,
}

/// The longest that a run starts iterations; graceful ends come on top.
pub fn planned(graph: &Graph) -> Duration {
    let ends = graph.scenarios.iter().map(|scenario| scenario.start_time + scenario.executor.duration());
    ends.max().unwrap_or_default()
}

/// Runs the graph to its end. Interrupts come in through `events`; `sender` is its other end.
pub fn run<T: Spread>(
    graph: &Arc<Graph>,
    transport: &T,
    threads: usize,
    (sender, events): (SyncSender<Event>, Receiver<Event>),
    observer: &mut dyn Observer,
) -> std::io::Result<Ran> {
    // The first threads have the VUs of each scenario. One without VUs would keep its connections from the others, and one without a
    // connection could do nothing.
    let peak = graph.scenarios.iter().map(|scenario| scenario.executor.peak_vus()).max().unwrap_or(0);
    let connections = if let Connections::Shared(all) = graph.http.connections { all } else { u64::MAX };
    let threads = threads.min(peak.min(connections) as usize).max(1);
    let (orders, orders_seen) = watch::channel(Orders { command: Command::Run, paused: false });
    let counters = Arc::new(Counters::new(graph));
    let ready = Arc::new(Barrier::new(threads + 1));
    let (start, start_known) = watch::channel(None::<Instant>);
    let mut returns = Vec::with_capacity(threads);
    for thread in 0..threads {
        let (give_back, given_back) = sync_channel(4);
        returns.push(give_back);
        let worker = Worker {
            thread,
            threads,
            graph: Arc::clone(graph),
            transport: transport.clone(),
            counters: Arc::clone(&counters),
            orders: orders_seen.clone(),
            start: start_known.clone(),
            events: sender.clone(),
            given_back,
        };
        let ready = Arc::clone(&ready);
        std::thread::Builder::new().name(format!("load-{thread}")).spawn(move || worker.run(&ready))?;
    }
    ready.wait();
    let began = now();
    let started_at = crate::clock::wall();
    start.send_replace(Some(began));
    let mut coordinator = Coordinator {
        aggregate: Aggregate::new(&graph.sites, &graph.custom_metrics).judged_from(graph.judged_from()),
        orders,
        returns,
        end: End::Completed,
        running: threads,
        health: Health::begin(),
        counters,
        began,
        seconds: 0,
        ended: None,
        leave_at: None,
        paused: Duration::ZERO,
        paused_at: None,
    };
    coordinator.conduct(&events, observer);
    let lost_logs = coordinator.counters.lost_logs();
    coordinator.pause(false);
    let duration = coordinator.ended.unwrap_or_else(now) - began;
    coordinator.aggregate.tick(duration);
    coordinator.health.second(duration);
    Ok(Ran {
        aggregate: coordinator.aggregate,
        end: coordinator.end,
        started_at,
        duration,
        paused: coordinator.paused,
        threads,
        health: coordinator.health,
        lost_logs,
        shortages: coordinator.counters.supply.shortages(),
        partial: coordinator.running > 0,
    })
}

/// A channel for [`run`].
pub fn events() -> (SyncSender<Event>, Receiver<Event>) {
    sync_channel(EVENTS)
}

struct Coordinator {
    aggregate: Aggregate,
    orders: watch::Sender<Orders>,
    returns: Vec<SyncSender<Interval>>,
    end: End,
    running: usize,
    health: Health,
    counters: Arc<Counters>,
    began: Instant,
    /// Whole seconds that the observer has seen.
    seconds: u64,
    ended: Option<Instant>,
    /// Set by the second interrupt.
    leave_at: Option<Instant>,
    /// In pauses that are over.
    paused: Duration,
    paused_at: Option<Instant>,
}

impl Coordinator {
    fn conduct(&mut self, events: &Receiver<Event>, observer: &mut dyn Observer) {
        while self.running > 0 {
            // Each second is closed a little after its end, when the threads' numbers for it are here.
            let due = self.began + INTERVAL * (self.seconds as u32 + 1) + Duration::from_millis(60);
            let until = self.leave_at.map_or(due, |at| at.min(due));
            match events.recv_timeout(until.saturating_duration_since(now())) {
                Ok(Event::Interrupt) if self.leave_at.is_some() => return,
                Ok(Event::Interrupt) if self.end == End::Interrupted => {
                    self.end_early(End::Interrupted, Command::Abort);
                    self.leave_at = Some(now() + LAST_WORDS);
                }
                Ok(event) => self.take(event, observer),
                Err(RecvTimeoutError::Timeout) if self.leave_at.is_some_and(|at| at <= now()) => return,
                Err(RecvTimeoutError::Timeout) => self.second(observer),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        self.ended = Some(now());
    }

    fn take(&mut self, event: Event, observer: &mut dyn Observer) {
        match event {
            Event::Measured(measured) => {
                let Measured { thread, mut interval, stretch } = *measured;
                self.aggregate.absorb(&mut interval);
                self.health.absorb(&stretch);
                // A thread that has ended takes nothing back.
                let _ = self.returns[thread].try_send(interval);
            }
            Event::Done => self.running -= 1,
            Event::Log { level, message } => {
                self.counters.log_has_come();
                observer.log(level, &message);
            }
            Event::Failed(why) => self.end_early(End::Failed(why), Command::Abort),
            Event::TestStopped(reason) => self.end_early(End::StoppedByPlan(reason), Command::Abort),
            Event::Interrupt => {
                self.end_early(End::Interrupted, Command::Drain);
                observer.draining();
            }
            Event::Pause(paused) => self.pause_told(paused, observer),
            Event::TogglePause => self.pause_told(self.paused_at.is_none(), observer),
        }
    }

    fn pause_told(&mut self, paused: bool, observer: &mut dyn Observer) {
        if self.pause(paused) {
            observer.paused(paused);
        }
    }

    /// Whether that is a change. Nothing is paused in a run that ends.
    fn pause(&mut self, paused: bool) -> bool {
        match (self.paused_at, paused) {
            (None, true) if self.end == End::Completed => self.paused_at = Some(now()),
            (Some(since), false) => {
                self.paused += self.ended.unwrap_or_else(now) - since;
                self.paused_at = None;
            }
            _ => return false,
        }
        self.orders.send_modify(|orders| orders.paused = paused);
        true
    }

    fn second(&mut self, observer: &mut dyn Observer) {
        self.seconds += 1;
        let elapsed = INTERVAL * self.seconds as u32;
        self.aggregate.tick(elapsed);
        self.health.second(now() - self.began);
        if observer.second(&self.aggregate, elapsed) == Wish::Abort {
            self.end_early(End::Aborted, Command::Abort);
        }
    }

    /// The first reason to end early stays the reason; an interrupt comes before all others.
    fn end_early(&mut self, end: End, command: Command) {
        if self.end == End::Completed || end == End::Interrupted {
            self.end = end;
        }
        self.orders.send_if_modified(|orders| {
            let stronger = command > orders.command;
            if stronger {
                orders.command = command;
            }
            stronger
        });
    }
}
