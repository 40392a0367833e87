//! One thread of the engine: a runtime, its share of every scenario, its recorder.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Barrier};

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;

use super::executor::{Counters, Lane, Starts};
use super::stop::{Orders, Stop};
use super::{Event, INTERVAL, Measured};
use crate::clock::{Duration, Instant, now, sleep_until};
use crate::graph::Graph;
use crate::health::{self, Cpu, Stretch};
use crate::load::Share;
use crate::metrics::{Interval, Recorder};
use crate::plan::LogLevel;
use crate::transport::Spread;
use crate::vu::Console;

pub(super) struct Worker<T> {
    pub thread: usize,
    pub threads: usize,
    pub graph: Arc<Graph>,
    pub transport: T,
    pub counters: Arc<Counters>,
    pub orders: watch::Receiver<Orders>,
    /// Set once every thread is ready.
    pub start: watch::Receiver<Option<Instant>>,
    pub events: SyncSender<Event>,
    pub given_back: Receiver<Interval>,
}

impl<T: Spread> Worker<T> {
    /// The thread's whole life.
    pub(super) fn run(self, ready: &Barrier) {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        ready.wait();
        let ended = match runtime {
            // With the runtime in it, so that its end is inside, too.
            Ok(runtime) => catch_unwind(AssertUnwindSafe(|| {
                let runtime = runtime;
                runtime.block_on(self.work());
                // A look-up that hangs must not hold up the end of the run.
                runtime.shutdown_background();
            }))
            .map_err(|_| format!("thread {} of the generator panicked", self.thread)),
            Err(error) => Err(format!("thread {} of the generator cannot start: {error}", self.thread)),
        };
        if let Err(why) = ended {
            let _ = self.events.send(Event::Failed(why));
        }
        // The coordinator has ended before us only if it was told to leave at once.
        let _ = self.events.send(Event::Done);
    }

    async fn work(&self) {
        let mut start = self.start.clone();
        let Ok(Some(start)) = start.wait_for(Option::is_some).await.map(|start| *start) else { return };
        let stop = Stop::new();
        let recorder = Rc::new(RefCell::new(Recorder::new(self.thread)));
        tokio::task::spawn_local(Rc::clone(&stop).follow(self.orders.clone()));
        let console: Rc<dyn Console> =
            Rc::new(Lines { events: self.events.clone(), counters: Arc::clone(&self.counters) });
        let share = Share { index: self.thread as u64, of: self.threads as u64 };
        let transport = self.transport.on_thread(share);
        let mut next_vu = 1;
        let starts = Rc::<Starts>::default();
        let lanes: Vec<_> = (0..self.graph.scenarios.len())
            .filter_map(|scenario| {
                let executor = &self.graph.scenarios[scenario].executor;
                let first_vu = next_vu;
                next_vu += executor.vu_numbers();
                let lane = Rc::new(Lane {
                    graph: Arc::clone(&self.graph),
                    scenario,
                    first_vu,
                    start: start + self.graph.scenarios[scenario].start_time,
                    share: executor.share(share.index, share.of)?,
                    transport: transport.clone(),
                    recorder: Rc::clone(&recorder),
                    console: Rc::clone(&console),
                    counters: Arc::clone(&self.counters),
                    stop: Rc::clone(&stop),
                    events: self.events.clone(),
                    active: Default::default(),
                    starts: Rc::clone(&starts),
                });
                Some(tokio::task::spawn_local(lane.run()))
            })
            .collect();
        let all = async {
            for lane in lanes {
                // A lane ends by itself; a panic in it has raised its alarm.
                let _ = lane.await;
            }
        };
        tokio::pin!(all);
        let mut due = start + INTERVAL;
        let mut pulse = Pulse::start(start, starts);
        loop {
            tokio::select! {
                () = &mut all => break,
                () = sleep_until(due) => self.hand_over(&recorder, pulse.stretch()),
            }
            due += INTERVAL;
        }
        self.hand_over(&recorder, pulse.stretch());
    }

    fn hand_over(&self, recorder: &RefCell<Recorder>, stretch: Stretch) {
        let mut recorder = recorder.borrow_mut();
        if let Ok(used) = self.given_back.try_recv() {
            recorder.give_back(used);
        }
        let interval = recorder.take();
        let measured = Measured { thread: self.thread, interval, stretch };
        let _ = self.events.send(Event::Measured(Box::new(measured)));
    }
}

/// Between two looks at how long a task waits for its turn.
const BEAT: Duration = Duration::from_millis(100);

/// How this thread fares, read once a second.
struct Pulse {
    late: Rc<RefCell<Vec<Duration>>>,
    starts: Rc<Starts>,
    since: Instant,
    cpu: Option<Cpu>,
}

impl Pulse {
    fn start(start: Instant, starts: Rc<Starts>) -> Pulse {
        let late = Rc::new(RefCell::new(Vec::new()));
        // A task among the VUs, since it is their queue that it measures: the thread's own loop goes before them.
        tokio::task::spawn_local(beat(Rc::clone(&late), start));
        Pulse { late, starts, since: start, cpu: health::thread_cpu() }
    }

    /// Since the last call.
    fn stretch(&mut self) -> Stretch {
        let (at, cpu) = (now(), health::thread_cpu());
        let length = at.saturating_duration_since(std::mem::replace(&mut self.since, at));
        let before = std::mem::replace(&mut self.cpu, cpu);
        let cpu = cpu.zip(before).map(|(after, before)| Cpu {
            busy: after.busy.saturating_sub(before.busy),
            waited: after.waited.saturating_sub(before.waited),
        });
        let (starts, late_starts) = self.starts.take();
        Stretch { length, cpu, late: self.late.take(), starts, late_starts }
    }
}

/// Ten values a second at most, and they are taken each second.
async fn beat(late: Rc<RefCell<Vec<Duration>>>, start: Instant) {
    let mut due = start + BEAT;
    loop {
        sleep_until(due).await;
        let at = now();
        late.borrow_mut().push(at - due);
        due = at + BEAT;
    }
}

/// `log` steps, as messages; what finds the channel full is counted, since load must not wait for a terminal.
struct Lines {
    events: SyncSender<Event>,
    counters: Arc<Counters>,
}

impl Console for Lines {
    fn log(&self, level: LogLevel, message: &str) {
        if !self.counters.may_log() {
            self.counters.lose_log();
        } else if self.events.try_send(Event::Log { level, message: message.to_owned() }).is_err() {
            self.counters.log_has_come();
            self.counters.lose_log();
        }
    }
}
