//! Where every name of the plan leads: a constant, a slot, the response, a fact of the run.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::data::DataSet;
use crate::expr::{Binding, CellId, Names, ResponseField, SetId, SlotId, Value};
use crate::plan::{StepKind, Target, VariableScope};
use crate::validate::place::{self, variable};
use crate::validate::{Constants, ValidPlan, vocabulary};

use super::super::{LaterReads, Slot};

/// The names of one scenario.
pub(super) struct Bindings<'a> {
    pub constants: &'a Constants,
    pub slots: &'a HashMap<String, SlotId>,
    pub data: &'a [Arc<DataSet>],
    pub scenario: &'a str,
    /// What was bound so far outside of a request's own checks and extractions.
    pub later: Cell<LaterReads>,
    /// Data sets of which something was bound so far.
    pub rows: RefCell<BTreeSet<SetId>>,
}

impl Bindings<'_> {
    /// What this compiles reads the response while it is there anyway.
    pub(super) fn at_once<T>(&self, compile: impl FnOnce() -> T) -> T {
        let later = self.later.get();
        let compiled = compile();
        self.later.set(later);
        compiled
    }

    fn response(&self, root: &str) -> Option<Binding> {
        let field = vocabulary::response_field(root)?;
        let later = self.later.get();
        self.later.set(match field {
            ResponseField::Body | ResponseField::Json => LaterReads { body: true, ..later },
            ResponseField::Headers | ResponseField::Cookies => LaterReads { headers: true, ..later },
            _ => later,
        });
        Some(Binding::Response(field))
    }

    /// The row of a data set, or the field of it where that is one of the set's columns.
    fn row(&self, root: &str, field: Option<&str>) -> Option<Binding> {
        let index = self.data.iter().position(|set| set.name == root)?;
        let set = SetId(index as u32);
        self.rows.borrow_mut().insert(set);
        let column = field.and_then(|field| self.data.get(index)?.table.column(field));
        Some(column.map_or(Binding::Row(set), |column| Binding::Cell(CellId { set, column })))
    }

    pub(super) fn slot(&self, target: &Target) -> SlotId {
        self.known_slot(&variable(target))
    }

    pub(super) fn iteration_slot(&self, name: &str) -> SlotId {
        self.known_slot(name)
    }

    /// Every name that a step sets has a slot: [`slots`] has walked the same steps.
    fn known_slot(&self, name: &str) -> SlotId {
        self.find(name).unwrap_or(SlotId(0))
    }

    fn find(&self, name: &str) -> Option<SlotId> {
        self.slots.get(name).copied()
    }
}

impl Names for Bindings<'_> {
    fn bind(&self, root: &str, field: Option<&str>) -> Option<Binding> {
        let Some(field) = field else {
            return self
                .response(root)
                .or_else(|| self.constants.bind(root, None))
                .or_else(|| self.find(root).map(Binding::Slot))
                .or_else(|| self.row(root, None));
        };
        match (root, field) {
            ("scenario", "name") => Some(Binding::Constant(Value::from(self.scenario))),
            ("vu" | "scenario", _) => vocabulary::fact(root, field)
                .map(Binding::Fact)
                .or_else(|| self.find(&format!("{root}.{field}")).map(Binding::Slot)),
            ("env", _) => self.constants.bind(root, Some(field)),
            _ => self.row(root, Some(field)).or_else(|| self.bind(root, None)),
        }
    }
}

pub(super) fn ids(slots: &[Slot]) -> HashMap<String, SlotId> {
    slots.iter().enumerate().map(|(index, slot)| (slot.name.clone(), SlotId(index as u32))).collect()
}

/// Every variable of the plan: those of the iteration first, then those of the VU.
pub(super) fn slots(valid: &ValidPlan) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    let mut known = HashSet::new();
    let mut add = |name: String, per_vu: bool| {
        if known.insert(name.clone()) {
            slots.push(Slot { name, per_vu });
        }
    };
    let mut add_target = |target: &Target| add(variable(target), target.scope == VariableScope::Vu);
    for scenario in &valid.scenarios {
        place::visit(scenario, &mut |_, step| match &step.kind {
            StepKind::Set(assignments) | StepKind::Append(assignments) => {
                assignments.iter().for_each(|assignment| add_target(&assignment.target));
            }
            StepKind::Request(request) => request.extract.iter().for_each(|extract| add_target(&extract.target)),
            StepKind::ForEach { bind, .. } => {
                add_target(&Target { scope: VariableScope::Iteration, name: bind.clone() });
            }
            _ => {}
        });
    }
    slots.sort_by_key(|slot| slot.per_vu);
    slots
}
