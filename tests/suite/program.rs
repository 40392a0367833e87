//! Runs the built binary as a user would.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What a run left.
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The result file, where one was asked for and written.
    pub result: Value,
}

impl Outcome {
    pub fn metric(&self, name: &str, field: &str) -> f64 {
        let value = &self.result["metrics"][name][field];
        value.as_f64().unwrap_or_else(|| panic!("no `{field}` of `{name}` in {}", self.result["metrics"]))
    }

    pub fn count(&self, name: &str) -> u64 {
        self.metric(name, "count") as u64
    }
}

/// One plan in a folder of its own.
pub struct Run {
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    /// A command that runs the binary, such as `nice -n 19`.
    under: Vec<String>,
}

impl Run {
    pub fn of(plan: &str) -> Run {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plan.yaml"), plan).unwrap();
        let arguments = ["run", "plan.yaml", "--quiet", "--out", "result.json"].map(str::to_owned).to_vec();
        Run { folder, arguments, under: Vec::new() }
    }

    /// A file beside the plan.
    pub fn file(self, name: &str, text: &str) -> Run {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    /// Another place for the result file.
    pub fn out(mut self, path: &str) -> Run {
        self.arguments[4] = path.to_owned();
        self
    }

    /// With what is said while it runs.
    pub fn aloud(mut self) -> Run {
        self.arguments.retain(|argument| argument != "--quiet");
        self
    }

    pub fn arg(mut self, argument: impl Into<String>) -> Run {
        self.arguments.push(argument.into());
        self
    }

    pub fn args(self, arguments: &[&str]) -> Run {
        arguments.iter().fold(self, |run, argument| run.arg(*argument))
    }

    /// Lets this command run the binary: its name, its own arguments; then come the binary and its arguments.
    pub fn under(mut self, command: &[&str]) -> Run {
        self.under = command.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    pub fn start(self) -> Running {
        let child = under(&self.under)
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running { child, folder: self.folder }
    }

    pub fn finish(self) -> Outcome {
        self.start().finish()
    }
}

/// A run that is under way.
pub struct Running {
    child: Child,
    folder: tempfile::TempDir,
}

impl Running {
    /// Ctrl-C.
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub fn finish(self) -> Outcome {
        let output = self.child.wait_with_output().unwrap();
        let result = std::fs::read_to_string(self.folder.path().join("result.json"));
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            result: result.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap()),
        }
    }
}

/// The binary, without colour and without what the environment might say to it.
pub fn proofload() -> Command {
    under(&[])
}

fn under(outer: &[String]) -> Command {
    let mut words: Vec<&str> = outer.iter().map(String::as_str).collect();
    words.push(env!("CARGO_BIN_EXE_proofload"));
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env_remove("COLUMNS").env("NO_COLOR", "1");
    for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(proxy).env_remove(proxy.to_ascii_lowercase());
    }
    command
}

/// Whether this machine can do what a test needs. Where it cannot, the test says so and is left out, unless
/// `PROOFLOAD_TEST_REQUIRE=all` demands every one.
pub fn can(command: &[&str]) -> bool {
    let tried = Command::new(command[0]).args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let can = tried.is_ok_and(|status| status.success());
    let is_required = std::env::var("PROOFLOAD_TEST_REQUIRE").is_ok_and(|required| required == "all");
    assert!(can || !is_required, "this machine cannot run {command:?}");
    if !can {
        eprintln!("LEFT OUT: this machine cannot run {command:?}");
    }
    can
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
