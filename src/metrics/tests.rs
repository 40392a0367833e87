//! From samples to snapshot.

use std::time::Duration;

use super::*;

const MS: Duration = Duration::from_millis(1);
const RESERVE: SiteId = SiteId(0);
const STATUS: SiteId = SiteId(1);
const SCENARIO: SiteId = SiteId(2);
const CHECK: SiteId = SiteId(3);

fn tags(text: &str) -> Vec<(String, String)> {
    let pair = |part: &str| part.split_once(':').map(|(tag, value)| (tag.to_owned(), value.to_owned()));
    text.split(',').filter_map(pair).collect()
}

fn sites() -> Vec<Site> {
    let all = [
        "scenario:buyers,name:reserve,method:POST",
        "scenario:buyers,name:status,method:GET",
        "scenario:buyers",
        "scenario:buyers,name:reserve,check:is 200",
    ];
    all.map(|text| Site { tags: tags(text), ..Site::default() }).to_vec()
}

fn ok(site: SiteId, ms: u32) -> RequestSample<'static> {
    let phases = Phases { waiting: ms * MS, ..Phases::default() };
    RequestSample {
        site,
        stage: 0,
        status: 200,
        proto: "HTTP/1.1",
        expected: true,
        interrupted: false,
        phases: Some(phases),
        total: Some((ms + 1) * MS),
        error_code: 0,
        error: "",
        sent: 100,
        received: 1000,
    }
}

fn refused() -> RequestSample<'static> {
    let error = "connection refused";
    RequestSample {
        status: 0,
        proto: "",
        expected: false,
        phases: None,
        total: None,
        error_code: 1212,
        error,
        ..ok(RESERVE, 0)
    }
}

fn timeout() -> RequestSample<'static> {
    RequestSample { status: 0, expected: false, error_code: 1050, error: "timeout", ..ok(RESERVE, 60_000) }
}

fn recorded(record: impl Fn(&mut Recorder)) -> Snapshot {
    let (mut recorder, mut aggregate) = (Recorder::new(0), Aggregate::new(&sites(), &["queueing".into()]));
    record(&mut recorder);
    aggregate.absorb(&mut recorder.take());
    aggregate.tick(Duration::from_secs(1));
    aggregate.into_snapshot()
}

fn counter(snapshot: &Snapshot, metric: Metric, selector: &str) -> Option<u64> {
    snapshot.counter(metric, &tags(selector))
}

#[test]
fn selectors_pick_series_by_tags_of_the_plan_and_of_the_sample() {
    let snapshot = recorded(|recorder| {
        recorder.request(&ok(RESERVE, 10));
        recorder.request(&ok(STATUS, 30));
        recorder.request(&RequestSample { status: 409, stage: 2, ..ok(RESERVE, 20) });
        recorder.request(&refused());
        recorder.request(&timeout());
    });
    let check = |selector: &str, expected: u64| {
        assert_eq!(counter(&snapshot, Metric::HttpReqs, selector), Some(expected), "{selector}");
    };
    check("", 5);
    check("name:reserve", 4);
    check("scenario:buyers,method:GET", 1);
    check("status:409", 1);
    check("stage:2", 1);
    check("proto:HTTP/1.1,name:reserve", 3);
    check("expected_response:false", 2);
    check("error_code:1212", 1);
    check("name:nobody", 0);
    assert_eq!(counter(&snapshot, Metric::HttpReqErrors, ""), Some(2));
    assert_eq!(counter(&snapshot, Metric::HttpReqErrors, "error:timeout"), Some(1));
    assert_eq!(counter(&snapshot, Metric::DataReceived, "name:reserve"), Some(4000));
    assert_eq!(snapshot.request_names(), ["reserve", "status"]);
}

#[test]
fn a_request_without_response_has_no_latency_and_a_timeout_has() {
    let snapshot = recorded(|recorder| recorder.request(&refused()));
    assert_eq!(snapshot.trend(Metric::HttpReqDuration, &[]), None);
    assert_eq!(snapshot.trend(Metric::HttpReqTotal, &[]), None);
    assert_eq!(snapshot.rate(Metric::HttpReqFailed, &[]), Some((1, 1)));

    let snapshot = recorded(|recorder| recorder.request(&timeout()));
    assert_eq!(snapshot.trend(Metric::HttpReqDuration, &[]).map(|trend| trend.max()), Some(60_000.0));
    assert_eq!(snapshot.rate(Metric::HttpReqFailed, &[]), Some((1, 1)));
}

#[test]
fn what_the_end_of_the_run_cut_off_is_counted_but_not_judged() {
    let snapshot = recorded(|recorder| {
        recorder.request(&RequestSample { interrupted: true, expected: false, error: "cut", ..ok(RESERVE, 5) });
    });
    assert_eq!(counter(&snapshot, Metric::HttpReqs, "error_code:1000"), Some(1));
    assert_eq!(counter(&snapshot, Metric::DataSent, ""), Some(100));
    assert_eq!(counter(&snapshot, Metric::HttpReqErrors, ""), Some(0));
    assert_eq!(snapshot.rate(Metric::HttpReqFailed, &[]), None);
    assert_eq!(snapshot.trend(Metric::HttpReqDuration, &[]), None);
    assert!(snapshot.problems().is_empty());
}

#[test]
fn zeros_count_in_a_trend() {
    let snapshot = recorded(|recorder| {
        (0..9).for_each(|_| recorder.request(&ok(RESERVE, 5)));
        let phases = Phases { connecting: 7 * MS, ..Phases::default() };
        recorder.request(&RequestSample { phases: Some(phases), ..ok(RESERVE, 0) });
    });
    let trend = snapshot.trend(Metric::HttpReqConnecting, &[]).unwrap();
    assert_eq!((trend.count(), trend.min(), trend.max(), trend.percentile(90.0)), (10, 0.0, 7.0, 0.0));
    assert_eq!(trend.avg(), 0.7);
}

#[test]
fn no_data_differs_from_zero() {
    let idle = recorded(|_| ());
    assert_eq!(idle.counter(Metric::Iterations, &tags("outcome:sold_out")), None);
    assert_eq!(idle.counter(Metric::HttpReqErrors, &[]), None);
    let busy = recorded(|recorder| recorder.iteration(SCENARIO, 0, "completed", Some(MS)));
    assert_eq!(busy.counter(Metric::Iterations, &tags("outcome:sold_out")), Some(0));
    assert_eq!(busy.rate(Metric::Checks, &[]), None);
    assert_eq!(busy.trend(Metric::HttpReqDuration, &[]), None);
    assert_eq!(busy.gauge(Metric::Vus, &[]), None);
}

#[test]
fn all_kinds_of_samples_come_out_under_their_names() {
    let snapshot = recorded(|recorder| {
        recorder.check(CHECK, 0, true);
        recorder.check(CHECK, 0, false);
        recorder.iteration(SCENARIO, 0, "completed", Some(40 * MS));
        recorder.iteration(SCENARIO, 0, "매진", Some(20 * MS));
        recorder.iteration(SCENARIO, 0, "interrupted", None);
        recorder.trend(Metric::Custom(0), SCENARIO, 0, 3 * MS);
        recorder.number(Metric::PollAttempts, STATUS, 0, 4);
        recorder.count(Metric::ExtractFailed, RESERVE, 0, 2);
    });
    assert_eq!(snapshot.rate(Metric::Checks, &tags("check:is 200")), Some((1, 2)));
    assert_eq!(snapshot.check(CHECK), Some((1, 1)));
    assert_eq!(counter(&snapshot, Metric::Iterations, ""), Some(3));
    assert_eq!(snapshot.outcomes().get("매진"), Some(&1));
    let durations =
        |selector: &str| snapshot.trend(Metric::IterationDuration, &tags(selector)).map(|trend| trend.max());
    assert_eq!(
        (durations(""), durations("outcome:매진"), durations("outcome:interrupted")),
        (Some(40.0), Some(20.0), None)
    );
    let custom = snapshot.metric("queueing").unwrap();
    assert_eq!(snapshot.trend(custom, &[]).unwrap().avg(), 3.0);
    assert_eq!(snapshot.trend(Metric::PollAttempts, &tags("name:status")).unwrap().max(), 4.0);
    assert_eq!(counter(&snapshot, Metric::ExtractFailed, "name:reserve"), Some(2));
}

#[test]
fn threads_and_intervals_add_up_to_what_one_recorder_sees() {
    let sample = |i: u32| match i % 7 {
        0 => refused(),
        1 => timeout(),
        2 => RequestSample { stage: (i % 5) as u16, ..ok(STATUS, i % 900) },
        _ => ok(RESERVE, i % 300),
    };
    let mut threads = [Recorder::new(0), Recorder::new(1), Recorder::new(2)];
    let mut split = Aggregate::new(&sites(), &[]);
    for i in 0..3_000 {
        let recorder = &mut threads[i as usize % 3];
        recorder.request(&sample(i));
        recorder.iteration(SCENARIO, 0, if i % 2 == 0 { "even" } else { "odd" }, Some(i * MS));
        if i % 100 == 0 {
            for recorder in &mut threads {
                let mut interval = recorder.take();
                split.absorb(&mut interval);
                recorder.give_back(interval);
            }
        }
    }
    threads.iter_mut().for_each(|recorder| split.absorb(&mut recorder.take()));
    let whole = recorded(|recorder| {
        for i in 0..3_000 {
            recorder.request(&sample(i));
            recorder.iteration(SCENARIO, 0, if i % 2 == 0 { "even" } else { "odd" }, Some(i * MS));
        }
    });
    let split = split.into_snapshot();
    for selector in ["", "name:reserve", "name:status,stage:3"].map(tags) {
        for metric in [Metric::HttpReqDuration, Metric::HttpReqTotal, Metric::IterationDuration] {
            assert_eq!(split.trend(metric, &selector), whole.trend(metric, &selector), "{metric:?} {selector:?}");
        }
        assert_eq!(split.rate(Metric::HttpReqFailed, &selector), whole.rate(Metric::HttpReqFailed, &selector));
        assert_eq!(split.errors(&selector), whole.errors(&selector));
    }
    assert_eq!(split.outcomes(), whole.outcomes());
    assert_eq!(split.problems(), whole.problems());
}

#[test]
fn vus_of_all_threads_add_up_and_a_peak_between_two_takes_is_seen() {
    let mut threads = [Recorder::new(0), Recorder::new(1)];
    let mut aggregate = Aggregate::new(&sites(), &[]);
    for second in 1..=3u64 {
        for recorder in &mut threads {
            recorder.vus(SCENARIO, 5 * second);
            recorder.vus(SCENARIO, 1);
            aggregate.absorb(&mut recorder.take());
        }
        aggregate.tick(Duration::from_secs(second));
    }
    let snapshot = aggregate.into_snapshot();
    assert_eq!(snapshot.gauge(Metric::Vus, &[]), Some(Gauge { value: 2, max: 30 }));
    assert_eq!(snapshot.gauge(Metric::VusMax, &tags("scenario:buyers")), Some(Gauge { value: 30, max: 30 }));
    assert_eq!(snapshot.slices().iter().map(|slice| slice.vus).collect::<Vec<_>>(), [10, 20, 30]);
}

#[test]
fn the_time_series_holds_each_second_on_its_own() {
    let (mut recorder, mut aggregate) = (Recorder::new(0), Aggregate::new(&sites(), &[]));
    for second in 1..=2 {
        (0..100).for_each(|i| recorder.request(&ok(RESERVE, i * second)));
        recorder.request(&refused());
        let mut interval = recorder.take();
        aggregate.absorb(&mut interval);
        recorder.give_back(interval);
        aggregate.tick(Duration::from_secs(u64::from(second)));
    }
    let [first, second] = aggregate.snapshot().slices() else { panic!("two slices") };
    assert_eq!((first.requests, first.failed, second.requests, second.failed), (101, 1, 101, 1));
    let near = |found: Option<f64>, wanted: f64| found.is_some_and(|found| (found - wanted).abs() <= wanted / 1000.0);
    assert!(near(first.p95, 94.0) && near(second.p95, 188.0), "{first:?} {second:?}");
}

#[test]
fn series_outcomes_and_problems_are_bounded_and_what_is_lost_is_counted() {
    let snapshot = recorded(|recorder| {
        for i in 0..20_000u32 {
            recorder.request(&RequestSample { status: (i % 200) as u16, stage: (i / 200) as u16, ..ok(RESERVE, 1) });
        }
    });
    assert_eq!(counter(&snapshot, Metric::HttpReqs, ""), Some(10_000));
    assert_eq!(snapshot.lost(), 10_000);

    let snapshot = recorded(|recorder| {
        for i in 0..1_500u32 {
            recorder.iteration(SCENARIO, 0, &format!("outcome {i}"), None);
            recorder.problem(SiteId(i), ProblemKind::Template, "", "absent");
            recorder.request(&RequestSample { error: &format!("reset after {i} bytes"), ..refused() });
        }
    });
    assert_eq!(snapshot.outcomes().len(), 1_001);
    assert_eq!(snapshot.outcomes().get("other"), Some(&500));
    assert_eq!(snapshot.problems().len(), 200);
    assert_eq!(
        snapshot.problems().iter().map(|problem| problem.count).sum::<u64>() + snapshot.unlisted_problems(),
        3_000
    );
    assert_eq!(snapshot.errors(&[]).len(), 16);
    assert_eq!(counter(&snapshot, Metric::HttpReqErrors, ""), Some(1_500));
    assert_eq!(snapshot.lost(), 0);
}

#[test]
fn a_problem_keeps_the_text_of_its_first_time() {
    let snapshot = recorded(|recorder| {
        recorder.problem(CHECK, ProblemKind::Check, "", "status was 500");
        recorder.problem(CHECK, ProblemKind::Check, "", "status was 502");
        recorder.request(&RequestSample { status: 503, expected: false, ..ok(RESERVE, 1) });
    });
    let rows: Vec<_> = snapshot.problems().iter().map(|row| (row.message.as_str(), row.count)).collect();
    assert_eq!(rows, [("status was 500", 2), ("unexpected status 503", 1)]);
}

#[test]
fn problems_of_two_places_are_two_rows_on_whatever_thread_they_came() {
    let mut aggregate = Aggregate::new(&sites(), &[]);
    for (thread, places) in [["set a", "set b"], ["set b", "set a"]].into_iter().enumerate() {
        let mut recorder = Recorder::new(thread);
        places.into_iter().for_each(|place| recorder.problem(SCENARIO, ProblemKind::Template, place, "is absent"));
        aggregate.absorb(&mut recorder.take());
    }
    let snapshot = aggregate.into_snapshot();
    let rows: Vec<_> = snapshot.problems().iter().map(|row| (row.place.as_str(), row.count)).collect();
    assert_eq!(rows, [("set a", 2), ("set b", 2)]);
}

#[test]
fn what_is_of_the_warm_up_or_not_measured_is_in_no_total_but_in_the_bytes() {
    const LOGIN: SiteId = SiteId(4);
    let mut sites = sites();
    sites.push(Site { tags: tags("scenario:buyers,name:login"), unmeasured: true });
    let (mut recorder, aggregate) = (Recorder::new(0), Aggregate::new(&sites, &[]));
    let mut aggregate = aggregate.judged_from(Duration::from_secs(30));
    recorder.request(&RequestSample { stage: WARMUP, ..ok(RESERVE, 900) });
    recorder.request(&RequestSample { stage: WARMUP, ..refused() });
    recorder.request(&RequestSample { stage: WARMUP, ..ok(LOGIN, 700) });
    recorder.check(CHECK, WARMUP, false);
    recorder.iteration(SCENARIO, WARMUP, "failed", None);
    recorder.trend(Metric::GroupDuration, STATUS, WARMUP, MS);
    aggregate.absorb(&mut recorder.take());
    aggregate.tick(Duration::from_secs(30));
    assert!(!aggregate.snapshot().active(), "nothing that counts yet");
    assert_eq!(aggregate.snapshot().counter(Metric::HttpReqs, &[]), None);
    assert_eq!(aggregate.snapshot().per_second(Metric::HttpReqs, &[]), None);
    recorder.request(&ok(RESERVE, 10));
    recorder.request(&RequestSample { site: LOGIN, ..refused() });
    recorder.check(CHECK, 0, true);
    recorder.iteration(SCENARIO, 0, "completed", Some(MS));
    aggregate.absorb(&mut recorder.take());
    aggregate.tick(Duration::from_secs(40));

    let snapshot = aggregate.into_snapshot();
    assert_eq!(counter(&snapshot, Metric::HttpReqs, ""), Some(1));
    assert_eq!(snapshot.per_second(Metric::HttpReqs, &[]), Some(0.1), "of the ten seconds that are judged");
    assert_eq!(snapshot.trend(Metric::HttpReqDuration, &[]).map(|trend| trend.max()), Some(10.0));
    assert_eq!(snapshot.rate(Metric::HttpReqFailed, &[]), Some((0, 1)));
    assert_eq!(counter(&snapshot, Metric::HttpReqErrors, ""), Some(0));
    assert_eq!(counter(&snapshot, Metric::HttpReqs, "name:login"), Some(0));
    assert_eq!((snapshot.rate(Metric::Checks, &[]), snapshot.check(CHECK)), (Some((1, 1)), Some((1, 0))));
    assert_eq!(snapshot.outcomes().into_iter().collect::<Vec<_>>(), [("completed".to_owned(), 1)]);
    assert_eq!(snapshot.values_of(Metric::GroupDuration, "name"), Vec::<&str>::new());
    assert_eq!(snapshot.request_names(), ["reserve"]);
    assert_eq!(counter(&snapshot, Metric::DataReceived, ""), Some(5000));
    assert_eq!(snapshot.per_second(Metric::DataReceived, &[]), Some(125.0), "of the whole run");
    let requests: Vec<u64> = snapshot.slices().iter().map(|slice| slice.requests).collect();
    assert_eq!(requests, [2, 1], "the warm-up is in the time series, a way in is not");

    assert_eq!(snapshot.warmup(), Aside { requests: 2, failed: 1, iterations: 1 });
    assert_eq!(snapshot.failed_with(refused().error_code), 1, "a way in that fails spoils the run, too");
    let login = Aside { requests: 2, failed: 1, iterations: 0 };
    assert_eq!(snapshot.unmeasured().into_iter().collect::<Vec<_>>(), [("login".to_owned(), login)]);
    let problems: Vec<&str> = snapshot.problems().iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(problems, ["connection refused"], "that of the login, which somebody has to see");
}
