//! Branches that run at the same time, on paused time: a request takes as many ms as its path ends in.

use super::*;

/// `/a/30` answers after 30 ms with `{"path": "/a/30"}`.
fn paced(path: &str) -> Reply {
    let delay = path.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let body = Bytes::from(format!("{{\"path\":\"{path}\"}}"));
    Reply { delay: Duration::from_millis(delay), body, ..Reply::default() }
}

fn gets(paths: &[&str]) -> String {
    paths.iter().map(|path| format!("{{ get: {path} }}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn branches_run_at_the_same_time_and_no_more_than_allowed() {
    let twelve = gets(&["/a/100"; 12]);
    let group = "{ group: g, steps: [{ get: /a/100 }, { get: /b/100 }] }";
    let table = [
        (format!("  - parallel: [{twelve}]\n"), 200),
        (format!("  - parallel: [{twelve}]\n    max_parallel: 2\n"), 600),
        (format!("  - parallel: [{twelve}]\n    max_parallel: 12\n"), 100),
        (format!("  - parallel: [{twelve}]\n    max_parallel: 1\n"), 1200),
        // The slowest decides; the steps within a branch come one after the other.
        (format!("  - parallel: [{}]\n", gets(&["/a/10", "/b/300", "/c/20"])), 300),
        (format!("  - parallel: [{group}, {{ get: /c/150 }}]\n"), 200),
        // A place that is free is taken at once.
        (format!("  - parallel: [{}]\n    max_parallel: 2\n", gets(&["/a/100", "/b/10", "/c/10", "/d/10"])), 100),
        ("  - parallel: [{ parallel: [{ get: /a/100 }, { get: /a/100 }] }, { get: /b/50 }]\n".to_owned(), 100),
        ("  - for_each: { in: 'range(0, 10)', as: i, concurrency: 5 }\n    steps: [{ get: /a/100 }]\n".to_owned(), 200),
        ("  - for_each: { in: 'range(0, 3)', as: i, concurrency: 1 }\n    steps: [{ get: /a/100 }]\n".to_owned(), 300),
        ("  - for_each: { in: 'range(0, 0)', as: i, concurrency: 9 }\n    steps: [{ get: /a/100 }]\n".to_owned(), 0),
    ];
    for (steps, ms) in table {
        let seen = iterate(&steps, paced);
        // Timers round up to a millisecond.
        let took = seen.took.as_millis();
        assert!((ms..ms + 10).contains(&took), "{took} ms for {steps}");
        assert_eq!(seen.count(Metric::HttpReqs, &[]), seen.sent.len() as u64);
    }
}

#[test]
fn what_branches_leave_behind_depends_on_how_they_are_written_and_not_on_which_is_faster() {
    let say = "  - log: '${x} ${json_encode(list)} ${json.path}'\n";
    let branch = |ms: &str, x: u64| {
        format!(
            "      - group: g{x}\n        steps: [{{ get: /{x}/{ms} }}, {{ set: {{ x: {x} }} }}, {{ append: {{ list: {x} }} }}]\n"
        )
    };
    for delays in [["10", "20", "30"], ["30", "20", "10"], ["20", "30", "10"]] {
        let branches: String = delays.iter().zip(1..).map(|(ms, x)| branch(ms, x)).collect();
        let seen = iterate(&format!("  - set: {{ x: 0, list: [0] }}\n  - parallel:\n{branches}{say}"), paced);
        assert_eq!(seen.heard, [format!("info 3 [0,1,2,3] /3/{}", delays[2])]);
    }
}

#[test]
fn a_branch_sees_what_was_before_and_nothing_of_the_others() {
    let seen = iterate(
        r"  - get: /first
  - set: { list: [0], x: before }
  - parallel:
      - group: a
        steps:
          - append: { list: 1 }
          - set: { x: mine }
          - sleep: 10ms
          - log: 'a ${json.path} ${x} ${json_encode(list)}'
      - group: b
        steps:
          - sleep: 5ms
          - log: 'b ${json.path} ${x} ${json_encode(list)}'
  - log: '${json.path} ${x} ${json_encode(list)}'
",
        paced,
    );
    assert_eq!(seen.heard, ["info b /first before [0]", "info a /first mine [0,1]", "info /first mine [0,1]"]);
}

#[test]
fn a_list_that_fifty_items_append_to_at_the_same_time_has_all_of_them_in_order() {
    let seen = iterate(
        r"  - append: { ids: first }
  - for_each: { in: 'range(0, 50)', as: i, concurrency: 50 }
    steps:
      - get: /n/${100 - i * 2}
      - append: { ids: '${i}' }
      - if: i == 3
        then: [{ set: { only: '${i}' } }]
  - log: '${json_encode(ids)} ${i} ${only.orValue(0)} ${json.path}'
",
        paced,
    );
    let ids: Vec<String> = (0..50).map(|i| i.to_string()).collect();
    assert_eq!(seen.heard, [format!("info [\"first\",{}] 49 3 /n/2", ids.join(","))]);
}

#[test]
fn a_list_that_is_assigned_anew_drops_what_earlier_branches_added() {
    let branches = "{ append: { l: 1 } }, { set: { l: [2] } }, { append: { l: 3 } }, { append: { l: 4 } }";
    let steps = format!("  - set: {{ l: [0] }}\n  - parallel: [{branches}]\n  - log: '${{json_encode(l)}}'\n");
    assert_eq!(iterate(&steps, paced).heard, ["info [2,3,4]"]);
}

#[test]
fn the_worst_ending_of_a_branch_counts_when_all_have_ended() {
    let table = [
        ("{ stop: { iteration: early } }", Finished::Next, "early", 3),
        ("{ get: /f/5, require: [status == 201] }, { stop: { iteration: early } }", Finished::Next, "failed", 4),
        ("{ stop: { iteration: one } }, { stop: { iteration: two } }", Finished::Next, "two", 3),
        ("{ outcome: one }, { outcome: two }", Finished::Next, "two", 3),
    ];
    for (endings, finished, outcome, sent) in table {
        let seen = iterate(&format!("  - parallel: [{endings}, {}]\n", gets(&["/a/10", "/b/20", "/c/30"])), paced);
        assert_eq!((&seen.finished, seen.sent.len()), (&finished, sent), "{endings}");
        assert_eq!(seen.count(Metric::Iterations, &[("outcome", outcome)]), 1, "{endings}: {:?}", seen.problems());
        assert_eq!(seen.snapshot.rate(Metric::HttpReqFailed, &[]), Some((0, sent as u64)), "none is cut off");
    }
}

#[test]
fn stopping_the_vu_or_the_test_cuts_the_other_branches_off_at_once() {
    let table = [("stop: vu", Finished::VuStops), ("stop: { test: enough }", Finished::TestStops("enough".to_owned()))];
    for (stop, finished) in table {
        let steps = format!(
            "  - parallel: [{{ group: g, steps: [{{ sleep: 15ms }}, {{ {stop} }}] }}, {}]\n    max_parallel: 3\n  - get: /never\n",
            gets(&["/a/10", "/b/500", "/c/500", "/d/500"])
        );
        let seen = iterate(&steps, paced);
        assert_eq!(seen.finished, finished);
        assert_eq!(seen.lines().len(), 3, "{:?}", seen.lines());
        assert_eq!(seen.count(Metric::HttpReqs, &[]), 3);
        assert_eq!(seen.snapshot.rate(Metric::HttpReqFailed, &[]), Some((0, 1)), "cut off is neither");
        assert!(seen.took < Duration::from_millis(30), "{:?}", seen.took);
    }
}

#[test]
fn an_iteration_cut_off_amid_branches_counts_each_request_and_keeps_what_was_done() {
    let seen = iterate_within(
        &[Duration::from_millis(50), Duration::from_secs(1)],
        r"  - if: vu.iteration == 1
    then: [{ log: '${json_encode(vu.done.orValue([]))} ${vu.?half.orValue(0)}' }, { stop: iteration }]
  - parallel:
      - group: nested
        steps:
          - parallel: [{ get: /a/500 }, { get: /b/500 }, { append: { vu.done: nested } }]
      - group: flat
        steps: [{ get: /c/10 }, { append: { vu.done: flat } }, { set: { vu.half: 1 } }, { get: /d/500 }]
      - get: /e/20
",
        paced,
    );
    assert_eq!(seen.sent.len(), 5);
    assert_eq!(seen.count(Metric::HttpReqs, &[]), 5);
    assert_eq!(seen.snapshot.rate(Metric::HttpReqFailed, &[]), Some((0, 2)), "three were cut off");
    assert_eq!(seen.count(Metric::Iterations, &[("outcome", "interrupted")]), 1);
    assert_eq!(seen.heard, ["info [\"nested\",\"flat\"] 1"]);
}

#[test]
fn random_numbers_of_a_branch_do_not_depend_on_how_fast_the_others_are() {
    let heard = |delay: u64| {
        let mut seen = iterate(
            &format!(
                "  - for_each: {{ in: 'range(0, 6)', as: i, concurrency: 3 }}\n    steps: [{{ get: '/n/${{i * {delay} % 7}}' }}, {{ log: '${{i}} ${{random_int(1, 1000000)}}' }}]\n  - log: 'after ${{random_int(1, 1000000)}}'\n"
            ),
            paced,
        );
        seen.heard.sort();
        seen.heard
    };
    let first = heard(1);
    let drawn: std::collections::BTreeSet<&str> = first.iter().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!((first.len(), drawn.len()), (7, 7), "{first:?}");
    assert_eq!(heard(5), first);
}

#[test]
fn cookies_and_secrets_of_branches_are_the_vus_afterwards() {
    let seen = iterate(
        r"  - parallel:
      - get: /login
        extract: { token: { header: x-token, secret: true } }
      - get: /theme
  - get: /both
  - log: 'have ${token}'
",
        |path| match path {
            "/login" => headed(200, &[("set-cookie", "session=1"), ("x-token", "tok-4711")]),
            "/theme" => headed(200, &[("set-cookie", "theme=dark")]),
            _ => Reply::default(),
        },
    );
    let cookies = seen.sent[2].headers["cookie"].to_str().unwrap();
    assert!(cookies.contains("session=1") && cookies.contains("theme=dark"), "{cookies}");
    assert!(!seen.sent[1].headers.contains_key("cookie"), "they set out together");
    assert_eq!(seen.heard, ["info have ***"]);
}

#[test]
fn branches_that_only_compute_leave_the_others_their_turn() {
    let steps =
        "  - for_each: { in: 'range(0, 100000)', as: i, concurrency: 10 }\n    steps: [{ set: { x: '${i}' } }]\n";
    let graph = compile("", steps);
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async {
        let recorder = Rc::new(RefCell::new(Recorder::new(0)));
        let console: Rc<dyn Console> = Rc::new(Heard::default());
        let identity = Identity { id: 1, scenario: 0, scenario_start: now() };
        let mut vu = Vu::new(
            &graph,
            identity,
            Scripted::new(|request| paced(request.uri.path())).session(),
            &Arc::new(Supply::new(&graph.data, graph.seed)),
            &recorder,
            &console,
        );
        let turns = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = vu.iterate(0, None) => panic!("it took the thread for itself"),
            () = turns => {}
        }
    });
}
