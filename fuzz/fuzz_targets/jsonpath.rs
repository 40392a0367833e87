//! A JSONPath, and what it finds in one document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofload::expr::JsonPath;
use proofload_fuzz::{World, text};

fuzz_target!(|input: &[u8]| {
    if let Some(Ok(path)) = text(input).map(JsonPath::parse) {
        path.find(World::new().document());
    }
});
