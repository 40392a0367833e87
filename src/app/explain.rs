//! `proofload explain`: the graph, the load and what it needs of the machine, as text.

use super::run::threads;
use super::{Failure, colored, compile, limits, read, to_stdout};
use crate::cli::ExplainArgs;
use crate::graph;
use crate::judge::Outcome;

pub(super) fn run(args: &ExplainArgs) -> Result<Outcome, Failure> {
    let color = colored(&std::io::stderr(), args.no_color);
    let mut graph = compile(&read(&args.plan)?, &args.over, color)?;
    limits::fit(&mut graph, threads(None));
    to_stdout(&graph::explain(&graph))?;
    to_stdout(&limits::describe(&graph, threads(None)))?;
    Ok(Outcome::Passed)
}
