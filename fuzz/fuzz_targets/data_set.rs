//! A data file as CSV, as an array and as lines of JSON; every cell of what could be read is looked at. The first byte chooses how.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofload::data::{Csv, Mistake, Table, Wanted, array, lines};
use proofload::plan::EnvKind;
use proofload::source::Span;
use proofload_fuzz::print_all;

const KINDS: [EnvKind; 4] = [EnvKind::Text, EnvKind::Int, EnvKind::Float, EnvKind::Bool];
const DELIMITERS: [u8; 4] = *b",;\t|";

fuzz_target!(|input: &[u8]| {
    let Some((how, file)) = input.split_first() else { return };
    let read = match how % 4 {
        0 => array(file).map_err(|mistake| vec![mistake]),
        1 => lines(file).map_err(|mistake| vec![mistake]),
        _ => csv(file, *how),
    };
    match read {
        Ok(table) => look_at(&table),
        Err(mistakes) => {
            let told = mistakes.into_iter().map(|mistake| mistake.told("file", Span::default()));
            print_all(told.collect(), "plan");
        }
    }
});

/// Of every other column, with types that the bits of `how` choose.
fn csv(file: &[u8], how: u8) -> Result<Table, Vec<Mistake>> {
    let delimiter = DELIMITERS[usize::from(how >> 2) % DELIMITERS.len()];
    let csv = Csv::open(file.to_vec(), delimiter, how & 1 == 0).map_err(|mistake| vec![mistake])?;
    let names = csv.header().map_or_else(|| vec!["a".to_owned(), "b".to_owned()], <[String]>::to_vec);
    let step = if csv.header().is_some() && how & 0x80 != 0 { 2 } else { 1 };
    let kind = |at: usize| KINDS[usize::from(how >> 4) * at % KINDS.len()];
    let wanted = names.into_iter().enumerate().step_by(step).map(|(at, name)| Wanted { at, name, kind: kind(at) });
    csv.read(&wanted.collect::<Vec<_>>())
}

fn look_at(table: &Table) {
    assert!(!table.is_empty(), "no rows, and no mistake");
    for (at, column) in table.columns().iter().enumerate().take(100) {
        assert_eq!(table.column(&column.name), Some(at as u16));
        (0..table.len()).for_each(|row| drop(table.cell(row, at as u16)));
    }
    assert_eq!(table.cell(0, table.columns().len() as u16), None);
}
