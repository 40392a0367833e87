//! `stages` as the plan writes them, and the lines that they come to.

use std::time::Duration;

/// Part of a ramp: the number of VUs, or the rate of arrivals, moves linearly to `target`, which it has at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    pub duration: Duration,
    pub target: u64,
}

/// One entry of `stages`. Samples are told apart by the index of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Line(Stage),
    Steps(Steps),
}

/// Part of a ramp: the number of VUs, or the rate, jumps by `add` at once and after every `every`, until it is `until`. Each level is held for
/// `every`, the last one for `hold` where that is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// By how many the number changes; it goes down where `until` is below the level before.
    pub add: u64,
    pub every: Duration,
    pub until: u64,
    pub hold: Option<Duration>,
}

impl Part {
    /// The number of VUs, or the rate, at its end.
    pub fn target(&self) -> u64 {
        match self {
            Part::Line(stage) => stage.target,
            Part::Steps(steps) => steps.until,
        }
    }

    /// How long it takes from a level.
    pub fn duration(&self, from: u64) -> Duration {
        match self {
            Part::Line(stage) => stage.duration,
            Part::Steps(steps) => {
                let rising = u32::try_from(steps.jumps(from).saturating_sub(1)).unwrap_or(u32::MAX);
                steps.every.saturating_mul(rising).saturating_add(steps.last())
            }
        }
    }

    /// The lines that it is made of; those of no length are jumps.
    fn lines(&self, from: u64) -> Vec<Stage> {
        match self {
            Part::Line(stage) => vec![*stage],
            Part::Steps(steps) => steps.lines(from),
        }
    }
}

impl Steps {
    /// More of them no plan may have.
    pub const MOST: u64 = 10_000;

    /// How many there are from a level.
    pub fn jumps(&self, from: u64) -> u64 {
        from.abs_diff(self.until).div_ceil(self.add.max(1))
    }

    fn last(&self) -> Duration {
        self.hold.unwrap_or(self.every)
    }

    fn lines(&self, from: u64) -> Vec<Stage> {
        let jumps = self.jumps(from).min(Steps::MOST);
        let level = |jump: u64| {
            let moved = jump.saturating_mul(self.add).min(from.abs_diff(self.until));
            if self.until >= from { from + moved } else { from - moved }
        };
        let lines = (1..=jumps).flat_map(|jump| {
            let held = if jump == jumps { self.last() } else { self.every };
            [Duration::ZERO, held].map(|duration| Stage { duration, target: level(jump) })
        });
        lines.collect()
    }
}

/// Every part with the level at which it begins.
pub fn with_levels(start: u64, parts: &[Part]) -> impl Iterator<Item = (u64, &Part)> {
    parts.iter().scan(start, |level, part| Some((std::mem::replace(level, part.target()), part)))
}

/// The lines of all parts.
pub(super) fn lines(start: u64, parts: &[Part]) -> Vec<Stage> {
    with_levels(start, parts).flat_map(|(from, part)| part.lines(from)).collect()
}

/// How long all parts take together.
pub(super) fn length(start: u64, parts: &[Part]) -> Duration {
    with_levels(start, parts).fold(Duration::ZERO, |sum, (from, part)| sum.saturating_add(part.duration(from)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Ramp;

    fn seconds(value: u64) -> Duration {
        Duration::from_secs(value)
    }

    fn steps(add: u64, every: u64, until: u64, hold: Option<u64>) -> Part {
        Part::Steps(Steps { add, every: seconds(every), until, hold: hold.map(seconds) })
    }

    /// The number of VUs in the middle of each second.
    fn levels(start: u64, parts: &[Part]) -> Vec<u64> {
        let ramp = Ramp::new(start, &lines(start, parts), Duration::ZERO);
        assert_eq!(ramp.duration(), length(start, parts));
        (0..ramp.duration().as_secs()).map(|second| ramp.vus_at(Duration::from_millis(second * 1000 + 500))).collect()
    }

    #[test]
    fn steps_jump_at_once_and_the_last_level_is_held() {
        let check = |start: u64, parts: &[Part], expected: &[u64]| {
            assert_eq!(levels(start, parts), expected, "{parts:?} from {start}");
        };
        check(0, &[steps(10, 2, 30, Some(4))], &[10, 10, 20, 20, 30, 30, 30, 30]);
        check(0, &[steps(10, 2, 30, None)], &[10, 10, 20, 20, 30, 30]);
        // The last jump is as large as what is left.
        check(1, &[steps(10, 1, 25, Some(1))], &[11, 21, 25]);
        check(25, &[steps(10, 1, 0, Some(2))], &[15, 5, 0, 0]);
        check(0, &[steps(5, 1, 5, Some(2))], &[5, 5]);
        let line = Part::Line(Stage { duration: seconds(2), target: 2 });
        check(0, &[steps(4, 1, 8, None), line, steps(1, 1, 4, None)], &[4, 8, 7, 4, 3, 4]);
    }
}
