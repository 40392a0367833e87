//! Every plan in `plans/` is checked, and run short against the demo target.

use std::path::PathBuf;

use proofload::demo::{Demo, Settings};

use crate::program::{proofload, root};

fn plans() -> Vec<PathBuf> {
    let files = std::fs::read_dir(root().join("plans")).unwrap().map(|entry| entry.unwrap().path());
    // Beside them lie the files that they read.
    let is_plan = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "yaml" || ending == "toml");
    let mut found: Vec<PathBuf> = files.filter(is_plan).collect();
    found.sort();
    assert!(found.len() >= 10, "{found:?}");
    found
}

#[test]
fn every_plan_is_right() {
    let output = proofload().arg("check").args(plans()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "no warnings either");
}

#[test]
fn every_plan_explains_itself() {
    for plan in plans() {
        let output = proofload().arg("explain").arg(&plan).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{}", plan.display());
    }
}

#[test]
fn every_plan_runs_against_the_demo_target() {
    for plan in plans() {
        let activate_after = std::time::Duration::from_millis(300);
        let shop = Demo::start(Settings { port: 0, activate_after, seats: 1000, ..Settings::default() }).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("result.json");
        let output = proofload()
            .arg("run")
            .arg(&plan)
            .args(["-e", &format!("BASE_URL=http://{}", shop.addr)])
            .args(["-s", "1s:5,2s:5", "--out"])
            .arg(&out)
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let result: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).expect(&said)).unwrap();
        // Throughput that a plan demands of a thousand users is not there with five; everything else must hold.
        for threshold in result["thresholds"].as_array().unwrap() {
            let about_load =
                threshold["threshold"].as_str().unwrap().contains("/s") || threshold["metric"] == "http_reqs";
            assert!(about_load || threshold["verdict"] == "held", "{}: {threshold}\n{said}", plan.display());
        }
        assert!(result["metrics"]["http_reqs"]["count"].as_u64().unwrap() > 0, "{}: {said}", plan.display());
    }
}
