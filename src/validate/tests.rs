//! Plans and what is said about them, as data.

use std::collections::BTreeMap;

use super::*;
use crate::diagnostic::Severity;
use crate::judge::{Comparison, Statistic};
use crate::load::{MaxVus, Open, Part, Spacing};
use crate::source::Format;

fn source(text: &str) -> Source {
    Source::new("plan.yaml", Format::Yaml, text)
}

/// What is found in a plan: `code at line:column`, in order. Small plans have no checks, and nobody asks here whether they should.
fn found_in(text: &str, overrides: &Overrides, environment: &[(&str, &str)]) -> Vec<String> {
    let source = source(text);
    let told = |found: &Diagnostics| -> Vec<String> {
        found.found.iter().filter(|one| one.code != "no-checks").map(|one| told(&source, one)).collect()
    };
    let plan = crate::plan::parse(&source);
    let read = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    match check(&plan, &source, overrides, &read) {
        Ok((_, found)) | Err(found) => told(&found),
    }
}

fn told(source: &Source, found: &Diagnostic) -> String {
    let kind = if found.severity == Severity::Warning { "warning " } else { "" };
    let place = found.span.map_or("nowhere".to_owned(), |span| {
        let place = source.place(span.start);
        format!("{}:{}", place.line, place.column)
    });
    format!("{kind}{} at {place}", found.code)
}

/// Rows of a plan and what must be said about it.
fn check_all(rows: &[(&str, &[&str])]) {
    check_all_with(&rows.iter().map(|(text, expected)| (*text, Overrides::default(), *expected)).collect::<Vec<_>>());
}

fn check_all_with(rows: &[(&str, Overrides, &[&str])]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(text, overrides, expected)| {
            let found = found_in(text, overrides, &[]);
            (found != *expected).then(|| format!("{text}\n  expected {expected:?}\n  found    {found:?}\n"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_said_never_holds_the_value_of_a_secret() {
    let secret = "s3cr3t p&w+/é";
    let head = "env: { PW: { secret: true, required: true } }\n";
    for (rest, expected) in [
        ("steps: [{ get: 'http://h/p/${env.PW}?q=${env.PW}' }]", ""),
        ("steps: [{ get: 'http://${env.PW}/' }]", "bad-url"),
        ("steps: [{ get: 'http://h:${env.PW}/' }]", "bad-url"),
        ("steps: [{ get: 'http://${env.PW}@h/' }]", "bad-url"),
        ("http: { base_url: '${env.PW}' }\nsteps: [{ get: /x }]", "bad-url"),
        ("http: { base_url: 'ftp://${env.PW}' }\nsteps: [{ get: /x }]", "bad-url"),
        ("vars: { n: '${int(env.PW)}' }\nsteps: [{ get: http://h/ }]", "bad-var"),
        ("vars: { n: '${env.PW}', m: '${n.x}' }\nsteps: [{ get: http://h/ }]", "bad-var"),
        ("tags: { t: '${env.PW.x}' }\nsteps: [{ get: http://h/ }]", "bad-constant"),
        (
            "tags: { t: '${env.PW}' }\nsteps: [{ get: http://h/ }]\nthresholds: { 'http_reqs{t:x}': count>1 }",
            "unknown-tag-value",
        ),
        (
            "http: { proxy: '${env.PW}', local_address: '${env.PW}' }\nsteps: [{ get: http://h/ }]",
            "bad-proxy bad-address",
        ),
        ("http: { proxy: 'http://h:${env.PW}' }\nsteps: [{ get: http://h/ }]", "bad-proxy"),
        ("http: { resolve: { h: '${env.PW}' } }\nsteps: [{ get: http://h/ }]", "bad-address"),
        ("http: { tls: { server_name: '${env.PW}' } }\nsteps: [{ get: http://h/ }]", "bad-server-name"),
    ] {
        let source = source(&format!("{head}{rest}"));
        let plan = crate::plan::parse(&source);
        let read = |name: &str| (name == "PW").then(|| secret.to_owned());
        let found = match check(&plan, &source, &Overrides::default(), &read) {
            Ok((_, found)) | Err(found) => found,
        };
        let codes: Vec<&str> = found.found.iter().map(|one| one.code).filter(|code| *code != "no-checks").collect();
        assert_eq!(codes.join(" "), expected, "{rest}");
        let shown = crate::diagnostic::render(&found, &source, false);
        assert!(!shown.contains("s3cr3t"), "{rest}\n{shown}");
    }
}

#[test]
fn a_url_is_refused_only_where_it_could_not_be_sent() {
    check_all(&[
        ("vars: { a: 'x y', b: é }\nsteps: [{ get: 'http://h/${a}/ü?q=${b}\"' }]", &[]),
        ("steps: [{ get: 'http://bücher.example:81/ü' }]", &[]),
        ("steps: [{ get: 'http://[::1]:8080?x#y' }]", &[]),
        ("steps: [{ get: 'http://me:pw@h/' }]", &["bad-url at 1:17"]),
        ("steps: [{ get: 'http://:80/' }]", &["bad-url at 1:17"]),
        ("steps: [{ get: 'http://h:/' }]", &["bad-url at 1:17"]),
        ("steps: [{ get: 'http://h:99999/' }]", &["bad-url at 1:17"]),
        ("steps: [{ get: 'http://h{x}/' }]", &["bad-url at 1:17"]),
    ]);
}

#[test]
fn an_expression_that_may_work_in_some_run_is_not_refused() {
    let wrong: Vec<String> = [
        "json",
        "json.ok",
        "json == '5' || json == 5 || json.x.y",
        "status == 200.0",
        "timings.duration < 500",
        "timings['waiting'] + timings.total > 1.5",
        "has(timings.dns) || timings.?dns.hasValue()",
        "body != null && body.contains('x')",
        "headers['x'] == '5' && !(headers.?y.orValue('') == '')",
        "headers.exists(name, name == 'x')",
        "env.TEXT == null || env.TEXT == 'a'",
        "env.NUMBER > 5 && env.FLAG",
        "flag",
        "word == 5 || word == 'five'",
        "pick([1, 'a']) == 'a' || max([1, 2]) == 2",
        "(status == 200 ? 'a' : 5) == 5",
        "json.items.all(x, x.ok) && json.items.map(x, x.id) == [1]",
        "json_decode(body) == {'a': 1} || json_decode(body)",
        "vu.id == 1 && scenario.name == 'default'",
        "error == '' && error_code == 0 && proto != 'x' && -status < 0",
        "status in [200] && 'x' in headers",
        "-json.x == 'a' || json.x + 1 == 'b' || (json.x ? json.y : json.z)",
    ]
    .iter()
    .filter_map(|expression| {
        let text = format!(
            "env: {{ TEXT: {{ required: false }}, NUMBER: {{ default: '5', type: int }}, FLAG: {{ default: 'true', type: bool }} }}\n\
             vars: {{ flag: true, word: five }}\nsteps:\n  - get: http://h/\n    checks:\n      it: >-\n        {expression}"
        );
        let found = found_in(&text, &Overrides::default(), &[]);
        (!found.is_empty()).then(|| format!("{expression}: {found:?}"))
    })
    .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The load that a short form means.
fn executor(text: &str, overrides: &Overrides) -> Executor {
    let source = source(&format!("{text}\nsteps: [{{ get: http://h/ }}]\n"));
    let plan = crate::plan::parse(&source);
    let (valid, _) = check(&plan, &source, overrides, &|_| None).unwrap_or_else(|found| panic!("{text}: {found:?}"));
    valid.scenarios[0].executor.clone()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn stage(duration: u64, target: u64) -> Stage {
    Stage { duration: seconds(duration), target }
}

fn iterations(vus: u64, iterations: u64, most: u64) -> Executor {
    Executor::SharedIterations { vus, iterations, max_duration: seconds(most) }
}

/// Without `max_vus` with the default of rates up to 10 per second.
fn open(time_unit: u64, pre_allocated_vus: u64, max_vus: Option<u64>) -> Open {
    let max_vus = max_vus.map_or(MaxVus::ByRate(100), MaxVus::Given);
    Open { time_unit: seconds(time_unit), spacing: Spacing::Regular, pre_allocated_vus, max_vus, rota: None }
}

fn rate(rate: u64, open: Open) -> Executor {
    Executor::ConstantArrivalRate { rate, duration: seconds(9), open }
}

fn ramping_rate(start_rate: u64, open: Open) -> Executor {
    Executor::RampingArrivalRate { start_rate, stages: vec![Part::Line(stage(9, 7))], open }
}

fn ramping(start_vus: u64, stages: &[Stage]) -> Executor {
    let stages = stages.iter().copied().map(Part::Line).collect();
    Executor::RampingVus { start_vus, stages, graceful_ramp_down: seconds(30), crew: None }
}

#[test]
fn the_fields_of_load_mean_the_executor_that_they_mean_in_k6() {
    for (text, expected) in [
        ("name: x", iterations(1, 1, 600)),
        ("iterations: 5", iterations(1, 5, 600)),
        ("{vus: 3, iterations: 5}", iterations(3, 5, 600)),
        ("{vus: 3, iterations: 5, duration: 9s}", iterations(3, 5, 9)),
        ("{iterations: 5, max_duration: 9s}", iterations(1, 5, 9)),
        ("duration: 9s", Executor::ConstantVus { vus: 1, duration: seconds(9) }),
        ("{vus: 3, duration: 9s}", Executor::ConstantVus { vus: 3, duration: seconds(9) }),
        ("stages: [{duration: 9s, target: 7}]", ramping(1, &[stage(9, 7)])),
        ("{start_vus: 0, stages: [{duration: 9s, target: 7}]}", ramping(0, &[stage(9, 7)])),
        ("{executor: shared-iterations, vus: 1}", iterations(1, 1, 600)),
        (
            "{executor: per-vu-iterations, vus: 2, iterations: 3}",
            Executor::PerVuIterations { vus: 2, iterations: 3, max_duration: seconds(600) },
        ),
        ("{rate: 5, duration: 9s}", rate(5, open(1, 0, None))),
        ("{rate: 5, time_unit: 60s, duration: 9s, max_vus: 8}", rate(5, open(60, 0, Some(8)))),
        ("{rate: 5, duration: 9s, pre_allocated_vus: 4}", rate(5, open(1, 4, Some(4)))),
        ("{rate: 5, duration: 9s, pre_allocated_vus: 4, max_vus: 8}", rate(5, open(1, 4, Some(8)))),
        ("{rate: 5, duration: 9s, pre_allocated_vus: 0}", rate(5, open(1, 0, None))),
        ("{rate: 5, duration: 9s, arrivals: poisson}", rate(5, Open { spacing: Spacing::Poisson, ..open(1, 0, None) })),
        ("{executor: ramping-arrival-rate, stages: [{duration: 9s, target: 7}]}", ramping_rate(0, open(1, 0, None))),
        ("{start_rate: 3, stages: [{duration: 9s, target: 7}]}", ramping_rate(3, open(1, 0, None))),
        ("{max_vus: 3, stages: [{duration: 9s, target: 7}]}", ramping_rate(0, open(1, 0, Some(3)))),
    ] {
        let block = text.trim_start_matches('{').trim_end_matches('}');
        let block = if text.starts_with('{') { top_level(block) } else { text.to_owned() };
        assert_eq!(executor(&block, &Overrides::default()), expected, "{text}");
    }
}

/// `a: 1, b: [x, y]` as lines of their own.
fn top_level(flow: &str) -> String {
    let mut depth = 0;
    let split = |letter: char| {
        depth += i32::from(matches!(letter, '[' | '{')) - i32::from(matches!(letter, ']' | '}'));
        letter == ',' && depth == 0
    };
    flow.split(split).map(str::trim).collect::<Vec<_>>().join("\n")
}

#[test]
fn options_of_the_command_line_replace_the_load_as_in_k6() {
    let plan = "vus: 3\nduration: 9s";
    let staged = "stages: [{duration: 9s, target: 7}]";
    let arriving = "rate: 5\nduration: 9s";
    let none = Overrides::default;
    for (text, overrides, expected) in [
        (plan, Overrides { vus: Some(5), ..none() }, Executor::ConstantVus { vus: 5, duration: seconds(9) }),
        (
            plan,
            Overrides { duration: Some(seconds(2)), ..none() },
            Executor::ConstantVus { vus: 3, duration: seconds(2) },
        ),
        (plan, Overrides { iterations: Some(8), ..none() }, iterations(3, 8, 600)),
        (plan, Overrides { stages: vec![stage(1, 2)], ..none() }, ramping(1, &[stage(1, 2)])),
        (plan, Overrides { stages: vec![stage(1, 2)], vus: Some(4), ..none() }, ramping(4, &[stage(1, 2)])),
        (staged, Overrides { iterations: Some(8), vus: Some(2), ..none() }, iterations(2, 8, 600)),
        (staged, Overrides { duration: Some(seconds(2)), iterations: Some(8), ..none() }, iterations(1, 8, 2)),
        (arriving, Overrides { iterations: Some(8), ..none() }, iterations(1, 8, 600)),
        (
            arriving,
            Overrides { vus: Some(2), duration: Some(seconds(2)), ..none() },
            Executor::ConstantVus { vus: 2, duration: seconds(2) },
        ),
    ] {
        assert_eq!(executor(text, &overrides), expected, "{text} with {overrides:?}");
    }
    for overrides in [
        Overrides { vus: Some(2), ..none() },
        Overrides { duration: Some(seconds(2)), ..none() },
        Overrides { stages: vec![stage(1, 2)], ..none() },
        Overrides { stages: vec![stage(1, 2)], vus: Some(2), ..none() },
    ] {
        for load in [arriving, "executor: ramping-arrival-rate\nstages: [{duration: 9s, target: 7}]"] {
            let found = found_in(&format!("{load}\n{STEPS}"), &overrides, &[]);
            assert_eq!(found, ["load-conflict at nowhere"], "{load} with {overrides:?}");
        }
    }
}

const STEPS: &str = "steps: [{ get: http://h/ }]";

#[test]
fn loads_that_contradict_themselves_are_refused() {
    let with = |load: &str| format!("{load}\n{STEPS}");
    let rows: &[(&str, &[&str])] = &[
        ("stages: [{duration: 1s, target: 1}]\nvus: 2", &["load-conflict at 2:6"]),
        (
            "stages: [{duration: 1s, target: 1}]\nduration: 2s\niterations: 3",
            &["load-conflict at 2:11", "load-conflict at 3:13"],
        ),
        ("vus: 2", &["load-missing at 1:6"]),
        ("iterations: 2\nduration: 1s\nmax_duration: 1s", &["load-conflict at 2:11"]),
        ("duration: 1s\nstart_vus: 2", &["load-field at 2:12"]),
        ("max_duration: 1s\nduration: 1s", &["load-field at 1:15"]),
        ("executor: constant-vus\nvus: 1", &["load-missing at 1:11"]),
        ("executor: ramping-vus\nvus: 1", &["load-field at 2:6"]),
        ("executor: per-vu-iterations\nduration: 1s", &["load-field at 2:11"]),
        ("vus: 0\nduration: 1s", &["load-zero at 1:6"]),
        ("vus: 1\nduration: 0s", &["load-zero at 2:11"]),
        ("iterations: 0", &["load-zero at 1:13"]),
        ("iterations: 3\nvus: 5", &["load-iterations at 1:13"]),
        ("stages: [{duration: 0s, target: 1}]", &["load-zero at 1:9"]),
        ("start_vus: 0\nstages: [{duration: 1s, target: 0}]", &["load-zero at 2:9"]),
        ("vus: 1000001\nduration: 1s", &["load-limit at 1:6"]),
        ("stages: [{duration: 1s, target: 1000001}]", &["load-limit at 1:33"]),
        ("stages: [{duration: 300d, target: 1}, {duration: 300d, target: 1}]", &["load-limit at 1:9"]),
        ("rate: 1", &["load-missing at nowhere"]),
        ("executor: constant-arrival-rate\nduration: 1s", &["load-missing at 1:11"]),
        ("executor: ramping-arrival-rate\nrate: 1", &["load-field at 2:7"]),
        ("executor: constant-arrival-rate\nstart_rate: 1", &["load-field at 2:13"]),
        ("rate: 1\nduration: 1s\nvus: 1", &["load-field at 3:6"]),
        ("rate: 1\nduration: 1s\niterations: 1", &["load-field at 3:13"]),
        ("duration: 1s\nmax_vus: 1", &["load-field at 2:10"]),
        ("rate: 1\nstages: [{duration: 1s, target: 1}]", &["load-conflict at 1:7"]),
        ("rate: 1\nduration: 1s\npace: 1s", &["load-field at 3:7"]),
        ("start_rate: 0\nstages: [{add: 9, every: 1s, until: 1000001}]", &["load-limit at 2:16", "load-limit at 2:37"]),
        (
            "start_rate: 0\nstages: [{add: 1, every: 1ms, until: 9000000000000000000}]",
            &["load-limit at 2:16", "load-limit at 2:38"],
        ),
        ("start_rate: 5\nstages: [{add: 5, every: 1s, until: 5}]", &["load-zero at 2:37"]),
        ("rate: 0\nduration: 1s", &["load-zero at 1:7"]),
        ("rate: 1\nduration: 1s\nmax_vus: 0", &["load-zero at 3:10"]),
        ("rate: 1\nduration: 1s\ntime_unit: 0s", &["load-zero at 3:12"]),
        ("rate: 1\nduration: 1s\nmax_vus: 2\npre_allocated_vus: 3", &["load-conflict at 4:20"]),
        ("rate: 1000001\nduration: 1s", &["load-limit at 1:7"]),
        ("rate: 1001\nduration: 1s\ntime_unit: 1ms", &["load-limit at 1:7"]),
        ("start_rate: 0\nstages: [{duration: 1s, target: 1000001}]", &["load-limit at 2:33"]),
        ("start_rate: 0\nstages: [{duration: 1s, target: 0}]", &["load-zero at 2:9"]),
        ("start_rate: 1\ntime_unit: 1h\nstages: [{duration: 1s, target: 1}]", &["load-zero at 3:9"]),
        ("rate: 1\nduration: 1s\npre_allocated_vus: 1000001", &["load-limit at 3:20"]),
    ];
    let texts: Vec<String> = rows.iter().map(|(load, _)| with(load)).collect();
    check_all(&texts.iter().zip(rows).map(|(text, (_, expected))| (text.as_str(), *expected)).collect::<Vec<_>>());
}

#[test]
fn a_plan_has_steps_or_scenarios() {
    check_all(&[
        ("name: x", &["no-steps at 1:1"]),
        ("steps: [{ get: http://h/ }]\nscenarios: { a: { steps: [{ get: http://h/ }] } }", &["two-forms at 1:8"]),
        ("vus: 1\nscenarios: { a: { steps: [{ get: http://h/ }] } }", &["load-beside-scenarios at 1:6"]),
    ]);
}

#[test]
fn options_that_do_not_fit_the_plan_are_refused() {
    let two = "scenarios: { a: { steps: [{ get: http://h/ }] }, b: { steps: [{ get: http://h/ }] } }";
    let staged = "stages: [{duration: 9s, target: 7}]\nsteps: [{ get: http://h/ }]";
    let shared =
        "scenarios: { a: { weight: 1, steps: [{ get: http://h/ }] }, b: { weight: 1, steps: [{ get: http://h/ }] } }";
    let mixed = "iterations: 2\nvus: 2\nscenarios: { a: { weight: 1, steps: [{ get: http://h/ }] }, b: { iterations: 1, steps: [{ get: http://h/ }] } }";
    let warm = "warmup: 5s\nvus: 1\nduration: 1m\nsteps: [{ get: http://h/ }]";
    let none = Overrides::default;
    let set = |key: &str| BTreeMap::from([(key.to_owned(), "x".to_owned())]);
    check_all_with(&[
        (two, Overrides { vus: Some(5), ..none() }, &["load-conflict at nowhere"]),
        (staged, Overrides { vus: Some(5), ..none() }, &["load-conflict at nowhere"]),
        (staged, Overrides { stages: vec![stage(1, 1)], iterations: Some(1), ..none() }, &["load-conflict at nowhere"]),
        (STEPS, Overrides { vus: Some(5), ..none() }, &["load-missing at nowhere"]),
        (shared, Overrides { vus: Some(5), iterations: Some(9), ..none() }, &[]),
        (shared, Overrides { stages: vec![stage(1, 9), stage(1, 9)], ..none() }, &[]),
        (shared, Overrides { vus: Some(5), ..none() }, &["load-missing at nowhere"]),
        (shared, Overrides { vus: Some(1), iterations: Some(9), ..none() }, &["load-weight at 1:74"]),
        (
            mixed,
            Overrides { vus: Some(5), iterations: Some(9), ..none() },
            &["load-conflict at nowhere", "load-conflict at nowhere"],
        ),
        (warm, Overrides { duration: Some(seconds(9)), ..none() }, &[]),
        (warm, Overrides { duration: Some(seconds(4)), ..none() }, &["load-warmup at 1:9"]),
        (STEPS, Overrides { iterations: Some(2), vus: Some(5), ..none() }, &["load-iterations at nowhere"]),
        (STEPS, Overrides { env: set("HOST"), ..none() }, &["unknown-env at nowhere"]),
        (STEPS, Overrides { tags: set("scenario"), ..none() }, &["reserved-tag at nowhere"]),
        (STEPS, Overrides { tags: set("build"), ..none() }, &[]),
    ]);
}

#[test]
fn names_must_exist_and_be_set_before() {
    check_all(&[
        ("steps: [{ get: 'http://h/${token}' }]", &["unknown-name at 1:28"]),
        ("steps: [{ get: 'http://h/${env.HOST}' }]", &["unknown-name at 1:28"]),
        ("steps: [{ log: '${env}' }]", &["unknown-name at 1:19"]),
        ("steps: [{ log: '${uuid}' }]", &["unknown-name at 1:19"]),
        ("steps: [{ log: '${vu.id} ${vu.iteration} ${scenario.name} ${scenario.iteration}' }]", &[]),
        ("steps: [{ log: '${vu.token} ${scenario.x}' }]", &["unknown-name at 1:19", "unknown-name at 1:31"]),
        ("steps: [{ log: '${setup.token}' }]", &["not-yet at 1:19"]),
        ("steps: [{ log: '${status}' }, { get: http://h/ }, { log: '${status}' }]", &["no-response-yet at 1:19"]),
        ("steps: [{ log: '${x}' }, { set: { x: 1 } }, { log: '${x}' }]", &["unset-name at 1:19"]),
        ("steps: [{ set: { a: 1, b: '${a}', c: '${d}', d: 2 } }]", &["unset-name at 1:41"]),
        (
            "steps: [{ if: vu.id == 1, then: [{ set: { x: 1 } }], else: [{ log: '${x}' }] }, { log: '${x}' }]",
            &["unset-name at 1:71", "unset-name at 1:91"],
        ),
        (
            "steps: [{ choose: [{ weight: 1, steps: [{ set: { x: 1 } }] }, { weight: 1, steps: [{ log: '${x}' }] }] }]",
            &["unset-name at 1:94"],
        ),
        // What a loop sets later is there in its next round, and not in its first.
        (
            "steps: [{ repeat: 2, steps: [{ log: '${x} ${status}' }, { get: http://h/, extract: { x: $.a } }] }]",
            &["unset-name at 1:40", "no-response-yet at 1:45"],
        ),
        ("steps: [{ while: x == 1, steps: [{ set: { x: 1 } }] }]", &["unset-name at 1:18"]),
        ("steps: [{ for_each: { in: 'range(0, 2)', as: i }, steps: [{ log: '${i}' }] }, { log: '${i}' }]", &[]),
        ("steps: [{ poll: { until: json.ok, attempts: 2, steps: [{ get: http://h/ }] } }]", &[]),
        (
            "steps: [{ poll: { until: 'true', attempts: 2, steps: [{ sleep: 1s }] } }]",
            &["poll-without-request at 1:17"],
        ),
        // Response, extraction and checks come in this order.
        (
            "steps: [{ get: 'http://h/${x}', extract: { x: $.a }, require: [x == 1], checks: [x == 1 && status == 200] }]",
            &["unset-name at 1:28", "unset-name at 1:64"],
        ),
        ("vars: { x: 1 }\nsteps: [{ log: '${x}' }, { set: { x: 2 } }]", &["name-conflict at 2:35"]),
        ("vars: { x: 1 }\nsteps: [{ set: { vu.x: 2 } }]", &[]),
        // Names of an iteration are gone when `on_start` has run; those of the VU are not.
        ("on_start: [{ set: { token: 1 } }]\nsteps: [{ log: '${token}' }]", &["unset-name at 2:19"]),
        (
            "on_start: [{ set: { vu.token: 1 } }]\nsteps: [{ log: '${vu.token}' }]\non_stop: [{ log: '${vu.token} ${status}' }]",
            &["no-response-yet at 3:33"],
        ),
        (
            "scenarios:\n  a: { steps: [{ set: { x: 1 } }] }\n  b: { steps: [{ log: '${x}' }] }",
            &["unknown-name at 3:26"],
        ),
        // Defaults of `http` are read by every request that does not have its own.
        (
            "http: { headers: { X: '${token}' } }\nsteps: [{ get: http://h/, extract: { token: $.t } }]",
            &["unset-name at 1:26"],
        ),
        (
            "http: { headers: { X: '${token}' } }\nsteps: [{ get: http://h/, headers: { x: a }, extract: { token: $.t } }, { get: http://h/ }]",
            &[],
        ),
        ("http: { auth: { bearer: '${vu.t}' } }\nsteps: [{ get: http://h/, auth: none, extract: { vu.t: $.t } }]", &[]),
    ]);
}

const GET_X: &str = "{ get: http://h/, extract: { x: $.x } }";

/// `steps` as a flow list, in which `GET` gives `x` a value; then whether `x` is set behind them on every way.
fn check_ways(rows: &[(&str, bool)]) {
    for (steps, is_set) in rows {
        let steps = steps.replace("GET", GET_X);
        let head = "vars: { yes: true, none: [], two: [1, 2], zero: 0 }\n";
        let found = found_in(&format!("{head}steps: [{steps}, {{ log: '${{x}}' }}]"), &Overrides::default(), &[]);
        let codes: Vec<&str> = found.iter().map(|one| one.split(' ').next().unwrap_or_default()).collect();
        assert_eq!(codes, if *is_set { &[][..] } else { &["unset-name"][..] }, "{steps}");
    }
}

#[test]
fn a_name_is_set_where_every_way_sets_it() {
    check_ways(&[
        ("{ if: vu.id == 1, then: [GET] }", false),
        ("{ if: vu.id == 1, then: [GET], else: [{ set: { x: 1 } }] }", true),
        ("{ if: vu.id == 1, then: [GET], else: [{ sleep: 1s }] }", false),
        ("{ set: { x: 1 } }, { if: vu.id == 1, then: [GET] }", true),
        ("{ get: http://h/, if: vu.id == 1, extract: { x: $.x } }", false),
        ("{ get: http://h/, extract: { x: { jsonpath: $.x, default: 1 } } }", true),
        // A way that ends before leads nowhere.
        ("{ if: vu.id == 1, then: [GET], else: [{ stop: iteration }] }", true),
        ("{ if: vu.id == 1, then: [GET], else: [{ if: vu.id == 2, then: [{ stop: vu }] }] }", false),
        ("{ if: vu.id == 1, then: [GET], else: [{ group: g, steps: [{ stop: test }] }] }", true),
        // Loops that may not run, and those that do.
        ("{ repeat: 2, steps: [GET] }", true),
        ("{ repeat: '${vu.id}', steps: [GET] }", false),
        ("{ repeat: '${size(two)}', steps: [GET] }", true),
        ("{ repeat: '${zero}', steps: [GET] }", false),
        ("{ while: vu.id == 1, steps: [GET] }", false),
        ("{ for_each: { in: 'range(0, vu.id)', as: i }, steps: [GET] }", false),
        ("{ for_each: { in: 'range(0, vu.id)', as: x }, steps: [{ sleep: 1s }] }", false),
        ("{ for_each: { in: 'two', as: x }, steps: [{ sleep: 1s }] }", true),
        ("{ for_each: { in: 'none', as: i }, steps: [GET] }", false),
        ("{ poll: { until: x == 1, attempts: 2, steps: [GET] } }", true),
        ("{ poll: { until: x == 1, attempts: 2, on_give_up: continue, steps: [GET] } }", true),
        ("{ poll: { until: x == 1, timeout: 1s, every: 2s, first: wait, on_give_up: continue, steps: [GET] } }", false),
        ("{ choose: [{ weight: 1, steps: [GET] }, { weight: 1, steps: [GET] }] }", true),
        ("{ choose: [{ weight: 1, steps: [GET] }, { weight: 1, steps: [{ sleep: 1s }] }] }", false),
        ("{ choose: [{ weight: 1, steps: [GET] }, { weight: 0, steps: [{ sleep: 1s }] }] }", true),
        // Conditions that are known before the run.
        ("{ if: yes, then: [GET] }", true),
        ("{ if: '!yes', then: [GET] }", false),
        ("{ if: '!yes', then: [{ sleep: 1s }], else: [GET] }", true),
        // All branches have run afterwards.
        ("{ parallel: [{ sleep: 1s }, GET] }", true),
        ("{ parallel: [{ sleep: 1s }, { if: vu.id == 1, then: [GET] }] }", false),
        ("{ parallel: [{ if: vu.id == 1, then: [GET] }, GET] }", true),
        ("{ parallel: [{ group: g, steps: [GET, { log: '${x}' }] }] }", true),
        // A condition that makes sure.
        ("{ if: vu.id == 1, then: [GET] }, { if: '!has(x)', then: [{ stop: iteration }] }", true),
        ("{ if: vu.id == 1, then: [GET] }, { if: has(x), then: [{ log: '${x}' }] }", false),
        ("{ if: vu.id == 1, then: [GET] }, { if: has(x) && vu.id == 1, then: [{ log: '${x}' }], else: [GET] }", true),
        ("{ if: vu.id == 1, then: [GET] }, { if: '!has(x) || x == 1', then: [GET] }", true),
        ("{ while: '!has(x)', max: 3, steps: [GET] }", true),
        ("{ if: vu.id == 1, then: [GET] }, { set: { x: '${has(x) ? x : 1}' } }", true),
        ("{ if: vu.id == 1, then: [GET] }, { set: { x: '${x.orValue(1)}' } }", true),
    ]);
}

#[test]
fn names_of_the_vu_last_and_are_set_on_every_way_too() {
    check_all(&[
        ("steps: [{ log: '${vu.x}' }, { set: { vu.x: 1 } }]", &["unset-name at 1:19"]),
        ("steps: [{ log: '${vu.x.orValue(0)} ${has(vu.x) ? vu.x : 0}' }, { set: { vu.x: 1 } }]", &[]),
        ("steps: [{ if: '!has(vu.x)', then: [{ set: { vu.x: 1 } }] }, { log: '${vu.x}' }]", &[]),
        ("on_start: [{ set: { vu.x: 1 }, if: vu.id == 1 }]\nsteps: [{ log: '${vu.x}' }]", &["unset-name at 2:19"]),
        ("on_start: [{ log: '${vu.x}' }]\nsteps: [{ set: { vu.x: 1 } }]", &["unset-name at 1:22"]),
        ("steps: [{ set: { vu.x: 1 } }]\non_stop: [{ log: '${vu.x}' }]", &["unset-name at 2:21"]),
        ("steps: [{ set: { vu.x: 1 } }]\non_stop: [{ log: '${vu.x}', if: has(vu.x) }]", &[]),
        // Ending `on_start` does not end the VU.
        (
            "on_start: [{ stop: iteration, if: vu.id == 1 }, { set: { vu.x: 1 } }]\nsteps: [{ log: '${vu.x}' }]",
            &["unset-name at 2:19"],
        ),
        ("on_start: [{ stop: vu, if: vu.id == 1 }, { set: { vu.x: 1 } }]\nsteps: [{ log: '${vu.x}' }]", &[]),
    ]);
}

#[test]
fn ways_are_those_that_the_values_of_the_scenario_leave() {
    let plan = |own: &str| {
        let steps = "[{ repeat: '${env.N}', steps: [{ set: { x: 1 } }] }, { log: '${x}' }]";
        format!(
            "env: {{ N: {{ type: int, default: 2 }} }}\nscenarios: {{ a: {{ iterations: 1, {own}steps: {steps} }} }}"
        )
    };
    check_all(&[(&plan(""), &[]), (&plan("env: { N: 0 }, "), &["unset-name at 2:119"])]);
}

#[test]
fn a_response_is_there_where_every_way_has_a_request() {
    check_all(&[
        ("steps: [{ get: http://h/, if: vu.id == 1 }, { log: '${status}' }]", &["no-response-yet at 1:55"]),
        ("steps: [{ get: http://h/, if: vu.id == 1 }, { log: '${status.orValue(0)} ${json.?a.orValue(0)}' }]", &[]),
        ("steps: [{ get: http://h/, if: vu.id == 1 }, { log: '${status}', if: has(json) }]", &[]),
        ("steps: [{ parallel: [{ get: http://h/ }, { log: '${status}' }] }]", &["no-response-yet at 1:52"]),
        ("steps: [{ parallel: [{ get: http://h/ }, { sleep: 1s }] }, { log: '${status}' }]", &[]),
    ]);
}

#[test]
fn what_branches_of_a_parallel_do_at_the_same_time_is_bounded_and_apart() {
    check_all(&[
        ("steps: [{ parallel: [{ set: { x: 1 } }, { log: '${x} ${has(x)}' }] }]", &["unset-name at 1:51"]),
        ("steps: [{ parallel: [{ parallel: [{ log: '${x}' }] }, { set: { x: 1 } }] }]", &["unset-name at 1:45"]),
        ("steps: [{ set: { x: 0 } }, { parallel: [{ set: { x: 1 } }, { log: '${x}' }] }]", &[]),
        ("steps: [{ parallel: [{ sleep: 1s }], max_parallel: 0 }]", &["zero-value at 1:52"]),
        ("steps: [{ parallel: [{ sleep: 1s }], max_parallel: 1001 }]", &["out-of-range at 1:52"]),
        (
            "steps: [{ for_each: { in: '[1]', as: i, concurrency: 0 }, steps: [{ sleep: 1s }] }]",
            &["zero-value at 1:54"],
        ),
        ("steps: [{ for_each: { in: '[1]', as: i, concurrency: 1000 }, steps: [{ sleep: 1s }] }]", &[]),
        ("steps: [{ parallel: [] }]", &["empty at 1:21"]),
    ]);
}

#[test]
fn constants_are_known_before_the_run() {
    check_all(&[
        ("vars: { a: '${b}', b: 1 }\nsteps: [{ sleep: 1s }]", &["unset-name at 1:15"]),
        ("vars: { a: '${status}' }\nsteps: [{ sleep: 1s }]", &["not-constant at 1:15"]),
        ("vars: { a: '${env.X}' }\nsteps: [{ sleep: 1s }]", &["unknown-name at 1:15"]),
        ("vars: { a: '${1 / 0}', b: '${a}' }\nsteps: [{ log: '${a} ${b}' }]", &["bad-var at 1:9"]),
        ("vars: { a: [1], b: '${a[0] + 1}' }\ntags: { n: '${b}' }\nsteps: [{ log: '${b}' }]", &[]),
        ("tags: { a: '${vu.id}' }\nsteps: [{ sleep: 1s }]", &["not-constant at 1:15"]),
        ("tags: { name: x, 'a b': c, 'a:b': c }\nsteps: [{ sleep: 1s }]", &["reserved-tag at 1:9", "bad-tag at 1:29"]),
        ("env: { A: { required: true } }\nsteps: [{ log: '${env.A}' }]", &["missing-env at 1:8"]),
        ("env: { A: { type: int, default: x } }\nsteps: [{ log: '${env.A}' }]", &["env-type at 1:33"]),
        (
            "env: { A: { secret: true, default: hunter2 } }\nsteps: [{ log: '${env.A}' }]",
            &["warning secret-in-plan at 1:36"],
        ),
        (
            "env: { H: { required: true } }\nhttp: { base_url: '${env.H}' }\nsteps: [{ get: /x }]",
            &["missing-env at 1:8"],
        ),
    ]);
}

#[test]
fn requests_must_be_sendable() {
    check_all(&[
        ("steps: [{ get: /x }]", &["no-base-url at 1:16"]),
        ("steps: [{ get: '${env.H}/x' }]\nenv: { H: http://h }", &[]),
        ("steps: [{ get: '${env.H}/x' }]\nenv: { H: h }", &["no-base-url at 1:17"]),
        ("steps: [{ get: http://h/ }, { get: '${headers.location}' }]", &[]),
        ("http: { base_url: localhost:8080 }\nsteps: [{ get: /x }]", &["bad-url at 1:19"]),
        ("http: { base_url: 'http://' }\nsteps: [{ get: /x }]", &["bad-url at 1:20"]),
        ("http: { base_url: '${vu.id}' }\nsteps: [{ get: /x }]", &["not-constant at 1:22"]),
        ("steps: [{ get: http://h/a b }]", &["bad-url at 1:16"]),
        (
            "steps: [{ get: http://h/, headers: { 'a b': c, X: \"a\\nb\" } }]",
            &["bad-header at 1:39", "bad-header at 1:51"],
        ),
        ("steps: [{ get: http://h/, headers: { authorization: x }, auth: { bearer: y } }]", &["auth-conflict at 1:38"]),
        ("steps: [{ get: http://h/, json: { a: 1 } }]", &["warning body-on-get at 1:11"]),
        ("steps: [{ get: http://h/, timeout: 0s }]", &["zero-value at 1:36"]),
        (
            "steps: [{ get: http://h/, extract: { a: '$.a[', b: { regex: '(' }, c: { header: 'a b' } } }]",
            &["bad-jsonpath at 1:42", "bad-regex at 1:62", "bad-header at 1:82"],
        ),
        ("steps: [{ post: http://h/, body_file: no/such.bin }]", &["missing-file at 1:39"]),
        ("http: { connections: { shared: 0 } }\nsteps: [{ get: http://h/ }]", &["zero-value at 1:22"]),
        (
            "scenarios: { a: { http: { connections: per_vu, version: 2 }, iterations: 1, steps: [{ get: http://h/ }] } }",
            &["plan-only at 1:27", "plan-only at 1:48"],
        ),
        ("http: { tls: { ca: Cargo.toml } }\nsteps: [{ get: http://h/ }]", &["bad-certificate at 1:20"]),
        (
            "http: { tls: { max_version: 1.2, ciphers: TLS_AES_128_GCM_SHA256 } }\nsteps: [{ get: http://h/ }]",
            &["no-tls-version at 1:29"],
        ),
        (
            "http: { tls: { cert: Cargo.toml, key: Cargo.toml } }\nsteps: [{ get: http://h/ }]",
            &["bad-certificate at 1:22"],
        ),
        ("steps: [{ choose: [{ weight: 0, steps: [{ sleep: 1s }] }] }]", &["zero-value at 1:9"]),
        (
            "steps: [{ group: a::b, metric: http_reqs, steps: [{ sleep: 1s }] }]",
            &["bad-group at 1:18", "metric-conflict at 1:32"],
        ),
        ("steps: [{ group: a, metric: a b, steps: [{ sleep: 1s }] }]", &["bad-metric at 1:29"]),
    ]);
}

#[test]
fn an_unusable_proxy_of_the_environment_is_told_unless_the_plan_has_its_own_way() {
    let environment = [("HTTPS_PROXY", "https://u:hush@proxy"), ("http_proxy", "proxy:80")];
    let found =
        |http: &str| found_in(&format!("{http}steps: [{{ get: http://h/ }}]"), &Overrides::default(), &environment);
    assert_eq!(found(""), ["warning bad-proxy at nowhere"]);
    assert_eq!(found("http: { proxy: none }\n"), [""; 0]);
    assert_eq!(found("http: { proxy: 'socks5://p' }\n"), [""; 0]);
    assert_eq!(found("http: { unix_socket: /s }\n"), [""; 0]);
}

#[test]
fn the_password_of_a_proxy_is_a_secret_wherever_it_comes_from() {
    let text = "http: { proxy: 'http://ann:p%40ssword@p' }\nsteps: [{ get: http://h/ }]";
    assert_eq!(found_in(text, &Overrides::default(), &[]), ["warning secret-in-plan at 1:17"]);
    for (text, environment) in [(text, None), ("steps: [{ get: http://h/ }]", Some("http://ann:p%40ssword@p"))] {
        let source = source(text);
        let plan = crate::plan::parse(&source);
        let read = |name: &str| environment.filter(|_| name == "HTTP_PROXY").map(str::to_owned);
        let (valid, _) = check(&plan, &source, &Overrides::default(), &read).expect("the plan is right");
        assert_eq!(valid.secrets, ["p@ssword"]);
    }
}

#[test]
fn all_mistakes_are_found_at_once_in_the_order_of_the_plan() {
    check_all(&[(
        "vus: 2\ntags: { name: x }\nthresholds: { http_req_durations: ['p(95)<1'] }\nsteps:\n- get: /x\n  checks: [stats == 200]\n- log: '${later}'\n- set: { later: 1 }\n",
        &[
            "load-missing at 1:6",
            "reserved-tag at 2:9",
            "unknown-metric at 3:15",
            "no-base-url at 5:8",
            "unknown-name at 6:12",
            "unset-name at 7:11",
        ],
    )]);
}

#[test]
fn a_plan_of_nothing_but_mistakes_is_not_reported_to_the_last() {
    let steps: String = (0..500).map(|index| format!("- log: '${{missing_{index}}}'\n")).collect();
    let found = found_in(&format!("steps:\n{steps}"), &Overrides::default(), &[]);
    assert_eq!((found.len(), found.last().map(String::as_str)), (101, Some("too-many-mistakes at nowhere")));
}

/// One threshold of a plan with everything that thresholds can speak of.
fn threshold(key: &str, text: &str) -> Result<(Statistic, Comparison, f64), Vec<String>> {
    let plan = format!(
        "thresholds:\n  '{key}': [\"{text}\"]\n\
         tags: {{ build: '7' }}\n\
         scenarios:\n\
         \x20 buy:\n\
         \x20   stages: [{{ duration: 1s, target: 1 }}, {{ duration: 1s, target: 1 }}]\n\
         \x20   steps:\n\
         \x20   - group: wait\n\
         \x20     metric: waiting_time\n\
         \x20     steps:\n\
         \x20     - name: poll\n\
         \x20       poll: {{ until: status == 200, attempts: 1, steps: [{{ get: 'http://h/a/${{vu.id}}' }}] }}\n\
         \x20   - name: reserve\n\
         \x20     post: http://h/b\n\
         \x20     tags: {{ kind: write }}\n\
         \x20     extract: {{ token: $.t }}\n\
         \x20     checks: {{ is ok: status == 200 }}\n\
         \x20   - outcome: sold\n\
         \x20 look:\n\
         \x20   rate: 1\n\
         \x20   duration: 1s\n\
         \x20   steps: [{{ get: http://h/c }}]\n"
    );
    let source = source(&plan);
    let parsed = crate::plan::parse(&source);
    match check(&parsed, &source, &Overrides::default(), &|_| None) {
        Ok((valid, _)) => {
            let threshold = &valid.thresholds[0];
            Ok((threshold.statistic, threshold.comparison, threshold.limit))
        }
        Err(found) => Err(found.found.iter().map(|one| format!("{}: {}", one.code, one.help.join("; "))).collect()),
    }
}

#[test]
fn thresholds_are_read_with_spaces_and_units() {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    use Statistic::{Avg, Count, Max, Percentile, Rate, Value};
    for (key, text, expected) in [
        ("http_req_duration", "p(95)<3000", (Percentile(95.0), Less, 3000.0)),
        ("http_req_duration", " p( 99.9 ) <= 3s ", (Percentile(99.9), LessOrEqual, 3000.0)),
        ("http_req_duration", "p(95)<500 ms", (Percentile(95.0), Less, 500.0)),
        ("http_req_duration", "avg < 1m30s", (Avg, Less, 90_000.0)),
        ("http_req_duration", "count>=10", (Count, GreaterOrEqual, 10.0)),
        ("http_req_failed", "rate<1%", (Rate, Less, 0.01)),
        ("http_req_failed", "rate<0.001", (Rate, Less, 0.001)),
        ("checks{check:is ok}", "rate>0.99", (Rate, Greater, 0.99)),
        ("http_reqs", "rate>=300/s", (Rate, GreaterOrEqual, 300.0)),
        ("data_received", "count>=1.5MB", (Count, GreaterOrEqual, 1.5e6)),
        ("data_received", "count>=5 kB", (Count, GreaterOrEqual, 5e3)),
        ("data_sent", "rate>=2KiB/s", (Rate, GreaterOrEqual, 2048.0)),
        ("data_sent", "rate>=1GiB", (Rate, GreaterOrEqual, 1_073_741_824.0)),
        ("http_reqs", "rate>=600/m", (Rate, GreaterOrEqual, 10.0)),
        ("iterations{outcome:sold}", "count==100", (Count, Equal, 100.0)),
        ("vus", "value<5", (Value, Less, 5.0)),
        ("poll_attempts{name:poll}", "max<5", (Max, Less, 5.0)),
        ("waiting_time", "max<5s", (Max, Less, 5000.0)),
        ("group_duration{group:::wait}", "max<5s", (Max, Less, 5000.0)),
        ("http_req_duration{name:GET http://h/a/${vu.id}}", "max<5s", (Max, Less, 5000.0)),
        ("http_req_duration{name: \"reserve\", kind:write, build:7, status:409}", "max<5s", (Max, Less, 5000.0)),
        ("http_req_duration{scenario:look,stage:1}", "max<5s", (Max, Less, 5000.0)),
        ("extract_failed{variable:token}", "count<5", (Count, Less, 5.0)),
        ("dropped_iterations{scenario:look}", "count<5", (Count, Less, 5.0)),
        ("dropped_iterations", "rate<2%", (Rate, Less, 0.02)),
        ("iteration_start_delay", "p(99)<1s", (Percentile(99.0), Less, 1000.0)),
    ] {
        assert_eq!(threshold(key, text), Ok(expected), "{key}: {text}");
    }
}

#[test]
fn thresholds_that_mean_nothing_are_refused_with_the_fix() {
    let duration = "http_req_duration";
    for (key, text, expected) in [
        (duration, "p95<500", "threshold-syntax: write `p(95)`"),
        (duration, "percentile(95)<500", "threshold-syntax: write `p(95)`"),
        (duration, "95%<500", "threshold-syntax: write `p(95)`"),
        (duration, "p(0.95)<500", "threshold-syntax: percentiles are given in percent: write `p(95)`"),
        (duration, "p(101)<500", "threshold-syntax: "),
        (duration, "mean<500", "threshold-syntax: write `avg`"),
        (duration, "median<500", "threshold-syntax: write `med`"),
        (duration, "500", "threshold-syntax: write a statistic, an operator and a limit, such as `p(95)<500`"),
        (duration, "avg=500", "threshold-syntax: write `==`"),
        (duration, "avg=<500", "threshold-syntax: write `<=`"),
        (duration, "avg<500 && max<900", "threshold-syntax: write two thresholds"),
        (duration, "100<avg<500", "threshold-syntax: write two thresholds"),
        (duration, "500>avg", "threshold-syntax: put the statistic first: `p(95)<500`"),
        (duration, "<500", "threshold-syntax: begin with one, such as `p(95)`, `avg`, `rate` or `count`"),
        (
            duration,
            "avg<fast",
            "threshold-syntax: write milliseconds as a bare number, or a time such as `250ms`, `3s` or `1m`",
        ),
        (duration, "rate<0.1", "threshold-statistic: it has `avg`, `min`, `med`, `max`, `p(N)` and `count`"),
        ("http_req_failed", "p(95)<1", "threshold-statistic: it has `rate`"),
        ("http_reqs", "avg<1", "threshold-statistic: it has `count` and `rate` (per second)"),
        (
            duration,
            "avg<5%",
            "threshold-unit: write milliseconds as a bare number, or a time such as `250ms`, `3s` or `1m`",
        ),
        (
            "http_reqs",
            "rate<5s",
            "threshold-unit: write a number per second, or a rate such as `300/s`, `100/m` or `50/h`",
        ),
        ("http_req_failed", "rate<5", "threshold-limit: did you mean `5%`?"),
        ("http_req_failed", "rate<0", "threshold-limit: "),
        ("http_req_durations", "avg<5", "unknown-metric: did you mean `http_req_duration`?"),
        ("dropped_iterations", "rate<5", "threshold-limit: did you mean `5%`?"),
        ("dropped_iterations", "avg<5", "threshold-statistic: it has `rate` (of all that were due) and `count`"),
        ("dropped_iterations{scenario:buy}", "count<5", "unknown-tag-value: `scenario` is one of `look`"),
        ("http_reqs{name=reserve}", "count<5", "threshold-selector: "),
        ("http_reqs{name:reserve", "count<5", "threshold-selector: "),
        ("http_reqs{nam:reserve}", "count<5", "unknown-tag: did you mean `name`?"),
        ("http_reqs{name:reserv}", "count<5", "unknown-tag-value: did you mean `name:reserve`?"),
        ("http_reqs{method:DELETE}", "count<5", "unknown-tag-value: `method` is one of `GET`, `POST`"),
        (
            "http_reqs{status:20}",
            "count<5",
            "unknown-tag-value: a status is a number from 100 to 599, or 0 where no response came",
        ),
        ("http_reqs{stage:2}", "count<5", "unknown-tag-value: stages are counted from 0; the last one is 1"),
        ("iterations{outcome:solt}", "count<5", "unknown-tag-value: did you mean `outcome:sold`?"),
        ("http_reqs{scenario:look,name:reserve}", "count<5", "unknown-tag-value: "),
    ] {
        assert_eq!(threshold(key, text), Err(vec![expected.to_owned()]), "{key}: {text}");
    }
}

#[test]
fn a_threshold_on_what_the_plan_does_not_do_is_refused() {
    let plan = "steps: [{ sleep: 1s }]\nthresholds:\n  checks: ['rate>0.9']\n  poll_wait: ['max<5s']\n  http_reqs: ['count>1']\n  group_duration: ['max<1s']\n  extract_failed: ['count<1']\n  vus: ['value>=0']\n  dropped_iterations: ['count<1']\n  iteration_start_delay: ['max<1s']\n";
    let unproducible = |line| format!("unproducible-metric at {line}:3");
    let mut expected: Vec<String> = (3..=7).map(unproducible).collect();
    expected.push("warning threshold-always-holds at 8:10".to_owned());
    expected.extend((9..=10).map(unproducible));
    assert_eq!(found_in(plan, &Overrides::default(), &[]), expected);
}

#[test]
fn a_plan_without_thresholds_gets_those_that_its_steps_allow() {
    let defaults = |text: &str, overrides: Overrides| {
        let source = source(text);
        let plan = crate::plan::parse(&source);
        let (valid, _) = check(&plan, &source, &overrides, &|_| None).unwrap_or_else(|found| panic!("{found:?}"));
        let texts: Vec<String> = valid.thresholds.iter().map(|one| format!("{}: {}", one.metric, one.text)).collect();
        (texts.join(", "), valid.default_thresholds)
    };
    let requests = "steps: [{ get: http://h/ }]";
    let checks = "steps: [{ get: http://h/, require: [status == 200] }]";
    let off = Overrides { no_default_thresholds: true, ..Overrides::default() };
    assert_eq!(defaults(requests, Overrides::default()), ("http_req_failed: rate<0.01".to_owned(), true));
    assert_eq!(
        defaults(checks, Overrides::default()),
        ("http_req_failed: rate<0.01, checks: rate>0.99".to_owned(), true)
    );
    assert_eq!(defaults(checks, off.clone()), (String::new(), false));
    // Whatever else a plan with a rate asks for, its load must have been made.
    let arrivals = |rest: &str| format!("rate: 1\nduration: 1s\nsteps: [{{ get: http://h/ }}]\n{rest}");
    let dropped = "dropped_iterations: rate<0.01";
    for (rest, overrides, expected, default) in [
        ("", Overrides::default(), format!("http_req_failed: rate<0.01, {dropped}"), true),
        ("thresholds: { http_reqs: count>1 }", Overrides::default(), format!("http_reqs: count>1, {dropped}"), false),
        ("thresholds: { http_reqs: count>1 }", off.clone(), "http_reqs: count>1".to_owned(), false),
        (
            "thresholds: { 'dropped_iterations{stage:0}': count<9 }",
            Overrides::default(),
            "dropped_iterations: count<9".to_owned(),
            false,
        ),
        ("", off, String::new(), false),
    ] {
        assert_eq!(defaults(&arrivals(rest), overrides), (expected, default), "{rest}");
    }
}

#[test]
fn the_command_line_wins_over_the_environment_over_the_default() {
    let text = "env: { A: a, B: b, C: { type: int, default: 3, secret: true } }\nvars: { all: '${env.A}${env.B}${env.C + 1}' }\nsteps: [{ sleep: 1s }]";
    let source = source(text);
    let plan = crate::plan::parse(&source);
    let env = BTreeMap::from([("A".to_owned(), "option".to_owned())]);
    let overrides = Overrides { env, ..Overrides::default() };
    let outside = |name: &str| Some(if name == "C" { "41".to_owned() } else { "outside".to_owned() });
    let (valid, _) = check(&plan, &source, &overrides, &outside).unwrap_or_else(|found| panic!("{found:?}"));
    assert_eq!(valid.constants.vars[0].1, "optionoutside42");
    assert_eq!(valid.secrets, ["41"]);
}

#[test]
fn values_that_are_required_must_not_be_empty() {
    let text = "env: { A: { required: true, secret: true } }\nsteps: [{ log: '${env.A}' }]";
    assert_eq!(found_in(text, &Overrides::default(), &[("A", "")]), ["missing-env at 1:8"]);
    assert_eq!(found_in(text, &Overrides::default(), &[("A", "x")]), Vec::<String>::new());
}

/// A plan that is right; each row of the next test breaks one thing in it.
const RIGHT: &str = r#"
env:
  PORT: 80
vars:
  first: 1
http:
  base_url: http://h:${env.PORT}
start_vus: 2
stages: [{ duration: 5s, target: 3 }]
allow: [never-holds]
on_start:
  - post: /login
    extract: { vu.token: $.token }
steps:
  - set: { user: "${random_int(1, 9)}" }
  - name: look
    get: /a/${first}/${user}
    headers: { A: "${vu.token}" }
    extract:
      seat: $.seat
    checks: { ok: status == 200 }
  - poll: { until: json.done, attempts: 3, steps: [{ get: /turn }] }
  - for_each: { in: "[1, 2]", as: item }
    steps: [{ log: "${item}" }]
  - get: /more
    if: seat != null
    extract: { more: $.more }
  - if: "!has(more)"
    then: [{ stop: { iteration: nothing_more } }]
  - log: ${more}
  - group: wait
    metric: waiting_time
    steps: [{ sleep: 1s }]
  - if: seat == null
    then: [{ stop: { iteration: sold_out } }]
  - log: "${seat} ${status}"
  - outcome: booked
thresholds:
  http_req_duration{name:look,stage:0}: ["p(95)<300"]
  checks{check:ok}: ["rate>0.9"]
  waiting_time: ["max<5s"]
  poll_wait: ["max<5s"]
  extract_failed{variable:seat}: ["count<5"]
  iterations{outcome:sold_out}: ["count<5"]
  iterations{outcome:booked}: ["count>=1"]
"#;

#[test]
fn a_mistake_of_form_gives_no_second_mistake_elsewhere() {
    assert_eq!(found_in(RIGHT, &Overrides::default(), &[]), Vec::<String>::new());
    let rows = [
        ("seat: $.seat", "seat: data.seat", "bad-extract"),
        ("seat: $.seat", "seat: { jsonpth: $.seat }", "unknown-key"),
        ("seat: $.seat", "seat: { css: a }", "not-yet"),
        ("extract:\n      seat: $.seat", "extrct:\n      seat: $.seat", "unknown-key"),
        ("vu.token: $.token", "vu.token:", "no-value"),
        ("{ user: \"${random_int(1, 9)}\" }", "[user]", "wrong-type"),
        ("{ user: \"${random_int(1, 9)}\" }", "{ user: \"${1 +}\" }", "expression-syntax"),
        ("- set: {", "- sett: {", "step-kind"),
        ("get: /a/${first}/${user}", "get: /a/${first", "template-syntax"),
        ("get: /a/${first}/${user}", "gett: /a", "step-kind"),
        ("get: /a/${first}/${user}", "get: { url: /a }", "wrong-type"),
        ("{ ok: status == 200 }", "{ ok: status === 200 }", "strict-equality"),
        ("checks: {", "check: {", "unknown-key"),
        ("{ ok: status == 200 }", "ok", "wrong-type"),
        ("name: look", "name: \"${user}\"", "template-not-allowed"),
        ("until: json.done", "until: json.done ===", "strict-equality"),
        ("[{ get: /turn }]", "{ get: /turn }", "wrong-type"),
        ("[{ get: /turn }]", "[{ got: /turn }]", "step-kind"),
        (", as: item", "", "missing-key"),
        ("as: item", "as: json", "bad-name"),
        ("group: wait", "group: ${user}", "template-not-allowed"),
        ("metric: waiting_time", "metrc: waiting_time", "unknown-key"),
        ("sleep: 1s", "sleep: 1", "bad-duration"),
        ("if: seat == null", "if: seat = null", "single-equals"),
        ("{ iteration: sold_out }", "{ iteraton: sold_out }", "unknown-key"),
        ("{ iteration: nothing_more }", "{ iteraton: nothing_more }", "unknown-key"),
        ("\"!has(more)\"", "not has(more)", "word-operator"),
        ("if: seat != null", "if: seat =! null", "single-equals"),
        ("then: [{ stop: { iteration: nothing_more } }]", "then: [{ stopp: iteration }]", "step-kind"),
        ("outcome: booked", "outcome: ${boo", "template-syntax"),
        ("PORT: 80", "PORT:", "no-value"),
        ("PORT: 80", "PORT: { defalt: 80 }", "unknown-key"),
        ("env:\n  PORT: 80", "env: [PORT=80]", "wrong-type"),
        ("env:", "environment:", "unknown-key"),
        ("first: 1", "first: \"${1 +}\"", "expression-syntax"),
        ("vars:", "variables:", "unknown-key"),
        ("base_url: http://h:${env.PORT}", "base_url: http://h:${env.PORT", "template-syntax"),
        ("base_url:", "baseUrl:", "unknown-key"),
        ("stages: [{ duration: 5s, target: 3 }]", "stages: [{ duration: 5, target: 3 }]", "bad-duration"),
        ("stages: [{ duration: 5s, target: 3 }]", "stages: 5s:3", "wrong-type"),
        ("stages: [", "stage: [", "unknown-key"),
        ("stages: [{ duration: 5s, target: 3 }]", "executor: constant-arrival-rate", "load-field"),
        ("start_vus: 2", "start_vus: 99999999999999999999", "number-too-big"),
        ("on_start:", "on_strat:", "unknown-key"),
        ("steps:\n  - set", "step:\n  - set", "unknown-key"),
        ("outcome: booked", "outcome: booked\nsteps: [{ sleep: 1s }]", "duplicate-key"),
        ("[\"p(95)<300\"]", "[{ threshold: p(95)<9, abort: true }]", "unknown-key"),
    ];
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(right, broken, expected)| {
            assert!(RIGHT.contains(right), "{right}");
            let found = found_in(&RIGHT.replacen(right, broken, 1), &Overrides::default(), &[]);
            let codes: Vec<&str> = found.iter().map(|one| one.split(' ').next().unwrap_or_default()).collect();
            (codes.join(" ") != *expected)
                .then(|| format!("{right} -> {broken}\n  expected {expected}\n  found {found:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lints_tell_what_is_hardly_meant_and_can_be_silenced() {
    let lints = |text: &str| -> Vec<&'static str> {
        let source = source(text);
        let plan = crate::plan::parse(&source);
        match check(&plan, &source, &Overrides::default(), &|_| None) {
            Ok((_, found)) | Err(found) => found.found.iter().map(|one| one.code).collect(),
        }
    };
    let get = "steps: [{ get: http://h/, checks: [json.ok] }]";
    let rows: [(&str, &[&str]); 18] = [
        (get, &[]),
        ("steps: [{ get: http://h/ }]", &["no-checks"]),
        ("allow: [no-checks]\nsteps: [{ get: http://h/ }]", &[]),
        ("steps: [{ get: http://h/, checks: [status == 404] }]", &["check-against-expect"]),
        ("steps: [{ get: http://h/, expect: 4xx, checks: ['status in [404, 410]'] }]", &[]),
        ("steps: [{ get: http://h/, checks: [status == 0] }]", &[]),
        ("http: { expect: 404 }\nsteps: [{ get: http://h/, checks: [status == 200] }]", &["check-against-expect"]),
        ("steps: [{ sleep: 0s }]", &["no-pause"]),
        ("stages: [{ duration: 9s, target: 5 }]\nsteps: [{ sleep: 1s }]", &["never-holds"]),
        ("stages: [{ duration: 9s, target: 5 }, { duration: 9s, target: 0 }]\nsteps: [{ sleep: 1s }]", &[]),
        ("stages: [{ add: 5, every: 9s, until: 20 }]\nsteps: [{ sleep: 1s }]", &[]),
        (
            "stages: [{ duration: 9s, target: 5 }]\nscenarios: { a: { weight: 1, steps: [{ sleep: 1s }] }, b: { weight: 1, steps: [{ sleep: 1s }] } }",
            &["never-holds"],
        ),
        (
            "stages: [{ add: 1, every: 9s, until: 2 }, { duration: 9s, target: 5 }]\nsteps: [{ sleep: 1s }]",
            &["never-holds"],
        ),
        (
            "env: { API_TOKEN: '' }\nscenarios: { a: { duration: 1s, env: { API_TOKEN: abcdef }, steps: [{ sleep: 1s }] } }",
            &["secret-in-plan"],
        ),
        ("env: { API_TOKEN: abcdef }\nsteps: [{ sleep: 1s }]", &["secret-in-plan"]),
        ("http: { auth: { bearer: abcdef } }\nsteps: [{ sleep: 1s }]", &["secret-in-plan"]),
        ("http: { headers: { Authorization: 'Bearer ${vu.id}' } }\nsteps: [{ sleep: 1s }]", &[]),
        ("allow: [no-check, unknown-key]\nsteps: [{ sleep: 1s }]", &["unknown-lint", "unknown-lint"]),
    ];
    for (text, expected) in rows {
        assert_eq!(lints(text), expected, "{text}");
    }
}

#[test]
fn every_warning_is_a_lint_that_can_be_silenced() {
    let mut sources = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { folders.push(entry) } else { sources.push(std::fs::read_to_string(entry).unwrap()) }
        }
    }
    let warnings = sources.iter().flat_map(|text| text.split("Diagnostic::warning(").skip(1));
    let codes = warnings.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    let codes: std::collections::BTreeSet<&str> = codes.filter(|code| code.contains('-')).collect();
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), LINTS);
}

#[test]
fn a_body_that_is_discarded_cannot_be_read_on_any_path() {
    let reads = "  - log: '${json.a}'\n";
    let rows: [(String, &[&str]); 14] = [
        (format!("  - {{ get: /a, discard_body: true }}\n{reads}"), &["discarded-body at 4:13"]),
        (format!("  - {{ get: /a, discard_body: true }}\n  - get: /b\n{reads}"), &[]),
        (format!("  - get: /b\n  - {{ get: /a, discard_body: true }}\n{reads}"), &["discarded-body at 5:13"]),
        // Where it may be left out, the body of before is there.
        (format!("  - get: /b\n  - {{ get: /a, discard_body: true, if: status == 200 }}\n{reads}"), &[]),
        (
            format!("  - get: /b\n  - {{ repeat: 2, steps: [{{ get: /a, discard_body: true }}] }}\n{reads}"),
            &["discarded-body at 5:13"],
        ),
        (format!("  - get: /b\n  - {{ if: status == 1, then: [{{ get: /a, discard_body: true }}] }}\n{reads}"), &[]),
        (
            "  - poll: { until: json.ok == true, attempts: 2, steps: [{ get: /a, discard_body: true }] }\n".to_owned(),
            &["discarded-body at 3:20"],
        ),
        (
            "  - { get: /b, discard_body: true }\n  - { repeat: 2, steps: [{ if: has(json.a), then: [{ sleep: 1s }] }, { get: /a, discard_body: true }] }\n"
                .to_owned(),
            &["discarded-body at 4:36"],
        ),
        (
            "  - { get: /a, discard_body: true, checks: [status == 200, \"body != ''\"] }\n".to_owned(),
            &["discarded-body at 3:61"],
        ),
        ("  - { get: /a, discard_body: true, require: [size(json) > 0] }\n".to_owned(), &["discarded-body at 3:51"]),
        ("  - { get: /a, discard_body: true, extract: { x: $.a } }\n".to_owned(), &["discarded-body at 3:50"]),
        ("  - { get: /a, discard_body: true, extract: { x: { regex: a } } }\n".to_owned(), &["discarded-body at 3:59"]),
        ("  - { get: /a, discard_body: true, extract: { x: { header: a }, y: { cookie: b } } }\n".to_owned(), &[]),
        ("  - { get: /a, discard_body: true }\n  - log: '${headers.a} ${status}'\n".to_owned(), &[]),
    ];
    for (steps, expected) in &rows {
        let text = format!("http: {{ base_url: 'http://h' }}\nsteps:\n{steps}");
        assert_eq!(found_in(&text, &Overrides::default(), &[]), *expected, "{text}");
    }
    check_all(&[
        (
            "{ http: { discard_body: true }, steps: [{ get: 'http://h/', checks: [json.a == 1] }] }",
            &["discarded-body at 1:70"],
        ),
        (
            "{ http: { discard_body: true }, steps: [{ get: 'http://h/', discard_body: false, checks: [json.a == 1] }] }",
            &[],
        ),
        (
            "{ http: { discard_body: true }, scenarios: { s: { http: { discard_body: false }, steps: [{ get: 'http://h/', checks: [json.a == 1] }] } } }",
            &[],
        ),
    ]);
}

#[test]
fn what_a_delivery_contradicts_or_does_not_do_is_told() {
    check_all(&[
        (
            "{ http: { compression: gzip, headers: { content-encoding: br } }, steps: [{ get: 'http://h/' }] }",
            &["encoding-conflict at 1:41"],
        ),
        ("{ http: { compression: none, headers: { content-encoding: br } }, steps: [{ get: 'http://h/' }] }", &[]),
        (
            "{ steps: [{ get: 'http://h/', compression: gzip, expect_continue: true }] }",
            &["warning no-effect at 1:44", "warning no-effect at 1:67"],
        ),
        ("{ steps: [{ get: 'http://h/', compression: none, expect_continue: false }] }", &[]),
        ("{ http: { compression: gzip }, steps: [{ get: 'http://h/' }] }", &[]),
        ("{ steps: [{ get: 'http://h/', max_body: 0B }] }", &["zero-value at 1:41"]),
        ("{ steps: [{ get: 'http://h/', retry: { attempts: 2, backoff: 1m } }] }", &["out-of-range at 1:62"]),
        (
            "{ steps: [{ get: 'http://h/', retry: { attempts: 2, backoff: { initial: 2s, max: 1s } } }] }",
            &["out-of-range at 1:73"],
        ),
        (
            "{ steps: [{ post: 'http://h/', headers: { Content-Type: multipart/form-data }, multipart: { a: b } }] }",
            &["content-type-conflict at 1:43"],
        ),
        ("{ steps: [{ post: 'http://h/', multipart: { a: { file: gone.bin } } }] }", &["missing-file at 1:56"]),
        (
            "{ steps: [{ post: 'http://h/', multipart: { a: '${nobody}', b: { value: x, filename: '${no}' } } }] }",
            &["unknown-name at 1:51", "unknown-name at 1:89"],
        ),
        (
            "{ steps: [{ get: 'http://h/', headers: { Authorization: x }, auth: { digest: { username: '${who}', password: p } } }] }",
            &["auth-conflict at 1:42", "unknown-name at 1:93"],
        ),
        // Never read, and still a body.
        ("{ steps: [{ post: 'http://h/', compression: gzip, body_file: '' }] }", &["empty at 1:63"]),
    ]);
}

#[test]
fn mistakes_in_a_file_point_into_the_file_after_those_of_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("good.json", "{ \"id\": ${vu.id}, \"n\": \"${n}\" }");
    write("names.json", "{\n  \"id\": ${nobody},\n  \"n\": ${status == \"200\"}\n}");
    write("form.json", "{\n  \"id\": ${1 +},\n  \"two\": \"${1 and 2}\"\n}");
    write("binary.json", "x");
    std::fs::write(folder.path().join("binary.json"), [0xff, 0xfe]).unwrap();
    let told = |file: &str| {
        let text = format!(
            "vars: {{ n: 1 }}\nsteps:\n- get: http://h/\n- post: http://h/\n  body_file: {{ path: {file}, template: true }}\n- log: '${{other}}'"
        );
        let mut source = source(&text);
        source.folder = folder.path().to_owned();
        let parsed = crate::plan::parse(&source);
        let found = check(&parsed, &source, &Overrides::default(), &|_| None).expect_err("`other` is unknown");
        let shown = crate::diagnostic::render(&found, &source, false);
        let places = shown.lines().filter_map(|line| line.trim().strip_prefix("--> ")).map(|place| {
            let name = place.rsplit(['/', '\\']).next().unwrap_or_default();
            name.to_owned()
        });
        places.collect::<Vec<_>>()
    };
    assert_eq!(told("good.json"), ["plan.yaml:6:11"]);
    assert_eq!(told("names.json"), ["plan.yaml:6:11", "names.json:2:11", "names.json:3:10"]);
    assert_eq!(told("form.json"), ["plan.yaml:6:11", "form.json:2:13", "form.json:3:15"]);
    assert_eq!(told("binary.json"), ["plan.yaml:5:22", "plan.yaml:6:11"]);
    assert_eq!(told("gone.json"), ["plan.yaml:5:22", "plan.yaml:6:11"]);
}
