//! Series of one interval: what they are told apart by, and what each holds.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use super::histogram::Samples;
use super::{Metric, ProblemKind, SiteId, StageIndex};

/// What tells the series of requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RequestKey {
    pub site: SiteId,
    pub stage: StageIndex,
    pub status: u16,
    pub error_code: u16,
    pub expected: bool,
    pub proto: &'static str,
}

/// Trends of a request, in the order in which a series keeps them.
pub(super) const REQUEST_TRENDS: [Metric; 8] = [
    Metric::HttpReqDuration,
    Metric::HttpReqBlocked,
    Metric::HttpReqConnecting,
    Metric::HttpReqTlsHandshaking,
    Metric::HttpReqSending,
    Metric::HttpReqWaiting,
    Metric::HttpReqReceiving,
    Metric::HttpReqTotal,
];

/// Texts of errors that one series counts apart; the rest is [`OTHER`].
const MAX_ERRORS: usize = 16;

/// Where texts go that are too many to be told apart.
pub(super) const OTHER: &str = "other";

#[derive(Debug)]
pub(super) struct RequestSeries {
    pub key: RequestKey,
    pub requests: u64,
    /// Those that `http_req_failed` counts: all that were not cut off by the end of the run.
    pub judged: u64,
    pub failed: u64,
    pub sent: u64,
    pub received: u64,
    pub errors: Vec<(Arc<str>, u64)>,
    pub trends: [Samples; 8],
}

impl RequestSeries {
    /// Counts one error by its text.
    pub fn error(&mut self, text: &str) {
        let full = self.errors.len() >= MAX_ERRORS;
        if let Some((_, count)) = self.errors.iter_mut().find(|(known, _)| &**known == text) {
            *count += 1;
        } else if full && let Some((_, count)) = self.errors.last_mut() {
            *count += 1;
        } else {
            let text = if self.errors.len() + 1 == MAX_ERRORS { OTHER } else { text };
            self.errors.push((Arc::from(text), 1));
        }
    }
}

/// What tells all other series apart. `label` indexes the texts of the interval; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TallyKey {
    pub metric: Metric,
    pub site: SiteId,
    pub stage: StageIndex,
    pub label: u16,
}

#[derive(Debug)]
pub(super) struct TallySeries {
    pub key: TallyKey,
    pub total: u64,
    pub passes: u64,
    pub samples: Samples,
}

/// What tells the rows of problems apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ProblemKey {
    pub kind: ProblemKind,
    pub site: SiteId,
    pub status: u16,
    pub error_code: u16,
    /// Of the text that says the place, the same on all threads: keys are copied all the time and must be small.
    pub place: u64,
}

#[derive(Debug)]
pub(super) struct ProblemSeries {
    pub key: ProblemKey,
    pub count: u64,
    pub place: String,
    /// Of the first one in the interval.
    pub message: String,
}

/// One thing that an interval has many of.
pub(super) trait Series {
    type Key: Copy + Eq + Hash;
    fn new(key: Self::Key) -> Self;
    fn key(&self) -> Self::Key;
    /// Empty again, for another key, with its memory kept.
    fn reuse(&mut self, key: Self::Key);
}

impl Series for RequestSeries {
    type Key = RequestKey;

    fn new(key: RequestKey) -> RequestSeries {
        let (requests, judged, failed, sent, received) = (0, 0, 0, 0, 0);
        RequestSeries { key, requests, judged, failed, sent, received, errors: Vec::new(), trends: Default::default() }
    }

    fn key(&self) -> RequestKey {
        self.key
    }

    fn reuse(&mut self, key: RequestKey) {
        self.errors.clear();
        self.trends.iter_mut().for_each(Samples::clear);
        let (errors, trends) = (std::mem::take(&mut self.errors), std::mem::take(&mut self.trends));
        *self = RequestSeries { errors, trends, ..RequestSeries::new(key) };
    }
}

impl Series for TallySeries {
    type Key = TallyKey;

    fn new(key: TallyKey) -> TallySeries {
        TallySeries { key, total: 0, passes: 0, samples: Samples::default() }
    }

    fn key(&self) -> TallyKey {
        self.key
    }

    fn reuse(&mut self, key: TallyKey) {
        self.samples.clear();
        let samples = std::mem::take(&mut self.samples);
        *self = TallySeries { samples, ..TallySeries::new(key) };
    }
}

impl Series for ProblemSeries {
    type Key = ProblemKey;

    fn new(key: ProblemKey) -> ProblemSeries {
        ProblemSeries { key, count: 0, place: String::new(), message: String::new() }
    }

    fn key(&self) -> ProblemKey {
        self.key
    }

    fn reuse(&mut self, key: ProblemKey) {
        self.message.clear();
        self.place.clear();
        self.key = key;
        self.count = 0;
    }
}

/// Series of one interval. Those behind the live ones are empty and wait to be used again.
#[derive(Debug)]
pub(super) struct Shelf<S> {
    all: Vec<S>,
    live: usize,
}

impl<S> Default for Shelf<S> {
    fn default() -> Shelf<S> {
        Shelf { all: Vec::new(), live: 0 }
    }
}

impl<S: Series> Shelf<S> {
    pub fn live(&self) -> &[S] {
        &self.all[..self.live]
    }

    /// Empties what was in use, here and not when it is used again: the thread that merges has the time, the one that records not.
    pub fn clear(&mut self) {
        for series in &mut self.all[..self.live] {
            series.reuse(series.key());
        }
        self.live = 0;
    }

    fn place(&mut self, key: S::Key) -> usize {
        match self.all.get_mut(self.live) {
            Some(spare) => spare.reuse(key),
            None => self.all.push(S::new(key)),
        }
        self.live += 1;
        self.live - 1
    }
}

/// Finds the series of a key in the current interval.
pub(super) struct Index<S: Series> {
    /// Slot of each key and the interval in which it was that. Keys stay for the life of the thread.
    slots: HashMap<S::Key, (u64, usize), BuildHasherDefault<Mixer>>,
    /// The last slot that a site used: nearly always the one it uses next.
    recent: Vec<usize>,
    interval: u64,
    cap: usize,
}

const RECENT: usize = 256;

impl<S: Series> Index<S> {
    pub fn new(cap: usize) -> Index<S> {
        Index { slots: HashMap::default(), recent: vec![usize::MAX; RECENT], interval: 0, cap }
    }

    /// The series of this key, made where there is none; `None` beyond the cap.
    pub fn find<'s>(&mut self, shelf: &'s mut Shelf<S>, site: SiteId, key: S::Key) -> Option<&'s mut S> {
        let recent = &mut self.recent[site.0 as usize % RECENT];
        let hit = shelf.live().get(*recent).is_some_and(|series| series.key() == key);
        if !hit {
            let known = self.slots.len();
            match self.slots.get_mut(&key) {
                Some((interval, slot)) if *interval == self.interval => *recent = *slot,
                Some(place) => {
                    *recent = shelf.place(key);
                    *place = (self.interval, *recent);
                }
                None if known >= self.cap => return None,
                None => {
                    *recent = shelf.place(key);
                    self.slots.insert(key, (self.interval, *recent));
                }
            }
        }
        shelf.all.get_mut(*recent)
    }

    /// From here on slots are those of another, empty shelf.
    pub fn next_interval(&mut self) {
        self.interval += 1;
    }
}

/// A number for a text, the same in every thread.
pub(super) fn number_of(text: &str) -> u64 {
    let mut mixer = Mixer::default();
    mixer.write(text.as_bytes());
    mixer.finish()
}

/// A quick hash for small keys that no foreigner chooses.
#[derive(Default)]
pub(super) struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }
    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }
    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }
    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }
    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }
    fn write_u64(&mut self, value: u64) {
        // The odd constant is 2^64 divided by the golden ratio, as in Knuth's multiplicative hashing.
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn finish(&self) -> u64 {
        // Tables take the low bits, which a multiplication mixes least.
        self.0.rotate_left(26)
    }
}
