//! Graphs of whole plans as golden texts, and the details that the print leaves out.

use std::path::{Path, PathBuf};

use super::*;
use crate::expr::{Fact, Response, Scope};
use crate::source::{Format, Source as Text};
use crate::validate::{Overrides, check};

fn compiled(source: &Text) -> Graph {
    let parsed = crate::plan::parse(source);
    let overrides = Overrides { seed: Some(7), ..Overrides::default() };
    let (valid, _) = check(&parsed, source, &overrides, &|_| None)
        .unwrap_or_else(|found| panic!("{}", crate::diagnostic::render(&found, source, false)));
    compile(&valid)
}

fn graph_of(text: &str) -> Graph {
    compiled(&Text::new("plan.yaml", Format::Yaml, text))
}

fn request(graph: &Graph) -> &RequestStep {
    let mut requests = graph.steps.iter().rev().filter_map(|step| match &step.action {
        Action::Request(request) => Some(&**request),
        _ => None,
    });
    requests.next().expect("the plan has a request")
}

/// `UPDATE_GOLDEN=1` writes the expected texts anew.
#[test]
fn graphs_print_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/graphs");
    for name in [
        "points",
        "seat-reservation",
        "every-step",
        "arrivals",
        "connections",
        "data-sets",
        "scheduling",
        "shared-rate",
    ] {
        let source = Text::read(&folder.join(format!("{name}.yaml"))).expect("the plan can be read");
        let printed = explain(&compiled(&source));
        let golden: PathBuf = folder.join(format!("{name}.expected"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &printed).expect("the expected text can be written");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert!(printed == expected, "{name} differs (UPDATE_GOLDEN=1 accepts it):\n{printed}");
    }
}

/// A VU with one variable in every slot.
struct Vu {
    value: crate::expr::Value,
    random: std::cell::RefCell<rand::rngs::SmallRng>,
}

impl Scope for Vu {
    fn slot(&self, _: SlotId) -> Option<&crate::expr::Value> {
        Some(&self.value)
    }
    fn slot_name(&self, _: SlotId) -> &str {
        "x"
    }
    fn fact(&self, _: Fact) -> i64 {
        3
    }
    fn response(&self) -> Option<&dyn Response> {
        None
    }
    fn random(&self) -> &std::cell::RefCell<rand::rngs::SmallRng> {
        &self.random
    }
    fn wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

fn render(program: &TextProgram, x: &str) -> String {
    let random = std::cell::RefCell::new(rand::SeedableRng::seed_from_u64(1));
    let mut text = String::new();
    let vu = Vu { value: x.into(), random };
    program.render(&vu, &mut text).unwrap_or_else(|error| panic!("{}: {}", program.text(), error.message));
    text
}

#[test]
fn urls_join_to_the_base_with_one_slash() {
    for (base, url, x, expected) in [
        ("http://h/api/", "/x", "", "http://h/api/x"),
        ("http://h/api", "x", "", "http://h/api/x"),
        ("http://h/api", "?q=1", "", "http://h/api?q=1"),
        ("http://h", "/", "", "http://h/"),
        ("http://h", "https://other/x", "", "https://other/x"),
        ("http://h", "${env.PATH}/x", "", "http://h/p/x"),
        ("http://h", "${env.OTHER}/x", "", "http://o/x"),
        ("http://h", "${x}", "/y", "http://h/y"),
        ("http://h", "${x}/z", "y", "http://h/y/z"),
        ("http://h", "${x}/z", "https://o", "https://o/z"),
        ("http://h", "/${x}/z", "y", "http://h/y/z"),
    ] {
        let graph = graph_of(&format!(
            "env: {{ PATH: /p, OTHER: 'http://o' }}\nhttp: {{ base_url: '{base}' }}\nsteps: [{{ set: {{ x: '' }} }}, {{ get: '{url}' }}]"
        ));
        assert_eq!(render(&request(&graph).url, x), expected, "{base} and {url} with {x}");
    }
}

#[test]
fn the_nearest_header_wins_and_auth_is_a_header() {
    let headers = |http: &str, own: &str| {
        let graph =
            graph_of(&format!("http: {{ {http} }}\nsteps: [{{ set: {{ x: '' }} }}, {{ post: http://h/{own} }}]"));
        let headers = request(&graph).headers.iter();
        let shown = headers.filter(|(name, _)| *name != http::header::USER_AGENT);
        shown.map(|(name, value)| format!("{name}: {}", render(value, "pw"))).collect::<Vec<_>>().join(", ")
    };
    for (http, own, expected) in [
        ("headers: { X-A: '1', B: '2' }", ", headers: { x-a: '3' }", "x-a: 3, b: 2"),
        ("auth: { bearer: t }", "", "authorization: Bearer t"),
        ("auth: { bearer: t }", ", auth: none", ""),
        ("auth: { bearer: t }", ", headers: { Authorization: mine }", "authorization: mine"),
        ("headers: { Authorization: mine }", ", auth: { bearer: '${x}' }", "authorization: Bearer pw"),
        ("auth: { basic: { username: \"u'\", password: 'a${x}' } }", "", "authorization: Basic dSc6YXB3"),
        ("timeout: 1s", ", json: [1]", "content-type: application/json"),
        ("timeout: 1s", ", json: [1], headers: { Content-Type: text/x }", "content-type: text/x"),
        ("timeout: 1s", ", form: { a: 1 }", "content-type: application/x-www-form-urlencoded"),
        ("timeout: 1s", ", body: a", ""),
    ] {
        assert_eq!(headers(http, own), expected, "{http} and {own}");
    }
}

#[test]
fn limits_are_inherited_from_the_scenario_before_the_plan() {
    let graph = graph_of(
        "http: { timeout: 1s, redirects: 3 }\nscenarios: { a: { http: { timeout: 2s, expect: 404 }, steps: [{ get: http://h/ }] } }",
    );
    let request = request(&graph);
    assert_eq!((request.timeout, request.redirects), (Duration::from_secs(2), 3));
    assert_eq!(request.expect, [StatusRange { first: 404, last: 404 }]);
}

#[test]
fn sites_carry_the_tags_of_plan_scenario_and_step() {
    let graph = graph_of(
        "tags: { a: plan, b: plan, c: plan }\nscenarios:\n  s:\n    tags: { b: scenario, c: scenario }\n    steps:\n    - group: g\n      steps: [{ name: r, post: http://h/, tags: { c: step }, checks: { ok: status == 200 }, extract: { x: $.x } }]\n",
    );
    let tags = |site: SiteId| {
        let tags = &graph.sites[site.0 as usize].tags;
        tags.iter().map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(",")
    };
    let own = "a:plan,b:scenario,c:step";
    assert_eq!(tags(graph.scenarios[0].site), "scenario:s,a:plan,b:scenario,c:scenario");
    assert_eq!(tags(graph.steps[0].site), format!("scenario:s,group:g,name:r,method:POST,{own}"));
    assert_eq!(tags(graph.steps[1].site), "scenario:s,group:g,a:plan,b:scenario,c:scenario");
    assert_eq!(tags(graph.checks[0].site), format!("scenario:s,group:g,name:r,check:ok,{own}"));
    assert_eq!(tags(request(&graph).extract[0].site), format!("scenario:s,group:g,name:r,variable:x,{own}"));
}

#[test]
fn slots_of_the_vu_come_after_those_of_the_iteration() {
    let graph = graph_of("steps: [{ set: { vu.a: 1, b: 2, a: 3 } }, { append: { vu.a: 1, c: 2 } }]");
    let names: Vec<&str> = graph.slots.iter().map(|slot| slot.name.as_str()).collect();
    assert_eq!(names, ["b", "a", "c", "vu.a"]);
    assert_eq!(graph.slots.iter().map(|slot| slot.per_vu).collect::<Vec<_>>(), [false, false, false, true]);
}

#[test]
fn the_print_of_a_graph_shows_no_secret() {
    let graph = graph_of(
        "env: { KEY: { default: 'hunter\"2', secret: true } }\nsteps: [{ post: http://h/, json: { key: '${env.KEY}' } }, { set: { x: 'a ${env.KEY}' } }]",
    );
    let printed = explain(&graph);
    assert!(!printed.contains("hunter") && printed.contains(r#"{"key":"***"}"#), "{printed}");
}
