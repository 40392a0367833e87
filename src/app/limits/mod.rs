//! What the machine must allow before the first request is sent.

mod cut;
mod needs;
mod reach;

use super::Failure;
use crate::clean::mask;
use crate::graph::Graph;
use crate::health::{Machine, available_memory};
pub(super) use cut::{fit, notes};
use needs::{Needs, Range};

/// With `ip_local_port_range` as wide as it goes.
const MOST_PORTS: u64 = 65_535 - 1_024 + 1;

/// What this process may use. Without an answer from the system there is nothing to compare with.
#[derive(Clone, Debug, Default)]
struct Room {
    descriptors: Option<u64>,
    /// Of one source address.
    ports: Option<u64>,
    /// Bytes; what more than this would never get.
    memory: Option<u64>,
    /// Bytes that nobody else uses now.
    free_memory: Option<u64>,
}

impl Room {
    /// Raises the limit on open files as far as it may go first.
    fn find() -> Room {
        let descriptors = rlimit::increase_nofile_limit(u64::MAX).ok();
        let machine = Machine::find();
        let free_memory = available_memory();
        Room { descriptors, ports: machine.ports, memory: machine.memory, free_memory }
    }
}

/// A limit that the plan's peak goes past.
#[derive(Debug)]
struct Shortage {
    /// Surely, so that the run would only measure this machine.
    is_certain: bool,
    text: String,
}

/// Refuses a plan whose peak is above what this process may use, and warns of one whose peak may be.
pub(super) fn preflight(graph: &Graph, threads: usize) -> Result<(), Failure> {
    let needs = Needs::of(graph, threads);
    let found = shortages(&needs, &Room::find()).into_iter().chain(cut::told(graph));
    let found = found.map(|shortage| Shortage { text: mask(&shortage.text, &graph.secrets), ..shortage });
    let (refused, warned): (Vec<_>, Vec<_>) = found.partition(|shortage| shortage.is_certain);
    warned.iter().for_each(|shortage| super::to_stderr(&format!("warning: {}\n", shortage.text)));
    let refused: Vec<String> = refused.into_iter().map(|shortage| shortage.text).collect();
    match refused.is_empty() {
        true => Ok(()),
        false => Err(Failure::Generator(format!("{}\nnothing was sent", refused.join("\nerror: ")))),
    }
}

/// For `explain`: the plan's needs, what this machine allows, and where that is less.
pub(super) fn describe(graph: &Graph, threads: usize) -> String {
    let (needs, room) = (Needs::of(graph, threads), Room::find());
    let mut lines = vec![format!(
        "  {} VU{}, {} connection{}, {} file descriptors, about {} MiB of memory",
        span(needs.vus, false),
        if needs.vus.most == 1 { "" } else { "s" },
        span(needs.connections, needs.some_unknown),
        if needs.connections.most == 1 && !needs.some_unknown { "" } else { "s" },
        span(needs.descriptors, needs.some_unknown),
        span(needs.memory.in_mib(), false)
    )];
    let allowed = [
        room.descriptors.map(|limit| format!("{limit} file descriptors")),
        ports_of(&room, &needs).map(|ports| format!("{ports} connections to one address")),
        room.memory.map(|bytes| format!("{} MiB of memory", bytes >> 20)),
    ];
    let allowed: Vec<String> = allowed.into_iter().flatten().collect();
    if !allowed.is_empty() {
        lines.push(format!("  this machine allows {}", allowed.join(", ")));
    }
    lines.extend(shortages(&needs, &room).into_iter().chain(cut::told(graph)).map(|shortage| {
        let word = if shortage.is_certain { "refused" } else { "warning" };
        format!("  {word}: {}", shortage.text)
    }));
    mask(&format!("\nneeds at the peak\n{}\n", lines.join("\n")), &graph.secrets)
}

fn span(range: Range, is_open: bool) -> String {
    match range.least == range.most {
        _ if is_open => format!("{} or more", range.least),
        true => range.least.to_string(),
        false => format!("{} to {}", range.least, range.most),
    }
}

fn shortages(needs: &Needs, room: &Room) -> Vec<Shortage> {
    let all = [descriptors(needs, room), ports(needs, room), memory(needs, room)];
    all.into_iter().flatten().collect()
}

/// What is needed of something, where there is less of it, and whether that is certain.
fn beyond(needed: Range, allowed: Option<u64>) -> Option<(u64, u64, bool)> {
    let allowed = allowed?;
    match () {
        () if needed.least > allowed => Some((needed.least, allowed, true)),
        () if needed.most > allowed => Some((needed.most, allowed, false)),
        () => None,
    }
}

fn descriptors(needs: &Needs, room: &Room) -> Option<Shortage> {
    let (needed, allowed, is_certain) = beyond(needs.descriptors, room.descriptors)?;
    let (vus, verb) = (needs.vus.for_sure(is_certain), verb(is_certain));
    let text = format!(
        "the plan's {vus} VUs {verb} {needed} open files, and this process may open {allowed}\n  \
         help: raise the limit first: `ulimit -n {needed}` (or `LimitNOFILE=`, `docker run --ulimit nofile={needed}`)"
    );
    Some(Shortage { is_certain, text })
}

/// Of all source addresses together.
fn ports_of(room: &Room, needs: &Needs) -> Option<u64> {
    room.ports.map(|ports| ports.saturating_mul(needs.sources))
}

fn ports(needs: &Needs, room: &Room) -> Option<Shortage> {
    let (target, range) = needs.busiest.as_ref()?;
    let (needed, allowed, is_certain) = beyond(*range, ports_of(room, needs))?;
    let help = match needed <= MOST_PORTS.saturating_mul(needs.sources) {
        true => "widen their range first: `sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"`",
        false => "no range has so many: send from several addresses (`http.local_address`), or from several machines",
    };
    let text = format!(
        "the plan's VUs {} {needed} connections to {target}, and this machine has {allowed} local ports for them\n  \
         help: {help}",
        verb(is_certain)
    );
    Some(Shortage { is_certain, text })
}

fn memory(needs: &Needs, room: &Room) -> Option<Shortage> {
    let beyond_all = beyond(needs.memory, room.memory);
    let beyond_free = beyond(needs.memory, room.free_memory).map(|(needed, free, _)| (needed, free, false));
    let (needed, allowed, is_certain) = beyond_all.or(beyond_free)?;
    let (needed, allowed) = (needed >> 20, allowed >> 20);
    let is_sure = needed == needs.memory.least >> 20;
    let (vus, verb) = (needs.vus.for_sure(is_sure), verb(is_sure));
    let there = if beyond_all.is_some() { "this process may have" } else { "there are now" };
    let text = format!(
        "the plan's {vus} VUs {verb} about {needed} MiB of memory, and {there} {allowed} MiB\n  \
         help: use fewer VUs, several machines, or raise the limit (`docker run --memory`, `MemoryMax=`)"
    );
    Some(Shortage { is_certain, text })
}

fn verb(is_certain: bool) -> &'static str {
    if is_certain { "need" } else { "may need" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(connections: Range, memory: u64) -> Needs {
        let more = |number: u64| number + 80;
        Needs {
            vus: Range { least: 1000, most: 1000 },
            connections,
            descriptors: Range { least: more(connections.least), most: more(connections.most) },
            memory: Range { least: memory << 20, most: memory << 20 },
            busiest: Some(("shop.example:443".to_owned(), connections)),
            some_unknown: false,
            sources: 1,
        }
    }

    /// Texts of what is refused (`!`) and warned of (`?`) must have these parts.
    fn check(needs: &Needs, room: Room, expected: &[&str]) {
        let told = |shortage: Shortage| format!("{}{}", if shortage.is_certain { '!' } else { '?' }, shortage.text);
        let found: Vec<String> = shortages(needs, &room).into_iter().map(told).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            let all = expected.split(" … ").all(|part| found.contains(part)) && found.starts_with(&expected[..1]);
            assert!(all, "{found}\nis not\n{expected}");
        }
    }

    #[test]
    fn what_is_surely_short_is_refused_and_what_may_be_is_warned_of() {
        let exact = needs(Range { least: 1000, most: 1000 }, 30);
        let wide = needs(Range { least: 1000, most: 3000 }, 30);
        let files = |limit: u64| Room { descriptors: Some(limit), ..Room::default() };
        check(&exact, Room::default(), &[]);
        check(&exact, files(1080), &[]);
        check(&exact, files(1079), &["! … need 1080 open files … may open 1079 … `ulimit -n 1080`"]);
        check(&wide, files(1080), &["? … may need 3080 open files … `ulimit -n 3080`"]);
        let ports = |limit: u64| Room { ports: Some(limit), ..Room::default() };
        check(&exact, ports(1000), &[]);
        check(&exact, ports(999), &["! … 1000 connections to shop.example:443 … 999 local ports … 1024 65535"]);
        check(&wide, ports(1000), &["? … may need 3000"]);
        let many = needs(Range { least: 100_000, most: 100_000 }, 30);
        check(&many, ports(MOST_PORTS), &["! … 64512 local ports … several machines"]);
        let from_two =
            |connections: u64| Needs { sources: 2, ..needs(Range { least: connections, most: connections }, 30) };
        check(&from_two(2000), ports(1000), &[]);
        check(&from_two(100_000), ports(1000), &["! … 2000 local ports … 1024 65535"]);
    }

    #[test]
    fn memory_that_is_only_used_by_others_now_is_a_warning() {
        let exact = needs(Range { least: 1000, most: 1000 }, 300);
        let memory =
            |all: u64, free: u64| Room { memory: Some(all << 20), free_memory: Some(free << 20), ..Room::default() };
        check(&exact, memory(300, 300), &[]);
        check(&exact, memory(299, 200), &["! … about 300 MiB … may have 299 MiB … docker run --memory"]);
        check(&exact, memory(1000, 200), &["? … there are now 200 MiB"]);
        let all = Room { descriptors: Some(5), ports: Some(5), ..memory(5, 5) };
        check(&exact, all, &["!", "!", "!"]);
    }
}
