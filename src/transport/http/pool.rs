//! Connections that all VUs of a thread have together. Each exchange has one to itself; who comes first is served first.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Connection;
use super::dial::Target;

#[derive(Clone)]
pub struct Pool {
    /// One permit for each connection that may be in use. Its queue is fair.
    turns: Arc<Semaphore>,
    /// Not in use; never more than permits are left. The one used last comes last.
    idle: Rc<RefCell<Vec<Connection>>>,
}

/// The right to one connection, until it is dropped.
pub type Turn = OwnedSemaphorePermit;

impl Pool {
    pub fn new(size: usize) -> Pool {
        let turns = Arc::new(Semaphore::new(size.min(Semaphore::MAX_PERMITS)));
        Pool { turns, idle: Rc::default() }
    }

    /// A turn, if there is one without waiting.
    pub fn turn_at_once(&self) -> Option<Turn> {
        self.turns.clone().try_acquire_owned().ok()
    }

    pub async fn turn(&self) -> Option<Turn> {
        self.turns.clone().acquire_owned().await.ok()
    }

    /// For the holder of a turn: a connection to `target`. Where there is none, another one is closed if the new one would be
    /// one too many.
    pub fn take(&self, target: Target<'_>) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        if let Some(index) = idle.iter().rposition(|connection| connection.serves(target)) {
            return Some(idle.remove(index));
        }
        let surplus = idle.len().saturating_sub(self.turns.available_permits());
        idle.drain(..surplus);
        None
    }

    /// What a turn leaves.
    pub fn give_back(&self, connections: &mut Vec<Connection>) {
        self.idle.borrow_mut().append(connections);
    }
}
