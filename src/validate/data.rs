//! Data sets: their files are read here, so that nothing can be missing later and every column is known by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::data::{self, Csv, Mistake, Table, Wanted};
use crate::diagnostic::{Diagnostic, Diagnostics, closest};
use crate::load::Executor;
use crate::plan::{self, DataSet, EnvKind, OnExhausted, Plan, RowPer, RowPick, RowSource};
use crate::source::{Source, Spanned};

use super::{ValidScenario, files};

/// A data set of the plan, with its rows.
pub(super) struct Loaded<'p> {
    pub written: &'p DataSet,
    /// How long a row is kept, with the default filled in.
    pub per: RowPer,
    /// `None` where there is a mistake in it, which has been reported.
    pub set: Option<Arc<data::DataSet>>,
}

pub(super) fn read<'p>(plan: &'p Plan, source: &Source, found: &mut Diagnostics) -> Vec<Loaded<'p>> {
    let mut sets = Vec::new();
    for written in &plan.data {
        check_name(plan, written, found);
        let per = check_words(written, found);
        let pick = written.pick.as_ref().map_or_else(RowPick::default, |pick| pick.value);
        let set = rows(&written.from, source, found).map(|(origin, table)| {
            let on_exhausted = written.on_exhausted.as_ref().map_or_else(OnExhausted::default, |end| end.value);
            Arc::new(data::DataSet { name: written.name.value.clone(), origin, table, pick, per, on_exhausted })
        });
        sets.push(Loaded { written, per, set });
    }
    sets
}

fn check_name(plan: &Plan, written: &DataSet, found: &mut Diagnostics) {
    let name = &written.name;
    if let Some((var, _)) = plan.vars.iter().find(|(var, _)| var.value == name.value) {
        found.push(
            Diagnostic::error("name-conflict", format!("`{}` is a data set, and one of `vars` too", name.value))
                .at(name.span)
                .also(var.span, "declared here")
                .help("choose another name for one of them"),
        );
    }
}

/// Words that exclude each other; gives how long a row is kept.
fn check_words(written: &DataSet, found: &mut Diagnostics) -> RowPer {
    let pick = written.pick.as_ref().map_or_else(RowPick::default, |pick| pick.value);
    let per_vu = pick == RowPick::PerVu;
    if let Some(per) = written.per.as_ref().filter(|per| per_vu && per.value == RowPer::Iteration) {
        let message = "`pick: per_vu` gives a VU one row for its life, not one per iteration";
        found.push(Diagnostic::error("conflicting-keys", message).at(per.span).help("leave `per` out"));
    }
    if let Some(end) = written.on_exhausted.as_ref().filter(|_| pick != RowPick::Unique) {
        let message = "only `pick: unique` runs out of rows: all others begin again";
        let error = Diagnostic::error("conflicting-keys", message).at(end.span);
        found.push(error.help("write `pick: unique`, or leave `on_exhausted` out"));
    }
    match &written.per {
        Some(per) => per.value,
        None if per_vu => RowPer::Vu,
        None => RowPer::default(),
    }
}

/// The rows, and where they are from.
fn rows(from: &RowSource, source: &Source, found: &mut Diagnostics) -> Option<(String, Table)> {
    match from {
        RowSource::Csv(written) => {
            let bytes = contents(source, &written.file, found)?;
            Some((written.file.value.clone(), csv(written, bytes, found)?))
        }
        RowSource::Json(file) => json(file, contents(source, file, found)?, data::array, found),
        RowSource::JsonLines(file) => json(file, contents(source, file, found)?, data::lines, found),
        RowSource::Inline(rows) => match Table::of_rows(&[], rows.value.iter().cloned()) {
            Ok(table) => Some(("the plan".to_owned(), table)),
            Err(why) => {
                found.push(Diagnostic::error("bad-data", why).at(rows.span));
                None
            }
        },
    }
}

fn json(
    file: &Spanned<String>,
    bytes: Vec<u8>,
    read: fn(&[u8]) -> Result<Table, Mistake>,
    found: &mut Diagnostics,
) -> Option<(String, Table)> {
    let table = read(&bytes).map_err(|mistake| found.push(mistake.told(&file.value, file.span))).ok()?;
    Some((file.value.clone(), table))
}

fn contents(source: &Source, file: &Spanned<String>, found: &mut Diagnostics) -> Option<Vec<u8>> {
    let place = source.folder.join(&file.value);
    match files::bounded(&place, data::LARGEST) {
        Ok(bytes) if bytes.len() as u64 > data::LARGEST => {
            let error = Diagnostic::error("too-big", format!("`{}` is larger than 2 GiB", file.value)).at(file.span);
            found.push(error.help("all rows are held in memory: take fewer rows, or fewer columns"));
            None
        }
        Ok(bytes) => Some(bytes),
        Err(error) => {
            found.push(files::unreadable(file, &place, &error));
            None
        }
    }
}

fn csv(written: &plan::Csv, bytes: Vec<u8>, found: &mut Diagnostics) -> Option<Table> {
    let file = &written.file;
    let header = written.header.as_ref().is_none_or(|header| header.value);
    let told = |mistake: Mistake| mistake.told(&file.value, file.span);
    let csv = Csv::open(bytes, written.delimiter.unwrap_or(b','), header).map_err(|it| found.push(told(it))).ok()?;
    let wanted = columns(written, csv.header(), found)?;
    csv.read(&wanted).map_err(|all| found.found.extend(all.into_iter().map(told))).ok()
}

/// The columns to keep. Names that are not in the header are mistakes of the plan.
fn columns(written: &plan::Csv, header: Option<&[String]>, found: &mut Diagnostics) -> Option<Vec<Wanted>> {
    let before = found.found.len();
    let listed = written.columns.as_ref().map(|columns| &columns.value);
    let wanted: Vec<(usize, String)> = match (header, listed) {
        (Some(header), None) => header.iter().cloned().enumerate().collect(),
        (Some(header), Some(listed)) => {
            let place = |name: &Spanned<String>| match header.iter().position(|known| *known == name.value) {
                Some(at) => Some((at, name.value.clone())),
                None => {
                    let found_one = unknown_column(&written.file.value, name, header);
                    found.push(found_one.help(
                        "`columns` chooses among those of the header; where the file has none, write `header: false`",
                    ));
                    None
                }
            };
            listed.iter().filter_map(place).collect()
        }
        (None, Some(listed)) => listed.iter().map(|name| name.value.clone()).enumerate().collect(),
        (None, None) => {
            let message = "without a header, nothing names the columns";
            let error = Diagnostic::error("missing-key", message).at(written.file.span);
            found.push(error.help("write `columns: [first, second]`, with a name for each of them"));
            return None;
        }
    };
    let names: Vec<String> = wanted.iter().map(|(_, name)| name.clone()).collect();
    for (name, _) in written.types.iter().filter(|(name, _)| !names.contains(&name.value)) {
        let left_out = header.is_some_and(|header| header.contains(&name.value));
        found.push(match left_out {
            true => {
                let message = format!("`types` has the column `{}`, and `columns` leaves it out", name.value);
                Diagnostic::error("unknown-column", message).at(name.span).help("add it to `columns`")
            }
            false => unknown_column(&written.file.value, name, &names),
        });
    }
    let kind =
        |name: &str| written.types.iter().find(|(known, _)| known.value == name).map_or(EnvKind::Text, |it| it.1);
    let wanted = wanted.into_iter().map(|(at, name)| Wanted { at, kind: kind(&name), name });
    (found.found.len() == before).then(|| wanted.collect())
}

fn unknown_column(file: &str, name: &Spanned<String>, known: &[String]) -> Diagnostic {
    let error = Diagnostic::error("unknown-column", format!("`{file}` has no column `{}`", name.value)).at(name.span);
    error.help(column_hint(&name.value, known.iter().map(String::as_str)))
}

/// Columns that a message lists.
const SHOWN_COLUMNS: usize = 8;

/// Which column may be meant.
pub(super) fn column_hint<'c>(name: &str, known: impl Iterator<Item = &'c str> + Clone) -> String {
    if let Some(near) = closest(name, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let total = known.clone().count();
    let shown: Vec<String> = known.take(SHOWN_COLUMNS).map(|name| format!("`{name}`")).collect();
    let more = if total > SHOWN_COLUMNS { format!(" and {} more", total - SHOWN_COLUMNS) } else { String::new() };
    format!("its columns are {}{more}", shown.join(", "))
}

/// Warns of sets with too few rows, as far as that is known before the run. `reads` are the sets that each scenario reads.
pub(super) fn lint(sets: &[Loaded], scenarios: &[ValidScenario], reads: &[BTreeSet<usize>], found: &mut Diagnostics) {
    for (index, loaded) in sets.iter().enumerate() {
        let Some(set) = &loaded.set else { continue };
        let takers = scenarios.iter().zip(reads).filter(|(_, reads)| reads.contains(&index));
        let executors = || takers.clone().map(|(scenario, _)| &scenario.executor);
        let vus: u64 = executors().map(|executor| executor.meant_vus()).sum();
        let iterations: Option<u64> = executors().map(Executor::iterations_due).sum();
        let Some(problem) = shortage(set, vus, iterations) else { continue };
        let rows = set.table.len();
        let message = format!("`{}` has {rows} row{} for {problem}", set.name, if rows == 1 { "" } else { "s" });
        found.push(Diagnostic::warning("few-rows", message).at(loaded.written.name.span).help(
            if set.pick == RowPick::PerVu {
                "add rows, or lower the number of VUs"
            } else {
                "add rows, or write `on_exhausted: recycle` where they may be used again"
            },
        ));
    }
}

/// What the rows are too few for, and what comes of it.
fn shortage(set: &data::DataSet, vus: u64, iterations: Option<u64>) -> Option<String> {
    let rows = set.table.len() as u64;
    let comes = |otherwise: &'static str| match set.on_exhausted {
        OnExhausted::Fail => "the first one beyond stops the test",
        _ => otherwise,
    };
    match (set.pick, set.per) {
        (RowPick::PerVu, _) if rows < vus => Some(format!("{vus} VUs: some VUs share one")),
        (RowPick::Unique, _) if set.on_exhausted == OnExhausted::Recycle => None,
        (RowPick::Unique, RowPer::Vu) if rows < vus => {
            Some(format!("{vus} VUs: {}", comes("those beyond stop at once")))
        }
        (RowPick::Unique, RowPer::Iteration) => match iterations {
            Some(iterations) if rows < iterations => {
                Some(format!("{iterations} iterations: {}", comes("those beyond do not run")))
            }
            _ if rows < vus => Some(format!("{vus} VUs: {}", comes("those beyond have nothing to do"))),
            _ => None,
        },
        _ => None,
    }
}
