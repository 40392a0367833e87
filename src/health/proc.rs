//! Text of `/proc` in, values out. What is not there, or reads otherwise, is `None`.

use std::time::Duration;

/// Clock ticks per second in what the kernel tells programs: 100 on every architecture that Rust runs on.
const TICKS: u64 = 100;

/// CPU time of all threads so far, in user space and in the kernel, from `/proc/self/stat`.
pub fn process_cpu(stat: &str) -> Option<Duration> {
    // The name of the program stands in parentheses and may hold anything. Behind it `state` is the first field, `utime` the 12th.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis(user.checked_add(system)?.checked_mul(1000 / TICKS)?))
}

/// The value of a line such as `VmRSS:     2048 kB` of `/proc/self/status` or `/proc/meminfo`, in bytes.
pub fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let value = line(text, key)?.strip_suffix("kB")?;
    value.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// CPUs that the process may run on, from `/proc/self/status`.
pub fn allowed_cpus(status: &str) -> Option<u64> {
    let ranges = ranges(line(status, "Cpus_allowed_list")?)?;
    Some(ranges.iter().map(|(first, last)| last - first + 1).sum())
}

fn line<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let value = |line: &'t str| line.strip_prefix(key)?.strip_prefix(':');
    text.lines().find_map(value).map(str::trim)
}

/// Local ports for connections to one address: `ip_local_port_range` without those of `ip_local_reserved_ports`.
pub fn local_ports(range: &str, reserved: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    let all = (last + 1).checked_sub(first)?;
    let taken = |(from, to): &(u64, u64)| (to + 1).min(last + 1).saturating_sub(first.max(*from));
    let reserved: u64 = ranges(reserved.trim()).unwrap_or_default().iter().map(taken).sum();
    Some(all.saturating_sub(reserved))
}

/// `0-3,8` as pairs of first and last; of `""` there are none.
fn ranges(list: &str) -> Option<Vec<(u64, u64)>> {
    let pair = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some((first, last))
    };
    list.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
}

/// TCP sockets that hold a port, those of closed connections that wait (`TIME_WAIT`) included, from `/proc/net/sockstat` or
/// `sockstat6`.
pub fn tcp_sockets(sockstat: &str) -> Option<u64> {
    let tcp = sockstat.lines().find(|line| line.starts_with("TCP"))?;
    let words: Vec<&str> = tcp.split_whitespace().collect();
    let after = |key: &str| words.iter().position(|word| *word == key).and_then(|at| words.get(at + 1)?.parse().ok());
    let in_use: u64 = after("inuse")?;
    // Only the first of the two files has it, for both.
    Some(in_use + after("tw").unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_time_of_the_process_is_read_behind_any_name() {
        let check = |stat: &str, expected: Option<u64>| {
            assert_eq!(process_cpu(stat), expected.map(Duration::from_millis), "{stat}");
        };
        check("7 (proofload) S 1 7 7 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 4 0 119 313 394", Some(1_750));
        check("7 (a) b) 1 2) R 1 7 7 0 -1 4194304 100 0 0 0 3 4 0 0 20 0", Some(70));
        check("7 (proofload) S 1 7", None);
        check("7 (proofload) S 1 7 7 0 -1 4194304 100 0 0 0 many 25", None);
        check("", None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "VmHWM:\t    9000 kB\nVmRSS:\t    2048 kB\nThreads:\t4\n";
        let check = |key: &str, expected: Option<u64>| assert_eq!(kilobytes(status, key), expected, "{key}");
        check("VmRSS", Some(2_097_152));
        check("VmHWM", Some(9_216_000));
        check("Threads", None);
        check("Vm", None);
        check("MemTotal", None);
    }

    #[test]
    fn allowed_cpus_are_counted() {
        let check = |list: &str, expected: Option<u64>| {
            let status = format!("Cpus_allowed:\tff\nCpus_allowed_list:\t{list}\n");
            assert_eq!(allowed_cpus(&status), expected, "{list}");
        };
        check("0", Some(1));
        check("0-1", Some(2));
        check("0-3,8,10-11", Some(7));
        check("3-1", None);
        check("all", None);
        assert_eq!(allowed_cpus("Cpus_allowed:\tff\n"), None);
    }

    #[test]
    fn local_ports_are_those_of_the_range_that_are_not_reserved() {
        let check = |range: &str, reserved: &str, expected: Option<u64>| {
            assert_eq!(local_ports(range, reserved), expected, "{range} without {reserved}");
        };
        check("32768\t60999\n", "\n", Some(28_232));
        check("40000 40020", "", Some(21));
        check("40000 40020", "39990-40001,40010,50000-50010", Some(18));
        check("40000 40020", "1-65535", Some(0));
        check("40020 40000", "", None);
        check("40000", "", None);
    }

    #[test]
    fn sockets_that_wait_hold_their_ports() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(tcp_sockets(text), expected, "{text}");
        check("sockets: used 17\nTCP: inuse 5 orphan 0 tw 120 alloc 6 mem 1\nUDP: inuse 3 mem 0\n", Some(125));
        check("TCP6: inuse 2\nUDP6: inuse 1\n", Some(2));
        check("UDP: inuse 3 mem 0\n", None);
    }
}
