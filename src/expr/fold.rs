//! Programs that never vary, evaluated when they are compiled.
//!
//! Owns: what counts as constant. Must never know: a run.

use std::cell::RefCell;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::evaluate::Run;
use super::program::Op;
use super::{Fact, Response, Scope, SlotId, Value};

/// A constant that costs more is not kept in the program.
const FOLD_BUDGET: usize = 100_000;

/// The value of a program that never varies. One that fails, or is large, is left to the run.
pub(super) fn fold(op: &Op) -> Option<Value> {
    if matches!(op, Op::Constant(_)) || !op.is_constant() {
        return None;
    }
    let nothing = BeforeRun { random: RefCell::new(SmallRng::seed_from_u64(0)), wall: jiff::Timestamp::UNIX_EPOCH };
    let mut run = Run::bounded(&nothing, FOLD_BUDGET);
    op.evaluate(&mut run).ok()?.to_value().ok()
}

/// The moment before the run, in which constants are evaluated: nothing has happened yet.
pub struct BeforeRun {
    pub random: RefCell<SmallRng>,
    pub wall: jiff::Timestamp,
}

impl Scope for BeforeRun {
    fn slot(&self, _: SlotId) -> Option<&Value> {
        None
    }
    fn slot_name(&self, _: SlotId) -> &str {
        ""
    }
    fn fact(&self, _: Fact) -> i64 {
        0
    }
    fn response(&self) -> Option<&dyn Response> {
        None
    }
    fn random(&self) -> &RefCell<SmallRng> {
        &self.random
    }
    fn wall(&self) -> jiff::Timestamp {
        self.wall
    }
}

impl Op {
    /// Whether it gives the same value at any time.
    fn is_constant(&self) -> bool {
        match self {
            Op::Constant(_) | Op::Local(_) => true,
            Op::Slot(_) | Op::Response(_) | Op::Fact(_) | Op::Row(..) | Op::Cell(..) | Op::Unknown(_) => false,
            Op::Select { operand, .. } | Op::Has { operand, .. } | Op::IsSet(operand) | Op::IfSet(operand) => {
                operand.is_constant()
            }
            Op::Not(operand) | Op::Negate(operand) | Op::Matches { text: operand, .. } => operand.is_constant(),
            Op::Index { operand, index: other, .. } | Op::Fallback { operand, fallback: other, .. } => {
                operand.is_constant() && other.is_constant()
            }
            Op::Arithmetic(_, sides) | Op::Compare(_, sides) | Op::Equal { sides, .. } | Op::In(sides) => {
                sides.iter().all(Op::is_constant)
            }
            Op::And(ops) | Op::Or(ops) => ops.iter().all(Op::is_constant),
            Op::Conditional(ops) => ops.iter().all(Op::is_constant),
            Op::Call { function, arguments } => function.pure && arguments.iter().all(Op::is_constant),
            Op::List(entries) => entries.iter().all(|(op, _)| op.is_constant()),
            Op::Map(entries) => entries.iter().all(|(key, value, _)| key.is_constant() && value.is_constant()),
            Op::Comprehension { range, filter, body, .. } => {
                range.is_constant() && body.is_constant() && filter.as_ref().is_none_or(|filter| filter.is_constant())
            }
        }
    }
}
