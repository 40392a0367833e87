//! What the machine must allow before the first request is sent.

use super::Failure;
use crate::graph::Graph;

/// Descriptors that the process needs besides one per VU: its threads' runtimes, standard streams, files.
const OWN_DESCRIPTORS: u64 = 64;

/// Raises the limit on open files as far as it may go, and refuses a plan whose peak is above that.
pub(super) fn check_descriptors(graph: &Graph, threads: usize) -> Result<(), Failure> {
    let vus: u64 = graph.scenarios.iter().map(|scenario| scenario.executor.peak_vus()).sum();
    // No more threads are started than there are VUs.
    let needed = vus + OWN_DESCRIPTORS + 8 * vus.min(threads as u64);
    // Without an answer from the system there is nothing to compare with.
    let Ok(allowed) = rlimit::increase_nofile_limit(u64::MAX) else { return Ok(()) };
    if allowed >= needed {
        return Ok(());
    }
    let by_rate = graph.scenarios.iter().any(|scenario| scenario.executor.arrivals().is_some());
    let fewer = if by_rate { ", or set `max_vus` to the most VUs that the rate needs" } else { "" };
    Err(Failure::Generator(format!(
        "the plan's {vus} VUs need {needed} open files, and this process may open {allowed}; nothing was sent\n  \
         help: raise the limit first: `ulimit -n {needed}` (or `LimitNOFILE=`, `docker run --ulimit nofile={needed}`){fewer}"
    )))
}
