//! The examples of k6's documentation, with what it says that they do.

use super::*;

/// Milliseconds at which requests to paths of this beginning were sent.
fn sent(seen: &Seen, beginning: &str) -> Vec<u64> {
    seen.requests.iter().filter(|(_, path)| path.starts_with(beginning)).map(|(at, _)| *at).collect()
}

fn tag(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

#[test]
fn executors_run_as_many_iterations_for_as_long_as_k6_says() {
    // Load, iterations that end, iterations that are cut off, end of the run in ms. Each iteration takes half a second.
    let table = [
        ("vus: 10\nduration: 30s", 600, 0, 30_000),
        ("vus: 10\niterations: 200\nmax_duration: 30s", 200, 0, 10_000),
        ("executor: per-vu-iterations\nvus: 10\niterations: 20\nmax_duration: 30s", 200, 0, 10_000),
        // The time is over before the work is done.
        ("vus: 10\niterations: 200\nmax_duration: 5s", 100, 0, 5000),
        ("executor: per-vu-iterations\nvus: 10\niterations: 20\nmax_duration: 5200ms", 110, 0, 5500),
        (
            "executor: per-vu-iterations\nvus: 10\niterations: 20\nmax_duration: 5200ms\ngraceful_stop: 0s",
            100,
            10,
            5200,
        ),
        ("vus: 10\niterations: 200\nmax_duration: 5200ms\ngraceful_stop: 100ms", 100, 10, 5300),
    ];
    for (load, completed, interrupted, ended) in table {
        let seen = run(&format!("{BASE}{load}\nsteps: [{{ get: /500 }}]"), None);
        let found = (seen.outcomes("completed"), seen.outcomes("interrupted"), seen.ended);
        assert_eq!(found, (completed, interrupted, ended), "{load}");
    }
}

#[test]
fn graceful_stop_gives_running_iterations_its_time_and_no_more() {
    // The example of the page on `gracefulStop`: 100 VUs for 10 s, and 3 s to end.
    let check = |delay: u64, completed: u64, interrupted: u64, ended: u64| {
        let plan = format!("{BASE}vus: 100\nduration: 10s\ngraceful_stop: 3s\nsteps: [{{ get: /{delay} }}]");
        let seen = run(&plan, None);
        let found = (seen.outcomes("completed"), seen.outcomes("interrupted"), seen.ended);
        assert_eq!(found, (completed, interrupted, ended), "{delay} ms");
    };
    check(6000, 200, 0, 12_000);
    check(7000, 100, 100, 13_000);
    check(6500, 200, 0, 13_000);
    check(20_000, 0, 100, 13_000);
}

#[test]
fn graceful_ramp_down_is_the_time_of_iterations_whose_vu_is_taken_away() {
    // 0 → 10 in 20 s → 0 in 10 s: VU k begins at 2k s and is taken away at 20 + (10 − k) s.
    let plan = |grace: &str, delay: u64| {
        format!(
            "{BASE}start_vus: 0\nstages: [{{ duration: 20s, target: 10 }}, {{ duration: 10s, target: 0 }}]\ngraceful_ramp_down: {grace}\nsteps: [{{ get: /{delay} }}]"
        )
    };
    let hasty = run(&plan("0s", 500), None);
    assert_eq!(hasty.requests.iter().map(|(at, _)| *at).min(), Some(2000));
    assert!(hasty.requests.iter().all(|(at, _)| *at < 30_000));
    assert_eq!((hasty.outcomes("interrupted"), hasty.ended), (0, 30_000), "half seconds end with the whole ones");
    let cut = run(&plan("0s", 60_000), None);
    assert_eq!((cut.outcomes("interrupted"), cut.requests.len()), (10, 10));
    assert_eq!(cut.ended, 30_000);
    // Where the line ends above 0, nobody is taken away: the end of the scenario has its own grace.
    let level = plan("0s", 60_000).replace("target: 0 }]", "target: 1 }]\ngraceful_stop: 5s");
    assert_eq!((run(&level, None).outcomes("interrupted"), run(&level, None).ended), (10, 35_000));
    let patient = run(&plan("30s", 25_000), None);
    assert_eq!((patient.outcomes("completed"), patient.outcomes("interrupted")), (11, 0));
}

#[test]
fn start_time_moves_a_scenario_and_everything_that_it_counts_from() {
    let seen = run(
        &format!(
            "{BASE}scenarios:\n  contacts: {{ vus: 5, duration: 10s, steps: [{{ get: /contacts/1000 }}], tags: {{ my_custom_tag: contacts }} }}\n  news: {{ executor: per-vu-iterations, vus: 5, iterations: 10, start_time: 10s, max_duration: 5s, steps: [{{ get: /news/1000 }}], tags: {{ my_custom_tag: news }} }}\n  late: {{ start_vus: 2, start_time: 5s, stages: [{{ duration: 1s, target: 2 }}, {{ duration: 1s, target: 0 }}], steps: [{{ get: /late/1000 }}] }}\n"
        ),
        None,
    );
    assert_eq!((sent(&seen, "/contacts").len(), sent(&seen, "/news").len()), (50, 25));
    assert_eq!(sent(&seen, "/news").iter().min(), Some(&10_000));
    assert!(sent(&seen, "/contacts").iter().all(|at| *at < 10_000));
    assert_eq!((sent(&seen, "/late"), seen.ended), (vec![5000, 5000, 6000, 6000], 15_000));
    let count = |metric: Metric, selector: &[(String, String)]| seen.snapshot.counter(metric, selector);
    assert_eq!(count(Metric::HttpReqs, &tag("my_custom_tag", "news")), Some(25));
    assert_eq!(count(Metric::Iterations, &tag("my_custom_tag", "contacts")), Some(50));
    let late = |stage: &str| count(Metric::HttpReqs, &[tag("scenario", "late"), tag("stage", stage)].concat());
    assert_eq!((late("0"), late("1")), (Some(2), Some(2)), "stages are counted from the scenario's start");
}

#[test]
fn vu_ids_are_unique_in_the_test_and_iterations_are_counted_from_zero() {
    let steps = "steps: [{ get: '/${scenario.name}/${vu.id}/${vu.iteration}/${scenario.iteration}/100' }]";
    let seen = run(
        &format!(
            "{BASE}scenarios:\n  constant: {{ vus: 3, duration: 1s, {steps} }}\n  ramping: {{ start_vus: 1, stages: [{{ duration: 1s, target: 4 }}, {{ duration: 1s, target: 4 }}], {steps} }}\n  shared: {{ vus: 3, iterations: 20, {steps} }}\n  each: {{ executor: per-vu-iterations, vus: 2, iterations: 5, {steps} }}\n"
        ),
        None,
    );
    let mut vus: BTreeMap<u64, Vec<(String, u64)>> = BTreeMap::new();
    let mut numbers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (_, path) in &seen.requests {
        let parts: Vec<&str> = path.split('/').collect();
        let number = |index: usize| parts[index].parse::<u64>().unwrap();
        vus.entry(number(2)).or_default().push((parts[1].to_owned(), number(3)));
        numbers.entry(parts[1].to_owned()).or_default().push(number(4));
    }
    for (id, iterations) in &vus {
        assert!(iterations.iter().all(|(scenario, _)| *scenario == iterations[0].0), "VU {id} is of one scenario");
        assert!(iterations.iter().map(|(_, number)| *number).eq(0..iterations.len() as u64), "{id}: {iterations:?}");
    }
    assert!(vus.keys().copied().eq(1..=12), "{:?}", vus.keys());
    for (scenario, mut found) in numbers {
        found.sort_unstable();
        assert!(found.iter().copied().eq(0..found.len() as u64), "{scenario}: {found:?}");
    }
}
