//! Branches that run at the same time, against a service that counts how many of them there are.

use crate::program::{Outcome, Run};
use crate::target::{Received, Target};

/// Runs a plan; `TARGET` in it is the service's address.
fn run(text: &str) -> (Outcome, Received) {
    let target = Target::start();
    let outcome = Run::of(&text.replace("TARGET", &target.url())).finish();
    (outcome, target.received())
}

#[test]
fn a_vu_has_as_many_requests_under_way_as_its_branches_allow_and_keeps_their_connections() {
    let gets = ["{ get: /delay/500, name: slow }"; 9].join(", ");
    let each = "for_each: { in: 'range(0, 30)', as: i, concurrency: 15 }\n    steps: [{ get: /delay/500, name: slow }]";
    // Steps, and the most requests at the same time.
    let table = [
        (format!("parallel: [{gets}]"), 9, 6),
        (format!("parallel: [{gets}]\n    max_parallel: 9"), 9, 9),
        (each.to_owned(), 30, 15),
    ];
    for (step, requests, peak) in table {
        let (outcome, received) = run(&format!("http: {{ base_url: TARGET }}\niterations: 2\nsteps:\n  - {step}\n"));
        assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
        assert_eq!((outcome.count("http_reqs"), received.total()), (2 * requests, 2 * requests));
        assert_eq!((received.peak, received.connections), (peak, peak), "{step}");
    }
}

#[test]
fn counts_agree_when_branches_are_cut_off_amid_their_requests() {
    let (outcome, received) = run("
http: { base_url: TARGET }
vus: 10
duration: 1s
graceful_stop: 500ms
steps:
  - parallel:
      - { get: /delay/20000, name: slow }
      - group: two
        steps: [{ get: /status/200 }, { get: /delay/20000, name: slow }]
      - for_each: { in: 'range(0, 5)', as: i, concurrency: 3 }
        steps: [{ get: /delay/20000, name: slow }]
thresholds: { http_reqs: [count==60] }
");
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.count("http_reqs"), received.total());
    assert_eq!(outcome.result["outcomes"]["interrupted"].as_u64(), Some(10));
    assert_eq!(outcome.metric("http_req_failed", "total"), 10.0, "cut off is neither failed nor passed");
}

#[test]
fn counts_agree_when_a_flood_of_branches_is_cut_off() {
    let (outcome, received) = run("
http: { base_url: TARGET }
vus: 20
duration: 500ms
graceful_stop: 0s
steps:
  - for_each: { in: 'range(0, 3000)', as: i, concurrency: 10 }
    steps: [{ get: '/status/200?i=${i}', name: quick }]
thresholds: { http_req_failed: [rate==0] }
");
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.count("http_reqs"), received.total());
    assert!(outcome.result["outcomes"]["interrupted"].as_u64().is_some_and(|count| count > 0));
}

#[test]
fn branches_of_many_vus_mix_up_no_names_cookies_or_lists() {
    let (outcome, received) = run("
http: { base_url: TARGET }
executor: per-vu-iterations
vus: 100
iterations: 3
on_start:
  - parallel:
      - post: /login/user-${vu.id}
        extract: { vu.token: $.data.token }
      - get: /status/200
steps:
  - for_each: { in: 'range(0, 8)', as: i, concurrency: 4 }
    steps:
      - get: /me/user-${vu.id}
        headers: { Authorization: 'Bearer ${vu.token}' }
        checks: { mine: status == 200 }
      - append: { vu.seen: '${vu.id * 100 + i}' }
  - get: /status/200
    checks:
      all seen: size(vu.seen) == 8 * (vu.iteration + 1)
      in order: range(0, size(vu.seen)).all(at, vu.seen[at] == vu.id * 100 + at % 8)
");
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!((received.users.len(), received.statuses.get(&403)), (100, None));
    assert_eq!(outcome.metric("checks", "total"), 2400.0 + 600.0);
    assert_eq!(outcome.metric("checks", "rate"), 1.0);
}
