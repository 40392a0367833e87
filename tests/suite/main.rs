//! All integration tests, as one binary: it links once.

mod challenge;
mod checking;
mod data;
mod delivery;
mod demo_target;
mod dialling;
mod docs;
mod error_pages;
mod gate;
mod generator;
mod handshakes;
mod http2;
mod init;
mod layers;
mod parallel;
mod plan_errors;
mod plans;
mod program;
mod readme;
mod reports;
mod scheduling;
mod target;
mod transport;
mod wire;
