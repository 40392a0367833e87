//! What the target knows of its own process. Linux only: elsewhere these metrics are left out.

use std::sync::Mutex;

use super::bounded::locked;
use crate::clock::{Duration, Instant, now};

/// The kernel reports CPU time in these, on every common architecture (`USER_HZ`, proc(5)).
const TICK: Duration = Duration::from_millis(10);
/// Over less than this, ticks are too coarse to say anything: the last share is repeated.
const SHORTEST: Duration = Duration::from_millis(100);

/// The share of all cores that this process uses.
#[derive(Debug)]
pub struct CpuMeter {
    last: Mutex<Reading>,
    cores: f64,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    used: Duration,
    share: f64,
}

impl CpuMeter {
    pub fn start(cores: usize) -> CpuMeter {
        let last = Reading { at: now(), used: cpu_time().unwrap_or_default(), share: 0.0 };
        CpuMeter { last: Mutex::new(last), cores: cores as f64 }
    }

    /// From 0 to 1, since the last time that it was asked (or started).
    pub fn share(&self) -> Option<f64> {
        let used = cpu_time()?;
        let at = now();
        let mut last = locked(&self.last);
        let elapsed = at.saturating_duration_since(last.at);
        if elapsed >= SHORTEST {
            let share = used.saturating_sub(last.used).as_secs_f64() / elapsed.as_secs_f64() / self.cores;
            *last = Reading { at, used, share: share.min(1.0) };
        }
        Some(last.share)
    }
}

/// User and system time since the process began.
fn cpu_time() -> Option<Duration> {
    parse_cpu_time(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// Fields 14 and 15 of proc(5) `stat`; the name in field 2 may hold blanks and parentheses.
fn parse_cpu_time(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * user + TICK * system)
}

pub fn open_files() -> Option<usize> {
    // One of them is the folder that is being read.
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::parse_cpu_time;
    use crate::clock::Duration;

    #[test]
    fn cpu_time_is_read_behind_any_name() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 100 1000 200";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_secs(3)));
        assert_eq!(parse_cpu_time("42 (short) S 1"), None);
    }
}
