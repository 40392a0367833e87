//! Stage 9: finished data → text: the summary, the result file.
//!
//! Owns: what people and other tools read of a run.
//! Must never know: engine, transport.

mod generator;
pub mod progress;
mod quantity;
pub mod result;
pub mod summary;
mod table;
pub mod text;

pub use crate::clean::{clean, mask};
pub use summary::Summary;
