//! How requests are delivered, from a plan to a service that unpacks, challenges and refuses.

use crate::challenge::PASSWORD;
use crate::program::{Outcome, Run};
use crate::target::Target;

/// Runs a plan; `TARGET` in it is the service's address.
fn run(target: &Target, text: &str, arguments: &[&str]) -> Outcome {
    Run::of(&text.replace("TARGET", &target.url())).args(arguments).finish()
}

#[test]
fn packed_bodies_come_out_as_they_were() {
    let target = Target::start();
    let text = "
http: { base_url: TARGET, compression: gzip }
vars: { n: 7 }
steps:
  - { post: /echo, json: { n: '${n}', vu: '${vu.id}' }, checks: [json.n == 7] }
  - { post: /echo, body: constant, compression: br, checks: [body == 'constant'] }
  - { post: /echo, form: { a: 'x ${vu.id}' }, compression: zstd, checks: [body == 'a=x+1'] }
  - { post: /echo, body: 'twice ${vu.id}', compression: [deflate, gzip], checks: [body == 'twice 1'] }
  - { post: /echo, body: bare, compression: none, checks: [body == 'bare'] }
";
    let outcome = run(&target, text, &["-i", "3"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    let received = target.received();
    let sent = |request: usize| {
        let found = received.headers[request].iter().find(|(name, _)| name == "content-encoding");
        found.map_or("", |(_, value)| value.as_str())
    };
    assert_eq!([0, 1, 2, 3, 4].map(sent), ["gzip", "br", "zstd", "deflate, gzip", ""]);
    assert_eq!(outcome.metric("checks", "passes"), 15.0);
}

#[test]
fn a_server_that_demands_digest_is_answered_and_every_hop_is_counted() {
    let target = Target::start();
    let text = format!(
        "
env: {{ PASSWORD: {{ secret: true, required: true }} }}
http: {{ base_url: TARGET }}
scenarios:
  all:
    executor: per-vu-iterations
    vus: 5
    iterations: 4
    steps:
      - get: /digest/sha-ann?page=${{vu.iteration}}
        auth: {{ digest: {{ username: sha-ann, password: '${{env.PASSWORD}}' }} }}
        checks: [status == 200]
      - post: /digest/bob
        body: x
        auth: {{ digest: {{ username: bob, password: '{PASSWORD}' }} }}
        checks: [status == 200]
      - get: /digest/eve
        auth: {{ digest: {{ username: eve, password: wrong }} }}
        expect: 401
        checks: [status == 401]
"
    );
    let outcome = run(&target, &text, &["-e", &format!("PASSWORD={PASSWORD}")]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    let received = target.received();
    assert_eq!(outcome.count("http_reqs"), received.total());
    // Each VU is challenged once as ann and once as bob; eve is refused again with every answer.
    assert_eq!((received.statuses[&200], received.statuses[&401]), (40, 5 * (1 + 1 + 2 * 4)));
    assert_eq!(outcome.metric("http_req_failed", "passes"), 0.0);
    assert!(!format!("{}{}{}", outcome.stdout, outcome.stderr, outcome.result).contains(PASSWORD));
}

#[test]
fn a_known_challenge_is_answered_at_once() {
    let target = Target::start();
    let text = format!(
        "
http: {{ base_url: TARGET, auth: {{ digest: {{ username: sha-ann, password: {PASSWORD} }} }} }}
steps: [{{ get: /digest/sha-ann }}, {{ head: /digest/sha-ann }}]
"
    );
    let outcome = run(&target, &text, &["-u", "1", "-i", "10"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    let received = target.received();
    assert_eq!((received.statuses[&401], received.statuses[&200]), (1, 20));
}

#[test]
fn every_attempt_is_counted_and_the_last_one_is_the_answer() {
    let target = Target::start();
    let text = "
http: { base_url: TARGET, retry: { attempts: 3, backoff: 1ms } }
steps:
  - { post: /flaky/2, body: x, checks: [status == 200] }
  - { get: /status/503, name: down, checks: [status == 503] }
  - { get: /status/404, checks: [status == 404] }
  - { get: 'http://127.0.0.1:1/', checks: [error_code == 1212], retry: { attempts: 2, on: error, backoff: 1ms } }
  - { get: /delay/5000, timeout: 50ms, checks: [status == 0], retry: { attempts: 2, on: timeout, backoff: 1ms } }
thresholds: { http_reqs: [count>0] }
";
    let outcome = run(&target, text, &["-u", "1", "-i", "5"]);
    let (received, all) = (target.received(), outcome.count("http_reqs"));
    assert_eq!(outcome.metric("checks", "passes"), 25.0, "{}", outcome.stdout);
    assert_eq!(received.requests["POST /flaky/2"], 10);
    assert_eq!(received.requests["GET /status/503"], 15);
    assert_eq!(outcome.count("http_reqs{name:down}"), 15);
    assert_eq!(received.requests["GET /status/404"], 5);
    assert_eq!((all, received.total()), (5 * (2 + 3 + 1 + 2 + 2), 5 * (2 + 3 + 1 + 2)));
    assert_eq!(outcome.metric("http_req_failed", "passes"), 5.0 * (1.0 + 3.0 + 1.0 + 2.0 + 2.0));
}

#[test]
fn a_pause_between_attempts_that_is_cut_off_is_no_request() {
    let target = Target::start();
    let text = "
http: { base_url: TARGET, retry: { attempts: 9, backoff: 20s } }
vus: 5
duration: 500ms
graceful_stop: 100ms
steps: [{ get: /status/503 }]
thresholds: { http_reqs: [count==5] }
";
    let outcome = run(&target, text, &[]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!((target.received().total(), outcome.result["outcomes"]["interrupted"].as_u64()), (5, Some(5)));
}

#[test]
fn a_multipart_form_arrives_with_all_its_parts() {
    let target = Target::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seat.bin");
    std::fs::write(&path, [0, 159, 146, 150, 13, 10]).unwrap();
    let text = format!(
        "
http: {{ base_url: TARGET }}
steps:
  - post: /parts
    multipart:
      title: 'plan of ${{vu.id}}'
      meta: {{ json: {{ id: '${{vu.id}}' }} }}
      file: {{ file: {}, content_type: image/x }}
    checks:
      all: json == ['title  9', 'meta application/json 8', 'file image/x 6']
",
        path.display()
    );
    let outcome = run(&target, &text, &["-i", "2"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.metric("checks", "passes"), 2.0);
}

#[test]
fn a_body_beyond_the_limit_is_a_failure_that_names_it() {
    let target = Target::start();
    let text = "
http: { base_url: TARGET }
steps: [{ post: /echo, body: '${random_string(3000)}', max_body: 2KiB }]
";
    let outcome = run(&target, text, &["-i", "1"]);
    assert_eq!(outcome.code, 99, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("larger than 2KiB") && outcome.stdout.contains("max_body"), "{}", outcome.stdout);
    let enough = run(&target, &text.replace("2KiB", "3KB"), &["-i", "1"]);
    assert_eq!(enough.code, 0, "{}", enough.stdout);
}
