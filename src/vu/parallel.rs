//! Branches that run at the same time: `parallel`, and `for_each` with `concurrency`.
//!
//! They are parts of the iteration's one future and no tasks, so that dropping it ends them all at once. Each runs on a fork of the VU.
//! Whether a branch ends or is dropped, its fork comes back here, and with it the request that it had under way.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::slice;

use futures_util::stream::{FuturesUnordered, StreamExt};
use rand::RngExt;

use super::flow::{Ending, Flow};
use super::merge::Merged;
use super::slots::{Refused, Slots};
use super::{END_OF_RUN, Vu};
use crate::expr::{Program, SlotId, Value};
use crate::graph::{Block, Graph, Step, StepId};
use crate::transport::Session;

/// Why a request was cut off amid a run.
const BY_ANOTHER: &str = "cut off by a `stop` in another branch";

/// One branch: its steps, and the item that they are for.
type Branch<'a> = (&'a [StepId], Option<(SlotId, Value)>);

impl<S: Session> Vu<S> {
    pub(super) async fn parallel(&mut self, graph: &Graph, step: &Step, branches: &Block, max: usize) -> Flow {
        let branches = branches.iter().map(|id| (slice::from_ref(id), None));
        self.at_once(graph, step, branches, max).await
    }

    pub(super) async fn each_at_once(
        &mut self,
        graph: &Graph,
        step: &Step,
        items: &Program,
        (bind, body): (SlotId, &Block),
        concurrency: usize,
    ) -> Flow {
        let Some(items) = self.items(items, step) else { return Flow::FAILED };
        let branches = items.into_iter().map(|item| (&body[..], Some((bind, item))));
        self.at_once(graph, step, branches, concurrency).await
    }

    async fn at_once<'g>(
        &mut self,
        graph: &'g Graph,
        step: &Step,
        branches: impl Iterator<Item = Branch<'g>>,
        width: usize,
    ) -> Flow {
        let (flow, refused) = Branches::new(self, graph).run(branches, width).await;
        match (refused, &flow) {
            (None, _) => flow,
            (Some((slot, why)), Flow::End(ending)) if ending.rank() > Ending::Named(None).rank() => {
                self.refused(step, slot, why);
                flow
            }
            (Some((slot, why)), _) => self.refused(step, slot, why),
        }
    }
}

/// The branches of one step. Dropped half way, it leaves the VU as if the branches had been cut off one after the other.
struct Branches<'a, S: Session> {
    vu: &'a mut Vu<S>,
    graph: &'a Graph,
    /// The VU's variables while forks lie over them; `None` when it has them back.
    base: Option<Rc<Slots>>,
    seed: u64,
    begun: usize,
    running: FuturesUnordered<Pin<Box<dyn Future<Output = ()> + 'a>>>,
    ended: Rc<RefCell<Vec<Ended<S>>>>,
    merged: Merged,
}

/// A fork that is not at work any more.
struct Ended<S> {
    number: usize,
    fork: Vu<S>,
    /// `None`: cut off.
    flow: Option<Flow>,
    steps_before: u32,
}

impl<'a, S: Session> Branches<'a, S> {
    fn new(vu: &'a mut Vu<S>, graph: &'a Graph) -> Branches<'a, S> {
        let seed = vu.random.get_mut().random();
        let base = Some(vu.slots.lend());
        let (running, ended) = (FuturesUnordered::new(), Rc::default());
        Branches { vu, graph, base, seed, begun: 0, running, ended, merged: Merged::default() }
    }

    /// Every branch runs to its own end, unless one of them ends the VU or the test.
    async fn run<'g: 'a>(
        mut self,
        mut branches: impl Iterator<Item = Branch<'g>>,
        width: usize,
    ) -> (Flow, Option<(SlotId, Refused)>) {
        while !self.merged.is_final() {
            self.vu.take_turns().await;
            while self.running.len() < width
                && let Some(branch) = branches.next()
            {
                self.begin(branch);
            }
            if self.running.next().await.is_none() {
                break;
            }
            self.take_back(BY_ANOTHER);
        }
        self.close(BY_ANOTHER)
    }

    fn begin(&mut self, (block, item): Branch<'a>) {
        let Some(base) = &self.base else { return };
        let mut fork = self.vu.fork(base, self.seed, self.begun);
        if let Some((slot, item)) = item {
            fork.slots.set(slot, item);
        }
        let steps_before = fork.steps_in_a_row;
        let ended = Ended { number: self.begun, fork, flow: None, steps_before };
        let mut seat = Seat { ended: Some(ended), to: Rc::clone(&self.ended) };
        let graph = self.graph;
        self.begun += 1;
        self.running.push(Box::pin(async move {
            if let Some(ended) = &mut seat.ended {
                ended.flow = Some(ended.fork.run_block(graph, block).await);
            }
        }));
    }

    /// Takes what has ended since the last time; `why` is told of requests that were under way.
    fn take_back(&mut self, why: &str) {
        for Ended { number, mut fork, flow, steps_before } in self.ended.take() {
            fork.cut_off_by(why);
            self.vu.waited |= fork.waited;
            // A request of a later branch has waited for the plan's own steps, and not for its turn.
            self.vu.due = self.vu.due.zip(fork.due).map(|(due, left)| due.max(left));
            self.vu.steps_in_a_row += fork.steps_in_a_row.saturating_sub(steps_before);
            let session = self.merged.take(number, fork, self.vu, flow);
            self.vu.session.join(session);
        }
    }

    /// Cuts off what still runs, and gives the VU back what is its own, with all that the branches have done.
    fn close(&mut self, why: &str) -> (Flow, Option<(SlotId, Refused)>) {
        self.running.clear();
        self.take_back(why);
        if let Some(base) = self.base.take() {
            self.vu.slots = Rc::unwrap_or_clone(base);
        }
        std::mem::take(&mut self.merged).put_into(self.vu)
    }
}

impl<S: Session> Drop for Branches<'_, S> {
    fn drop(&mut self) {
        if self.base.is_some() {
            self.close(END_OF_RUN);
        }
    }
}

/// Where a fork sits while it runs: it comes back however the branch ends.
struct Seat<S> {
    ended: Option<Ended<S>>,
    to: Rc<RefCell<Vec<Ended<S>>>>,
}

impl<S> Drop for Seat<S> {
    fn drop(&mut self) {
        self.to.borrow_mut().extend(self.ended.take());
    }
}
