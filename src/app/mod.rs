//! The commands: one file each; `run` is the pipeline, written once.
//!
//! Only this module installs signal handlers and decides what goes to which stream: data to stdout, the rest to stderr.

mod check;
mod demo;
mod explain;
mod init;
mod limits;
mod observe;
mod run;
mod schema;
mod signals;
mod wait;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::cli::{Cli, Command, PlanArgs};
use crate::diagnostic::{self, Diagnostic, Diagnostics};
use crate::exit;
use crate::graph::{self, Graph};
use crate::plan;
use crate::source::Source;
use crate::validate::{self, Overrides};

/// Why a command could not do its work.
pub enum Failure {
    /// The plan or an option is wrong; the text is ready to print. Nothing was sent.
    Invalid(String),
    /// This machine cannot make the load that the plan asks for. Nothing was sent.
    Generator(String),
    Other(String),
}

/// Runs a command and gives its exit code.
pub fn main(cli: Cli) -> ExitCode {
    let ended = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Schema(args) => schema::run(&args),
    };
    let ended = ended.map_err(|failure| {
        let (text, why) = match failure {
            Failure::Invalid(text) => (text, exit::Failure::InvalidPlan),
            Failure::Generator(text) => (format!("error: {text}\n"), exit::Failure::GeneratorTooSmall),
            Failure::Other(text) => (format!("error: {text}\n"), exit::Failure::Other),
        };
        to_stderr(&text);
        why
    });
    ExitCode::from(exit::code(ended))
}

/// Text → Graph, with warnings printed. The first half of the pipeline, shared by all commands that need a graph.
fn compile(source: &Source, over: &PlanArgs, color: bool) -> Result<Graph, Failure> {
    let (graph, found) = examine(source, over);
    let told = diagnostic::render(&found, source, color);
    let Some(graph) = graph else { return Err(Failure::Invalid(told)) };
    to_stderr(&told);
    Ok(graph)
}

/// A graph where there is no mistake, and all mistakes and warnings.
fn examine(source: &Source, over: &PlanArgs) -> (Option<Graph>, Diagnostics) {
    let parsed = plan::parse(source);
    let environment = |name: &str| std::env::var(name).ok();
    match validate::check(&parsed, source, &overrides(over), &environment) {
        Ok((valid, warnings)) => (Some(graph::compile(&valid)), warnings),
        Err(found) => (None, found),
    }
}

fn read(path: &Path) -> Result<Source, Failure> {
    Source::read(path).map_err(|error| {
        let found = unreadable(path, &error);
        Failure::Invalid(format!("error[{}]: {}\n", found.code, found.message))
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("unreadable-plan", format!("cannot read `{}`: {error}", path.display()))
}

fn overrides(args: &PlanArgs) -> Overrides {
    Overrides {
        vus: args.vus,
        duration: args.duration,
        iterations: args.iterations,
        stages: args.stages.clone(),
        env: BTreeMap::from_iter(args.env.iter().cloned()),
        tags: BTreeMap::from_iter(args.tags.iter().cloned()),
        no_default_thresholds: args.no_default_thresholds,
        insecure: args.insecure_skip_tls_verify,
        seed: args.seed,
    }
}

/// Whether text for this stream gets colour.
fn colored(stream: &impl IsTerminal, no_color: bool) -> bool {
    !no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && stream.is_terminal()
}

/// A closed pipe is the reader's choice and no reason to fail; a full disk loses what was asked for.
fn to_stdout(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Other(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Columns of the terminal, where there is one.
fn terminal_width() -> Option<usize> {
    comfy_table::Table::new().width().map(usize::from)
}

fn to_stderr(text: &str) {
    // Where even this cannot be written there is nobody left to tell.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
