//! The result file: everything that reports, comparisons and merges need, and nothing secret. Its keys are a stable interface.

mod fill;
mod generator;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::{Outcome, State};
pub use generator::{GeneratorEntry, GeneratorSliceEntry, ThrottledEntry};

/// The result of one run of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "proofload result")]
pub struct ResultFile {
    /// Version of this format.
    pub schema: u32,
    /// Version of the tool that wrote it.
    pub proofload: String,
    /// Written while the run was going on: the process was killed before it could write the whole.
    pub partial: bool,
    pub plan: PlanEntry,
    pub run: RunEntry,
    /// By name; with a selector in braces for one entry per request name and every submetric that a threshold names.
    pub metrics: BTreeMap<String, MetricEntry>,
    /// Of the warm-up, where the plan has one; `metrics` are without it, except for the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<AsideEntry>,
    /// Requests with `measure: false`, by name; `metrics` are without them, except for the bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unmeasured: BTreeMap<String, AsideEntry>,
    pub thresholds: Vec<ThresholdEntry>,
    pub checks: Vec<CheckEntry>,
    /// Iterations by outcome.
    pub outcomes: BTreeMap<String, u64>,
    pub errors: Vec<ErrorEntry>,
    /// Errors beyond the rows that are kept.
    pub unlisted_errors: u64,
    /// The run over time, usually second by second; with the warm-up, without requests that are not measured.
    pub series: Vec<SliceEntry>,
    pub generator: GeneratorEntry,
    pub environment: EnvironmentEntry,
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanEntry {
    pub name: String,
    /// `sha256:…` of the plan's text.
    pub digest: String,
    /// Makes the random choices of the run repeatable.
    pub seed: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunEntry {
    /// RFC 3339, in UTC.
    pub started_at: String,
    pub duration_ms: u64,
    pub planned_ms: u64,
    /// When the first scenario was through with its warm-up; rates are per second of what came after.
    #[serde(default)]
    pub judged_from_ms: u64,
    /// How long no iterations were started, because the run was paused.
    #[serde(default)]
    pub paused_ms: u64,
    pub verdict: VerdictName,
    pub exit_code: u8,
    /// All that speak against the run, the deciding one first.
    pub reasons: Vec<String>,
}

/// What was seen, and is not judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AsideEntry {
    pub http_reqs: u64,
    /// Of these.
    pub failed: u64,
    pub iterations: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictName {
    Passed,
    Failed,
    Inconclusive,
    Interrupted,
    StoppedByPlan,
}

/// Totals of a metric over the whole run; times in ms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum MetricEntry {
    Counter {
        count: u64,
        /// Per second.
        rate: f64,
    },
    Gauge {
        value: u64,
        max: u64,
    },
    Rate {
        /// 0..=1
        rate: f64,
        /// Samples that were true; for `http_req_failed` these are the failures.
        passes: u64,
        total: u64,
    },
    Trend(Box<TrendEntry>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrendEntry {
    /// `ms`, or absent for plain numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    pub count: u64,
    pub min: f64,
    pub avg: f64,
    pub med: f64,
    pub max: f64,
    #[serde(rename = "p(90)")]
    pub p90: f64,
    #[serde(rename = "p(95)")]
    pub p95: f64,
    #[serde(rename = "p(99)")]
    pub p99: f64,
    /// HDR histogram, V2, deflated, in base64: microseconds for times, else plain numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdEntry {
    /// With its selector.
    pub metric: String,
    /// As written.
    pub threshold: String,
    /// In the metric's unit; null where there were no samples.
    pub observed: Option<f64>,
    pub verdict: ThresholdVerdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdVerdict {
    Held,
    Broken,
    NoData,
    AllowedEmpty,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckEntry {
    pub name: String,
    pub step: String,
    pub passes: u64,
    pub fails: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorEntry {
    /// `request`, `check`, `extraction`, `template`, `expression` or `poll`.
    pub kind: String,
    /// The name of the request or poll, or what another step does, like `set token`.
    pub step: String,
    /// The check or variable, where it is about one.
    pub subject: String,
    /// 0 where there was no response.
    pub status: u16,
    /// k6's number; 0 for none.
    pub error_code: u16,
    /// The first of them.
    pub message: String,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SliceEntry {
    /// From the start of the run.
    pub at_ms: u64,
    pub length_ms: u64,
    pub vus: u64,
    pub http_reqs: u64,
    pub failed: u64,
    pub iterations: u64,
    pub data_sent: u64,
    pub data_received: u64,
    /// Of `http_req_duration`, in ms; null where nothing was measured.
    pub p50: Option<f64>,
    pub p95: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentEntry {
    pub os: String,
    pub arch: String,
    pub cores: usize,
}

impl ResultFile {
    /// Replaces a file at once: whoever reads it sees the old one or the new one, never a part. A link stays, and what it points to is
    /// replaced; pipes and devices are written to. Errors leave it to the caller to name the path.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        match path.to_str() {
            // By their names, since opened again they would be written over from their beginnings where they are files.
            Some("/dev/stdout") => return self.write_to(std::io::stdout().lock()),
            Some("/dev/stderr") => return self.write_to(std::io::stderr().lock()),
            _ => {}
        }
        match path.metadata() {
            Ok(found) if found.is_file() => self.replace(&path.canonicalize()?),
            Ok(_) => self.write_to(OpenOptions::new().write(true).open(path)?),
            // A link to a file that is yet to be.
            Err(_) if path.is_symlink() => self.write_to(File::create(path)?),
            Err(_) => self.replace(path),
        }
    }

    fn replace(&self, path: &Path) -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".proofload-").suffix(".json");
        // Temporary files are private; a result is an ordinary file, under the user's umask.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        // Only the kind of error: its text names a file that nobody has asked for.
        let mut file = builder.tempfile_in(folder).map_err(|error| std::io::Error::from(error.kind()))?;
        self.write_to(file.as_file_mut())?;
        file.persist(path).map_err(|failed| failed.error)?;
        Ok(())
    }

    fn write_to(&self, out: impl Write) -> std::io::Result<()> {
        let mut out = BufWriter::new(out);
        serde_json::to_writer_pretty(&mut out, self)?;
        out.write_all(b"\n")?;
        // Dropping the buffer would hide a full disk.
        out.flush()
    }
}

/// JSON Schema (draft 7) of the result file.
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft07();
    settings.into_generator().into_root_schema_for::<ResultFile>().to_value()
}

impl From<Outcome> for VerdictName {
    fn from(outcome: Outcome) -> VerdictName {
        match outcome {
            Outcome::Passed => VerdictName::Passed,
            Outcome::Failed => VerdictName::Failed,
            Outcome::Inconclusive => VerdictName::Inconclusive,
            Outcome::Interrupted => VerdictName::Interrupted,
            Outcome::StoppedByPlan => VerdictName::StoppedByPlan,
        }
    }
}

impl From<State> for ThresholdVerdict {
    fn from(state: State) -> ThresholdVerdict {
        match state {
            State::Held => ThresholdVerdict::Held,
            State::Broken => ThresholdVerdict::Broken,
            State::NoData => ThresholdVerdict::NoData,
            State::AllowedEmpty => ThresholdVerdict::AllowedEmpty,
        }
    }
}
