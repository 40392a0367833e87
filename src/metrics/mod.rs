//! Stage 7: the numbers: catalogue, per-thread recorder, aggregation, snapshot.
//!
//! Must never know: thresholds, HTTP, printing. Times go in as durations, are kept in microseconds and come out in ms.

pub mod aggregate;
pub mod catalogue;
mod histogram;
pub mod recorder;
mod series;
pub mod snapshot;
pub mod timeline;

pub use aggregate::Aggregate;
pub use catalogue::Kind;
pub use recorder::{Interval, Recorder};
pub use snapshot::{Aside, Gauge, Problem, Snapshot, Trend};
pub use timeline::Slice;

use std::time::Duration;

/// Index into the graph's sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(pub u32);

/// The tags that a place in the plan gives to all its samples: `scenario`, `group`, `name`, `method`, `check`, `variable`
/// and the tags of plan, scenario and step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    pub tags: Vec<(String, String)>,
    /// Its requests are a way in, and not what is measured: they are counted apart.
    pub unmeasured: bool,
}

/// Every metric a run can emit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    HttpReqs,
    HttpReqDuration,
    HttpReqBlocked,
    HttpReqConnecting,
    HttpReqTlsHandshaking,
    HttpReqSending,
    HttpReqWaiting,
    HttpReqReceiving,
    HttpReqTotal,
    HttpReqFailed,
    HttpReqErrors,
    Checks,
    ExtractFailed,
    Iterations,
    IterationDuration,
    IterationStartDelay,
    /// Of all arrivals, those that were dropped.
    DroppedIterations,
    Vus,
    VusMax,
    GroupDuration,
    PollWait,
    PollAttempts,
    DataSent,
    DataReceived,
    /// A trend that a group's `metric:` declares; index into the graph's `custom_metrics`.
    Custom(u16),
}

/// What went wrong, for the table of problems with one example each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    Check,
    Extraction,
    Template,
    Expression,
    Request,
    Poll,
}

/// Where in a run a sample falls: the index of the scenario's stage (0 where it has none), or [`WARMUP`].
pub type StageIndex = u16;

/// The part of a scenario that comes before what is judged: its samples are in the time series, in the bytes, and in nothing else.
/// No stage has this index.
pub const WARMUP: StageIndex = StageIndex::MAX;

/// Phases of one hop. On a reused connection `connecting` and `tls_handshaking` are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Phases {
    pub blocked: Duration,
    pub looking_up: Duration,
    pub connecting: Duration,
    pub tls_handshaking: Duration,
    pub sending: Duration,
    pub waiting: Duration,
    pub receiving: Duration,
}

impl Phases {
    /// `http_req_duration`: sending + waiting + receiving.
    pub fn duration(&self) -> Duration {
        self.sending + self.waiting + self.receiving
    }
}

/// One hop, with or without a response.
#[derive(Clone, Debug)]
pub struct RequestSample<'a> {
    pub site: SiteId,
    pub stage: StageIndex,
    /// 0 where there was no response.
    pub status: u16,
    /// `HTTP/1.1`, `HTTP/2.0`; empty where there was none.
    pub proto: &'static str,
    pub expected: bool,
    /// Cut off by the end of the run, neither a success nor a failure: counted in `http_reqs` (with the tag `error_code` 1000),
    /// and in nothing that is judged.
    pub interrupted: bool,
    /// `None`: no latency (refused, DNS, reset). A timeout has its phases.
    pub phases: Option<Phases>,
    /// From when the request was due to the last byte.
    pub total: Option<Duration>,
    /// k6's number, 0 for none, and its readable form.
    pub error_code: u16,
    pub error: &'a str,
    pub sent: u64,
    pub received: u64,
}

#[cfg(test)]
mod tests;
