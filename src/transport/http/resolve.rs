//! Names to addresses, shared by all VUs: ten thousand of them ask the name server once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::lookup_host;

use crate::clock::{self, Duration, Instant};
use crate::transport::error::{Cause, ErrorCode};

/// How long an answer is believed, and how long a failure.
const TRUST: Duration = Duration::from_secs(60);
const TRUST_FAILURE: Duration = Duration::from_secs(1);

/// Plans can make up host names; past this many the memory starts afresh.
const MAX_HOSTS: usize = 1000;

type Answer = Result<Arc<[IpAddr]>, Cause>;

/// The last answer about one host. Whoever holds the lock asks, the others wait for what it gets.
type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Answer)>>>;

#[derive(Default)]
pub struct Resolver {
    slots: Mutex<HashMap<String, Slot>>,
}

impl Resolver {
    /// The addresses of `host` in the order in which they are to be tried; at least one. A literal address is its own.
    pub async fn look_up(&self, host: &str) -> Answer {
        if let Some(address) = literal(host) {
            return Ok(Arc::from([address]));
        }
        let slot = self.slot(host);
        let mut held = slot.lock().await;
        if let Some((until, answer)) = &*held
            && clock::now() < *until
        {
            return answer.clone();
        }
        let answer = ask(host).await;
        let trust = if answer.is_ok() { TRUST } else { TRUST_FAILURE };
        *held = Some((clock::now() + trust, answer.clone()));
        answer
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
}

/// `127.0.0.1` or `[::1]` as they stand in a URL.
pub fn literal(host: &str) -> Option<IpAddr> {
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
}
