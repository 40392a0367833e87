//! All numbers of a run at one moment, and the questions one can ask of them.
//!
//! No data and zero are told apart: a trend or a rate without a sample is `None`. A counter without a sample is 0 as soon as the
//! run has made any request or iteration, since then nothing having been counted is what was observed; before that it is `None`.
//!
//! Two kinds of samples are set aside: those of a warm-up, and those of requests that the plan does not measure. Only the bytes, the
//! time series and the questions about them ([`Snapshot::warmup`], [`Snapshot::unmeasured`]) know of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::histogram::Distribution;
use super::series::{ProblemKey, REQUEST_TRENDS, RequestKey};
use super::timeline::{Slice, Timeline};
use super::{Kind, Metric, ProblemKind, Site, SiteId, StageIndex, WARMUP};

/// Tag and value that samples must carry.
pub type Selector = [(String, String)];

#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub(super) elapsed: Duration,
    pub(super) judged_from: Duration,
    pub(super) sites: Vec<Site>,
    pub(super) custom_metrics: Vec<String>,
    pub(super) requests: BTreeMap<RequestKey, RequestTotals>,
    pub(super) tallies: BTreeMap<(Metric, SiteId, StageIndex, Arc<str>), TallyTotals>,
    pub(super) error_texts: BTreeSet<Arc<str>>,
    pub(super) problems: Vec<(ProblemKey, Problem)>,
    pub(super) vus: BTreeMap<SiteId, Gauge>,
    pub(super) all_vus: Gauge,
    pub(super) timeline: Timeline,
    pub(super) lost: u64,
    pub(super) unlisted: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct RequestTotals {
    pub requests: u64,
    pub judged: u64,
    pub failed: u64,
    pub sent: u64,
    pub received: u64,
    pub errors: BTreeMap<Arc<str>, u64>,
    pub trends: [Distribution; 8],
}

#[derive(Clone, Debug, Default)]
pub(super) struct TallyTotals {
    pub total: u64,
    pub passes: u64,
    pub samples: Distribution,
}

/// What was seen, and is not judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    pub requests: u64,
    /// Of these.
    pub failed: u64,
    pub iterations: u64,
}

/// A number that goes up and down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gauge {
    /// The last one.
    pub value: u64,
    pub max: u64,
}

impl Gauge {
    pub(super) fn see(&mut self, value: u64, peak: u64) {
        self.value = value;
        self.max = self.max.max(peak).max(value);
    }
}

/// Something that went wrong, with the text of the first time. Texts come from the target: they are data.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub kind: ProblemKind,
    pub site: SiteId,
    /// Of requests, 0 where there was no response.
    pub status: u16,
    /// Of requests, 0 for none.
    pub error_code: u16,
    /// The step, where the tags of the site do not say it; else empty.
    pub place: String,
    pub message: String,
    pub count: u64,
}

/// A distribution in the metric's unit: ms for times. It is never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    all: Distribution,
    /// What is kept per unit of what is told: 1000 where microseconds are told as ms.
    scale: f64,
}

impl Trend {
    pub fn count(&self) -> u64 {
        self.all.count
    }

    pub fn sum(&self) -> f64 {
        self.all.sum as f64 / self.scale
    }

    pub fn min(&self) -> f64 {
        self.all.min as f64 / self.scale
    }

    pub fn max(&self) -> f64 {
        self.all.max as f64 / self.scale
    }

    pub fn avg(&self) -> f64 {
        self.sum() / self.all.count.max(1) as f64
    }

    /// `p` is 0..=100; right to 0.1 %.
    pub fn percentile(&self, p: f64) -> f64 {
        self.all.percentile(p) as f64 / self.scale
    }

    /// Values as they are kept (microseconds for times), each with the number of samples that it stands for, ascending.
    pub fn values(&self) -> impl Iterator<Item = (u64, u64)> {
        self.all.values()
    }
}

impl Snapshot {
    pub(super) fn new(sites: &[Site], custom_metrics: &[String]) -> Snapshot {
        Snapshot { sites: sites.to_vec(), custom_metrics: custom_metrics.to_vec(), ..Snapshot::default() }
    }

    /// Since the start of the run, as of the last tick.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// A metric by its name, the plan's own ones included.
    pub fn metric(&self, name: &str) -> Option<Metric> {
        let custom = || self.custom_metrics.iter().position(|known| known == name);
        Metric::named(name).or_else(|| custom().map(|index| Metric::Custom(index as u16)))
    }

    /// Samples that went uncounted because there were too many series. Anything but 0 spoils the run.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether the run has made any request or iteration that counts.
    pub fn active(&self) -> bool {
        self.requests.keys().any(|key| self.is_judged(key))
            || self.tallies.keys().any(|(metric, _, stage, _)| *metric == Metric::Iterations && *stage != WARMUP)
    }

    /// When rates begin: the first scenario is through with its warm-up.
    pub fn judged_from(&self) -> Duration {
        self.judged_from
    }

    /// A counter per second of the time in which it counts; `None` before that, too.
    pub fn per_second(&self, metric: Metric, selector: &Selector) -> Option<f64> {
        let count = self.counter(metric, selector)?;
        let start = if is_traffic(metric) { Duration::ZERO } else { self.judged_from };
        let length = self.elapsed.checked_sub(start).filter(|length| *length > Duration::ZERO)?;
        Some(count as f64 / length.as_secs_f64())
    }

    /// What fell into the warm-up, without requests that are not measured anyway.
    pub fn warmup(&self) -> Aside {
        let requests = self.requests.iter().filter(|(key, _)| key.stage == WARMUP && !self.is_unmeasured(key.site));
        let mut aside = requests.map(|(_, totals)| totals).fold(Aside::default(), Aside::with);
        let of_warmup = |(metric, _, stage, _): &(Metric, SiteId, StageIndex, Arc<str>)| {
            *metric == Metric::Iterations && *stage == WARMUP
        };
        aside.iterations = self.tallies.iter().filter(|(key, _)| of_warmup(key)).map(|(_, totals)| totals.total).sum();
        aside
    }

    /// Requests that the plan does not measure, by name.
    pub fn unmeasured(&self) -> BTreeMap<String, Aside> {
        let mut named: BTreeMap<String, Aside> = BTreeMap::new();
        for (key, totals) in self.requests.iter().filter(|(key, _)| self.is_unmeasured(key.site)) {
            let aside = named.entry(self.tag(key.site, "name").unwrap_or_default().to_owned()).or_default();
            *aside = aside.with(totals);
        }
        named
    }

    pub(super) fn is_unmeasured(&self, site: SiteId) -> bool {
        self.sites.get(site.0 as usize).is_some_and(|site| site.unmeasured)
    }

    fn is_judged(&self, key: &RequestKey) -> bool {
        key.stage != WARMUP && !self.is_unmeasured(key.site)
    }

    /// Merged over all series that the selector picks.
    pub fn trend(&self, metric: Metric, selector: &Selector) -> Option<Trend> {
        let mut all = Distribution::default();
        if let Some(index) = REQUEST_TRENDS.iter().position(|trend| *trend == metric) {
            self.requests_of(selector).for_each(|(_, totals)| all.merge(&totals.trends[index]));
        } else {
            let kept = if metric == Metric::IterationDuration { Metric::Iterations } else { metric };
            self.tallies_of(kept, selector).for_each(|(_, totals)| all.merge(&totals.samples));
        }
        let scale = if metric.kind() == (Kind::Trend { time: true }) { 1000.0 } else { 1.0 };
        (all.count > 0).then_some(Trend { all, scale })
    }

    /// See the head of this module for when it is 0 and when `None`.
    pub fn counter(&self, metric: Metric, selector: &Selector) -> Option<u64> {
        if is_traffic(metric) {
            let bytes = |totals: &RequestTotals| if metric == Metric::DataSent { totals.sent } else { totals.received };
            let count = self.exchanges_of(selector).map(|(_, totals)| bytes(totals)).sum();
            return (self.active() || !self.requests.is_empty()).then_some(count);
        }
        let count = match metric {
            Metric::HttpReqs => self.requests_of(selector).map(|(_, totals)| totals.requests).sum(),
            Metric::HttpReqErrors => self.errors(selector).iter().map(|(.., count)| count).sum(),
            _ => self.tallies_of(metric, selector).map(|(_, totals)| totals.total).sum(),
        };
        self.active().then_some(count)
    }

    /// How many samples were true, of how many. For `http_req_failed` true is a failure, as its name says.
    pub fn rate(&self, metric: Metric, selector: &Selector) -> Option<(u64, u64)> {
        let add = |(passes, total), (more, samples)| (passes + more, total + samples);
        let (passes, total) = match metric {
            Metric::HttpReqFailed => {
                self.requests_of(selector).map(|(_, totals)| (totals.failed, totals.judged)).fold((0, 0), add)
            }
            _ => self.tallies_of(metric, selector).map(|(_, totals)| (totals.passes, totals.total)).fold((0, 0), add),
        };
        (total > 0).then_some((passes, total))
    }

    /// `vus` and `vus_max`.
    pub fn gauge(&self, metric: Metric, selector: &Selector) -> Option<Gauge> {
        let gauge = if selector.is_empty() {
            (!self.vus.is_empty()).then_some(self.all_vus)
        } else {
            let picked = self.vus.iter().filter(|(site, _)| self.picks(selector, **site, |_| None));
            let add = |sum: Gauge, more: Gauge| Gauge { value: sum.value + more.value, max: sum.max + more.max };
            picked.map(|(_, gauge)| *gauge).reduce(add)
        };
        gauge.map(|gauge| if metric == Metric::VusMax { Gauge { value: gauge.max, ..gauge } } else { gauge })
    }

    /// Names of requests that were sent, in the order of the plan.
    pub fn request_names(&self) -> Vec<&str> {
        distinct(self.requests.keys().filter(|key| self.is_judged(key)).filter_map(|key| self.tag(key.site, "name")))
    }

    /// Values that a tag has among the samples of a metric that isn't one of requests, in the order of the plan.
    pub fn values_of(&self, metric: Metric, tag: &str) -> Vec<&str> {
        let kept = if metric == Metric::IterationDuration { Metric::Iterations } else { metric };
        let of_metric = |key: &&(Metric, SiteId, StageIndex, Arc<str>)| key.0 == kept && key.2 != WARMUP;
        distinct(self.tallies.keys().filter(of_metric).filter_map(|key| self.tag(key.1, tag)))
    }

    /// Iterations by outcome.
    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        self.outcomes_of(&[])
    }

    /// The same for those that the selector picks.
    pub fn outcomes_of(&self, selector: &Selector) -> BTreeMap<String, u64> {
        let mut outcomes = BTreeMap::new();
        for ((.., outcome), totals) in self.tallies_of(Metric::Iterations, selector) {
            *outcomes.entry(outcome.to_string()).or_default() += totals.total;
        }
        outcomes
    }

    /// Passes and fails of the check at a site, `None` where it never ran.
    pub fn check(&self, site: SiteId) -> Option<(u64, u64)> {
        let of_site = self
            .tallies
            .iter()
            .filter(|((metric, at, stage, _), _)| *metric == Metric::Checks && *at == site && *stage != WARMUP);
        of_site
            .map(|(_, totals)| (totals.passes, totals.total - totals.passes))
            .reduce(|sum, more| (sum.0 + more.0, sum.1 + more.1))
    }

    /// What went wrong, most frequent first.
    pub fn problems(&self) -> Vec<&Problem> {
        let mut problems: Vec<&Problem> = self.problems.iter().map(|(_, problem)| problem).collect();
        let rank = |problem: &Problem| (std::cmp::Reverse(problem.count), problem.site, problem.error_code);
        problems.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.place.cmp(&b.place)));
        problems
    }

    /// Problems that came after the table of them was full.
    pub fn unlisted_problems(&self) -> u64 {
        self.unlisted
    }

    /// The time series up to the last tick.
    pub fn slices(&self) -> &[Slice] {
        &self.timeline.slices
    }

    /// A tag that the plan gave to a site.
    pub fn tag(&self, site: SiteId, tag: &str) -> Option<&str> {
        let tags = &self.sites.get(site.0 as usize)?.tags;
        tags.iter().find(|(key, _)| key == tag).map(|(_, value)| value.as_str())
    }

    /// Failed requests as error code, text and count.
    pub fn errors(&self, selector: &Selector) -> Vec<(u16, Arc<str>, u64)> {
        let (texts, rest): (Vec<_>, Vec<_>) = selector.iter().cloned().partition(|(tag, _)| tag == "error");
        let mut errors = BTreeMap::new();
        for (key, totals) in self.requests_of(&rest) {
            for (text, count) in &totals.errors {
                if texts.iter().all(|(_, wanted)| **wanted == **text) {
                    *errors.entry((key.error_code, Arc::clone(text))).or_default() += *count;
                }
            }
        }
        errors.into_iter().map(|((code, text), count)| (code, text, count)).collect()
    }

    /// Requests that failed with a code after the warm-up, measured or not.
    pub fn failed_with(&self, code: u16) -> u64 {
        let judged = self.requests.iter().filter(|(key, _)| key.error_code == code && key.stage != WARMUP);
        judged.flat_map(|(_, totals)| totals.errors.values()).sum()
    }

    fn requests_of(&self, selector: &Selector) -> impl Iterator<Item = (&RequestKey, &RequestTotals)> {
        self.exchanges_of(selector).filter(|(key, _)| self.is_judged(key))
    }

    /// With those that are not judged.
    fn exchanges_of(&self, selector: &Selector) -> impl Iterator<Item = (&RequestKey, &RequestTotals)> {
        self.requests.iter().filter(|(key, _)| self.picks(selector, key.site, |tag| request_tag(key, tag)))
    }

    fn tallies_of(
        &self,
        metric: Metric,
        selector: &Selector,
    ) -> impl Iterator<Item = (&(Metric, SiteId, StageIndex, Arc<str>), &TallyTotals)> {
        self.tallies.iter().filter(move |((kept, site, stage, outcome), _)| {
            *kept == metric
                && *stage != WARMUP
                && self.picks(selector, *site, |tag| match tag {
                    "stage" => Some(stage.to_string()),
                    "outcome" => Some(outcome.to_string()),
                    _ => None,
                })
        })
    }

    /// What a sample says of itself goes before what the plan says of its site.
    fn picks(&self, selector: &Selector, site: SiteId, of_sample: impl Fn(&str) -> Option<String>) -> bool {
        selector.iter().all(|(tag, wanted)| match of_sample(tag) {
            Some(value) => value == *wanted,
            None => self.tag(site, tag) == Some(wanted),
        })
    }
}

impl Aside {
    fn with(self, totals: &RequestTotals) -> Aside {
        Aside { requests: self.requests + totals.requests, failed: self.failed + totals.failed, ..self }
    }
}

/// Bytes are bytes, whatever they were sent for.
fn is_traffic(metric: Metric) -> bool {
    matches!(metric, Metric::DataSent | Metric::DataReceived)
}

fn request_tag(key: &RequestKey, tag: &str) -> Option<String> {
    match tag {
        "status" => Some(key.status.to_string()),
        "proto" => Some(key.proto.to_owned()),
        "expected_response" => Some(key.expected.to_string()),
        "error_code" => Some(key.error_code.to_string()),
        "stage" => Some(key.stage.to_string()),
        _ => None,
    }
}

fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    values.filter(|value| seen.insert(*value)).collect()
}
