//! Names to addresses, shared by all VUs: ten thousand of them ask the name server once.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::net::lookup_host;

use super::local::Turns;
use crate::clock::{self, Duration, Instant};
use crate::route::{Dns, Hosts, Policy, Select};
use crate::transport::error::{Cause, ErrorCode};

/// How long a failure is believed at most.
const TRUST_FAILURE: Duration = Duration::from_secs(1);

/// Plans can make up host names; past this many the memory starts afresh.
const MAX_HOSTS: usize = 1000;

type Answer = Result<Arc<[IpAddr]>, Cause>;

/// The last answer about one host, and when it came. Whoever holds the lock asks, the others wait for what it gets.
type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Answer)>>>;

pub struct Resolver {
    hosts: Hosts,
    dns: Dns,
    seed: u64,
    slots: Mutex<HashMap<String, Slot>>,
    turns: Turns,
}

impl Resolver {
    pub fn new(hosts: Hosts, dns: Dns, seed: u64) -> Resolver {
        Resolver { hosts, dns, seed, slots: Mutex::default(), turns: Turns::default() }
    }

    /// Whether nobody has to be asked about `host`.
    pub fn knows(&self, host: &str, port: u16) -> bool {
        literal(host).is_some() || self.hosts.find(host, port).is_some()
    }

    /// Where to connect for `host`, in the order in which it is to be tried; at least one place. A literal address is its own.
    pub async fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Cause> {
        if let Some(fixed) = self.hosts.find(host, port) {
            return Ok(rotated(fixed, self.pick(host)));
        }
        if let Some(address) = literal(host) {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let found = self.ask_once(host).await?;
        let addresses = self.arranged(host, &found);
        match addresses.is_empty() {
            false => Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()),
            true => {
                let family = if self.dns.policy == Policy::OnlyIpv4 { "IPv4" } else { "IPv6" };
                Err(Cause::new(ErrorCode::NoSuchHost, format!("`{host}` has no {family} address")))
            }
        }
    }

    async fn ask_once(&self, host: &str) -> Answer {
        let arrived = clock::now();
        let slot = self.slot(host);
        let mut held = slot.lock().await;
        if let Some((at, answer)) = &*held
            && (arrived < *at || self.is_fresh(*at, answer))
        {
            return answer.clone();
        }
        let answer = ask(host).await;
        *held = Some((clock::now(), answer.clone()));
        answer
    }

    fn is_fresh(&self, at: Instant, answer: &Answer) -> bool {
        let trust = match (answer, self.dns.ttl) {
            (Ok(_), ttl) => ttl,
            (Err(_), ttl) => Some(ttl.unwrap_or(TRUST_FAILURE).min(TRUST_FAILURE)),
        };
        trust.is_none_or(|trust| clock::now() < at + trust)
    }

    fn slot(&self, host: &str) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(host) {
            return slot.clone();
        }
        if slots.len() >= MAX_HOSTS {
            slots.clear();
        }
        slots.entry(host.to_owned()).or_default().clone()
    }

    /// Those that the policy allows, the preferred family before the other, in each the one whose turn it is first.
    fn arranged(&self, host: &str, found: &[IpAddr]) -> Vec<IpAddr> {
        let family = |is_v4| found.iter().copied().filter(|address| address.is_ipv4() == is_v4).collect();
        let groups: [Vec<IpAddr>; 2] = match self.dns.policy {
            Policy::PreferIpv4 => [family(true), family(false)],
            Policy::PreferIpv6 => [family(false), family(true)],
            Policy::OnlyIpv4 => [family(true), Vec::new()],
            Policy::OnlyIpv6 => [family(false), Vec::new()],
            Policy::Any => [found.to_vec(), Vec::new()],
        };
        let pick = self.pick(host);
        groups.into_iter().flat_map(|group| rotated(group, pick)).collect()
    }

    fn pick(&self, host: &str) -> u64 {
        match self.dns.select {
            Select::First => 0,
            Select::RoundRobin => self.turns.next(host),
            // Of the turn, so that the choices of a run do not depend on how long it has drawn before.
            Select::Random => SmallRng::seed_from_u64(self.seed.wrapping_add(self.turns.next(host))).next_u64(),
        }
    }
}

fn rotated<T>(mut addresses: Vec<T>, pick: u64) -> Vec<T> {
    let by = pick.checked_rem(addresses.len() as u64).unwrap_or(0);
    addresses.rotate_left(by as usize);
    addresses
}

/// `127.0.0.1` or `[::1]` as they stand in a URL.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

async fn ask(host: &str) -> Answer {
    let found = lookup_host((host, 0)).await.map_err(|error| Cause::of_look_up(host, &error))?;
    let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    match addresses.is_empty() {
        true => Err(Cause::new(ErrorCode::NoSuchHost, format!("no such host: `{host}`"))),
        false => Ok(addresses.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_addresses_are_read_as_they_stand_in_a_url() {
        let cases = [("127.0.0.1", true), ("[::1]", true), ("localhost", false), ("1.2.3", false)];
        for (host, is_literal) in cases {
            assert_eq!(literal(host).is_some(), is_literal, "{host}");
        }
    }

    /// What three connections try, out of two IPv6 and two IPv4 addresses.
    fn check(select: Select, policy: Policy, expected: [&str; 3]) {
        let found = ["::1", "10.0.0.1", "::2", "10.0.0.2"].map(|text| text.parse().unwrap());
        let resolver = Resolver::new(Hosts::default(), Dns { ttl: None, select, policy }, 7);
        let tried = expected
            .map(|_| resolver.arranged("h", &found).iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" "));
        assert_eq!(tried, expected, "{select:?} {policy:?}");
    }

    #[test]
    fn addresses_are_tried_as_policy_and_selection_say() {
        check(Select::First, Policy::Any, ["::1 10.0.0.1 ::2 10.0.0.2"; 3]);
        check(Select::First, Policy::PreferIpv4, ["10.0.0.1 10.0.0.2 ::1 ::2"; 3]);
        check(Select::First, Policy::PreferIpv6, ["::1 ::2 10.0.0.1 10.0.0.2"; 3]);
        check(Select::RoundRobin, Policy::OnlyIpv4, ["10.0.0.1 10.0.0.2", "10.0.0.2 10.0.0.1", "10.0.0.1 10.0.0.2"]);
        check(Select::RoundRobin, Policy::OnlyIpv6, ["::1 ::2", "::2 ::1", "::1 ::2"]);
        let (even, odd) = ("10.0.0.1 10.0.0.2 ::1 ::2", "10.0.0.2 10.0.0.1 ::2 ::1");
        check(Select::RoundRobin, Policy::PreferIpv4, [even, odd, even]);
    }

    #[test]
    fn random_choices_are_those_of_the_seed_and_reach_every_address() {
        let found: Vec<IpAddr> = (1..=4).map(|last| IpAddr::from([10, 0, 0, last])).collect();
        let drawn = |seed| {
            let dns = Dns { select: Select::Random, ..Dns::default() };
            let resolver = Resolver::new(Hosts::default(), dns, seed);
            (0..64).map(|_| resolver.arranged("h", &found)[0]).collect::<Vec<_>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        assert!(found.iter().all(|address| drawn(7).contains(address)));
    }

    #[tokio::test]
    async fn an_answer_is_asked_for_again_when_it_is_too_old_and_a_failure_soon() {
        for (ttl, is_kept, failure_is_kept) in [
            (None, true, false),
            (Some(Duration::from_secs(300)), true, false),
            (Some(Duration::from_secs(1)), false, false),
            (Some(Duration::ZERO), false, false),
        ] {
            let resolver = Resolver::new(Hosts::default(), Dns { ttl, ..Dns::default() }, 0);
            let at = clock::now() - Duration::from_secs(2);
            assert_eq!(resolver.is_fresh(at, &Ok(Arc::from([IpAddr::from([10, 0, 0, 1])]))), is_kept);
            assert_eq!(resolver.is_fresh(at, &Err(Cause::new(ErrorCode::Dns, ""))), failure_is_kept);
        }
    }
}
