//! Stage 4: when: VU counts over time, totals and peaks, as pure arithmetic.
//!
//! Owns: the executors' specifications and their schedules in closed form.
//! Must never know: clocks, tasks, VUs as objects. All times are offsets from the scenario's start.

mod chart;
mod ramp;

pub use chart::chart;
pub use ramp::{Life, Ramp, Span};

use std::time::Duration;

/// Part of a ramp: the number of VUs moves linearly to `target`, which it has at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    pub duration: Duration,
    pub target: u64,
}

/// How a scenario makes load, with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum Executor {
    ConstantVus { vus: u64, duration: Duration },
    RampingVus { start_vus: u64, stages: Vec<Stage>, graceful_ramp_down: Duration },
    SharedIterations { vus: u64, iterations: u64, max_duration: Duration },
    PerVuIterations { vus: u64, iterations: u64, max_duration: Duration },
}

impl Executor {
    /// k6's name of it.
    pub fn name(&self) -> &'static str {
        match self {
            Executor::ConstantVus { .. } => "constant-vus",
            Executor::RampingVus { .. } => "ramping-vus",
            Executor::SharedIterations { .. } => "shared-iterations",
            Executor::PerVuIterations { .. } => "per-vu-iterations",
        }
    }

    /// The most VUs at any moment.
    pub fn peak_vus(&self) -> u64 {
        match self {
            Executor::ConstantVus { vus, .. }
            | Executor::SharedIterations { vus, .. }
            | Executor::PerVuIterations { vus, .. } => *vus,
            Executor::RampingVus { start_vus, stages, .. } => {
                stages.iter().map(|stage| stage.target).fold(*start_vus, u64::max)
            }
        }
    }

    /// When no iteration starts any more, at the latest; `graceful_stop` comes on top.
    pub fn duration(&self) -> Duration {
        match self {
            Executor::ConstantVus { duration, .. } => *duration,
            Executor::RampingVus { stages, .. } => stages.iter().map(|stage| stage.duration).sum(),
            Executor::SharedIterations { max_duration, .. } | Executor::PerVuIterations { max_duration, .. } => {
                *max_duration
            }
        }
    }

    /// How many iterations it runs, where that is known ahead.
    pub fn iterations(&self) -> Option<u64> {
        match self {
            Executor::SharedIterations { iterations, .. } => Some(*iterations),
            Executor::PerVuIterations { vus, iterations, .. } => Some(vus.saturating_mul(*iterations)),
            Executor::ConstantVus { .. } | Executor::RampingVus { .. } => None,
        }
    }

    /// The number of VUs over time. Executors that count iterations hold theirs until they are done.
    pub fn ramp(&self) -> Ramp {
        match self {
            Executor::RampingVus { start_vus, stages, graceful_ramp_down } => {
                Ramp::new(*start_vus, stages, *graceful_ramp_down)
            }
            Executor::ConstantVus { vus, duration }
            | Executor::SharedIterations { vus, max_duration: duration, .. }
            | Executor::PerVuIterations { vus, max_duration: duration, .. } => {
                Ramp::new(*vus, &[Stage { duration: *duration, target: *vus }], Duration::ZERO)
            }
        }
    }

    /// The index of the stage at a time; the last one afterwards, 0 where there are none.
    pub fn stage_at(&self, at: Duration) -> u16 {
        let Executor::RampingVus { stages, .. } = self else { return 0 };
        let mut end = Duration::ZERO;
        for (index, stage) in stages.iter().enumerate() {
            end += stage.duration;
            if at < end {
                return index as u16;
            }
        }
        stages.len().saturating_sub(1) as u16
    }
}

/// One of `of` equal shares of a scenario: VU k belongs to share k mod `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub index: u64,
    pub of: u64,
}

impl Share {
    /// The VUs of this share, in rising order.
    pub fn vus(self, total: u64) -> impl Iterator<Item = u64> {
        (self.index..total).step_by(self.of.max(1) as usize)
    }

    /// How many of `total` things are this share's: all shares add up to it.
    pub fn part(self, total: u64) -> u64 {
        let of = self.of.max(1);
        total / of + u64::from(self.index < total % of)
    }
}
