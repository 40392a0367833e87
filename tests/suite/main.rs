//! All integration tests, as one binary: it links once.

mod demo_target;
mod docs;
mod gate;
mod layers;
mod plan_errors;
mod plans;
mod program;
mod readme;
mod reports;
mod scheduling;
mod target;
mod transport;
