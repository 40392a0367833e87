//! What a plan needs of its machine while most of its VUs are there.

use std::collections::BTreeSet;

use super::reach::Reach;
use crate::graph::{Graph, Scenario};
use crate::plan::Connections;
use crate::route::{Block, count};

/// Descriptors that the process needs besides its connections: standard streams, files, and some for each thread's runtime.
const OWN_DESCRIPTORS: u64 = 64;
const DESCRIPTORS_PER_THREAD: u64 = 8;

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

    fn at_most(self, limit: u64) -> Range {
        Range { least: self.least.min(limit), most: self.most.min(limit) }
    }

    fn exactly(number: u64) -> Range {
        Range { least: number, most: number }
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
    /// Some URLs say only at run time where they lead, and how many connections that makes is open.
    pub some_unknown: bool,
    /// Addresses of this machine that connections come from; each has ports of its own.
    pub sources: u64,
}

impl Needs {
    pub fn of(graph: &Graph, threads: usize) -> Needs {
        let reach: Vec<Reach> = graph.scenarios.iter().map(|scenario| Reach::of(graph, scenario)).collect();
        let some_unknown = reach.iter().any(|reach| reach.unknown > 0);
        let vus = peak(graph, |_| Range::exactly(1));
        // So many as the plan says, whoever waits for one.
        let lent = if let Connections::Shared(all) = graph.http.connections { Some(all) } else { None };
        let limit = lent.unwrap_or(u64::MAX);
        let mut connections = peak(graph, |index| reach[index].connections()).at_most(limit);
        if some_unknown {
            connections.most = lent.unwrap_or(connections.most);
        }
        // No more threads are started than there are VUs, or connections for them.
        let own = OWN_DESCRIPTORS + DESCRIPTORS_PER_THREAD * vus.most.min(limit).min(threads as u64);
        Needs {
            vus,
            connections,
            descriptors: connections.plus(Range::exactly(own)),
            memory: peak(graph, |index| Range::exactly(reach[index].memory)).plus(Range::exactly(OWN_MEMORY)),
            busiest: busiest(graph, &reach, limit),
            some_unknown: some_unknown && lent.is_none(),
            sources: sources(&graph.route.local),
        }
    }
}

/// The target with the most connections to it. A Unix socket takes no ports.
fn busiest(graph: &Graph, reach: &[Reach], limit: u64) -> Option<(String, Range)> {
    if graph.route.unix_socket.is_some() {
        return None;
    }
    let targets: BTreeSet<&String> = reach.iter().flat_map(|reach| reach.targets.keys()).collect();
    let to =
        |target: &String| (target.clone(), peak(graph, |index| reach[index].connections_to(target)).at_most(limit));
    targets.into_iter().map(to).max_by_key(|(_, range)| (range.least, range.most))
}

/// Of the family that has more, as a target is reached from one; the system's choice is one, too.
fn sources(local: &[Block]) -> u64 {
    let most = count(local, true).max(count(local, false)).max(1);
    u64::try_from(most).unwrap_or(u64::MAX)
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
            assert_eq!(found.vus, Range::exactly(100));
        };
        check("{ sleep: 1s }", 0, 0, false);
        check("{ get: 'http://a/x' }, { get: 'http://A:80/y' }", 100, 100, false);
        check("{ get: 'http://a/x' }, { get: 'https://a/y' }", 100, 200, false);
        check("{ get: 'http://a/x' }, { get: 'http://h${vu.id}/' }", 100, 200, true);
        check("{ get: 'http://a:${8000 + vu.id}/' }", 100, 100, true);
    }

    #[test]
    fn branches_have_connections_of_their_own_where_one_carries_one_request() {
        let check = |http: &str, steps: &str, most: u64| {
            let found = needs(&format!("{{ vus: 10, duration: 1s, http: {http}, steps: [{steps}] }}"));
            assert_eq!(found.connections, Range { least: 10.min(most), most }, "{http} {steps}");
        };
        let (a, b) = ("{ get: 'http://a/' }", "{ get: 'http://b/' }");
        let each = |concurrency: u64, steps: &str| {
            format!("{{ for_each: {{ in: '[1, 2, 3]', as: x, concurrency: {concurrency} }}, steps: [{steps}] }}")
        };
        check("{}", &format!("{{ parallel: [{a}, {a}, {a}] }}"), 30);
        check("{}", &format!("{{ parallel: [{a}, {a}, {a}], max_parallel: 2 }}"), 20);
        check("{}", &format!("{{ parallel: [{a}, {b}, {{ sleep: 1s }}] }}"), 20);
        check("{}", &format!("{{ parallel: [{{ group: g, steps: [{a}, {a}] }}, {a}] }}"), 20);
        check("{}", &each(50, a), 500);
        check("{}", &each(4, &format!("{{ parallel: [{a}, {b}] }}")), 80);
        check("{}", &format!("{{ if: vu.id > 1, then: [{}], else: [{a}] }}", each(3, a)), 30);
        check("{ version: 2 }", &each(50, a), 10);
        check("{ connections: per_iteration }", &each(5, a), 50);
        let hosts: Vec<String> = (0..40).map(|number| format!("{{ get: 'http://h{number}/' }}")).collect();
        check("{}", &hosts.join(", "), 160);
    }

    #[test]
    fn connections_that_all_share_are_as_many_as_the_plan_says() {
        let check = |shared: u64, steps: &str, connections: Range, to_one: Option<u64>| {
            let http = format!("{{ connections: {{ shared: {shared} }} }}");
            let found = needs(&format!("{{ vus: 100, duration: 1s, http: {http}, steps: [{steps}] }}"));
            assert_eq!((found.connections, found.some_unknown), (connections, false), "{shared} {steps}");
            assert_eq!(found.descriptors.least, connections.least + 64 + 8 * shared.min(2), "{shared} {steps}");
            assert_eq!(found.busiest.map(|(_, range)| range.most), to_one, "{shared} {steps}");
        };
        let (a, any) = ("{ get: 'http://a/' }", "{ get: 'http://h${vu.id}/' }");
        check(20, a, Range::exactly(20), Some(20));
        check(1, a, Range::exactly(1), Some(1));
        check(500, a, Range::exactly(100), Some(100));
        check(500, any, Range { least: 100, most: 500 }, None);
        check(500, &format!("{a}, {{ get: 'http://b/' }}"), Range { least: 100, most: 200 }, Some(100));
        check(20, "{ sleep: 1s }", Range::exactly(0), None);
    }

    #[test]
    fn memory_hangs_on_what_is_spoken() {
        let check = |http: &str, url: &str, per_vu: u64| {
            let found = needs(&format!("{{ vus: 100, duration: 1s, http: {http}, steps: [{{ get: '{url}' }}] }}"));
            assert_eq!(found.memory, Range::exactly(OWN_MEMORY + 100 * per_vu * 1024), "{http} {url}");
        };
        check("{}", "http://a/", 10);
        check("{}", "https://a/", 40);
        check("{ version: 1.1 }", "https://a/", 20);
        check("{ version: 1.1 }", "http://a/", 10);
        check("{ version: 2 }", "http://a/", 40);
        check("{ version: 1.1 }", "${vu.id > 1 ? \"http\" : \"https\"}://a/", 20);
    }

    #[test]
    fn ports_are_those_of_all_source_addresses() {
        let check = |http: &str, sources: u64, takes_ports: bool| {
            let plan = format!("{{ vus: 1, duration: 1s, http: {http}, steps: [{{ get: 'http://a/' }}] }}");
            let found = needs(&plan);
            assert_eq!((found.sources, found.busiest.is_some()), (sources, takes_ports), "{http}");
        };
        check("{}", 1, true);
        check("{ local_address: 127.0.0.1 }", 1, true);
        check("{ local_address: [127.0.0.1-127.0.0.9, '::1'] }", 9, true);
        check("{ local_address: '::/0' }", u64::MAX, true);
        check("{ unix_socket: /run/a.sock }", 1, false);
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
}
