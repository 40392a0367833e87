//! What a server may answer: status, redirects, cookies, challenges, `retry-after`, and bodies that are read. One user runs one iteration
//! of `response.yaml` against it, on a clock that does not wait.
//!
//! An answer is a line with the status, then a line for each header, an empty line and the body. A line of `%%%` ends it.
#![no_main]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use proofload::clock::now;
use proofload::data::Supply;
use proofload::graph::Graph;
use proofload::metrics::{Aggregate, Phases, Recorder};
use proofload::plan::LogLevel;
use proofload::source::Format;
use proofload::transport::{Exchange, Failure, Request, Session};
use proofload::vu::{Console, Identity, Vu};
use tokio::runtime::{Builder, LocalOptions};

static GRAPH: LazyLock<Arc<Graph>> = LazyLock::new(|| {
    let graph = proofload_fuzz::examine(Format::Yaml, include_str!("response.yaml"));
    Arc::new(graph.expect("the plan of this target is valid"))
});

/// More than the redirects, challenges and retries of every request of the plan with a hundred ids.
const MOST_REQUESTS: usize = 20_000;

fuzz_target!(|input: &[u8]| {
    let answers = lines_between(input, b"\n%%%\n").into_iter().filter_map(answer).collect();
    let server = Server { answers: Rc::new(RefCell::new(answers)), asked: Rc::default() };
    let asked = Rc::clone(&server.asked);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build_local(LocalOptions::default());
    runtime.expect("a runtime without sockets").block_on(async {
        let recorder = Rc::new(RefCell::new(Recorder::new(0)));
        let console: Rc<dyn Console> = Rc::new(Nobody);
        let identity = Identity { id: 1, scenario: 0, scenario_start: now() };
        let supply = Arc::new(Supply::new(&GRAPH.data, GRAPH.seed));
        let mut vu = Vu::new(&GRAPH, identity, server, &supply, &recorder, &console);
        // The second one meets the cookies and challenges of the first.
        for number in 0..2 {
            vu.iterate(number).await;
        }
        let mut aggregate = Aggregate::new(&GRAPH.sites, &GRAPH.custom_metrics);
        aggregate.absorb(&mut recorder.borrow_mut().take());
    });
    assert!(*asked.borrow() < MOST_REQUESTS, "{} requests", asked.borrow());
});

fn lines_between<'i>(input: &'i [u8], end: &[u8]) -> Vec<&'i [u8]> {
    let mut parts = Vec::new();
    let mut rest = input;
    while let Some(at) = rest.windows(end.len()).position(|window| window == end) {
        parts.push(&rest[..at]);
        rest = &rest[at + end.len()..];
    }
    parts.push(rest);
    parts
}

/// As the client hands it over: a status of three digits, headers that HTTP allows.
fn answer(written: &[u8]) -> Option<Exchange> {
    let at = written.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = at.map_or((written, &[][..]), |at| (&written[..at], &written[at + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = std::str::from_utf8(lines.next()?).ok()?.parse().ok().filter(|status| (100..1000).contains(status))?;
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    let mut headers = HeaderMap::new();
    // As many as hyper takes.
    for (name, value) in lines.filter_map(header).take(100) {
        headers.append(name, value);
    }
    Some(exchange(status, headers, Bytes::copy_from_slice(body)))
}

fn exchange(status: u16, headers: HeaderMap, body: Bytes) -> Exchange {
    Exchange {
        status,
        proto: "HTTP/1.1",
        headers,
        received: body.len() as u64,
        body,
        phases: Phases::default(),
        remote_ip: None,
        reused: true,
        sent: 1,
    }
}

/// Gives the answers one after the other, whatever is asked, and nothing but 200 when there are no more.
struct Server {
    answers: Rc<RefCell<VecDeque<Exchange>>>,
    asked: Rc<RefCell<usize>>,
}

impl Session for Server {
    async fn send(&mut self, request: &Request) -> Result<Exchange, Failure> {
        assert!(request.uri.host().is_some(), "a request to nobody: {}", request.uri);
        *self.asked.borrow_mut() += 1;
        let next = self.answers.borrow_mut().pop_front();
        Ok(next.unwrap_or_else(|| exchange(200, HeaderMap::new(), Bytes::new())))
    }

    fn cut(&mut self) -> Option<Failure> {
        None
    }

    fn rest(&mut self) {}

    fn close(&mut self) {}

    fn fork(&mut self) -> Server {
        Server { answers: Rc::clone(&self.answers), asked: Rc::clone(&self.asked) }
    }

    fn join(&mut self, _: Server) {}
}

struct Nobody;

impl Console for Nobody {
    fn log(&self, _: LogLevel, _: &str) {}
}
