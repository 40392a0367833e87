//! `proofload check`: what it tells, to whom, and its exit code.

use crate::program::proofload;

const WRONG: &str = "steps:\n  - get: http://localhost/\n    checks: { ok: statu == 200 }\n";
const DOUBTFUL: &str = "steps:\n  - get: http://localhost/\n";

/// Exit code, standard output and standard error of a check of `plan.yaml`.
fn check(plan: &str, arguments: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plan.yaml"), plan).unwrap();
    let output = proofload().arg("check").args(arguments).arg("plan.yaml").current_dir(folder.path()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn json_is_one_document_with_every_mistake_at_its_place() {
    let (code, out, err) = check(WRONG, &["--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    let first = &told["plans"][0]["diagnostics"][0];
    assert_eq!((code, err.as_str(), &told["plans"][0]["ok"]), (104, "", &serde_json::json!(false)));
    assert_eq!((first["code"].as_str(), first["place"]["line"].as_u64()), (Some("unknown-name"), Some(3)));
    assert_eq!(first["help"][0].as_str(), Some("did you mean `status`?"));
}

#[test]
fn github_gets_an_annotation_at_the_line_of_the_plan() {
    let (code, out, err) = check(WRONG, &["--format", "github"]);
    assert_eq!((code, err.as_str()), (104, ""));
    assert!(out.starts_with("::error file=plan.yaml,line=3,col=19,endColumn=24,title=unknown-name::"), "{out}");
}

#[test]
fn a_code_is_explained_and_what_is_told_says_how() {
    let (_, _, err) = check(WRONG, &["plan.yaml"]);
    assert_eq!(err.matches("`proofload check --explain unknown-name` tells more").count(), 1, "{err}");
    let (_, _, err) = check(DOUBTFUL, &[]);
    assert!(err.ends_with("`proofload check --explain no-checks` tells more\n"), "{err}");
    for (code, expected, told) in [
        ("unknown-name", 0, "# unknown-name\n"),
        ("warning[no-checks]", 0, "# no-checks\n"),
        ("unknown-nam", 104, "error: there is no code `unknown-nam`: did you mean `unknown-name`?\n"),
        ("zzz", 104, "error: there is no code `zzz`: the code stands in brackets, as in `error[unknown-key]`\n"),
    ] {
        let output = proofload().args(["check", "--explain", code]).output().unwrap();
        let all = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(expected), "{all}");
        assert!(all.starts_with(told), "{all}");
    }
}

#[test]
fn warnings_pass_unless_they_are_made_errors_or_allowed() {
    for (head, arguments, expected, told) in [
        ("", &[][..], 0, "warning[no-checks]"),
        ("", &["--strict"][..], 104, "error[no-checks]"),
        ("allow: [no-checks]\n", &["--strict"][..], 0, ""),
    ] {
        let (code, _, err) = check(&format!("{head}{DOUBTFUL}"), arguments);
        assert_eq!(code, expected, "{err}");
        assert!(err.starts_with(told), "{err}");
    }
}

#[test]
fn a_plan_that_cannot_be_read_does_not_hide_the_mistakes_of_the_next() {
    let (code, _, err) = check(WRONG, &["nowhere.yaml"]);
    assert_eq!(code, 104);
    assert!(
        err.contains("error[unreadable-plan]: cannot read `nowhere.yaml`") && err.contains("unknown-name"),
        "{err}"
    );
}
