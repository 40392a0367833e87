//! Stage 3b: data sets: readers, picking, exhaustion.
//!
//! Owns: rows in memory, shared by all VUs; which of them a VU gets, and what happens when none is left.
//! Must never know: expressions, VUs at work, metrics.
//!
//! A file is read once, before the run, into a [`Table`]. A run has a [`Supply`] that hands the rows out: by arithmetic on the seed
//! and the numbers of VUs and iterations, so that the same plan makes the same choices whatever the number of threads; only
//! `unique` counts.

mod csv;
mod json;
mod mistake;
mod supply;
mod table;

#[cfg(test)]
mod tests;

pub use csv::{Csv, Wanted};
pub use json::{array, lines};
pub use mistake::Mistake;
pub use supply::{Shortage, Supply, Turn};
pub use table::{Cell, Column, JsonRows, Table};

use crate::plan::{OnExhausted, RowPer, RowPick};

/// Bytes of a file at most: places in it are kept as 32-bit numbers.
pub const LARGEST: u64 = 2 * 1024 * 1024 * 1024;

/// Rows with a name, and how they are handed out. A set that is made during a run is one of [`Table::of_rows`].
#[derive(Debug)]
pub struct DataSet {
    pub name: String,
    /// Where the rows are from, for people: `users.csv`.
    pub origin: String,
    pub table: Table,
    pub pick: RowPick,
    pub per: RowPer,
    pub on_exhausted: OnExhausted,
}
