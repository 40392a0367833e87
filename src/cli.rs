//! The command line as typed values. Flags follow k6 where it has them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::load::Stage;
use crate::units::{Duration, parse_duration};

const EXIT_CODES: &str = "\
Exit codes:
  0    every threshold held, on data
  98   inconclusive: no data, or the generator itself was the limit
  99   a threshold broke
  104  the plan or an option is invalid; nothing was sent
  105  interrupted by a signal; what was measured is reported
  108  the plan stopped the test
  1    any other error";

/// Declarative load tests that gate a deploy.
#[derive(Debug, Parser)]
#[command(name = "proofload", version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a plan, print the summary, exit with the verdict
    #[command(after_help = EXIT_CODES)]
    Run(RunArgs),
    /// Read and compile plans, send nothing, report every mistake
    Check(CheckArgs),
    /// Print a plan's execution graph and its load over time
    Explain(ExplainArgs),
    /// Try the whole tool offline: a built-in ticket shop, and a plan against it
    Demo(DemoArgs),
    /// Write a commented plan to begin with
    Init(InitArgs),
    /// Print the JSON Schema of plans
    Schema(SchemaArgs),
}

/// What says more than the plan does; `run` and `explain` take the same.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanArgs {
    /// Number of VUs
    #[arg(short = 'u', long, value_name = "N")]
    pub vus: Option<u64>,
    /// How long, such as `30s` or `1m30s`
    #[arg(short = 'd', long, value_name = "TIME", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Number of iterations, shared by all VUs
    #[arg(short = 'i', long, value_name = "N")]
    pub iterations: Option<u64>,
    /// A stage, `DURATION:TARGET`; give it several times or as a list with commas
    #[arg(short = 's', long = "stage", value_name = "TIME:VUS", value_parser = parse_stage, value_delimiter = ',')]
    pub stages: Vec<Stage>,
    /// A value for a name under the plan's `env:`
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub env: Vec<(String, String)>,
    /// A tag on every sample
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub tags: Vec<(String, String)>,
    /// Makes random choices repeatable
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Pass even where no threshold says what passing is
    #[arg(long)]
    pub no_default_thresholds: bool,
    /// Accept any certificate, as with `http.tls.insecure`
    #[arg(long)]
    pub insecure_skip_tls_verify: bool,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// A plan in YAML or TOML; `-` is standard input
    pub plan: PathBuf,
    #[command(flatten)]
    pub over: PlanArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Threads that make load [default: one per core]
    #[arg(long, value_name = "N", value_parser = parse_threads)]
    pub threads: Option<usize>,
    /// Wait until this URL answers with a status below 400 before the run starts
    #[arg(long, value_name = "URL")]
    pub wait_for: Option<String>,
    /// How long to wait for it
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_duration, requires = "wait_for")]
    pub wait_timeout: Duration,
}

#[derive(Clone, Debug, Default, Args)]
pub struct OutputArgs {
    /// Write the result file (JSON)
    #[arg(short = 'o', long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// No progress, no notes on standard error; the summary stays
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// No colour, as with NO_COLOR
    #[arg(long)]
    pub no_color: bool,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Plans in YAML or TOML; `-` is standard input
    #[arg(required_unless_present = "explain")]
    pub plans: Vec<PathBuf>,
    /// Print what a code such as `unknown-key` means, with a wrong plan and the right one
    #[arg(long, value_name = "CODE", exclusive = true)]
    pub explain: Option<String>,
    /// A value for a name under the plan's `env:`
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub env: Vec<(String, String)>,
    /// Warnings are errors
    #[arg(long)]
    pub strict: bool,
    /// How mistakes are told
    #[arg(long, value_enum, default_value_t)]
    pub format: CheckFormat,
    /// No colour, as with NO_COLOR
    #[arg(long)]
    pub no_color: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people, on standard error
    #[default]
    Text,
    /// One document on standard output
    Json,
    /// Workflow commands that GitHub shows at the plan's lines
    Github,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A plan in YAML or TOML; `-` is standard input
    pub plan: PathBuf,
    #[command(flatten)]
    pub over: PlanArgs,
    /// No colour, as with NO_COLOR
    #[arg(long)]
    pub no_color: bool,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The file to write; one that is there already is left alone
    #[arg(default_value = "load-test.yaml")]
    pub plan: PathBuf,
    /// Where the service is
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080")]
    pub url: String,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The schema of result files instead
    #[arg(long)]
    pub result: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DemoArgs {
    #[command(subcommand)]
    pub command: Option<DemoCommand>,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub enum DemoCommand {
    /// Serve the ticket shop on a loopback port until Ctrl-C
    Serve(ServeArgs),
    /// Print the plan that `proofload demo` runs
    Plan,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Time that every request takes
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    pub latency: Duration,
    /// Up to this much more or less, at random
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    pub jitter: Duration,
    /// Share of requests that are answered with 500, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share)]
    pub fail_rate: f64,
    /// Time from a queue token to its turn
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_duration)]
    pub activate_after: Duration,
    /// Seats per concert
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub seats: u32,
    /// Requests worked on at once; the others queue [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub capacity: Option<u32>,
}

fn parse_stage(text: &str) -> Result<Stage, String> {
    let (duration, target) = text.split_once(':').ok_or("a stage is `DURATION:TARGET`, such as `30s:50`")?;
    let target = target.trim().parse().map_err(|_| format!("`{target}` is not a number of VUs"))?;
    Ok(Stage { duration: parse_duration(duration.trim())?, target })
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write `NAME=VALUE`".to_owned()),
    }
}

fn parse_threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads @ 1..=1024) => Ok(threads),
        _ => Err("a number of threads is from 1 to 1024".to_owned()),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share is a number from 0 to 1".to_owned()),
    }
}
