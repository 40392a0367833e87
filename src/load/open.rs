//! What the executors of arrivals have in common.

use std::time::Duration;

use super::{Rota, Spacing};

/// What the executors share that start iterations by the clock, whether or not others have ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    pub time_unit: Duration,
    pub spacing: Spacing,
    /// VUs that are hired at the start.
    pub pre_allocated_vus: u64,
    pub max_vus: MaxVus,
    /// Whose the arrivals are; `None`: all are the scenario's own.
    pub rota: Option<Rota>,
}

/// The most VUs of an arrival rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxVus {
    /// The plan says it.
    Given(u64),
    /// The default, which follows from the rate.
    ByRate(u64),
    /// By default there would be `wanted`, which is more than the machine allows.
    Cut { vus: u64, wanted: u64 },
}

/// By default there may be as many VUs as arrive at the highest rate in this time: a target that takes longer to answer is not one
/// whose slowness more VUs would tell better.
const DEFAULT_MAX_VUS_TIME: Duration = Duration::from_secs(10);
const FEWEST_MAX_VUS: u64 = 100;
const MOST_MAX_VUS: u64 = 50_000;

impl MaxVus {
    /// The default for a rate of which `peak` per `time_unit` is the highest.
    pub fn by_rate(peak: u64, time_unit: Duration) -> MaxVus {
        let arriving = u128::from(peak) * DEFAULT_MAX_VUS_TIME.as_nanos();
        let arriving = arriving.div_ceil(time_unit.as_nanos().max(1));
        MaxVus::ByRate(u64::try_from(arriving).unwrap_or(u64::MAX).clamp(FEWEST_MAX_VUS, MOST_MAX_VUS))
    }

    pub fn vus(self) -> u64 {
        match self {
            MaxVus::Given(vus) | MaxVus::ByRate(vus) | MaxVus::Cut { vus, .. } => vus,
        }
    }

    /// Whatever the machine allows.
    pub fn wanted(self) -> u64 {
        match self {
            MaxVus::Given(vus) | MaxVus::ByRate(vus) => vus,
            MaxVus::Cut { wanted, .. } => wanted,
        }
    }

    /// A default is cut to `limit`; what the plan says is never touched.
    pub fn within(self, limit: u64) -> MaxVus {
        match self {
            MaxVus::Given(vus) => MaxVus::Given(vus),
            MaxVus::ByRate(wanted) | MaxVus::Cut { wanted, .. } => match limit < wanted {
                true => MaxVus::Cut { vus: limit.max(1), wanted },
                false => MaxVus::ByRate(wanted),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_vus_of_arrivals_follow_the_rate_where_the_plan_does_not_say() {
        for (rate, time_unit, expected) in [(1, 1, 100), (35, 2, 175), (1_000_000, 1, 50_000)] {
            let most = MaxVus::by_rate(rate, Duration::from_secs(time_unit));
            assert_eq!(most, MaxVus::ByRate(expected), "{rate} per {time_unit} s");
        }
    }

    #[test]
    fn only_a_default_is_cut_and_a_cut_can_be_taken_back() {
        assert_eq!(MaxVus::Given(100).within(7), MaxVus::Given(100));
        let cut = MaxVus::ByRate(100).within(7);
        assert_eq!((cut, cut.vus(), cut.wanted()), (MaxVus::Cut { vus: 7, wanted: 100 }, 7, 100));
        assert_eq!((cut.within(0).vus(), cut.within(100)), (1, MaxVus::ByRate(100)));
    }
}
