//! A page for every code: what it means, a plan that has it, the right plan. `docs/errors/CODE.md`, built into the program.
//!
//! Owns: which pages there are. A test demands one for every code in the sources.

use super::suggest::closest;

macro_rules! pages {
    ($($code:literal)*) => {
        &[$(($code, include_str!(concat!("../../docs/errors/", $code, ".md")))),*]
    };
}

/// Code and page, sorted by code.
static PAGES: &[(&str, &str)] = pages! {
    "arrow-function"
    "auth-conflict"
    "backtick"
    "bad-address"
    "bad-certificate"
    "bad-constant"
    "bad-data"
    "bad-duration"
    "bad-extract"
    "bad-group"
    "bad-header"
    "bad-host"
    "bad-jsonpath"
    "bad-key"
    "bad-metric"
    "bad-name"
    "bad-proxy"
    "bad-regex"
    "bad-server-name"
    "bad-size"
    "bad-status"
    "bad-tag"
    "bad-url"
    "bad-var"
    "bad-weight"
    "body-on-get"
    "check-against-expect"
    "conflicting-keys"
    "constant-check"
    "content-type-conflict"
    "discarded-body"
    "double-braces"
    "duplicate-key"
    "duplicate-value"
    "empty"
    "encoding-conflict"
    "env-type"
    "expression-limit"
    "expression-syntax"
    "few-rows"
    "header-name"
    "invalid-regex"
    "k6-habit"
    "load-beside-scenarios"
    "load-conflict"
    "load-field"
    "load-iterations"
    "load-limit"
    "load-missing"
    "load-warmup"
    "load-weight"
    "load-zero"
    "measure-without-request"
    "metric-conflict"
    "missing-env"
    "missing-file"
    "missing-key"
    "name-conflict"
    "never-boolean"
    "never-holds"
    "no-base-url"
    "no-checks"
    "no-effect"
    "no-pause"
    "no-response-yet"
    "no-row-yet"
    "no-steps"
    "no-tls-version"
    "no-unix-socket"
    "no-value"
    "not-a-plan"
    "not-constant"
    "not-yet"
    "number-too-big"
    "other-boolean"
    "other-null"
    "other-optional"
    "out-of-range"
    "plan-only"
    "poll-without-end"
    "poll-without-request"
    "reserved-tag"
    "reserved-word"
    "route-conflict"
    "secret-in-plan"
    "single-equals"
    "single-operator"
    "smart-quote"
    "stage-kind"
    "step-kind"
    "strict-equality"
    "template-in-expression"
    "template-in-text"
    "template-not-allowed"
    "template-syntax"
    "threshold-always-holds"
    "threshold-limit"
    "threshold-selector"
    "threshold-statistic"
    "threshold-syntax"
    "threshold-tolerates-all"
    "threshold-unit"
    "toml-syntax"
    "too-big"
    "too-deep"
    "too-many-mistakes"
    "two-bodies"
    "two-forms"
    "type-mismatch"
    "unknown-cipher"
    "unknown-column"
    "unknown-env"
    "unknown-field"
    "unknown-function"
    "unknown-key"
    "unknown-lint"
    "unknown-metric"
    "unknown-name"
    "unknown-tag"
    "unknown-tag-value"
    "unknown-value"
    "unlikely-url"
    "unproducible-metric"
    "unreadable-plan"
    "unset-name"
    "word-operator"
    "wrong-arguments"
    "wrong-type"
    "yaml-syntax"
    "zero-value"
};

/// The page of a code, in Markdown.
pub fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| *known == code).map(|(_, page)| *page)
}

/// All codes that have a page, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}

/// Why there is no such page, and which was meant.
pub fn unknown(code: &str) -> String {
    let help = match closest(code, codes()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "the code stands in brackets, as in `error[unknown-key]`".to_owned(),
    };
    format!("there is no code `{code}`: {help}")
}
