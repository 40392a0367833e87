//! The types of a plan, exactly as written: what is absent is `None`, nothing is defaulted or looked up.

use std::time::Duration;

use super::Unread;
use crate::compress::Encoding;
use crate::expr::{Data, Expr, Template};
use crate::route::{Policy, Select, TlsVersion};
use crate::source::{Span, Spanned};

#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub name: Option<Spanned<String>>,
    pub description: Option<Spanned<String>>,
    pub env: Vec<EnvVar>,
    pub vars: Vec<(Spanned<String>, Data)>,
    pub data: Vec<DataSet>,
    pub http: Http,
    pub tags: Vec<Tag>,
    /// The short form: load fields at top level, with `steps`. Also the load that `scenarios` with weights will share.
    pub load: Load,
    pub steps: Option<Spanned<Vec<Step>>>,
    pub scenarios: Vec<Scenario>,
    pub thresholds: Vec<MetricThresholds>,
    pub on_start: Vec<Step>,
    pub on_stop: Vec<Step>,
    pub warmup: Option<Spanned<Duration>>,
    /// Lints that are silenced.
    pub allow: Vec<Spanned<String>>,
    /// What mistakes of form left out.
    pub unread: Unread,
}

#[derive(Clone, Debug)]
pub struct EnvVar {
    pub name: Spanned<String>,
    /// The default as text: environment variables are text until `kind` says otherwise.
    pub default: Option<Spanned<String>>,
    pub required: bool,
    pub secret: bool,
    pub kind: EnvKind,
}

/// What a text is read as: of the environment, or in a column of a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnvKind {
    #[default]
    Text,
    Int,
    Float,
    Bool,
}

/// Rows that steps read by the set's name.
#[derive(Clone, Debug)]
pub struct DataSet {
    pub name: Spanned<String>,
    pub from: RowSource,
    pub pick: Option<Spanned<RowPick>>,
    pub per: Option<Spanned<RowPer>>,
    pub on_exhausted: Option<Spanned<OnExhausted>>,
}

/// Files are relative to the plan.
#[derive(Clone, Debug)]
pub enum RowSource {
    Csv(Box<Csv>),
    /// An array of objects.
    Json(Spanned<String>),
    /// One object on each line.
    JsonLines(Spanned<String>),
    Inline(Spanned<Vec<serde_json::Map<String, crate::expr::Value>>>),
}

#[derive(Clone, Debug)]
pub struct Csv {
    pub file: Spanned<String>,
    /// A byte of ASCII.
    pub delimiter: Option<u8>,
    pub header: Option<Spanned<bool>>,
    pub columns: Option<Spanned<Vec<Spanned<String>>>>,
    pub types: Vec<(Spanned<String>, EnvKind)>,
}

/// Which row of a data set is next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowPick {
    /// In the order of the rows, and from the start again.
    #[default]
    Sequential,
    /// Any, at any time.
    Random,
    /// As `Sequential`, in an order that the seed decides.
    Shuffle,
    /// Each row once, by all VUs and scenarios together.
    Unique,
    /// VU k has row k, and from the start again.
    PerVu,
}

/// How long a row is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowPer {
    #[default]
    Iteration,
    Vu,
}

/// What becomes of a VU for which a `unique` set has no row left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExhausted {
    #[default]
    StopVu,
    /// Rows are handed out again from the first.
    Recycle,
    /// The test is stopped.
    Fail,
}

/// `http:` of the plan or of one scenario.
#[derive(Clone, Debug, Default)]
pub struct Http {
    pub base_url: Option<Spanned<Template>>,
    pub headers: Vec<(Spanned<String>, Spanned<Template>)>,
    pub timeout: Option<Spanned<Duration>>,
    pub redirects: Option<Spanned<u32>>,
    pub expect: Option<Spanned<Vec<StatusRange>>>,
    pub auth: Option<Auth>,
    pub tls: Tls,
    pub connections: Option<Spanned<Connections>>,
    pub version: Option<Spanned<HttpVersion>>,
    pub cookies: Option<Spanned<Cookies>>,
    pub delivery: Delivery,
    pub route: Route,
    /// Words that stand here and can only be the whole plan's: `tls`, `proxy`, …
    pub of_plan_only: Vec<Spanned<String>>,
}

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpVersion {
    /// On https whichever the server chooses, HTTP/1.1 otherwise.
    #[default]
    Auto,
    Http1,
    /// On plain http, too, without asking the server.
    Http2,
}

/// Whose connections are, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    /// Each VU keeps its own.
    #[default]
    PerVu,
    /// Each iteration opens its own.
    PerIteration,
    /// So many for all VUs together, which wait for their turn.
    Shared(u64),
}

/// How long a VU keeps cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cookies {
    #[default]
    PerVu,
    PerIteration,
    Off,
}

/// How a request goes out and its response comes in: of `http`, or of one request.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// In the order of packing; empty for `none`.
    pub compression: Option<Spanned<Vec<Encoding>>>,
    pub discard_body: Option<Spanned<bool>>,
    /// In bytes.
    pub max_body: Option<Spanned<u64>>,
    pub expect_continue: Option<Spanned<bool>>,
    /// `None` inside for `none`.
    pub retry: Option<Spanned<Option<Retry>>>,
}

#[derive(Clone, Debug)]
pub struct Retry {
    /// The first one included.
    pub attempts: Spanned<u64>,
    pub on: Option<Vec<RetryOn>>,
    pub backoff: Option<Backoff>,
    pub retry_after: Option<bool>,
}

/// What is not accepted as an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryOn {
    Status(StatusRange),
    /// No response, for another reason than time.
    Error,
    Timeout,
}

#[derive(Clone, Debug)]
pub struct Backoff {
    pub initial: Spanned<Duration>,
    pub factor: Option<Spanned<u64>>,
    pub max: Option<Spanned<Duration>>,
    pub jitter: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Tls {
    pub insecure: Option<Spanned<bool>>,
    /// A PEM file with certificates to trust besides the system's.
    pub ca: Option<Spanned<String>>,
    /// PEM files.
    pub cert: Option<Spanned<String>>,
    pub key: Option<Spanned<String>>,
    pub min_version: Option<Spanned<TlsVersion>>,
    pub max_version: Option<Spanned<TlsVersion>>,
    pub ciphers: Vec<Spanned<String>>,
    pub server_name: Option<Spanned<Template>>,
    pub session_resumption: Option<Spanned<bool>>,
}

/// The words of `http` that say how connections are made.
#[derive(Clone, Debug, Default)]
pub struct Route {
    pub proxy: Option<Spanned<Template>>,
    pub resolve: Vec<(Spanned<String>, Vec<Spanned<Template>>)>,
    /// `None` inside: `inf`.
    pub ttl: Option<Option<Duration>>,
    pub select: Option<Select>,
    pub policy: Option<Policy>,
    pub local_address: Vec<Spanned<Template>>,
    pub unix_socket: Option<Spanned<Template>>,
}

/// Both ends included: `200` is 200..=200, `2xx` is 200..=299, `200..399` and `200-399` are 200..=399.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    pub first: u16,
    pub last: u16,
}

/// A tag of plan, scenario or step. The value may use `env` and `vars`, which do not change during a run.
#[derive(Clone, Debug)]
pub struct Tag {
    pub key: Spanned<String>,
    pub value: Spanned<Template>,
}

/// How many users, and when: the fields of an executor as written.
#[derive(Clone, Debug, Default)]
pub struct Load {
    pub executor: Option<Spanned<ExecutorKind>>,
    pub vus: Option<Spanned<u64>>,
    pub duration: Option<Spanned<Duration>>,
    pub iterations: Option<Spanned<u64>>,
    pub stages: Option<Spanned<Vec<StageForm>>>,
    pub start_vus: Option<Spanned<u64>>,
    pub start_time: Option<Spanned<Duration>>,
    pub graceful_stop: Option<Spanned<Duration>>,
    pub graceful_ramp_down: Option<Spanned<Duration>>,
    pub max_duration: Option<Spanned<Duration>>,
    pub rate: Option<Spanned<u64>>,
    pub start_rate: Option<Spanned<u64>>,
    pub time_unit: Option<Spanned<Duration>>,
    pub pre_allocated_vus: Option<Spanned<u64>>,
    pub max_vus: Option<Spanned<u64>>,
    pub arrivals: Option<Spanned<Spacing>>,
    pub pace: Option<Spanned<Duration>>,
    /// Some field could not be read, or may be meant by an unknown key.
    pub unread: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutorKind {
    ConstantVus,
    RampingVus,
    SharedIterations,
    PerVuIterations,
    ConstantArrivalRate,
    RampingArrivalRate,
}

/// How arrivals are spread around their rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    Regular,
    Poisson,
}

/// An entry of `stages`.
#[derive(Clone, Debug, PartialEq)]
pub enum StageForm {
    Line(Stage),
    Steps(Steps),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    pub duration: Spanned<Duration>,
    pub target: Spanned<u64>,
}

/// A stepped stage: `add` VUs `every` so often, `until` that many.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    pub add: Spanned<u64>,
    pub every: Spanned<Duration>,
    pub until: Spanned<u64>,
    pub hold: Option<Spanned<Duration>>,
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: Spanned<String>,
    pub load: Load,
    /// Its share of the plan's load, relative to the other scenarios.
    pub weight: Option<Spanned<u64>>,
    /// Names of the plan's `env` and what they are here instead.
    pub env: Vec<(Spanned<String>, Spanned<String>)>,
    pub tags: Vec<Tag>,
    pub http: Http,
    pub steps: Option<Spanned<Vec<Step>>>,
    pub on_start: Vec<Step>,
    pub on_stop: Vec<Step>,
    pub warmup: Option<Spanned<Duration>>,
}

#[derive(Clone, Debug)]
pub struct Step {
    /// From the step's first key to the end of its last value.
    pub span: Span,
    pub name: Option<Spanned<String>>,
    /// `if` on a step of another kind: run it only when true.
    pub condition: Option<Expr>,
    /// `measure: false`: its requests, and those of the steps inside it, stay out of what is judged.
    pub measure: Option<Spanned<bool>>,
    pub kind: StepKind,
}

#[derive(Clone, Debug)]
pub enum StepKind {
    Request(Box<Request>),
    Sleep(Sleep),
    Set(Vec<Assignment>),
    Append(Vec<Assignment>),
    If { condition: Expr, then: Vec<Step>, otherwise: Vec<Step> },
    Repeat { times: Count, steps: Vec<Step> },
    While { condition: Expr, max: Option<Spanned<u64>>, steps: Vec<Step> },
    ForEach { items: Expr, bind: Spanned<String>, concurrency: Option<Spanned<u64>>, steps: Vec<Step> },
    Parallel { branches: Vec<Step>, max: Option<Spanned<u64>> },
    Poll(Box<Poll>),
    Choose(Vec<Branch>),
    Group { name: Spanned<String>, metric: Option<Spanned<String>>, steps: Vec<Step> },
    Log { level: LogLevel, message: Spanned<Template> },
    Outcome(Spanned<Template>),
    Stop { scope: StopScope, reason: Option<Spanned<Template>> },
}

#[derive(Clone, Debug)]
pub struct Request {
    /// In capitals.
    pub method: Spanned<String>,
    pub url: Spanned<Template>,
    pub headers: Vec<(Spanned<String>, Spanned<Template>)>,
    /// A list value repeats the parameter.
    pub query: Vec<(Spanned<String>, Data)>,
    pub body: Option<Body>,
    pub auth: Option<Auth>,
    pub timeout: Option<Spanned<Duration>>,
    pub redirects: Option<Spanned<u32>>,
    pub expect: Option<Spanned<Vec<StatusRange>>>,
    pub require: Vec<Check>,
    pub extract: Vec<Extract>,
    pub checks: Vec<Check>,
    pub tags: Vec<Tag>,
    pub delivery: Delivery,
}

#[derive(Clone, Debug)]
pub enum Body {
    Json(Data),
    /// A list value repeats the field.
    Form(Vec<(Spanned<String>, Data)>),
    Text(Spanned<Template>),
    /// A file, relative to the plan, sent as it is.
    File(Spanned<String>),
    /// A file in which `${ expr }` is replaced.
    FileTemplate(Spanned<String>),
    /// A name that has several parts stands there several times.
    Multipart(Vec<(Spanned<String>, BodyPart)>),
}

/// One field of a multipart form.
#[derive(Clone, Debug)]
pub struct BodyPart {
    pub content: PartContent,
    pub content_type: Option<Spanned<Template>>,
    pub filename: Option<Spanned<Template>>,
}

#[derive(Clone, Debug)]
pub enum PartContent {
    Text(Data),
    Json(Data),
    /// Relative to the plan.
    File(Spanned<String>),
}

impl BodyPart {
    /// The templates of its header.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.content_type.iter().chain(&self.filename).map(|template| &template.value)
    }
}

#[derive(Clone, Debug)]
pub enum Auth {
    Basic {
        username: Spanned<Template>,
        password: Spanned<Template>,
    },
    Bearer(Spanned<Template>),
    Digest {
        username: Spanned<Template>,
        password: Spanned<Template>,
    },
    /// `auth: none` on a request switches off what `http.auth` says.
    None,
}

#[derive(Clone, Debug)]
pub struct Check {
    /// The name given, or the expression's own text.
    pub name: Spanned<String>,
    pub condition: Expr,
}

/// A name that a step sets: `name` for the iteration, `vu.name` for the VU's life.
#[derive(Clone, Debug)]
pub struct Target {
    pub scope: VariableScope,
    /// Without the `vu.`.
    pub name: Spanned<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VariableScope {
    Iteration,
    Vu,
}

#[derive(Clone, Debug)]
pub struct Assignment {
    pub target: Target,
    pub value: Data,
}

#[derive(Clone, Debug)]
pub struct Extract {
    pub target: Target,
    pub from: ExtractFrom,
    pub pick: Pick,
    pub default: Option<Data>,
    pub secret: bool,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ExtractFrom {
    JsonPath(Spanned<String>),
    Regex(Spanned<String>),
    Header(Spanned<String>),
    Cookie(Spanned<String>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pick {
    /// Exactly one match is demanded.
    #[default]
    One,
    First,
    Last,
    Random,
    /// All matches, as a list.
    All,
    /// How many there are.
    Count,
    /// Counted from 0.
    Index(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sleep {
    Fixed(Duration),
    /// Uniform, both ends included.
    Range(Duration, Duration),
}

#[derive(Clone, Debug)]
pub enum Count {
    Fixed(Spanned<u64>),
    Computed(Spanned<Template>),
}

#[derive(Clone, Debug)]
pub struct Poll {
    pub until: Expr,
    pub fail_if: Option<Expr>,
    pub every: Option<Spanned<Sleep>>,
    pub attempts: Option<Spanned<u64>>,
    pub timeout: Option<Spanned<Duration>>,
    /// `first: wait`: wait before the first attempt too.
    pub first_waits: bool,
    pub on_give_up: GiveUp,
    pub steps: Vec<Step>,
    pub span: Span,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum GiveUp {
    /// A counted failure that ends the iteration.
    #[default]
    Fail,
    Continue,
    /// Ends the iteration with this outcome.
    Outcome(String),
}

#[derive(Clone, Debug)]
pub struct Branch {
    pub weight: Spanned<u64>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl LogLevel {
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopScope {
    Iteration,
    Vu,
    Test,
}

/// One key of `thresholds`: a metric with its selector, and what must hold.
#[derive(Clone, Debug)]
pub struct MetricThresholds {
    /// As written, with the selector: `http_req_duration{name:reserve}`.
    pub metric: Spanned<String>,
    pub thresholds: Vec<ThresholdEntry>,
}

#[derive(Clone, Debug)]
pub struct ThresholdEntry {
    /// As written: `p(95)<3000`.
    pub text: Spanned<String>,
    pub abort_on_fail: bool,
    pub delay_abort_eval: Option<Spanned<Duration>>,
    pub allow_empty: bool,
}
