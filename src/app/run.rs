//! `proofload run`: the pipeline, written once.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use super::observe::Watcher;
use super::{Failure, colored, compile, limits, read, signals, terminal_width, to_stderr, to_stdout, wait};
use crate::cli::{OutputArgs, PlanArgs, RunArgs};
use crate::data::Shortage;
use crate::engine::{self, Ran};
use crate::graph::{Action, Graph};
use crate::health::Own;
use crate::judge::{self, Facts, Generator, Outcome};
use crate::plan::{Connections, HttpVersion, OnExhausted};
use crate::report::result::ResultFile;
use crate::report::{Summary, text};
use crate::source::Source;
use crate::transport::ErrorCode;
use crate::transport::http::{HttpTransport, Options, Version};

/// One plan to run, wherever it comes from.
pub(super) struct Job<'a> {
    pub source: &'a Source,
    pub over: &'a PlanArgs,
    pub output: &'a OutputArgs,
    pub threads: Option<usize>,
}

pub(super) fn run(args: &RunArgs) -> Result<Outcome, Failure> {
    let source = read(&args.plan)?;
    let job = Job { source: &source, over: &args.over, output: &args.output, threads: args.threads };
    let graph = prepare(&job)?;
    if let Some(url) = &args.wait_for {
        wait::wait_for(url, args.wait_timeout)?;
    }
    launch(&job, graph)
}

/// Text → Graph → run → Verdict → Summary → exit code.
pub(super) fn execute(job: &Job) -> Result<Outcome, Failure> {
    let graph = prepare(job)?;
    launch(job, graph)
}

fn prepare(job: &Job) -> Result<Arc<Graph>, Failure> {
    let color = colored(&std::io::stderr(), job.output.no_color);
    let mut graph = compile(job.source, job.over, color)?;
    limits::fit(&mut graph, threads(job.threads));
    limits::preflight(&graph, threads(job.threads))?;
    if let Some(path) = &job.output.out {
        check_out(path)?;
    }
    Ok(Arc::new(graph))
}

fn launch(job: &Job, graph: Arc<Graph>) -> Result<Outcome, Failure> {
    let transport = transport(&graph)?;
    let other = |error: std::io::Error| Failure::Other(error.to_string());
    let channel = engine::events();
    signals::watch(channel.0.clone()).map_err(other)?;
    let mut watcher = Watcher::new(&graph, job.output);
    let ran = engine::run(&graph, &transport, threads(job.threads), channel, &mut watcher).map_err(other)?;
    watcher.clear();
    let partial = ran.partial;
    let facts = facts(&graph, ran, watcher.broken);
    let verdict = judge::decide(&graph.thresholds, &facts);
    // The file first: whatever becomes of the terminal, the result is kept.
    let written = job.output.out.as_ref().map(|path| {
        let file = ResultFile { partial, ..ResultFile::new(&graph, &facts, &verdict) };
        file.write(path).map_err(|error| Failure::Other(format!("cannot write `{}`: {error}", path.display())))
    });
    let summary = Summary::new(&graph, &facts, &verdict);
    to_stdout(&text::render(&summary, width(), colored(&std::io::stdout(), job.output.no_color)))?;
    written.transpose()?;
    if let Some(path) = job.output.out.as_ref().filter(|_| !job.output.quiet) {
        to_stderr(&format!("result written to {}\n", path.display()));
    }
    Ok(verdict.outcome)
}

/// A run of an hour must not end with a result that has nowhere to go.
fn check_out(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let why = if path == Path::new("-") {
        "is no file: standard output has the summary".to_owned()
    } else if path.is_dir() {
        "is a folder".to_owned()
    } else if !folder.is_dir() {
        "is in a folder that does not exist".to_owned()
    } else if path.exists() && !path.is_file() {
        return Ok(());
    } else if let Err(error) = tempfile::tempfile_in(folder) {
        format!("is in a folder that cannot be written to ({error})")
    } else {
        return Ok(());
    };
    Err(Failure::Invalid(format!("error: `--out {}` {why}; nothing was sent\n", path.display())))
}

fn transport(graph: &Graph) -> Result<HttpTransport, Failure> {
    let options = Options {
        insecure: graph.tls.insecure,
        ca_pem: graph.tls.ca_pem.clone(),
        handshake: graph.tls.handshake.clone(),
        route: graph.route.clone(),
        seed: graph.seed,
        shared_connections: match graph.http.connections {
            Connections::Shared(all) => Some(all),
            Connections::PerVu | Connections::PerIteration => None,
        },
        version: match graph.http.version {
            HttpVersion::Auto => Version::Auto,
            HttpVersion::Http1 => Version::Http1,
            HttpVersion::Http2 => Version::Http2,
        },
    };
    let transport = HttpTransport::new(options).map_err(Failure::Other)?;
    if graph.urls().any(|url| !url.starts_with("http://")) {
        // The first use of the cryptography costs tens of milliseconds, which are not the target's.
        transport.warm_tls().map_err(Failure::Other)?;
    }
    Ok(transport)
}

/// As many as asked for, else one per core.
pub(super) fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into))
}

fn facts(graph: &Graph, ran: Ran, broken: Option<usize>) -> Facts {
    let mut notes = Vec::new();
    if ran.lost_logs > 0 {
        notes.push(format!("{} `log` lines were left out (more than 100 a second)", ran.lost_logs));
    }
    notes.extend(limits::notes(graph));
    notes.extend(ran.shortages.iter().filter_map(told));
    let snapshot = ran.aggregate.into_snapshot();
    let own = Own {
        descriptors: snapshot.failed_with(ErrorCode::NoDescriptor as u16),
        ports: snapshot.failed_with(ErrorCode::NoLocalPort as u16),
    };
    Facts {
        generator: Generator {
            threads: ran.threads,
            cpu_share: ran.health.busy().as_secs_f64()
                / (ran.duration.as_secs_f64() * ran.threads as f64).max(f64::MIN_POSITIVE),
            late_p99: ran.health.late_p99(),
            same_machine: graph.route.unix_socket.is_some() || graph.urls().any(is_loopback),
            saturated: ran.health.saturated(),
            exhausted: ran.health.usage().exhausted(own),
            usage: ran.health.usage().clone(),
        },
        snapshot,
        started_at: ran.started_at,
        duration: ran.duration,
        paused: ran.paused,
        planned: engine::planned(graph),
        has_requests: graph.steps.iter().any(|step| matches!(step.action, Action::Request(_))),
        default_thresholds: graph.default_thresholds,
        end: match ran.end {
            engine::End::Completed => judge::End::Completed,
            engine::End::Interrupted => judge::End::Interrupted,
            engine::End::Aborted => judge::End::ThresholdAbort(broken.unwrap_or_default()),
            engine::End::StoppedByPlan(reason) => judge::End::StoppedByPlan(reason),
            engine::End::Failed(why) => judge::End::Failed(why),
        },
        notes,
    }
}

/// A data set that ran out of rows; `None` where that has ended the run, which says why itself.
fn told(shortage: &Shortage) -> Option<String> {
    let Shortage { set, rows, beyond, on_exhausted } = shortage;
    let what = match on_exhausted {
        OnExhausted::StopVu => format!("VUs that ended for want of one: {beyond}"),
        OnExhausted::Recycle => format!("rows used again: {beyond}"),
        OnExhausted::Fail => return None,
    };
    Some(format!("the data set `{set}` ran out of rows ({rows}); {what}"))
}

/// By the part of a URL that is known before the run.
fn is_loopback(url: &str) -> bool {
    let Some((_, host)) = url.split_once("://") else { return false };
    let is_name = |rest: &str| rest.is_empty() || rest.starts_with([':', '/', '?', '#']);
    host.starts_with("127.") || host.starts_with("[::1]") || host.strip_prefix("localhost").is_some_and(is_name)
}

/// Columns of the terminal; 100 in logs.
fn width() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let found = || std::io::stdout().is_terminal().then(terminal_width).flatten();
    asked.or_else(found).unwrap_or(100).clamp(60, 200)
}
