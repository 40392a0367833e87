//! Stage 4: when: VU counts over time, totals and peaks, as pure arithmetic.
//!
//! Owns: the executors' specifications and their schedules in closed form.
//! Must never know: clocks, tasks, VUs as objects. All times are offsets from the scenario's start.

mod chart;
mod crew;
mod ramp;
mod stages;

pub use chart::chart;
pub use crew::Crew;
pub use ramp::{Life, Ramp, Span};
pub use stages::{Part, Stage, Steps, with_levels};

use std::time::Duration;

/// The highest index that stages are told apart by; one more is free for what is in no stage.
const MOST_STAGES: usize = u16::MAX as usize - 1;

/// How a scenario makes load, with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum Executor {
    ConstantVus {
        vus: u64,
        duration: Duration,
    },
    RampingVus {
        start_vus: u64,
        stages: Vec<Part>,
        graceful_ramp_down: Duration,
        /// `None`: all VUs of the ramp are the scenario's own.
        crew: Option<Crew>,
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
            Executor::RampingVus { crew: Some(crew), .. } => crew.len(),
            Executor::RampingVus { start_vus, stages, .. } => {
                stages.iter().map(Part::target).fold(*start_vus, u64::max)
            }
        }
    }

    /// When no iteration starts any more, at the latest; `graceful_stop` comes on top.
    pub fn duration(&self) -> Duration {
        match self {
            Executor::ConstantVus { duration, .. } => *duration,
            Executor::RampingVus { start_vus, stages, .. } => stages::length(*start_vus, stages),
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
            Executor::RampingVus { start_vus, stages, graceful_ramp_down, crew } => {
                let lines = stages::lines(*start_vus, stages);
                Ramp::new(*start_vus, &lines, *graceful_ramp_down).of(crew.clone())
            }
            Executor::ConstantVus { vus, duration }
            | Executor::SharedIterations { vus, max_duration: duration, .. }
            | Executor::PerVuIterations { vus, max_duration: duration, .. } => {
                Ramp::new(*vus, &[Stage { duration: *duration, target: *vus }], Duration::ZERO)
            }
        }
    }

    /// The index of the plan's stage at a time; the last one afterwards, 0 where there are none.
    pub fn stage_at(&self, at: Duration) -> u16 {
        let Executor::RampingVus { start_vus, stages, .. } = self else { return 0 };
        let mut end = Duration::ZERO;
        for (index, (from, part)) in with_levels(*start_vus, stages).enumerate() {
            end = end.saturating_add(part.duration(from));
            if at < end {
                return index.min(MOST_STAGES) as u16;
            }
        }
        stages.len().saturating_sub(1).min(MOST_STAGES) as u16
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(value: u64) -> Duration {
        Duration::from_secs(value)
    }

    #[test]
    fn stages_are_counted_as_the_plan_writes_them() {
        let steps = Steps { add: 10, every: seconds(5), until: 30, hold: Some(seconds(10)) };
        let line = Stage { duration: seconds(10), target: 0 };
        let stages = vec![Part::Steps(steps), Part::Line(line)];
        let executor = Executor::RampingVus { start_vus: 0, stages, graceful_ramp_down: Duration::ZERO, crew: None };
        assert_eq!((executor.duration(), executor.peak_vus()), (seconds(30), 30));
        let stages = [0, 5, 19, 20, 29, 40].map(|at| executor.stage_at(seconds(at)));
        assert_eq!(stages, [0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn crews_of_one_ramp_come_to_the_whole_at_every_moment() {
        let stages = [(10, 100), (5, 100), (10, 7)];
        let stages = stages.map(|(duration, target)| Part::Line(Stage { duration: seconds(duration), target }));
        let of = |crew| Executor::RampingVus {
            start_vus: 3,
            stages: stages.to_vec(),
            graceful_ramp_down: Duration::ZERO,
            crew,
        };
        let whole = of(None).ramp();
        let crews: Vec<Ramp> = Crew::deal(&[5, 3, 1], 100).into_iter().map(|crew| of(Some(crew)).ramp()).collect();
        for milli in 0..25_000 {
            let at = Duration::from_millis(milli);
            assert_eq!(crews.iter().map(|ramp| ramp.vus_at(at)).sum::<u64>(), whole.vus_at(at), "at {milli} ms");
        }
        let spans: usize = crews.iter().flat_map(|ramp| (0..100).map(|vu| ramp.life(vu).spans.len())).sum();
        assert_eq!(spans, (0..100).map(|vu| whole.life(vu).spans.len()).sum::<usize>());
    }
}
