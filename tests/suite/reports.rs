//! What a run leaves behind: the summary and the result file. `UPDATE_GOLDEN=1` rewrites what they are compared with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use proofload::graph::{CheckInfo, Graph, HttpOptions, TlsOptions};
use proofload::health::{Second, Usage};
use proofload::judge::{self, Comparison, End, Facts, Generator, Statistic, Threshold};
use proofload::metrics::{Aggregate, Metric, Phases, ProblemKind, Recorder, RequestSample, Site, SiteId, StageIndex};
use proofload::report::result::{self, ResultFile};
use proofload::report::{Summary, text};
use proofload::route::Route;
use unicode_width::UnicodeWidthStr;

const RESERVE: SiteId = SiteId(0);
const QUEUE: SiteId = SiteId(1);
const LONG: SiteId = SiteId(2);
const BUYERS: SiteId = SiteId(3);
const CHECKED: SiteId = SiteId(4);
const UNCHECKED: SiteId = SiteId(5);
const GROUP: SiteId = SiteId(6);

const SECRET: &str = "s3cr3t-token";

fn graph(thresholds: Vec<Threshold>) -> Graph {
    let site = |tags: &[(&str, &str)]| Site {
        tags: [("scenario", "buyers")]
            .iter()
            .chain(tags)
            .map(|(tag, value)| (tag.to_string(), value.to_string()))
            .collect(),
        unmeasured: false,
    };
    let long = "GET /api/v2/members/${member_id}/reservations/${reservation_id}/seats/${seat_id}/confirmation";
    let check = |name: &str, site| CheckInfo { name: name.into(), step: "reserve".into(), site };
    Graph {
        data: Vec::new(),
        name: "seat reservation".into(),
        description: None,
        digest: "sha256:0011".into(),
        scenarios: Vec::new(),
        steps: Vec::new(),
        sites: vec![
            site(&[("name", "reserve"), ("method", "POST")]),
            site(&[("name", "대기열 순번 확인"), ("method", "GET")]),
            site(&[("name", long), ("method", "GET")]),
            site(&[]),
            site(&[("name", "reserve"), ("check", "reserved or taken")]),
            site(&[("name", "reserve"), ("check", "has a seat")]),
            site(&[("group", "token")]),
        ],
        slots: Vec::new(),
        checks: vec![check("has a seat", UNCHECKED), check("reserved or taken", CHECKED)],
        custom_metrics: vec!["token_status_check".into()],
        thresholds,
        default_thresholds: false,
        tls: TlsOptions::default(),
        http: HttpOptions::default(),
        route: Route::default(),
        secrets: vec![SECRET.into()],
        seed: 7,
    }
}

fn threshold(metric: &str, selector: &[(&str, &str)], statistic: Statistic, limit: f64, text: &str) -> Threshold {
    Threshold {
        metric: metric.into(),
        selector: selector.iter().map(|(tag, value)| (tag.to_string(), value.to_string())).collect(),
        statistic,
        comparison: Comparison::Less,
        limit,
        text: text.into(),
        abort_on_fail: false,
        delay_abort_eval: Duration::ZERO,
        allow_empty: false,
        span: None,
    }
}

fn thresholds() -> Vec<Threshold> {
    vec![
        threshold("http_req_failed", &[], Statistic::Rate, 0.1, "rate<10%"),
        threshold("http_req_duration", &[("name", "reserve")], Statistic::Percentile(95.0), 1000.0, "p(95)<1s"),
        threshold("token_status_check", &[], Statistic::Percentile(95.0), 60_000.0, "p(95)<60s"),
        threshold("poll_wait", &[], Statistic::Max, 1.0, "max<1"),
    ]
}

fn request(site: SiteId, stage: StageIndex, micros: u64) -> RequestSample<'static> {
    let phases = Phases { waiting: Duration::from_micros(micros), ..Phases::default() };
    RequestSample {
        site,
        stage,
        status: 200,
        proto: "HTTP/1.1",
        expected: true,
        interrupted: false,
        phases: Some(phases),
        total: Some(phases.duration()),
        error_code: 0,
        error: "",
        sent: 310,
        received: 2_750,
    }
}

/// Two minutes of a run in which nearly everything happens that a summary can show.
fn busy(recorder: &mut Recorder, second: u64) {
    recorder.vus(BUYERS, second.min(50));
    for k in 0..20 {
        recorder.request(&request(QUEUE, 0, 900 + 13 * k + second));
        recorder.request(&request(RESERVE, 1, 15_000 + 61_000 * k + 100 * second));
        recorder.check(CHECKED, 1, k > 0 || second > 5);
        recorder.rate(Metric::DroppedIterations, BUYERS, 0, k == 0 && second.is_multiple_of(40));
        recorder.trend(Metric::IterationStartDelay, BUYERS, 0, Duration::from_micros(8 * k));
        recorder.iteration(
            BUYERS,
            0,
            if k % 4 == 0 { "reserved" } else { "매진\u{1b}[31m" },
            Some(Duration::from_millis(40 * k)),
        );
    }
    recorder.request(&request(LONG, 0, 250_000));
    let error = "connection refused by 10.0.0.7:8443\r\n\u{1b}[2Jafter 0 of 3 tries, token=s3cr3t-token; the target's log may say more about why it did";
    let refused = RequestSample {
        status: 0,
        proto: "",
        expected: false,
        phases: None,
        total: None,
        error_code: 1212,
        error,
        ..request(RESERVE, 1, 0)
    };
    recorder.request(&refused);
    recorder.request(&RequestSample { status: 503, expected: false, ..request(QUEUE, 0, 700) });
    recorder.problem(CHECKED, ProblemKind::Check, "", "`status in [200, 409]` was false: status 500");
    recorder.trend(Metric::GroupDuration, GROUP, 0, Duration::from_millis(1_200 + second));
    recorder.trend(Metric::Custom(0), GROUP, 0, Duration::from_millis(700 + second));
    recorder.number(Metric::PollAttempts, QUEUE, 0, second % 9 + 1);
    if second == 120 {
        recorder.request(&RequestSample { interrupted: true, ..request(RESERVE, 1, 0) });
        recorder.iteration(BUYERS, 0, "interrupted", None);
    }
}

fn facts(graph: &Graph, record: impl Fn(&mut Recorder, u64)) -> Facts {
    let (mut recorder, mut all) = (Recorder::new(0), Aggregate::new(&graph.sites, &graph.custom_metrics));
    for second in 1..=120 {
        record(&mut recorder, second);
        let mut interval = recorder.take();
        all.absorb(&mut interval);
        recorder.give_back(interval);
        all.tick(Duration::from_secs(second));
    }
    let late_p99 = Some(Duration::from_micros(1_300));
    Facts {
        snapshot: all.into_snapshot(),
        started_at: jiff::Timestamp::UNIX_EPOCH,
        duration: Duration::from_secs(120),
        paused: Duration::ZERO,
        planned: Duration::from_secs(150),
        end: End::Completed,
        generator: Generator {
            threads: 2,
            cpu_share: 0.31,
            late_p99,
            same_machine: true,
            usage: usage(),
            ..Generator::default()
        },
        has_requests: true,
        default_thresholds: graph.default_thresholds,
        notes: vec![format!("data of {SECRET} was used twice")],
    }
}

/// Of a generator with few file descriptors to spare.
fn usage() -> Usage {
    let total = Second {
        length: Duration::from_secs(120),
        cpu: Some(Duration::from_secs(80)),
        descriptors: Some(920),
        memory: Some(31_200_000),
        ..Second::default()
    };
    let seconds = vec![total.clone()];
    Usage {
        cores: Some(2.0),
        descriptor_limit: Some(1_024),
        memory_limit: Some(1 << 30),
        total,
        seconds,
        ..Usage::default()
    }
}

fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "{name} differs; UPDATE_GOLDEN=1 rewrites it");
}

fn summary(thresholds: Vec<Threshold>, record: impl Fn(&mut Recorder, u64)) -> Summary {
    let graph = graph(thresholds);
    let facts = facts(&graph, record);
    Summary::new(&graph, &facts, &judge::decide(&graph.thresholds, &facts))
}

#[test]
fn the_summary_fits_its_width_and_says_everything_without_colour() {
    let summary = summary(thresholds(), busy);
    for width in [80, 100] {
        let plain = text::render(&summary, width, false);
        golden(&format!("tests/data/summaries/failed-{width}.txt"), &plain);
        for line in plain.lines() {
            assert!(line.width() <= width, "{} columns: {line}", line.width());
        }
        assert!(!plain.contains(SECRET) && plain.chars().all(|letter| letter == '\n' || !letter.is_control()));
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    let summary = summary(thresholds(), busy);
    let mut stripped = String::new();
    let mut inside = false;
    for letter in text::render(&summary, 100, true).chars() {
        match (inside, letter) {
            (false, '\u{1b}') => inside = true,
            (false, letter) => stripped.push(letter),
            (true, letter) => inside = letter != 'm',
        }
    }
    let trimmed: String = stripped.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    assert_eq!(trimmed, text::render(&summary, 100, false));
}

#[test]
fn a_run_that_did_nothing_still_says_so() {
    golden("tests/data/summaries/nothing.txt", &text::render(&summary(thresholds(), |_, _| ()), 100, false));
}

#[test]
fn every_request_name_has_its_row() {
    let graph = Graph {
        sites: (0..60).map(|k| Site { tags: vec![("name".into(), format!("step {k}"))], unmeasured: false }).collect(),
        ..graph(Vec::new())
    };
    let facts =
        facts(&graph, |recorder, second| (0..60).for_each(|k| recorder.request(&request(SiteId(k), 0, second))));
    let plain = text::render(&Summary::new(&graph, &facts, &judge::decide(&[], &facts)), 100, false);
    assert!((0..60).all(|k| plain.contains(&format!("step {k} "))), "{plain}");
}

/// A second scenario beside `buyers`, and steps that make no samples.
fn crowded() -> (Graph, Facts) {
    let mut graph = graph(thresholds());
    let site = |tags: &[(&str, &str)]| Site {
        tags: tags.iter().map(|(tag, value)| (tag.to_string(), value.to_string())).collect(),
        unmeasured: false,
    };
    let sellers = SiteId(graph.sites.len() as u32);
    graph.sites.push(site(&[("scenario", "sellers")]));
    graph.sites.push(site(&[("scenario", "sellers"), ("name", "poll until status == 200")]));
    graph.sites.push(site(&[("scenario", "sellers"), ("name", "sell"), ("variable", "id")]));
    graph.secrets.push("17".into());
    graph.thresholds.truncate(0);
    let facts = facts(&graph, |recorder, second| {
        recorder.vus(sellers, 1);
        recorder.iteration(BUYERS, 0, "completed", Some(Duration::from_millis(5)));
        recorder.iteration(sellers, 0, "completed", Some(Duration::from_millis(50)));
        recorder.trend(Metric::PollWait, SiteId(sellers.0 + 1), 0, Duration::from_millis(9));
        if second == 1 {
            recorder.iteration(sellers, 0, "failed", None);
            recorder.problem(sellers, ProblemKind::Template, "set a", "`json` has no key `a`");
            recorder.problem(GROUP, ProblemKind::Expression, "if", "`status` is absent");
            recorder.problem(SiteId(sellers.0 + 2), ProblemKind::Extraction, "", "no match");
            recorder.request(&RequestSample { status: 503, expected: false, ..request(QUEUE, 0, 700) });
        }
    });
    (graph, facts)
}

#[test]
fn scenarios_and_steps_are_told_apart_and_what_nobody_looks_at_is_noted() {
    let (graph, facts) = crowded();
    let shown = |graph: &Graph| {
        let summary = Summary::new(graph, &facts, &judge::decide(&graph.thresholds, &facts));
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text::render(&summary, 200, false).lines().map(words).collect::<Vec<_>>()
    };
    let plain = shown(&graph);
    let check = |expected: &str| assert!(plain.iter().any(|line| line.starts_with(expected)), "{expected}: {plain:#?}");
    check("seat reservation · 2m 00s of 2m 30s planned · peak 1 VU");
    check("scenario: outcome count");
    check("buyers: completed 120 5.0");
    check("sellers: completed 120 50.0");
    check("sellers: failed 1 –");
    check("poll until status == 200 120");
    check("1 template sellers: set a: `json` has no key `a`");
    check("1 expression buyers: token: if: `status` is absent");
    check("1 extraction sell: id: no match");
    check("- 1 iteration failed, and no threshold looks at `iterations{outcome:failed}`");
    check("- 1 request failed, and no threshold looks at `http_req_failed`");
    check("- a secret of fewer than 4 characters cannot be masked");
    let looking = Graph {
        thresholds: vec![
            threshold("iterations", &[("outcome", "failed")], Statistic::Count, 9.0, "count<9"),
            threshold("http_req_failed", &[], Statistic::Rate, 1.0, "rate<100%"),
        ],
        ..crowded().0
    };
    assert!(shown(&looking).iter().all(|line| !line.contains("no threshold looks")));
    let result = ResultFile::new(&graph, &facts, &judge::decide(&[], &facts));
    let errors: Vec<_> = result.errors.iter().map(|it| (it.step.as_str(), it.subject.as_str())).collect();
    assert_eq!(errors, [("대기열 순번 확인", ""), ("if", ""), ("set a", ""), ("sell", "id")]);
    assert_eq!(result.notes.len(), 4, "{:?}", result.notes);
}

#[test]
fn a_plan_that_counts_iterations_is_planned_at_most() {
    let text = "http: { base_url: 'http://shop' }\niterations: 1\nsteps:\n  - get: /a\n  - get: /b\n";
    let of = |text: String| {
        let source = proofload::source::Source::new("plan.yaml", proofload::source::Format::Yaml, text);
        let parsed = proofload::plan::parse(&source);
        let valid = proofload::validate::check(&parsed, &source, &Default::default(), &|_| None);
        let graph = proofload::graph::compile(&valid.unwrap_or_else(|found| panic!("{found:#?}")).0);
        let facts = facts(&graph, |_, _| ());
        let summary = Summary::new(&graph, &facts, &judge::decide(&graph.thresholds, &facts));
        text::render(&summary, 100, false).lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(of(text.to_owned()), "plan.yaml · 2m 00s of at most 2m 30s planned · peak 0 VUs");
    let timed = text.replace("iterations: 1", "duration: 10s");
    assert_eq!(of(timed), "plan.yaml · 2m 00s of 2m 30s planned · peak 0 VUs");
}

fn written() -> (ResultFile, String) {
    let graph = graph(thresholds());
    let facts = facts(&graph, busy);
    let result = ResultFile::new(&graph, &facts, &judge::decide(&graph.thresholds, &facts));
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("result.json");
    std::fs::write(&path, "an older one").unwrap();
    result.write(&path).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing temporary stays");
    let text = std::fs::read_to_string(&path).unwrap();
    (result, text)
}

#[cfg(unix)]
#[test]
fn a_result_goes_through_links_and_devices_and_errors_name_no_other_file() {
    let (result, text) = written();
    let folder = tempfile::tempdir().unwrap();
    let [file, link, dangling, later] = ["file", "link", "dangling", "later"].map(|name| folder.path().join(name));
    std::fs::write(&file, "an older one").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    std::os::unix::fs::symlink(&later, &dangling).unwrap();
    for (path, target) in [(&link, &file), (&dangling, &later)] {
        result.write(path).unwrap();
        assert!(path.is_symlink());
        assert_eq!(std::fs::read_to_string(target).unwrap(), text);
    }
    result.write(Path::new("/dev/null")).unwrap();
    assert!(!Path::new("/dev/null").is_file());
    if Path::new("/dev/full").exists() {
        assert_eq!(result.write(Path::new("/dev/full")).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }
    let nowhere = result.write(&folder.path().join("no folder/result.json")).unwrap_err();
    assert!(!nowhere.to_string().contains("proofload-"), "{nowhere}");
}

#[test]
fn a_result_file_can_be_read_again_and_holds_no_secret() {
    let (result, text) = written();
    assert_eq!(serde_json::from_str::<ResultFile>(&text).unwrap(), result);
    assert!(!text.contains(SECRET));
}

#[test]
fn a_result_file_has_the_keys_that_other_tools_rely_on() {
    let (_, text) = written();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let check = |pointer: &str, expected: serde_json::Value| {
        assert_eq!(json.pointer(pointer), Some(&expected), "{pointer}");
    };
    check("/schema", 1.into());
    check("/partial", false.into());
    check("/plan/name", "seat reservation".into());
    check("/plan/digest", "sha256:0011".into());
    check("/run/started_at", "1970-01-01T00:00:00Z".into());
    check("/run/duration_ms", 120_000.into());
    check("/run/verdict", "failed".into());
    check("/run/exit_code", 99.into());
    check("/metrics/http_reqs/type", "counter".into());
    check("/metrics/http_reqs/count", 5_161.into());
    check("/metrics/http_reqs/rate", 43.008.into());
    check("/metrics/http_req_duration/unit", "ms".into());
    check("/metrics/http_req_duration{name:reserve}/count", 2_400.into());
    check("/metrics/http_req_failed{name:reserve}/passes", 120.into());
    check("/metrics/http_req_failed{name:reserve}/total", 2_520.into());
    check("/metrics/vus_max/max", 50.into());
    check("/metrics/token_status_check/med", 760.319.into());
    check("/metrics/poll_attempts/max", 9.0.into());
    check("/thresholds/1/metric", "http_req_duration{name:reserve}".into());
    check("/thresholds/1/threshold", "p(95)<1s".into());
    check("/thresholds/1/verdict", "broken".into());
    check("/thresholds/3/observed", serde_json::Value::Null);
    check("/thresholds/3/verdict", "no_data".into());
    check("/checks/0/name", "reserved or taken".into());
    check("/checks/0/fails", 5.into());
    check("/outcomes/reserved", 600.into());
    check("/series/119/http_reqs", 44.into());
    assert!(json.pointer("/metrics/http_req_duration/p(99)").is_some_and(serde_json::Value::is_f64));
}

#[test]
fn histograms_in_a_result_file_say_the_same_as_its_percentiles() {
    use base64::Engine;
    let (result, _) = written();
    let Some(result::MetricEntry::Trend(trend)) = result.metrics.get("http_req_duration") else { panic!("a trend") };
    let bytes = base64::engine::general_purpose::STANDARD.decode(trend.histogram.as_ref().unwrap()).unwrap();
    let mut reader = hdrhistogram::serialization::Deserializer::new();
    let histogram: hdrhistogram::Histogram<u64> = reader.deserialize(&mut bytes.as_slice()).unwrap();
    assert_eq!(histogram.len(), trend.count);
    assert_eq!(histogram.value_at_percentile(95.0) as f64 / 1000.0, trend.p95);
}

#[test]
fn a_result_file_is_valid_by_its_own_schema() {
    let (_, text) = written();
    let validator = jsonschema::draft7::new(&result::schema()).unwrap();
    let mut json = serde_json::from_str(&text).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&json).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    json["run"]["verdict"] = "splendid".into();
    assert!(!validator.is_valid(&json));
}

#[test]
fn the_schema_of_results_is_fresh() {
    let schema = serde_json::to_string_pretty(&result::schema()).unwrap() + "\n";
    golden("schemas/result.schema.json", &schema);
}
