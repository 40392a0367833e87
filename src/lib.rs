//! proofload: declarative load tests that gate a deploy.
//!
//! # Bird's-eye view
//!
//! `text → Plan → ValidPlan → Graph → Timeline → Iteration → Exchange → Sample → Snapshot → Verdict → Summary → exit code`.
//! Each arrow is one module with one main function and one owned type; `app::run` shows them all in one function. ARCHITECTURE.md
//! has the invariants and who may import whom.
//!
//! The modules below stand in reading order.

pub mod clean;
pub mod clock;
pub mod compress;
pub mod diagnostic;
pub mod route;
pub mod source;
pub mod units;

pub mod expr;
pub mod plan;
pub mod validate;

pub mod data;
pub mod graph;
pub mod load;

pub mod engine;
pub mod health;
pub mod transport;
pub mod vu;

pub mod judge;
pub mod metrics;
pub mod report;

pub mod app;
pub mod cli;
pub mod demo;
pub mod exit;
