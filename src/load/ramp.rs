//! VU counts that move linearly between stages, as k6's `ramping-vus` does it.
//!
//! Going up, the count becomes n at the instant when the line reaches n; going down, it becomes n when the line reaches n. So VU
//! k (from 0) is active exactly while the count is above k, and its life can be computed without stepping through anybody else's.

use std::time::Duration;

use super::{Crew, Stage};

/// The line of VUs over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Ramp {
    legs: Vec<Leg>,
    graceful_ramp_down: Duration,
    /// Those of the line's VUs that count and live here; all where it is `None`.
    crew: Option<Crew>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Leg {
    start: Duration,
    end: Duration,
    from: u64,
    to: u64,
}

/// When a VU starts iterations: from `start` up to, not including, `stop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: Duration,
    pub stop: Duration,
    /// When an iteration that began in this span is cut off; `None` where the VU goes on before that, or the scenario ends with it. A
    /// line that falls to 0 in the end takes its last VUs away, too, as in k6: theirs is the shorter of both graces.
    pub cut: Option<Duration>,
}

/// All spans of one VU, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    pub spans: Vec<Span>,
}

impl Ramp {
    pub fn new(start_vus: u64, stages: &[Stage], graceful_ramp_down: Duration) -> Ramp {
        let mut legs = Vec::with_capacity(stages.len());
        let (mut at, mut from) = (Duration::ZERO, start_vus);
        for stage in stages {
            legs.push(Leg { start: at, end: at + stage.duration, from, to: stage.target });
            at += stage.duration;
            from = stage.target;
        }
        Ramp { legs, graceful_ramp_down, crew: None }
    }

    /// The same line, of which only these VUs count.
    pub fn of(self, crew: Option<Crew>) -> Ramp {
        Ramp { crew, ..self }
    }

    pub fn duration(&self) -> Duration {
        self.legs.last().map_or(Duration::ZERO, |leg| leg.end)
    }

    /// VUs that are active at a time; none from the end on.
    pub fn vus_at(&self, at: Duration) -> u64 {
        let count = self.legs.iter().find(|leg| at < leg.end).map_or(0, |leg| leg.count(at - leg.start));
        self.crew.as_ref().map_or(count, |crew| crew.among(count))
    }

    /// When VU `vu` (from 0) is active; empty where it never is.
    pub fn life(&self, vu: u64) -> Life {
        let number = self.crew.as_ref().map_or(Some(vu), |crew| crew.number(vu));
        let Some(vu) = number else { return Life { spans: Vec::new() } };
        let mut spans: Vec<Span> = Vec::new();
        let mut open = self.legs.first().filter(|leg| leg.from > vu).map(|leg| leg.start);
        for leg in &self.legs {
            match open {
                None if leg.to > vu => open = Some(leg.reaches(vu + 1)),
                Some(start) if leg.to <= vu && leg.from > vu => {
                    let stop = leg.reaches(vu);
                    spans.push(Span { start, stop, cut: Some(stop + self.graceful_ramp_down) });
                    open = None;
                }
                _ => {}
            }
        }
        let end = self.duration();
        if let Some(start) = open.filter(|start| *start < end) {
            spans.push(Span { start, stop: end, cut: None });
        }
        spans.retain(|span| span.start < span.stop);
        keep_needed_cuts(&mut spans);
        Life { spans }
    }
}

/// An iteration may outlast its span by the grace of a ramp-down, unless the VU is wanted again by then.
fn keep_needed_cuts(spans: &mut [Span]) {
    for index in 0..spans.len() {
        let next = spans.get(index + 1).map(|next| next.start);
        spans[index].cut = spans[index].cut.filter(|cut| next.is_none_or(|next| next > *cut));
    }
}

impl Leg {
    fn steps(&self) -> u64 {
        self.from.abs_diff(self.to)
    }

    /// The count after `elapsed` of this leg: the line, rounded towards where it came from.
    fn count(&self, elapsed: Duration) -> u64 {
        let length = (self.end - self.start).as_nanos().max(1);
        let moved = (elapsed.as_nanos() * u128::from(self.steps()) / length) as u64;
        if self.to >= self.from { self.from + moved } else { self.from - moved }
    }

    /// The instant at which the line is at `vus`, which lies between its ends.
    fn reaches(&self, vus: u64) -> Duration {
        let length = (self.end - self.start).as_nanos();
        let moved = u128::from(self.from.abs_diff(vus));
        // Rounded up, so that the count at that instant is already there.
        let nanos = (length * moved).div_ceil(u128::from(self.steps().max(1)));
        self.start + Duration::new((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(value: f64) -> Duration {
        Duration::from_secs_f64(value)
    }

    fn ramp(start: u64, stages: &[(f64, u64)]) -> Ramp {
        let stages: Vec<Stage> =
            stages.iter().map(|(duration, target)| Stage { duration: seconds(*duration), target: *target }).collect();
        Ramp::new(start, &stages, seconds(30.0))
    }

    fn spans(ramp: &Ramp, vu: u64) -> Vec<(f64, f64)> {
        ramp.life(vu).spans.iter().map(|span| (span.start.as_secs_f64(), span.stop.as_secs_f64())).collect()
    }

    #[test]
    fn a_vu_lives_while_the_line_is_above_it() {
        // The example of k6's documentation: 5 → 10 over 5 s, hold, down to 0 over 5 s.
        let up_and_down = ramp(5, &[(5.0, 10), (5.0, 10), (5.0, 0)]);
        let table: [(u64, Vec<(f64, f64)>); 5] = [
            (0, vec![(0.0, 15.0)]),
            (4, vec![(0.0, 13.0)]),
            (5, vec![(1.0, 12.5)]),
            (9, vec![(5.0, 10.5)]),
            (10, vec![]),
        ];
        for (vu, expected) in table {
            assert_eq!(spans(&up_and_down, vu), expected, "vu {vu}");
        }
    }

    #[test]
    fn a_stage_of_no_length_jumps() {
        let jump = ramp(0, &[(0.0, 3), (2.0, 3), (0.0, 1), (2.0, 1)]);
        assert_eq!(spans(&jump, 0), vec![(0.0, 4.0)]);
        assert_eq!(spans(&jump, 2), vec![(0.0, 2.0)]);
    }

    #[test]
    fn a_vu_that_is_wanted_again_soon_is_not_cut_off() {
        let saw = ramp(2, &[(10.0, 0), (10.0, 2), (80.0, 2), (10.0, 0), (60.0, 0)]);
        let life = saw.life(1);
        let cuts: Vec<Option<Duration>> = life.spans.iter().map(|span| span.cut).collect();
        assert_eq!(cuts, vec![None, Some(seconds(135.0))], "{life:?}");
    }

    #[test]
    fn counting_by_time_and_by_lives_agree_at_every_millisecond() {
        let shapes: [(u64, &[(f64, u64)]); 4] = [
            (1, &[(3.0, 10), (1.0, 10), (2.0, 3), (0.0, 7), (1.0, 0)]),
            (0, &[(0.7, 7), (0.3, 0)]),
            (9, &[(1.0, 2), (1.0, 8)]),
            (3, &[(1.0, 3)]),
        ];
        for (start, stages) in shapes {
            let ramp = ramp(start, stages);
            let lives: Vec<Life> = (0..12).map(|vu| ramp.life(vu)).collect();
            for milli in 0..ramp.duration().as_millis() as u64 {
                let at = Duration::from_millis(milli);
                let alive = lives.iter().filter(|life| life.spans.iter().any(|s| s.start <= at && at < s.stop));
                assert_eq!(alive.count() as u64, ramp.vus_at(at), "{stages:?} at {milli} ms");
            }
        }
    }

    #[test]
    fn first_starts_rise_with_the_number_of_the_vu() {
        let ramp = ramp(2, &[(1.0, 50), (1.0, 10), (3.0, 90)]);
        let starts: Vec<Duration> = (0..89).map(|vu| ramp.life(vu).spans[0].start).collect();
        assert!(starts.is_sorted(), "{starts:?}");
    }
}
