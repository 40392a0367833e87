//! Names, kinds and tags of all metrics: the one table that thresholds, reports and documentation share.

use super::Metric;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Rate,
    /// A distribution; of times in ms when `time`.
    Trend {
        time: bool,
    },
}

/// Tags that every sample of a request carries.
const REQUEST_TAGS: &[&str] =
    &["scenario", "group", "name", "method", "status", "proto", "expected_response", "error_code", "stage"];

/// The same, with the readable form of the error code.
const ERROR_TAGS: &[&str] =
    &["scenario", "group", "name", "method", "status", "proto", "expected_response", "error_code", "error", "stage"];

/// Metric, name, kind, tags besides those of plan and scenario.
const CATALOGUE: &[(Metric, &str, Kind, &[&str])] = &[
    (Metric::HttpReqs, "http_reqs", Kind::Counter, REQUEST_TAGS),
    (Metric::HttpReqDuration, "http_req_duration", Kind::Trend { time: true }, REQUEST_TAGS),
    (Metric::HttpReqBlocked, "http_req_blocked", Kind::Trend { time: true }, REQUEST_TAGS),
    (Metric::HttpReqConnecting, "http_req_connecting", Kind::Trend { time: true }, REQUEST_TAGS),
    (Metric::HttpReqTlsHandshaking, "http_req_tls_handshaking", Kind::Trend { time: true }, REQUEST_TAGS),
    (Metric::HttpReqSending, "http_req_sending", Kind::Trend { time: true }, REQUEST_TAGS),
    (Metric::HttpReqWaiting, "http_req_waiting", Kind::Trend { time: true }, REQUEST_TAGS),
    (Metric::HttpReqReceiving, "http_req_receiving", Kind::Trend { time: true }, REQUEST_TAGS),
    (Metric::HttpReqTotal, "http_req_total", Kind::Trend { time: true }, REQUEST_TAGS),
    (Metric::HttpReqFailed, "http_req_failed", Kind::Rate, REQUEST_TAGS),
    (Metric::HttpReqErrors, "http_req_errors", Kind::Counter, ERROR_TAGS),
    (Metric::Checks, "checks", Kind::Rate, &["scenario", "group", "name", "check", "stage"]),
    (Metric::ExtractFailed, "extract_failed", Kind::Counter, &["scenario", "group", "name", "variable", "stage"]),
    (Metric::Iterations, "iterations", Kind::Counter, &["scenario", "outcome", "stage"]),
    (Metric::IterationDuration, "iteration_duration", Kind::Trend { time: true }, &["scenario", "outcome", "stage"]),
    (Metric::IterationStartDelay, "iteration_start_delay", Kind::Trend { time: true }, &["scenario", "stage"]),
    // A rate and not k6's counter: how many are too many depends on how many were due. `count` counts the dropped ones.
    (Metric::DroppedIterations, "dropped_iterations", Kind::Rate, &["scenario", "stage"]),
    (Metric::Vus, "vus", Kind::Gauge, &["scenario"]),
    (Metric::VusMax, "vus_max", Kind::Gauge, &["scenario"]),
    (Metric::GroupDuration, "group_duration", Kind::Trend { time: true }, &["scenario", "group", "stage"]),
    (Metric::PollWait, "poll_wait", Kind::Trend { time: true }, &["scenario", "group", "name", "stage"]),
    (Metric::PollAttempts, "poll_attempts", Kind::Trend { time: false }, &["scenario", "group", "name", "stage"]),
    (Metric::DataSent, "data_sent", Kind::Counter, REQUEST_TAGS),
    (Metric::DataReceived, "data_received", Kind::Counter, REQUEST_TAGS),
];

impl Metric {
    /// A built-in metric by its name. Custom ones are the plan's.
    pub fn named(name: &str) -> Option<Metric> {
        CATALOGUE.iter().find(|(_, known, ..)| *known == name).map(|(metric, ..)| *metric)
    }

    /// All built-in names, for did-you-mean and documentation.
    pub fn names() -> impl Iterator<Item = &'static str> {
        CATALOGUE.iter().map(|(_, name, ..)| *name)
    }

    /// `None` for custom metrics, whose names are the plan's.
    pub fn name(self) -> Option<&'static str> {
        CATALOGUE.iter().find(|(metric, ..)| *metric == self).map(|(_, name, ..)| *name)
    }

    pub fn kind(self) -> Kind {
        CATALOGUE
            .iter()
            .find(|(metric, ..)| *metric == self)
            .map_or(Kind::Trend { time: true }, |(_, _, kind, _)| *kind)
    }

    /// The tags that its samples carry besides the tags that the plan itself gives.
    pub fn tags(self) -> &'static [&'static str] {
        CATALOGUE
            .iter()
            .find(|(metric, ..)| *metric == self)
            .map_or(&["scenario", "group", "stage"], |(_, _, _, tags)| *tags)
    }
}
