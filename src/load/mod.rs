//! Stage 4: when: VU counts over time, totals and peaks, as pure arithmetic.
//!
//! Owns: the executors' specifications and their schedules in closed form.
//! Must never know: clocks, tasks, VUs as objects. All times are offsets from the scenario's start.

mod arrivals;
mod chart;
mod ramp;

pub use arrivals::{Arrivals, Spacing};
pub use chart::{chart, chart_rate};
pub use ramp::{Life, Ramp, Span};

use std::time::Duration;

/// Part of a ramp: the number of VUs, or the rate of arrivals, moves linearly to `target`, which it has at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    pub duration: Duration,
    pub target: u64,
}

/// How a scenario makes load, with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum Executor {
    ConstantVus {
        vus: u64,
        duration: Duration,
    },
    RampingVus {
        start_vus: u64,
        stages: Vec<Stage>,
        graceful_ramp_down: Duration,
    },
    SharedIterations {
        vus: u64,
        iterations: u64,
        max_duration: Duration,
    },
    PerVuIterations {
        vus: u64,
        iterations: u64,
        max_duration: Duration,
    },
    /// `rate` per `time_unit` of [`Open`].
    ConstantArrivalRate {
        rate: u64,
        duration: Duration,
        open: Open,
    },
    /// Targets are rates per `time_unit` of [`Open`].
    RampingArrivalRate {
        start_rate: u64,
        stages: Vec<Stage>,
        open: Open,
    },
}

/// What the executors share that start iterations by the clock, whether or not others have ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    pub time_unit: Duration,
    pub spacing: Spacing,
    /// VUs that are hired at the start.
    pub pre_allocated_vus: u64,
    /// `None`: as many as [`Executor::peak_vus`] says.
    pub max_vus: Option<u64>,
}

/// Without `max_vus` there may be as many VUs as arrive at the highest rate in this time: a target that takes longer to answer is
/// not one whose slowness more VUs would tell better.
const DEFAULT_MAX_VUS_TIME: Duration = Duration::from_secs(10);
const FEWEST_MAX_VUS: u64 = 100;
const MOST_MAX_VUS: u64 = 50_000;

impl Open {
    /// `peak` is the highest rate.
    fn most_vus(&self, peak: u64) -> u64 {
        let arriving = u128::from(peak) * DEFAULT_MAX_VUS_TIME.as_nanos();
        let arriving = arriving.div_ceil(self.time_unit.as_nanos().max(1));
        let default = || u64::try_from(arriving).unwrap_or(u64::MAX).clamp(FEWEST_MAX_VUS, MOST_MAX_VUS);
        self.max_vus.unwrap_or_else(default)
    }
}

impl Executor {
    /// k6's name of it.
    pub fn name(&self) -> &'static str {
        match self {
            Executor::ConstantVus { .. } => "constant-vus",
            Executor::RampingVus { .. } => "ramping-vus",
            Executor::SharedIterations { .. } => "shared-iterations",
            Executor::PerVuIterations { .. } => "per-vu-iterations",
            Executor::ConstantArrivalRate { .. } => "constant-arrival-rate",
            Executor::RampingArrivalRate { .. } => "ramping-arrival-rate",
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
            Executor::ConstantArrivalRate { rate, open, .. } => open.most_vus(*rate),
            Executor::RampingArrivalRate { start_rate, stages, open } => {
                open.most_vus(stages.iter().map(|stage| stage.target).fold(*start_rate, u64::max))
            }
        }
    }

    /// When no iteration starts any more, at the latest; `graceful_stop` comes on top.
    pub fn duration(&self) -> Duration {
        match self {
            Executor::ConstantVus { duration, .. } | Executor::ConstantArrivalRate { duration, .. } => *duration,
            Executor::RampingVus { stages, .. } | Executor::RampingArrivalRate { stages, .. } => {
                stages.iter().map(|stage| stage.duration).sum()
            }
            Executor::SharedIterations { max_duration, .. } | Executor::PerVuIterations { max_duration, .. } => {
                *max_duration
            }
        }
    }

    /// How many iterations it runs before it is done, where it is that which ends it. Arrivals are no such number: they are due
    /// by the clock, and some may be dropped.
    pub fn iterations(&self) -> Option<u64> {
        match self {
            Executor::SharedIterations { iterations, .. } => Some(*iterations),
            Executor::PerVuIterations { vus, iterations, .. } => Some(vus.saturating_mul(*iterations)),
            Executor::ConstantVus { .. }
            | Executor::RampingVus { .. }
            | Executor::ConstantArrivalRate { .. }
            | Executor::RampingArrivalRate { .. } => None,
        }
    }

    /// When iterations are due, and on what terms; `None` where VUs start them one after the other.
    pub fn arrivals(&self) -> Option<(Arrivals, &Open)> {
        match self {
            Executor::ConstantArrivalRate { rate, duration, open } => {
                Some((Arrivals::constant(*rate, open.time_unit, *duration), open))
            }
            Executor::RampingArrivalRate { start_rate, stages, open } => {
                Some((Arrivals::ramping(*start_rate, stages, open.time_unit), open))
            }
            _ => None,
        }
    }

    /// The number of VUs over time; `None` where it follows from what arrives. Executors that count iterations hold theirs until
    /// they are done.
    pub fn ramp(&self) -> Option<Ramp> {
        Some(match self {
            Executor::RampingVus { start_vus, stages, graceful_ramp_down } => {
                Ramp::new(*start_vus, stages, *graceful_ramp_down)
            }
            Executor::ConstantVus { vus, duration }
            | Executor::SharedIterations { vus, max_duration: duration, .. }
            | Executor::PerVuIterations { vus, max_duration: duration, .. } => {
                Ramp::new(*vus, &[Stage { duration: *duration, target: *vus }], Duration::ZERO)
            }
            Executor::ConstantArrivalRate { .. } | Executor::RampingArrivalRate { .. } => return None,
        })
    }

    /// The stages of what has some.
    pub fn stages(&self) -> &[Stage] {
        match self {
            Executor::RampingVus { stages, .. } | Executor::RampingArrivalRate { stages, .. } => stages,
            _ => &[],
        }
    }

    /// The index of the stage at a time; the last one afterwards, 0 where there are none.
    pub fn stage_at(&self, at: Duration) -> u16 {
        let stages = self.stages();
        let mut end = Duration::ZERO;
        for (index, stage) in stages.iter().enumerate() {
            end += stage.duration;
            if at < end {
                return index as u16;
            }
        }
        stages.len().saturating_sub(1) as u16
    }

    /// What share `index` of `of` equal ones has to do; `None` where there are not enough VUs for it to have one.
    pub fn share(&self, index: u64, of: u64) -> Option<Share> {
        let of = of.min(self.peak_vus().max(1));
        (index < of).then_some(Share { index, of })
    }
}

/// One of `of` equal shares of a scenario: VU k, and arrival k, belong to share k mod `of`.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(rate: u64, time_unit: u64, max_vus: Option<u64>) -> Executor {
        let time_unit = Duration::from_secs(time_unit);
        let open = Open { time_unit, spacing: Spacing::Regular, pre_allocated_vus: 0, max_vus };
        Executor::ConstantArrivalRate { rate, duration: Duration::from_secs(60), open }
    }

    #[test]
    fn the_most_vus_of_arrivals_follow_the_rate_where_the_plan_does_not_say() {
        let table = [(1, 1, None, 100), (35, 2, None, 175), (1_000_000, 1, None, 50_000), (1_000, 1, Some(7), 7)];
        for (rate, time_unit, max_vus, expected) in table {
            assert_eq!(constant(rate, time_unit, max_vus).peak_vus(), expected, "{rate} per {time_unit} s");
        }
    }

    #[test]
    fn shares_of_vus_sum_up_and_none_is_empty() {
        for (max_vus, threads) in [(1, 4), (3, 2), (7, 3), (100, 8)] {
            let shares: Vec<Share> =
                (0..threads).filter_map(|index| constant(9, 1, Some(max_vus)).share(index, threads)).collect();
            let vus: Vec<usize> = shares.iter().map(|share| share.vus(max_vus).count()).collect();
            assert!(vus.iter().all(|vus| *vus > 0), "{vus:?}");
            assert_eq!(vus.iter().sum::<usize>() as u64, max_vus);
            assert!(shares.iter().all(|share| share.of == shares.len() as u64), "every arrival is somebody's");
        }
    }
}
