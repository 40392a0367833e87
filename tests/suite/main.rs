//! All integration tests, as one binary: it links once.

mod challenge;
mod checking;
mod data;
mod delivery;
mod demo_target;
mod docs;
mod gate;
mod generator;
mod init;
mod layers;
mod plan_errors;
mod plans;
mod program;
mod readme;
mod reports;
mod target;
mod transport;
