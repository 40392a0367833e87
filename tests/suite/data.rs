//! Rows of files, as a service sees them come.

use std::collections::BTreeMap;

use crate::program::{Outcome, Run};
use crate::target::Target;

fn users(count: usize) -> String {
    let rows = (0..count).map(|k| format!("user{k:03},\"say \"\"{k}\"\"\"\r\n"));
    format!("\u{feff}name,motto\r\n{}", rows.collect::<String>())
}

fn run(target: &Target, plan: &str, rows: usize) -> Run {
    Run::of(&plan.replace("TARGET", &target.url())).file("users.csv", &users(rows))
}

/// 98 where other tests took the machine: rows must be right even then.
fn went_well(outcome: &Outcome) {
    assert!([0, 98].contains(&outcome.code), "{}{}", outcome.stdout, outcome.stderr);
}

const UNIQUE: &str = "
http: { base_url: TARGET }
data: { users: { csv: users.csv, pick: unique, on_exhausted: stop_vu } }
vus: 20
duration: 60s
steps:
  - post: '/login/${users.name}'
    body: '${users.motto}'
    checks: { own: 'json.data.token == \"token-\" + users.name' }
";

#[test]
fn each_of_300_users_logs_in_once_over_all_threads_and_the_run_ends_with_the_last() {
    let target = Target::start();
    let outcome = run(&target, UNIQUE, 300).args(&["--threads", "4"]).finish();
    went_well(&outcome);
    let expected: BTreeMap<String, u64> = (0..300).map(|k| (format!("POST /login/user{k:03}"), 1)).collect();
    assert_eq!(target.received().requests, expected);
    assert_eq!(outcome.result["outcomes"]["completed"], 300, "{}", outcome.result["outcomes"]);
    assert_eq!(outcome.metric("checks", "rate"), 1.0);
    assert!(outcome.result["run"]["duration_ms"].as_u64().unwrap() < 50_000);
    let note = "the data set `users` ran out of rows (300); VUs that ended for want of one: 20";
    assert!(outcome.stdout.contains(note), "{}", outcome.stdout);
    assert!(outcome.result["notes"].as_array().unwrap().iter().any(|known| known == note), "{}", outcome.result);
}

#[test]
fn rows_that_run_out_stop_the_test_or_come_again_where_the_plan_says_so() {
    let target = Target::start();
    let failed = run(&target, &UNIQUE.replace("stop_vu", "fail"), 50).finish();
    assert_eq!(failed.code, 108, "{}{}", failed.stdout, failed.stderr);
    let why = "the plan stopped the test: the data set `users` has no row left: all 50 were used";
    assert_eq!(failed.result["run"]["reasons"][0], why);
    let target = Target::start();
    let recycled = run(&target, &UNIQUE.replace("stop_vu", "recycle"), 50).args(&["-u", "5", "-i", "120"]).finish();
    went_well(&recycled);
    let counts: Vec<u64> = target.received().requests.values().copied().collect();
    assert_eq!((counts.len(), counts.iter().sum::<u64>()), (50, 120));
    assert!(counts.iter().all(|count| [2, 3].contains(count)), "{counts:?}");
    assert!(recycled.stdout.contains("`users` ran out of rows (50); rows used again: 70"));
}

#[test]
fn choices_are_the_same_whatever_the_number_of_threads() {
    let plan = "
http: { base_url: TARGET }
data:
  any: { csv: users.csv, pick: random }
  own: { csv: users.csv, pick: random, per: vu }
  mixed: { csv: users.csv, pick: shuffle }
  next: { csv: users.csv }
  kept: { csv: users.csv, pick: per_vu }
scenarios:
  s:
    executor: per-vu-iterations
    vus: 6
    iterations: 20
    steps:
      - get: '/vu/${vu.id}/${vu.iteration}/${any.name}/${own.name}/${kept.name}'
      - get: '/scenario/${scenario.iteration}/${mixed.name}/${next.name}'
";
    let seen = |threads: &str, seed: &str| {
        let target = Target::start();
        let outcome = run(&target, plan, 100).args(&["--threads", threads, "--seed", seed]).finish();
        went_well(&outcome);
        target.received().requests
    };
    let one = seen("1", "7");
    assert_eq!(one.values().sum::<u64>(), 240);
    assert!(one.keys().any(|path| path.starts_with("GET /vu/6/19/") && path.ends_with("/user005")), "{one:?}");
    assert!(one.keys().any(|path| path.starts_with("GET /scenario/119/") && path.ends_with("/user019")), "{one:?}");
    assert_eq!(one, seen("3", "7"));
    assert_ne!(one, seen("1", "8"));
}

#[test]
fn a_file_with_a_mistake_is_told_with_its_line_and_nothing_is_sent() {
    let target = Target::start();
    let outcome = run(&target, UNIQUE, 3).file("users.csv", "name,motto\nann,hi\nbob\n").finish();
    assert_eq!(outcome.code, 104, "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains("`users.csv`, line 3: the row has 1 field, and the header has 2"));
    assert!(outcome.stderr.contains("users.csv:3:1"), "{}", outcome.stderr);
    assert_eq!(target.received().total(), 0);
}
