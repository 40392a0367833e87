//! Stage 4: when: VU counts over time, totals and peaks, as pure arithmetic.
//!
//! Owns: the executors' specifications and their schedules in closed form.
//! Must never know: clocks, tasks, VUs as objects. All times are offsets from the scenario's start.

mod arrivals;
mod chart;
mod open;
mod ramp;

pub use arrivals::{Arrivals, Spacing};
pub use chart::{chart, chart_rate};
pub use open::{MaxVus, Open};
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
            Executor::ConstantArrivalRate { open, .. } | Executor::RampingArrivalRate { open, .. } => {
                open.max_vus.vus()
            }
        }
    }

    /// VUs that it has whatever happens: arrivals hire others only when they need them.
    pub fn sure_vus(&self) -> u64 {
        self.open().map_or_else(|| self.peak_vus(), |open| open.pre_allocated_vus)
    }

    /// VUs that the plan itself speaks of.
    pub fn meant_vus(&self) -> u64 {
        match self.open().map(|open| open.max_vus) {
            Some(MaxVus::ByRate(_) | MaxVus::Cut { .. }) => self.sure_vus(),
            Some(MaxVus::Given(_)) | None => self.peak_vus(),
        }
    }

    /// Numbers for VUs that are kept free for it, so that who is who does not depend on the machine.
    pub fn vu_numbers(&self) -> u64 {
        self.open().map_or_else(|| self.peak_vus(), |open| open.max_vus.wanted())
    }

    fn open(&self) -> Option<&Open> {
        match self {
            Executor::ConstantArrivalRate { open, .. } | Executor::RampingArrivalRate { open, .. } => Some(open),
            _ => None,
        }
    }

    /// See [`MaxVus::within`].
    pub fn cut_default_vus(&mut self, limit: u64) {
        if let Executor::ConstantArrivalRate { open, .. } | Executor::RampingArrivalRate { open, .. } = self {
            open.max_vus = open.max_vus.within(limit);
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

    /// As many as it starts if all goes well, where that is known; about as many where arrivals come at random.
    pub fn iterations_due(&self) -> Option<u64> {
        self.iterations().or_else(|| Some(self.arrivals()?.0.total()))
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

    fn constant(max_vus: u64) -> Executor {
        let (time_unit, spacing) = (Duration::from_secs(1), Spacing::Regular);
        let open = Open { time_unit, spacing, pre_allocated_vus: 0, max_vus: MaxVus::Given(max_vus) };
        Executor::ConstantArrivalRate { rate: 9, duration: Duration::from_secs(60), open }
    }

    #[test]
    fn shares_of_vus_sum_up_and_none_is_empty() {
        for (max_vus, threads) in [(1, 4), (3, 2), (7, 3), (100, 8)] {
            let shares: Vec<Share> = (0..threads).filter_map(|index| constant(max_vus).share(index, threads)).collect();
            let vus: Vec<usize> = shares.iter().map(|share| share.vus(max_vus).count()).collect();
            assert!(vus.iter().all(|vus| *vus > 0), "{vus:?}");
            assert_eq!(vus.iter().sum::<usize>() as u64, max_vus);
            assert!(shares.iter().all(|share| share.of == shares.len() as u64), "every arrival is somebody's");
        }
    }
}
