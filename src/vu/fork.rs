//! A VU at the same time as itself: for branches that run side by side, as the connections of one browser do.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::slots::Slots;
use super::{Vu, seed_of};
use crate::transport::Session;

impl<S: Session> Vu<S> {
    /// The same user once more, over the variables `base` that this one had. Its random numbers follow from `seed` and `number`,
    /// so that they don't depend on which branch is faster.
    pub(super) fn fork(&mut self, base: &Rc<Slots>, seed: u64, number: usize) -> Vu<S> {
        Vu {
            graph: Arc::clone(&self.graph),
            identity: self.identity,
            session: self.session.fork(),
            recorder: Rc::clone(&self.recorder),
            console: Rc::clone(&self.console),
            random: RefCell::new(SmallRng::seed_from_u64(seed_of(seed, number as u64 + 1))),
            jar: self.jar.clone(),
            digests: self.digests.clone(),
            secrets: self.secrets.fork(),
            slots: Slots::over(base),
            supply: Arc::clone(&self.supply),
            rows: self.rows.clone(),
            answer: self.answer.clone(),
            outcome: None,
            iteration: self.iteration,
            scenario_iteration: self.scenario_iteration,
            begun_in: self.begun_in,
            asked_in: self.asked_in,
            under_way: None,
            steps_in_a_row: self.steps_in_a_row,
            waited: false,
            due: self.due,
        }
    }
}
