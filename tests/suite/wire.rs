//! What a run says that it carried, and over how many connections, against what came to the other side.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::http2::{Counted, Seen, Server};
use crate::program::Run;
use crate::target::Target;

/// Passes everything on to `target`, and counts it.
async fn counting(target: &Target) -> (String, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, behind) = (listener.local_addr().unwrap(), target.url().replace("http://", ""));
    let seen = Arc::new(Seen::default());
    let counts = seen.clone();
    tokio::spawn(async move {
        loop {
            let stream = listener.accept().await.unwrap().0;
            counts.connections.fetch_add(1, Relaxed);
            let mut stream = Counted { stream, seen: counts.clone() };
            let mut target = TcpStream::connect(&behind).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut target).await.map(drop) });
        }
    });
    (format!("http://{address}"), seen)
}

/// Runs three requests of different sizes many times over, and compares.
fn check(url: &str, version: &str, paths: [&str; 2], seen: &Seen) {
    let plan = format!(
        "
http: {{ base_url: '{url}', version: {version}, tls: {{ insecure: true }} }}
vus: 5
iterations: 1000
steps:
  - get: {}
  - get: {}
  - post: {}
    body: ${{random_string(random_int(1, 20000))}}
thresholds: {{ http_reqs: ['count==3000'] }}
",
        paths[0], paths[1], paths[0]
    );
    let outcome = Run::of(&plan).finish();
    assert!([0, 98].contains(&outcome.code), "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.metric("http_req_failed", "rate"), 0.0, "{}", outcome.stdout);
    for (metric, counted) in [("data_sent", &seen.read), ("data_received", &seen.written)] {
        let (told, counted) = (outcome.count(metric), counted.load(Relaxed));
        assert!(told.abs_diff(counted) * 1000 <= counted, "{version} {metric}: {told} told, {counted} carried");
    }
}

#[test]
fn the_bytes_of_a_run_are_those_that_the_wire_carried() {
    let runtime = Runtime::new().unwrap();
    let target = Target::start();
    let (url, seen) = runtime.block_on(counting(&target));
    check(&url, "auto", ["/status/200", "/status/201"], &seen);
    for alpn in [None, Some(&["h2"][..])] {
        let server = runtime.block_on(Server::start(alpn));
        check(&server.url(), "2", ["/length", "/head"], &server.seen);
    }
}

/// Twenty VUs run two iterations each.
fn check_connections(connections: &str, expected: u64) {
    let runtime = Runtime::new().unwrap();
    let target = Target::start();
    let (url, seen) = runtime.block_on(counting(&target));
    let plan = format!(
        "
http: {{ base_url: '{url}', connections: {connections} }}
executor: per-vu-iterations
vus: 20
iterations: 2
steps: [{{ get: /delay/10 }}, {{ get: /status/200 }}]
thresholds: {{ http_reqs: ['count==80'] }}
"
    );
    let outcome = Run::of(&plan).args(&["--threads", "2"]).finish();
    assert!([0, 98].contains(&outcome.code), "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.metric("http_req_failed", "rate"), 0.0, "{}", outcome.stdout);
    assert_eq!(seen.connections.load(Relaxed), expected, "{connections}");
}

#[test]
fn as_many_connections_are_opened_as_the_plan_says() {
    check_connections("per_vu", 20);
    check_connections("per_iteration", 40);
    check_connections("{ shared: 3 }", 3);
    check_connections("{ shared: 1 }", 1);
}

#[test]
fn no_connection_is_kept_by_a_thread_without_vus() {
    let target = Target::start();
    let scenario = "{ vus: 1, iterations: 1, steps: [{ get: /delay/500 }] }";
    let plan = format!(
        "http: {{ base_url: '{}', connections: {{ shared: 2 }} }}\nscenarios: {{ one: {scenario}, two: {scenario} }}\n",
        target.url()
    );
    let outcome = Run::of(&plan).args(&["--threads", "2"]).finish();
    assert!([0, 98].contains(&outcome.code), "{}{}", outcome.stdout, outcome.stderr);
    let received = target.received();
    assert_eq!((received.total(), received.connections), (2, 2), "neither waits for the other");
}
