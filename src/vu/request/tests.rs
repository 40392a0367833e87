//! How requests are delivered, on a scripted wire: limits, packing, parts, attempts, challenges, cookies.

use std::cell::Cell;

use bytes::Bytes;

use super::super::tests::{Seen, headed, json, play};
use crate::clock::Duration;
use crate::compress::{Encoding, compress};
use crate::metrics::Metric;
use crate::transport::scripted::Reply;
use crate::transport::{ErrorCode, Request};

fn once(http: &str, steps: &str) -> Seen {
    play(http, steps, 1, |_| Reply::default())
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    request.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn limits_of_the_plan_arrive_at_the_wire_and_the_request_s_own_win() {
    let all = ", discard_body: true, max_body: 10MB, expect_continue: true";
    for (http, own, expected) in [
        ("", "", (false, 64 << 20, false)),
        (all, "", (true, 10_000_000, true)),
        (all, "    discard_body: false\n    max_body: 1KiB\n    expect_continue: false\n", (false, 1024, false)),
        ("", "    discard_body: true\n    max_body: 1B\n    expect_continue: true\n", (true, 1, true)),
    ] {
        let seen = once(http, &format!("  - post: /a\n    body: x\n{own}"));
        let sent = &seen.sent[0];
        assert_eq!((sent.discard_body, sent.max_body, sent.expect_continue), expected, "{http} {own}");
    }
}

#[test]
fn bodies_are_packed_as_the_nearest_place_says() {
    use Encoding::{Brotli, Gzip, Zstd};
    let table: [(&str, &str, &str, &str, &[Encoding]); 8] = [
        (", compression: gzip", "json: { a: '${vu.id}' }", r#"{"a":1}"#, "gzip", &[Gzip]),
        (", compression: gzip", "json: { a: 1 }", r#"{"a":1}"#, "gzip", &[Gzip]),
        (", compression: gzip", "body: text\n    compression: none", "text", "", &[]),
        ("", "body: text\n    compression: [gzip, br]", "text", "gzip, br", &[Gzip, Brotli]),
        (", compression: br", "form: { a: b }\n    compression: zstd", "a=b", "zstd", &[Zstd]),
        // The header says that it is packed already.
        (", compression: gzip", "body: text\n    headers: { Content-Encoding: mine }", "text", "mine", &[]),
        (", headers: { Content-Encoding: mine }", "body: text\n    compression: gzip", "text", "gzip", &[Gzip]),
        (", compression: gzip", "query: { a: 1 }", "", "", &[]),
    ];
    for (http, body, plain, encoding, encodings) in table {
        let seen = once(http, &format!("  - post: /a\n    {body}\n"));
        let sent = &seen.sent[0];
        assert_eq!(header(sent, "content-encoding"), encoding, "{http} {body}");
        assert_eq!(sent.body, compress(encodings, plain.into()).unwrap(), "{http} {body}");
    }
}

#[test]
fn a_multipart_body_has_a_part_for_every_value_and_file() {
    let steps = r#"  - set: { list: [a, b] }
  - post: /a
    multipart:
      plain: "user ${vu.id}"
      repeated: "${list}"
      data: { json: { id: "${vu.id}" } }
      file: { file: Cargo.toml, filename: 'a "b".txt', content_type: text/plain }
      two: [x, { file: Cargo.toml }]
"#;
    let seen = play(", headers: { Content-Type: text/x }", steps, 2, |_| Reply::default());
    let file = std::fs::read_to_string("Cargo.toml").unwrap();
    let boundary = header(&seen.sent[0], "content-type").strip_prefix("multipart/form-data; boundary=").unwrap();
    let part = |head: &str, content: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name={head}\r\n\r\n{content}\r\n")
    };
    let expected = [
        part("\"plain\"", "user 1"),
        part("\"repeated\"", "a"),
        part("\"repeated\"", "b"),
        part("\"data\"\r\nContent-Type: application/json", r#"{"id":1}"#),
        part("\"file\"; filename=\"a %22b%22.txt\"\r\nContent-Type: text/plain", &file),
        part("\"two\"", "x"),
        part("\"two\"; filename=\"Cargo.toml\"\r\nContent-Type: application/octet-stream", &file),
        format!("--{boundary}--\r\n"),
    ];
    assert_eq!(String::from_utf8_lossy(&seen.sent[0].body), expected.concat());
    assert_ne!(header(&seen.sent[1], "content-type"), header(&seen.sent[0], "content-type"));
    let absent = once("", "  - get: /a\n  - post: /b\n    multipart: { a: '${headers.none}' }\n");
    assert!(absent.sent.len() == 1 && absent.problems()[0].contains("part `a`"), "{:?}", absent.problems());
}

#[test]
fn a_file_that_is_a_template_is_rendered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("body.json");
    std::fs::write(&path, "{\n  \"id\": ${vu.id}\n}\n").unwrap();
    let steps = format!("  - post: /a\n    body_file: {{ path: {}, template: true }}\n", path.display());
    assert_eq!(once("", &steps).sent[0].body, "{\n  \"id\": 1\n}\n");
    let whole = format!("  - post: /a\n    body_file: {}\n", path.display());
    assert_eq!(once("", &whole).sent[0].body, "{\n  \"id\": ${vu.id}\n}\n");
}

type Headers = &'static [(&'static str, &'static str)];

/// Answers with these statuses one after the other, the last one for ever; 0 is a refused connection.
fn statuses(statuses: &'static [u16], headers: Headers) -> impl Fn(&Request) -> Reply {
    let at = Cell::new(0);
    move |_| {
        let status = statuses[at.replace(at.get() + 1).min(statuses.len() - 1)];
        Reply { failure: (status == 0).then_some(ErrorCode::DialRefused), ..headed(status, headers) }
    }
}

#[test]
fn a_request_is_sent_again_as_often_as_the_plan_says_and_every_attempt_is_counted() {
    let table: [(&str, &'static [u16], usize, u64, u16); 8] = [
        ("{ attempts: 3 }", &[503, 503, 200], 3, 2, 200),
        ("{ attempts: 3 }", &[503], 3, 3, 503),
        ("{ attempts: 3 }", &[404], 1, 1, 404),
        ("{ attempts: 3 }", &[0, 429, 200], 3, 2, 200),
        ("{ attempts: 3, on: 404 }", &[404, 503], 2, 2, 503),
        ("{ attempts: 3, on: error }", &[0, 500], 2, 2, 500),
        ("{ attempts: 3, on: [timeout] }", &[0], 1, 1, 0),
        ("{ attempts: 1 }", &[503], 1, 1, 503),
    ];
    for (retry, answers, sent, failed, last) in table {
        let steps = format!("  - post: /a\n    body: x\n    checks: [status == {last}]\n");
        let seen = play(&format!(", retry: {retry}"), &steps, 1, statuses(answers, &[]));
        assert_eq!(seen.sent.len(), sent, "{retry} {answers:?}");
        assert!(seen.sent.iter().all(|request| request.body == "x"), "{retry} {answers:?}");
        assert_eq!(seen.count(Metric::HttpReqs, &[]), sent as u64, "{retry} {answers:?}");
        assert_eq!(seen.snapshot.rate(Metric::HttpReqFailed, &[]), Some((failed, sent as u64)), "{retry} {answers:?}");
        assert_eq!(seen.snapshot.rate(Metric::Checks, &[]), Some((1, 1)), "{retry} {answers:?}");
    }
    let off = play(", retry: { attempts: 3 }", "  - get: /a\n    retry: none\n", 1, statuses(&[503], &[]));
    assert_eq!(off.sent.len(), 1);
}

#[test]
fn a_late_response_is_a_timeout_and_no_other_error() {
    for (on, sent) in [("timeout", 2), ("error", 1)] {
        let steps = format!("  - get: /a\n    timeout: 1s\n    retry: {{ attempts: 2, on: {on} }}\n");
        let late = |_: &Request| Reply { delay: Duration::from_secs(5), ..Reply::default() };
        assert_eq!(play("", &steps, 1, late).sent.len(), sent, "{on}");
    }
}

#[test]
fn pauses_grow_as_the_plan_says_and_are_no_part_of_a_request() {
    let ms = Duration::from_millis;
    let table: [(&str, Headers, Duration); 8] = [
        ("100ms", &[], ms(100 + 200 + 400)),
        ("{ initial: 100ms, factor: 1 }", &[], ms(300)),
        ("{ initial: 1s, factor: 10, max: 5s }", &[], ms(1000 + 5000 + 5000)),
        ("0s", &[], ms(0)),
        // The server may ask for more, within bounds.
        ("100ms", &[("retry-after", "2")], ms(6000)),
        ("{ initial: 100ms, max: 1s }", &[("retry-after", "3600")], ms(3000)),
        ("{ initial: 5s, factor: 1 }", &[("retry-after", "1")], ms(15_000)),
        ("100ms", &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], ms(700)),
    ];
    for (backoff, headers, pauses) in table {
        let steps = format!(
            "  - group: g\n    steps: [{{ get: /a, retry: {{ attempts: 4, backoff: {backoff} }}, checks: [timings.total < 5] }}]\n"
        );
        let seen = play("", &steps, 1, statuses(&[503], headers));
        // The runtime's timers have a resolution of a millisecond.
        assert!(seen.took >= pauses && seen.took < pauses + ms(5), "{backoff} {headers:?}: {:?}", seen.took);
        let group = seen.snapshot.trend(Metric::GroupDuration, &[]).unwrap().max();
        assert!((group - seen.took.as_secs_f64() * 1e3).abs() < 5.0 + group * 0.01, "{backoff}: {group}");
        assert_eq!(seen.snapshot.rate(Metric::Checks, &[]), Some((1, 1)), "{backoff}");
    }
    let deaf = "  - get: /a\n    retry: { attempts: 2, retry_after: false }\n";
    assert!(play("", deaf, 1, statuses(&[503], &[("retry-after", "9")])).took < ms(200));
    let jittered = "  - get: /a\n    retry: { attempts: 2, backoff: { initial: 10s, jitter: true } }\n";
    let took = play("", jittered, 1, statuses(&[503], &[])).took;
    assert!(took >= ms(5000) && took < ms(10_000), "{took:?}");
}

#[test]
fn a_date_in_retry_after_is_waited_for() {
    let date = (crate::clock::wall() + jiff::SignedDuration::from_secs(20)).strftime("%a, %d %b %Y %T GMT").to_string();
    let date: &'static str = date.leak();
    let headers: Headers = vec![("retry-after", date)].leak();
    let steps = "  - get: /a\n    retry: { attempts: 2 }\n";
    let took = play("", steps, 1, statuses(&[503, 200], headers)).took;
    assert!(took > Duration::from_secs(15) && took <= Duration::from_secs(21), "{took:?}");
}

const CHALLENGE: &str = r#"Digest realm="r", nonce="n1", qop="auth""#;

/// Challenges whoever does not answer.
fn challenging(request: &Request) -> Reply {
    match header(request, "authorization") {
        sent if sent.contains("nonce=\"n1\"") => Reply::default(),
        _ => headed(401, &[("www-authenticate", CHALLENGE)]),
    }
}

const DIGEST: &str = ", auth: { digest: { username: me, password: secret-word } }";

#[test]
fn a_challenge_is_answered_once_and_then_known() {
    let seen =
        play(DIGEST, "  - get: /a?b=1\n    headers: { Cookie: mine=1 }\n  - post: /b\n    body: x\n", 2, challenging);
    let sent: Vec<&str> = seen.sent.iter().map(|request| header(request, "authorization")).collect();
    assert_eq!((sent.len(), sent[0]), (5, ""));
    assert!(sent[1].contains("uri=\"/a?b=1\"") && sent[1].contains("nc=00000001"), "{}", sent[1]);
    assert!(sent[4].contains("uri=\"/b\"") && sent[4].contains("nc=00000004"), "{}", sent[4]);
    assert_eq!(seen.snapshot.rate(Metric::HttpReqFailed, &[]), Some((0, 5)), "the challenge is expected");
    assert_eq!(seen.count(Metric::HttpReqs, &[("status", "401")]), 1);
    assert!(seen.sent.iter().take(2).all(|request| header(request, "cookie") == "mine=1"));
    assert!(sent.iter().all(|sent| !sent.contains("secret-word")));
}

#[test]
fn a_nonce_that_has_become_stale_is_renewed_and_a_wrong_password_is_no_loop() {
    let stale = |request: &Request| match header(request, "authorization") {
        sent if sent.contains("nc=00000001") => Reply::default(),
        "" => headed(401, &[("www-authenticate", CHALLENGE)]),
        _ => headed(401, &[("www-authenticate", r#"Digest realm="r", nonce="n2", qop="auth", stale=true"#)]),
    };
    let seen = play(DIGEST, "  - get: /a\n  - get: /b\n", 1, stale);
    assert_eq!((seen.sent.len(), seen.snapshot.rate(Metric::HttpReqFailed, &[])), (4, Some((0, 4))));
    assert!(header(&seen.sent[3], "authorization").contains("nonce=\"n2\""));
    let never = play(DIGEST, "  - get: /a\n", 1, |_| headed(401, &[("www-authenticate", CHALLENGE)]));
    assert_eq!((never.sent.len(), never.snapshot.rate(Metric::HttpReqFailed, &[])), (2, Some((1, 2))));
    let other = play(DIGEST, "  - get: /a\n", 1, |_| headed(401, &[("www-authenticate", "Basic realm=\"r\"")]));
    assert_eq!(other.sent.len(), 1);
    let integrity = play(DIGEST, "  - get: /a\n", 1, |_| {
        headed(401, &[("www-authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"")])
    });
    assert!(integrity.problems()[0].contains("qop=auth-int"), "{:?}", integrity.problems());
}

#[test]
fn an_answer_to_a_challenge_stays_with_its_host_and_follows_redirects_there() {
    let seen = play(DIGEST, "  - get: /old\n", 1, |request| match (request.uri.host(), request.uri.path()) {
        (Some("shop"), "/old") => headed(302, &[("location", "/new")]),
        (Some("shop"), _) if header(request, "authorization").is_empty() => {
            headed(401, &[("www-authenticate", CHALLENGE)])
        }
        (Some("shop"), _) => headed(302, &[("location", "http://elsewhere/")]),
        _ => headed(401, &[("www-authenticate", CHALLENGE)]),
    });
    let sent: Vec<(&str, bool)> =
        seen.sent.iter().map(|request| (request.uri.path(), header(request, "authorization").is_empty())).collect();
    assert_eq!(sent, [("/old", true), ("/new", true), ("/new", false), ("/", true)]);
    assert_eq!(seen.snapshot.rate(Metric::HttpReqFailed, &[]), Some((1, 4)), "the other host is not answered");
}

#[test]
fn an_echo_of_a_digest_answer_is_masked() {
    let steps = "  - get: /a\n    extract: { gone: $.nothing }\n";
    let seen = play(DIGEST, steps, 1, |request| match header(request, "authorization") {
        "" => headed(401, &[("www-authenticate", CHALLENGE)]),
        sent => Reply { body: Bytes::from(format!("{{\"echo\": {sent:?}}}")), ..Reply::default() },
    });
    let answer = header(&seen.sent[1], "authorization").split("response=\"").nth(1).unwrap()[..32].to_owned();
    let problem = &seen.problems()[0];
    assert!(problem.contains("***") && !problem.contains(&answer[..8]), "{problem}");
}

#[test]
fn cookies_live_as_long_as_the_plan_says() {
    for (http, expected) in [
        ("", ["", "a=1", "a=1", "a=1"]),
        (", cookies: per_vu", ["", "a=1", "a=1", "a=1"]),
        (", cookies: per_iteration", ["", "a=1", "", "a=1"]),
        (", cookies: off", ["", "", "", ""]),
    ] {
        let seen = play(http, "  - get: /set\n    extract: { c: { cookie: a } }\n  - get: /b\n", 2, |_| {
            headed(200, &[("set-cookie", "a=1")])
        });
        let sent: Vec<&str> = seen.sent.iter().map(|request| header(request, "cookie")).collect();
        assert_eq!(sent, expected, "{http}");
    }
}

#[test]
fn a_discarded_body_is_called_so() {
    let seen = play(", discard_body: true", "  - get: /a\n    extract: { h: { header: x } }\n", 1, |_| json("{}"));
    assert!(seen.problems()[0].contains("the body was discarded"), "{:?}", seen.problems());
}
