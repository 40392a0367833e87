//! A plan in TOML: read, checked, compiled and explained; or refused, with the mistakes printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofload::graph::explain;
use proofload::source::Format;
use proofload_fuzz::{examine, text};

fuzz_target!(|input: &[u8]| {
    if let Some(graph) = text(input).and_then(|text| examine(Format::Toml, text)) {
        explain(&graph);
    }
});
