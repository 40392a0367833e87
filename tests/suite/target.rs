//! A service of our own that counts what it receives, to hold against what proofload reports.
//!
//! Routes: `/status/N` answers N; `/delay/MS` answers after a while; `/redirect/N` redirects N times; `/login/USER` sets a cookie
//! and gives a token; `/me/USER` demands both to be USER's; `/echo` gives the body back, unpacked; `/freeze/MS` stops everything
//! once; `/flaky/N` answers every Nth request only; `/digest/USER` demands digest authentication; `/parts` lists what a form has.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE, WWW_AUTHENTICATE,
};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use crate::challenge::challenge;

/// What came in.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// By method and path.
    pub requests: BTreeMap<String, u64>,
    /// By status answered.
    pub statuses: BTreeMap<u16, u64>,
    pub users: BTreeSet<String>,
    /// Answers to digest challenges that were right, each once.
    pub answers: Vec<String>,
    pub bodies: Vec<String>,
    pub headers: Vec<Vec<(String, String)>>,
    pub connections: u64,
    /// Requests that have come and are not answered.
    under_way: u64,
    /// The most there were of them.
    pub peak: u64,
}

impl Received {
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }
}

pub struct Target {
    pub addr: SocketAddr,
    received: Arc<Mutex<Received>>,
    _runtime: tokio::runtime::Runtime,
}

/// A request until it is answered, or its sender has gone.
struct UnderWay(Arc<Mutex<Received>>);

impl UnderWay {
    fn begin(received: &Arc<Mutex<Received>>) -> UnderWay {
        let mut counts = received.lock().unwrap();
        counts.under_way += 1;
        counts.peak = counts.peak.max(counts.under_way);
        UnderWay(Arc::clone(received))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().under_way -= 1;
    }
}

#[derive(Default)]
struct Freeze(Mutex<Option<Instant>>);

impl Target {
    pub fn start() -> Target {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let received = Arc::new(Mutex::new(Received::default()));
        let listener = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            socket.listen(4096).unwrap()
        });
        let addr = listener.local_addr().unwrap();
        let (counts, freeze) = (Arc::clone(&received), Arc::new(Freeze::default()));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (counts, freeze) = (Arc::clone(&counts), Arc::clone(&freeze));
                counts.lock().unwrap().connections += 1;
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        // At once: the answer of a request whose sender has gone may never be asked for.
                        count(&request, &counts);
                        let under_way = UnderWay::begin(&counts);
                        let answer = answer(request, Arc::clone(&counts), Arc::clone(&freeze));
                        async move {
                            let answer = answer.await;
                            drop(under_way);
                            answer
                        }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Target { addr, received, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What has come in, once nothing more does: bytes of a request that was cut off may still be on their way.
    pub fn received(&self) -> Received {
        let mut last = self.received.lock().unwrap().clone();
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(50));
            let next = self.received.lock().unwrap().clone();
            if next.total() == last.total() {
                return next;
            }
            last = next;
        }
        last
    }
}

fn count(request: &Request<Incoming>, received: &Mutex<Received>) {
    let mut received = received.lock().unwrap();
    *received.requests.entry(format!("{} {}", request.method(), request.uri().path())).or_default() += 1;
    if received.headers.len() < 1000 {
        let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
        received.headers.push(headers.collect());
    }
}

async fn answer(
    request: Request<Incoming>,
    received: Arc<Mutex<Received>>,
    freeze: Arc<Freeze>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (route, argument) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let number = argument.parse::<u64>().unwrap_or(0);
    thaw(&freeze).await;
    let response = match route {
        "status" => reply(number as u16, "{}"),
        "delay" => {
            tokio::time::sleep(Duration::from_millis(number)).await;
            reply(200, "{}")
        }
        "freeze" => {
            *freeze.0.lock().unwrap() = Some(Instant::now() + Duration::from_millis(number));
            reply(200, "{}")
        }
        "redirect" if number > 0 => {
            let mut response = reply(302, "");
            response.headers_mut().insert(LOCATION, format!("/redirect/{}", number - 1).parse().unwrap());
            response
        }
        "redirect" => reply(200, "arrived"),
        "login" => {
            received.lock().unwrap().users.insert(argument.to_owned());
            let mut response = reply(200, &format!(r#"{{"data":{{"token":"token-{argument}"}}}}"#));
            response.headers_mut().insert(SET_COOKIE, format!("user={argument}; Path=/").parse().unwrap());
            response
        }
        "me" => {
            let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
            let own =
                text(AUTHORIZATION) == format!("Bearer token-{argument}") && text(COOKIE) == format!("user={argument}");
            reply(if own { 200 } else { 403 }, "{}")
        }
        "flaky" => {
            let count = received.lock().unwrap().requests[&format!("{} {path}", head.method)];
            reply(if count.is_multiple_of(number) { 200 } else { 503 }, "{}")
        }
        "digest" => {
            let text = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or("");
            let target = head.uri.path_and_query().map_or("", |target| target.as_str());
            let answers = &mut received.lock().unwrap().answers;
            match challenge(argument, head.method.as_str(), target, text, answers) {
                None => reply(200, "{}"),
                Some(demanded) => {
                    let mut response = reply(401, "{}");
                    response.headers_mut().insert(WWW_AUTHENTICATE, demanded.parse().unwrap());
                    response
                }
            }
        }
        "parts" => reply(200, &parts_of(&head.headers, &body)),
        "echo" => {
            let body = unpacked(&head.headers, body);
            received.lock().unwrap().bodies.push(String::from_utf8_lossy(&body).into_owned());
            reply(200, &String::from_utf8_lossy(&body))
        }
        _ => reply(200, r#"{"ok":true}"#),
    };
    *received.lock().unwrap().statuses.entry(response.status().as_u16()).or_default() += 1;
    Ok(response)
}

fn unpacked(headers: &HeaderMap, body: Bytes) -> Bytes {
    let encodings = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    encodings.split(", ").collect::<Vec<_>>().into_iter().rev().fold(body, |body, encoding| {
        let mut out = Vec::new();
        let read = match encoding {
            "gzip" => flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut out),
            "deflate" => flate2::read::ZlibDecoder::new(&body[..]).read_to_end(&mut out),
            "br" => brotli::Decompressor::new(&body[..], 4096).read_to_end(&mut out),
            "zstd" => zstd::stream::read::Decoder::new(&body[..]).unwrap().read_to_end(&mut out),
            _ => return body,
        };
        read.unwrap_or_else(|error| panic!("the body is not {encoding}: {error}"));
        out.into()
    })
}

/// `NAME TYPE LENGTH` of every part of a multipart form, as JSON.
fn parts_of(headers: &HeaderMap, body: &[u8]) -> String {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap_or("none");
    // Byte for letter, so that lengths stay what they are.
    let text: String = body.iter().map(|byte| char::from(*byte)).collect();
    let between = |text: &str, start: &str, end: &str| {
        text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map_or("", |(found, _)| found).to_owned()
    };
    let delimiter = format!("--{boundary}");
    let parts = text.split(&delimiter).skip(1);
    let parts = parts.filter_map(|part| part.strip_prefix("\r\n")?.split_once("\r\n\r\n"));
    let parts = parts.map(|(head, content)| {
        let (name, kind) = (between(head, "name=\"", "\""), between(&format!("{head}\r\n"), "Content-Type: ", "\r\n"));
        format!("{name} {kind} {}", content.chars().count() - 2)
    });
    serde_json::Value::from(parts.collect::<Vec<_>>()).to_string()
}

async fn thaw(freeze: &Freeze) {
    let until = *freeze.0.lock().unwrap();
    if let Some(until) = until.filter(|until| *until > Instant::now()) {
        tokio::time::sleep_until(until.into()).await;
    }
}

fn reply(status: u16, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_owned())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    response
}
