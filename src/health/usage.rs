//! What the generator used of what it may use: totals, and second by second in bounded memory.

use std::time::Duration;

use super::cgroup::Throttled;
use super::machine::{Machine, Reading};
use super::threads::Stretch;

/// Seconds kept: an hour. In a longer run neighbours are merged, again and again.
const MAX_SECONDS: usize = 3600;

/// A look so soon after the last one belongs to its second.
const SLIVER: Duration = Duration::from_millis(100);

/// One piece of the run, usually a second. What the system does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Second {
    /// From the start of the run.
    pub start: Duration,
    pub length: Duration,
    /// CPU time of the whole process.
    pub cpu: Option<Duration>,
    /// How late a task got its turn, at worst.
    pub late: Option<Duration>,
    pub starts: u64,
    pub late_starts: u64,
    pub descriptors: Option<u64>,
    /// Bytes.
    pub memory: Option<u64>,
    pub tcp_sockets: Option<u64>,
    pub throttled: Option<Throttled>,
}

impl Second {
    pub(super) fn absorb(&mut self, stretch: &Stretch) {
        self.late = self.late.max(stretch.late.iter().copied().max());
        self.starts += stretch.starts;
        self.late_starts += stretch.late_starts;
    }

    /// With what two looks at the process say of the time between them.
    pub(super) fn measured(self, before: &Reading, now: &Reading) -> Second {
        Second {
            cpu: now.cpu.zip(before.cpu).map(|(now, before)| now.saturating_sub(before)),
            throttled: now.throttled.zip(before.throttled).map(|(now, before)| now.since(&before)),
            descriptors: now.descriptors,
            memory: now.memory,
            tcp_sockets: now.tcp_sockets,
            ..self
        }
    }

    /// Cores that were busy with it on average; the system counts CPU time in ticks of some 10 ms, which say nothing of a moment.
    pub fn cores(&self) -> Option<f64> {
        let cpu = self.cpu.filter(|_| self.length >= SLIVER)?;
        Some(cpu.as_secs_f64() / self.length.as_secs_f64())
    }

    /// What adds up is added; of the rest the worse stays.
    fn join(&mut self, next: &Second) {
        self.length = (next.start + next.length).saturating_sub(self.start);
        self.cpu = self.cpu.zip(next.cpu).map(|(one, other)| one + other);
        self.late = self.late.max(next.late);
        self.starts += next.starts;
        self.late_starts += next.late_starts;
        self.descriptors = self.descriptors.max(next.descriptors);
        self.memory = self.memory.max(next.memory);
        self.tcp_sockets = self.tcp_sockets.max(next.tcp_sockets);
        self.throttled = self.throttled.zip(next.throttled).map(|(one, other)| Throttled {
            periods: one.periods + other.periods,
            throttled: one.throttled + other.throttled,
            time: one.time + other.time,
        });
    }
}

/// The process over a run, beside its limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// That it may use; less than one where a quota says so.
    pub cores: Option<f64>,
    pub quota: Option<f64>,
    pub descriptor_limit: Option<u64>,
    /// Bytes.
    pub memory_limit: Option<u64>,
    /// Local ports for connections to one address.
    pub ports: Option<u64>,
    /// Everything at once: sums, and the highest of what does not add up.
    pub total: Second,
    pub seconds: Vec<Second>,
}

impl Usage {
    pub(super) fn within(machine: &Machine) -> Usage {
        Usage {
            cores: machine.cores,
            quota: machine.quota,
            descriptor_limit: machine.descriptors,
            memory_limit: machine.memory,
            ports: machine.ports,
            ..Usage::default()
        }
    }

    /// Closes a second at `elapsed`.
    pub(super) fn push(&mut self, second: Second, elapsed: Duration) {
        let start = self.total.length;
        let second = Second { start, length: elapsed.saturating_sub(start), ..second };
        match self.seconds.is_empty() {
            true => self.total = second.clone(),
            false => self.total.join(&second),
        }
        match self.seconds.last_mut() {
            Some(last) if second.length < SLIVER => last.join(&second),
            _ => self.seconds.push(second),
        }
        if self.seconds.len() > MAX_SECONDS {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        let pairs = self.seconds.chunks(2).map(|pair| {
            let mut joined = pair[0].clone();
            pair[1..].iter().for_each(|next| joined.join(next));
            joined
        });
        self.seconds = pairs.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(cpu_ms: u64, memory: u64) -> Reading {
        Reading { cpu: Some(Duration::from_millis(cpu_ms)), memory: Some(memory), ..Reading::default() }
    }

    #[test]
    fn a_second_is_what_came_between_two_looks() {
        let mut second = Second::default();
        let late = vec![Duration::from_millis(3), Duration::from_millis(9)];
        second.absorb(&Stretch { late, starts: 50, late_starts: 1, ..Stretch::default() });
        second.absorb(&Stretch { starts: 7, ..Stretch::default() });
        let mut usage = Usage::default();
        usage.push(second.measured(&reading(100, 5), &reading(850, 6)), Duration::from_millis(500));
        let [found] = usage.seconds.as_slice() else { panic!("{usage:?}") };
        assert_eq!((found.cores(), found.late), (Some(1.5), Some(Duration::from_millis(9))));
        assert_eq!((found.starts, found.late_starts, found.memory), (57, 1, Some(6)));
        assert_eq!((found.descriptors, found.throttled), (None, None), "absent is not nothing");
    }

    #[test]
    fn a_moment_is_too_short_to_say_how_many_cores_were_busy() {
        let check = |length: u64, expected: Option<f64>| {
            let (cpu, length) = (Some(Duration::from_millis(10)), Duration::from_millis(length));
            let cores = Second { cpu, length, ..Second::default() }.cores();
            assert_eq!(cores.map(|cores| (cores * 100.0).round()), expected);
        };
        check(0, None);
        check(2, None);
        check(100, Some(10.0));
    }

    #[test]
    fn a_long_run_is_kept_in_bounded_memory_and_loses_no_sum() {
        let mut usage = Usage::default();
        for k in 1..=3 * MAX_SECONDS as u64 {
            let measured = Second { starts: 2, ..Second::default() };
            let second = measured.measured(&reading(10 * (k - 1), 0), &reading(10 * k, k));
            usage.push(second, Duration::from_secs(k));
        }
        assert!(usage.seconds.len() <= MAX_SECONDS && usage.seconds.len() > MAX_SECONDS / 4);
        let all = 3 * MAX_SECONDS as u64;
        assert_eq!(usage.seconds.iter().map(|second| second.starts).sum::<u64>(), 2 * all);
        assert_eq!(usage.seconds.iter().map(|second| second.length).sum::<Duration>(), Duration::from_secs(all));
        assert_eq!((usage.total.starts, usage.total.memory), (2 * all, Some(all)));
        assert_eq!(usage.total.cores().map(|cores| (cores * 1000.0).round()), Some(10.0));
    }

    #[test]
    fn a_sliver_at_the_end_belongs_to_the_second_before() {
        let mut usage = Usage::default();
        for elapsed in [1000, 2000, 2030] {
            usage.push(Second { starts: 1, ..Second::default() }, Duration::from_millis(elapsed));
        }
        assert_eq!(usage.seconds.len(), 2);
        assert_eq!((usage.seconds[1].starts, usage.seconds[1].length), (2, Duration::from_millis(1030)));
    }
}
