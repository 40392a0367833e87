//! The only place that reads time.
//!
//! `Instant` is tokio's, so that tests that pause the runtime's clock pause everything.

mod pacer;

pub use pacer::Pacer;
pub use std::time::Duration;
pub use tokio::time::{Instant, sleep, sleep_until};

/// Monotonic time.
pub fn now() -> Instant {
    Instant::now()
}

/// Wall-clock time, for reports and for the plan's `now()` and `timestamp_ms()`.
pub fn wall() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
