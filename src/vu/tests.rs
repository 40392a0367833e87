//! One VU against a scripted wire: what goes out, and what is recorded.

mod parallel;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::runtime::{Builder, LocalOptions};

use super::{Console, Finished, Identity, Vu};
use crate::clock::{Duration, now};
use crate::data::Supply;
use crate::graph::{self, Graph};
use crate::metrics::{Aggregate, Metric, Recorder, Snapshot};
use crate::plan::{self, LogLevel};
use crate::source::{Format, Source};
use crate::transport::scripted::{Reply, Scripted};
use crate::transport::{ErrorCode, Request, Transport};
use crate::validate;

#[derive(Default)]
struct Heard(RefCell<Vec<String>>);

impl Console for Heard {
    fn log(&self, level: LogLevel, message: &str) {
        self.0.borrow_mut().push(format!("{} {message}", level.name()));
    }
}

pub(super) struct Seen {
    /// `METHOD path`, and the headers and body that went with it.
    pub(super) sent: Vec<Request>,
    heard: Vec<String>,
    finished: Finished,
    pub(super) snapshot: Snapshot,
    /// Of the runtime's clock.
    pub(super) took: Duration,
}

impl Seen {
    fn lines(&self) -> Vec<String> {
        self.sent.iter().map(|request| format!("{} {}", request.method, request.uri)).collect()
    }

    pub(super) fn count(&self, metric: Metric, tags: &[(&str, &str)]) -> u64 {
        let tags: Vec<(String, String)> =
            tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.snapshot.counter(metric, &tags).unwrap_or(0)
    }

    pub(super) fn problems(&self) -> Vec<String> {
        self.snapshot.problems().iter().map(|problem| problem.message.clone()).collect()
    }
}

fn compile(http: &str, steps: &str) -> Arc<Graph> {
    let text = format!("http: {{ base_url: 'http://shop'{http} }}\niterations: 1\nsteps:\n{steps}");
    let source = Source::new("plan.yaml", Format::Yaml, text);
    let parsed = plan::parse(&source);
    let overrides = validate::Overrides { seed: Some(7), ..Default::default() };
    let (valid, _) =
        validate::check(&parsed, &source, &overrides, &|_| None).unwrap_or_else(|found| panic!("{found:#?}"));
    Arc::new(graph::compile(&valid))
}

/// Runs one iteration of these steps; `script` answers by the request's path.
fn iterate(steps: &str, script: impl Fn(&str) -> Reply + 'static) -> Seen {
    iterate_within(&[Duration::from_secs(3600)], steps, script)
}

/// Runs an iteration for each of `limits`, which it is cut off after.
fn iterate_within(limits: &[Duration], steps: &str, script: impl Fn(&str) -> Reply + 'static) -> Seen {
    run("", steps, limits, move |request| script(request.uri.path()))
}

/// `http` is what stands in the plan's `http` besides the base URL, each part behind a comma.
pub(super) fn play(http: &str, steps: &str, iterations: usize, script: impl Fn(&Request) -> Reply + 'static) -> Seen {
    run(http, steps, &vec![Duration::from_secs(3600); iterations], script)
}

fn run(http: &str, steps: &str, limits: &[Duration], script: impl Fn(&Request) -> Reply + 'static) -> Seen {
    let graph = compile(http, steps);
    let runtime =
        Builder::new_current_thread().enable_all().start_paused(true).build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async {
        let transport = Scripted::new(script);
        let recorder = Rc::new(RefCell::new(Recorder::new(0)));
        let heard = Rc::new(Heard::default());
        let console: Rc<dyn Console> = Rc::clone(&heard) as Rc<dyn Console>;
        let identity = Identity { id: 1, scenario: 0, scenario_start: now() };
        let supply = Arc::new(Supply::new(&graph.data, graph.seed));
        let mut vu = Vu::new(&graph, identity, transport.session(), &supply, &recorder, &console);
        let mut finished = Finished::Next;
        for (limit, number) in limits.iter().zip(0..) {
            match tokio::time::timeout(*limit, vu.iterate(number, None)).await {
                Ok(ended) => finished = ended,
                Err(_) => vu.interrupted(),
            }
        }
        let took = now() - identity.scenario_start;
        let mut aggregate = Aggregate::new(&graph.sites, &graph.custom_metrics);
        aggregate.absorb(&mut recorder.borrow_mut().take());
        aggregate.tick(Duration::from_secs(1));
        let heard = heard.0.borrow().clone();
        Seen { sent: transport.requests(), heard, finished, snapshot: aggregate.into_snapshot(), took }
    })
}

pub(super) fn json(text: &'static str) -> Reply {
    Reply { body: Bytes::from_static(text.as_bytes()), ..Reply::default() }
}

pub(super) fn headed(status: u16, headers: &[(&'static str, &'static str)]) -> Reply {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_static(value));
    }
    Reply { status, headers: map, ..Reply::default() }
}

#[test]
fn redirects_are_followed_as_browsers_do() {
    // Status of the redirect, method sent, method that follows, whether the body goes along.
    let table = [
        (301, "post", "GET", false),
        (302, "post", "GET", false),
        (302, "put", "PUT", true),
        (303, "put", "GET", false),
        (307, "post", "POST", true),
        (308, "post", "POST", true),
    ];
    for (status, method, follows, keeps_body) in table {
        let seen = iterate(&format!("  - {method}: /old\n    body: hello\n"), move |path| match path {
            "/old" => headed(status, &[("location", "/new")]),
            _ => Reply::default(),
        });
        let last = &seen.sent[1];
        assert_eq!((last.method.as_str(), !last.body.is_empty()), (follows, keeps_body), "{status} {method}");
        assert_eq!(seen.count(Metric::HttpReqs, &[]), 2, "each hop is a sample");
    }
}

#[test]
fn redirects_end_at_the_plans_limit_and_keep_secrets_at_home() {
    let endless = iterate("  - get: /a\n    redirects: 3\n    checks: { last: status == 302 }\n", |_| {
        headed(302, &[("location", "/a")])
    });
    assert_eq!(endless.sent.len(), 4);
    assert_eq!(endless.snapshot.rate(Metric::HttpReqFailed, &[]), Some((1, 4)), "a loop is no success");
    assert!(endless.problems()[0].contains("more than 3 redirects"), "{:?}", endless.problems());
    let wanted = iterate("  - get: /a\n    redirects: 0\n", |_| headed(302, &[("location", "/a")]));
    assert_eq!(wanted.snapshot.rate(Metric::HttpReqFailed, &[]), Some((0, 1)), "not followed on purpose");
    let away = iterate("  - get: /a\n    auth: { bearer: secret }\n", |path| match path {
        "/a" => headed(302, &[("location", "http://elsewhere/b")]),
        _ => Reply::default(),
    });
    assert!(away.sent[0].headers.contains_key("authorization"));
    assert!(!away.sent[1].headers.contains_key("authorization"));
}

#[test]
fn cookies_come_back_to_who_set_them() {
    let seen = iterate(
        "  - get: /set\n  - get: /own\n  - get: http://elsewhere/\n  - get: /own\n    headers: { Cookie: mine=1 }\n",
        |path| match path {
            "/set" => headed(200, &[("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2; Domain=evil.test")]),
            _ => Reply::default(),
        },
    );
    let cookie =
        |index: usize| seen.sent[index].headers.get("cookie").map_or("", |value| value.to_str().unwrap()).to_owned();
    assert_eq!((cookie(1), cookie(2), cookie(3)), ("a=1".into(), String::new(), "mine=1; a=1".into()));
}

#[test]
fn a_failed_require_ends_the_iteration_and_a_failed_check_does_not() {
    let seen = iterate(
        "  - get: /a\n    checks: { c: status == 201 }\n  - get: /b\n    require: { r: status == 201 }\n  - get: /c\n",
        |_| Reply::default(),
    );
    assert_eq!(seen.lines(), ["GET http://shop/a", "GET http://shop/b"]);
    assert_eq!(seen.count(Metric::Iterations, &[("outcome", "failed")]), 1);
    assert_eq!(seen.snapshot.rate(Metric::Checks, &[]), Some((0, 2)));
}

#[test]
fn nothing_goes_out_with_a_value_that_is_not_there() {
    let table = [
        ("  - get: /a\n    extract: { token: $.data.token }\n  - get: /b/${token}\n", 1, "no match"),
        ("  - get: /a\n    extract: { token: '$.list[*]' }\n  - get: /b/${token}\n", 1, "2 matches"),
        ("  - get: /a\n    extract: { token: $.none }\n  - get: /b/${token}\n", 1, "null"),
        ("  - get: /a\n    extract: { token: $.list }\n  - get: /b/${token}\n", 1, "list"),
        ("  - get: /a\n  - get: /b/${json.missing}\n", 1, "missing"),
        ("  - get: /a\n  - if: json.list\n    then: [{ get: /b }]\n", 1, "list"),
    ];
    for (steps, sent, said) in table {
        let seen = iterate(steps, |_| json(r#"{"none":null,"list":[1,2]}"#));
        assert_eq!(seen.sent.len(), sent, "{steps}");
        assert_eq!(seen.count(Metric::Iterations, &[("outcome", "failed")]), 1, "{steps}");
        assert!(seen.problems().iter().any(|problem| problem.contains(said)), "{steps}: {:?}", seen.problems());
    }
}

#[test]
fn extraction_picks_what_it_is_told() {
    let table = [("first", "1"), ("last", "3"), ("1", "2"), ("count", "3"), ("all", "[1,2,3]")];
    for (pick, expected) in table {
        let steps = format!(
            "  - get: /a\n    extract: {{ found: {{ jsonpath: '$.ids[*]', pick: {pick} }} }}\n  - post: /b\n    json: {{ found: '${{found}}' }}\n"
        );
        let seen = iterate(&steps, |_| json(r#"{"ids":[1,2,3]}"#));
        assert_eq!(seen.sent[1].body, format!("{{\"found\":{expected}}}"), "{pick}");
    }
    let others = iterate(
        "  - get: /a\n    extract:\n      h: { header: x-id }\n      r: { regex: 'id=(\\d+)' }\n      c: { cookie: sid }\n      d: { jsonpath: $.no, default: fallback }\n  - get: '/${h}/${r}/${c}/${d}'\n",
        |_| Reply {
            body: Bytes::from_static(b"\"id=42\""),
            ..headed(200, &[("x-id", "h1"), ("set-cookie", "sid=s1; HttpOnly")])
        },
    );
    assert_eq!(others.lines()[1], "GET http://shop/h1/42/s1/fallback");
}

#[test]
fn a_request_without_a_response_is_failed_and_has_no_latency() {
    let refused = iterate("  - get: /a\n    checks: { none: status == 0 && error_code == 1212 }\n", |_| Reply {
        failure: Some(ErrorCode::DialRefused),
        ..Reply::default()
    });
    assert_eq!(refused.snapshot.rate(Metric::HttpReqFailed, &[]), Some((1, 1)));
    assert!(refused.snapshot.trend(Metric::HttpReqDuration, &[]).is_none());
    assert_eq!(refused.snapshot.rate(Metric::Checks, &[]), Some((1, 1)));
    let late =
        iterate("  - get: /a\n    timeout: 2s\n", |_| Reply { delay: Duration::from_secs(9), ..Reply::default() });
    let trend = late.snapshot.trend(Metric::HttpReqDuration, &[]).unwrap();
    assert!((trend.percentile(50.0) - 2000.0).abs() < 5.0, "a timeout took as long as it took");
}

#[test]
fn outcomes_are_named_by_the_plan() {
    let table = [
        ("  - outcome: \"${1 < 2 ? 'yes' : 'no'}\"\n  - get: /a\n", "yes", 1),
        ("  - stop: { iteration: sold_out }\n  - get: /a\n", "sold_out", 0),
        ("  - outcome: first\n  - stop: iteration\n", "first", 0),
        ("  - get: /a\n", "completed", 1),
    ];
    for (steps, outcome, sent) in table {
        let seen = iterate(steps, |_| Reply::default());
        assert_eq!(seen.count(Metric::Iterations, &[("outcome", outcome)]), 1, "{steps}");
        assert_eq!(seen.sent.len(), sent, "{steps}");
    }
    assert_eq!(iterate("  - stop: vu\n", |_| Reply::default()).finished, Finished::VuStops);
    let stopped = iterate("  - stop: { test: enough }\n", |_| Reply::default());
    assert_eq!(stopped.finished, Finished::TestStops("enough".to_owned()));
}

#[test]
fn loops_run_as_often_as_they_say() {
    let seen = iterate(
        "  - repeat: 2\n    steps: [{ get: /r }]\n  - for_each: { in: '[1, 2, 3]', as: n }\n    steps: [{ get: '/f/${n}' }]\n  - set: { i: 0 }\n  - while: i < 2\n    steps: [{ get: '/w/${i}' }, { set: { i: '${i + 1}' } }]\n  - append: { seen: a }\n  - append: { seen: b }\n  - log: '${size(seen)} seen'\n",
        |_| Reply::default(),
    );
    let paths: Vec<&str> = seen.sent.iter().map(|request| request.uri.path()).collect();
    assert_eq!(paths, ["/r", "/r", "/f/1", "/f/2", "/f/3", "/w/0", "/w/1"]);
    assert_eq!(seen.heard, ["info 2 seen"]);
}

#[test]
fn a_while_that_never_ends_is_ended_and_said() {
    let seen = iterate("  - while: 'true'\n    max: 5\n    steps: [{ get: /w }]\n", |_| Reply::default());
    assert_eq!(seen.sent.len(), 5);
    assert!(seen.problems()[0].contains("max"), "{:?}", seen.problems());
}

#[test]
fn a_secret_that_was_extracted_is_told_to_nobody() {
    const TOKEN: &str = "tok-3n/öt\"her";
    let take = "  - get: /login\n    extract: { token: { header: x-token, secret: true } }\n";
    let table = [
        "  - log: 'have ${token} and ${url_encode(token)}'\n  - outcome: 'with ${token}'\n",
        "  - get: /echo\n    extract: { missing: $.nothing }\n",
        "  - get: /echo\n    checks: { number: 'int(token) > 1' }\n",
        "  - stop: { test: 'because of ${token}' }\n",
        "  - get: '/${json.nothing}/${token}'\n  - log: '${token}'\n",
    ];
    for steps in table {
        let seen = iterate(&format!("{take}{steps}"), |_| {
            let mut reply = json(r#"{"echo":"tok-3n/öt\"her"}"#);
            reply.headers.insert("x-token", HeaderValue::from_bytes(TOKEN.as_bytes()).unwrap());
            reply
        });
        let told = format!("{:?} {:?} {:?} {:?}", seen.heard, seen.problems(), seen.finished, seen.snapshot.outcomes());
        assert!(!told.contains("3n") && !told.contains("öt"), "{steps}: {told}");
    }
}

#[test]
fn a_body_that_was_to_give_a_secret_is_not_quoted() {
    for extract in ["{ t: { jsonpath: $.tokne, secret: true } }", "{ a: $.no, t: { jsonpath: $.token, secret: true } }"]
    {
        let seen = iterate(&format!("  - get: /login\n    extract: {extract}\n"), |_| json(r#"{"token":"abc123"}"#));
        let problems = seen.problems();
        assert!(problems.len() == 1 && !problems[0].contains("abc123"), "{problems:?}");
    }
    let quoted = iterate("  - get: /a\n    extract: { t: $.no }\n", |_| Reply {
        body: Bytes::from(format!("{{\"pad\":\"{}\", \"key\":\"{}\"}}\u{1b}[2J", "x".repeat(120), "k".repeat(60))),
        ..Reply::default()
    });
    let problem = &quoted.problems()[0];
    assert!(problem.contains("xxx") && !problem.contains("kkk") && !problem.contains('\u{1b}'), "{problem}");
}

#[test]
fn every_problem_says_where_it_is() {
    let table: &[(&str, &[&str])] = &[
        ("  - set: { a: '${json.no}' }\n", &["template  set a"]),
        ("  - append: { a: '${json.no}' }\n", &["template  append a"]),
        ("  - log: '${json.no}'\n    name: hello\n", &["template  log hello"]),
        ("  - outcome: '${json.no}'\n", &["template  outcome"]),
        ("  - if: json.no\n    then: [{ sleep: 1s }]\n", &["expression  if"]),
        ("  - while: json.no\n    steps: [{ sleep: 1s }]\n", &["expression  while"]),
        ("  - while: 'true'\n    max: 1\n    steps: [{ sleep: 1s }]\n", &["template  while"]),
        ("  - repeat: '${json.no}'\n    steps: [{ sleep: 1s }]\n", &["template  repeat"]),
        ("  - for_each: { in: json.no, as: x }\n    steps: [{ sleep: 1s }]\n", &["template  for_each"]),
        (
            "  - get: /r\n    name: r\n    checks: { one: json.no == 1, two: json.no == 2 }\n",
            &["check r/one ", "check r/two "],
        ),
        ("  - get: /r\n    name: r\n    extract: { id: $.no }\n", &["extraction r/id "]),
        (
            "  - poll: { until: 'false', attempts: 1, steps: [{ get: /p }] }\n    name: p\n",
            &["poll p gave up, not true after 1 attempt: false"],
        ),
    ];
    for (steps, expected) in table {
        let seen = iterate(&format!("  - get: /a\n{steps}"), |_| json("{}"));
        let told = |problem: &&crate::metrics::Problem| {
            let tag = |tag| seen.snapshot.tag(problem.site, tag).unwrap_or_default();
            let detail = [tag("check"), tag("variable")].concat();
            let name = if detail.is_empty() { tag("name").to_owned() } else { format!("{}/{detail}", tag("name")) };
            let kind = format!("{:?}", problem.kind).to_lowercase();
            let text = if kind == "poll" { &problem.message } else { &problem.place };
            format!("{kind} {name} {text}")
        };
        let found: Vec<String> = seen.snapshot.problems().iter().map(told).collect();
        assert_eq!(&found, expected, "{steps}");
    }
}

#[test]
fn a_stop_without_a_reason_gives_none() {
    let seen = iterate("  - stop: test\n", |_| Reply::default());
    assert_eq!(seen.finished, Finished::TestStops(String::new()));
}

#[test]
fn an_echo_of_basic_auth_shows_nothing_of_the_password() {
    for user in ["u", "us", "use"] {
        let steps = format!(
            "  - get: /a\n    extract: {{ word: {{ jsonpath: $.word, secret: true }} }}\n  - set: {{ pair: \"Basic ${{base64_encode('{user}:' + word)}}\" }}\n  - get: /echo\n    headers: {{ authorization: '${{pair}}' }}\n    checks: {{ n: 'int(pair) > 1' }}\n  - log: '${{pair}}'\n"
        );
        let seen = iterate(&steps, |_| json(r#"{"word":"hunter"}"#));
        let sent = seen.sent[1].headers["authorization"].to_str().unwrap().to_owned();
        let shown = sent.rsplit_once(' ').unwrap().1;
        let told = format!("{:?} {:?}", seen.heard, seen.problems());
        assert_eq!(told.matches("***").count(), 2, "{told}");
        // Nothing that can be decoded to a letter of the password.
        let of_word = (user.len() + 1) * 8 / 6;
        assert!((of_word..shown.len() - 3).all(|at| !told.contains(&shown[at..at + 4])), "{told}");
    }
}

#[test]
fn an_echo_that_is_cut_shows_no_beginning_of_a_secret() {
    let token = "tok-4711/".repeat(12);
    let body = format!("{{\"token\":\"{token}\",\"echo\":\"Bearer {token}\"}}");
    let seen = iterate(
        "  - get: /a\n    extract: { token: { jsonpath: $.token, secret: true } }\n    checks: { n: 'int(json.echo) > 1' }\n",
        move |_| Reply { body: Bytes::from(body.clone()), ..Reply::default() },
    );
    let problems = seen.problems();
    assert!(problems.len() == 1 && problems[0].contains("Bearer ***…"), "{problems:?}");
}

#[test]
fn rows_keep_their_types_and_may_lack_fields() {
    let data = "data:\n  items: { rows: [{ id: 7, tags: [a], n: null }, { name: x }] }\n";
    for (json, sent) in [
        ("'${items}'", r#"{"id":7,"tags":["a"],"n":null}"#),
        ("['${items.id}', '${items.id + 1}', 'n${items.id}', '${items.n}']", r#"[7,8,"n7",null]"#),
        ("'${items.tags[0]}'", r#""a""#),
        ("['${has(items.name)}', '${has(items.id)}', '${items.?name.orValue(\"none\")}']", r#"[false,true,"none"]"#),
        ("'${items[\"id\"]}'", "7"),
    ] {
        let seen = iterate(&format!("  - post: /a\n    json: {json}\n{data}"), |_| Reply::default());
        assert_eq!(seen.sent[0].body, sent, "{json}: {:?}", seen.problems());
    }
    let seen = iterate(&format!("  - get: '/${{items.name}}'\n{data}"), |_| Reply::default());
    assert_eq!(seen.problems(), ["the URL `http://shop/${items.name}`: `items.name`: this row has no such field"]);
    assert_eq!(seen.count(Metric::Iterations, &[("outcome", "failed")]), 1);
}
