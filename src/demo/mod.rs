//! The built-in target: a ticket shop with a queue, and a message board, on loopback.
//!
//! Owns: a small HTTP service to try plans on, offline, and to test proofload itself against. It is slow, full or broken exactly
//! as much as its [`Settings`] say, and fast enough otherwise not to be what a run measures.
//! Must never know: plans, engines, verdicts; to a plan it is a service like any other.

mod answer;
mod board;
mod bounded;
mod counter;
mod door;
mod hall;
mod handle;
mod process;
mod prometheus;
mod queue;
mod route;
mod serve;
mod shop;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::clock::Duration;
use shop::Shop;

/// The bundled plan: the whole booking flow, in a quarter of a minute.
pub const PLAN: &str = include_str!("../../plans/demo.yaml");

/// Concerts on sale.
pub const CONCERTS: u32 = 100;

/// How the target behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// On 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// What a request takes at least.
    pub latency: Duration,
    /// Each request takes evenly spread up to that much more or less.
    pub jitter: Duration,
    /// The share of requests that are answered with 500, from 0 to 1. Spread evenly: 0.25 is every fourth.
    pub fail_rate: f64,
    /// How long a token waits in the queue.
    pub activate_after: Duration,
    /// Seats for each concert.
    pub seats: u32,
    /// How many requests are worked on at once; the others wait in line. `None`: as many as come.
    pub capacity: Option<u32>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            port: 0,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            fail_rate: 0.0,
            activate_after: Duration::from_secs(2),
            seats: 100,
            capacity: None,
        }
    }
}

/// Longer work than that is a slip of the unit.
const MAX_WORK: Duration = Duration::from_secs(3600);

impl Settings {
    fn check(&self) -> io::Result<()> {
        let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        match self {
            Settings { fail_rate, .. } if !(0.0..=1.0).contains(fail_rate) => {
                wrong("the fail rate must be from 0 to 1")
            }
            Settings { seats, .. } if *seats > hall::MAX_SEATS => wrong("at most 10000 seats for each concert"),
            Settings { latency, jitter, .. } if *latency.max(jitter) > MAX_WORK => {
                wrong("latency and jitter must be at most an hour")
            }
            Settings { capacity: Some(0), .. } => wrong("the capacity must be at least 1"),
            _ => Ok(()),
        }
    }
}

/// A running target. It ends when this is dropped.
#[derive(Debug)]
pub struct Demo {
    pub addr: SocketAddr,
    shop: Arc<Shop>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Demo {
    /// Starts the target on its own threads, one for each core. It accepts connections when this returns.
    /// Errors: settings that make no sense (`InvalidInput`), or a port that is taken.
    pub fn start(settings: Settings) -> io::Result<Demo> {
        settings.check()?;
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let listener = serve::bind(settings.port)?;
        let addr = listener.local_addr()?;
        let shop = Arc::new(Shop::new(settings, workers));
        let (stop, stopped) = watch::channel(false);
        let mut demo = Demo { addr, shop, stop, threads: Vec::new() };
        // From here on an early return drops `demo`, which ends the threads that have started.
        serve::spawn(listener, &demo.shop, workers, &stopped, &mut demo.threads)?;
        Ok(demo)
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Answers so far by method, route and status: `("GET", "/queue/tokens/status/{userId}", 200)`.
    /// Unknown paths count under the route `/**`.
    pub fn counts(&self) -> BTreeMap<(&'static str, &'static str, u16), u64> {
        self.shop.counters.totals().into_iter().map(|(key, total)| (key, total.count)).collect()
    }

    /// Closes all connections and ends the threads. Dropping does the same.
    pub fn stop(self) {}
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already; there is nothing more to learn from its result.
            let _ = thread.join();
        }
    }
}

/// Runs the target until `until` is ready. `started` is told the address first.
pub async fn serve(
    settings: Settings,
    started: impl FnOnce(SocketAddr),
    until: impl Future<Output = ()>,
) -> io::Result<()> {
    let demo = Demo::start(settings)?;
    started(demo.addr);
    until.await;
    demo.stop();
    Ok(())
}
