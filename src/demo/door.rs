//! How the target is slow, full or broken: each request passes here before it is served.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::Settings;
use crate::clock::{Duration, sleep};

#[derive(Debug)]
pub struct Door {
    latency: Duration,
    jitter: Duration,
    fail_rate: f64,
    /// First come, first served, over all threads.
    places: Option<Semaphore>,
    served: AtomicU64,
}

/// A request that is being worked on. It holds its place until it is dropped.
#[derive(Debug)]
pub struct Visit<'d> {
    /// Whether it is one of those that are to fail.
    pub fails: bool,
    _place: Option<SemaphorePermit<'d>>,
}

impl Door {
    pub fn new(settings: &Settings) -> Door {
        Door {
            latency: settings.latency,
            jitter: settings.jitter,
            fail_rate: settings.fail_rate,
            places: settings.capacity.map(|places| Semaphore::new((places as usize).min(Semaphore::MAX_PERMITS))),
            served: AtomicU64::new(0),
        }
    }

    /// Waits for a free place, then as long as the work takes.
    pub async fn enter(&self) -> Visit<'_> {
        let place = match &self.places {
            // Never closed, so that there is always a permit in the end.
            Some(places) => places.acquire().await.ok(),
            None => None,
        };
        let number = self.served.fetch_add(1, Ordering::Relaxed);
        let work = self.work(number);
        if !work.is_zero() {
            sleep(work).await;
        }
        Visit { fails: fails(number, self.fail_rate), _place: place }
    }

    /// From latency − jitter to latency + jitter, never below 0.
    fn work(&self, number: u64) -> Duration {
        if self.jitter.is_zero() {
            return self.latency;
        }
        let more = self.jitter.mul_f64(2.0 * fraction(number));
        (self.latency + more).saturating_sub(self.jitter)
    }
}

/// Spreads failures evenly: of the first n requests exactly ⌊n × rate⌋ fail.
fn fails(number: u64, rate: f64) -> bool {
    let before = number as f64;
    ((before + 1.0) * rate).floor() > (before * rate).floor()
}

/// The n-th of a sequence of numbers in [0, 1) without a pattern: SplitMix64, see Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators" (2014). The same in every run.
fn fraction(number: u64) -> f64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::{Door, fails};
    use crate::clock::Duration;
    use crate::demo::Settings;

    #[test]
    fn exactly_the_asked_share_fails() {
        for (rate, expected) in [(0.0, 0), (0.001, 10), (0.25, 2_500), (1.0, 10_000)] {
            assert_eq!((0..10_000).filter(|number| fails(*number, rate)).count(), expected, "rate {rate}");
        }
    }

    #[test]
    fn work_is_spread_over_the_jitter() {
        let (latency, jitter) = (Duration::from_millis(20), Duration::from_millis(5));
        let door = Door::new(&Settings { latency, jitter, ..Settings::default() });
        let times: Vec<_> = (0..10_000).map(|number| door.work(number)).collect();
        let mean = times.iter().sum::<Duration>() / 10_000;
        assert!(times.iter().all(|time| (latency - jitter..=latency + jitter).contains(time)));
        assert!(mean.abs_diff(latency) < Duration::from_micros(200), "{mean:?}");
        let wide = Door::new(&Settings { jitter, ..Settings::default() });
        assert!((0..100).any(|number| wide.work(number).is_zero()));
    }
}
