//! What a plan needs of its machine while most of its VUs are there.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Action, Block, Graph, RequestStep, Scenario};

/// Descriptors that the process needs besides its connections: standard streams, files, and some for each thread's runtime.
const OWN_DESCRIPTORS: u64 = 64;
const DESCRIPTORS_PER_THREAD: u64 = 8;

/// Measured are 22 KiB with 10,000 VUs of five steps (README); bodies that a plan keeps come on top.
const MEMORY_PER_VU: u64 = 24 * 1024;

/// What a run of one VU has.
const OWN_MEMORY: u64 = 16 << 20;

/// What is surely needed, and what it may come to. The second has no bound where hosts are known only at run time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    pub least: u64,
    pub most: u64,
}

impl Range {
    fn plus(self, more: Range) -> Range {
        Range { least: self.least.saturating_add(more.least), most: self.most.saturating_add(more.most) }
    }

    /// What of it goes with a shortage that is certain, or may come.
    pub fn for_sure(self, is_certain: bool) -> u64 {
        if is_certain { self.least } else { self.most }
    }

    /// Of bytes.
    pub fn in_mib(self) -> Range {
        Range { least: self.least >> 20, most: self.most >> 20 }
    }

    fn times(self, least: u64, most: u64) -> Range {
        Range { least: self.least.saturating_mul(least), most: self.most.saturating_mul(most) }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Needs {
    pub vus: Range,
    pub connections: Range,
    pub descriptors: Range,
    /// Bytes.
    pub memory: Range,
    /// The target with the most connections to it alone, where one is known ahead.
    pub busiest: Option<(String, Range)>,
    /// Some URLs say only at run time where they lead.
    pub some_unknown: bool,
}

impl Needs {
    pub fn of(graph: &Graph, threads: usize) -> Needs {
        let reach: Vec<Reach> = graph.scenarios.iter().map(|scenario| Reach::of(graph, scenario)).collect();
        let vus = peak(graph, |_| Range { least: 1, most: 1 });
        let connections = peak(graph, |index| reach[index].connections());
        // No more threads are started than there are VUs.
        let own = OWN_DESCRIPTORS + DESCRIPTORS_PER_THREAD * vus.most.min(threads as u64);
        let targets: BTreeSet<&String> = reach.iter().flat_map(|reach| reach.targets.keys()).collect();
        let to = |target: &String| (target.clone(), peak(graph, |index| reach[index].connections_to(target)));
        Needs {
            vus,
            connections,
            descriptors: connections.plus(Range { least: own, most: own }),
            memory: vus.times(MEMORY_PER_VU, MEMORY_PER_VU).plus(Range { least: OWN_MEMORY, most: OWN_MEMORY }),
            busiest: targets.into_iter().map(to).max_by_key(|(_, range)| (range.least, range.most)),
            some_unknown: reach.iter().any(|reach| reach.unknown > 0),
        }
    }
}

/// The most of something at any moment, when each VU of a scenario has so much of it. It only rises when a scenario begins.
fn peak(graph: &Graph, each: impl Fn(usize) -> Range) -> Range {
    let at_start_of = |begins: &Scenario| {
        let at = begins.start_time;
        let there = graph.scenarios.iter().enumerate().filter(|(_, scenario)| {
            let end = scenario.start_time + scenario.executor.duration() + scenario.graceful_stop;
            scenario.start_time <= at && at < end.max(scenario.start_time + std::time::Duration::from_nanos(1))
        });
        there.fold(Range::default(), |sum, (index, Scenario { executor, .. })| {
            sum.plus(each(index).times(executor.sure_vus(), executor.peak_vus()))
        })
    };
    let peaks = graph.scenarios.iter().map(at_start_of);
    peaks.fold(Range::default(), |high, next| Range {
        least: high.least.max(next.least),
        most: high.most.max(next.most),
    })
}

/// Where a VU of a scenario goes, and over how many connections at the same time.
#[derive(Debug, Default)]
struct Reach {
    /// Host and port as the URLs say them, lower case.
    targets: Widths<String>,
    /// To hosts that are known only at run time.
    unknown: u64,
}

/// Requests to each of something that may be under way at the same moment.
type Widths<K> = BTreeMap<K, u64>;

impl Reach {
    fn of(graph: &Graph, scenario: &Scenario) -> Reach {
        let blocks = [&scenario.on_start, &scenario.body, &scenario.on_stop];
        let mut widths = widest(blocks.map(|block| widths(graph, block)));
        let unknown = widths.remove(&None).unwrap_or(0);
        Reach { targets: widths.into_iter().filter_map(|(target, width)| Some((target?, width))).collect(), unknown }
    }

    /// Of one VU: one at least, since none goes without its request; and as many to each target as it uses at the same time, since
    /// they are kept open.
    fn connections(&self) -> Range {
        let most = self.targets.values().fold(self.unknown, |sum, width| sum.saturating_add(*width));
        Range { least: most.min(1), most }
    }

    /// Surely, where it goes nowhere else.
    fn connections_to(&self, target: &String) -> Range {
        let most = self.targets.get(target).copied().unwrap_or(0);
        let only = most > 0 && self.targets.len() == 1 && self.unknown == 0;
        Range { least: u64::from(only), most }
    }
}

/// By target, `None` where it is not known.
fn widths(graph: &Graph, block: &Block) -> Widths<Option<String>> {
    widest(block.iter().map(|id| match &graph.steps[id.0 as usize].action {
        Action::Request(request) => Widths::from([(target(request), 1)]),
        Action::Parallel { branches, max } => {
            side_by_side(branches.iter().map(|branch| widths(graph, &Block::from([*branch]))), *max)
        }
        Action::ForEach { body, concurrency, .. } => {
            let once = widths(graph, body).into_iter();
            once.map(|(target, width)| (target, width.saturating_mul(*concurrency as u64))).collect()
        }
        Action::If { then, otherwise, .. } => widest([then, otherwise].map(|block| widths(graph, block))),
        Action::Choose { branches, .. } => widest(branches.iter().map(|(_, block)| widths(graph, block))),
        Action::Repeat { body, .. } | Action::While { body, .. } | Action::Group { body, .. } => widths(graph, body),
        Action::Poll(poll) => widths(graph, &poll.body),
        Action::Sleep(_)
        | Action::Set(_)
        | Action::Append(_)
        | Action::Log { .. }
        | Action::Outcome(_)
        | Action::Stop { .. } => Widths::new(),
    }))
}

/// Of what runs one after the other.
fn widest(all: impl IntoIterator<Item = Widths<Option<String>>>) -> Widths<Option<String>> {
    all.into_iter().flatten().fold(Widths::new(), |mut widest, (target, width)| {
        let known = widest.entry(target).or_default();
        *known = width.max(*known);
        widest
    })
}

/// Of branches of which so many run at the same time: the widest ones of each target.
fn side_by_side(all: impl Iterator<Item = Widths<Option<String>>>, max: usize) -> Widths<Option<String>> {
    let mut branches: BTreeMap<Option<String>, Vec<u64>> = BTreeMap::new();
    all.flatten().for_each(|(target, width)| branches.entry(target).or_default().push(width));
    let sums = branches.into_iter().map(|(target, mut widths)| {
        widths.sort_unstable_by(|a, b| b.cmp(a));
        (target, widths.into_iter().take(max).fold(0, u64::saturating_add))
    });
    sums.collect()
}

/// `host:port` of a request, where it never varies.
fn target(request: &RequestStep) -> Option<String> {
    origin(request.url.prefix(), request.url.constant().is_some())
}

/// Host and port of a URL of which this much is known.
fn origin(known: &str, is_whole: bool) -> Option<String> {
    let (scheme, rest) = known.split_once("://")?;
    let end = rest.find(['/', '?', '#']);
    let authority = match end {
        Some(end) => &rest[..end],
        None if is_whole => rest,
        None => return None,
    };
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    Some(match has_port {
        true => host,
        false => format!("{host}:{}", if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Format, Source};

    fn needs(plan: &str) -> Needs {
        let source = Source::new("plan.yaml", Format::Yaml, plan);
        let parsed = crate::plan::parse(&source);
        let (valid, _) = crate::validate::check(&parsed, &source, &Default::default(), &|_| None)
            .unwrap_or_else(|found| panic!("{}", crate::diagnostic::render(&found, &source, false)));
        Needs::of(&crate::graph::compile(&valid), 2)
    }

    #[test]
    fn each_vu_needs_a_connection_to_every_target_at_most() {
        let check = |steps: &str, least: u64, most: u64, some_unknown: bool| {
            let found = needs(&format!("{{ vus: 100, duration: 1s, steps: [{steps}] }}"));
            let range = Range { least, most };
            assert_eq!((found.connections, found.some_unknown), (range, some_unknown), "{steps}");
            assert_eq!(found.descriptors, Range { least: least + 80, most: most + 80 }, "{steps}");
            let exactly = |number| Range { least: number, most: number };
            assert_eq!((found.vus, found.memory), (exactly(100), exactly(19_234_816)));
        };
        check("{ sleep: 1s }", 0, 0, false);
        check("{ get: 'http://a/x' }, { get: 'http://A:80/y' }", 100, 100, false);
        check("{ get: 'http://a/x' }, { get: 'https://a/y' }", 100, 200, false);
        check("{ get: 'http://a/x' }, { get: 'http://h${vu.id}/' }", 100, 200, true);
        check("{ get: 'http://a:${8000 + vu.id}/' }", 100, 100, true);
    }

    #[test]
    fn branches_at_the_same_time_may_need_a_connection_each() {
        let check = |steps: &str, most: u64| {
            let found = needs(&format!("{{ vus: 10, duration: 1s, steps: [{steps}] }}"));
            assert_eq!(found.connections, Range { least: 10, most }, "{steps}");
        };
        let (a, b) = ("{ get: 'http://a/' }", "{ get: 'http://b/' }");
        let each = |list: &str, n: u64, step: &str| {
            format!("{{ for_each: {{ in: '{list}', as: i, concurrency: {n} }}, steps: [{step}] }}")
        };
        check(&format!("{{ parallel: [{a}, {a}, {b}] }}"), 30);
        check(&format!("{{ parallel: [{a}, {a}, {a}], max_parallel: 2 }}, {a}"), 20);
        check(&format!("{{ parallel: [{a}, {b}], max_parallel: 1 }}"), 20);
        check(&format!("{{ parallel: [{{ group: g, steps: [{a}, {a}] }}, {a}] }}"), 20);
        check(&each("range(0, 9)", 4, a), 40);
        check(&each("range(0, 9)", 1, &format!("{{ if: vu.id == 2, then: [{a}] }}")), 10);
        check(&format!("{{ parallel: [{}, {a}] }}", each("range(0, 9)", 4, a)), 50);
    }

    #[test]
    fn scenarios_one_after_another_do_not_add_up() {
        let check = |start: &str, vus: u64, to_a: Range| {
            let found = needs(&format!(
                "scenarios:\n  one: {{ vus: 100, duration: 10s, graceful_stop: 5s, steps: [{{ get: 'http://a/' }}] }}\n  \
                 two: {{ vus: 30, duration: 10s, start_time: {start}, steps: [{{ get: 'http://a/' }}, {{ get: 'http://b/' }}] }}\n"
            ));
            assert_eq!((found.vus.most, found.busiest), (vus, Some(("a:80".to_owned(), to_a))), "{start}");
        };
        check("0s", 130, Range { least: 100, most: 130 });
        check("14s", 130, Range { least: 100, most: 130 });
        check("15s", 100, Range { least: 100, most: 100 });
    }

    #[test]
    fn arrivals_surely_need_only_the_vus_that_are_there_from_the_start() {
        let check = |load: &str, least: u64, most: u64| {
            let found = needs(&format!("{{ rate: 50, duration: 1s, {load} steps: [{{ get: 'http://a/x' }}] }}"));
            let range = Range { least, most };
            assert_eq!((found.vus, found.connections), (range, range), "{load}");
        };
        check("", 0, 500);
        check("max_vus: 70,", 0, 70);
        check("pre_allocated_vus: 20,", 20, 20);
        check("pre_allocated_vus: 20, max_vus: 70,", 20, 70);
    }

    #[test]
    fn a_target_is_known_where_its_url_says_it_whole() {
        let check = |known: &str, is_whole: bool, expected: Option<&str>| {
            assert_eq!(origin(known, is_whole).as_deref(), expected, "{known}");
        };
        check("http://a:8080/x", false, Some("a:8080"));
        check("http://a:8080", true, Some("a:8080"));
        check("http://a:80", false, None);
        check("https://Shop.example?x=", false, Some("shop.example:443"));
        check("http://[::1]/", true, Some("[::1]:80"));
        check("http://[::1]:99/", true, Some("[::1]:99"));
        check("http://me:pw@a/", true, Some("a:80"));
        check("", false, None);
    }
}
