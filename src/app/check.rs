//! `proofload check`: every mistake of every plan, and nothing sent.

use std::path::Path;

use serde_json::{Value, json};

use super::{Failure, colored, examine, to_stdout, unreadable};
use crate::cli::{CheckArgs, CheckFormat, PlanArgs};
use crate::diagnostic::{self, Diagnostics, Severity, machine, pages};
use crate::graph::Graph;
use crate::judge::Outcome;
use crate::source::{Format, Source};

/// What is known of one plan.
struct Checked {
    source: Source,
    graph: Option<Graph>,
    found: Diagnostics,
}

pub(super) fn run(args: &CheckArgs) -> Result<Outcome, Failure> {
    if let Some(code) = &args.explain {
        return explain(code);
    }
    let all: Vec<Checked> = args.plans.iter().map(|path| check(path, args)).collect();
    let right = all.iter().all(|checked| checked.graph.is_some());
    let told = match args.format {
        CheckFormat::Text => text(&all, colored(&std::io::stderr(), args.no_color))? + &hint(&all),
        CheckFormat::Json => {
            let plans: Vec<Value> = all.iter().map(Checked::json).collect();
            to_stdout(&format!("{:#}\n", json!({ "plans": plans })))?;
            String::new()
        }
        CheckFormat::Github => {
            to_stdout(&all.iter().map(|checked| machine::github(&checked.found, &checked.source)).collect::<String>())?;
            String::new()
        }
    };
    if !right {
        return Err(Failure::Invalid(told));
    }
    super::to_stderr(&told);
    Ok(Outcome::Passed)
}

fn check(path: &Path, args: &CheckArgs) -> Checked {
    let source = match Source::read(path) {
        Ok(source) => source,
        Err(error) => {
            let source = Source::new(path.display().to_string(), Format::Yaml, "");
            let found = Diagnostics { found: vec![unreadable(path, &error)], ..Diagnostics::default() };
            return Checked { source, graph: None, found };
        }
    };
    let over = PlanArgs { env: args.env.clone(), ..PlanArgs::default() };
    let (graph, found) = examine(&source, &over);
    let found = if args.strict { found.strict() } else { found };
    Checked { source, graph: graph.filter(|_| !found.has_errors()), found }
}

/// Prints the page of a code. Rendered messages show it as `error[CODE]`, and so it may be given.
fn explain(code: &str) -> Result<Outcome, Failure> {
    let code = code.trim_start_matches("error[").trim_start_matches("warning[").trim_end_matches(']');
    match pages::page(code) {
        Some(page) => to_stdout(page).map(|()| Outcome::Passed),
        None => Err(Failure::Invalid(format!("error: {}\n", pages::unknown(code)))),
    }
}

/// Plans that are right on standard output, warnings at once, mistakes as what is told in the end.
fn text(all: &[Checked], color: bool) -> Result<String, Failure> {
    let mut wrong = String::new();
    for Checked { source, graph, found } in all {
        let told = diagnostic::render(found, source, color);
        match graph {
            Some(graph) => {
                super::to_stderr(&told);
                to_stdout(&format!("{}: ok ({})\n", source.name, contents(graph)))?;
            }
            None => wrong.push_str(&told),
        }
    }
    Ok(wrong)
}

/// Where to read on, once, by the example of the first mistake; by a warning's where there is nothing worse.
fn hint(all: &[Checked]) -> String {
    let found = || all.iter().flat_map(|checked| &checked.found.found);
    let first = found().find(|one| one.severity == Severity::Error).or_else(|| found().next());
    first.map_or_else(String::new, |one| format!("\n`proofload check --explain {}` tells more\n", one.code))
}

impl Checked {
    fn json(&self) -> Value {
        json!({
            "plan": self.source.name,
            "ok": self.graph.is_some(),
            "diagnostics": machine::json(&self.found, &self.source),
        })
    }
}

fn contents(graph: &Graph) -> String {
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    [
        counted(graph.scenarios.len(), "scenario"),
        counted(graph.steps.len(), "step"),
        counted(graph.thresholds.len(), "threshold"),
    ]
    .join(", ")
}
