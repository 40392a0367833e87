//! From a plan to an exit code, against a service that counts for itself.

use crate::program::Run;
use crate::target::Target;

/// Runs a plan; `TARGET` in it is the service's address.
fn plan(target: &Target, text: &str) -> Run {
    Run::of(&text.replace("TARGET", &target.url()))
}

#[test]
fn every_count_equals_the_services_at_one_vu() {
    counts_agree(1, "500");
}

#[test]
fn every_count_equals_the_services_at_2000_vus() {
    counts_agree(2000, "6000");
}

fn counts_agree(vus: u64, iterations: &str) {
    let target = Target::start();
    let outcome = plan(
        &target,
        "
http: { base_url: TARGET }
steps:
  - get: /status/200
    checks: { ok: status == 200, never: status == 500 }
  - get: /status/404
  - get: /status/500
    name: broken
  - get: /redirect/2
  - post: /login/${scenario.iteration}
    extract: { token: $.data.token }
  - outcome: \"${vu.id % 2 == 0 ? 'even' : 'odd'}\"
thresholds: { http_reqs: [count>0] }
",
    )
    .args(&["-u", &vus.to_string(), "-i", iterations])
    .finish();
    let (received, iterations) = (target.received(), iterations.parse::<u64>().unwrap());
    // 98 where other tests took the machine: counts must be right even then.
    assert!([0, 98].contains(&outcome.code), "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.count("http_reqs"), received.total());
    assert_eq!(received.total(), iterations * 7);
    assert_eq!(outcome.count("http_reqs{name:broken}"), received.requests["GET /status/500"]);
    assert_eq!(outcome.metric("http_req_failed", "passes") as u64, iterations * 2);
    assert_eq!(received.statuses[&302], iterations * 2);
    assert_eq!(received.users.len() as u64, iterations, "distinct users");
    let checks = outcome.result["checks"].as_array().unwrap();
    let named = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap();
    assert_eq!((named("ok")["passes"].as_u64(), named("ok")["fails"].as_u64()), (Some(iterations), Some(0)));
    assert_eq!((named("never")["passes"].as_u64(), named("never")["fails"].as_u64()), (Some(0), Some(iterations)));
    let outcomes = &outcome.result["outcomes"];
    let sum = outcomes["even"].as_u64().unwrap_or(0) + outcomes["odd"].as_u64().unwrap_or(0);
    assert_eq!(sum, iterations, "{outcomes}");
}

#[test]
fn counts_agree_when_a_threshold_ends_the_run() {
    let target = Target::start();
    let outcome = plan(
        &target,
        "
http: { base_url: TARGET }
vus: 50
duration: 60s
steps:
  - get: /delay/30
  - get: /status/500
thresholds:
  http_req_failed: [{ threshold: rate<0.1, abort_on_fail: true }]
",
    )
    .finish();
    assert_eq!(outcome.code, 99, "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.count("http_reqs"), target.received().total());
    assert!(outcome.result["outcomes"]["interrupted"].as_u64().unwrap() > 0, "{}", outcome.result["outcomes"]);
}

#[test]
fn counts_agree_after_ctrl_c_which_lets_iterations_finish() {
    let target = Target::start();
    let running = plan(
        &target,
        "
http: { base_url: TARGET }
vus: 50
duration: 60s
steps: [{ get: /delay/300 }, { get: /status/200 }]
",
    )
    .start();
    while target.received().total() == 0 {}
    running.interrupt();
    let outcome = running.finish();
    assert_eq!(outcome.code, 105, "{}{}", outcome.stdout, outcome.stderr);
    let received = target.received();
    assert_eq!(outcome.count("http_reqs"), received.total());
    assert_eq!(outcome.result["outcomes"]["completed"].as_u64(), Some(received.requests["GET /status/200"]));
    assert_eq!(outcome.result["outcomes"]["interrupted"].as_u64().unwrap_or(0), 0);
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let target = Target::start();
    let running =
        plan(&target, "{ http: { base_url: TARGET }, vus: 2, duration: 60s, steps: [{ get: /delay/55000 }] }").start();
    while target.received().total() == 0 {}
    running.interrupt();
    std::thread::sleep(std::time::Duration::from_millis(300));
    running.interrupt();
    let outcome = running.finish();
    assert_eq!(outcome.code, 105, "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!((outcome.count("http_reqs"), target.received().total()), (2, 2));
}

#[test]
fn counts_agree_when_the_graceful_end_cuts_requests_off() {
    let target = Target::start();
    let outcome = plan(
        &target,
        "
http: { base_url: TARGET }
vus: 20
duration: 1s
graceful_stop: 500ms
steps: [{ get: /status/200 }, { get: /delay/20000 }]
thresholds: { http_reqs: [count==40] }
",
    )
    .finish();
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.count("http_reqs"), target.received().total());
    assert_eq!(outcome.result["outcomes"]["interrupted"].as_u64(), Some(20));
    assert_eq!(outcome.metric("http_req_failed", "total"), 20.0, "cut off is neither failed nor passed");
}

#[test]
fn vus_never_mix_up_variables_cookies_or_tokens() {
    let target = Target::start();
    let outcome = plan(
        &target,
        "
http: { base_url: TARGET }
scenarios:
  visitors:
    executor: per-vu-iterations
    vus: 300
    iterations: 4
    on_start:
      - set: { vu.me: 'user-${vu.id}' }
      - post: /login/${vu.me}
        extract: { vu.token: $.data.token }
    steps:
      - set: { mine: 'user-${vu.id}' }
      - get: /me/${mine}
        headers: { Authorization: 'Bearer ${vu.token}' }
        checks: { mine: status == 200 }
      - get: /me/${vu.me}
        headers: { Authorization: 'Bearer token-${mine}' }
        checks: { still mine: status == 200 }
",
    )
    .finish();
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    let received = target.received();
    assert_eq!(received.users.len(), 300);
    assert_eq!(received.statuses.get(&403), None);
    assert_eq!(outcome.metric("checks", "total"), 2400.0);
}

#[test]
fn what_a_rate_asks_for_is_sent_or_counted_as_dropped() {
    // Load, the path, how many are due, and whether there are VUs enough for that.
    let table = [
        ("rate: 300\nduration: 2s\nthresholds: { http_reqs: [count>0] }", "/status/200", 600, true),
        (
            "start_rate: 100\nstages: [{ duration: 1s, target: 300 }]\npre_allocated_vus: 50\nmax_vus: 300",
            "/delay/10",
            200,
            true,
        ),
        ("rate: 200\nduration: 2s\nmax_vus: 3", "/delay/100", 400, false),
    ];
    for (load, path, due, enough) in table {
        let target = Target::start();
        let outcome = plan(&target, &format!("{load}\nsteps: [{{ get: 'TARGET{path}' }}]\n")).finish();
        let all = format!("{load}\n{}{}", outcome.stdout, outcome.stderr);
        // 98 where other tests took the machine: counts must be right even then.
        assert!([if enough { 0 } else { 99 }, 98].contains(&outcome.code), "{all}");
        let dropped = outcome.metric("dropped_iterations", "passes") as u64;
        assert_eq!(outcome.metric("dropped_iterations", "total") as u64, due, "{all}");
        assert_eq!(outcome.count("http_reqs"), due - dropped, "{all}");
        assert_eq!(outcome.count("http_reqs"), target.received().total(), "{all}");
        assert_eq!(outcome.count("iteration_start_delay"), due - dropped, "{all}");
        assert_eq!(dropped > 0, !enough, "{all}");
        assert!(outcome.stdout.contains("dropped iterations: "), "{all}");
        // Stated where it stands among thresholds of the plan's own.
        assert_eq!(outcome.stdout.contains("is the default threshold"), load.contains("thresholds"), "{all}");
    }
}

#[test]
fn a_freeze_of_the_service_shows_in_max_and_p99() {
    let target = Target::start();
    let outcome = plan(
        &target,
        "
http: { base_url: TARGET }
scenarios:
  steady:
    vus: 10
    duration: 5s
    executor: constant-vus
    steps: [{ get: /status/200, name: steady }, { sleep: 100ms }]
  freezer:
    executor: per-vu-iterations
    vus: 1
    iterations: 1
    start_time: 1s
    steps: [{ post: /freeze/2000 }]
thresholds: { 'http_req_duration{name:steady}': [max>=1850, p(99)>=1850, p(50)<1850] }
",
    )
    .finish();
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
}

#[test]
fn each_verdict_has_its_exit_code() {
    let target = Target::start();
    let nobody = "http://127.0.0.1:1";
    let url = target.url();
    // Plan, exit code, part of what is said about it.
    let table: [(String, i32, &str); 11] = [
        (format!("{{ iterations: 3, steps: [{{ get: '{url}/status/200' }}] }}"), 0, "passed"),
        (format!("{{ iterations: 3, steps: [{{ get: '{url}/status/500' }}] }}"), 99, "http_req_failed"),
        (format!("{{ iterations: 3, steps: [{{ get: '{nobody}/' }}] }}"), 99, "refused"),
        (
            format!(
                "{{ iterations: 3, steps: [{{ get: '{nobody}/' }}], thresholds: {{ http_req_duration: [p(95)<500] }} }}"
            ),
            98,
            "no data",
        ),
        (format!("{{ iterations: 1, steps: [{{ get: '{url}/ok', checks: [status == 201] }}] }}"), 99, "checks"),
        (
            format!("{{ iterations: 1, steps: [{{ get: '{url}/ok' }}, {{ stop: {{ test: 'out of seats' }} }}] }}"),
            108,
            "out of seats",
        ),
        (
            format!(
                "{{ iterations: 1, steps: [{{ get: '{url}/ok' }}], thresholds: {{ http_req_durations: [max<1] }} }}"
            ),
            104,
            "did you mean",
        ),
        ("{ iterations: 1, steps: [".to_owned(), 104, "plan.yaml:1"),
        (
            format!("{{ iterations: 1, steps: [{{ get: '{url}/ok', extract: {{ id: $.id }} }}] }}"),
            99,
            "100 % of the iterations failed",
        ),
        (
            format!(
                "{{ iterations: 1, steps: [{{ get: '{url}/ok' }}], thresholds: {{ 'http_req_duration{{status:503}}': [{{ threshold: p(95)<1, allow_empty: true }}] }} }}"
            ),
            98,
            "no threshold had any data",
        ),
        (
            format!(
                "{{ iterations: 1, steps: [{{ get: '{url}/ok' }}], thresholds: {{ http_reqs: [count==1], 'http_req_duration{{status:503}}': [{{ threshold: p(95)<1, allow_empty: true }}] }} }}"
            ),
            0,
            "passed",
        ),
    ];
    for (text, code, said) in table {
        let outcome = Run::of(&text).finish();
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert_eq!(outcome.code, code, "{text}\n{all}");
        assert!(all.contains(said), "`{said}` is missing for {text}\n{all}");
    }
}

#[test]
fn bodies_queries_forms_and_headers_arrive_as_written() {
    let target = Target::start();
    let outcome = plan(
        &target,
        r#"
http: { base_url: TARGET, headers: { X-Plan: 한글 } }
iterations: 1
vars: { list: [1, 2], big: 9007199254740993 }
steps:
  - post: /echo
    json: { n: "${big}", text: "id ${big}", list: "${list}", none: null, nested: { a: [true, "${1.5}"] } }
    checks: { integers stay integers: json.n == 9007199254740993 }
  - post: /echo
    form: { user: "a b&c", tag: "${list}" }
  - post: /echo
    body: "plain ${big}"
    query: { q: "x y", tag: "${list}" }
  - get: /basic
    auth: { basic: { username: me, password: "pass:word" } }
"#,
    )
    .finish();
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    let received = target.received();
    assert_eq!(
        received.bodies,
        [
            r#"{"n":9007199254740993,"text":"id 9007199254740993","list":[1,2],"none":null,"nested":{"a":[true,1.5]}}"#,
            "user=a+b%26c&tag=1&tag=2",
            "plain 9007199254740993",
        ]
    );
    let header = |request: usize, name: &str| {
        let found = received.headers[request].iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!(header(0, "content-type"), "application/json");
    assert_eq!(header(0, "x-plan"), "한글");
    assert_eq!(header(1, "content-type"), "application/x-www-form-urlencoded");
    assert_eq!(header(3, "authorization"), "Basic bWU6cGFzczp3b3Jk");
    assert!(header(3, "user-agent").starts_with("proofload/"));
}

#[test]
fn the_same_seed_makes_the_same_choices() {
    let bodies = |seed: &str| {
        let target = Target::start();
        let text = "
http: { base_url: TARGET }
steps:
  - post: /echo
    body: '${random_int(1, 1000000)} ${uuid()} ${random_string(8)}'
  - choose:
      - { weight: 1, steps: [{ post: /echo, body: one }] }
      - { weight: 3, steps: [{ post: /echo, body: three }] }
";
        let outcome = plan(&target, text).args(&["-u", "1", "-i", "20", "--seed", seed]).finish();
        assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
        target.received().bodies
    };
    let first = bodies("7");
    assert_eq!(first, bodies("7"));
    assert_ne!(first, bodies("8"));
}

#[test]
fn a_check_on_the_time_of_a_request_without_a_response_fails() {
    let outcome = Run::of(
        "{ iterations: 1, steps: [{ get: 'http://127.0.0.1:1/', checks: [timings.duration < 1000] }], thresholds: { checks: [rate>0.99] } }",
    )
    .finish();
    assert_eq!(outcome.code, 99, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("no time"), "{}", outcome.stdout);
}

#[test]
fn a_service_that_is_not_ready_is_waited_for_and_then_given_up() {
    let target = Target::start();
    let plan = format!("{{ iterations: 1, steps: [{{ get: '{}/ok' }}] }}", target.url());
    let ready = Run::of(&plan).args(&["--wait-for", &format!("{}/status/204", target.url())]).finish();
    assert_eq!((ready.code, target.received().requests["GET /status/204"]), (0, 1), "{}", ready.stderr);
    let never = Run::of(&plan)
        .args(&["--wait-timeout", "300ms", "--wait-for", &format!("{}/status/503", target.url())])
        .finish();
    assert_eq!(never.code, 1, "{}", never.stderr);
    assert!(never.stderr.contains("503"), "{}", never.stderr);
    assert_eq!(target.received().requests["GET /ok"], 1, "nothing is sent to a service that is not ready");
}

#[test]
fn a_plan_beyond_the_descriptor_limit_is_refused_with_the_command_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("plan.yaml"),
        "{ vus: 1000, duration: 1s, steps: [{ get: 'http://127.0.0.1:1/' }] }",
    )
    .unwrap();
    let command = format!("ulimit -n 256; {} run plan.yaml", env!("CARGO_BIN_EXE_proofload"));
    let output = std::process::Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(98), "{said}");
    assert!(said.contains("ulimit -n 1080") || said.contains("ulimit -n 1072"), "{said}");
}

#[test]
fn a_result_that_has_nowhere_to_go_is_refused_before_the_run() {
    let target = Target::start();
    for (out, said) in [("missing/result.json", "does not exist"), ("-", "no file"), (".", "is a folder")] {
        let outcome = plan(&target, "{ iterations: 1, steps: [{ get: 'TARGET/ok' }] }").out(out).finish();
        assert_eq!(outcome.code, 104, "{out}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{out}: {}", outcome.stderr);
    }
    assert_eq!(target.received().total(), 0);
}

#[test]
fn a_redirect_without_an_end_is_a_failed_request() {
    let target = Target::start();
    let outcome = plan(&target, "{ iterations: 1, steps: [{ get: 'TARGET/redirect/99' }] }").finish();
    assert_eq!(outcome.code, 99, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("more than 10 redirects"), "{}", outcome.stdout);
    assert_eq!(outcome.count("http_reqs"), target.received().total());
}

#[test]
fn explain_hides_a_secret_in_its_encoded_forms_too() {
    let folder = tempfile::tempdir().unwrap();
    // The base URL is printed as it is, since it never varies.
    let text = r#"
env: { PW: { secret: true } }
http: { base_url: 'http://127.0.0.1:1/${env.PW}/${base64_encode("me:" + env.PW)}' }
steps: [{ get: /a }]
"#;
    std::fs::write(folder.path().join("plan.yaml"), text).unwrap();
    let mut explain = crate::program::proofload();
    explain.current_dir(folder.path()).args(["explain", "plan.yaml", "-e", "PW=correct-horse"]);
    let output = explain.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("***"), "{said}");
    // `me:correct-horse` in Base64.
    assert!(!said.contains("correct-horse") && !said.contains("bWU6Y29ycmVjdC1ob3JzZQ"), "{said}");
}
