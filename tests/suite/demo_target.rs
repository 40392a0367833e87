//! The built-in target, asked over plain sockets, so that nothing of proofload's own client can hide a mistake.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use proofload::demo::{Demo, Settings, serve};
use serde_json::{Value, json};

const NO_TOKEN: &str = "";

fn start() -> Demo {
    Demo::start(Settings { seats: 3, ..Settings::default() }).unwrap()
}

/// One request on a connection of its own: status and body.
fn ask(addr: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
    let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n{authorization}");
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The same, where the answer is JSON.
fn ask_json(addr: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
    let (status, body) = ask(addr, method, path, token, body);
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
}

fn token(addr: SocketAddr, user: u64) -> String {
    let (status, body) = ask_json(addr, "POST", "/queue/tokens", NO_TOKEN, &json!({ "userId": user }).to_string());
    assert_eq!(status, 200);
    body["data"]["token"].as_str().unwrap().to_owned()
}

#[test]
fn points_add_up_for_each_user() {
    let demo = start();
    let charge = |body: &str| ask_json(demo.addr, "PUT", "/points/charge", NO_TOKEN, body);
    charge(r#"{"userId":1,"amount":100}"#);
    charge(r#"{"userId":2,"amount":7}"#);
    let (status, body) = charge(r#"{"userId":1,"amount":23}"#);
    assert_eq!((status, body), (200, json!({ "data": { "userId": 1, "point": 123 } })));
}

#[test]
fn a_token_waits_and_then_is_active() {
    let activate_after = Duration::from_secs(1);
    let demo = Demo::start(Settings { activate_after, ..Settings::default() }).unwrap();
    let status = |user: u64| ask_json(demo.addr, "GET", &format!("/queue/tokens/status/{user}"), NO_TOKEN, "");
    let issued = Instant::now();
    token(demo.addr, 5);
    token(demo.addr, 6);
    let waiting = json!({ "data": { "status": "WAITING", "queueOrder": 2, "remainingTime": 1 } });
    assert_eq!(status(6), (200, waiting));
    while status(6).1["data"]["status"] != "ACTIVE" {
        assert!(issued.elapsed() < Duration::from_secs(10), "still waiting");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(issued.elapsed() >= activate_after);
    assert_eq!(status(7).0, 404);
}

#[test]
fn concerts_dates_and_seats_are_listed_for_those_with_a_token() {
    let demo = start();
    let token = token(demo.addr, 1);
    let list = |path: &str| ask_json(demo.addr, "GET", path, &token, "").1["data"].clone();
    let concerts = list("/concerts");
    assert_eq!(concerts["concerts"].as_array().unwrap().len(), 100);
    assert_eq!(concerts["concerts"][1], json!({ "concertId": 2, "title": "Concert 2" }));
    let date = json!({ "concertId": 2, "scheduleId": 6, "date": "2030-06-01" });
    assert_eq!(list("/concerts/2/available-dates")["concerts"][0], date);
    let seats = json!([{ "seatId": 4, "seatNo": 1 }, { "seatId": 5, "seatNo": 2 }, { "seatId": 6, "seatNo": 3 }]);
    assert_eq!(list("/concerts/2/available-seats")["seats"], seats);
}

#[test]
fn of_many_who_want_a_seat_exactly_one_gets_it() {
    let demo = start();
    let token = token(demo.addr, 1);
    let reserve = |user: u64| {
        let body = json!({ "seatId": 2, "userId": user }).to_string();
        ask_json(demo.addr, "POST", "/concerts/reserve-seat", &token, &body).0
    };
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..32).map(|user| scope.spawn(move || reserve(user))).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 31);
    assert_eq!(demo.counts()[&("POST", "/concerts/reserve-seat", 409)], 31);
    let (_, body) = ask_json(demo.addr, "GET", "/concerts/1/available-seats", &token, "");
    assert_eq!(body["data"]["seats"], json!([{ "seatId": 1, "seatNo": 1 }, { "seatId": 3, "seatNo": 3 }]));
}

#[test]
fn a_member_of_the_board_logs_in_posts_and_comments() {
    let demo = start();
    let (status, login) = ask_json(demo.addr, "POST", "/auth/login", NO_TOKEN, "username=ann&password=x");
    assert_eq!((status, &login["token_type"]), (200, &json!("bearer")));
    let token = login["access_token"].as_str().unwrap();
    let (status, post) = ask_json(demo.addr, "POST", "/posts/", token, r#"{"title":"Hello","content":"all"}"#);
    assert_eq!((status, post), (201, json!({ "id": 1, "title": "Hello", "comments": 0 })));
    let (status, comment) = ask_json(demo.addr, "POST", "/comments/", token, r#"{"post_id":1,"content":"hi"}"#);
    assert_eq!((status, comment), (201, json!({ "id": 1, "post_id": 1 })));
    let (status, posts) = ask_json(demo.addr, "GET", "/posts/?page=1", NO_TOKEN, "");
    let listed = json!({ "posts": [{ "id": 1, "title": "Hello", "comments": 1 }], "page": 1, "total": 1 });
    assert_eq!((status, posts), (200, listed));
    let (status, member) = ask_json(demo.addr, "GET", "/api/member/developer-get-token?id=7", NO_TOKEN, "");
    assert_eq!((status, &member["status"]), (200, &json!("success")));
    let token = member["data"]["accessToken"].as_str().unwrap();
    assert_eq!(ask(demo.addr, "GET", "/concerts", token, "").0, 200);
}

#[test]
fn every_mistake_of_a_client_is_told_in_json() {
    let demo = start();
    let token = token(demo.addr, 1);
    let large = "x".repeat((1 << 20) + 1);
    let post = |title: &str| json!({ "title": title, "content": "x" }).to_string();
    let cases: &[(&str, &str, &str, &str, u16)] = &[
        ("GET", "/nowhere", NO_TOKEN, "", 404),
        ("GET", "/points/charge", NO_TOKEN, "", 405),
        ("BREW", "/concerts", NO_TOKEN, "", 405),
        ("PUT", "/points/charge", NO_TOKEN, "{", 400),
        ("PUT", "/points/charge", NO_TOKEN, r#"{"userId":"1","amount":1}"#, 400),
        ("PUT", "/points/charge", NO_TOKEN, r#"{"userId":1,"amount":0}"#, 400),
        ("PUT", "/points/charge", NO_TOKEN, &large, 413),
        ("POST", "/queue/tokens", NO_TOKEN, "{}", 400),
        ("GET", "/queue/tokens/status/me", NO_TOKEN, "", 400),
        ("GET", "/queue/tokens/status/99", NO_TOKEN, "", 404),
        ("GET", "/queue/tokens/status/1/2", NO_TOKEN, "", 404),
        ("GET", "/concerts", NO_TOKEN, "", 401),
        ("GET", "/concerts", "made-up", "", 401),
        ("GET", "/concerts/1/available-dates", NO_TOKEN, "", 401),
        ("GET", "/concerts/101/available-dates", &token, "", 404),
        ("GET", "/concerts/1/available-seats", NO_TOKEN, "", 401),
        ("GET", "/concerts/0/available-seats", &token, "", 404),
        ("POST", "/concerts/reserve-seat", NO_TOKEN, r#"{"seatId":1,"userId":1}"#, 401),
        ("POST", "/concerts/reserve-seat", &token, r#"{"seatId":1}"#, 400),
        ("POST", "/concerts/reserve-seat", &token, r#"{"seatId":301,"userId":1}"#, 404),
        ("GET", "/api/member/developer-get-token", NO_TOKEN, "", 400),
        ("POST", "/auth/login", NO_TOKEN, "username=ann", 401),
        ("POST", "/auth/login", NO_TOKEN, "username=&password=x", 401),
        ("GET", "/posts/?page=last", NO_TOKEN, "", 400),
        ("POST", "/posts/", NO_TOKEN, &post("Hello"), 401),
        ("POST", "/posts/", &token, &post(""), 400),
        ("POST", "/posts/", &token, &post(&"x".repeat(201)), 400),
        ("POST", "/comments/", NO_TOKEN, r#"{"post_id":1,"content":"x"}"#, 401),
        ("POST", "/comments/", &token, r#"{"post_id":1,"content":"x"}"#, 404),
        ("POST", "/comments/", &token, r#"{"post_id":1,"content":""}"#, 400),
    ];
    for (method, path, token, body, expected) in cases {
        let (status, answer) = ask_json(demo.addr, method, path, token, body);
        assert_eq!(status, *expected, "{method} {path}: {answer}");
        assert_eq!(answer["error"]["status"], *expected, "{method} {path}");
        assert!(answer["error"]["message"].is_string(), "{method} {path}");
    }
}

#[test]
fn the_metrics_page_tells_what_was_answered() {
    let demo = start();
    ask(demo.addr, "GET", "/nowhere", NO_TOKEN, "");
    token(demo.addr, 1);
    token(demo.addr, 2);
    let labels = r#"{method="POST",uri="/queue/tokens",status="200",outcome="SUCCESS"}"#;
    let expected = [
        format!("http_server_requests_seconds_count{labels} 2"),
        format!("http_server_requests_seconds_sum{labels} "),
        r#"_bucket{method="POST",uri="/queue/tokens",status="200",outcome="SUCCESS",le="+Inf"} 2"#.to_owned(),
        r#"_count{method="GET",uri="/**",status="404",outcome="CLIENT_ERROR"} 1"#.to_owned(),
    ];
    for path in ["/metrics", "/actuator/prometheus"] {
        let (status, page) = ask(demo.addr, "GET", path, NO_TOKEN, "");
        assert_eq!(status, 200);
        for line in &expected {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
        if cfg!(target_os = "linux") {
            for name in ["system_cpu_usage", "process_cpu_usage", "process_files_open_files"] {
                let value = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
                assert!(value.is_some_and(|value| value >= 0.0), "{name} in\n{page}");
            }
        }
    }
}

#[test]
fn the_asked_share_of_requests_fails_but_never_the_metrics() {
    let demo = Demo::start(Settings { fail_rate: 0.25, ..Settings::default() }).unwrap();
    for _ in 0..20 {
        ask(demo.addr, "GET", "/posts/", NO_TOKEN, "");
        assert_eq!(ask(demo.addr, "GET", "/metrics", NO_TOKEN, "").0, 200);
    }
    assert_eq!(demo.counts()[&("GET", "/posts/", 500)], 5);
    assert_eq!(demo.counts()[&("GET", "/posts/", 200)], 15);
}

#[test]
fn beyond_its_capacity_requests_wait_in_line() {
    let latency = Duration::from_millis(40);
    let demo = Demo::start(Settings { latency, capacity: Some(2), ..Settings::default() }).unwrap();
    let addr = demo.addr;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || assert_eq!(ask(addr, "GET", "/posts/", NO_TOKEN, "").0, 200));
        }
    });
    assert!(begun.elapsed() >= 4 * latency, "8 requests, 2 at once, took {:?}", begun.elapsed());
}

#[test]
fn one_connection_serves_many_requests() {
    let demo = start();
    let mut stream = TcpStream::connect(demo.addr).unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /posts/ HTTP/1.1\r\nHost: demo\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\"total\":0}") {
            let mut part = [0; 1024];
            let size = stream.read(&mut part).unwrap();
            assert!(size > 0, "closed after {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&part[..size]);
        }
    }
}

#[test]
fn it_listens_on_loopback_and_stops_when_told() {
    let demo = start();
    let addr = demo.addr;
    let mut idle = TcpStream::connect(addr).unwrap();
    assert!(addr.ip().is_loopback());
    assert_eq!(demo.url(), format!("http://{addr}"));
    demo.stop();
    assert_eq!(idle.read(&mut [0; 1]).unwrap_or(0), 0, "the connection is still open");
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn served_until_told_otherwise_it_says_where_it_is_first() {
    let (started, addr) = tokio::sync::oneshot::channel();
    let told = |addr| started.send(addr).unwrap();
    let asked = async { assert_eq!(ask(addr.await.unwrap(), "GET", "/posts/", NO_TOKEN, "").0, 200) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(serve(Settings::default(), told, asked)).unwrap();
}

#[test]
fn settings_without_sense_and_taken_ports_are_errors() {
    let demo = start();
    let settings = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        settings
    };
    let cases = [
        settings(|settings| settings.fail_rate = 1.5),
        settings(|settings| settings.fail_rate = f64::NAN),
        settings(|settings| settings.capacity = Some(0)),
        settings(|settings| settings.jitter = Duration::MAX),
        settings(|settings| settings.seats = u32::MAX),
        Settings { port: demo.addr.port(), ..Settings::default() },
    ];
    for settings in cases {
        assert!(Demo::start(settings.clone()).is_err(), "{settings:?}");
    }
}
