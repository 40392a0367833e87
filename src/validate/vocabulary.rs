//! The words of the language that are not the plan's own: response fields, facts, namespaces, functions.

use crate::expr::{Fact, ResponseField};

const RESPONSE_FIELDS: &[(&str, ResponseField)] = &[
    ("status", ResponseField::Status),
    ("body", ResponseField::Body),
    ("json", ResponseField::Json),
    ("headers", ResponseField::Headers),
    ("cookies", ResponseField::Cookies),
    ("timings", ResponseField::Timings),
    ("url", ResponseField::Url),
    ("error", ResponseField::Error),
    ("error_code", ResponseField::ErrorCode),
    ("proto", ResponseField::Proto),
    ("remote_ip", ResponseField::RemoteIp),
];

/// Names that are only ever written with a field behind them.
pub(crate) const NAMESPACES: &[&str] = &["env", "vu", "scenario", "setup"];

/// What other tools call our names, for the hint.
const FOREIGN: &[(&str, &str)] = &[
    ("__VU", "vu.id"),
    ("__ITER", "vu.iteration"),
    ("__ENV", "env.NAME"),
    ("response", "status`, `json` or another field by its bare name, as in `status == 200"),
    ("resp", "status`, `json` or another field by its bare name, as in `status == 200"),
    ("res", "status`, `json` or another field by its bare name, as in `status == 200"),
    ("duration", "timings.duration"),
    ("elapsed", "timings.duration"),
    ("latency", "timings.duration"),
    ("http_req_duration", "timings.duration"),
    ("response_time", "timings.duration"),
    ("responseTime", "timings.duration"),
    ("True", "true"),
    ("False", "false"),
    ("None", "null"),
    ("nil", "null"),
    ("undefined", "null"),
];

pub(crate) fn response_field(name: &str) -> Option<ResponseField> {
    RESPONSE_FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
}

pub(crate) fn fact(namespace: &str, field: &str) -> Option<Fact> {
    match (namespace, field) {
        ("vu", "id") => Some(Fact::VuId),
        ("vu", "iteration") => Some(Fact::VuIteration),
        ("scenario", "iteration") => Some(Fact::ScenarioIteration),
        _ => None,
    }
}

pub(super) fn response_fields<'a>() -> impl Iterator<Item = &'a str> {
    RESPONSE_FIELDS.iter().map(|(name, _)| *name)
}

pub(super) fn foreign(name: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours)
}
