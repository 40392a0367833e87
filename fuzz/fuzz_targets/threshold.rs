//! The statement of a threshold, at one metric of each kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofload::graph::explain;
use proofload::source::Format;
use proofload_fuzz::{examine, text};
use serde_json::json;

/// A trend of times, a rate, a counter of events and one of bytes, a gauge.
const METRICS: [&str; 5] = ["http_req_duration", "http_req_failed", "http_reqs", "data_received", "vus"];

fuzz_target!(|input: &[u8]| {
    let Some(text) = text(input) else { return };
    // JSON is YAML, so that any text can be the statement.
    let plan = json!({
        "iterations": 1,
        "steps": [{ "get": "http://localhost/" }],
        "thresholds": METRICS.map(|metric| (metric, text)).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
    });
    if let Some(graph) = examine(Format::Yaml, &plan.to_string()) {
        explain(&graph);
    }
});
