//! Words that people bring along from other tools, and what they are called here.

use super::vocabulary::{self, Object, STEP_FORMS, State};
use crate::diagnostic::closest;

/// What the other tool's word is here. A dot leads into an object: `http.base_url`.
const RENAMED: &[(&str, &str)] = &[
    ("assert", "checks"),
    ("assertions", "checks"),
    ("asserts", "checks"),
    ("basic_auth", "auth"),
    ("bearer", "auth"),
    ("capture", "extract"),
    ("captures", "extract"),
    ("check", "checks"),
    ("concurrent_users", "vus"),
    ("delay", "sleep"),
    ("environment", "env"),
    ("digest_auth", "auth"),
    ("discardResponseBodies", "discard_body"),
    ("flow", "steps"),
    ("follow_redirects", "redirects"),
    ("followRedirects", "redirects"),
    ("formData", "multipart"),
    ("header", "headers"),
    ("hosts", "http.resolve"),
    ("insecureSkipTLSVerify", "http.tls.insecure"),
    ("localIPs", "http.local_address"),
    ("loop", "repeat"),
    ("max_retries", "retry"),
    ("maxRedirects", "redirects"),
    ("params", "query"),
    ("pause", "sleep"),
    ("payload", "json"),
    ("phases", "stages"),
    ("qs", "query"),
    ("requests", "steps"),
    ("rampTo", "stages"),
    ("retries", "retry"),
    ("ramp_up", "stages"),
    ("rampUp", "stages"),
    ("save", "extract"),
    ("tasks", "steps"),
    ("tlsCipherSuites", "http.tls.ciphers"),
    ("tlsVersion", "http.tls.min_version"),
    ("think", "sleep"),
    ("thinkTime", "sleep"),
    ("think_time", "sleep"),
    ("threshold", "thresholds"),
    ("threads", "vus"),
    ("users", "vus"),
    ("validate", "checks"),
    ("variables", "vars"),
    ("wait", "sleep"),
];

/// Letters of a word that is not met by chance: `date` does not mean `rate`.
const LONG: usize = 6;

/// What needs a sentence, by object and word; an empty object stands for all.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("the plan", "options", "what k6 keeps in `options` stands at the top level here: `stages`, `thresholds`, …"),
    (
        "the plan",
        "config",
        "of Artillery's `config`, `target` is `http: { base_url: … }` here, and `phases` are `stages`",
    ),
    ("the plan", "target", "write `http: { base_url: … }`"),
    ("the plan", "url", "write `http: { base_url: … }` here, and `get: /path` in a step"),
    ("the plan", "baseUrl", "write `http: { base_url: … }`"),
    ("the plan", "rps", "a rate of requests is not available in this version: use `vus` or `stages`"),
    ("a scenario", "exec", "the `steps` stand in the scenario itself"),
    ("a scenario", "name", "a scenario's name is its key: `scenarios: { NAME: { … } }`"),
    ("a request", "url", "the URL stands behind the method: `get: /path`, or `request: { method: GET, url: /path }`"),
    (
        "a request",
        "method",
        "the method is the key of the URL: `get: /path`, or `request: { method: GET, url: /path }`",
    ),
    ("a request", "data", "write `json`, `form` or `body`"),
    ("`request`", "data", "write `json`, `form` or `body`"),
    ("a step", "url", "the URL stands behind the method: `get: /path`, or `request: { method: GET, url: /path }`"),
    ("a step", "method", "the method is the key of the URL: `get: /path`, or `request: { method: GET, url: /path }`"),
    ("a step", "until", "write `poll: { until, every, attempts, steps }`"),
    ("a step", "checks", "checks stand beside the request that they look at"),
    ("a step", "extract", "extractions stand beside the request that they look at"),
    ("`stop`", "vu", "write `stop: vu`"),
    ("`sleep`", "duration", "write `sleep: 1s`, or `sleep: 1s..3s`"),
    ("an `if` step", "elif", "write `else: [{ if: …, then: … }]`"),
    ("an `if` step", "else_if", "write `else: [{ if: …, then: … }]`"),
    ("an `if` step", "steps", "the steps of an `if` stand under `then`"),
    ("`poll`", "while", "write `until` with the opposite condition"),
    ("`poll`", "interval", "write `every`"),
    ("`poll`", "max_attempts", "write `attempts`"),
    ("an environment variable", "value", "write `default`"),
    ("a part of `multipart`", "type", "write `content_type`"),
    ("a part of `multipart`", "path", "write `file`"),
    ("a part of `multipart`", "text", "write `value`"),
    ("`body_file`", "file", "write `path`"),
    ("`retry`", "max_attempts", "write `attempts`, which counts the first one too"),
    ("`retry`", "delay", "write `backoff`"),
    ("`retry`", "statuses", "write `on: [503, 5xx]`"),
];

/// What to do instead of the unknown `key`. Never empty.
pub fn advice(object: &Object, key: &str) -> String {
    explained(object.name, key)
        .or_else(|| renamed(object, key))
        .or_else(|| misspelled(object, key))
        .or_else(|| misplaced(object, key))
        .unwrap_or_else(|| known_words(object))
}

/// For a step of which no key tells the kind.
pub fn step_advice(keys: &[&str]) -> Option<String> {
    let verbs = STEP_FORMS.iter().map(|form| form.key);
    keys.iter().find_map(|key| {
        explained("a step", key)
            .or_else(|| {
                let (_, to) = RENAMED.iter().find(|(from, _)| from == key)?;
                STEP_FORMS.iter().any(|form| form.key == *to).then(|| format!("write `{to}` instead of `{key}`"))
            })
            .or_else(|| {
                // Rightly written, but beside nothing.
                let known = vocabulary::REQUEST_STEP.word(key).is_some();
                closest(key, verbs.clone()).filter(|_| !known).map(|near| format!("did you mean `{near}`?"))
            })
    })
}

fn explained(object: &str, key: &str) -> Option<String> {
    EXPLAINED.iter().find(|(at, word, _)| *at == object && *word == key).map(|(_, _, advice)| (*advice).to_owned())
}

fn renamed(object: &Object, key: &str) -> Option<String> {
    let (_, to) = RENAMED.iter().find(|(from, _)| *from == key)?;
    if to.contains('.') {
        return Some(format!("it is called `{to}` here"));
    }
    if object.word(to).is_some() {
        return Some(format!("write `{to}` instead of `{key}`"));
    }
    if STEP_FORMS.iter().any(|form| form.key == *to) {
        return Some(format!("write it as a step of its own: `- {to}: …`"));
    }
    let owner = vocabulary::objects().into_iter().find(|owner| owner.word(to).is_some())?;
    Some(format!("it is called `{to}` here, and belongs to {}", owner.name))
}

fn misspelled(object: &Object, key: &str) -> Option<String> {
    let words = |state: State| object.words().filter(move |word| word.state == state).map(|word| word.name);
    // What is not there yet is no help to one who meant something else: only long words are surely it.
    let near = closest(key, words(State::Here))
        .or_else(|| closest(key, words(State::Later).filter(|word| word.len() >= LONG && key.len() >= LONG)))?;
    let word = object.word(near)?;
    Some(match word.state {
        State::Here => format!("did you mean `{near}`?"),
        State::Later => format!("`{near}` is what it is called, but it is not available in this version of proofload"),
    })
}

fn misplaced(object: &Object, key: &str) -> Option<String> {
    if STEP_FORMS.iter().any(|form| form.key == key) {
        return Some(format!("`{key}` is a step of its own: `- {key}: …`"));
    }
    let owners: Vec<&str> = vocabulary::objects()
        .into_iter()
        .filter(|owner| !std::ptr::eq(*owner, object) && !std::ptr::eq(*owner, &vocabulary::REQUEST))
        .filter(|owner| owner.word(key).is_some_and(|word| word.state == State::Here))
        .map(|owner| owner.name)
        .take(3)
        .collect();
    (!owners.is_empty()).then(|| format!("`{key}` belongs to {}", owners.join(" or ")))
}

fn known_words(object: &Object) -> String {
    let known: Vec<String> =
        object.words().filter(|word| word.state == State::Here).map(|word| format!("`{}`", word.name)).collect();
    if known.is_empty() {
        return format!("{} has no keys in this version of proofload", object.name);
    }
    format!("{} may have: {}", object.name, known.join(", "))
}
