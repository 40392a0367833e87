//! All integration tests, as one binary: it links once.

mod checking;
mod demo_target;
mod docs;
mod error_pages;
mod gate;
mod init;
mod layers;
mod plan_errors;
mod plans;
mod program;
mod readme;
mod reports;
mod target;
mod transport;
