//! Counts answers and their times. Each worker counts for itself; a reader adds them up.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use http::{Method, StatusCode};

use super::bounded::locked;
use super::route::Route;
use crate::clock::Duration;

/// Method, route and status: all of them from closed lists, so that their number is bounded.
type Key = (&'static str, Route, u16);

/// Upper bounds of the buckets, in ms.
pub const BOUNDS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000];

#[derive(Debug)]
pub struct Counters {
    workers: Vec<Mutex<HashMap<Key, Total>>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Total {
    pub count: u64,
    pub sum: Duration,
    /// How many were within each of [`BOUNDS`], and not within the one before.
    pub buckets: [u64; BOUNDS.len()],
}

impl Counters {
    pub fn new(workers: usize) -> Counters {
        Counters { workers: (0..workers).map(|_| Mutex::default()).collect() }
    }

    pub fn count(&self, worker: usize, method: &Method, route: Route, status: StatusCode, took: Duration) {
        let key = (label(method), route, status.as_u16());
        locked(&self.workers[worker]).entry(key).or_default().add(took);
    }

    /// Of all workers, by method, route and status.
    pub fn totals(&self) -> BTreeMap<(&'static str, &'static str, u16), Total> {
        let mut totals = BTreeMap::<_, Total>::new();
        for worker in &self.workers {
            for ((method, route, status), total) in locked(worker).iter() {
                totals.entry((*method, route.pattern(), *status)).or_default().merge(total);
            }
        }
        totals
    }
}

impl Total {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.sum += took;
        let bucket = BOUNDS.iter().position(|bound| took <= Duration::from_millis(*bound));
        if let Some(bucket) = bucket {
            self.buckets[bucket] += 1;
        }
    }

    fn merge(&mut self, other: &Total) {
        self.count += other.count;
        self.sum += other.sum;
        for (bucket, more) in self.buckets.iter_mut().zip(other.buckets) {
            *bucket += more;
        }
    }
}

/// Clients may invent methods; labels may not be invented.
fn label(method: &Method) -> &'static str {
    const KNOWN: [(&Method, &str); 7] = [
        (&Method::GET, "GET"),
        (&Method::POST, "POST"),
        (&Method::PUT, "PUT"),
        (&Method::PATCH, "PATCH"),
        (&Method::DELETE, "DELETE"),
        (&Method::HEAD, "HEAD"),
        (&Method::OPTIONS, "OPTIONS"),
    ];
    KNOWN.iter().find(|(known, _)| *known == method).map_or("UNKNOWN", |(_, label)| label)
}
