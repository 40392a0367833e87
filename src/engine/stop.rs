//! How VUs are told to end, and to wait.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::{Notify, watch};

use crate::clock::{Instant, sleep_until};

/// From the coordinator to all threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Orders {
    pub command: Command,
    /// No new iterations until it is over; running ones go on.
    pub paused: bool,
}

/// Whether the run goes on; only ever rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    Run,
    /// No new iterations; running ones may end within their scenario's `graceful_stop`.
    Drain,
    /// Running iterations are cut off.
    Abort,
}

/// One thread's copy of the orders, cheap to look at before every iteration.
pub(super) struct Stop {
    command: Cell<Command>,
    drained_at: Cell<Option<Instant>>,
    paused: Cell<bool>,
    changed: Notify,
}

impl Stop {
    pub(super) fn new() -> Rc<Stop> {
        Rc::new(Stop {
            command: Cell::new(Command::Run),
            drained_at: Cell::new(None),
            paused: Cell::new(false),
            changed: Notify::new(),
        })
    }

    /// Follows the coordinator's orders until it is gone.
    pub(super) async fn follow(self: Rc<Stop>, mut orders: watch::Receiver<Orders>) {
        loop {
            let Orders { command, paused } = *orders.borrow_and_update();
            self.pause(paused);
            self.raise(command);
            if orders.changed().await.is_err() {
                return;
            }
        }
    }

    pub(super) fn raise(&self, command: Command) {
        if command <= self.command.get() {
            return;
        }
        if self.drained_at.get().is_none() {
            self.drained_at.set(Some(crate::clock::now()));
        }
        self.command.set(command);
        self.changed.notify_waiters();
    }

    pub(super) fn pause(&self, paused: bool) {
        if self.paused.replace(paused) != paused {
            self.changed.notify_waiters();
        }
    }

    /// Whether new iterations have to wait.
    pub(super) fn is_paused(&self) -> bool {
        self.paused.get()
    }

    /// Until no pause is on.
    pub(super) async fn resumed(&self) {
        self.until(|| !self.paused.get()).await;
    }

    pub(super) fn is_ending(&self) -> bool {
        self.command.get() > Command::Run
    }

    /// Until no new iteration may start.
    pub(super) async fn ending(&self) {
        self.reaches(Command::Drain).await;
    }

    /// Until running iterations are cut off: at the deadline, on abort, or when a drain has lasted for `grace`.
    pub(super) async fn cut(&self, deadline: Instant, grace: std::time::Duration) {
        tokio::select! {
            biased;
            () = sleep_until(deadline) => {}
            () = self.reaches(Command::Abort) => {}
            () = self.drained_for(grace) => {}
        }
    }

    async fn drained_for(&self, grace: std::time::Duration) {
        self.ending().await;
        if let Some(at) = self.drained_at.get() {
            sleep_until(at + grace).await;
        }
    }

    async fn reaches(&self, command: Command) {
        self.until(|| self.command.get() >= command).await;
    }

    async fn until(&self, holds: impl Fn() -> bool) {
        loop {
            // Listening before looking, so that no change falls between the two.
            let changed = self.changed.notified();
            if holds() {
                return;
            }
            changed.await;
        }
    }
}
