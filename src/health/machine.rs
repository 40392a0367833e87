//! What this process may use, and what it uses at one moment. What the system does not say is `None`, never nothing.

use std::fs::read_to_string;
use std::time::Duration;

use super::cgroup::{Groups, Throttled};
use super::proc;

/// The limits of this process, looked up once.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// CPUs that it may run on, or the part of them that a quota leaves.
    pub cores: Option<f64>,
    /// Of the groups around it, in cores.
    pub quota: Option<f64>,
    /// Files and sockets that it may have open.
    pub descriptors: Option<u64>,
    /// Bytes: of the tightest group, else of the machine.
    pub memory: Option<u64>,
    /// Local ports for connections to one address.
    pub ports: Option<u64>,
    groups: Groups,
}

/// One moment. Times and counts are since the process, or the group, began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// CPU time of all threads.
    pub cpu: Option<Duration>,
    pub throttled: Option<Throttled>,
    pub descriptors: Option<u64>,
    /// Resident, in bytes.
    pub memory: Option<u64>,
    /// Sockets of the machine, or of our part of its network, that hold a TCP port.
    pub tcp_sockets: Option<u64>,
}

impl Machine {
    pub fn find() -> Machine {
        let text = |path: &str| read_to_string(path).unwrap_or_default();
        let groups = Groups::find(&text("/proc/self/cgroup"), &text("/proc/self/mountinfo")).with_quota();
        let quota = groups.cpu_quota();
        let allowed = proc::allowed_cpus(&text("/proc/self/status"))
            .or_else(|| std::thread::available_parallelism().ok().map(|cores| cores.get() as u64));
        let total = proc::kilobytes(&text("/proc/meminfo"), "MemTotal");
        let ports = |file: &str| text(&format!("/proc/sys/net/ipv4/{file}"));
        Machine {
            cores: allowed.map(|cores| quota.map_or(cores as f64, |quota| quota.min(cores as f64))),
            quota,
            descriptors: descriptor_limit(),
            memory: groups.memory_limit().into_iter().chain(total).min(),
            ports: proc::local_ports(&ports("ip_local_port_range"), &ports("ip_local_reserved_ports")),
            groups,
        }
    }

    pub fn read(&self) -> Reading {
        let text = |path: &str| read_to_string(path).unwrap_or_default();
        let sockets = |file: &str| proc::tcp_sockets(&text(&format!("/proc/net/{file}")));
        Reading {
            cpu: proc::process_cpu(&text("/proc/self/stat")),
            throttled: self.groups.throttled(),
            descriptors: open_descriptors(),
            memory: proc::kilobytes(&text("/proc/self/status"), "VmRSS"),
            tcp_sockets: sockets("sockstat").map(|four| four + sockets("sockstat6").unwrap_or(0)),
        }
    }
}

/// Bytes that programs could have now without swapping.
pub fn available_memory() -> Option<u64> {
    proc::kilobytes(&read_to_string("/proc/meminfo").ok()?, "MemAvailable")
}

fn descriptor_limit() -> Option<u64> {
    let (soft, _) = rlimit::Resource::NOFILE.get().ok()?;
    (soft < rlimit::INFINITY).then_some(soft)
}

/// Kernels since 6.2 tell it as the size of the folder; older ones have it counted, at some milliseconds for tens of thousands.
fn open_descriptors() -> Option<u64> {
    let folder = "/proc/self/fd";
    match std::fs::metadata(folder).ok()?.len() {
        // One of them is the look at the folder itself.
        0 => Some((std::fs::read_dir(folder).ok()?.count() as u64).saturating_sub(1)),
        told => Some(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_says_everything_but_what_only_a_group_has() {
        let machine = Machine::find();
        assert!(machine.cores.is_some_and(|cores| cores > 0.0), "{machine:?}");
        assert!(machine.memory.is_some_and(|bytes| bytes > 1 << 20), "{machine:?}");
        let before = machine.read();
        let held: Vec<_> = (0..20).map(|_| std::fs::File::open("/proc/self/stat").expect("a file")).collect();
        let after = machine.read();
        assert!(before.memory.is_some() && before.cpu.is_some() && before.tcp_sockets.is_some(), "{before:?}");
        // Tests beside this one open and close files of their own.
        assert!(after.descriptors >= Some(held.len() as u64), "{after:?}");
    }
}
