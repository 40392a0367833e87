//! Files and what is read of them; turns and the rows that they get.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::diagnostic::Quote;
use crate::plan::EnvKind;
use crate::source::Span;

/// Cells as JSON, `-` for what a row has not; rows on lines.
fn shown(table: &Table) -> String {
    let columns: Vec<&str> = table.columns().iter().map(|column| column.name.as_str()).collect();
    let cell = |row: usize, column: usize| match table.cell(row, column as u16) {
        None => "-".to_owned(),
        Some(Cell::Text(text)) => json!(text).to_string(),
        Some(Cell::Int(int)) => json!(int).to_string(),
        Some(Cell::Float(float)) => json!(float).to_string(),
        Some(Cell::Bool(value)) => json!(value).to_string(),
        Some(Cell::Null) => "null".to_owned(),
        Some(Cell::Json(value)) => value.to_string(),
    };
    let row = |row: usize| (0..columns.len()).map(|column| cell(row, column)).collect::<Vec<_>>().join(" ");
    let rows: Vec<String> = (0..table.len()).map(row).collect();
    format!("{}: {}", columns.join(" "), rows.join(" / "))
}

/// What is told of a mistake: `line: message | the place`.
fn told(mistake: Mistake) -> String {
    let found = mistake.told("f", Span::default());
    match found.quote.as_deref() {
        Some(Quote { line, text, range, .. }) => format!("{} | {line} {}", found.message, &text[range.clone()]),
        None => found.message,
    }
}

#[derive(Default)]
struct Options<'o> {
    delimiter: Option<u8>,
    /// Names of a file without a header.
    names: &'o [&'o str],
    /// Of the header; all where there are none.
    only: &'o [&'o str],
    types: &'o [(&'o str, EnvKind)],
}

fn read(file: &[u8], options: &Options) -> Result<Table, Vec<Mistake>> {
    let has_header = options.names.is_empty();
    let csv = Csv::open(file.to_vec(), options.delimiter.unwrap_or(b','), has_header).map_err(|found| vec![found])?;
    let names: Vec<String> = match csv.header() {
        Some(header) => header.to_vec(),
        None => options.names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let kind = |name: &str| options.types.iter().find(|(known, _)| *known == name).map_or(EnvKind::Text, |it| it.1);
    let wanted = names.iter().enumerate().map(|(at, name)| Wanted { at, name: name.clone(), kind: kind(name) });
    let wanted: Vec<Wanted> =
        wanted.filter(|one| options.only.is_empty() || options.only.contains(&one.name.as_str())).collect();
    csv.read(&wanted)
}

fn check_csv(file: &[u8], options: &Options, expected: &str) {
    let given = match read(file, options) {
        Ok(table) => shown(&table),
        Err(found) => found.into_iter().map(told).collect::<Vec<_>>().join("\n"),
    };
    assert_eq!(given, expected, "{}", String::from_utf8_lossy(file));
}

fn check(file: &str, expected: &str) {
    check_csv(file.as_bytes(), &Options::default(), expected);
}

#[test]
fn csv_is_read_as_rfc_4180_says() {
    check("a,b\n1,2\n", "a b: \"1\" \"2\"");
    check("a,b\n1,2", "a b: \"1\" \"2\"");
    check("a,b\r\n1,2\r\n3,4\r\n", "a b: \"1\" \"2\" / \"3\" \"4\"");
    check("a,b\r1,2\r", "a b: \"1\" \"2\"");
    check("\u{feff}a,b\n1,2\n", "a b: \"1\" \"2\"");
    check("\u{feff}\"a\",b\n1,2\n", "a b: \"1\" \"2\"");
    check("a,b\n\"1, one\",\"say \"\"hi\"\"\"\n", "a b: \"1, one\" \"say \\\"hi\\\"\"");
    check("a,b\n\"two\nlines\",\"two\r\nmore\"\nx,y\n", "a b: \"two\\nlines\" \"two\\r\\nmore\" / \"x\" \"y\"");
    check("a,b\n\"\",\n,\"\"\n", "a b: \"\" \"\" / \"\" \"\"");
    check("a,b\n\n1,2\n\r\n\n3,4\n\n", "a b: \"1\" \"2\" / \"3\" \"4\"");
    check("a,b\n 1 , x y \n", "a b: \" 1 \" \" x y \"");
    check("a,b\n5\" pipe,2\n", "a b: \"5\\\" pipe\" \"2\"");
    check("이름, b\n김철수,007\n", "이름 b: \"김철수\" \"007\"");
    check("\"\"\"a\"\"\"\n\"\"\"\"\n", "\"a\": \"\\\"\"");
    check("a\n\"x\"", "a: \"x\"");
}

#[test]
fn csv_takes_delimiters_columns_and_types() {
    check_csv(b"a;b\n1,0;2\n", &Options { delimiter: Some(b';'), ..Options::default() }, "a b: \"1,0\" \"2\"");
    check_csv(b"a\tb\n1\t2\n", &Options { delimiter: Some(b'\t'), ..Options::default() }, "a b: \"1\" \"2\"");
    check_csv(b"1,2\n3,4\n", &Options { names: &["x", "y"], ..Options::default() }, "x y: \"1\" \"2\" / \"3\" \"4\"");
    check_csv(
        b"a,b,c\n1,\"2\",3\n4,5,6\n",
        &Options { only: &["a", "c"], ..Options::default() },
        "a c: \"1\" \"3\" / \"4\" \"6\"",
    );
    let types = &[("id", EnvKind::Int), ("price", EnvKind::Float), ("on", EnvKind::Bool)];
    let typed = Options { types, ..Options::default() };
    check_csv(
        b"id,price,on,zip\n007, 1.50,TRUE,007\n-1,2,false,1\n",
        &typed,
        "id price on zip: 7 1.5 true \"007\" / -1 2.0 false \"1\"",
    );
    check_csv(
        b"id,price,on\n1,2,true\n1.5,NaN,yes\n,1,true\n",
        &typed,
        "`f`, line 3: column `id` must be a whole number, not \"1.5\" | 3 1.5\n\
         `f`, line 3: column `price` must be a number, not \"NaN\" | 3 NaN\n\
         `f`, line 3: column `on` must be `true` or `false`, not \"yes\" | 3 yes\n\
         `f`, line 4: column `id` must be a whole number, not \"\" | 4 ",
    );
}

#[test]
fn csv_mistakes_are_told_with_their_line_and_place() {
    check("", "`f`: the file is empty");
    check("\n\n", "`f`: the file is empty");
    check("a,b\n", "`f`: the file has no rows");
    check("a,b\n1,2\n3\n", "`f`, line 3: the row has 1 field, and the header has 2 | 3 3");
    check("a,b\n1,2,3,4\n", "`f`, line 2: the row has 4 fields, and the header has 2 | 2 3,4");
    check("a,b\n\"x\ny\",1\n\n1,2,\n", "`f`, line 5: the row has 3 fields, and the header has 2 | 5 ");
    check("a,b\n1,\"2\n3,4\n", "`f`, line 2: the quote is never closed | 2 \"");
    check("a,b\n1,\"2\"3\n", "`f`, line 2: the field goes on behind its closing quote | 2 \"3");
    check("a,b,a\n1,2,3\n", "`f`, line 1: the columns 1 and 3 have one name, `a` | 1 a");
    check("a,,b\n1,2,3\n", "`f`, line 1: column 2 has no name | 1 ");
    check_csv(
        b"1,2\n3\n",
        &Options { names: &["x", "y"], ..Options::default() },
        "`f`, line 2: the row has 1 field, and `columns` has 2 | 2 3",
    );
    check_csv(b"a,b\n1,2\n3,\xff4\n", &Options::default(), "`f`, line 3: the text is not UTF-8 | 3 \u{fffd}");
    check_csv(b"\xff\xfea\0\n\0", &Options::default(), "`f`: the text is in UTF-16");
}

#[test]
fn no_more_than_five_mistakes_of_a_file_are_told() {
    let found = read("a,b\n1\n2\n3\n4\n5\n6\n7\n".as_bytes(), &Options::default()).unwrap_err();
    assert_eq!(found.len(), 5);
}

#[test]
fn json_is_read_with_the_types_that_it_has() {
    let rows = |read: fn(&[u8]) -> Result<Table, Mistake>, file: &str, expected: &str| {
        let given = read(file.as_bytes()).map_or_else(told, |table| shown(&table));
        assert_eq!(given, expected, "{file}");
    };
    rows(array, r#"[{"id":1,"name":"김"},{"id":2,"name":null}]"#, "id name: 1 \"김\" / 2 null");
    rows(array, "\u{feff}[ {\"a\":1.5} ]\n", "a: 1.5");
    rows(array, r#"[{"a":1},{"b":true,"a":"x"},{}]"#, "a b: 1 - / \"x\" true / - -");
    rows(array, r#"[{"a":[1,{"b":2}],"n":18446744073709551615}]"#, "a n: [1,{\"b\":2}] 18446744073709551615");
    rows(array, "[]", "`f`: the file has no rows");
    rows(array, "[{\"a\":1},\n3]", "`f`, line 2: invalid type: integer `3`, expected a map | 2 3");
    rows(array, "{\"a\":1}", "`f`, line 1: invalid type: map, expected an array of objects | 1 {");
    rows(array, "[{\"a\":1}] x", "`f`, line 1: trailing characters | 1 x");
    rows(array, "[{\"a\":1}", "`f`, line 1: EOF while parsing a list | 1 }");
    rows(array, "", "`f`, line 1: EOF while parsing a value | 1 ");
    rows(lines, "{\"a\":1}\r\n\n{\"a\":2}", "a: 1 / 2");
    rows(lines, "{\"a\":1}\n{\"a\":}\n", "`f`, line 2: expected value | 2 }");
    rows(lines, "{\"a\":1}\n[1]\n", "`f`, line 2: invalid type: sequence, expected a map | 2 [");
    rows(lines, "\n", "`f`: the file has no rows");
}

#[test]
fn rows_of_a_run_have_the_named_columns_first() {
    let row = |value: serde_json::Value| value.as_object().unwrap().clone();
    let rows = [row(json!({"b": 2, "a": 1})), row(json!({"c": 3}))];
    assert_eq!(shown(&Table::of_rows(&["a"], rows).unwrap()), "a b c: 1 2 - / - - 3");
}

#[test]
fn a_table_takes_no_more_than_twice_its_file() {
    let mut file = String::from("id,username,password,age\n");
    (0..20_000).for_each(|k| file.push_str(&format!("{k},user{k:06},\"pa\"\"ss{k}\",{}\n", k % 90)));
    let table = read(file.as_bytes(), &Options { types: &[("age", EnvKind::Int)], ..Options::default() }).unwrap();
    assert!(table.memory() <= file.len() * 2, "{} of {}", table.memory(), file.len());
    assert_eq!(table.cell(19_999, 2), Some(Cell::Text("pa\"ss19999")));
    assert_eq!(table.cell(91, table.column("age").unwrap()), Some(Cell::Int(1)));
    assert_eq!(table.cell(20_000, 0), None);
}

fn set(rows: usize, pick: RowPick, per: RowPer, on_exhausted: OnExhausted) -> Arc<DataSet> {
    let row = |id: usize| json!({ "id": id }).as_object().unwrap().clone();
    let table = Table::of_rows(&[], (0..rows).map(row)).unwrap();
    Arc::new(DataSet { name: "users".into(), origin: "test".into(), table, pick, per, on_exhausted })
}

/// The rows of the first iterations of VU 0 and VU 1, which take turns.
fn rows_of(set: &Arc<DataSet>, seed: u64) -> Vec<Option<usize>> {
    let supply = Supply::new(&[Arc::clone(set)], seed);
    let turn = |k: u64| Turn { vu: k % 2, vu_iteration: k / 2, scenario_iteration: k };
    (0..8).map(|k| supply.take(0, &turn(k))).collect()
}

#[test]
fn picks_are_what_their_names_say() {
    let (iteration, vu, stop) = (RowPer::Iteration, RowPer::Vu, OnExhausted::StopVu);
    let some = |rows: [usize; 8]| rows.map(Some).to_vec();
    assert_eq!(rows_of(&set(3, RowPick::Sequential, iteration, stop), 7), some([0, 1, 2, 0, 1, 2, 0, 1]));
    assert_eq!(rows_of(&set(3, RowPick::Sequential, vu, stop), 7), some([0, 1, 0, 1, 0, 1, 0, 1]));
    assert_eq!(rows_of(&set(3, RowPick::PerVu, vu, stop), 7), some([0, 1, 0, 1, 0, 1, 0, 1]));
    assert_eq!(rows_of(&set(1, RowPick::PerVu, vu, stop), 7), some([0; 8]));
    let unique = rows_of(&set(3, RowPick::Unique, iteration, stop), 7);
    assert_eq!(unique[..3], [Some(0), Some(1), Some(2)]);
    assert_eq!(unique[3..], [None; 5]);
    assert_eq!(rows_of(&set(3, RowPick::Unique, iteration, OnExhausted::Recycle), 7), some([0, 1, 2, 0, 1, 2, 0, 1]));
    assert_eq!(rows_of(&set(1, RowPick::Unique, vu, stop), 7)[..2], [Some(0), None]);
}

#[test]
fn chance_is_the_seeds_and_nobody_elses() {
    for pick in [RowPick::Random, RowPick::Shuffle] {
        let set = set(1000, pick, RowPer::Iteration, OnExhausted::StopVu);
        assert_eq!(rows_of(&set, 7), rows_of(&set, 7), "{pick:?}");
        assert_ne!(rows_of(&set, 7), rows_of(&set, 8), "{pick:?}");
    }
    let random = set(1000, RowPick::Random, RowPer::Vu, OnExhausted::StopVu);
    let rows = rows_of(&random, 7);
    assert!(rows.iter().step_by(2).all(|row| *row == rows[0]), "{rows:?}");
    assert_ne!(rows[0], rows[1]);
}

#[test]
fn shuffle_gives_every_row_once_before_it_repeats() {
    let supply = Supply::new(&[set(1000, RowPick::Shuffle, RowPer::Iteration, OnExhausted::StopVu)], 7);
    let turn = |k: u64| Turn { vu: 0, vu_iteration: k, scenario_iteration: k };
    let rows: Vec<usize> = (0..1000).filter_map(|k| supply.take(0, &turn(k))).collect();
    assert_eq!(rows.iter().copied().collect::<BTreeSet<_>>().len(), 1000);
    assert!(rows.windows(2).any(|pair| pair[0] > pair[1]));
    assert_eq!(supply.take(0, &turn(1000)), Some(rows[0]));
}

#[test]
fn random_reaches_every_row_about_as_often() {
    let supply = Supply::new(&[set(10, RowPick::Random, RowPer::Iteration, OnExhausted::StopVu)], 7);
    let mut counts = [0; 10];
    for k in 0..10_000 {
        let row = supply.take(0, &Turn { vu: k % 100, vu_iteration: k / 100, scenario_iteration: k }).unwrap();
        counts[row] += 1;
    }
    assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
}

#[test]
fn unique_hands_out_every_row_once_over_eight_threads() {
    let rows = 10_000;
    let supply = Supply::new(&[set(rows, RowPick::Unique, RowPer::Iteration, OnExhausted::StopVu)], 7);
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for vu in 0..8 {
            let (supply, all) = (&supply, &all);
            scope.spawn(move || {
                let turn = Turn { vu, vu_iteration: 0, scenario_iteration: 0 };
                let mine: Vec<usize> = std::iter::from_fn(|| supply.take(0, &turn)).collect();
                all.lock().unwrap().extend(mine);
            });
        }
    });
    let mut all = all.into_inner().unwrap();
    all.sort_unstable();
    assert_eq!(all, (0..rows).collect::<Vec<_>>());
    let shortage = Shortage { set: "users".into(), rows, beyond: 8, on_exhausted: OnExhausted::StopVu };
    assert_eq!(supply.shortages(), [shortage]);
}

proptest! {
    #[test]
    fn no_file_panics_and_what_is_read_has_rows(
        file in prop_oneof![proptest::collection::vec(any::<u8>(), 0..60), "[a1\"',;{}\\[\\]: \\r\\n\\\\é]{0,40}".prop_map(String::into_bytes)],
        bare in any::<bool>(),
    ) {
        let options = Options { names: if bare { &["a", "b"] } else { &[] }, types: &[("a", EnvKind::Int)], ..Options::default() };
        let csv = read(&file, &options);
        for read in [csv, array(&file).map_err(|found| vec![found]), lines(&file).map_err(|found| vec![found])] {
            match read {
                Ok(table) => prop_assert!(!table.is_empty() && !shown(&table).is_empty()),
                Err(found) => found.into_iter().for_each(|mistake| drop(told(mistake))),
            }
        }
    }
}
