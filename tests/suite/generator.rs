//! A generator that has too little of something never passes, and says what it was.

use std::process::{Child, Command};

use crate::program::{Outcome, Run, can, proofload};
use crate::target::Target;

/// Inconclusive, and each part is told.
fn check(outcome: &Outcome, said: &[&str]) {
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.code, 98, "{all}");
    // The summary is wrapped.
    let words = all.split_whitespace().collect::<Vec<_>>().join(" ");
    said.iter().for_each(|part| assert!(words.contains(part), "`{part}` is missing:\n{all}"));
}

/// Processes that do nothing but use a CPU, until the test ends.
struct Hogs(Vec<Child>);

impl Hogs {
    /// On CPU 0, and weak enough to leave other tests theirs.
    fn start(count: usize) -> Hogs {
        let spin = ["-c", "0", "nice", "-n", "10", "sh", "-c", "while :; do :; done"];
        Hogs((0..count).map(|_| Command::new("taskset").args(spin).spawn().unwrap()).collect())
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}

#[test]
fn a_generator_whose_core_others_use_cannot_tell() {
    if !can(&["taskset", "-c", "0", "true"]) {
        return;
    }
    let target = Target::start();
    let plan = format!("{{ vus: 50, duration: 5s, steps: [{{ get: '{}/ok' }}] }}", target.url());
    let _hogs = Hogs::start(4);
    let starved = ["taskset", "-c", "0", "nice", "-n", "19"];
    let outcome = Run::of(&plan).args(&["--threads", "2"]).under(&starved).finish();
    check(&outcome, &["its threads were starved", "other processes took the CPU", "(1 of 1 threshold held)"]);
    assert_eq!(outcome.result["generator"]["cores"].as_f64(), Some(1.0));
}

/// At most 256 open files, with no way to raise the limit.
const FEW_FILES: [&str; 3] = ["sh", "-c", "ulimit -n 256 && exec \"$0\" \"$@\""];

#[test]
fn a_generator_that_runs_out_of_descriptors_does_not_blame_the_target() {
    let targets: Vec<Target> = (0..16).map(|_| Target::start()).collect();
    let ports: Vec<u16> = targets.iter().map(|target| target.addr.port()).collect();
    // Where it leads is known only at run time, and each VU keeps its connections open.
    let plan = format!(
        "vars: {{ ports: {ports:?} }}\nexecutor: per-vu-iterations\nvus: 40\niterations: 16\n\
         steps: [{{ get: 'http://127.0.0.1:${{ports[vu.iteration]}}/ok' }}]\n"
    );
    let outcome = Run::of(&plan).under(&FEW_FILES).finish();
    check(&outcome, &["found no free file descriptor (limit: 256)", "ulimit -n 65536", "(error 1250)"]);
    let exhausted = outcome.result["generator"]["exhausted"].as_str().unwrap_or_default().to_owned();
    assert!(exhausted.contains("file descriptor"), "{}", outcome.result["generator"]);
}

#[test]
fn a_plan_that_may_need_too_many_descriptors_is_warned_of() {
    let target = Target::start();
    let plan = format!(
        "{{ vus: 100, iterations: 100, steps: [{{ get: '{0}/ok' }}, {{ get: 'http://localhost:{1}/ok' }}] }}",
        target.url(),
        target.addr.port()
    );
    let outcome = Run::of(&plan).args(&["--threads", "1"]).under(&FEW_FILES).finish();
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains("warning: the plan's 100 VUs may need 272 open files"), "{}", outcome.stderr);
}

/// Runs the binary in a network of its own, with 21 local ports and the demo target in it.
const FEW_PORTS: [&str; 5] = [
    "unshare",
    "-rn",
    "sh",
    "-c",
    concat!(
        "ip link set lo up && echo '40000 40020' > /proc/sys/net/ipv4/ip_local_port_range || exit 1\n",
        "\"$0\" demo serve --port 8080 > /dev/null & serves=$!\n",
        "\"$0\" \"$@\"; code=$?\n",
        "kill $serves; exit $code",
    ),
];

fn can_have_few_ports() -> bool {
    // A container may forbid it, whatever is installed.
    if Command::new("unshare").args(["-rn", "true"]).status().is_ok_and(|status| !status.success()) {
        eprintln!("LEFT OUT: this system forbids network namespaces");
        return false;
    }
    can(&[
        "unshare",
        "-rn",
        "sh",
        "-c",
        "ip link set lo up && echo '40000 40020' > /proc/sys/net/ipv4/ip_local_port_range",
    ])
}

#[test]
fn a_plan_beyond_the_local_ports_is_refused_with_the_command_that_helps() {
    if !can_have_few_ports() {
        return;
    }
    let plan = "{ vus: 30, iterations: 30, steps: [{ get: 'http://127.0.0.1:8080/metrics' }] }";
    let outcome = Run::of(plan).under(&FEW_PORTS).finish();
    check(
        &outcome,
        &[
            "need 30 connections to 127.0.0.1:8080, and this machine has 21 local ports",
            "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"",
            "nothing was sent",
        ],
    );
}

#[test]
fn a_generator_that_runs_out_of_ports_does_not_blame_the_target() {
    if !can_have_few_ports() {
        return;
    }
    // Where it leads is known only at run time.
    let plan = "{ vus: 30, duration: 1s, steps: [{ get: 'http://127.0.0.${vu.id > 0 ? 1 : 2}:8080/metrics' }, { sleep: 100ms }] }";
    let wait = ["--wait-timeout", "10s", "--wait-for", "http://127.0.0.1:8080/metrics"];
    let outcome = Run::of(plan).args(&wait).under(&FEW_PORTS).finish();
    check(&outcome, &["found no free local port (limit: 21)", "net.ipv4.ip_local_port_range", "(error 1251)"]);
}

#[test]
fn what_the_generator_used_is_in_the_result_and_in_one_line_of_the_summary() {
    let target = Target::start();
    let plan = format!("{{ vus: 20, duration: 2s, steps: [{{ get: '{}/ok' }}, {{ sleep: 50ms }}] }}", target.url());
    let outcome = Run::of(&plan).finish();
    let generator = &outcome.result["generator"];
    let series = generator["series"].as_array().unwrap();
    assert!(series.len() >= 2, "{generator}");
    let length: u64 = series.iter().filter_map(|second| second["length_ms"].as_u64()).sum();
    assert!(length.abs_diff(outcome.result["run"]["duration_ms"].as_u64().unwrap()) <= series.len() as u64);
    assert_eq!(generator["same_machine"], true);
    assert!(outcome.stdout.contains("generator and target shared this machine"), "{}", outcome.stdout);
    if cfg!(target_os = "linux") {
        assert!(generator["descriptors"].as_u64() >= Some(20), "{generator}");
        assert!(generator["cores_used"].as_f64() > Some(0.0) && generator["memory_bytes"].as_u64() > Some(1 << 20));
        assert!(series.iter().all(|second| second["memory_bytes"].is_u64()), "{generator}");
        let words = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("descriptors,") && words.contains("of memory"), "{}", outcome.stdout);
    }
}

#[test]
fn explain_tells_the_needs_of_the_peak() {
    let check = |plan: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plan.yaml"), plan).unwrap();
        let output = proofload().args(["explain", "plan.yaml"]).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains(&format!("needs at the peak\n  {expected}")), "{said}");
    };
    check("{ vus: 1000, duration: 1s, steps: [{ get: 'http://a.example/' }] }", "1000 VUs, 1000 connections, 10");
    check(
        "{ vus: 10, duration: 1s, steps: [{ get: 'http://a.example/' }, { get: 'http://b.example/' }] }",
        "10 VUs, 10 to 20 connections,",
    );
    check("{ vus: 1, duration: 1s, steps: [{ get: 'http://${uuid()}.example/' }] }", "1 VU, 1 or more connections,");
}
