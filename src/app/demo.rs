//! `proofload demo`: the built-in target, and a plan against it.

use super::run::{Job, execute};
use super::{Failure, to_stderr, to_stdout};
use crate::cli::{DemoArgs, DemoCommand, PlanArgs, ServeArgs};
use crate::demo::{Demo, PLAN, Settings};
use crate::judge::Outcome;
use crate::source::{Format, Source};

pub(super) fn run(args: &DemoArgs) -> Result<Outcome, Failure> {
    match &args.command {
        Some(DemoCommand::Serve(serve)) => serve_until_stopped(serve),
        Some(DemoCommand::Plan) => {
            to_stdout(PLAN)?;
            Ok(Outcome::Passed)
        }
        None => {
            let demo = start(Settings::default())?;
            let source = Source::new("demo.yaml", Format::Yaml, PLAN);
            let base = format!("http://{}", demo.addr);
            if !args.output.quiet {
                to_stderr(&format!(
                    "A ticket shop listens on {base}; the plan walks its whole booking flow (`proofload demo plan` shows it).\n"
                ));
            }
            let over = PlanArgs { env: vec![("BASE_URL".to_owned(), base)], ..PlanArgs::default() };
            execute(&Job { source: &source, over: &over, output: &args.output, threads: None })
        }
    }
}

fn serve_until_stopped(args: &ServeArgs) -> Result<Outcome, Failure> {
    let demo = start(Settings {
        port: args.port,
        latency: args.latency,
        jitter: args.jitter,
        fail_rate: args.fail_rate,
        activate_after: args.activate_after,
        seats: args.seats,
        capacity: args.capacity,
    })?;
    to_stdout(&format!("listening on http://{}\n", demo.addr))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(error.to_string()))?;
    runtime.block_on(tokio::signal::ctrl_c()).map_err(|error| Failure::Other(error.to_string()))?;
    Ok(Outcome::Passed)
}

fn start(settings: Settings) -> Result<Demo, Failure> {
    let port = settings.port;
    Demo::start(settings).map_err(|error| Failure::Other(format!("cannot listen on 127.0.0.1:{port}: {error}")))
}
