//! Distributions of whole numbers with three significant digits, in memory that does not grow with the number of samples.
//!
//! The buckets are those of an HDR histogram with 3 digits (2,048 values exact, then 1,024 buckets for every doubling), so that
//! they convert to its file format without loss. Two shapes share them: [`Samples`] is dense and quick to write to, one per series
//! of an interval; [`Distribution`] is sparse and holds a whole run, since a plan with many stages has thousands of series and
//! each uses few buckets.

/// The largest value that is told apart: 2^42 − 1 µs, 50 days. What is larger counts as this.
const TOP: u64 = (1 << 42) - 1;

/// The bucket that a value falls into.
fn bucket_of(value: u64) -> usize {
    let shift = 53u32.saturating_sub(value.leading_zeros());
    ((shift as usize) << 10) + (value >> shift) as usize
}

/// The largest value that falls into a bucket; at most 0.1 % above the smallest.
fn highest_of(bucket: u32) -> u64 {
    let shift = (bucket >> 10).saturating_sub(1);
    let digits = u64::from(bucket - (shift << 10));
    ((digits + 1) << shift) - 1
}

/// What one series saw in one interval.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    count: u64,
    sum: u64,
    max: u64,
    /// The smallest value but zero; meaningless until a bucket is in use.
    floor: u64,
    /// Kept apart, so that the phases of a reused connection cost no buckets.
    zeros: u64,
    /// Empty until the first value that is not zero.
    buckets: Vec<u32>,
}

impl Samples {
    pub fn record(&mut self, value: u64) {
        let value = value.min(TOP);
        self.count += 1;
        if value == 0 {
            self.zeros += 1;
            return;
        }
        self.floor = if self.count - 1 == self.zeros { value } else { self.floor.min(value) };
        self.max = self.max.max(value);
        self.sum = self.sum.saturating_add(value);
        let bucket = bucket_of(value);
        if bucket >= self.buckets.len() {
            // One doubling at a time: a fast target never pays for the range of a slow one.
            self.buckets.resize((bucket | 1023) + 1, 0);
        }
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
    }

    /// Empties only the buckets in use, and keeps the memory.
    pub fn clear(&mut self) {
        let used = self.used();
        self.buckets[used].fill(0);
        let buckets = std::mem::take(&mut self.buckets);
        *self = Samples { buckets, ..Samples::default() };
    }

    fn used(&self) -> std::ops::Range<usize> {
        if self.count == self.zeros { 0..0 } else { bucket_of(self.floor)..bucket_of(self.max) + 1 }
    }

    /// Buckets in use with their counts, ascending.
    fn filled(&self) -> impl Iterator<Item = (u32, u64)> {
        let used = self.used();
        let first = used.start;
        let zeros = (self.zeros > 0).then_some((0, self.zeros));
        let rest = self.buckets[used].iter().enumerate().filter(|(_, count)| **count > 0);
        zeros.into_iter().chain(rest.map(move |(offset, count)| ((first + offset) as u32, u64::from(*count))))
    }
}

/// What any number of series saw over any time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Distribution {
    pub count: u64,
    pub sum: u64,
    pub min: u64,
    pub max: u64,
    /// Bucket and count, ascending.
    buckets: Vec<(u32, u64)>,
}

impl Distribution {
    pub fn absorb(&mut self, samples: &Samples) {
        let min = if samples.zeros > 0 { 0 } else { samples.floor };
        self.widen(samples.count, samples.sum, min, samples.max);
        self.add(samples.filled());
    }

    pub fn merge(&mut self, other: &Distribution) {
        self.widen(other.count, other.sum, other.min, other.max);
        self.add(other.buckets.iter().copied());
    }

    /// Forgets everything but the memory.
    pub fn clear(&mut self) {
        self.buckets.clear();
        let buckets = std::mem::take(&mut self.buckets);
        *self = Distribution { buckets, ..Distribution::default() };
    }

    fn widen(&mut self, count: u64, sum: u64, min: u64, max: u64) {
        if count == 0 {
            return;
        }
        self.min = if self.count == 0 { min } else { self.min.min(min) };
        self.max = self.max.max(max);
        self.count += count;
        self.sum = self.sum.saturating_add(sum);
    }

    /// One walk over both; new buckets go behind the old ones and one stable sort merges the two runs.
    fn add(&mut self, more: impl Iterator<Item = (u32, u64)>) {
        let known = self.buckets.len();
        let mut at = 0;
        for (bucket, count) in more {
            while at < known && self.buckets[at].0 < bucket {
                at += 1;
            }
            if at < known && self.buckets[at].0 == bucket {
                self.buckets[at].1 += count;
            } else {
                self.buckets.push((bucket, count));
            }
        }
        if self.buckets.len() > known {
            self.buckets.sort_by_key(|(bucket, _)| *bucket);
        }
    }

    /// The value that `p` percent (0..=100) of the samples do not exceed, by nearest rank. 0 where there are none.
    pub fn percentile(&self, p: f64) -> u64 {
        // The tiny step back undoes rounding of `99.9 × 1000 / 100`, which would ask for the sample after the right one.
        let rank = ((p * self.count as f64 / 100.0 - 1e-6).ceil().max(1.0) as u64).min(self.count);
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += count;
            if seen >= rank {
                return highest_of(*bucket).clamp(self.min, self.max);
            }
        }
        self.max
    }

    /// The largest value of each bucket in use, and its count, ascending.
    pub fn values(&self) -> impl Iterator<Item = (u64, u64)> {
        self.buckets.iter().map(|(bucket, count)| (highest_of(*bucket), *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn distribution(values: &[u64]) -> Distribution {
        let mut samples = Samples::default();
        values.iter().for_each(|value| samples.record(*value));
        let mut all = Distribution::default();
        all.absorb(&samples);
        all
    }

    fn exact(sorted: &[u64], p: f64) -> u64 {
        let rank = (p * sorted.len() as f64 / 100.0 - 1e-6).ceil().max(1.0) as usize;
        sorted[rank - 1]
    }

    #[test]
    fn every_value_lies_in_its_bucket_and_no_bucket_is_wider_than_a_thousandth() {
        for value in (0..5_000).chain((12..42).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1])) {
            let highest = highest_of(bucket_of(value) as u32);
            assert!(highest >= value && (highest - value) as f64 <= value as f64 / 1000.0, "{value} became {highest}");
            assert_eq!(bucket_of(highest), bucket_of(value), "{value}");
            assert_eq!(bucket_of(highest + 1), bucket_of(value) + 1, "{value}");
        }
    }

    #[test]
    fn a_value_beyond_the_range_is_counted_at_its_top() {
        let all = distribution(&[5, u64::MAX]);
        assert_eq!((all.count, all.min, all.max), (2, 5, TOP));
        assert_eq!(all.percentile(100.0), TOP);
    }

    #[test]
    fn clearing_keeps_nothing_but_the_memory() {
        let mut samples = Samples::default();
        [0, 7, 90_000].iter().for_each(|value| samples.record(*value));
        samples.clear();
        assert_eq!(samples.filled().count(), 0);
        assert!(samples.buckets.iter().all(|count| *count == 0) && !samples.buckets.is_empty());
        samples.record(12);
        let mut all = Distribution::default();
        all.absorb(&samples);
        assert_eq!((all.count, all.sum, all.min, all.max), (1, 12, 12, 12));
    }

    proptest! {
        #[test]
        fn percentiles_are_within_a_thousandth_of_the_sorted_samples(
            mut values in prop::collection::vec(prop_oneof![Just(0u64), 0..3_000u64, 0..100_000_000u64], 1..400),
            p in 0.0..=100.0f64,
        ) {
            let all = distribution(&values);
            values.sort_unstable();
            let (found, wanted) = (all.percentile(p), exact(&values, p));
            prop_assert!(found.abs_diff(wanted) as f64 <= wanted as f64 / 1000.0, "p{} is {}, not {}", p, found, wanted);
            prop_assert_eq!((all.min, all.max, all.sum), (values[0], values[values.len() - 1], values.iter().sum::<u64>()));
        }

        #[test]
        fn merging_parts_equals_recording_everything_in_one(
            left in prop::collection::vec(0..10_000_000u64, 0..200),
            right in prop::collection::vec(0..5_000u64, 0..200),
        ) {
            let mut merged = distribution(&left);
            merged.merge(&distribution(&right));
            prop_assert_eq!(merged, distribution(&[left, right].concat()));
        }
    }
}
