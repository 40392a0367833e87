//! Arrival rates: what starts when, and what is dropped.

use super::*;

/// How many requests began in each second.
fn per_second(seen: &Seen) -> Vec<usize> {
    let seconds = seen.requests.iter().map(|(at, _)| at / 1000).max().map_or(0, |last| last + 1);
    (0..seconds).map(|second| seen.requests.iter().filter(|(at, _)| at / 1000 == second).count()).collect()
}

fn dropped(seen: &Seen) -> (u64, u64) {
    seen.snapshot.rate(Metric::DroppedIterations, &[]).expect("some were due")
}

fn plan(load: &str, steps: &str) -> String {
    format!("{BASE}{load}\nsteps: [{steps}]\n")
}

#[test]
fn iterations_start_when_they_are_due_and_at_no_other_time() {
    type Row = (&'static str, Vec<usize>);
    let table: [Row; 4] = [
        ("rate: 500\nduration: 4s", vec![500; 4]),
        ("rate: 90\ntime_unit: 1m\nduration: 4s", vec![2, 1, 2, 1]),
        // The area under the line in each second; the very last one falls on the end.
        ("start_rate: 0\nstages: [{ duration: 4s, target: 40 }]", vec![4, 15, 25, 35, 1]),
        (
            "start_rate: 10\nstages: [{ duration: 1s, target: 10 }, { duration: 0s, target: 30 }, { duration: 1s, target: 30 }]",
            vec![9, 30, 1],
        ),
    ];
    for (load, expected) in table {
        let seen = run(&plan(load, "{ get: /20 }"), None);
        assert_eq!(per_second(&seen), expected, "{load}");
        let all = expected.iter().sum::<usize>() as u64;
        assert_eq!((dropped(&seen), seen.arrived, seen.outcomes("completed")), ((0, all), (all, 0), all), "{load}");
    }
}

#[test]
fn an_arrival_without_a_free_vu_is_dropped_at_once_and_counted_where_it_was_due() {
    // Five VUs, each taken for 950 ms: of the ten that are due in a second the first five start.
    let load = "executor: ramping-arrival-rate\nstart_rate: 10\nmax_vus: 5\nstages: [{ duration: 10s, target: 10 }, { duration: 10s, target: 10 }]";
    let seen = run(&plan(load, "{ get: /950 }"), None);
    assert_eq!((dropped(&seen), seen.outcomes("completed")), ((100, 200), 100));
    let of_stage = seen.snapshot.rate(Metric::DroppedIterations, &[("stage".into(), "1".into())]);
    // The arrival on the border falls into the stage that begins there.
    assert_eq!(of_stage, Some((51, 101)));
    assert_eq!(seen.snapshot.gauge(Metric::VusMax, &[]).map(|vus| vus.max), Some(5));
    assert_eq!(seen.snapshot.trend(Metric::IterationStartDelay, &[]).map(|delay| delay.max()), Some(0.0));
}

#[test]
fn a_freeze_of_the_service_is_told_as_its_users_saw_it() {
    let freeze = |at: u64, _: &str| 20 + if (8_000..10_000).contains(&at) { 10_000 - at } else { 0 };
    for threads in [1, 2] {
        let seen = run_shared(&plan("rate: 500\nduration: 20s", "{ get: / }"), &[], threads, freeze);
        let total = seen.snapshot.trend(Metric::HttpReqTotal, &[]).unwrap();
        assert_eq!((total.count(), dropped(&seen)), (10_000, (0, 10_000)));
        for (what, found, expected) in [
            ("p(50)", total.percentile(50.0), 20.0),
            ("p(95)", total.percentile(95.0), 1_020.0),
            ("p(99)", total.percentile(99.0), 1_820.0),
            ("max", total.max(), 2_020.0),
        ] {
            assert!((found - expected).abs() <= expected * 0.02, "{what} = {found}, expected {expected}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let times = |load: &str, threads| {
        let mut seen = run_shared(&plan(load, "{ get: '/${scenario.iteration}' }"), &[], threads, |_, _| 7);
        seen.requests.sort();
        let mut numbers: Vec<u64> = seen.requests.iter().map(|(_, path)| path[1..].parse().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>(), "{load} on {threads}");
        (seen.requests.iter().map(|(at, _)| *at).collect::<Vec<_>>(), dropped(&seen))
    };
    for load in [
        "rate: 70\nduration: 3s",
        "start_rate: 5\nstages: [{ duration: 5s, target: 60 }]",
        "rate: 70\nduration: 3s\narrivals: poisson",
        // Fewer VUs than threads, and enough of them.
        "rate: 40\nduration: 3s\nmax_vus: 2",
    ] {
        assert_eq!(times(load, 1), times(load, 3), "{load}");
    }
}

#[test]
fn the_end_lets_iterations_finish_within_their_grace() {
    let load = "rate: 1\nduration: 3s\ngraceful_stop: 2s";
    for (steps, completed, interrupted, ended) in [("/60000", 0, 3, 5000), ("/2500", 3, 0, 4500), ("/1", 3, 0, 3000)] {
        let seen = run(&plan(load, &format!("{{ get: {steps} }}")), None);
        let found = (seen.outcomes("completed"), seen.outcomes("interrupted"), seen.ended);
        assert_eq!(found, (completed, interrupted, ended), "{steps}");
    }
}

#[test]
fn a_drain_starts_nothing_more_and_an_abort_cuts_off() {
    let load = plan("rate: 10\nduration: 1m", "{ get: /1000 }");
    let drained = run(&load, Some((2050, Command::Drain)));
    assert_eq!((drained.outcomes("completed"), drained.outcomes("interrupted"), drained.ended), (21, 0, 3000));
    let aborted = run(&load, Some((2050, Command::Abort)));
    assert_eq!((aborted.outcomes("completed"), aborted.outcomes("interrupted"), aborted.ended), (11, 10, 2050));
    assert_eq!(dropped(&aborted), (0, 21));
}

#[test]
fn a_warm_vu_goes_before_a_new_one() {
    let seen = run(&plan("rate: 50\nduration: 2s", "{ get: '/${vu.id}/10' }"), None);
    assert_eq!((starts(&seen, "/1/10").len(), seen.requests.len()), (100, 100));
}

#[test]
fn pre_allocated_vus_begin_at_the_start_and_what_waits_for_one_is_told() {
    let scenario = |load: &str| {
        format!(
            "{BASE}scenarios: {{ s: {{ rate: 10, duration: 1s, {load}, on_start: [{{ get: /in/250 }}], on_stop: [{{ get: /out/1 }}], steps: [{{ get: /work/10 }}] }} }}"
        )
    };
    let ahead = run(&scenario("pre_allocated_vus: 4, max_vus: 9"), None);
    assert_eq!(starts(&ahead, "/in/250"), [0, 0, 0, 0]);
    // Those that are due at 0, 100 and 200 ms wait for the end of `on_start`.
    assert_eq!(starts(&ahead, "/work/10")[..4], [250, 250, 250, 300]);
    assert_eq!((dropped(&ahead), starts(&ahead, "/out/1").len()), ((0, 10), 4));
    let delay = ahead.snapshot.trend(Metric::IterationStartDelay, &[]).unwrap();
    assert_eq!((delay.count(), delay.max()), (10, 250.0));
    let total = ahead.snapshot.trend(Metric::HttpReqTotal, &[("name".into(), "GET /work/10".into())]).unwrap();
    assert_eq!((total.min(), total.max()), (10.0, 260.0));
    // An `on_start` is the plan's and no lateness of the generator.
    assert_eq!(ahead.arrived.1, 0);
    let needed = run(&scenario("max_vus: 9"), None);
    assert_eq!(starts(&needed, "/in/250"), [0, 100, 200]);
    assert_eq!(dropped(&needed), (0, 10));
}

#[test]
fn a_vu_that_stops_is_not_replaced_and_takes_no_arrival_with_it() {
    let stops = plan("rate: 10\nduration: 1s\nmax_vus: 3", "{ get: /1 }, { stop: vu }");
    let seen = run(&stops, None);
    assert_eq!((seen.requests.len(), dropped(&seen)), (3, (7, 10)));
    let never_ready = "scenarios: { s: { rate: 10, duration: 1s, pre_allocated_vus: 2, graceful_stop: 0s, on_start: [{ get: /60000 }], steps: [{ get: /1 }] } }";
    let seen = run(&format!("{BASE}{never_ready}"), None);
    assert_eq!((seen.outcomes("completed"), dropped(&seen), seen.ended), (0, (10, 10), 1000));
}

#[test]
fn think_time_before_the_first_request_is_no_waiting() {
    let seen = run(&plan("rate: 10\nduration: 1s", "{ sleep: 300ms }, { get: /20 }, { get: /30 }"), None);
    let total = seen.snapshot.trend(Metric::HttpReqTotal, &[]).unwrap();
    assert_eq!((total.count(), total.min(), total.max()), (20, 20.0, 30.0));
}

#[test]
fn an_iteration_that_fails_at_once_keeps_its_vu_no_longer() {
    let load = "rate: 100\nduration: 1s\nmax_vus: 1\nvars: { list: [1] }";
    let seen = run(&plan(load, "{ set: { x: '${list[5]}' } }"), None);
    assert_eq!((seen.outcomes("failed"), dropped(&seen)), (100, (0, 100)));
}

#[test]
fn a_start_is_late_from_ten_milliseconds_on() {
    let starts = Starts::default();
    [0, 9, 10, 11, 500].into_iter().for_each(|late| starts.count(Duration::from_millis(late)));
    assert_eq!((starts.take(), starts.take()), ((5, 2), (0, 0)));
}

#[test]
fn an_arrival_without_a_row_is_dropped_and_is_no_iteration() {
    let data = |end: &str| {
        format!(
            "rate: 10\nduration: 1s\nmax_vus: 2\ndata: {{ users: {{ rows: [{{ id: 1 }}, {{ id: 2 }}, {{ id: 3 }}], pick: unique, on_exhausted: {end} }} }}"
        )
    };
    let seen = run(&plan(&data("stop_vu"), "{ get: '/${users.id}/1' }"), None);
    assert_eq!((paths(&seen), dropped(&seen)), (vec!["/1/1", "/2/1", "/3/1"], (7, 10)));
    assert_eq!(seen.outcomes("completed"), 3);
    assert_eq!(seen.snapshot.trend(Metric::IterationStartDelay, &[]).map(|delay| delay.count()), Some(3));
    let again = run(&plan(&data("recycle"), "{ get: '/${users.id}/1' }"), None);
    assert_eq!((again.requests.len(), dropped(&again)), (10, (0, 10)));
}

#[test]
fn branches_that_begin_at_once_have_waited_for_the_start_and_later_ones_for_each_other() {
    // `on_start` makes the only iteration 250 ms late.
    let seen = run(
        &format!(
            "{BASE}scenarios: {{ s: {{ rate: 1, duration: 1s, pre_allocated_vus: 1, on_start: [{{ get: /in/250 }}], \
             steps: [{{ parallel: [{{ get: /a/100 }}, {{ get: /b/20 }}, {{ get: /c/10 }}], max_parallel: 2 }}, {{ get: /d/5 }}] }} }}"
        ),
        None,
    );
    let total = |path: &str| {
        seen.snapshot.trend(Metric::HttpReqTotal, &[("name".into(), format!("GET {path}"))]).map(|total| total.max())
    };
    let totals = ["/a/100", "/b/20", "/c/10", "/d/5"].map(total);
    assert_eq!(totals, [350.0, 270.0, 10.0, 5.0].map(Some));
}

#[test]
fn what_falls_into_a_pause_is_neither_started_nor_dropped() {
    use Order::{Pause, Raise};
    let pause = [(1050, Pause(true)), (2050, Pause(false))];
    for (load, expected) in [
        // Every 100 ms; those due at 1.1 to 2.0 s are left out, and the one that runs ends.
        ("rate: 10\nduration: 3s", (0..=10).chain(21..30).map(|k| k * 100).collect::<Vec<u64>>()),
        ("rate: 10\nduration: 3s\nmax_vus: 3", (0..=10).chain(21..30).map(|k| k * 100).collect()),
    ] {
        let seen = run_under(&plan(load, "{ get: /130 }"), &pause);
        assert_eq!((starts(&seen, "/130"), dropped(&seen)), (expected, (0, 20)), "{load}");
        assert_eq!((seen.outcomes("completed"), seen.outcomes("interrupted")), (20, 0));
        assert!(seen.arrived.1 == 0, "nothing is late because of it");
    }
    let to_the_end = run_under(&plan("rate: 10\nduration: 3s", "{ get: /130 }"), &[(1050, Pause(true))]);
    assert_eq!((to_the_end.requests.len(), dropped(&to_the_end), to_the_end.ended), (11, (0, 11), 3000));
    let drained = [(1050, Pause(true)), (1500, Raise(Command::Drain))];
    assert_eq!(run_under(&plan("rate: 10\nduration: 3s", "{ get: /130 }"), &drained).ended, 1500);
}

#[test]
fn vus_that_are_there_from_the_start_begin_when_a_pause_is_over() {
    use Order::Pause;
    let plan = format!(
        "{BASE}scenarios: {{ s: {{ rate: 10, duration: 1s, pre_allocated_vus: 2, on_start: [{{ get: /in/50 }}], steps: [{{ get: /work/10 }}] }} }}"
    );
    let seen = run_under(&plan, &[(0, Pause(true)), (350, Pause(false))]);
    assert_eq!((starts(&seen, "/in/50"), starts(&seen, "/work/10")[0]), (vec![350, 350], 400));
    let never = run_under(&plan, &[(0, Pause(true))]);
    assert_eq!((never.requests.len(), never.ended), (0, 1000));
}

#[test]
fn a_rate_may_climb_in_steps_and_its_samples_have_the_plans_stage() {
    let load = "start_rate: 0\nstages: [{ add: 10, every: 1s, until: 25, hold: 2s }, { duration: 1s, target: 25 }]";
    let seen = run(&plan(load, "{ get: /1 }"), None);
    // A rate that is constant for a second has its last arrival on the border, which is the next second's first.
    assert_eq!(per_second(&seen), [9, 20, 25, 25, 25, 1]);
    let of_stage = |stage: &str| seen.snapshot.rate(Metric::DroppedIterations, &[("stage".into(), stage.into())]);
    assert_eq!((of_stage("0"), of_stage("1"), of_stage("2")), (Some((0, 79)), Some((0, 26)), None));
}

#[test]
fn scenarios_share_the_arrivals_of_the_plan_by_weight() {
    let shared = |load: &str, threads: u64| {
        let text = format!(
            "{BASE}{load}\nscenarios:\n  a: {{ weight: 3, steps: [{{ get: /a/10 }}] }}\n  b: {{ weight: 1, steps: [{{ get: /b/10 }}] }}"
        );
        run_shared(&text, &[], threads, |_, _| 10)
    };
    for threads in [1, 3] {
        let seen = shared("rate: 10\nduration: 2s", threads);
        assert_eq!(starts(&seen, "/b/10"), [200, 600, 1000, 1400, 1800], "on {threads} threads");
        let mut all = [starts(&seen, "/a/10"), starts(&seen, "/b/10")].concat();
        all.sort_unstable();
        assert_eq!(all, (0..20).map(|k| k * 100).collect::<Vec<u64>>(), "on {threads} threads");
    }
    // At random, too, they are parts of one schedule.
    let random = "rate: 40\nduration: 2s\narrivals: poisson";
    let alone = run(&format!("{BASE}{random}\nscenarios: {{ a: {{ weight: 1, steps: [{{ get: /a/10 }}] }} }}"), None);
    let all = starts(&alone, "/a/10");
    let seen = shared(random, 2);
    let mut fourth = starts(&seen, "/b/10");
    assert_eq!(fourth, all.iter().copied().skip(2).step_by(4).collect::<Vec<_>>());
    fourth.extend(starts(&seen, "/a/10"));
    fourth.sort_unstable();
    assert_eq!(fourth, all);
}

#[test]
fn arrivals_of_the_warm_up_are_not_judged() {
    let load = "warmup: 1s\nrate: 10\nduration: 2s\nmax_vus: 1\ngraceful_stop: 0s";
    let seen = run(&plan(load, "{ get: /150 }"), None);
    // Every second one is dropped. The iteration of the arrival at 0.8 s ends in the warm-up, that of the one at 1.0 s does not.
    assert_eq!((dropped(&seen), seen.outcomes("completed")), ((5, 10), 5));
    assert_eq!(seen.snapshot.trend(Metric::IterationStartDelay, &[]).map(|delay| delay.count()), Some(5));
    assert_eq!(seen.requests.len(), 10);
}
