//! Verdict or failure → exit code: the only table.

use crate::judge::Outcome;

/// Why there is no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The plan or an option is invalid; nothing was sent.
    InvalidPlan,
    /// This machine cannot make the load that the plan asks for; nothing was sent.
    GeneratorTooSmall,
    Other,
}

pub fn code(ending: Result<Outcome, Failure>) -> u8 {
    match ending {
        Ok(Outcome::Passed) => 0,
        Ok(Outcome::Inconclusive) | Err(Failure::GeneratorTooSmall) => 98,
        Ok(Outcome::Failed) => 99,
        Ok(Outcome::Interrupted) => 105,
        Ok(Outcome::StoppedByPlan) => 108,
        Err(Failure::InvalidPlan) => 104,
        Err(Failure::Other) => 1,
    }
}
