//! `proofload explain`: the graph and the load, as text.

use super::{Failure, colored, compile, read, to_stdout};
use crate::cli::ExplainArgs;
use crate::graph;
use crate::judge::Outcome;

pub(super) fn run(args: &ExplainArgs) -> Result<Outcome, Failure> {
    let color = colored(&std::io::stderr(), args.no_color);
    let graph = compile(&read(&args.plan)?, &args.over, color)?;
    to_stdout(&graph::explain(&graph))?;
    Ok(Outcome::Passed)
}
