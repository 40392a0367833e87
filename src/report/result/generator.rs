//! The part of the result file that says how the generator itself fared. What its system did not say is absent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fill::{Masked, millis, rounded};
use crate::health::{Second, Throttled};
use crate::judge::Generator;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorEntry {
    pub threads: usize,
    /// 0..=1 of the cores of its threads.
    pub cpu_share: f64,
    pub late_p99_ms: Option<f64>,
    /// The target ran on the same machine.
    pub same_machine: bool,
    /// Why the generator was the limit, where it was.
    pub saturated: Option<String>,
    /// What it ran out of, where requests failed on its side.
    pub exhausted: Option<String>,
    /// That the process may use: by its affinity and the CPU quota around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<f64>,
    /// That the whole process kept busy, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores_used: Option<f64>,
    /// What the CPU quota held back; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<ThrottledEntry>,
    /// Iterations that an arrival rate asked for and a VU was free for.
    #[serde(default)]
    pub starts: u64,
    /// Those of them that began more than 10 ms after they were due.
    #[serde(default)]
    pub late_starts: u64,
    /// The most that were open at a look, one a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptor_limit: Option<u64>,
    /// Resident, the most at a look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Of the tightest control group, else of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit_bytes: Option<u64>,
    /// TCP sockets of the machine that held a port, those in TIME_WAIT included; the most at a look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_sockets: Option<u64>,
    /// Local ports for connections to one address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_ports: Option<u64>,
    /// Usually second by second; longer pieces in runs of more than an hour.
    #[serde(default)]
    pub series: Vec<GeneratorSliceEntry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThrottledEntry {
    /// Periods of the quota in which there was something to run.
    pub periods: u64,
    /// Those in which the quota was used up before their end.
    pub throttled: u64,
    /// Over all CPUs.
    pub throttled_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorSliceEntry {
    /// From the start of the run.
    pub at_ms: u64,
    pub length_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores_used: Option<f64>,
    /// How late a timer was, at worst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_max_ms: Option<f64>,
    pub starts: u64,
    pub late_starts: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_sockets: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled_ms: Option<u64>,
}

impl GeneratorEntry {
    pub(super) fn of(generator: &Generator, masked: Masked) -> GeneratorEntry {
        let usage = &generator.usage;
        let total = &usage.total;
        GeneratorEntry {
            threads: generator.threads,
            cpu_share: rounded(generator.cpu_share),
            late_p99_ms: generator.late_p99.map(|late| rounded(late.as_secs_f64() * 1000.0)),
            same_machine: generator.same_machine,
            saturated: generator.saturated.as_deref().map(masked),
            exhausted: generator.exhausted.as_deref().map(masked),
            cores: usage.cores.map(rounded),
            cores_used: total.cores().map(rounded),
            throttled: total.throttled.as_ref().map(ThrottledEntry::of),
            starts: total.starts,
            late_starts: total.late_starts,
            descriptors: total.descriptors,
            descriptor_limit: usage.descriptor_limit,
            memory_bytes: total.memory,
            memory_limit_bytes: usage.memory_limit,
            tcp_sockets: total.tcp_sockets,
            local_ports: usage.ports,
            series: usage.seconds.iter().map(GeneratorSliceEntry::of).collect(),
        }
    }
}

impl ThrottledEntry {
    fn of(throttled: &Throttled) -> ThrottledEntry {
        ThrottledEntry {
            periods: throttled.periods,
            throttled: throttled.throttled,
            throttled_ms: millis(throttled.time),
        }
    }
}

impl GeneratorSliceEntry {
    fn of(second: &Second) -> GeneratorSliceEntry {
        GeneratorSliceEntry {
            at_ms: millis(second.start),
            length_ms: millis(second.length),
            cores_used: second.cores().map(rounded),
            late_max_ms: second.late.map(|late| rounded(late.as_secs_f64() * 1000.0)),
            starts: second.starts,
            late_starts: second.late_starts,
            descriptors: second.descriptors,
            memory_bytes: second.memory,
            tcp_sockets: second.tcp_sockets,
            throttled_ms: second.throttled.map(|throttled| millis(throttled.time)),
        }
    }
}
