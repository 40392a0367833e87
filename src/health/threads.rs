//! How the threads that make load fare, and when that means that their numbers are not the target's.
//!
//! The effect counts, and the cause names it: a thread whose ready tasks wait for their turn tells latencies that are its own,
//! whether it is too busy or the machine gives it no CPU. A late clock on a thread that had time to spare (a suspended machine)
//! says nothing of the kind.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A thread is starved when what it had to do was late by more than this share of the time.
const MAX_LATE_SHARE: f64 = 0.25;

/// A thread that waited for a CPU for more of the time made a quarter of its load at best, however punctual its short turns.
const MAX_WAITED_SHARE: f64 = 0.75;

/// A thread that used or asked for less of a CPU than this was not short of it.
const MIN_WANTED_SHARE: f64 = 0.5;

/// Fewer starved stretches, over all threads, are a start of thousands of VUs at once, or a run too short to tell.
const MIN_STARVED: u64 = 5;

/// More of the starts that came late are the generator's limit, and no longer a hiccup of the machine.
const MAX_LATE_STARTS: f64 = 0.01;

/// Fewer late starts are one hiccup, whatever their share.
const MIN_LATE_STARTS: u64 = 10;

/// Shorter stretches say too little.
const MIN_STRETCH: Duration = Duration::from_millis(500);

/// Of a thread, as the system counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cpu {
    /// Time on a CPU.
    pub busy: Duration,
    /// Time in which it was ready, and the CPUs were others'.
    pub waited: Duration,
}

/// The calling thread's so far; `None` where the system does not say.
pub fn thread_cpu() -> Option<Cpu> {
    parse(&std::fs::read_to_string("/proc/thread-self/schedstat").ok()?)
}

/// Nanoseconds on a CPU, nanoseconds waiting for one, number of turns.
fn parse(schedstat: &str) -> Option<Cpu> {
    let mut numbers = schedstat.split_whitespace().map(|number| number.parse().map(Duration::from_nanos));
    Some(Cpu { busy: numbers.next()?.ok()?, waited: numbers.next()?.ok()? })
}

/// How one thread fared for a while, usually a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stretch {
    pub length: Duration,
    /// `None` where the system does not say.
    pub cpu: Option<Cpu>,
    /// How late a task was that wanted its turn at regular moments, each time.
    pub late: Vec<Duration>,
    /// Iterations that an arrival rate asked for and a VU was free for.
    pub starts: u64,
    /// Those of them that began more than 10 ms after they were due.
    pub late_starts: u64,
}

impl Stretch {
    fn is_starved(&self) -> bool {
        let share = |time: Duration| time.as_secs_f64() / self.length.as_secs_f64();
        let wanted = self.cpu.is_none_or(|cpu| share(cpu.busy + cpu.waited) >= MIN_WANTED_SHARE);
        let waited = self.cpu.is_some_and(|cpu| share(cpu.waited) > MAX_WAITED_SHARE);
        self.length >= MIN_STRETCH && (waited || wanted && share(self.late.iter().sum()) > MAX_LATE_SHARE)
    }
}

/// All threads over a whole run, in memory that does not grow with it.
#[derive(Clone, Debug, Default)]
pub struct Threads {
    /// CPU time of the threads together.
    pub busy: Duration,
    pub starts: u64,
    pub late_starts: u64,
    stretches: u64,
    starved: u64,
    /// In the starved stretches.
    starved_for: Duration,
    starved_cpu: Option<Cpu>,
    worst: Duration,
    /// Microseconds; `None` until the first.
    late: Option<Histogram<u64>>,
}

impl Threads {
    pub fn absorb(&mut self, stretch: &Stretch) {
        self.busy += stretch.cpu.unwrap_or_default().busy;
        self.starts += stretch.starts;
        self.late_starts += stretch.late_starts;
        self.stretches += u64::from(stretch.length >= MIN_STRETCH);
        if self.late.is_none() {
            self.late = Histogram::new_with_max(3_600_000_000, 2).ok();
        }
        for late in &stretch.late {
            if let Some(all) = &mut self.late {
                all.saturating_record(u64::try_from(late.as_micros()).unwrap_or(u64::MAX));
            }
        }
        if stretch.is_starved() {
            self.starved += 1;
            self.starved_for += stretch.length;
            self.worst = stretch.late.iter().copied().fold(self.worst, Duration::max);
            if let Some(cpu) = stretch.cpu {
                let sum = self.starved_cpu.get_or_insert_default();
                sum.busy += cpu.busy;
                sum.waited += cpu.waited;
            }
        }
    }

    /// How late tasks got their turn; `None` in a run that was over before the first look.
    pub fn late_p99(&self) -> Option<Duration> {
        let late = self.late.as_ref().filter(|late| !late.is_empty())?;
        Some(Duration::from_micros(late.value_at_percentile(99.0)))
    }

    /// Why the run's times are not the target's: its threads were starved for more than a fifth of it.
    pub fn starved(&self) -> Option<String> {
        if self.starved < MIN_STARVED || self.starved * 5 <= self.stretches {
            return None;
        }
        let why = match self.starved_cpu {
            None => "use fewer VUs, more cores, or another machine".to_owned(),
            Some(Cpu { busy, waited }) => {
                let percent = |time: Duration| 100.0 * time.as_secs_f64() / self.starved_for.as_secs_f64();
                let advice = match waited > busy {
                    true => {
                        "other processes took the CPU: leave the generator a core of its own, or use another machine"
                    }
                    false => "use fewer VUs, more threads, or a faster machine",
                };
                format!("busy {:.0} %, waiting for a CPU {:.0} %; {advice}", percent(busy), percent(waited))
            }
        };
        let (starved, all) = (self.starved, self.stretches);
        Some(format!("its threads were starved in {starved} of {all} seconds, late by up to {:.0?}: {why}", self.worst))
    }

    /// Why the load is not the plan's: more than one start in a hundred came late though a VU was free.
    pub fn started_late(&self) -> Option<String> {
        let (late, all) = (self.late_starts, self.starts);
        let share = late as f64 / all.max(1) as f64;
        (late >= MIN_LATE_STARTS && share > MAX_LATE_STARTS).then(|| {
            format!(
                "{late} of {all} iterations started more than 10 ms after they were due, though a VU was free: \
                 use a lower rate, more threads, or a faster machine"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(late_ms: &[u64], busy: u64, waited: u64) -> Stretch {
        let (busy, waited) = (Duration::from_millis(busy), Duration::from_millis(waited));
        let late = late_ms.iter().copied().map(Duration::from_millis).collect();
        Stretch { length: Duration::from_secs(1), cpu: Some(Cpu { busy, waited }), late, ..Stretch::default() }
    }

    #[test]
    fn a_starved_generator_is_named_and_a_busy_one_is_not() {
        let late = [60; 8];
        let unknown = Stretch { cpu: None, ..stretch(&late, 0, 0) };
        let table = [
            ("a core of its own, busy", vec![stretch(&[2; 10], 980, 10); 20], None),
            ("a shared core, still in time", vec![stretch(&[9; 10], 480, 400); 20], None),
            (
                "one bad second at the start",
                [vec![stretch(&[700], 990, 0)], vec![stretch(&[1; 10], 300, 5); 4]].concat(),
                None,
            ),
            ("a machine that slept", vec![stretch(&[3000], 10, 0); 5], None),
            ("too many VUs", vec![stretch(&late, 990, 0); 5], Some("more threads")),
            ("other processes", vec![stretch(&late, 300, 600); 5], Some("other processes")),
            ("a small part of a core in short turns", vec![stretch(&[9; 9], 150, 800); 5], Some("other processes")),
            ("a third of a core in short turns", vec![stretch(&[9; 9], 300, 650); 5], None),
            ("a system that does not say", vec![unknown; 5], Some("fewer VUs")),
        ];
        for (case, stretches, expected) in table {
            let mut threads = Threads::default();
            stretches.iter().for_each(|stretch| threads.absorb(stretch));
            let found = threads.starved();
            assert_eq!(found.is_some(), expected.is_some(), "{case}: {found:?}");
            assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()), "{case}");
        }
    }

    #[test]
    fn late_starts_count_when_they_are_many_and_more_than_one_in_a_hundred() {
        let check = |late_starts: u64, starts: u64, expected: bool| {
            let mut threads = Threads::default();
            threads.absorb(&Stretch { late_starts, starts, ..Stretch::default() });
            assert_eq!(threads.started_late().is_some(), expected, "{late_starts} of {starts}");
        };
        check(0, 0, false);
        check(9, 20, false);
        check(10, 1_000, false);
        check(11, 1_000, true);
        check(20, 20, true);
    }

    #[test]
    fn what_the_system_says_is_read_or_left_out() {
        let nanos = Duration::from_nanos;
        assert_eq!(parse("120 30 4\n"), Some(Cpu { busy: nanos(120), waited: nanos(30) }));
        for strange in ["", "120", "a b c"] {
            assert_eq!(parse(strange), None, "{strange}");
        }
    }
}
