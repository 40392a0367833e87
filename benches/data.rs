//! What a data set costs: loading a million rows, handing one out, reading a field of it.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use proofload::data::{Csv, DataSet, Supply, Table, Turn, Wanted, lines};
use proofload::plan::{EnvKind, OnExhausted, RowPer, RowPick};

const ROWS: u64 = 1_000_000;

fn csv() -> Vec<u8> {
    let mut file = String::from("id,username,password,age\n");
    (0..ROWS).for_each(|k| {
        let _ = writeln!(file, "{k},user{k:07},secret-{},{}", k * 7919 % ROWS, k % 90);
    });
    file.into_bytes()
}

fn quoted() -> Vec<u8> {
    let mut file = String::from("id,username,password,age\n");
    (0..ROWS).for_each(|k| {
        let _ = writeln!(file, "{k},\"user, {k:07}\",\"a \"\"{}\"\" b\",{}", k * 7919 % ROWS, k % 90);
    });
    file.into_bytes()
}

fn json_lines() -> Vec<u8> {
    let mut file = String::new();
    (0..ROWS).for_each(|k| {
        let _ = writeln!(file, "{{\"id\":{k},\"username\":\"user{k:07}\",\"age\":{}}}", k % 90);
    });
    file.into_bytes()
}

fn read(file: Vec<u8>) -> Table {
    let wanted =
        [("id", EnvKind::Text), ("username", EnvKind::Text), ("password", EnvKind::Text), ("age", EnvKind::Int)];
    let wanted = wanted.into_iter().enumerate().map(|(at, (name, kind))| Wanted { at, name: name.to_owned(), kind });
    Csv::open(file, b',', true).unwrap().read(&wanted.collect::<Vec<_>>()).unwrap()
}

fn loading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load 1,000,000 rows");
    group.sample_size(10);
    for (name, file) in [("csv", csv()), ("csv with quotes", quoted())] {
        let table = read(file.clone());
        println!("{name}: a file of {} bytes, in memory {}", file.len(), table.memory());
        group.bench_function(name, |bench| bench.iter_batched(|| file.clone(), read, BatchSize::PerIteration));
    }
    let file = json_lines();
    println!("json lines: a file of {} bytes, in memory {}", file.len(), lines(&file).unwrap().memory());
    group.bench_function("json lines", |bench| bench.iter(|| lines(&file).unwrap()));
}

fn reading(criterion: &mut Criterion) {
    let table = read(csv());
    let mut k = 0;
    let mut next = || {
        k = (k + 7919) % ROWS as usize;
        k
    };
    criterion.bench_function("read a text", |bench| bench.iter(|| black_box(table.cell(next(), 1))));
    criterion.bench_function("read a number", |bench| bench.iter(|| black_box(table.cell(next(), 3))));
}

fn taking(criterion: &mut Criterion) {
    for (name, pick) in [("unique", RowPick::Unique), ("random", RowPick::Random), ("shuffle", RowPick::Shuffle)] {
        let set = DataSet {
            name: "users".to_owned(),
            origin: "bench".to_owned(),
            table: read(csv()),
            pick,
            per: RowPer::Iteration,
            on_exhausted: OnExhausted::Recycle,
        };
        let supply = Supply::new(&[Arc::new(set)], 7);
        let mut k = 0;
        criterion.bench_function(&format!("take a row, {name}"), |bench| {
            bench.iter(|| {
                k += 1;
                black_box(supply.take(0, &Turn { vu: 3, vu_iteration: k, scenario_iteration: k }))
            });
        });
    }
}

criterion_group!(benches, loading, reading, taking);
criterion_main!(benches);
