//! Who runs when, and what of it is judged, as a user sees it.

use crate::program::Run;
use crate::target::Target;

fn plan(target: &Target, text: &str) -> Run {
    Run::of(&text.replace("TARGET", &target.url()))
}

#[test]
fn sigusr1_pauses_a_run_and_resumes_it() {
    let target = Target::start();
    let text = "
http: { base_url: TARGET }
vus: 1
duration: 3s
steps: [{ get: /delay/250 }]
";
    for signals in [1, 2] {
        let before = target.received().total();
        let running = plan(&target, text).aloud().start();
        while target.received().total() == before {}
        for _ in 0..signals {
            running.signal("USR1");
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        let outcome = running.finish();
        let told = format!("{}{}", outcome.stdout, outcome.stderr);
        // 98 where other tests took the machine.
        assert!([0, 98].contains(&outcome.code), "{told}");
        assert!(outcome.stderr.contains("paused: no new iterations start"), "{told}");
        assert_eq!(outcome.stderr.contains("resumed"), signals == 2, "{told}");
        assert!(outcome.stdout.contains("- paused for "), "{told}");
        let run = &outcome.result["run"];
        let [paused, whole] = ["paused_ms", "duration_ms"].map(|key| run[key].as_u64().unwrap());
        assert!(paused > 0 && paused < whole, "{run}");
    }
}

#[test]
fn a_warm_up_and_ways_in_are_told_apart_and_everything_adds_up_to_what_the_service_saw() {
    let target = Target::start();
    let outcome = plan(
        &target,
        "
http: { base_url: TARGET }
vus: 2
duration: 3s
warmup: 1s
steps:
  - { name: login, get: /status/500, measure: false }
  - { name: work, get: /delay/20 }
thresholds: { http_req_failed: [rate<1%], http_reqs: [count>0] }
",
    )
    .finish();
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!([0, 98].contains(&outcome.code), "{told}");
    let received = target.received();
    let aside = |pointer: &str| outcome.result.pointer(pointer).and_then(|count| count.as_u64()).unwrap();
    let warm = aside("/warmup/http_reqs");
    assert!(warm > 0, "{told}");
    assert_eq!(outcome.count("http_reqs") + warm, received.requests["GET /delay/20"]);
    assert_eq!(aside("/unmeasured/login/http_reqs"), received.requests["GET /status/500"]);
    assert_eq!(aside("/unmeasured/login/failed"), received.requests["GET /status/500"]);
    assert_eq!((aside("/run/judged_from_ms"), outcome.metric("http_req_failed", "passes")), (1000, 0.0));
    let iterations = outcome.count("iterations") + aside("/warmup/iterations");
    assert_eq!(iterations, received.requests["GET /delay/20"]);
    let series = outcome.result["series"].as_array().unwrap();
    let of_series: u64 = series.iter().map(|slice| slice["http_reqs"].as_u64().unwrap()).sum();
    assert_eq!(of_series, received.requests["GET /delay/20"], "the warm-up is in the time series");
    assert!(outcome.stdout.contains(&format!("first 1s ({warm} requests) not judged")), "{told}");
    assert!(outcome.stdout.contains("not measured (`measure: false`): login"), "{told}");
}

#[test]
fn weights_share_the_load_of_the_command_line_too() {
    let target = Target::start();
    let outcome = plan(
        &target,
        "
env: { WHO: nobody }
http: { base_url: TARGET }
vus: 1
duration: 1h
scenarios:
  browse: { weight: 3, steps: [{ get: '/me/${env.WHO}' }] }
  buy: { weight: 1, env: { WHO: buyer }, steps: [{ get: '/me/${env.WHO}' }] }
thresholds: { 'iterations{scenario:browse}': [count==30], 'iterations{scenario:buy}': [count==10] }
",
    )
    .args(&["-u", "4", "-i", "40"])
    .finish();
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    let received = target.received();
    assert_eq!((received.requests["GET /me/nobody"], received.requests["GET /me/buyer"]), (30, 10));
}
