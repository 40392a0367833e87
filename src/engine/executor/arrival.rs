//! `constant-arrival-rate` and `ramping-arrival-rate`: iterations start when they are due, each on a VU that is free.
//!
//! One task keeps the time and hands out starts; every VU that was hired is a task that waits for one. A start for which there is
//! no VU is dropped, at once and for good, as in k6: it would only be a late one of a target that is too slow already.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use tokio::task::JoinSet;

use super::{Alarm, Lane, Shift, Turn};
use crate::clock::{Duration, Instant, Pacer, now, sleep_until};
use crate::load::{Arrivals, Open};
use crate::metrics::Metric;
use crate::transport::Transport;

/// A start that comes later than this after it was due, although a VU was free, is the generator's fault.
const LATE: Duration = Duration::from_millis(10);

/// After so many starts at once the VUs get their turn, however many more are due.
const STARTS_IN_A_ROW: u32 = 1000;

/// What the arrivals of one thread came to since the last look.
#[derive(Default)]
pub(in crate::engine) struct Starts {
    all: Cell<u64>,
    late: Cell<u64>,
}

impl Starts {
    pub(in crate::engine) fn count(&self, late: Duration) {
        self.all.set(self.all.get() + 1);
        self.late.set(self.late.get() + u64::from(late > LATE));
    }

    /// All, and the late ones among them.
    pub(in crate::engine) fn take(&self) -> (u64, u64) {
        (self.all.take(), self.late.take())
    }
}

/// Starts the share's iterations until the scenario's end, and waits until its VUs have left.
pub(super) async fn run<T: Transport + Clone + 'static>(lane: &Rc<Lane<T>>, arrivals: &Arrivals, open: &Open) {
    let vus = lane.share.vus(lane.scenario().executor.peak_vus());
    let mut crew = Crew { lane: Rc::clone(lane), bench: Rc::default(), unhired: vus, hired: JoinSet::new() };
    let mut pacer = Pacer::new();
    if lane.reach(&mut pacer, lane.start).await {
        for _ in lane.share.vus(open.pre_allocated_vus) {
            crew.hire(None);
        }
        dispatch(&mut crew, &mut pacer, arrivals.of_share(open.spacing, lane.seed(), lane.share)).await;
    }
    crew.dismiss().await;
}

async fn dispatch<T: Transport + Clone + 'static, V: Iterator<Item = u64>>(
    crew: &mut Crew<T, V>,
    pacer: &mut Pacer,
    arrivals: impl Iterator<Item = Duration>,
) {
    let lane = Rc::clone(&crew.lane);
    let (mut reached, mut in_a_row) = (now(), 0);
    for due in arrivals.map(|due| lane.start + due) {
        // All that is due by the time of a wake-up starts without another look at the clock.
        if due > reached || in_a_row >= STARTS_IN_A_ROW {
            if !lane.reach(pacer, due).await {
                return;
            }
            (reached, in_a_row) = (now(), 0);
        }
        in_a_row += 1;
        // What falls into a pause is left out: neither started nor dropped, now or later.
        if !lane.stop.is_paused() {
            crew.start(due, reached);
        }
    }
    lane.reach(pacer, lane.end().0).await;
}

impl<T: Transport + Clone + 'static> Lane<T> {
    /// Gives other tasks their turn and waits. `false`: the run ends before that.
    async fn reach(&self, pacer: &mut Pacer, at: Instant) -> bool {
        tokio::select! {
            biased;
            () = self.stop.ending() => false,
            () = pacer.sleep_until(at) => true,
        }
    }

    /// Until no pause is on, or nothing starts any more.
    async fn unpaused(&self) {
        tokio::select! {
            biased;
            () = self.stop.resumed() => {}
            () = self.stop.ending() => {}
            () = sleep_until(self.end().0) => {}
        }
    }

    fn drop_arrival(&self, due: Instant) {
        let (site, stage) = (self.scenario().site, self.scenario().stage_at(due.saturating_duration_since(self.start)));
        self.recorder.borrow_mut().rate(Metric::DroppedIterations, site, stage, true);
    }

    /// The same for all shares, another one for each schedule: scenarios that have one together must agree on it.
    fn seed(&self) -> u64 {
        let has_own = self.scenario().executor.open().is_some_and(|open| open.rota.is_none());
        let schedule = if has_own { self.scenario as u64 + 1 } else { 0 };
        self.graph.seed ^ schedule.wrapping_mul(0xD1B5_4A32_D192_ED03)
    }
}

/// The VUs of one share.
struct Crew<T, V> {
    lane: Rc<Lane<T>>,
    bench: Rc<Bench>,
    /// Numbers of VUs that may still be hired.
    unhired: V,
    hired: JoinSet<()>,
}

/// Where VUs without an order wait.
#[derive(Default)]
struct Bench {
    /// The last one that came is the next to go: its connection and its memory are warm.
    free: RefCell<Vec<Rc<Seat>>>,
    closed: Cell<bool>,
}

/// One VU's place to wait at.
#[derive(Default)]
struct Seat {
    order: Cell<Option<Order>>,
    waker: Cell<Option<Waker>>,
}

enum Order {
    /// An iteration that is due at this time.
    Start(Instant),
    Leave,
}

impl<T: Transport + Clone + 'static, V: Iterator<Item = u64>> Crew<T, V> {
    fn start(&mut self, due: Instant, reached: Instant) {
        let free = self.bench.free.borrow_mut().pop();
        if let Some(seat) = free {
            seat.give(Order::Start(due));
        } else if !self.hire(Some(due)) {
            let late = reached - due;
            if late > LATE {
                // There may have been a VU when it was due.
                self.lane.starts.count(late);
            }
            self.lane.drop_arrival(due);
        }
    }

    /// `due` is of the first iteration; without one the VU waits for it. `false`: there are no more.
    fn hire(&mut self, due: Option<Instant>) -> bool {
        let Some(index) = self.unhired.next() else { return false };
        let seat = Rc::<Seat>::default();
        match due {
            Some(due) => seat.give(Order::Start(due)),
            None => self.bench.free.borrow_mut().push(Rc::clone(&seat)),
        }
        self.hired.spawn_local(serve(Rc::clone(&self.lane), Rc::clone(&self.bench), seat, index));
        true
    }

    async fn dismiss(mut self) {
        self.bench.closed.set(true);
        self.bench.free.take().iter().for_each(|seat| seat.give(Order::Leave));
        while self.hired.join_next().await.is_some() {}
    }
}

/// A VU's life: `on_start`, iterations as they are ordered, `on_stop`.
async fn serve<T: Transport + Clone + 'static>(lane: Rc<Lane<T>>, bench: Rc<Bench>, seat: Rc<Seat>, index: u64) {
    let _alarm = Alarm(lane.events.clone());
    let (_, cut) = lane.end();
    let mut shift = Shift::begin(&lane, index);
    let mut turn = Turn::GoOn;
    if !shift.started {
        lane.unpaused().await;
        if !lane.stop.is_paused() {
            turn = lane.active(shift.prepare(cut)).await;
        }
    }
    // What it had to do before its first iteration is the plan's, not the generator's.
    let mut was_ready = lane.scenario().on_start.is_empty();
    while turn == Turn::GoOn
        && let Order::Start(due) = seat.order().await
    {
        if was_ready {
            lane.starts.count(now() - due);
        }
        was_ready = true;
        let begun = Cell::new(false);
        let number = || {
            begun.set(true);
            lane.counters.next_iteration(lane.scenario)
        };
        turn = lane.active(shift.iterate(cut, Some(due), number)).await;
        if !begun.get() {
            lane.drop_arrival(due);
        }
        if bench.closed.get() {
            break;
        }
        if turn == Turn::GoOn {
            bench.free.borrow_mut().push(Rc::clone(&seat));
        }
    }
    bench.leave(&seat, &lane);
    shift.finish(cut).await;
}

impl Bench {
    /// A VU that ended before the scenario did takes no more orders; one that it had not begun is dropped.
    fn leave<T: Transport + Clone + 'static>(&self, seat: &Rc<Seat>, lane: &Lane<T>) {
        self.free.borrow_mut().retain(|other| !Rc::ptr_eq(other, seat));
        if let Some(Order::Start(due)) = seat.order.take() {
            lane.drop_arrival(due);
        }
    }
}

impl Seat {
    fn give(&self, order: Order) {
        self.order.set(Some(order));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    async fn order(&self) -> Order {
        poll_fn(|context| match self.order.take() {
            Some(order) => Poll::Ready(order),
            None => {
                self.waker.set(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}
