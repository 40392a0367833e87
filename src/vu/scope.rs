//! What expressions see of a VU.

use std::cell::RefCell;

use rand::rngs::SmallRng;

use super::Vu;
use crate::clock;
use crate::expr::{CellId, Fact, Response, Scope, SetId, SlotId, Val, Value};

impl<S> Scope for Vu<S> {
    fn slot(&self, slot: SlotId) -> Option<&Value> {
        self.slots.get(slot)
    }

    fn slot_name(&self, slot: SlotId) -> &str {
        &self.graph.slots[slot.0 as usize].name
    }

    fn fact(&self, fact: Fact) -> i64 {
        let number = match fact {
            Fact::VuId => self.identity.id,
            Fact::VuIteration => self.iteration,
            Fact::ScenarioIteration => self.scenario_iteration,
        };
        number as i64
    }

    fn cell(&self, cell: CellId) -> Option<Val<'_>> {
        self.cell_of(cell)
    }

    fn row(&self, set: SetId) -> Option<Val<'_>> {
        self.row_of(set)
    }

    fn response(&self) -> Option<&dyn Response> {
        self.answer.as_deref().map(|answer| answer as &dyn Response)
    }

    fn random(&self) -> &RefCell<SmallRng> {
        &self.random
    }

    fn wall(&self) -> jiff::Timestamp {
        clock::wall()
    }
}
