//! How the generator fared, for the summary: one line, and more of what comes near a limit.

use super::quantity::{bytes, count, counted, precise};
use crate::judge::Generator;

/// From here on a limit is worth a line of its own.
const NEAR: f64 = 0.7;

/// `generator: 2 threads, 0.62 of 2 cores, timers 1.3 ms late at p99, 1,080 of 20,000 descriptors, 31.20 MB of memory`
pub fn line(generator: &Generator) -> String {
    let (usage, total) = (&generator.usage, &generator.usage.total);
    let cores = match (total.cores(), usage.cores) {
        (Some(used), Some(cores)) => format!("{used:.2} of {} core{}", precise(cores), plural(cores)),
        _ => format!("{:.0} % CPU of each", generator.cpu_share * 100.0),
    };
    let late = generator.late_p99.map(|late| format!("timers {:.1} ms late at p99", late.as_secs_f64() * 1e3));
    let starts =
        (total.starts > 0).then(|| format!("{} of {} late", count(total.late_starts), counted(total.starts, "start")));
    let limit = usage.descriptor_limit.map(|limit| format!(" of {}", count(limit))).unwrap_or_default();
    let descriptors = total.descriptors.map(|open| format!("{}{limit} descriptors", count(open)));
    let memory = total.memory.map(|used| format!("{} of memory", bytes(used as f64)));
    let threads = counted(generator.threads as u64, "thread");
    let parts = [Some(threads), Some(cores), late, starts, descriptors, memory];
    format!("generator: {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn plural(number: f64) -> &'static str {
    if number == 1.0 { "" } else { "s" }
}

/// What came near its limit, or was held back by it.
pub fn noteworthy(generator: &Generator) -> Vec<String> {
    let (usage, total) = (&generator.usage, &generator.usage.total);
    let mut notes = Vec::new();
    let near = |used: Option<u64>, limit: Option<u64>| {
        used.zip(limit).filter(|(used, limit)| *used as f64 > NEAR * *limit as f64)
    };
    if let Some((open, limit)) = near(total.descriptors, usage.descriptor_limit) {
        notes.push(format!("the generator had {} of its {} file descriptors open", count(open), count(limit)));
    }
    if let Some((used, limit)) = near(total.memory, usage.memory_limit) {
        let (used, limit) = (bytes(used as f64), bytes(limit as f64));
        notes.push(format!("the generator had {used} of the {limit} of memory that there are for it"));
    }
    if let Some((sockets, ports)) = near(total.tcp_sockets, usage.ports) {
        notes.push(format!(
            "up to {} TCP sockets of this machine held a port, those that wait after their end included; \
             there are {} ports for each target address",
            count(sockets),
            count(ports)
        ));
    }
    if let Some((throttled, quota)) = total.throttled.zip(usage.quota).filter(|(found, _)| found.throttled > 0) {
        notes.push(format!(
            "the CPU quota of {} core{} was used up in {} of {} periods",
            precise(quota),
            plural(quota),
            count(throttled.throttled),
            count(throttled.periods)
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::health::{Second, Throttled, Usage};

    #[test]
    fn one_line_says_what_is_known_and_no_more() {
        let check = |generator: Generator, expected: &str| assert_eq!(line(&generator), expected);
        check(
            Generator { threads: 1, cpu_share: 0.314, ..Generator::default() },
            "generator: 1 thread, 31 % CPU of each",
        );
        let total = Second {
            length: Duration::from_secs(10),
            cpu: Some(Duration::from_millis(6_200)),
            starts: 5_000,
            late_starts: 2,
            descriptors: Some(1_080),
            memory: Some(31_200_000),
            ..Second::default()
        };
        let usage = Usage { cores: Some(2.0), descriptor_limit: Some(20_000), total, ..Usage::default() };
        let late_p99 = Some(Duration::from_micros(1_300));
        check(
            Generator { threads: 2, late_p99, usage, ..Generator::default() },
            "generator: 2 threads, 0.62 of 2 cores, timers 1.3 ms late at p99, 2 of 5,000 starts late, \
             1,080 of 20,000 descriptors, 31.20 MB of memory",
        );
    }

    #[test]
    fn only_what_comes_near_a_limit_has_a_line_of_its_own() {
        let check = |share: f64, throttled: u64, expected: usize| {
            let used = Some((share * 1000.0) as u64);
            let throttled = Some(Throttled { periods: 50, throttled, ..Throttled::default() });
            let total = Second { descriptors: used, memory: used, tcp_sockets: used, throttled, ..Second::default() };
            let all = Some(1000);
            let usage = Usage {
                quota: Some(0.5),
                descriptor_limit: all,
                memory_limit: all,
                ports: all,
                total,
                ..Usage::default()
            };
            assert_eq!(noteworthy(&Generator { usage, ..Generator::default() }).len(), expected);
        };
        check(0.69, 0, 0);
        check(0.71, 0, 3);
        check(0.71, 1, 4);
        assert_eq!(noteworthy(&Generator::default()), Vec::<String>::new());
    }
}
