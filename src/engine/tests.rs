//! Executors on paused time with a scripted transport: exact instants, exact counts.

mod arrivals;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use tokio::runtime::{Builder, LocalOptions};

use super::executor::{Counters, Lane, Starts};
use super::stop::{Command, Stop};
use super::{End, Event, Observer, Wish};
use crate::clock::{Duration, now, sleep};
use crate::graph::{self, Graph};
use crate::metrics::{Aggregate, Metric, Recorder, Snapshot};
use crate::plan::{self, LogLevel};
use crate::source::{Format, Source};
use crate::transport::scripted::{Reply, Scripted};
use crate::transport::{Exchange, Failure, Request, Session, Transport};
use crate::validate;
use crate::vu::Console;

mod k6;

struct Silent;

impl Console for Silent {
    fn log(&self, _: LogLevel, _: &str) {}
}

/// What a run on paused time showed.
struct Seen {
    /// Milliseconds from the start, and path, of every request.
    requests: Vec<(u64, String)>,
    snapshot: Snapshot,
    ended: u64,
    /// Of arrivals: all that came to a VU, and the late ones.
    arrived: (u64, u64),
}

impl Seen {
    fn outcomes(&self, outcome: &str) -> u64 {
        self.snapshot.counter(Metric::Iterations, &[("outcome".to_owned(), outcome.to_owned())]).unwrap_or(0)
    }
}

fn graph(text: &str) -> Arc<Graph> {
    let source = Source::new("plan.yaml", Format::Yaml, text);
    let parsed = plan::parse(&source);
    let overrides = validate::Overrides { seed: Some(1), ..Default::default() };
    let (valid, _) =
        validate::check(&parsed, &source, &overrides, &|_| None).unwrap_or_else(|found| panic!("{found:?}"));
    Arc::new(graph::compile(&valid))
}

/// What is told to a run from outside.
#[derive(Clone, Copy)]
enum Order {
    Raise(Command),
    Pause(bool),
}

/// Runs all scenarios of a plan on one thread. Replies are 200 after as many milliseconds as the path's last part says.
/// `command` is given after so many milliseconds.
fn run(text: &str, command: Option<(u64, Command)>) -> Seen {
    let orders: Vec<(u64, Order)> =
        command.into_iter().map(|(after, command)| (after, Order::Raise(command))).collect();
    run_under(text, &orders)
}

/// The same under orders, each given after so many milliseconds.
fn run_under(text: &str, orders: &[(u64, Order)]) -> Seen {
    run_shared(text, orders, 1, |_, path| path.rsplit('/').next().and_then(|last| last.parse().ok()).unwrap_or(0))
}

/// The same with the load shared as between so many threads, by a script that gives each reply's delay: it knows the time, in
/// milliseconds from the start, and the path.
fn run_shared(text: &str, orders: &[(u64, Order)], of: u64, script: fn(u64, &str) -> u64) -> Seen {
    let graph = graph(text);
    let runtime =
        Builder::new_current_thread().enable_all().start_paused(true).build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async {
        let start = now();
        let requests = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&requests);
        let transport = Scripted::new(move |request| {
            let (at, path) = ((now() - start).as_millis() as u64, request.uri.path().to_owned());
            let delay = script(at, &path);
            seen.borrow_mut().push((at, path));
            Reply { delay: Duration::from_millis(delay), ..Reply::default() }
        });
        let recorder = Rc::new(RefCell::new(Recorder::new(0)));
        let console: Rc<dyn Console> = Rc::new(Silent);
        let (stop, counters) = (Stop::new(), Arc::new(Counters::new(&graph)));
        let (events, _kept) = super::events();
        for (after, order) in orders.iter().copied() {
            let stop = Rc::clone(&stop);
            tokio::task::spawn_local(async move {
                sleep(Duration::from_millis(after)).await;
                match order {
                    Order::Raise(command) => stop.raise(command),
                    Order::Pause(paused) => stop.pause(paused),
                }
            });
        }
        let mut first_vu = 1;
        let starts = Rc::<Starts>::default();
        let mut lanes = Vec::new();
        for (scenario, spec) in graph.scenarios.iter().enumerate() {
            for share in (0..of).filter_map(|index| spec.executor.share(index, of)) {
                let lane = Rc::new(Lane {
                    graph: Arc::clone(&graph),
                    scenario,
                    first_vu,
                    start: start + spec.start_time,
                    share,
                    transport: transport.clone(),
                    recorder: Rc::clone(&recorder),
                    console: Rc::clone(&console),
                    counters: Arc::clone(&counters),
                    stop: Rc::clone(&stop),
                    events: events.clone(),
                    active: Default::default(),
                    starts: Rc::clone(&starts),
                });
                lanes.push(tokio::task::spawn_local(lane.run()));
            }
            first_vu += spec.executor.peak_vus();
        }
        for lane in lanes {
            lane.await.unwrap();
        }
        let mut aggregate = Aggregate::new(&graph.sites, &graph.custom_metrics).judged_from(graph.judged_from());
        let mut interval = recorder.borrow_mut().take();
        aggregate.absorb(&mut interval);
        aggregate.tick(now() - start);
        let (requests, ended) = (requests.borrow().clone(), (now() - start).as_millis() as u64);
        Seen { requests, snapshot: aggregate.into_snapshot(), ended, arrived: starts.take() }
    })
}

fn starts(seen: &Seen, path: &str) -> Vec<u64> {
    seen.requests.iter().filter(|(_, known)| known == path).map(|(at, _)| *at).collect()
}

const BASE: &str = "http: { base_url: 'http://x' }\n";

#[test]
fn ramping_vus_start_at_the_instants_at_which_the_line_reaches_them() {
    let seen = run(
        &format!(
            "{BASE}start_vus: 0\nexecutor: ramping-vus\nstages: [{{ duration: 10s, target: 100 }}]\ngraceful_stop: 0s\nsteps: [{{ get: /60000 }}]"
        ),
        None,
    );
    let expected: Vec<u64> = (1..100).map(|vu| vu * 100).collect();
    let started = starts(&seen, "/60000");
    assert_eq!(started.len(), expected.len());
    for (at, due) in started.iter().zip(&expected) {
        assert!(at.abs_diff(*due) <= 10, "started at {at} ms, due at {due} ms");
    }
    assert_eq!(seen.outcomes("interrupted"), 99);
}

#[test]
fn ramping_down_lets_iterations_finish_within_their_grace() {
    // Two VUs; one is no longer wanted at 1 s, in the middle of its iteration.
    let plan = |grace: &str| {
        format!(
            "{BASE}executor: ramping-vus\nstart_vus: 2\nstages: [{{ duration: 1s, target: 2 }}, {{ duration: 0s, target: 1 }}, {{ duration: 5s, target: 1 }}]\n\
             graceful_ramp_down: {grace}\ngraceful_stop: 10s\nsteps: [{{ get: /900 }}]"
        )
    };
    let patient = run(&plan("2s"), None);
    assert_eq!((patient.outcomes("completed"), patient.outcomes("interrupted")), (2 + 7, 0));
    let hasty = run(&plan("100ms"), None);
    assert_eq!((hasty.outcomes("completed"), hasty.outcomes("interrupted")), (1 + 7, 1));
}

#[test]
fn constant_vus_start_nothing_after_their_time_and_cut_off_after_the_grace() {
    let seen = run(
        &format!(
            "{BASE}vus: 3\nduration: 2s\ngraceful_stop: 500ms\nsteps: [{{ get: /700 }}, {{ get: /300 }}, {{ get: /800 }}]"
        ),
        None,
    );
    // Iterations last 1.8 s: the second one of each VU begins at 1.8 s and is cut off at 2.5 s.
    assert_eq!((seen.outcomes("completed"), seen.outcomes("interrupted")), (3, 3));
    assert_eq!(seen.ended, 2500);
}

#[test]
fn shared_iterations_are_unique_and_gapless() {
    let seen = run(&format!("{BASE}vus: 7\niterations: 50\nsteps: [{{ get: '/${{scenario.iteration}}/10' }}]"), None);
    let mut numbers: Vec<u64> =
        seen.requests.iter().map(|(_, path)| path.split('/').nth(1).unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..50).collect::<Vec<u64>>());
    assert_eq!(seen.outcomes("completed"), 50);
}

#[test]
fn per_vu_iterations_give_each_vu_the_same_number() {
    let seen = run(
        &format!(
            "{BASE}scenarios: {{ s: {{ executor: per-vu-iterations, vus: 4, iterations: 3, steps: [{{ get: '/${{vu.id}}/${{vu.iteration}}/5' }}] }} }}"
        ),
        None,
    );
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for (_, path) in &seen.requests {
        *counted.entry(path.clone()).or_default() += 1;
    }
    assert_eq!(counted.len(), 12, "{counted:?}");
    assert!(counted.contains_key("/1/0/5") && counted.contains_key("/4/2/5"), "{counted:?}");
}

#[test]
fn scenarios_run_side_by_side_from_their_start_time_with_ids_of_their_own() {
    let seen = run(
        &format!(
            "{BASE}scenarios:\n  a: {{ vus: 2, iterations: 2, steps: [{{ get: '/a/${{vu.id}}/100' }}] }}\n  b: {{ vus: 1, iterations: 1, start_time: 3s, steps: [{{ get: '/b/${{vu.id}}/100' }}] }}\n"
        ),
        None,
    );
    let mut requests = seen.requests.clone();
    requests.sort();
    assert_eq!(requests, [(0, "/a/1/100".to_owned()), (0, "/a/2/100".to_owned()), (3000, "/b/3/100".to_owned())]);
}

#[test]
fn a_drain_lets_running_iterations_finish_and_an_abort_does_not() {
    let plan = format!("{BASE}vus: 5\nduration: 1m\nsteps: [{{ get: /1000 }}]");
    let drained = run(&plan, Some((2500, Command::Drain)));
    assert_eq!((drained.outcomes("completed"), drained.outcomes("interrupted"), drained.ended), (15, 0, 3000));
    let aborted = run(&plan, Some((2500, Command::Abort)));
    assert_eq!((aborted.outcomes("completed"), aborted.outcomes("interrupted"), aborted.ended), (10, 5, 2500));
}

#[test]
fn on_start_and_on_stop_run_once_per_vu() {
    let seen = run(
        &format!(
            "{BASE}scenarios: {{ s: {{ executor: per-vu-iterations, vus: 3, iterations: 4, on_start: [{{ get: /in/1 }}], on_stop: [{{ get: /out/1 }}], steps: [{{ get: /work/1 }}] }} }}"
        ),
        None,
    );
    assert_eq!(
        (starts(&seen, "/in/1").len(), starts(&seen, "/work/1").len(), starts(&seen, "/out/1").len()),
        (3, 12, 3)
    );
}

#[test]
fn percentiles_of_known_delays_are_exact_to_a_thousandth() {
    // 1,000 iterations of 1, 2, …, 1000 ms.
    let seen =
        run(&format!("{BASE}vus: 1\niterations: 1000\nsteps: [{{ get: '/${{scenario.iteration + 1}}' }}]"), None);
    let trend = seen.snapshot.trend(Metric::IterationDuration, &[]).unwrap();
    for (percentile, expected) in [(50.0, 500.0), (90.0, 900.0), (95.0, 950.0), (99.0, 990.0)] {
        let found = trend.percentile(percentile);
        assert!((found - expected).abs() <= expected * 0.001 + 1.0, "p({percentile}) = {found}, expected {expected}");
    }
}

#[test]
fn a_vu_that_fails_at_once_does_not_spin() {
    let seen = run(
        &format!("{BASE}vus: 1\nduration: 1s\nvars: {{ list: [1] }}\nsteps: [{{ set: {{ x: '${{list[5]}}' }} }}]"),
        None,
    );
    assert_eq!(seen.outcomes("failed"), 10);
}

#[test]
fn a_poll_waits_between_attempts_and_gives_up_after_the_last() {
    let poll = |more: &str| {
        format!(
            "{BASE}vus: 1\niterations: 1\nsteps: [{{ poll: {{ until: 'false', every: 2s, {more}, steps: [{{ get: /0 }}] }} }}]"
        )
    };
    let attempts = run(&poll("attempts: 3"), None);
    assert_eq!(starts(&attempts, "/0"), [0, 2000, 4000]);
    assert_eq!(attempts.outcomes("failed"), 1);
    let waits = run(&poll("attempts: 2, first: wait"), None);
    assert_eq!(starts(&waits, "/0"), [2000, 4000]);
    let timeout = run(&poll("timeout: 5s, on_give_up: tired"), None);
    assert_eq!(starts(&timeout, "/0"), [0, 2000, 4000]);
    assert_eq!(timeout.outcomes("tired"), 1);
}

#[test]
fn weights_and_ranges_come_out_as_written() {
    let seen = run(
        &format!(
            "{BASE}vus: 1\niterations: 4000\nsteps: [{{ choose: [{{ weight: 3, steps: [{{ get: /three/0 }}] }}, {{ weight: 1, steps: [{{ get: /one/0 }}] }}] }}]"
        ),
        None,
    );
    let three = starts(&seen, "/three/0").len();
    assert!((2850..=3150).contains(&three), "{three} of 4000 where 3000 were expected");
}

#[test]
fn an_on_start_that_is_cut_off_is_no_iteration_and_an_on_stop_counts_none() {
    let seen = run(
        &format!(
            "{BASE}scenarios: {{ s: {{ vus: 3, duration: 2s, graceful_stop: 1s, on_start: [{{ get: /60000 }}], on_stop: [{{ get: /out/1 }}], steps: [{{ get: /1 }}] }} }}"
        ),
        None,
    );
    assert_eq!((seen.requests.len(), seen.ended, seen.snapshot.outcomes().len()), (3, 3000, 0));
    assert_eq!(seen.snapshot.counter(Metric::HttpReqs, &[]), Some(3), "but what was sent is told");
    let seen = run(
        &format!(
            "{BASE}scenarios: {{ s: {{ vus: 3, duration: 2s, graceful_stop: 1s, on_stop: [{{ get: /60000 }}], steps: [{{ get: /1000 }}] }} }}"
        ),
        None,
    );
    assert_eq!((seen.outcomes("completed"), seen.outcomes("interrupted"), seen.ended), (6, 0, 3000));
    assert_eq!(seen.snapshot.counter(Metric::HttpReqs, &[]), Some(9));
}

#[test]
fn a_vu_that_a_falling_line_cut_off_comes_back_when_the_line_rises() {
    let seen = run(
        &format!(
            "{BASE}executor: ramping-vus\nstart_vus: 1\nstages: [{{ duration: 10s, target: 0 }}, {{ duration: 10s, target: 0 }}, {{ duration: 0s, target: 1 }}, {{ duration: 10s, target: 1 }}]\ngraceful_ramp_down: 1s\ngraceful_stop: 0s\nsteps: [{{ get: /60000 }}]"
        ),
        None,
    );
    assert_eq!(starts(&seen, "/60000"), [0, 20_000]);
    assert_eq!(seen.outcomes("interrupted"), 2);
}

/// A wire that is broken beyond data: to send anything is a panic, or takes for ever.
#[derive(Clone)]
struct Broken {
    panics: bool,
}

impl Transport for Broken {
    type Session = Broken;

    fn session(&self) -> Broken {
        self.clone()
    }
}

impl Session for Broken {
    fn rest(&mut self) {}

    fn close(&mut self) {}

    fn fork(&mut self) -> Broken {
        Broken { panics: self.panics }
    }

    fn join(&mut self, _: Broken) {}

    async fn send(&mut self, _: &Request) -> Result<Exchange, Failure> {
        assert!(!self.panics, "as asked for");
        std::future::pending().await
    }

    fn cut(&mut self) -> Option<Failure> {
        None
    }
}

struct Nobody;

impl Observer for Nobody {
    fn second(&mut self, _: &Aggregate, _: Duration) -> Wish {
        Wish::GoOn
    }
    fn log(&mut self, _: LogLevel, _: &str) {}
    fn draining(&mut self) {}
}

#[test]
fn a_panic_ends_the_run_as_failed() {
    let graph = graph(&format!("{BASE}vus: 4\nduration: 1m\nsteps: [{{ get: /a }}]"));
    let ran = super::run(&graph, &Broken { panics: true }, 2, super::events(), &mut Nobody).unwrap();
    assert!(matches!(ran.end, End::Failed(_)), "{:?}", ran.end);
    assert!(ran.duration < Duration::from_secs(20));
}

#[test]
fn the_second_interrupt_cuts_off_and_still_counts_what_was_running() {
    let graph = graph(&format!("{BASE}vus: 4\nduration: 1m\nsteps: [{{ get: /a }}]"));
    let channel = super::events();
    let sender = channel.0.clone();
    let interrupter = std::thread::spawn(move || {
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(200));
            sender.send(Event::Interrupt).unwrap();
        }
    });
    let ran = super::run(&graph, &Broken { panics: false }, 2, channel, &mut Nobody).unwrap();
    interrupter.join().unwrap();
    assert_eq!(ran.end, End::Interrupted);
    assert_eq!(ran.aggregate.snapshot().outcomes().get("interrupted"), Some(&4));
}

#[test]
fn stop_test_counts_in_on_stop_too() {
    let graph = graph(
        "scenarios: { s: { vus: 1, iterations: 1, on_stop: [{ stop: { test: enough } }], steps: [{ set: { a: 1 } }] } }",
    );
    let ran = super::run(&graph, &Broken { panics: true }, 1, super::events(), &mut Nobody).unwrap();
    assert_eq!(ran.end, End::StoppedByPlan("enough".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn logs_that_nobody_reads_leave_room_for_numbers() {
    let counters = Counters::new(&graph(&format!("{BASE}iterations: 1\nsteps: [{{ get: /a }}]")));
    sleep(Duration::from_secs(3600)).await;
    let allow = || (0..super::EVENTS).filter(|_| counters.may_log()).count();
    assert_eq!(allow(), super::WAITING_LOGS as usize);
    counters.log_has_come();
    assert_eq!(allow(), 1);
}

/// The paths of a plan's requests, in the order of sending.
fn paths(seen: &Seen) -> Vec<&str> {
    seen.requests.iter().map(|(_, path)| path.as_str()).collect()
}

#[test]
fn rows_that_run_out_end_vus_and_count_no_iteration() {
    let seen = run(
        &format!(
            "{BASE}vus: 2\nduration: 60s\ndata: {{ users: {{ rows: [{{ id: 1 }}, {{ id: 2 }}, {{ id: 3 }}], pick: unique }} }}\n\
             steps: [{{ get: '/${{users.id}}/100' }}]\non_stop: [{{ get: /bye/0 }}]"
        ),
        None,
    );
    assert_eq!(paths(&seen), ["/1/100", "/2/100", "/3/100", "/bye/0", "/bye/0"]);
    assert_eq!((seen.outcomes("completed"), seen.ended), (3, 200));
    assert_eq!(seen.snapshot.counter(Metric::Iterations, &[]), Some(3));
}

#[test]
fn a_set_begins_again_or_ends_the_test_where_the_plan_says_so() {
    let plan = |end: &str| {
        format!(
            "{BASE}vus: 1\nduration: 250ms\ndata: {{ users: {{ rows: [{{ id: 1 }}, {{ id: 2 }}], pick: unique, on_exhausted: {end} }} }}\n\
             steps: [{{ get: '/${{users.id}}/100' }}]"
        )
    };
    assert_eq!(paths(&run(&plan("recycle"), None)), ["/1/100", "/2/100", "/1/100"]);
    let failed = run(&plan("fail"), None);
    assert_eq!((paths(&failed).len(), failed.ended), (2, 200));
}

#[test]
fn a_vus_own_row_is_there_from_on_start_to_on_stop_and_one_without_does_nothing() {
    let seen = run(
        &format!(
            "{BASE}data: {{ users: {{ rows: [{{ id: a }}, {{ id: b }}], pick: unique, per: vu }} }}\n\
             scenarios:\n  \
               idle: {{ vus: 1, duration: 1s, steps: [{{ sleep: 1s }}] }}\n  \
               busy: {{ executor: per-vu-iterations, vus: 3, iterations: 2, on_start: [{{ get: '/in/${{users.id}}/0' }}], \
               steps: [{{ get: '/${{users.id}}/${{vu.id}}/10' }}], on_stop: [{{ get: '/out/${{users.id}}/0' }}] }}"
        ),
        None,
    );
    let mut sent = paths(&seen);
    sent.sort_unstable();
    let expected = ["/a/2/10", "/a/2/10", "/b/3/10", "/b/3/10", "/in/a/0", "/in/b/0", "/out/a/0", "/out/b/0"];
    assert_eq!(sent, expected, "VU 1 reads no row, so VU 2 has the first");
    assert_eq!(seen.outcomes("failed"), 0);
}

#[test]
fn a_pace_keeps_the_starts_of_a_vus_iterations_apart() {
    let check = |load: &str, path: &str, expected: &[u64], ended: u64| {
        let seen = run(&format!("{BASE}{load}\nsteps: [{{ get: {path} }}]"), None);
        assert_eq!((starts(&seen, path).as_slice(), seen.ended), (expected, ended), "{load} {path}");
        let slowest = seen.snapshot.trend(Metric::IterationDuration, &[]).unwrap().max();
        assert_eq!(slowest as u64, path[1..].parse::<u64>().unwrap(), "the wait is no part of the iteration");
    };
    check("vus: 1\nduration: 20s\npace: 5s", "/1000", &[0, 5000, 10_000, 15_000], 20_000);
    // A longer one is followed at once, by one whose pace begins anew.
    check("vus: 1\nduration: 20s\npace: 5s", "/7000", &[0, 7000, 14_000], 21_000);
    check("iterations: 3\npace: 2s", "/500", &[0, 2000, 4000], 4500);
    check("executor: per-vu-iterations\niterations: 3\npace: 2s", "/500", &[0, 2000, 4000], 4500);
    check("stages: [{ duration: 5s, target: 1 }]\npace: 2s", "/500", &[0, 2000, 4000], 5000);
    check("iterations: 3\nmax_duration: 3s\npace: 2s", "/500", &[0, 2000], 3000);
}

#[test]
fn the_wait_for_the_pace_ends_with_a_drain_and_where_a_vu_is_ramped_down() {
    let drained =
        run(&format!("{BASE}vus: 1\nduration: 1m\npace: 30s\nsteps: [{{ get: /1000 }}]"), Some((2000, Command::Drain)));
    assert_eq!((drained.outcomes("completed"), drained.ended), (1, 2000));
    let plan = format!(
        "{BASE}scenarios: {{ s: {{ executor: ramping-vus, start_vus: 1, pace: 9s, stages: [{{ duration: 4s, target: 1 }}, {{ duration: 0s, target: 0 }}, {{ duration: 9s, target: 0 }}], steps: [{{ get: /1000 }}], on_stop: [{{ get: /out/1 }}] }} }}"
    );
    let ramped = run(&plan, None);
    assert_eq!((ramped.outcomes("completed"), starts(&ramped, "/out/1")), (1, vec![4000]));
}

#[test]
fn a_pace_counts_from_the_iteration_and_not_from_on_start() {
    let seen = run(
        &format!(
            "{BASE}scenarios: {{ s: {{ vus: 1, iterations: 2, pace: 3s, on_start: [{{ get: /in/2000 }}], steps: [{{ get: /500 }}] }} }}"
        ),
        None,
    );
    assert_eq!(starts(&seen, "/500"), [2000, 5000]);
}

#[test]
fn a_stepped_ramp_starts_its_vus_in_groups_and_its_samples_have_the_plans_stage() {
    let seen = run(
        &format!(
            "{BASE}stages: [{{ add: 2, every: 5s, until: 5, hold: 10s }}, {{ duration: 5s, target: 5 }}]\ngraceful_stop: 0s\nsteps: [{{ get: /60000 }}]"
        ),
        None,
    );
    assert_eq!(starts(&seen, "/60000"), [0, 0, 5000, 5000, 10_000]);
    assert_eq!(seen.ended, 25_000);
    let seen = run(
        &format!(
            "{BASE}stages: [{{ add: 1, every: 5s, until: 2 }}, {{ duration: 5s, target: 2 }}]\nsteps: [{{ get: /1000 }}]"
        ),
        None,
    );
    let of_stage = |stage: &str| seen.snapshot.counter(Metric::HttpReqs, &[("stage".to_owned(), stage.to_owned())]);
    assert_eq!((of_stage("0"), of_stage("1"), of_stage("2")), (Some(15), Some(10), Some(0)));
}

#[test]
fn a_pause_holds_iterations_back_and_not_the_time_of_the_plan() {
    use Order::{Pause, Raise};
    let plan = |load: &str| format!("{BASE}{load}\nsteps: [{{ get: /1000 }}]");
    let check = |load: &str, orders: &[(u64, Order)], expected: &[u64], ended: u64| {
        let seen = run_under(&plan(load), orders);
        assert_eq!((starts(&seen, "/1000").as_slice(), seen.ended), (expected, ended), "{load}");
        assert_eq!(seen.outcomes("interrupted"), 0, "running iterations end");
    };
    let three_seconds = [(1500, Pause(true)), (4500, Pause(false))];
    check("vus: 1\nduration: 6s", &three_seconds, &[0, 1000, 4500, 5500], 6500);
    check("iterations: 3", &three_seconds, &[0, 1000, 4500], 5500);
    check("executor: per-vu-iterations\niterations: 3", &three_seconds, &[0, 1000, 4500], 5500);
    check(
        "start_vus: 0\nstages: [{ duration: 2s, target: 1 }, { duration: 4s, target: 1 }]",
        &three_seconds,
        &[4500, 5500],
        6500,
    );
    check("vus: 1\nduration: 3s", &[(1500, Pause(true))], &[0, 1000], 3000);
    check("vus: 1\nduration: 1m", &[(1500, Pause(true)), (9000, Raise(Command::Drain))], &[0, 1000], 9000);
}

/// Pauses a run after its first second, resumes it after its second one, and hears of both.
struct Pauser {
    events: std::sync::mpsc::SyncSender<Event>,
    heard: Vec<bool>,
}

impl Observer for Pauser {
    fn second(&mut self, _: &Aggregate, _: Duration) -> Wish {
        // Twice, since who asks does not know of others that did.
        (0..2).for_each(|_| self.events.send(Event::Pause(self.heard.is_empty())).unwrap());
        Wish::GoOn
    }
    fn log(&mut self, _: LogLevel, _: &str) {}
    fn draining(&mut self) {}
    fn paused(&mut self, paused: bool) {
        self.heard.push(paused);
    }
}

#[test]
fn a_run_tells_how_long_it_was_paused() {
    let graph = graph(&format!("{BASE}vus: 2\nduration: 3s\nsteps: [{{ sleep: 20ms }}]"));
    let channel = super::events();
    let mut pauser = Pauser { events: channel.0.clone(), heard: Vec::new() };
    let ran = super::run(&graph, &Broken { panics: true }, 2, channel, &mut pauser).unwrap();
    assert_eq!(pauser.heard, [true, false]);
    assert!(ran.paused > Duration::ZERO && ran.paused < ran.duration, "{:?} of {:?}", ran.paused, ran.duration);
    assert_eq!(ran.end, End::Completed);
}

#[test]
fn scenarios_with_weights_share_the_vus_of_every_level() {
    let plan = |load: &str| {
        format!(
            "{BASE}{load}\ngraceful_stop: 0s\nscenarios:\n  a: {{ weight: 3, steps: [{{ get: '/a/${{vu.id}}/60000' }}] }}\n  b: {{ weight: 1, steps: [{{ get: '/b/${{vu.id}}/60000' }}] }}\n"
        )
    };
    let begun = |seen: &Seen, by: u64| {
        let of =
            |scenario: &str| seen.requests.iter().filter(|(at, path)| *at <= by && path.starts_with(scenario)).count();
        (of("/a/"), of("/b/"))
    };
    let constant = run(&plan("vus: 8\nduration: 5s"), None);
    assert_eq!(begun(&constant, 0), (6, 2));
    let ids: std::collections::BTreeSet<&str> =
        constant.requests.iter().filter_map(|(_, path)| path.split('/').nth(2)).collect();
    assert_eq!(ids.len(), 8, "{:?}", constant.requests);
    let ramping = run(&plan("stages: [{ add: 4, every: 10s, until: 12 }, { duration: 10s, target: 20 }]"), None);
    let levels = [5000, 15_000, 25_000, 40_000].map(|at| begun(&ramping, at));
    assert_eq!(levels, [(3, 1), (6, 2), (9, 3), (14, 5)], "the twentieth would come at the very end");
    assert_eq!(ramping.outcomes("interrupted"), 19);
}

#[test]
fn scenarios_with_weights_share_iterations() {
    let seen = run(
        &format!(
            "{BASE}vus: 4\niterations: 21\nscenarios:\n  a: {{ weight: 2, steps: [{{ get: '/a/${{scenario.iteration}}/10' }}] }}\n  b: {{ weight: 1, pace: 1s, steps: [{{ get: '/b/${{scenario.iteration}}/10' }}] }}\n  c: {{ vus: 1, iterations: 2, steps: [{{ get: /c/0/10 }}] }}\n"
        ),
        None,
    );
    let of = |scenario: &str| seen.requests.iter().filter(|(_, path)| path.starts_with(scenario)).count();
    assert_eq!((of("/a/"), of("/b/"), of("/c/")), (14, 7, 2));
    assert_eq!(seen.ended, 6010, "the pace is of one scenario alone");
}

#[test]
fn what_begins_in_the_warm_up_is_not_judged_and_what_begins_after_it_is() {
    let seen = run(
        &format!(
            "{BASE}vus: 1\nduration: 10s\nwarmup: 4s\nsteps: [{{ get: /1500, checks: {{ ok: status == 200 }} }}, {{ sleep: 100ms }}]"
        ),
        None,
    );
    // Iterations begin at 0, 1.6, 3.2 | 4.8, 6.4, 8.0 and 9.6 s.
    assert_eq!(seen.outcomes("completed"), 4);
    assert_eq!(seen.snapshot.counter(Metric::HttpReqs, &[]), Some(4));
    assert_eq!(seen.snapshot.rate(Metric::Checks, &[]), Some((4, 4)), "a check counts where its request does");
    let aside = seen.snapshot.warmup();
    assert_eq!((aside.requests, aside.iterations), (3, 3));
    let of_two = run(
        &format!(
            "{BASE}warmup: 4s\nscenarios:\n  a: {{ vus: 1, duration: 10s, start_time: 2s, steps: [{{ get: /a/1000 }}] }}\n  b: {{ vus: 1, duration: 10s, warmup: 0s, steps: [{{ get: /b/1000 }}] }}\n"
        ),
        None,
    );
    let of =
        |scenario: &str| of_two.snapshot.counter(Metric::HttpReqs, &[("scenario".to_owned(), scenario.to_owned())]);
    assert_eq!((of("a"), of("b")), (Some(6), Some(10)));
}

#[test]
fn requests_that_are_not_measured_are_sent_checked_and_counted_apart() {
    let seen = run(
        &format!(
            "{BASE}iterations: 3\nsteps:\n  - group: way in\n    measure: false\n    steps:\n      - {{ name: login, get: /1, checks: {{ ok: status == 500 }} }}\n      - repeat: 2\n        steps: [{{ name: token, get: /2 }}]\n      - {{ name: seats, get: /3, measure: true }}\n  - {{ name: reserve, get: /4 }}\n"
        ),
        None,
    );
    assert_eq!(seen.requests.len(), 15);
    assert_eq!(seen.snapshot.request_names(), ["seats", "reserve"]);
    let apart: Vec<(String, u64)> =
        seen.snapshot.unmeasured().into_iter().map(|(name, aside)| (name, aside.requests)).collect();
    assert_eq!(apart, [("login".to_owned(), 3), ("token".to_owned(), 6)]);
    assert_eq!(seen.snapshot.rate(Metric::Checks, &[]), Some((0, 3)));
    assert_eq!(seen.snapshot.trend(Metric::GroupDuration, &[]).map(|trend| trend.count()), Some(3));
}
