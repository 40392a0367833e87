//! A VU's rows of data sets: taken before the first step, so that rows and iterations are one to one.

use super::{Finished, Vu};
use crate::data::{Cell, DataSet, Turn};
use crate::expr::{CellId, SetId, Val};
use crate::graph::Graph;
use crate::plan::{OnExhausted, RowPer};

/// The row that a VU has of each data set.
#[derive(Clone, Default)]
pub(super) struct Rows {
    current: Box<[Option<u32>]>,
    /// Those that it keeps for its life have been taken.
    settled: bool,
    /// There was none left of them.
    pub without: bool,
}

impl Rows {
    pub fn new(graph: &Graph) -> Rows {
        Rows { current: vec![None; graph.data.len()].into(), settled: false, without: false }
    }
}

impl<S> Vu<S> {
    /// Takes the rows that are kept for so long, of every data set that the scenario's steps mention. `Some`: a set has none left,
    /// and this is how the VU ends.
    pub(super) fn take_rows(&mut self, graph: &Graph, per: RowPer) -> Option<Finished> {
        if per == RowPer::Vu && self.rows.settled {
            return None;
        }
        for rows in &graph.scenarios[self.identity.scenario].rows {
            let index = rows.set.0 as usize;
            let set = &graph.data[index];
            if set.per != per {
                continue;
            }
            let turn = Turn {
                vu: (self.identity.id - 1).saturating_sub(rows.skipped),
                vu_iteration: self.iteration,
                scenario_iteration: self.scenario_iteration,
            };
            match self.supply.take(index, &turn) {
                Some(row) => self.rows.current[index] = Some(row as u32),
                None => {
                    self.rows.without |= per == RowPer::Vu;
                    return Some(exhausted(set));
                }
            }
        }
        self.rows.settled |= per == RowPer::Vu;
        None
    }

    pub(super) fn cell_of(&self, cell: CellId) -> Option<Val<'_>> {
        let index = cell.set.0 as usize;
        let row = (*self.rows.current.get(index)?)?;
        Some(val(self.graph.data.get(index)?.table.cell(row as usize, cell.column)?))
    }

    /// The fields that it has, by their columns' names.
    pub(super) fn row_of(&self, set: SetId) -> Option<Val<'_>> {
        let index = set.0 as usize;
        let row = (*self.rows.current.get(index)?)? as usize;
        let table = &self.graph.data.get(index)?.table;
        let fields = table.columns().iter().enumerate();
        let fields = fields.filter_map(|(at, column)| Some((column.name.clone(), val(table.cell(row, at as u16)?))));
        Some(Val::Map(std::rc::Rc::new(fields.collect())))
    }
}

fn exhausted(set: &DataSet) -> Finished {
    match set.on_exhausted {
        OnExhausted::Fail => {
            let rows = set.table.len();
            Finished::TestStops(format!("the data set `{}` has no row left: all {rows} were used", set.name))
        }
        OnExhausted::StopVu | OnExhausted::Recycle => Finished::VuStops,
    }
}

fn val(cell: Cell<'_>) -> Val<'_> {
    match cell {
        Cell::Text(text) => Val::Str(text.into()),
        Cell::Int(int) => Val::Int(int),
        Cell::Float(float) => Val::Float(float),
        Cell::Bool(value) => Val::Bool(value),
        Cell::Null => Val::Null,
        Cell::Json(value) => Val::from_json(value),
    }
}
