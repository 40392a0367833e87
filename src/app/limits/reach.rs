//! Where the VUs of a scenario go, and how many requests of one VU are under way at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use crate::graph::{Action, Block, Graph, RequestStep, Scenario, StepId};
use crate::plan::HttpVersion;
use crate::transport::http::MAX_CONNECTIONS;

use super::needs::Range;

/// Of one VU, with its connection. Measured with 10,000 of them are 7.8 KiB over plain HTTP/1.1, 15 KiB over TLS and 35 KiB with
/// HTTP/2 over TLS; bodies that a plan keeps come on top.
const MEMORY_PLAIN: u64 = 10 * 1024;
const MEMORY_TLS: u64 = 20 * 1024;
const MEMORY_HTTP2: u64 = 40 * 1024;

/// Where a VU of a scenario goes.
#[derive(Debug)]
pub struct Reach {
    /// Host and port as the URLs say them, lower case; with how many connections of one VU at most, as long as it reuses them.
    pub targets: BTreeMap<String, u64>,
    /// The same where a URL says only at run time where it leads.
    pub unknown: u64,
    /// How many requests of one VU are under way at the same time at most.
    at_once: u64,
    /// Of one VU, in bytes.
    pub memory: u64,
}

impl Reach {
    pub fn of(graph: &Graph, scenario: &Scenario) -> Reach {
        let known: BTreeSet<String> = requests(graph, scenario).filter_map(target).collect();
        let to = |known: String| {
            let connections = needed(graph, scenario, &|request| target(request).as_ref() == Some(&known));
            (known, connections)
        };
        Reach {
            targets: known.into_iter().map(to).collect(),
            unknown: needed(graph, scenario, &|request| target(request).is_none()),
            at_once: width(graph, scenario, &|_| true),
            memory: memory(graph, scenario),
        }
    }

    /// Of one VU: one at least, since none goes without its request; and those to each target, since they are kept open, as far as
    /// it and each of its branches keep them.
    pub fn connections(&self) -> Range {
        let all = self.targets.values().fold(self.unknown, |sum, width| sum.saturating_add(*width));
        let most = all.min(self.at_once.saturating_mul(MAX_CONNECTIONS as u64));
        Range { least: most.min(1), most }
    }

    /// Surely, where it goes nowhere else.
    pub fn connections_to(&self, target: &String) -> Range {
        let most = self.targets.get(target).copied().unwrap_or(0);
        let only = self.targets.len() == 1 && self.unknown == 0;
        Range { least: if only { most.min(1) } else { 0 }, most }
    }
}

fn requests<'g>(graph: &'g Graph, scenario: &'g Scenario) -> impl Iterator<Item = &'g RequestStep> {
    graph.steps.iter().filter_map(|step| {
        let Action::Request(request) = &step.action else { return None };
        let tags = &graph.sites.get(step.site.0 as usize)?.tags;
        tags.iter().any(|(tag, value)| tag == "scenario" && *value == scenario.name).then_some(&**request)
    })
}

fn memory(graph: &Graph, scenario: &Scenario) -> u64 {
    let is_plain = requests(graph, scenario).all(|request| request.url.prefix().starts_with("http://"));
    match (graph.http.version, is_plain) {
        (HttpVersion::Auto | HttpVersion::Http1, true) => MEMORY_PLAIN,
        (HttpVersion::Http1, false) => MEMORY_TLS,
        (HttpVersion::Auto, false) | (HttpVersion::Http2, _) => MEMORY_HTTP2,
    }
}

/// Connections that the requests which `counts` picks need at the same time. With HTTP/2, one carries them all.
fn needed(graph: &Graph, scenario: &Scenario, counts: &dyn Fn(&RequestStep) -> bool) -> u64 {
    let width = width(graph, scenario, counts);
    if graph.http.version == HttpVersion::Http2 { width.min(1) } else { width }
}

/// How many of the requests that `counts` picks one VU has under way at the same time at most.
fn width(graph: &Graph, scenario: &Scenario, counts: &dyn Fn(&RequestStep) -> bool) -> u64 {
    let blocks = [&scenario.on_start, &scenario.body, &scenario.on_stop];
    blocks.into_iter().map(|block| of_block(graph, block, counts)).max().unwrap_or(0)
}

fn of_block(graph: &Graph, block: &[StepId], counts: &dyn Fn(&RequestStep) -> bool) -> u64 {
    let steps = block.iter().filter_map(|id| graph.steps.get(id.0 as usize));
    steps.map(|step| of_action(graph, &step.action, counts)).max().unwrap_or(0)
}

fn of_action(graph: &Graph, action: &Action, counts: &dyn Fn(&RequestStep) -> bool) -> u64 {
    let of = |block: &Block| of_block(graph, block, counts);
    match action {
        Action::Request(request) => u64::from(counts(request)),
        Action::If { then, otherwise, .. } => of(then).max(of(otherwise)),
        Action::Repeat { body, .. } | Action::While { body, .. } | Action::Group { body, .. } => of(body),
        Action::ForEach { concurrency, body, .. } => of(body).saturating_mul(*concurrency as u64),
        Action::Parallel { branches, max } => {
            let mut widths: Vec<u64> = branches.iter().map(|id| of_block(graph, slice::from_ref(id), counts)).collect();
            widths.sort_unstable_by(|one, other| other.cmp(one));
            widths.into_iter().take(*max).fold(0, u64::saturating_add)
        }
        Action::Poll(poll) => of(&poll.body),
        Action::Choose { branches, .. } => branches.iter().map(|(_, block)| of(block)).max().unwrap_or(0),
        Action::Sleep(_)
        | Action::Set(_)
        | Action::Append(_)
        | Action::Log { .. }
        | Action::Outcome(_)
        | Action::Stop { .. } => 0,
    }
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
