//! `proofload init`: what a newcomer begins with.

use crate::program::proofload;
use crate::target::Target;

#[test]
fn the_first_plan_is_right_runs_and_is_never_overwritten() {
    let (target, folder) = (Target::start(), tempfile::tempdir().unwrap());
    let program = |arguments: &[&str]| proofload().args(arguments).current_dir(folder.path()).output().unwrap();
    let url = format!("{}/status/200", target.url());
    let made = program(&["init", "my \"shop\".yaml", "--url", &url]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let written = std::fs::read_to_string(folder.path().join("my \"shop\".yaml")).unwrap();
    assert!(written.starts_with("# yaml-language-server: $schema=https://"), "{written}");
    let checked = program(&["check", "--strict", "my \"shop\".yaml"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let again = program(&["init", "my \"shop\".yaml"]);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("is there already"));
    assert_eq!(std::fs::read_to_string(folder.path().join("my \"shop\".yaml")).unwrap(), written);
    let ran = program(&["run", "my \"shop\".yaml", "-i", "1", "--seed", "1"]);
    assert_eq!(target.received().total(), 1, "{}", String::from_utf8_lossy(&ran.stdout));
}
