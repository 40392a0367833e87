//! Stage 3: the plan as run: arenas of plain enums with small ids.
//!
//! Owns: compiled steps, sites, slots, thresholds; `compile` (from a valid plan, cannot fail) and `explain` (the print of it).
//! Must never know: tokio, transport, YAML.

mod compile;
mod connections;
mod explain;

#[cfg(test)]
mod tests;

pub use compile::compile;
pub use explain::explain;

use std::sync::Arc;
use std::time::Duration;

use crate::compress::Encoding;
use crate::data::DataSet;
use crate::expr::{DataProgram, JsonPath, Program, SetId, SlotId, TextProgram};
use crate::judge::Threshold;
use crate::load::Executor;
use crate::metrics::{Site, SiteId, StageIndex, WARMUP};
use crate::plan::{Connections, Cookies, GiveUp, HttpVersion, LogLevel, Pick, RetryOn, Sleep, StatusRange, StopScope};
use crate::route::{Handshake, Route};
use crate::source::Span;

/// Index into [`Graph::steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StepId(pub u32);

/// Index into [`Graph::checks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckId(pub u32);

/// Steps in the order in which they run.
pub type Block = Box<[StepId]>;

/// A plan, ready to run; shared read-only by all threads.
#[derive(Debug)]
pub struct Graph {
    pub name: String,
    pub description: Option<String>,
    /// `sha256:…` of the plan text.
    pub digest: String,
    pub scenarios: Vec<Scenario>,
    pub steps: Vec<Step>,
    /// Static tags of everything that emits samples.
    pub sites: Vec<Site>,
    pub slots: Vec<Slot>,
    /// Data sets; [`SetId`] indexes it.
    pub data: Vec<Arc<DataSet>>,
    pub checks: Vec<CheckInfo>,
    /// Names of the custom trends that groups declare with `metric:`. [`crate::metrics::Metric::Custom`] indexes it.
    pub custom_metrics: Vec<String>,
    pub thresholds: Vec<Threshold>,
    pub default_thresholds: bool,
    pub tls: TlsOptions,
    pub http: HttpOptions,
    pub route: Route,
    pub secrets: Vec<String>,
    pub seed: u64,
}

#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    pub insecure: bool,
    /// Contents of the PEM file.
    pub ca_pem: Option<Vec<u8>>,
    pub handshake: Handshake,
}

/// What all requests of the plan have in common on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HttpOptions {
    pub connections: Connections,
    pub version: HttpVersion,
}

#[derive(Debug)]
pub struct Scenario {
    pub name: String,
    pub executor: Executor,
    pub start_time: Duration,
    pub graceful_stop: Duration,
    /// The shortest time between the starts of two iterations of one VU.
    pub pace: Option<Duration>,
    /// The first part, whose samples are not judged.
    pub warmup: Duration,
    /// The scenario's weight, and that of all that share the plan's load: `executor` is its part of that.
    pub weight: Option<(u64, u64)>,
    /// Its own values of the plan's `env`, as written.
    pub env: Vec<(String, String)>,
    /// Tags of iterations and VUs of this scenario.
    pub site: SiteId,
    pub on_start: Block,
    pub body: Block,
    pub on_stop: Block,
    pub later: LaterReads,
    pub cookies: Cookies,
    /// The data sets that its steps mention, of which its VUs take rows.
    pub rows: Vec<RowUse>,
}

impl Scenario {
    /// Where in it a sample falls that is so long after its start.
    pub fn stage_at(&self, since: Duration) -> StageIndex {
        if since < self.warmup { WARMUP } else { self.executor.stage_at(since) }
    }
}

/// VUs of a scenario take rows of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowUse {
    pub set: SetId,
    /// How many VUs with lower ids take none: VU `id` is number `id - 1 - skipped` of those that do.
    pub skipped: u64,
}

/// What steps read of a response after its own request is done with it. The rest is let go at once: ten thousand users that
/// think would otherwise hold ten thousand bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaterReads {
    /// `body` or `json`.
    pub body: bool,
    /// `headers` or `cookies`.
    pub headers: bool,
}

impl Graph {
    /// When the first scenario is through with its warm-up: rates are of what comes after.
    pub fn judged_from(&self) -> Duration {
        let starts = self.scenarios.iter().map(|scenario| match scenario.warmup {
            Duration::ZERO => Duration::ZERO,
            warmup => scenario.start_time + warmup,
        });
        starts.min().unwrap_or_default()
    }

    /// What is known of each request's URL before the run: its first constant part.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Request(request) => Some(request.url.prefix()),
            _ => None,
        })
    }
}

/// A variable. Slots of the VU's life come after all slots of the iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// As the plan says it: `user_id`, `vu.token`.
    pub name: String,
    pub per_vu: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CheckInfo {
    pub name: String,
    /// The name of the request it stands at.
    pub step: String,
    pub site: SiteId,
}

#[derive(Debug)]
pub struct Step {
    /// The row in reports for requests; a short description for the rest.
    pub name: String,
    pub span: Span,
    pub condition: Option<Program>,
    pub site: SiteId,
    pub action: Action,
}

#[derive(Debug)]
pub enum Action {
    Request(Box<RequestStep>),
    Sleep(Sleep),
    Set(Vec<(SlotId, DataProgram)>),
    Append(Vec<(SlotId, DataProgram)>),
    If { condition: Program, then: Block, otherwise: Block },
    Repeat { times: Times, body: Block },
    While { condition: Program, max: u64, body: Block },
    ForEach { items: Program, bind: SlotId, concurrency: usize, body: Block },
    Parallel { branches: Block, max: usize },
    Poll(Box<PollStep>),
    Choose { branches: Vec<(u64, Block)>, total: u64 },
    Group { name: String, metric: Option<u16>, body: Block },
    Log { level: LogLevel, message: TextProgram },
    Outcome(TextProgram),
    Stop { scope: StopScope, reason: Option<TextProgram> },
}

#[derive(Debug)]
pub enum Times {
    Fixed(u64),
    /// A template that must give a whole number.
    Computed(DataProgram),
}

#[derive(Debug)]
pub struct RequestStep {
    pub method: http::Method,
    /// Absolute: `base_url` is already in front of it.
    pub url: TextProgram,
    pub headers: Vec<(http::HeaderName, TextProgram)>,
    pub query: Vec<(String, DataProgram)>,
    pub body: BodyProgram,
    /// What the body is packed with, in this order.
    pub compression: Vec<Encoding>,
    /// The packed body, where nothing in it varies.
    pub packed: Option<Arc<[u8]>>,
    /// For a digest challenge.
    pub credentials: Option<Credentials>,
    pub timeout: Duration,
    pub redirects: u32,
    pub expect: Vec<StatusRange>,
    /// In bytes.
    pub max_body: usize,
    pub discard_body: bool,
    pub expect_continue: bool,
    pub retry: Option<Retry>,
    pub require: Vec<(CheckId, Program)>,
    pub extract: Vec<Extraction>,
    pub checks: Vec<(CheckId, Program)>,
}

#[derive(Debug)]
pub enum BodyProgram {
    None,
    Json(DataProgram),
    Form(Vec<(String, DataProgram)>),
    Text(TextProgram),
    /// A file's contents, read when the graph was made.
    Bytes(Arc<[u8]>),
    /// A file's text with what varies in it.
    FileText {
        path: String,
        text: TextProgram,
    },
    Multipart(Vec<PartProgram>),
}

/// One field of a multipart form.
#[derive(Debug)]
pub struct PartProgram {
    pub name: String,
    pub source: PartSource,
    pub content_type: Option<TextProgram>,
    pub filename: Option<TextProgram>,
}

#[derive(Debug)]
pub enum PartSource {
    /// A list gives a part for each of its items.
    Text(DataProgram),
    Json(DataProgram),
    File(Arc<[u8]>),
}

#[derive(Debug)]
pub struct Credentials {
    pub username: TextProgram,
    pub password: TextProgram,
}

/// When a request is sent again.
#[derive(Debug)]
pub struct Retry {
    /// At least 2: the first one is included.
    pub attempts: u64,
    pub on: Vec<RetryOn>,
    /// The pause before the second attempt; each further one is `factor` times as long, up to `max`.
    pub initial: Duration,
    pub factor: u32,
    pub max: Duration,
    pub jitter: bool,
    /// Whether the server may ask for a longer pause.
    pub retry_after: bool,
}

#[derive(Debug)]
pub struct Extraction {
    /// For messages: `seat`, `vu.token`.
    pub name: String,
    pub slot: SlotId,
    pub from: Source,
    pub pick: Pick,
    pub default: Option<DataProgram>,
    pub secret: bool,
    /// Tags of `extract_failed`.
    pub site: SiteId,
}

#[derive(Debug)]
pub enum Source {
    JsonPath(JsonPath),
    /// The first group, or the whole match where the pattern has none.
    Regex(regex::Regex),
    Header(http::HeaderName),
    Cookie(String),
}

#[derive(Debug)]
pub struct PollStep {
    pub until: Program,
    pub fail_if: Option<Program>,
    pub every: Sleep,
    pub attempts: Option<u64>,
    pub timeout: Option<Duration>,
    pub first_waits: bool,
    pub on_give_up: GiveUp,
    pub body: Block,
}
