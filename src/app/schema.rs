//! `proofload schema`: what editors and other programs check files against.

use super::{Failure, to_stdout};
use crate::cli::SchemaArgs;
use crate::judge::Outcome;
use crate::{plan, report};

pub(super) fn run(args: &SchemaArgs) -> Result<Outcome, Failure> {
    let schema = if args.result { report::result::schema() } else { plan::schema() };
    let text = serde_json::to_string_pretty(&schema).map_err(|error| Failure::Other(error.to_string()))?;
    to_stdout(&format!("{text}\n"))?;
    Ok(Outcome::Passed)
}
