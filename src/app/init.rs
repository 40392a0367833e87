//! `proofload init`: a commented plan to begin with.

use std::io::Write;
use std::path::Path;

use super::{Failure, to_stderr};
use crate::cli::InitArgs;
use crate::judge::Outcome;

const PLAN: &str = include_str!("init.yaml");

pub(super) fn run(args: &InitArgs) -> Result<Outcome, Failure> {
    let path = args.plan.as_path();
    if path.extension().is_none_or(|ending| ending != "yaml" && ending != "yml") {
        return Err(Failure::Other(format!("`{}`: the plan is YAML, so name it `….yaml`", path.display())));
    }
    let name = path.file_stem().map_or_else(|| "plan".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let text = PLAN
        .replace("{name}", &quoted(&name))
        .replace("{path}", &path.display().to_string())
        .replace("{url}", &quoted(&args.url));
    write_new(path, &text).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::Other(format!("`{}` is there already; name another file", path.display()))
        }
        _ => Failure::Other(format!("cannot write `{}`: {error}", path.display())),
    })?;
    to_stderr(&format!("wrote {0}\nnext: proofload check {0}\n      proofload run {0}\n", path.display()));
    Ok(Outcome::Passed)
}

/// Never over a file that is there.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::File::create_new(path)?.write_all(text.as_bytes())
}

/// As YAML text, whatever it holds: JSON strings are YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
