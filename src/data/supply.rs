//! Which row a VU gets: arithmetic, and for `unique` one counter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::DataSet;
use crate::plan::{OnExhausted, RowPer, RowPick};

/// What one run has handed out of each data set.
#[derive(Debug)]
pub struct Supply {
    stocks: Vec<Stock>,
    seed: u64,
}

#[derive(Debug)]
struct Stock {
    set: Arc<DataSet>,
    /// Rows in the order of `shuffle`; empty for all others.
    order: Box<[u32]>,
    /// The next row of `unique` per iteration. One counter for all threads: adding to it takes some twenty nanoseconds, beside an
    /// iteration of many microseconds, and leaves no row unused at the end, as blocks for each thread would.
    next: AtomicU64,
    /// How often a row was wanted after the last one.
    beyond: AtomicU64,
}

/// Who wants a row, and when.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Which of the VUs that take rows of the set it is, from 0.
    pub vu: u64,
    /// How many iterations it has begun before.
    pub vu_iteration: u64,
    /// How many iterations its scenario has begun before.
    pub scenario_iteration: u64,
}

/// A set of which more rows were wanted than there are.
#[derive(Clone, Debug, PartialEq)]
pub struct Shortage {
    pub set: String,
    pub rows: usize,
    /// How often a row was wanted after the last one.
    pub beyond: u64,
    pub on_exhausted: OnExhausted,
}

impl Supply {
    pub fn new(sets: &[Arc<DataSet>], seed: u64) -> Supply {
        let stock = |(index, set): (usize, &Arc<DataSet>)| {
            let order = match set.pick {
                RowPick::Shuffle => shuffled(set.table.len(), mixed(seed, index as u64)),
                _ => Box::default(),
            };
            Stock { set: Arc::clone(set), order, next: AtomicU64::new(0), beyond: AtomicU64::new(0) }
        };
        Supply { stocks: sets.iter().enumerate().map(stock).collect(), seed }
    }

    /// The number of the row in the set with this index; `None` where all are used up.
    pub fn take(&self, set: usize, turn: &Turn) -> Option<usize> {
        let stock = self.stocks.get(set)?;
        let rows = stock.set.table.len() as u64;
        // Which one it would be of rows without end.
        let number = match (stock.set.per, stock.set.pick) {
            (RowPer::Vu, _) | (_, RowPick::PerVu) => turn.vu,
            (RowPer::Iteration, RowPick::Unique) => stock.next.fetch_add(1, Ordering::Relaxed),
            (RowPer::Iteration, _) => turn.scenario_iteration,
        };
        let row = match stock.set.pick {
            RowPick::Sequential | RowPick::PerVu => number.checked_rem(rows)?,
            RowPick::Shuffle => u64::from(*stock.order.get(number.checked_rem(rows)? as usize)?),
            RowPick::Random => {
                let iteration = if stock.set.per == RowPer::Vu { 0 } else { turn.vu_iteration };
                let chance = mixed(mixed(mixed(self.seed, set as u64), turn.vu), iteration);
                below(rows, chance)
            }
            RowPick::Unique if number < rows => number,
            RowPick::Unique => {
                stock.beyond.fetch_add(1, Ordering::Relaxed);
                match stock.set.on_exhausted {
                    OnExhausted::Recycle => number.checked_rem(rows)?,
                    OnExhausted::StopVu | OnExhausted::Fail => return None,
                }
            }
        };
        Some(row as usize)
    }

    /// The sets that ran out of rows.
    pub fn shortages(&self) -> Vec<Shortage> {
        let shortage = |stock: &Stock| Shortage {
            set: stock.set.name.clone(),
            rows: stock.set.table.len(),
            beyond: stock.beyond.load(Ordering::Relaxed),
            on_exhausted: stock.set.on_exhausted,
        };
        self.stocks.iter().map(shortage).filter(|shortage| shortage.beyond > 0).collect()
    }
}

/// Every number below `rows` once, in an order that only the seed decides (Fisher and Yates).
fn shuffled(rows: usize, seed: u64) -> Box<[u32]> {
    let mut order: Box<[u32]> = (0..rows as u32).collect();
    for last in (1..rows).rev() {
        order.swap(last, below(last as u64 + 1, mixed(seed, last as u64)) as usize);
    }
    order
}

/// A number below `bound`, each as likely as any other but for one part in 2^64 / `bound`.
fn below(bound: u64, chance: u64) -> u64 {
    ((u128::from(chance) * u128::from(bound)) >> 64) as u64
}

/// Steele, Lea and Flood's SplitMix64: numbers that are near each other give results that are not.
fn mixed(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
