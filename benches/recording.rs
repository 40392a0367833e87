//! What recording a request costs on the hot path, and merging an interval beside it.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use proofload::metrics::{Aggregate, Interval, Phases, Recorder, RequestSample, Site, SiteId};

/// Requests of a plan, each a series.
const SITES: u32 = 20;

fn sample(site: u32, micros: u64) -> RequestSample<'static> {
    let phases = Phases {
        sending: Duration::from_micros(20),
        waiting: Duration::from_micros(micros),
        receiving: Duration::from_micros(40),
        ..Phases::default()
    };
    RequestSample {
        site: SiteId(site),
        stage: 0,
        status: 200,
        proto: "HTTP/1.1",
        expected: true,
        interrupted: false,
        phases: Some(phases),
        total: Some(phases.duration()),
        error_code: 0,
        error: "",
        sent: 120,
        received: 900,
    }
}

fn filled(recorder: &mut Recorder) -> Interval {
    (0..20_000).for_each(|k| recorder.request(&sample(k % SITES, u64::from(k) * 7 % 9_000)));
    recorder.take()
}

fn recording(criterion: &mut Criterion) {
    let mut recorder = Recorder::new(0);
    let mut k = 0u32;
    criterion.bench_function("record a request", |bench| {
        bench.iter(|| {
            k = k.wrapping_add(1);
            recorder.request(black_box(&sample(k % SITES, u64::from(k) * 7 % 9_000)));
        });
    });
    criterion.bench_function("record a check", |bench| {
        bench.iter(|| recorder.check(black_box(SiteId(3)), 0, true));
    });
}

fn merging(criterion: &mut Criterion) {
    let mut recorder = Recorder::new(0);
    let mut aggregate = Aggregate::new(&vec![Site::default(); SITES as usize], &[]);
    criterion.bench_function("merge an interval of 20 busy series", |bench| {
        bench.iter_batched(
            || filled(&mut recorder),
            |mut interval| {
                aggregate.absorb(&mut interval);
                interval
            },
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, recording, merging);
criterion_main!(benches);
