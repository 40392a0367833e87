use proptest::prelude::*;

use super::node::{Kind, Node};
use super::vocabulary::{self, Shape, State};
use super::*;
use crate::expr::Data;
use crate::route::{Policy, Select, TlsVersion};

fn source(format: Format, text: &str) -> Source {
    Source::new("plan", format, text)
}

fn plan_of(format: Format, text: &str) -> Plan {
    let source = source(format, text);
    let parsed = parse(&source);
    let readable = parsed.plan.filter(|_| !parsed.found.has_errors());
    readable.unwrap_or_else(|| panic!("{}", crate::diagnostic::render(&parsed.found, &source, false)))
}

/// Codes of all mistakes with the text they point at.
fn mistakes(format: Format, text: &str) -> Vec<(&'static str, String)> {
    let found = parse(&source(format, text)).found.in_order().found;
    let place =
        |diagnostic: &Diagnostic| diagnostic.span.map(|span| text[span.start as usize..span.end as usize].to_owned());
    found.iter().map(|diagnostic| (diagnostic.code, place(diagnostic).unwrap_or_default())).collect()
}

/// Every word of the language that is available, with forms of its value that differ in kind.
const EVERY_WORD: &str = r#"
name: all
description: every word
allow: [no-checks]
env: { N1: x, N2: { default: 5, required: true, secret: true, type: int } }
vars: { n3: [1, "${env.N1}"] }
data:
  n22: { csv: a.csv, delimiter: tab, header: false, columns: [x, y], types: { x: int }, pick: unique, per: vu, on_exhausted: fail }
  n23: { json: a.json }
  n24: { jsonl: a.jsonl }
  n25: { rows: [{ x: [1, { y: 2 }] }] }
http:
  base_url: ${env.N1}
  headers: { N4: a }
  timeout: 5s
  redirects: 3
  expect: [2xx, 404]
  auth: { bearer: x }
  connections: { shared: 20 }
  version: 1.1
  cookies: per_iteration
  compression: gzip
  discard_body: true
  max_body: 10MB
  expect_continue: true
  retry: { attempts: 3, on: [5xx, 429, error, timeout], backoff: 1s, retry_after: false }
  tls:
    { insecure: true, ca: ca.pem, cert: c.pem, key: k.pem, min_version: 1.2, max_version: "1.3", ciphers: [TLS_A], server_name: n, session_resumption: true }
  proxy: http://${env.N1}:3128
  resolve: { n22: 10.0.0.1, "*.n23:80": [10.0.0.1, "${env.N1}"] }
  dns: { ttl: inf, select: random, policy: any }
  local_address: [10.0.0.1, 10.0.0.2-10.0.0.9]
  unix_socket: /run/${env.N1}.sock
tags: { n5: x }
executor: ramping-vus
vus: 1
duration: 1s
iterations: 1
stages: [{ duration: 1s, target: 1 }, { add: 1, every: 1s, until: 9, hold: 1s }]
pace: 1s
warmup: 1s
start_vus: 1
start_time: 1s
graceful_stop: 1s
graceful_ramp_down: 1s
max_duration: 1s
rate: 1
start_rate: 1
time_unit: 1s
pre_allocated_vus: 1
max_vus: 1
arrivals: poisson
on_start: [{ sleep: 1s }]
on_stop: [{ sleep: 1s }]
thresholds: { n6: a<1, n7: [b<1, { threshold: c<1, abort_on_fail: true, delay_abort_eval: 1s, allow_empty: true }] }
scenarios: { n8: { weight: 1, env: { N1: y }, steps: [{ sleep: 1s }] } }
steps:
  - { name: first, if: "true", measure: false, get: /a }
  - post: /b
    headers: { N9: x }
    query: { n10: [1, 2] }
    form: { n11: x }
    auth: { basic: { username: u, password: p } }
    timeout: 1s
    redirects: 0
    expect: 200
    require: { n12: status == 200 }
    extract: { n13: $.a, vu.n14: { regex: "a(.)", pick: 2, default: null, secret: true } }
    checks: [status == 200]
    tags: { n15: x }
  - put: /c
    json: {}
    auth: { digest: { username: u, password: p } }
    compression: [gzip, br]
    discard_body: false
    max_body: 1KiB
    expect_continue: false
    retry: { attempts: 2, on: 503, backoff: { initial: 1s, factor: 3, max: 9s, jitter: true } }
  - post: /c2
    multipart: { n22: x, n23: [1, { value: x }], n24: { json: {}, content_type: a/b }, n25: { file: f, filename: g } }
    retry: none
    compression: none
  - post: /c3
    body_file: { path: f, template: true }
  - patch: /d
    body: x
  - delete: /e
    body_file: x.bin
  - head: /f
  - options: /g
  - request: { method: purge, url: /h }
    extract: { n16: { jsonpath: $.a }, n17: { header: x }, n18: { cookie: x } }
  - sleep: 1s..2s
  - set: { n19: 1 }
  - append: { vu.n20: 1 }
  - if: status == 200
    then: [{ sleep: 1s }]
    else: [{ sleep: 1s }]
  - repeat: 2
    steps: [{ sleep: 1s }]
  - while: status == 200
    max: 3
    steps: [{ sleep: 1s }]
  - for_each: { in: "[1]", as: n21, concurrency: 2 }
    steps: [{ sleep: 1s }]
  - parallel: [{ sleep: 1s }]
    max_parallel: 2
  - poll: { until: status == 200, fail_if: status == 500, every: 1s, attempts: 1, timeout: 1s, first: wait, on_give_up: none, steps: [{ sleep: 1s }] }
  - choose: [{ weight: 1, steps: [{ sleep: 1s }] }]
  - group: g
    metric: m
    steps: [{ sleep: 1s }]
  - log: { level: warn, message: x }
  - outcome: x
  - stop: { iteration: x }
  - stop: { test: x }
"#;

#[test]
fn a_plan_with_every_word_is_read() {
    let plan = plan_of(Format::Yaml, EVERY_WORD);
    let missing: Vec<String> = vocabulary::objects()
        .iter()
        .flat_map(|object| object.words().filter(|word| word.state == State::Here))
        .map(|word| format!("{}:", word.name))
        .filter(|word| !EVERY_WORD.contains(word.as_str()))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "the plan of this test lacks words");
    let (tls, route) = (&plan.http.tls, &plan.http.route);
    let versions = [&tls.min_version, &tls.max_version].map(|version| version.as_ref().map(|version| version.value));
    assert_eq!(versions, [Some(TlsVersion::Tls12), Some(TlsVersion::Tls13)]);
    assert_eq!((route.ttl, route.select, route.policy), (Some(None), Some(Select::Random), Some(Policy::Any)));
    assert_eq!((route.resolve.len(), route.resolve[1].1.len(), route.local_address.len()), (2, 2, 2));
    assert_eq!(plan.http.of_plan_only.len(), 8);
    let steps = plan.steps.expect("there are steps").value;
    let StepKind::Request(post) = &steps[1].kind else { panic!("the second step is a request") };
    assert_eq!((post.method.value.as_str(), post.redirects.as_ref().map(|count| count.value)), ("POST", Some(0)));
    let [token, vu] = post.extract.as_slice() else { panic!("two extractions") };
    assert_eq!((token.target.scope, token.pick), (VariableScope::Iteration, Pick::One));
    assert_eq!((vu.target.scope, vu.target.name.value.as_str(), vu.pick), (VariableScope::Vu, "n14", Pick::Index(2)));
    assert!(matches!(vu.default, Some(Data::Literal(crate::expr::Value::Null))));
}

#[test]
fn no_word_is_known_and_then_ignored() {
    let source = source(Format::Yaml, EVERY_WORD);
    let root = yaml::parse(&source, &mut Diagnostics::default()).expect("the plan is YAML");
    let places = words_in(&root);
    assert!(places.len() > 100, "{} words", places.len());
    for (path, name) in places {
        let mut broken = root.clone();
        *at(&mut broken, &path) =
            Node { span: root.span, kind: Kind::List(vec![Node { span: root.span, kind: Kind::List(Vec::new()) }]) };
        let mut found = Diagnostics::default();
        decode::plan(&source, &broken, &mut found);
        assert!(found.has_errors(), "nobody reads `{name}`");
    }
}

/// Paths to the values of all words of the language; those that take anything are left out.
fn words_in(node: &Node) -> Vec<(Vec<usize>, String)> {
    let children: Vec<(usize, Option<&str>, &Node)> = match &node.kind {
        Kind::Map(map) => {
            map.iter().enumerate().map(|(index, (key, value))| (index, Some(key.name.as_str()), value)).collect()
        }
        Kind::List(items) => items.iter().enumerate().map(|(index, item)| (index, None, item)).collect(),
        _ => Vec::new(),
    };
    let mut words = Vec::new();
    for (index, key, value) in children {
        let meanings =
            key.map(|key| vocabulary::objects().iter().filter_map(|object| object.word(key)).collect::<Vec<_>>());
        let meanings = meanings.unwrap_or_default();
        if let Some(word) = meanings.first().filter(|_| meanings.iter().all(|word| !matches!(word.shape, Shape::Data)))
        {
            words.push((vec![index], word.name.to_owned()));
        }
        words.extend(words_in(value).into_iter().map(|(path, name)| ([vec![index], path].concat(), name)));
    }
    words
}

fn at<'n>(node: &'n mut Node, path: &[usize]) -> &'n mut Node {
    let Some((first, rest)) = path.split_first() else { return node };
    let child = match &mut node.kind {
        Kind::Map(map) => &mut map[*first].1,
        Kind::List(items) => &mut items[*first],
        _ => panic!("the path leads through a scalar"),
    };
    at(child, rest)
}

#[test]
fn both_formats_give_the_same_plan() {
    let yaml = plan_of(
        Format::Yaml,
        "vus: 2\nduration: 1m30s\nsteps:\n  - post: /a\n    json: { z: '${vu.id}', a: [1, 2.5, true] }\n    checks: { b: status == 200, a: 'true' }\n",
    );
    let toml = plan_of(
        Format::Toml,
        "vus = 2\nduration = \"1m30s\"\n[[steps]]\npost = \"/a\"\njson = { z = '${vu.id}', a = [1, 2.5, true] }\n[steps.checks]\nb = \"status == 200\"\na = \"true\"\n",
    );
    let told = |plan: &Plan| {
        let steps = &plan.steps.as_ref().expect("there are steps").value;
        let StepKind::Request(request) = &steps[0].kind else { panic!("a request") };
        let Some(Body::Json(Data::Object(fields))) = &request.body else { panic!("a JSON object") };
        let checks: Vec<_> =
            request.checks.iter().map(|check| (check.name.value.clone(), check.condition.text.clone())).collect();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| match value {
                Data::Template(template) => format!("{name} {}", template.text),
                Data::List(items) => format!("{name} {}", items.len()),
                _ => name.clone(),
            })
            .collect();
        (
            plan.load.vus.as_ref().map(|vus| vus.value),
            plan.load.duration.as_ref().map(|d| d.value),
            request.url.value.text.clone(),
            checks,
            fields,
        )
    };
    assert_eq!(told(&yaml), told(&toml));
    assert_eq!(told(&yaml).4, ["z ${vu.id}", "a 3"]);
}

#[test]
fn every_value_knows_its_place() {
    let yaml = "a: plain text # note\nb: \"quo ted\"\nc: \"esc\\u0041ped\"\nd: |\n  block\ne: [1, { f: 한글 }]\ng:\n  - x: 007\n    y: true\nh: >-\n  fol\n  ded\n";
    for (path, place, exact) in [
        (&[0][..], "plain text", true),
        (&[1], "quo ted", true),
        (&[2], "\"esc\\u0041ped\"", false),
        (&[3], "block\n", true),
        (&[4], "[1, { f: 한글 }]", true),
        (&[4, 0], "1", true),
        (&[4, 1], "{ f: 한글 }", true),
        (&[4, 1, 0], "한글", true),
        (&[5, 0], "x: 007\n    y: true", true),
        (&[5, 0, 0], "007", true),
        (&[6], "fol\n  ded\n", false),
    ] {
        check_place(Format::Yaml, yaml, path, place, exact);
    }
    let toml = "a = \"text\"\nb = \"esc\\u0041ped\"\nc = 0x10\n[d]\ne = 'literal'\n[[g]]\nx = 1\ny = [2, 3]\n";
    for (path, place, exact) in [
        (&[0][..], "text", true),
        (&[1], "\"esc\\u0041ped\"", false),
        (&[2], "0x10", true),
        (&[3, 0], "literal", true),
        (&[4, 0], "[[g]]\nx = 1\ny = [2, 3]", true),
        (&[4, 0, 1], "[2, 3]", true),
    ] {
        check_place(Format::Toml, toml, path, place, exact);
    }
}

fn check_place(format: Format, text: &str, path: &[usize], place: &str, exact: bool) {
    let source = source(format, text);
    let mut found = Diagnostics::default();
    let root = match format {
        Format::Yaml => yaml::parse(&source, &mut found),
        Format::Toml => toml::parse(&source, &mut found),
    };
    let mut root = root.expect("the text has no mistake");
    let node = at(&mut root, path);
    assert_eq!(&text[node.span.start as usize..node.span.end as usize], place);
    assert_eq!(node.written(&source).is_none_or(|located| located.exact), exact, "{place}");
}

#[test]
fn scalars_mean_what_they_look_like() {
    let text = "[yes, no, on, 'off', true, 007, 0x10, 1.5, ~, null, 12:30, 1_000]";
    let source = source(Format::Yaml, text);
    let root = yaml::parse(&source, &mut Diagnostics::default()).expect("the text is YAML");
    let Kind::List(items) = root.kind else { panic!("a list") };
    let nouns: Vec<&str> = items.iter().map(Node::noun).collect();
    let expected = "text text text text boolean text number number nothing nothing text number";
    assert_eq!(nouns.iter().map(|noun| noun.trim_start_matches("a ")).collect::<Vec<_>>().join(" "), expected);
}

#[test]
fn anchors_and_merge_keys_are_read_as_if_written_out() {
    let plan = plan_of(
        Format::Yaml,
        "vus: 1\niterations: 1\nhttp: { headers: &common { A: '1', B: '2' } }\nsteps:\n  - get: /a\n    headers:\n      <<: *common\n      B: '3'\n  - get: /b\n    headers: *common\n",
    );
    let headers: Vec<String> = plan
        .steps
        .expect("there are steps")
        .value
        .iter()
        .map(|step| {
            let StepKind::Request(request) = &step.kind else { panic!("a request") };
            let mut pairs: Vec<String> =
                request.headers.iter().map(|(name, value)| format!("{}={}", name.value, value.value.text)).collect();
            pairs.sort();
            pairs.join(" ")
        })
        .collect();
    assert_eq!(headers, ["A=1 B=3", "A=1 B=2"]);
}

#[test]
fn a_mistake_in_an_anchored_value_is_told_once() {
    let text = "vus: 1\niterations: 1\nsteps:\n  - &s { get: /a, timeout: 5 }\n  - *s\n  - *s\n";
    assert_eq!(mistakes(Format::Yaml, text), [("bad-duration", "5".to_owned())]);
}

#[test]
fn places_in_templates_and_expressions_are_places_in_the_plan() {
    let text = "vus: 1\niterations: 1\nsteps:\n  - get: \"/a/${1 +}\"\n    checks: { ok: status === 200 }\n";
    let found = mistakes(Format::Yaml, text);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[1].1, "===");
}

#[test]
fn mistakes_beyond_counting_are_bounded() {
    let text: String = (0..5000).map(|n| format!("k{n}: 1\n")).collect();
    let found = parse(&source(Format::Yaml, &text)).found.in_order().found;
    assert_eq!(found.len(), 101);
    assert_eq!(found.last().map(|last| last.message.as_str()), Some("and 4900 mistakes more, not shown"));
}

#[test]
fn hostile_nesting_and_size_are_refused() {
    for (format, text, code) in [
        (Format::Yaml, "[".repeat(100_000), "too-deep"),
        (Format::Yaml, "- ".repeat(10_000), "too-deep"),
        (Format::Yaml, "a: ".to_owned() + &"{a: ".repeat(1000), "too-deep"),
        (Format::Toml, format!("a = {}", "[".repeat(100_000)), "too-deep"),
        (Format::Toml, format!("a{} = 1", ".a".repeat(50_000)), "too-deep"),
        (Format::Toml, format!("[a{}]\n", ".a".repeat(50_000)), "too-deep"),
        (Format::Yaml, " ".repeat(LARGEST as usize + 1), "too-big"),
    ] {
        let found = parse(&source(format, &text)).found.found;
        assert!(found.iter().any(|found| found.code == code), "{:.20}: {:.300}", text, format!("{found:?}"));
    }
}

#[test]
fn a_plan_as_deep_as_allowed_is_read() {
    let steps = "[{ repeat: 1, steps: ".repeat(30) + "[{ sleep: 1s }]" + &"}]".repeat(30);
    plan_of(Format::Yaml, &format!("vus: 1\niterations: 1\nsteps: {steps}\n"));
}

/// Lines that look like a plan, so that the interesting places are reached.
fn plan_like() -> impl Strategy<Value = String> {
    let words =
        vocabulary::objects().into_iter().flat_map(|object| object.words().map(|word| word.name)).collect::<Vec<_>>();
    let value = prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        Just("{ a: ${x} }".to_owned()),
        Just("[1, \"x".to_owned()),
        Just("1s..3s".to_owned()),
        Just("&a [1]".to_owned()),
        Just("*a".to_owned()),
        Just("\"${status}\"".to_owned()),
        Just("|".to_owned()),
    ];
    let line = (0usize..4, prop::bool::ANY, prop::sample::select(words), value, prop::bool::ANY).prop_map(
        |(indent, dash, word, value, equals)| {
            let join = if equals { " = " } else { ": " };
            format!("{}{}{word}{join}{value}", "  ".repeat(indent), if dash { "- " } else { "" })
        },
    );
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in prop_oneof!["\\PC{0,60}", "[ -~\n\t]{0,80}", plan_like()]) {
        for format in [Format::Yaml, Format::Toml] {
            let source = source(format, &text);
            let parsed = parse(&source);
            prop_assert!(parsed.plan.is_some() || parsed.found.has_errors());
            if let Err(found) = crate::validate::check(&parsed, &source, &Default::default(), &|_| None) {
                crate::diagnostic::render(&found, &source, true);
            }
        }
    }
}
