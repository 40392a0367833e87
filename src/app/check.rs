//! `proofload check`: every mistake of every plan, and nothing sent.

use super::{Failure, colored, compile, read, to_stdout};
use crate::cli::{CheckArgs, PlanArgs};
use crate::judge::Outcome;

pub(super) fn run(args: &CheckArgs) -> Result<Outcome, Failure> {
    let color = colored(&std::io::stderr(), args.no_color);
    let over = PlanArgs { env: args.env.clone(), ..PlanArgs::default() };
    let mut wrong = String::new();
    for path in &args.plans {
        match read(path).and_then(|source| compile(&source, &over, color)) {
            Ok(graph) => {
                let steps = graph.steps.len();
                to_stdout(&format!(
                    "{}: ok ({} scenario{}, {} step{}, {} threshold{})\n",
                    path.display(),
                    graph.scenarios.len(),
                    plural(graph.scenarios.len()),
                    steps,
                    plural(steps),
                    graph.thresholds.len(),
                    plural(graph.thresholds.len()),
                ))?;
            }
            Err(Failure::Invalid(text)) => {
                wrong.push_str(&text);
            }
            Err(other) => return Err(other),
        }
    }
    if wrong.is_empty() { Ok(Outcome::Passed) } else { Err(Failure::Invalid(wrong)) }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
