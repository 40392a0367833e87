//! When a limit of the process, and not the target, made the run what it was, and what to do about it.

use super::usage::Usage;

/// A quota that cut off more of its periods than this was the limit; a few at the start are thousands of VUs beginning at once.
const MAX_THROTTLED_SHARE: f64 = 0.1;

/// Fewer periods are less than a second.
const MIN_THROTTLED: u64 = 10;

/// Of its memory, a process that comes nearer than this to its limit is about to be killed, or swaps.
const MAX_MEMORY_SHARE: f64 = 0.9;

/// Requests that were never sent, for want of something of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// No file descriptor was free, of the process (`EMFILE`) or of the machine (`ENFILE`).
    pub descriptors: u64,
    /// No local port was free (`EADDRNOTAVAIL`).
    pub ports: u64,
}

impl Usage {
    /// By its CPU quota.
    pub(super) fn held_back(&self) -> Option<String> {
        let (quota, found) = (self.quota?, self.total.throttled?);
        let share = found.throttled as f64 / found.periods.max(1) as f64;
        (found.throttled >= MIN_THROTTLED && share > MAX_THROTTLED_SHARE).then(|| {
            format!(
                "its CPU quota of {quota} cores was used up in {} of {} periods: raise it (`docker run --cpus`, \
                 `resources.limits.cpu` of the pod, `CPUQuota=`), or use fewer VUs",
                found.throttled, found.periods
            )
        })
    }

    pub(super) fn out_of_memory(&self) -> Option<String> {
        let (used, limit) = (self.total.memory?, self.memory_limit?);
        (used as f64 > MAX_MEMORY_SHARE * limit as f64).then(|| {
            format!(
                "it had {} MiB of the {} MiB of memory that there are for it: raise the limit (`docker run --memory`, \
                 `resources.limits.memory` of the pod, `MemoryMax=`), or use fewer VUs",
                used >> 20,
                limit >> 20
            )
        })
    }

    /// Requests that failed on our side say nothing of the target; one sentence for each resource that was used up.
    pub fn exhausted(&self, own: Own) -> Option<String> {
        let limit = |limit: Option<u64>| limit.map_or(String::new(), |limit| format!(" (limit: {limit})"));
        let descriptors = (own.descriptors > 0).then(|| {
            format!(
                "{} found no free file descriptor{}: raise the limit first, `ulimit -n 65536`",
                requests(own.descriptors),
                limit(self.descriptor_limit)
            )
        });
        let ports = (own.ports > 0).then(|| {
            format!(
                "{} found no free local port{}: widen the range, \
                 `sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"`, send from several addresses \
                 (`http.local_address`), or keep connections open",
                requests(own.ports),
                limit(self.ports)
            )
        });
        let all: Vec<String> = [descriptors, ports].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

fn requests(count: u64) -> String {
    format!("{count} request{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Second, Throttled};

    fn used(total: Second) -> Usage {
        Usage { quota: Some(0.5), memory_limit: Some(1 << 30), total, ..Usage::default() }
    }

    #[test]
    fn a_quota_that_holds_the_generator_back_is_named() {
        let check = |throttled: u64, periods: u64, expected: bool| {
            let throttled = Throttled { periods, throttled, ..Throttled::default() };
            let found = used(Second { throttled: Some(throttled), ..Second::default() }).held_back();
            assert_eq!(found.is_some(), expected, "{throttled:?}");
            assert!(found.is_none_or(|text| text.contains("0.5 cores") && text.contains("--cpus")));
        };
        check(0, 0, false);
        check(9, 9, false);
        check(10, 100, false);
        check(11, 100, true);
        check(300, 300, true);
        let free = Usage { quota: None, ..used(Second::default()) };
        assert_eq!(free.held_back(), None);
    }

    #[test]
    fn memory_near_its_limit_is_named() {
        let check = |mebibytes: Option<u64>, expected: bool| {
            let memory = mebibytes.map(|mebibytes| mebibytes << 20);
            assert_eq!(used(Second { memory, ..Second::default() }).out_of_memory().is_some(), expected);
        };
        check(None, false);
        check(Some(900), false);
        check(Some(950), true);
    }

    #[test]
    fn what_ran_out_is_named_with_its_limit_and_the_command() {
        let usage = Usage { descriptor_limit: Some(256), ..Usage::default() };
        let check = |descriptors: u64, ports: u64, expected: &[&str]| {
            let found = usage.exhausted(Own { descriptors, ports }).unwrap_or_default();
            assert_eq!(found.is_empty(), expected.is_empty(), "{found}");
            expected.iter().for_each(|part| assert!(found.contains(part), "`{part}` is missing in {found}"));
        };
        check(0, 0, &[]);
        check(1, 0, &["1 request found", "(limit: 256)", "ulimit -n 65536"]);
        check(0, 9, &["9 requests found no free local port:", "ip_local_port_range"]);
        check(2, 3, &["file descriptor", "; 3 requests"]);
    }
}
