//! Arrivals over time, as k6's arrival-rate executors define them: when the k-th iteration is due, in closed form.
//!
//! The rate is a straight line in every leg, and the number of arrivals until a moment is the area under it. Areas are whole
//! numbers that sum up without loss, so nothing drifts however long a plan is; only the way within one ramp goes through a root.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::{Rota, Share, Stage};

const NANOS: f64 = 1e9;

/// How arrivals are spread over the area under the rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spacing {
    /// As far apart as the rate says.
    #[default]
    Regular,
    /// At random, independent of each other, with the rate as their mean: how users come who know nothing of each other.
    Poisson,
}

/// When iterations are due. Times are offsets from the scenario's start.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    legs: Vec<Leg>,
    /// The area of all legs, doubled as all areas are, so that a ramp's is whole: nanoseconds × (rate at its start + rate at its end).
    area: u128,
    /// The area between two arrivals.
    step: u128,
    time_unit: Duration,
    /// Steps before the first arrival: a constant rate begins with one, a ramp has to grow up to it.
    first: u64,
    /// Of all these arrivals the ones that count here; all where it is `None`.
    rota: Option<Rota>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Leg {
    start: Duration,
    length: Duration,
    from: u64,
    to: u64,
    /// Of the legs before it.
    area: u128,
}

impl Arrivals {
    /// `rate` per `time_unit`, the first one at once.
    pub fn constant(rate: u64, time_unit: Duration, duration: Duration) -> Arrivals {
        Arrivals { first: 0, ..Arrivals::ramping(rate, &[Stage { duration, target: rate }], time_unit) }
    }

    /// Targets are rates per `time_unit`. The first arrival is due when the area has grown to one.
    pub fn ramping(start_rate: u64, stages: &[Stage], time_unit: Duration) -> Arrivals {
        let (mut start, mut from, mut area) = (Duration::ZERO, start_rate, 0);
        let mut legs = Vec::with_capacity(stages.len());
        for stage in stages {
            let leg = Leg { start, length: stage.duration, from, to: stage.target, area };
            legs.push(leg);
            area = leg.own_area().saturating_add(area);
            start = stage.duration.saturating_add(start);
            from = stage.target;
        }
        Arrivals { legs, area, step: 2 * time_unit.as_nanos().max(1), time_unit, first: 1, rota: None }
    }

    /// The same schedule, of which only these count.
    pub fn of(self, rota: Option<Rota>) -> Arrivals {
        Arrivals { rota, ..self }
    }

    /// How many there are; with random spacing, how many there are in the mean.
    pub fn total(&self) -> u64 {
        let steps = match self.first {
            0 => self.area.div_ceil(self.step),
            _ => self.area / self.step,
        };
        let all = u64::try_from(steps).unwrap_or(u64::MAX);
        self.rota.as_ref().map_or(all, |rota| rota.among(all))
    }

    /// When arrival `k` (from 0) is due with regular spacing; the end for all that no longer come.
    pub fn due(&self, k: u64) -> Duration {
        let k = self.rota.as_ref().map_or(k, |rota| rota.number(k));
        self.at(u128::from(k).saturating_add(u128::from(self.first)).saturating_mul(self.step))
    }

    /// What falls to one share, in order: every `of`-th arrival. The random ones are the same for any number of shares.
    pub fn of_share(&self, spacing: Spacing, seed: u64, share: Share) -> Box<dyn Iterator<Item = Duration> + '_> {
        let (skip, step) = (usize::try_from(share.index).unwrap_or(usize::MAX), share.of.max(1) as usize);
        match spacing {
            Spacing::Regular => Box::new((share.index..self.total()).step_by(step).map(|k| self.due(k))),
            Spacing::Poisson => {
                let is_own = |k: u64| self.rota.as_ref().is_none_or(|rota| rota.has(k));
                let own = (0..).zip(self.poisson(seed)).filter(move |(k, _)| is_own(*k)).map(|(_, due)| due);
                Box::new(own.skip(skip).step_by(step))
            }
        }
    }

    /// Sums of unit-rate exponential gaps, mapped through the inverse of the area: a Poisson process of any rate.
    fn poisson(&self, seed: u64) -> impl Iterator<Item = Duration> + '_ {
        let mut random = SmallRng::seed_from_u64(seed);
        let (mut area, mut rest) = (0u128, 0.0);
        std::iter::from_fn(move || {
            let gap = -(1.0 - random.random::<f64>()).ln() * self.step as f64 + rest;
            // What is lost by rounding is carried on.
            rest = gap.fract();
            area = area.saturating_add(gap as u128);
            (area < self.area).then(|| self.at(area))
        })
    }

    /// Arrivals per second at a time; 0 from the end on.
    pub fn rate_at(&self, at: Duration) -> f64 {
        let leg = self.legs.iter().find(|leg| at < leg.start + leg.length);
        leg.map_or(0.0, |leg| leg.rate(at - leg.start) / self.time_unit.as_secs_f64() * self.part())
    }

    /// The highest rate, per second.
    pub fn peak(&self) -> f64 {
        let highest = self.legs.iter().filter(|leg| !leg.length.is_zero()).map(|leg| leg.from.max(leg.to)).max();
        highest.unwrap_or(0) as f64 / self.time_unit.as_secs_f64() * self.part()
    }

    fn part(&self) -> f64 {
        self.rota.as_ref().map_or(1.0, Rota::part)
    }

    pub fn duration(&self) -> Duration {
        self.legs.last().map_or(Duration::ZERO, |leg| leg.start + leg.length)
    }

    /// When the area under the rate has grown to `area`.
    fn at(&self, area: u128) -> Duration {
        // An arrival on the border of two legs is the earlier one's: the rate may be 0 behind it.
        let after = self.legs.partition_point(|leg| leg.area < area);
        self.legs.get(after.saturating_sub(1)).map_or(Duration::ZERO, |leg| leg.start + leg.reaches(area - leg.area))
    }
}

impl Leg {
    fn own_area(&self) -> u128 {
        self.length.as_nanos().saturating_mul(u128::from(self.from) + u128::from(self.to))
    }

    /// Per time unit, after `elapsed` of this leg.
    fn rate(&self, elapsed: Duration) -> f64 {
        let part = elapsed.as_secs_f64() / self.length.as_secs_f64();
        self.from as f64 + (self.to as f64 - self.from as f64) * part
    }

    /// How far into the leg its own area is `within`: `x` of `2·from·x + slope·x² = within`, in the form that also holds where
    /// `slope` or `from` is next to nothing.
    fn reaches(&self, within: u128) -> Duration {
        if within >= self.own_area() {
            return self.length;
        }
        let nanos = match self.from == self.to {
            true => within / (2 * u128::from(self.from)),
            false => {
                let (from, within) = (self.from as f64, within as f64);
                let slope = (self.to as f64 - from) / (self.length.as_secs_f64() * NANOS);
                let root = (from * from + slope * within).max(0.0).sqrt();
                (within / (from + root)).round() as u128
            }
        };
        // A leg is no longer than a year: 64 bits of nanoseconds hold it.
        Duration::from_nanos(nanos as u64).min(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(value: f64) -> Duration {
        Duration::from_secs_f64(value)
    }

    fn ramp(start_rate: u64, stages: &[(f64, u64)]) -> Arrivals {
        let stages: Vec<Stage> =
            stages.iter().map(|(duration, target)| Stage { duration: seconds(*duration), target: *target }).collect();
        Arrivals::ramping(start_rate, &stages, seconds(1.0))
    }

    fn all(arrivals: &Arrivals) -> Vec<Duration> {
        (0..arrivals.total()).map(|k| arrivals.due(k)).collect()
    }

    #[test]
    fn a_constant_rate_starts_at_once_and_keeps_its_distance() {
        let table = [
            ((10, 1.0, 1.0), 10, vec![0.0, 0.1, 0.2]),
            ((1, 1.0, 2.5), 3, vec![0.0, 1.0, 2.0]),
            ((30, 60.0, 10.0), 5, vec![0.0, 2.0, 4.0, 6.0, 8.0]),
            ((1, 3600.0, 1.0), 1, vec![0.0]),
        ];
        for ((rate, unit, duration), total, first) in table {
            let arrivals = Arrivals::constant(rate, seconds(unit), seconds(duration));
            assert_eq!(arrivals.total(), total, "{rate} per {unit} s for {duration} s");
            let due: Vec<f64> = (0..first.len() as u64).map(|k| arrivals.due(k).as_secs_f64()).collect();
            assert_eq!(due, first, "{rate} per {unit} s");
        }
    }

    /// The vectors of k6's own tests of `ramping-arrival-rate`, rounded there to the millisecond and here, too.
    #[test]
    fn a_ramp_has_its_arrivals_where_k6_has_them() {
        type Row = (u64, &'static [(f64, u64)], Vec<u64>);
        let table: [Row; 5] = [
            // The area of a line from 0 by 1/s² is t²/2.
            (0, &[(5.0, 5)], (1..=12).map(|k| (2e6 * f64::from(k)).sqrt().round() as u64).collect()),
            (1, &[(5.0, 1)], vec![1000, 2000, 3000, 4000, 5000]),
            (5, &[(5.0, 0)], (1..=12).map(|k| (5000.0 - (25e6 - 2e6 * f64::from(k)).sqrt()).round() as u64).collect()),
            // Up to the border exactly, nothing in the pause, on behind it.
            (2, &[(1.0, 2), (3.0, 0), (0.0, 2), (1.0, 2)], vec![500, 1000, 1551, 2268, 4000, 4500, 5000]),
            (0, &[(0.0, 10), (0.5, 10)], vec![100, 200, 300, 400, 500]),
        ];
        for (start_rate, stages, expected) in table {
            let arrivals = ramp(start_rate, stages);
            let due: Vec<u64> = all(&arrivals).iter().map(|at| (at.as_secs_f64() * 1e3).round() as u64).collect();
            assert_eq!(due, expected, "from {start_rate}: {stages:?}");
        }
    }

    #[test]
    fn every_stage_has_as_many_arrivals_as_the_area_under_it() {
        let shapes: [(u64, &[(f64, u64)]); 4] = [
            (0, &[(10.0, 100), (10.0, 100), (5.0, 20), (0.0, 50), (7.0, 50), (3.0, 0)]),
            (7, &[(1.0, 9), (2.0, 0), (4.0, 0), (2.0, 1000)]),
            (1000, &[(60.0, 10)]),
            (3, &[(0.4, 3)]),
        ];
        for (start_rate, stages) in shapes {
            let arrivals = ramp(start_rate, stages);
            let due = all(&arrivals);
            assert!(due.is_sorted(), "{stages:?}");
            let (mut at, mut from, mut area) = (0.0, start_rate as f64, 0.0);
            for (length, target) in stages {
                at += length;
                area += length * (from + *target as f64) / 2.0;
                from = *target as f64;
                // Half a nanosecond for the rounding of an arrival on the border.
                let until = due.iter().filter(|due| due.as_secs_f64() <= at + 5e-10).count();
                assert_eq!(until as f64, area.floor(), "{stages:?} until {at} s");
            }
            assert_eq!(due.len() as u64, arrivals.total());
        }
    }

    #[test]
    fn nothing_drifts_in_a_month() {
        let month = Duration::from_secs(30 * 24 * 3600);
        // 7 per second is no whole number of nanoseconds.
        let constant = Arrivals::constant(7, seconds(1.0), month);
        for second in [1, 3600, month.as_secs() - 1] {
            assert_eq!(constant.due(7 * second), Duration::from_secs(second));
        }
        assert_eq!(constant.total(), 7 * month.as_secs());
        let stages = [(0, 1000), (month.as_secs(), 1000), (3600, 3000), (3600, 0)]
            .map(|(length, target)| Stage { duration: Duration::from_secs(length), target });
        let ramping = Arrivals::ramping(0, &stages, seconds(1.0));
        let level = 1000 * month.as_secs();
        assert_eq!(ramping.due(level - 1), month);
        assert_eq!(ramping.total(), level + 2000 * 3600 + 1500 * 3600);
        let half_up = ramping.due(level + 1500 * 1800 - 1).as_secs_f64() - month.as_secs_f64();
        assert!((half_up - 1800.0).abs() < 1e-6, "{half_up}");
        assert_eq!(ramping.due(u64::MAX), ramping.duration());
    }

    #[test]
    fn shares_take_turns_and_leave_nothing_out() {
        let arrivals = ramp(3, &[(5.0, 40), (2.0, 0)]);
        for spacing in [Spacing::Regular, Spacing::Poisson] {
            let take = |of: u64| {
                let shares =
                    (0..of).map(|index| arrivals.of_share(spacing, 9, Share { index, of }).collect::<Vec<_>>());
                shares.collect::<Vec<_>>()
            };
            let alone = &take(1)[0];
            let three = take(3);
            for (k, due) in alone.iter().enumerate() {
                assert_eq!(three[k % 3][k / 3], *due, "{spacing:?} {k}");
            }
            assert_eq!(three.iter().map(Vec::len).sum::<usize>(), alone.len());
        }
    }

    #[test]
    fn scenarios_that_share_a_rate_have_every_arrival_once_and_in_exact_parts() {
        let weights = [5, 3, 2];
        let whole = ramp(3, &[(5.0, 40), (2.0, 0)]);
        let one = Share { index: 0, of: 1 };
        for spacing in [Spacing::Regular, Spacing::Poisson] {
            let all: Vec<Duration> = whole.of_share(spacing, 9, one).collect();
            let parts: Vec<Vec<Duration>> = Rota::deal(&weights)
                .into_iter()
                .map(|rota| whole.clone().of(Some(rota)))
                .inspect(|part| {
                    assert!(
                        spacing == Spacing::Poisson || part.total() as usize == part.of_share(spacing, 9, one).count()
                    )
                })
                .map(|part| part.of_share(spacing, 9, one).collect())
                .collect();
            let mut together = parts.concat();
            together.sort_unstable();
            assert_eq!(together, all, "{spacing:?}");
            for until in &all {
                let before = |dues: &[Duration]| dues.iter().filter(|due| *due <= until).count() as f64;
                for (part, weight) in parts.iter().zip(weights) {
                    let off = before(part) - before(&all) * weight as f64 / 10.0;
                    assert!(off.abs() < 1.0, "{spacing:?} {weight} of 10, until {until:?}: off by {off}");
                }
            }
        }
        let halves = Rota::deal(&[1, 1]).into_iter().map(|rota| whole.clone().of(Some(rota)));
        let rates: Vec<(f64, f64)> = halves.map(|half| (half.peak(), half.rate_at(seconds(0.0)))).collect();
        assert_eq!(rates, [(20.0, 1.5), (20.0, 1.5)]);
    }

    #[test]
    fn poisson_arrivals_have_exponential_gaps_around_the_rate() {
        let seeds = [1, 2, 3];
        for seed in seeds {
            let constant = Arrivals::constant(100, seconds(1.0), seconds(100.0));
            let due: Vec<f64> = constant.poisson(seed).map(|at| at.as_secs_f64()).collect();
            assert!(due.is_sorted() && (due.len() as f64 - 10_000.0).abs() < 4.0 * 100.0, "{}", due.len());
            let gaps = due.windows(2).map(|pair| (pair[1] - pair[0]) * 100.0);
            assert_fits(gaps.collect(), |gap| 1.0 - (-gap).exp(), "gaps");
            // Within a ramp they are spread as the area under it is: t²/T² of a line from 0.
            let up = ramp(0, &[(100.0, 200)]);
            let due: Vec<f64> = up.poisson(seed).map(|at| at.as_secs_f64()).collect();
            assert_fits(due, |at| (at / 100.0).powi(2), "ramp");
        }
    }

    /// Kolmogorov–Smirnov at a level of one in a thousand.
    fn assert_fits(mut samples: Vec<f64>, distribution: impl Fn(f64) -> f64, what: &str) {
        samples.sort_by(f64::total_cmp);
        let count = samples.len() as f64;
        let off = |(index, sample): (usize, &f64)| {
            let expected = distribution(*sample);
            (expected - index as f64 / count).abs().max(((index + 1) as f64 / count - expected).abs())
        };
        let worst = samples.iter().enumerate().map(off).fold(0.0, f64::max);
        assert!(worst < 1.95 / count.sqrt(), "{what}: off by {worst} with {count} samples");
    }

    #[test]
    fn the_rate_at_a_time_is_per_second() {
        let arrivals = Arrivals::ramping(0, &[Stage { duration: seconds(10.0), target: 600 }], seconds(60.0));
        let rates = [0.0, 5.0, 10.0].map(|at| arrivals.rate_at(seconds(at)));
        assert_eq!((rates, arrivals.peak()), ([0.0, 5.0, 0.0], 10.0));
    }
}
