//! The README's examples are run as they stand.

use std::process::Command;

use crate::program::{proofload, root};

/// The fenced blocks of a language.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current: Option<String> = None;
    for line in markdown.lines() {
        match &mut current {
            Some(_) if line == "```" => found.extend(current.take()),
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
            None if line == format!("```{language}") => current = Some(String::new()),
            None => {}
        }
    }
    found
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// A demo target for the time of a test.
fn shop() -> proofload::demo::Demo {
    proofload::demo::Demo::start(proofload::demo::Settings { port: 0, ..Default::default() }).unwrap()
}

#[test]
fn the_first_plan_runs_against_the_demo_target() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    let plans = blocks(&readme(), "yaml");
    assert_eq!(plans.len(), 1);
    for plan in plans {
        let path = folder.path().join("plan.yaml");
        std::fs::write(&path, plan).unwrap();
        let base = format!("BASE_URL=http://{}", shop.addr);
        let output = proofload().arg("run").arg(&path).args(["-e", &base, "-u", "2", "-i", "6"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_commands_work_as_written() {
    let shop = shop();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_proofload")).parent().unwrap().to_owned();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("plans"), folder.path().join("plans")).unwrap();
    let mut run = 0;
    for line in blocks(&readme(), "sh").iter().flat_map(|block| block.lines()) {
        if !line.starts_with("proofload ") {
            continue;
        }
        let line = line.replace("http://localhost:8080", &format!("http://{}", shop.addr));
        let output =
            Command::new("sh").args(["-c", &line]).env("PATH", &path).current_dir(folder.path()).output().unwrap();
        assert!(
            output.status.success(),
            "{line}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        run += 1;
    }
    assert_eq!(run, 3);
    assert!(folder.path().join("result.json").exists());
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = String::from_utf8(proofload().args(["run", "--help"]).output().unwrap().stdout).unwrap();
    for line in readme().lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()) {
        let code = line.split('|').nth(1).unwrap().trim();
        assert!(help.lines().any(|help| help.trim().starts_with(&format!("{code} "))), "exit code {code} in --help");
    }
}
