//! Waking up on time. The runtime's own timers count in milliseconds, which is ten arrivals late at 10,000 per second.

use super::{Duration, Instant, now};

/// Wake-ups are at least this far apart: what becomes due in between is started together, and a high rate does not cost a system
/// call per start.
const GRAIN: Duration = Duration::from_micros(50);

/// Wakes one task at moments that only rise.
#[derive(Debug)]
pub struct Pacer {
    timer: Timer,
    woken: Option<Instant>,
}

#[derive(Debug)]
enum Timer {
    #[cfg(target_os = "linux")]
    Exact(exact::Timer),
    /// The runtime's.
    Coarse,
}

impl Pacer {
    /// With the system's own timer where it has one; unit tests pause time, which only the runtime's timers follow.
    pub fn new() -> Pacer {
        if cfg!(test) { Pacer { timer: Timer::Coarse, woken: None } } else { Pacer::exact() }
    }

    fn exact() -> Pacer {
        #[cfg(target_os = "linux")]
        let timer = exact::Timer::new().map_or(Timer::Coarse, Timer::Exact);
        #[cfg(not(target_os = "linux"))]
        let timer = Timer::Coarse;
        Pacer { timer, woken: None }
    }

    /// Until `at`, or a little later. Other tasks get their turn even where that is past already. May be dropped at any await.
    pub async fn sleep_until(&mut self, at: Instant) {
        let at = self.woken.map_or(at, |woken| at.max(woken + GRAIN));
        if at <= now() {
            tokio::task::yield_now().await;
        } else {
            self.wait(at).await;
        }
        self.woken = Some(now());
    }

    async fn wait(&mut self, at: Instant) {
        #[cfg(target_os = "linux")]
        if let Timer::Exact(timer) = &mut self.timer
            && timer.wait(at).await.is_err()
        {
            self.timer = Timer::Coarse;
        }
        // Returns at once where that has waited.
        if at > now() {
            super::sleep_until(at).await;
        }
    }
}

impl Default for Pacer {
    fn default() -> Pacer {
        Pacer::new()
    }
}

/// A timer of the kernel as a file, which wakes the runtime up like a socket does.
#[cfg(target_os = "linux")]
mod exact {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use super::{Instant, now};

    #[derive(Debug)]
    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        /// What `with_interest` is deprecated for are types whose descriptor may change under it: an [`OwnedFd`] keeps its own. The
        /// function that took its place is `unsafe`, which this package does without.
        #[allow(deprecated)]
        pub(super) fn new() -> io::Result<Timer> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let file = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            AsyncFd::with_interest(file, Interest::READABLE).map(Timer)
        }

        /// The count of expirations is never read: to set the timer anew clears it, which saves a system call per wake-up.
        pub(super) async fn wait(&mut self, at: Instant) -> io::Result<()> {
            loop {
                let left = at.saturating_duration_since(now());
                if left.is_zero() {
                    return Ok(());
                }
                let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
                let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
                let once = Itimerspec { it_interval: zero, it_value: left };
                timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
                // It may be ready from a wait that was given up; then the way around tells.
                self.0.readable().await?.clear_ready();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_wakes_too_early_even_after_a_wait_that_was_given_up() {
        let mut pacer = Pacer::exact();
        let start = now();
        for micros in [0, 300, 300, 900, 4_000] {
            let at = start + Duration::from_micros(micros);
            {
                // Ready by the time of the next wait.
                let given_up = tokio::time::timeout(Duration::ZERO, pacer.sleep_until(at)).await;
                assert!(given_up.is_err() || now() >= at);
            }
            std::thread::sleep(Duration::from_micros(100));
            let later = at + Duration::from_millis(1);
            pacer.sleep_until(later).await;
            assert!(now() >= later);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn paused_time_moves_to_the_moment_and_wake_ups_keep_their_distance() {
        let (mut pacer, start) = (Pacer::new(), now());
        for (at, woken) in [(5_000, 5), (5_010, 6), (9_000, 9)] {
            pacer.sleep_until(start + Duration::from_micros(at)).await;
            // The runtime's timers round up to milliseconds.
            assert_eq!((now() - start).as_millis(), woken, "{at} µs");
        }
    }
}
