//! Every word of the language as a table: the decoder, the JSON Schema and the reference read it.
//!
//! A word is `Here`, or `Later`: part of the language, but refused by this version, so that nothing parses and then does nothing.

use crate::compress::Encoding;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Here,
    Later,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Fixed text.
    Text,
    /// Text in which `${ expr }` is replaced.
    Template,
    Expression,
    Bool,
    /// 0 or more.
    Whole,
    Duration,
    /// `10MB`, `512KiB`.
    Size,
    /// A duration, or `1s..3s`.
    Pause,
    /// Anything, with templates at its leaves.
    Data,
    Word(&'static [&'static str]),
    Object(&'static Object),
    List(&'static Shape),
    /// From names that the plan chooses.
    Map(&'static Shape),
    Steps,
    /// One of these forms.
    Any(&'static [Shape]),
}

#[derive(Debug)]
pub struct Word {
    pub name: &'static str,
    pub shape: Shape,
    pub doc: &'static str,
    pub state: State,
}

#[derive(Debug)]
pub struct Object {
    /// What messages call it: `the plan`, `a scenario`.
    pub name: &'static str,
    /// In groups, because some are shared.
    pub words: &'static [&'static [Word]],
    pub required: &'static [&'static str],
}

impl Object {
    pub fn words(&self) -> impl Iterator<Item = &'static Word> {
        self.words.iter().flat_map(|group| group.iter())
    }

    pub fn word(&self, name: &str) -> Option<&'static Word> {
        self.words().find(|word| word.name == name)
    }
}

/// A kind of step: the key that tells it, and all keys it may have.
#[derive(Debug)]
pub struct StepForm {
    pub key: &'static str,
    pub object: &'static Object,
    pub state: State,
}

const fn here(name: &'static str, shape: Shape, doc: &'static str) -> Word {
    Word { name, shape, doc, state: State::Here }
}

const fn later(name: &'static str, doc: &'static str) -> Word {
    Word { name, shape: Shape::Data, doc, state: State::Later }
}

const fn object(name: &'static str, words: &'static [&'static [Word]], required: &'static [&'static str]) -> Object {
    Object { name, words, required }
}

use Shape::{
    Any, Bool, Data, Duration, Expression, List, Map, Object as Of, Pause, Size, Steps, Template, Text, Whole,
    Word as OneOf,
};

pub const EXECUTORS: &[&str] = &[
    "constant-vus",
    "ramping-vus",
    "shared-iterations",
    "per-vu-iterations",
    "constant-arrival-rate",
    "ramping-arrival-rate",
];
pub const ARRIVALS: &[&str] = &["regular", "poisson"];
pub const ENV_KINDS: &[&str] = &["text", "int", "float", "bool"];
pub const LOG_LEVELS: &[&str] = &["debug", "info", "warn", "error"];
pub const STOP_SCOPES: &[&str] = &["iteration", "vu", "test"];
pub const CONNECTIONS: &[&str] = &["per_vu", "per_iteration"];
pub const VERSIONS: &[&str] = &["auto", "1.1", "2"];
pub const PICKS: &[&str] = &["one", "first", "last", "random", "all", "count"];
pub const FIRST: &[&str] = &["now", "wait"];
pub const ROW_PICKS: &[&str] = &["sequential", "random", "shuffle", "unique", "per_vu"];
pub const ROWS_PER: &[&str] = &["iteration", "vu"];
pub const ON_EXHAUSTED: &[&str] = &["stop_vu", "recycle", "fail"];
pub const COOKIES: &[&str] = &["per_vu", "per_iteration", "off"];
pub const ENCODINGS: &[&str] = Encoding::NAMES;

pub static PLAN: Object = object("the plan", &[PLAN_WORDS, LOAD, SHARED, PLAN_LATER], &[]);
pub static SCENARIO: Object = object("a scenario", &[LOAD, SHARED, SCENARIO_WORDS], &["steps"]);
pub static HTTP: Object = object("`http`", &[HTTP_WORDS], &[]);
pub static SHARED_CONNECTIONS: Object = object("`connections`", &[SHARED_WORDS], &["shared"]);
pub static TLS: Object = object("`tls`", &[TLS_WORDS], &[]);
pub static DNS: Object = object("`dns`", &[DNS_WORDS], &[]);
pub static AUTH: Object = object("`auth`", &[AUTH_WORDS], &[]);
pub static BASIC: Object = object("`basic`", &[CREDENTIALS], &["username", "password"]);
pub static DIGEST: Object = object("`digest`", &[CREDENTIALS], &["username", "password"]);
pub static RETRY: Object = object("`retry`", &[RETRY_WORDS], &["attempts"]);
pub static BACKOFF: Object = object("`backoff`", &[BACKOFF_WORDS], &["initial"]);
pub static PART: Object = object("a part of `multipart`", &[PART_WORDS], &[]);
pub static BODY_FILE: Object = object("`body_file`", &[BODY_FILE_WORDS], &["path"]);
pub static STAGE: Object = object("a stage", &[STAGE_WORDS], &["duration", "target"]);
pub static STEPPED_STAGE: Object = object("a stepped stage", &[STEPPED_STAGE_WORDS], &["add", "every", "until"]);
pub static ENV_VAR: Object = object("an environment variable", &[ENV_WORDS], &[]);
pub static DATA_SET: Object = object("a data set", &[DATA_SET_WORDS], &[]);
pub static THRESHOLD: Object = object("a threshold", &[THRESHOLD_WORDS], &["threshold"]);
pub static REQUEST: Object = object("`request`", &[METHOD_WORDS, REQUEST_WORDS], &["method", "url"]);
pub static EXTRACT: Object = object("an extraction", &[EXTRACT_WORDS], &[]);
pub static SLEEP: Object = object("`sleep`", &[SLEEP_WORDS], &[]);
pub static FOR_EACH: Object = object("`for_each`", &[FOR_EACH_WORDS], &["in", "as"]);
pub static POLL: Object = object("`poll`", &[POLL_WORDS], &["until", "steps"]);
pub static BRANCH: Object = object("a branch of `choose`", &[BRANCH_WORDS], &["weight", "steps"]);
pub static LOG: Object = object("`log`", &[LOG_WORDS], &["message"]);
pub static STOP: Object = object("`stop`", &[STOP_WORDS], &[]);

pub static REQUEST_STEP: Object = object("a request", &[VERBS, COMMON, MEASURED, REQUEST_WORDS], &[]);
static SLEEP_STEP: Object = object(
    "a `sleep` step",
    &[
        &[here(
            "sleep",
            Any(&[Pause, Of(&SLEEP)]),
            "Think time: `1s`, or `1s..3s` for a random one. No part of any request's time.",
        )],
        COMMON,
    ],
    &["sleep"],
);
static SET_STEP: Object = object(
    "a `set` step",
    &[&[here("set", Map(&Data), "Assigns variables: `name` for the iteration, `vu.name` for the VU's life.")], COMMON],
    &["set"],
);
static APPEND_STEP: Object = object(
    "an `append` step",
    &[&[here("append", Map(&Data), "Adds a value to the end of a list.")], COMMON],
    &["append"],
);
static IF_STEP: Object = object(
    "an `if` step",
    &[
        &[
            here("if", Expression, "The condition: a boolean expression."),
            here("then", Steps, "What is done when it is true."),
            here("else", Steps, "What is done when it is false."),
            here("name", Text, "What reports call the step."),
        ],
        MEASURED,
    ],
    &["if", "then"],
);
static REPEAT_STEP: Object = object(
    "a `repeat` step",
    &[
        &[here("repeat", Any(&[Whole, Template]), "How often: a number, or a template that gives one."), NESTED],
        COMMON,
        MEASURED,
    ],
    &["repeat", "steps"],
);
static WHILE_STEP: Object = object(
    "a `while` step",
    &[
        &[
            here("while", Expression, "Repeats as long as this is true."),
            here("max", Whole, "Ends the iteration as failed when passed; 1000 by default."),
            NESTED,
        ],
        COMMON,
        MEASURED,
    ],
    &["while", "steps"],
);
static FOR_EACH_STEP: Object = object(
    "a `for_each` step",
    &[&[here("for_each", Of(&FOR_EACH), "Once for every item of a list."), NESTED], COMMON, MEASURED],
    &["for_each", "steps"],
);
static PARALLEL_STEP: Object = object(
    "a `parallel` step",
    &[
        &[
            here(
                "parallel",
                Steps,
                "Steps that run at the same time, each one a branch; a `group` makes a branch of several.",
            ),
            here(
                "max_parallel",
                Whole,
                "How many branches run at the same time; 6 by default, as a browser opens to a host.",
            ),
        ],
        COMMON,
        MEASURED,
    ],
    &["parallel"],
);
static POLL_STEP: Object = object(
    "a `poll` step",
    &[&[here("poll", Of(&POLL), "Repeats its steps until a condition holds.")], COMMON, MEASURED],
    &["poll"],
);
static CHOOSE_STEP: Object = object(
    "a `choose` step",
    &[&[here("choose", List(&Of(&BRANCH)), "One branch at random, by weight.")], COMMON, MEASURED],
    &["choose"],
);
static GROUP_STEP: Object = object(
    "a `group` step",
    &[
        &[
            here("group", Text, "The name of this part; its time is `group_duration{group:NAME}`."),
            here("metric", Text, "Also records the time of the whole group as a trend of this name."),
            NESTED,
        ],
        COMMON,
        MEASURED,
    ],
    &["group", "steps"],
);
static LOG_STEP: Object = object(
    "a `log` step",
    &[&[here("log", Any(&[Template, Of(&LOG)]), "Writes a line, rate-limited; text alone has level `info`.")], COMMON],
    &["log"],
);
static OUTCOME_STEP: Object = object(
    "an `outcome` step",
    &[
        &[here("outcome", Template, "Names the iteration's outcome without ending it: `iterations{outcome:NAME}`.")],
        COMMON,
    ],
    &["outcome"],
);
static STOP_STEP: Object = object(
    "a `stop` step",
    &[
        &[here(
            "stop",
            Any(&[OneOf(STOP_SCOPES), Of(&STOP)]),
            "Ends the iteration, the VU or the test; `{iteration: OUTCOME}` names the outcome, `{test: REASON}` fails the run.",
        )],
        COMMON,
    ],
    &["stop"],
);
static LATER_STEP: Object = object("a step", &[LATER_STEPS, COMMON], &[]);

pub const STEP_FORMS: &[StepForm] = &[
    form("get", &REQUEST_STEP),
    form("post", &REQUEST_STEP),
    form("put", &REQUEST_STEP),
    form("patch", &REQUEST_STEP),
    form("delete", &REQUEST_STEP),
    form("head", &REQUEST_STEP),
    form("options", &REQUEST_STEP),
    form("request", &REQUEST_STEP),
    form("sleep", &SLEEP_STEP),
    form("set", &SET_STEP),
    form("append", &APPEND_STEP),
    form("if", &IF_STEP),
    form("repeat", &REPEAT_STEP),
    form("while", &WHILE_STEP),
    form("for_each", &FOR_EACH_STEP),
    form("parallel", &PARALLEL_STEP),
    form("poll", &POLL_STEP),
    form("choose", &CHOOSE_STEP),
    form("group", &GROUP_STEP),
    form("log", &LOG_STEP),
    form("outcome", &OUTCOME_STEP),
    form("stop", &STOP_STEP),
    later_form("collect"),
    later_form("record"),
    later_form("use"),
    later_form("websocket"),
    later_form("grpc"),
    later_form("sse"),
];

const fn form(key: &'static str, object: &'static Object) -> StepForm {
    StepForm { key, object, state: State::Here }
}

const fn later_form(key: &'static str) -> StepForm {
    StepForm { key, object: &LATER_STEP, state: State::Later }
}

/// Every object, outermost first: where a misplaced key may belong.
pub fn objects() -> Vec<&'static Object> {
    let named: [&'static Object; 26] = [
        &PLAN,
        &SCENARIO,
        &HTTP,
        &SHARED_CONNECTIONS,
        &TLS,
        &DNS,
        &AUTH,
        &BASIC,
        &DIGEST,
        &RETRY,
        &BACKOFF,
        &PART,
        &BODY_FILE,
        &STAGE,
        &STEPPED_STAGE,
        &ENV_VAR,
        &DATA_SET,
        &THRESHOLD,
        &REQUEST,
        &EXTRACT,
        &SLEEP,
        &FOR_EACH,
        &POLL,
        &BRANCH,
        &LOG,
        &STOP,
    ];
    let mut all: Vec<&'static Object> = named.into_iter().collect();
    for form in STEP_FORMS {
        if !all.iter().any(|known| std::ptr::eq(*known, form.object)) {
            all.push(form.object);
        }
    }
    all
}

// Named, because a constant's arguments cannot refer to statics.
static ENV_ENTRY: Shape = Any(&[Text, Of(&ENV_VAR)]);
static A_DATA_SET: Shape = Of(&DATA_SET);
static A_SCENARIO: Shape = Of(&SCENARIO);
static METRIC_THRESHOLDS: Shape = Any(&[Text, List(&A_THRESHOLD)]);
static A_THRESHOLD: Shape = Any(&[Text, Of(&THRESHOLD)]);
static A_STAGE: Shape = Any(&[Of(&STAGE), Of(&STEPPED_STAGE)]);
static A_PART: Shape = Any(&[Template, Of(&PART)]);
static A_FIELD: Shape = Any(&[Template, Of(&PART), List(&A_PART)]);
static TEMPLATES: Shape = Any(&[Template, List(&Template)]);
static AN_EXTRACTION: Shape = Any(&[Text, Of(&EXTRACT)]);

const PLAN_WORDS: &[Word] = &[
    here("name", Text, "The plan's name, for reports."),
    here("description", Text, "What the plan is for, for people."),
    here("allow", List(&Text), "Lints of `proofload check` that are silenced, by name."),
    here(
        "env",
        Map(&ENV_ENTRY),
        "What is read from the environment: a name and its default, or `{required, secret, type}`.",
    ),
    here("vars", Map(&Data), "Values that do not change during a run."),
    here("data", Map(&A_DATA_SET), "Data sets: rows from a file, read as `${NAME.COLUMN}`."),
    here("scenarios", Map(&A_SCENARIO), "What runs side by side, by name."),
    here(
        "thresholds",
        Map(&METRIC_THRESHOLDS),
        "What must hold, by metric: `http_req_duration{name:reserve}: [\"p(95)<300\"]`.",
    ),
];

const SHARED: &[Word] = &[
    here("http", Of(&HTTP), "Defaults of all requests."),
    here("tags", Map(&Template), "Tags of all samples."),
    here("steps", Steps, "What one iteration does."),
    here("on_start", Steps, "Steps that run once per VU, before its first iteration."),
    here("on_stop", Steps, "Steps that run once per VU, after its last iteration."),
    here(
        "warmup",
        Duration,
        "The first part of the scenario, which is not judged: its samples are in the time series, and in no total and no threshold.",
    ),
];

const LOAD: &[Word] = &[
    here("executor", OneOf(EXECUTORS), "How load is made; found from the other fields where it is left out."),
    here("vus", Whole, "How many virtual users."),
    here("duration", Duration, "How long iterations are started."),
    here("iterations", Whole, "How many iterations: in all, or per VU with `per-vu-iterations`."),
    here("stages", List(&A_STAGE), "How the number of VUs, or the rate, goes from target to target."),
    here("start_vus", Whole, "VUs before the first stage; 1 by default, 0 where the first stage is a stepped one."),
    here("start_time", Duration, "How long after the start of the run this begins; 0s by default."),
    here("graceful_stop", Duration, "How long running iterations may take to end at the end; 30s by default."),
    here(
        "graceful_ramp_down",
        Duration,
        "How long an iteration may take to end when its VU is ramped down; 30s by default.",
    ),
    here("max_duration", Duration, "The latest end where `iterations` rule; 10m by default."),
    here("rate", Whole, "Iterations started per `time_unit`, however long they take."),
    here("start_rate", Whole, "The rate before the first stage; 0 by default."),
    here("time_unit", Duration, "What `rate`, `start_rate` and the targets of a rate count per; 1s by default."),
    here("pre_allocated_vus", Whole, "VUs that are there from the start of an arrival rate; 0 by default."),
    here(
        "max_vus",
        Whole,
        "VUs at most for an arrival rate; by default `pre_allocated_vus`, and without that 10 s of the highest rate.",
    ),
    here(
        "arrivals",
        OneOf(ARRIVALS),
        "How an arrival rate is spread: `regular` (the default), or `poisson` for random gaps.",
    ),
    here(
        "pace",
        Duration,
        "The shortest time between the starts of two iterations of one VU: what is left of it after an iteration is waited for.",
    ),
];

const PLAN_LATER: &[Word] = &[
    later("setup", "steps before everything else"),
    later("teardown", "steps after everything else"),
    later("fragments", "steps with a name, for `use`"),
    later("include", "other files with fragments"),
    later("metrics", "metrics of the plan's own"),
    later("monitors", "the target's own numbers"),
    later("environments", "sets of `env` by name"),
    later("capacity", "what `proofload capacity` searches"),
];

const SCENARIO_WORDS: &[Word] = &[
    here(
        "weight",
        Whole,
        "The scenario's share of the plan's load, relative to the other scenarios, instead of a load of its own.",
    ),
    here("env", Map(&Text), "Names of the plan's `env` with other values for this scenario."),
];

const HTTP_WORDS: &[Word] = &[
    here("base_url", Template, "What URLs that start with `/` are joined to."),
    here("headers", Map(&Template), "Headers of every request; a request's own win."),
    here("timeout", Duration, "How long a request may take; 60s by default."),
    here("redirects", Whole, "How many redirects are followed; 10 by default, 0 for none."),
    here("expect", EXPECT, "Statuses that count as success; 200..399 by default."),
    here("auth", AUTH_SHAPE, "Credentials of every request."),
    here("tls", Of(&TLS), "Certificates, versions and ciphers of https. Of the plan, not of a scenario."),
    here(
        "connections",
        CONNECTIONS_SHAPE,
        "Whose connections are: `per_vu`, the default, keeps them between iterations; `per_iteration` opens new ones; `{ shared: N }` has N for all VUs together, which wait for their turn. Of the plan, not of a scenario.",
    ),
    here(
        "version",
        Text,
        "`auto`, the default: on https HTTP/2 where the server chooses it, HTTP/1.1 otherwise. `1.1`: always HTTP/1.1. `2`: always HTTP/2; a server that does not speak it is an error. Of the plan, not of a scenario.",
    ),
    here(
        "proxy",
        Template,
        "The way of all requests: `http://USER:PASSWORD@HOST:PORT`, `socks5://…`, `socks5h://…` (the proxy looks names up) or `none`. By default what `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say. Of the plan, not of a scenario.",
    ),
    here(
        "resolve",
        Map(&TEMPLATES),
        "Where hosts are, instead of asking a name server: `shop.example: 10.0.0.1`, `\"shop.example:443\": [10.0.0.1, \"10.0.0.2:8443\"]`, `\"*.example\": 10.0.0.1`. Of the plan, not of a scenario.",
    ),
    here("dns", Of(&DNS), "How names become addresses. Of the plan, not of a scenario."),
    here(
        "local_address",
        Any(&[Template, List(&Template)]),
        "Addresses of this machine that connections come from, by turns: `10.0.0.5`, `10.0.0.5-10.0.0.9`, `10.0.0.0/28`. Each has ports for some 28,000 connections to one target. Of the plan, not of a scenario.",
    ),
    here(
        "unix_socket",
        Template,
        "A Unix socket that all connections go to; the URL still gives host and path. Of the plan, not of a scenario.",
    ),
    here(
        "cookies",
        OneOf(COOKIES),
        "How long cookies are kept: `per_vu` (the default), `per_iteration`, or `off`: none is kept or sent.",
    ),
    here("compression", COMPRESSION, "How the bodies of requests are packed; not at all by default."),
    here("discard_body", Bool, "Reads the bodies of responses to their end without keeping them."),
    here("max_body", Size, "The largest body of a response, decoded, that is no failure; 64MiB by default."),
    here("expect_continue", Bool, "Asks with `Expect: 100-continue` before a body is sent."),
    here("retry", RETRY_SHAPE, "Which requests are sent again, and how often."),
];

const CONNECTIONS_SHAPE: Shape = Any(&[OneOf(CONNECTIONS), Of(&SHARED_CONNECTIONS)]);
const EXPECT: Shape = Any(&[Whole, Text, List(&Any(&[Whole, Text]))]);
const AUTH_SHAPE: Shape = Any(&[Of(&AUTH), OneOf(NONE)]);
const COMPRESSION: Shape = Any(&[OneOf(ENCODINGS), List(&OneOf(ENCODINGS)), OneOf(NONE)]);
const RETRY_SHAPE: Shape = Any(&[Of(&RETRY), OneOf(NONE)]);
const NONE: &[&str] = &["none"];

const SHARED_WORDS: &[Word] =
    &[here("shared", Whole, "How many connections all VUs have together. Each carries one request at a time.")];

const TLS_WORDS: &[Word] = &[
    here("insecure", Bool, "Accepts any certificate."),
    here("ca", Text, "A PEM file with certificates to trust besides the system's."),
    here("cert", Text, "A PEM file with the client's certificate, and those of its issuers behind it."),
    here("key", Text, "A PEM file with the private key that belongs to `cert`."),
    here("min_version", Text, "The oldest version, `1.2` (the default) or `1.3`."),
    here("max_version", Text, "The newest version, `1.2` or `1.3` (the default)."),
    here(
        "ciphers",
        Any(&[Text, List(&Text)]),
        "The only cipher suites that are offered, by their IANA names; all by default.",
    ),
    here(
        "server_name",
        Template,
        "The name that is asked for (SNI) and looked for in the certificate, instead of the URL's host.",
    ),
    here(
        "session_resumption",
        Bool,
        "Whether a VU that connects again resumes its own TLS session, as a browser does; connections that all VUs share resume each other's. `false` by default: every handshake is a full one.",
    ),
];

const DNS_WORDS: &[Word] = &[
    here(
        "ttl",
        Any(&[Duration, OneOf(&["inf"])]),
        "How long an answer is believed; 5m by default, `0s` asks for every connection, `inf` once.",
    ),
    here(
        "select",
        OneOf(crate::route::Select::NAMES),
        "Which address a connection tries first: `round_robin` (the default), `random` or `first`. The others follow where it cannot be reached.",
    ),
    here(
        "policy",
        OneOf(crate::route::Policy::NAMES),
        "Which addresses are tried; `prefer_ipv4` (the default) tries IPv6 after all of IPv4.",
    ),
];

const AUTH_WORDS: &[Word] = &[
    here("basic", Of(&BASIC), "User name and password."),
    here("bearer", Template, "A token, sent as `Authorization: Bearer …`."),
    here("digest", Of(&DIGEST), "User name and password, for the server's challenge (RFC 7616)."),
];

const CREDENTIALS: &[Word] =
    &[here("username", Template, "The user name."), here("password", Template, "The password.")];

const RETRY_WORDS: &[Word] = &[
    here("attempts", Whole, "How often it is sent at most, the first time included. Every attempt is counted."),
    here(
        "on",
        RETRY_ON,
        "What is not accepted: statuses, ranges and classes, `error` (no response), `timeout`; `[429, 5xx, error, timeout]` by default.",
    ),
    here("backoff", BACKOFF_SHAPE, "The pause before the second attempt; 100ms by default."),
    here("retry_after", Bool, "Whether a longer pause in `Retry-After` is kept, up to `max`; `true` by default."),
];

const RETRY_ON: Shape = Any(&[Whole, Text, List(&Any(&[Whole, Text]))]);

const BACKOFF_SHAPE: Shape = Any(&[Duration, Of(&BACKOFF)]);

const BACKOFF_WORDS: &[Word] = &[
    here("initial", Duration, "The pause before the second attempt."),
    here("factor", Whole, "How many times longer each further pause is; 2 by default, 1 for the same pause."),
    here("max", Duration, "The longest pause; 30s by default."),
    here("jitter", Bool, "A random pause between half of it and all of it; `false` by default."),
];

const PART_WORDS: &[Word] = &[
    here("value", Data, "The text of a field; a list repeats it."),
    here("json", Data, "JSON, sent as `application/json` unless `content_type` says otherwise."),
    here("file", Text, "A file sent as it is, relative to the plan."),
    here("content_type", Template, "The part's `Content-Type`; `application/octet-stream` for a file by default."),
    here("filename", Template, "The name that the server is told; that of the file by default."),
];

const A_BODY_FILE: Shape = Any(&[Text, Of(&BODY_FILE)]);

const BODY_FILE_WORDS: &[Word] =
    &[here("path", Text, "The file, relative to the plan."), here("template", Bool, "Replaces `${ expr }` in it.")];

const STAGE_WORDS: &[Word] = &[
    here("duration", Duration, "How long the stage takes."),
    here("target", Whole, "The number of VUs, or the rate, at its end."),
];

const STEPPED_STAGE_WORDS: &[Word] = &[
    here(
        "add",
        Whole,
        "How many VUs, or how much of a rate, come with each step, the first at once; they go where `until` is below the level.",
    ),
    here("every", Duration, "How long each level is held."),
    here("until", Whole, "The last level."),
    here("hold", Duration, "How long the last level is held; as long as the others by default."),
];

const ENV_WORDS: &[Word] = &[
    here("default", Text, "The value where the environment has none."),
    here("required", Bool, "Refuses to run where the environment has none."),
    here("secret", Bool, "Masks the value in all output."),
    here("type", OneOf(ENV_KINDS), "What the text is read as; `text` by default."),
];

const DATA_SET_WORDS: &[Word] = &[
    here("csv", Text, "A CSV file, relative to the plan."),
    here("json", Text, "A file with a JSON array of objects, relative to the plan."),
    here("jsonl", Text, "A file with one JSON object on each line, relative to the plan."),
    here("rows", List(&Data), "The rows themselves: `[{id: 1}, {id: 2}]`."),
    here("delimiter", Text, "What separates the fields of CSV: one character, or `tab`; a comma by default."),
    here("header", Bool, "Whether the first line of CSV names the columns; `true` by default."),
    here("columns", List(&Text), "The columns of CSV to keep; without a header, the names of all of them."),
    here("types", Map(&OneOf(ENV_KINDS)), "What columns of CSV are read as; `text` by default: `007` stays `007`."),
    here(
        "pick",
        OneOf(ROW_PICKS),
        "Which row is next; `sequential` by default. `random` may repeat, `shuffle` is `sequential` in an order of chance, `unique` gives each row once in the whole run, `per_vu` gives VU k row k.",
    ),
    here(
        "per",
        OneOf(ROWS_PER),
        "How long a row is kept: for one `iteration` (the default), or for the life of the `vu`.",
    ),
    here(
        "on_exhausted",
        OneOf(ON_EXHAUSTED),
        "When `unique` has no row left: `stop_vu` (the default), `recycle` begins again, `fail` stops the test.",
    ),
    later("collected", "rows that `setup` collects"),
    later("save", "the file that collected rows are written to"),
    later("reuse", "takes the saved file where it exists"),
];

const THRESHOLD_WORDS: &[Word] = &[
    here("threshold", Text, "The expression: `p(95)<300`."),
    here("abort_on_fail", Bool, "Ends the run as soon as it breaks."),
    here("delay_abort_eval", Duration, "How long `abort_on_fail` waits for samples first."),
    here("allow_empty", Bool, "Holds where there were no samples."),
    later("over", "must hold in every window of this length"),
];

const COMMON: &[Word] = &[
    here("name", Text, "What reports call the step; the `name` tag of a request."),
    here("if", Expression, "Does the step only when this is true."),
];

/// Of steps that send requests, or hold steps that do.
const MEASURED: &[Word] = &[here(
    "measure",
    Bool,
    "`false` keeps the requests of this step, and of the steps in it, out of the `http_` metrics: a login that is only a way in.",
)];

const NESTED: Word = here("steps", Steps, "What is done.");

const VERBS: &[Word] = &[
    here("get", Template, "A GET request to this URL."),
    here("post", Template, "A POST request to this URL."),
    here("put", Template, "A PUT request to this URL."),
    here("patch", Template, "A PATCH request to this URL."),
    here("delete", Template, "A DELETE request to this URL."),
    here("head", Template, "A HEAD request to this URL."),
    here("options", Template, "An OPTIONS request to this URL."),
    here("request", Of(&REQUEST), "A request with any method."),
];

const METHOD_WORDS: &[Word] =
    &[here("method", Text, "The request's method."), here("url", Template, "The URL, joined to `http.base_url`.")];

const REQUEST_WORDS: &[Word] = &[
    here("headers", Map(&Template), "Headers by name."),
    here("query", Map(&Data), "Query parameters; a list repeats one."),
    here("json", Data, "A JSON body."),
    here("form", Map(&Data), "A form body; a list repeats a field."),
    here("body", Template, "A body of text."),
    here(
        "body_file",
        A_BODY_FILE,
        "A file sent as it is, relative to the plan; with `{path, template: true}`, one in which `${ expr }` is replaced.",
    ),
    here("multipart", Map(&A_FIELD), "A multipart form of values and files; a list repeats a field."),
    here("auth", AUTH_SHAPE, "Credentials; `none` switches those of `http` off."),
    here("timeout", Duration, "How long the request may take."),
    here("redirects", Whole, "How many redirects are followed."),
    here("expect", EXPECT, "Statuses that count as success."),
    here("require", CHECKS, "Checks that end the iteration when they fail."),
    here("extract", Map(&AN_EXTRACTION), "Variables out of the response: `token: $.data.token`."),
    here("checks", CHECKS, "Expressions that are counted as passed or failed."),
    here("tags", Map(&Template), "Tags of this request's samples."),
    here("compression", COMPRESSION, "How the request's body is packed; `none` switches that of `http` off."),
    here("discard_body", Bool, "Reads the response's body to its end without keeping it."),
    here("max_body", Size, "The largest body of the response, decoded, that is no failure."),
    here("expect_continue", Bool, "Asks with `Expect: 100-continue` before the body is sent."),
    here("retry", RETRY_SHAPE, "When it is sent again, and how often; `none` switches that of `http` off."),
];

const CHECKS: Shape = Any(&[Map(&Expression), List(&Expression)]);

const EXTRACT_WORDS: &[Word] = &[
    here("jsonpath", Text, "A JSONPath (RFC 9535) into the JSON body."),
    here("regex", Text, "A regular expression; its first group, or all of it."),
    here("header", Text, "A response header."),
    here("cookie", Text, "A cookie that the response sets."),
    here("pick", Any(&[OneOf(PICKS), Whole]), "Which match; `one` by default: exactly one is demanded."),
    here("default", Data, "The value where nothing matches."),
    here("secret", Bool, "Masks the value in all output."),
    later("css", "a CSS selector"),
    later("expr", "an expression"),
];

const SLEEP_WORDS: &[Word] = &[
    later("distribution", "`normal` or `exponential`"),
    later("mean", "the mean of the distribution"),
    later("std_dev", "the deviation of the distribution"),
    later("min", "the shortest sleep"),
    later("max", "the longest sleep"),
];

const FOR_EACH_WORDS: &[Word] = &[
    here("in", Expression, "An expression that gives a list."),
    here("as", Text, "The name of the item."),
    here("concurrency", Whole, "How many items at the same time; 1 by default, one after the other."),
];

const POLL_WORDS: &[Word] = &[
    here("until", Expression, "Ends the poll when true after an attempt."),
    here("fail_if", Expression, "Gives up at once when true."),
    here("every", Pause, "The pause between attempts; 1s by default."),
    here("attempts", Whole, "How many attempts at most."),
    here("timeout", Duration, "How long at most."),
    here("first", OneOf(FIRST), "`wait` pauses before the first attempt too; `now` by default."),
    here("on_give_up", Text, "`fail` (the default), `continue`, or the name of an outcome."),
    here("steps", Steps, "One attempt."),
];

const BRANCH_WORDS: &[Word] = &[here("weight", Whole, "How often, relative to the other branches."), NESTED];

const LOG_WORDS: &[Word] =
    &[here("level", OneOf(LOG_LEVELS), "`info` by default."), here("message", Template, "The line.")];

const STOP_WORDS: &[Word] =
    &[here("iteration", Template, "The iteration's outcome."), here("test", Template, "The reason of failure.")];

const LATER_STEPS: &[Word] = &[
    later("collect", "adds a row to a data set"),
    later("record", "a sample of a custom metric"),
    later("use", "steps of a fragment"),
    later("with", "what a fragment is given"),
    later("websocket", "WebSocket"),
    later("grpc", "gRPC"),
    later("sse", "server-sent events"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_object_has_a_word_twice_and_every_required_word_is_known() {
        for object in objects() {
            let names: Vec<&str> = object.words().map(|word| word.name).collect();
            let unique: std::collections::BTreeSet<&str> = names.iter().copied().collect();
            assert_eq!(names.len(), unique.len(), "{}", object.name);
            for required in object.required {
                assert!(unique.contains(required), "{} of {}", required, object.name);
            }
        }
    }

    #[test]
    fn every_step_form_has_its_own_key_among_its_words() {
        for form in STEP_FORMS {
            assert_eq!(form.object.word(form.key).map(|word| word.state), Some(form.state), "{}", form.key);
        }
    }
}
