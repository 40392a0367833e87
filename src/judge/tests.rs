//! Silence is not success, and what decides when several things apply.

use std::time::Duration;

use super::*;
use crate::metrics::{Aggregate, Metric, Phases, ProblemKind, Recorder, RequestSample, Site, SiteId, Snapshot, WARMUP};

const SITE: SiteId = SiteId(0);

/// `metric` is a submetric as plans write it.
fn threshold(metric: &str, statistic: Statistic, comparison: Comparison, limit: f64) -> Threshold {
    let (metric, selector) = match metric.trim_end_matches('}').split_once('{') {
        Some((metric, tags)) => (metric, tags.split(',').filter_map(|tag| tag.split_once(':')).collect()),
        None => (metric, Vec::new()),
    };
    Threshold {
        metric: metric.to_owned(),
        selector: selector.into_iter().map(|(tag, value)| (tag.to_owned(), value.to_owned())).collect(),
        statistic,
        comparison,
        limit,
        text: "as written".to_owned(),
        abort_on_fail: false,
        delay_abort_eval: Duration::ZERO,
        allow_empty: false,
        span: None,
    }
}

fn latency(limit: f64) -> Threshold {
    threshold("http_req_duration", Statistic::Percentile(95.0), Comparison::Less, limit)
}

fn failures() -> Threshold {
    threshold("http_req_failed", Statistic::Rate, Comparison::Less, 0.01)
}

fn snapshot(record: impl FnOnce(&mut Recorder)) -> Snapshot {
    let tags = [("scenario", "buyers"), ("name", "reserve")].map(|(tag, value)| (tag.to_owned(), value.to_owned()));
    let (mut recorder, mut all) =
        (Recorder::new(0), Aggregate::new(&[Site { tags: tags.to_vec(), ..Site::default() }], &[]));
    record(&mut recorder);
    all.absorb(&mut recorder.take());
    all.tick(Duration::from_secs(10));
    all.into_snapshot()
}

fn request(recorder: &mut Recorder, ms: u64, status: u16) {
    let phases = Phases { waiting: Duration::from_millis(ms), ..Phases::default() };
    recorder.request(&RequestSample {
        site: SITE,
        stage: 0,
        status,
        proto: "HTTP/1.1",
        expected: status == 200,
        interrupted: false,
        phases: (status > 0).then_some(phases),
        total: Some(phases.duration()),
        error_code: if status == 0 { 1212 } else { 0 },
        error: if status == 0 { "refused" } else { "" },
        sent: 0,
        received: 0,
    });
}

fn healthy(recorder: &mut Recorder) {
    (0..100).for_each(|_| request(recorder, 10, 200));
    recorder.iteration(SITE, 0, "completed", Some(Duration::from_millis(10)));
}

fn facts(snapshot: Snapshot, end: End, saturated: bool) -> Facts {
    let generator = Generator { saturated: saturated.then(|| "its core was busy".to_owned()), ..Generator::default() };
    let (duration, started_at) = (Duration::from_secs(10), jiff::Timestamp::UNIX_EPOCH);
    Facts {
        snapshot,
        started_at,
        duration,
        paused: Duration::ZERO,
        planned: duration,
        end,
        generator,
        has_requests: true,
        default_thresholds: false,
        notes: Vec::new(),
    }
}

#[test]
fn every_statistic_reads_its_metric_in_its_unit() {
    let snapshot = snapshot(|recorder| {
        (1..=100).for_each(|ms| request(recorder, ms, if ms > 98 { 500 } else { 200 }));
        recorder.vus(SITE, 7);
        recorder.vus(SITE, 3);
        recorder.check(SITE, 0, true);
        recorder.iteration(SITE, 0, "completed", None);
        (0..4).for_each(|arrival| recorder.rate(Metric::DroppedIterations, SITE, 0, arrival == 0));
    });
    let check = |metric: &str, statistic: Statistic, expected: Option<f64>| {
        let found = evaluate(&[threshold(metric, statistic, Comparison::Less, 0.0)], &snapshot)[0].observed;
        let near = match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() <= expected / 1000.0,
            (found, expected) => found == expected,
        };
        assert!(near, "{metric} {statistic:?} is {found:?}, not {expected:?}");
    };
    check("http_req_duration", Statistic::Avg, Some(50.5));
    check("http_req_duration", Statistic::Min, Some(1.0));
    check("http_req_duration", Statistic::Med, Some(50.0));
    check("http_req_duration", Statistic::Max, Some(100.0));
    check("http_req_duration", Statistic::Count, Some(100.0));
    check("http_req_duration", Statistic::Percentile(95.0), Some(95.0));
    check("http_req_duration{status:500}", Statistic::Min, Some(99.0));
    check("http_req_duration", Statistic::Rate, None);
    check("http_reqs", Statistic::Count, Some(100.0));
    check("http_reqs", Statistic::Rate, Some(10.0));
    check("http_req_failed", Statistic::Rate, Some(0.02));
    check("checks", Statistic::Rate, Some(1.0));
    check("iterations{outcome:sold out}", Statistic::Count, Some(0.0));
    check("vus", Statistic::Value, Some(3.0));
    check("vus", Statistic::Max, Some(7.0));
    check("vus_max", Statistic::Value, Some(7.0));
    check("dropped_iterations", Statistic::Rate, Some(0.25));
    check("dropped_iterations", Statistic::Count, Some(1.0));
    check("iteration_start_delay", Statistic::Max, None);
    check("group_duration", Statistic::Max, None);
    check("nobody_knows", Statistic::Count, None);
}

#[test]
fn comparisons_are_strict_where_they_say_so() {
    let check = |comparison: Comparison, expected: [bool; 3]| {
        let threshold = threshold("vus", Statistic::Value, comparison, 5.0);
        assert_eq!([4.0, 5.0, 6.0].map(|value| threshold.holds(value)), expected, "{comparison:?}");
    };
    check(Comparison::Less, [true, false, false]);
    check(Comparison::LessOrEqual, [true, true, false]);
    check(Comparison::Greater, [false, false, true]);
    check(Comparison::GreaterOrEqual, [false, true, true]);
    check(Comparison::Equal, [false, true, false]);
    check(Comparison::NotEqual, [true, false, true]);
}

#[test]
fn the_first_that_applies_decides_and_all_are_listed() {
    let ends = [
        (End::Completed, None),
        (End::Interrupted, Some(Outcome::Interrupted)),
        (End::StoppedByPlan("queue never opened".into()), Some(Outcome::StoppedByPlan)),
        (End::Failed("out of file descriptors".into()), Some(Outcome::Inconclusive)),
        (End::ThresholdAbort(0), None),
    ];
    for (end, decided) in ends {
        for bits in 0..16 {
            let [slow, failing, saturated, silent] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
            let mut thresholds = vec![latency(if slow { 5.0 } else { 500.0 }), failures()];
            if silent {
                thresholds.push(threshold("group_duration", Statistic::Avg, Comparison::Less, 1.0));
            }
            let aborted = end == End::ThresholdAbort(0);
            let snapshot = snapshot(|recorder| {
                healthy(recorder);
                (0..if failing { 50 } else { 0 }).for_each(|_| request(recorder, 10, 500));
            });
            let verdict = decide(&thresholds, &facts(snapshot, end.clone(), saturated));
            let expected = match decided {
                Some(outcome) => outcome,
                None if saturated && (slow || aborted) => Outcome::Inconclusive,
                None if slow || failing || aborted => Outcome::Failed,
                None if silent || saturated => Outcome::Inconclusive,
                None => Outcome::Passed,
            };
            let case =
                format!("{end:?} slow {slow} failing {failing} saturated {saturated} silent {silent}: {verdict:?}");
            assert_eq!(verdict.outcome, expected, "{case}");
            let applying = [decided.is_some(), slow, failing, saturated, silent, aborted].map(usize::from);
            assert_eq!(verdict.reasons.len(), applying.iter().sum::<usize>(), "{case}");
        }
    }
}

#[test]
fn nothing_but_data_is_green() {
    let check = |case: &str, thresholds: &[Threshold], record: &dyn Fn(&mut Recorder), expected: Outcome| {
        let verdict = decide(thresholds, &facts(snapshot(|recorder| record(recorder)), End::Completed, false));
        assert_eq!(verdict.outcome, expected, "{case}: {verdict:?}");
    };
    let empty = || Threshold { allow_empty: true, ..threshold("poll_wait", Statistic::Max, Comparison::Less, 1.0) };
    let cut = |recorder: &mut Recorder| recorder.iteration(SITE, 0, "interrupted", None);
    check("nothing ran", &[failures()], &|_| (), Outcome::Inconclusive);
    check("nothing ran and nothing was asked", &[], &|_| (), Outcome::Inconclusive);
    check("nothing ran and emptiness is allowed", &[empty()], &|_| (), Outcome::Inconclusive);
    check(
        "iterations without a request",
        &[failures()],
        &|r| r.iteration(SITE, 0, "completed", None),
        Outcome::Inconclusive,
    );
    check("all iterations cut off", &[], &cut, Outcome::Inconclusive);
    check(
        "answers, and not one iteration to its end",
        &[failures()],
        &|r| {
            request(r, 10, 200);
            r.iteration(SITE, 0, "failed", None);
            cut(r)
        },
        Outcome::Inconclusive,
    );
    check(
        "nothing but a warm-up",
        &[failures()],
        &|r| r.iteration(SITE, WARMUP, "completed", None),
        Outcome::Inconclusive,
    );
    check(
        "target down",
        &[failures()],
        &|r| {
            request(r, 0, 0);
            cut(r)
        },
        Outcome::Failed,
    );
    check(
        "latency of nothing",
        &[latency(1e9)],
        &|r| {
            request(r, 0, 0);
            cut(r)
        },
        Outcome::Inconclusive,
    );
    check(
        "samples lost",
        &[failures()],
        &|r| {
            healthy(r);
            overflow(r)
        },
        Outcome::Inconclusive,
    );
    check(
        "a metric that nobody emits",
        &[threshold("typo", Statistic::Count, Comparison::Less, 1.0)],
        &healthy,
        Outcome::Inconclusive,
    );
    check("no threshold, with data", &[], &healthy, Outcome::Passed);
    check("emptiness allowed, and nothing else asked", &[empty()], &healthy, Outcome::Inconclusive);
    check("emptiness allowed, and something held", &[empty(), failures()], &healthy, Outcome::Passed);
    let iterations = || threshold("iterations", Statistic::Count, Comparison::Greater, 0.0);
    check(
        "iterations counted, and no request among them",
        &[iterations()],
        &|r| r.iteration(SITE, 0, "completed", None),
        Outcome::Inconclusive,
    );
    check("iterations counted", &[iterations()], &healthy, Outcome::Passed);
    check("all held", &[failures(), latency(50.0)], &healthy, Outcome::Passed);
}

#[test]
fn a_run_that_ended_in_its_warm_up_says_so() {
    let reasons = |record: &dyn Fn(&mut Recorder)| {
        decide(&[], &facts(snapshot(|recorder| record(recorder)), End::Completed, false)).reasons
    };
    let warm = |r: &mut Recorder| r.iteration(SITE, WARMUP, "completed", None);
    assert_eq!(reasons(&warm), ["no iteration began after the warm-up"]);
    assert_eq!(reasons(&|_| ()), ["no iteration ran"]);
}

#[test]
fn a_plan_that_asks_nothing_cannot_pass_unless_it_was_told_to() {
    let check = |default_thresholds: bool, expected: Outcome| {
        let snapshot = snapshot(|recorder| recorder.iteration(SITE, 0, "completed", None));
        let sleepy = Facts { has_requests: false, default_thresholds, ..facts(snapshot, End::Completed, false) };
        assert_eq!(decide(&[], &sleepy).outcome, expected);
    };
    check(true, Outcome::Inconclusive);
    check(false, Outcome::Passed);
}

#[test]
fn failed_iterations_fail_a_plan_that_says_nothing_of_them() {
    let check = |failed: u64, default_thresholds: bool, problem: &str, expected: &[&str]| {
        let snapshot = snapshot(|recorder| {
            (0..200 - failed).for_each(|_| recorder.iteration(SITE, 0, "completed", None));
            (0..failed).for_each(|_| recorder.iteration(SITE, 0, "failed", None));
            recorder.iteration(SITE, 0, "interrupted", None);
            request(recorder, 10, 200);
            recorder.problem(SITE, ProblemKind::Check, "", "a check, which ends nothing");
            if !problem.is_empty() {
                recorder.problem(SITE, ProblemKind::Extraction, "", problem);
            }
        });
        let verdict = decide(&[failures()], &Facts { default_thresholds, ..facts(snapshot, End::Completed, false) });
        assert_eq!(verdict.reasons, expected);
        let outcome = if expected.is_empty() { Outcome::Passed } else { Outcome::Failed };
        assert_eq!(verdict.outcome, outcome);
    };
    check(2, true, "no match", &[]);
    check(3, true, "no match", &["1.5 % of the iterations failed (3 of 200): reserve: no match"]);
    let require = "100 % of the iterations failed (200 of 200): a `require` did not hold (see the checks)";
    check(200, true, "", &[require]);
    check(3, false, "no match", &[]);
}

fn overflow(recorder: &mut Recorder) {
    for stage in 0..=10_000 {
        recorder.count(Metric::ExtractFailed, SITE, stage, 1);
    }
}

#[test]
fn a_target_that_is_down_fails_the_run_however_busy_it_kept_the_generator() {
    let snapshot = snapshot(|recorder| {
        request(recorder, 0, 0);
        recorder.iteration(SITE, 0, "failed", None);
    });
    assert_eq!(decide(&[failures()], &facts(snapshot, End::Completed, true)).outcome, Outcome::Failed);
}

#[test]
fn what_was_dropped_is_the_targets_doing_only_where_the_generator_was_well() {
    let dropped = threshold("dropped_iterations", Statistic::Rate, Comparison::Less, 0.01);
    for (of, saturated, expected) in [
        (10, false, Outcome::Failed),
        (10, true, Outcome::Inconclusive),
        (1000, false, Outcome::Passed),
        (1000, true, Outcome::Inconclusive),
    ] {
        let snapshot = snapshot(|recorder| {
            healthy(recorder);
            (0..of).for_each(|arrival| recorder.rate(Metric::DroppedIterations, SITE, 0, arrival == 0));
        });
        let verdict = decide(&[failures(), dropped.clone()], &facts(snapshot, End::Completed, saturated));
        assert_eq!(verdict.outcome, expected, "1 of {of}, saturated {saturated}: {:?}", verdict.reasons);
    }
}

#[test]
fn what_failed_on_the_generator_s_side_says_nothing_of_the_target() {
    let check = |end: End, status: u16, expected: Outcome| {
        let snapshot = snapshot(|recorder| {
            healthy(recorder);
            (0..50).for_each(|_| request(recorder, 10, status));
        });
        let mut facts = facts(snapshot, end, false);
        facts.generator.exhausted = Some("50 requests found no free file descriptor".to_owned());
        let verdict = decide(&[failures(), latency(50.0)], &facts);
        assert_eq!(verdict.outcome, expected, "{verdict:?}");
        let told = verdict.reasons.iter().filter(|reason| reason.contains("no free file descriptor")).count();
        assert_eq!(told, 1, "{verdict:?}");
    };
    check(End::Completed, 0, Outcome::Inconclusive);
    check(End::Completed, 200, Outcome::Inconclusive);
    check(End::ThresholdAbort(0), 0, Outcome::Inconclusive);
    check(End::Interrupted, 0, Outcome::Interrupted);
}

#[test]
fn only_a_broken_threshold_that_asks_for_it_aborts_and_only_after_its_delay() {
    let aborting =
        |threshold: Threshold| Threshold { abort_on_fail: true, delay_abort_eval: Duration::from_secs(5), ..threshold };
    let check = |threshold: Threshold, seconds: u64, expected: Option<usize>| {
        let thresholds = [failures(), threshold];
        assert_eq!(should_abort(&thresholds, &snapshot(healthy), Duration::from_secs(seconds)), expected);
    };
    check(aborting(latency(5.0)), 5, Some(1));
    check(aborting(latency(5.0)), 4, None);
    check(aborting(latency(50.0)), 5, None);
    check(latency(5.0), 5, None);
    check(aborting(threshold("poll_wait", Statistic::Max, Comparison::Less, 1.0)), 5, None);
}
