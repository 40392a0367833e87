//! Durations and sizes. What is read is printed, and read back as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofload::units::{format_duration, format_size, parse_duration, parse_size};
use proofload_fuzz::text;

fuzz_target!(|input: &[u8]| {
    let Some(text) = text(input) else { return };
    if let Ok(duration) = parse_duration(text) {
        assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
    }
    if let Ok(bytes) = parse_size(text) {
        assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
    }
});
