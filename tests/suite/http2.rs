//! The measured client over HTTP/2, against servers that count what the wire carries.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Method, Response};
use proofload::transport::http::{HttpSession, HttpTransport, Options, Version};
use proofload::transport::url::parse_url;
use proofload::transport::{ErrorCode, Failure, Request, Session};
use rustls::crypto::aws_lc_rs;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio_rustls::TlsAcceptor;

use crate::dialling::{get, http_proxy, via};

/// What a server has seen on all its connections.
#[derive(Default)]
pub struct Seen {
    pub connections: AtomicU64,
    pub read: AtomicU64,
    pub written: AtomicU64,
    resets: AtomicU64,
    refusals: AtomicU64,
}

/// A socket that counts.
pub struct Counted {
    pub stream: TcpStream,
    pub seen: Arc<Seen>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.seen.read.fetch_add((buf.filled().len() - before) as u64, Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let wrote = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.seen.written.fetch_add(wrote as u64, Relaxed);
        Poll::Ready(Ok(wrote))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Which names of protocols a server knows in the handshake; none where it speaks without TLS.
pub type Alpn = Option<&'static [&'static str]>;

pub struct Server {
    address: SocketAddr,
    https: bool,
    pub seen: Arc<Seen>,
}

impl Server {
    pub async fn start(alpn: Alpn) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let (counts, acceptor) = (seen.clone(), alpn.map(acceptor));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counts.connections.fetch_add(1, Relaxed);
                let stream = Counted { stream, seen: counts.clone() };
                let (seen, acceptor) = (counts.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, seen).await,
                        Some(acceptor) => {
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            match stream.get_ref().1.alpn_protocol() {
                                Some(b"h2") => serve(stream, seen).await,
                                _ => serve_h1(stream).await,
                            }
                        }
                    }
                });
            }
        });
        Server { address, https: alpn.is_some(), seen }
    }

    pub fn url(&self) -> String {
        format!("{}://localhost:{}", if self.https { "https" } else { "http" }, self.address.port())
    }

    fn get(&self, path: &str) -> Request {
        let uri = parse_url(&format!("{}{path}", self.url())).unwrap();
        Request { timeout: Duration::from_secs(20), ..Request::get(uri) }
    }

    fn count(&self, what: impl Fn(&Seen) -> &AtomicU64) -> u64 {
        what(&self.seen).load(Relaxed)
    }
}

fn acceptor(alpn: &[&str]) -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.der().clone(), made.signing_key.serialize_der().try_into().unwrap());
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve_h1(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none").await.unwrap();
    stream.flush().await.unwrap();
    drop(stream.read_to_end(&mut head).await);
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seen: Arc<Seen>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        if request.uri().path() == "/last" {
            connection.graceful_shutdown();
        }
        if request.uri().path() == "/abrupt" {
            return;
        }
        tokio::spawn(answer(request, respond, seen.clone()));
    }
}

async fn answer(request: http::Request<RecvStream>, mut respond: SendResponse<Bytes>, seen: Arc<Seen>) {
    let (head, mut incoming) = request.into_parts();
    let mut length = 0;
    while let Some(Ok(piece)) = incoming.data().await {
        length += piece.len();
        incoming.flow_control().release_capacity(piece.len()).unwrap();
    }
    let body = match head.uri.path() {
        "/never" => {
            std::future::poll_fn(|cx| respond.poll_reset(cx)).await.unwrap();
            seen.resets.fetch_add(1, Relaxed);
            return;
        }
        "/refuse" if seen.refusals.fetch_add(1, Relaxed) < 2 => return respond.send_reset(Reason::REFUSED_STREAM),
        "/break" => return respond.send_reset(Reason::INTERNAL_ERROR),
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(60)).await;
            "slow".to_owned()
        }
        "/large" => "x".repeat(3_000_000),
        "/length" => length.to_string(),
        "/head" => format!("{} {} {:?}", head.method, head.uri, head.headers),
        _ => "hello".to_owned(),
    };
    let response = Response::builder().header("server", "two").body(()).unwrap();
    let is_head = head.method == Method::HEAD;
    let Ok(mut stream) = respond.send_response(response, is_head) else { return };
    if !is_head && stream.send_data(body.into(), false).is_ok() {
        let trailers = HeaderMap::from_iter([("sum".parse().unwrap(), HeaderValue::from_static("1"))]);
        drop(stream.send_trailers(trailers));
    }
}

/// As on a thread of the engine.
fn run(test: impl Future<Output = ()>) {
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap().block_on(test);
}

fn session(version: Version) -> HttpSession {
    HttpTransport::new(Options { insecure: true, version, ..Options::default() }).unwrap().session()
}

#[test]
fn a_request_with_prior_knowledge_is_answered_over_http_2() {
    run(async {
        let server = Server::start(None).await;
        let mut session = session(Version::Http2);
        let mut request = server.get("/head?a=b");
        request.headers.insert("x-own", HeaderValue::from_static("1"));
        for is_reused in [false, true] {
            let exchange = session.send(&request).await.unwrap();
            assert_eq!((exchange.status, exchange.proto, exchange.reused), (200, "HTTP/2.0", is_reused));
            assert_eq!(exchange.headers["server"], "two");
            let expected = format!("GET {} {{\"x-own\": \"1\"}}", request.uri);
            assert_eq!(std::str::from_utf8(&exchange.body).unwrap(), expected);
        }
        assert_eq!(server.count(|seen| &seen.connections), 1);
    });
}

/// What comes of a version with a server that knows these names.
fn check_version(version: Version, alpn: &'static [&'static str], expected: Result<&str, (ErrorCode, &str)>) {
    run(async {
        let server = Server::start(Some(alpn)).await;
        match (session(version).send(&server.get("/")).await, expected) {
            (Ok(exchange), Ok(proto)) => assert_eq!(exchange.proto, proto),
            (Err(failure), Err((code, message))) => {
                assert_eq!((failure.code, failure.written), (code, false), "{failure:?}");
                assert!(failure.message.contains(message), "{failure:?}");
            }
            (found, _) => panic!("{version:?} {alpn:?}: {found:?}"),
        }
    });
}

#[test]
fn the_server_chooses_from_what_the_plan_allows() {
    check_version(Version::Auto, &["h2", "http/1.1"], Ok("HTTP/2.0"));
    check_version(Version::Auto, &["http/1.1"], Ok("HTTP/1.1"));
    check_version(Version::Auto, &[], Ok("HTTP/1.1"));
    check_version(Version::Http1, &["h2", "http/1.1"], Ok("HTTP/1.1"));
    check_version(Version::Http2, &["h2", "http/1.1"], Ok("HTTP/2.0"));
    check_version(Version::Http2, &[], Err((ErrorCode::Protocol, "does not speak HTTP/2")));
    check_version(Version::Http2, &["http/1.1"], Err((ErrorCode::Tls, "TLS handshake")));
}

#[test]
fn a_hundred_streams_share_a_connection_and_its_bytes_add_up() {
    for alpn in [None, Some(&["h2"][..])] {
        run(async {
            let server = Server::start(alpn).await;
            let mut session = session(Version::Http2);
            let first = session.send(&server.get("/")).await.unwrap();
            let (mut sent, mut received) = (first.sent, first.received);
            let forks: Vec<_> = (0..100)
                .map(|_| {
                    let (mut fork, request) = (session.fork(), server.get("/slow"));
                    tokio::task::spawn_local(async move { (fork.send(&request).await, fork) })
                })
                .collect();
            for fork in forks {
                let (exchange, fork) = fork.await.unwrap();
                let exchange = exchange.unwrap();
                assert_eq!((&exchange.body[..], exchange.reused), (&b"slow"[..], true));
                assert!(exchange.phases.waiting >= Duration::from_millis(50), "{:?}", exchange.phases);
                sent += exchange.sent;
                received += exchange.received;
                session.join(fork);
            }
            let last = session.send(&server.get("/")).await.unwrap();
            assert!(last.reused);
            assert_eq!(server.count(|seen| &seen.connections), 1);
            // What was written after the end of the last exchange is nobody's.
            assert_eq!(received + last.received, server.count(|seen| &seen.written));
            assert!(server.count(|seen| &seen.read) - (sent + last.sent) < 100);
        });
    }
}

#[test]
fn a_server_that_takes_leave_between_two_requests_gets_a_new_connection() {
    for path in ["/last", "/"] {
        run(async {
            let server = Server::start(None).await;
            let mut session = session(Version::Http2);
            assert_eq!(session.send(&server.get(path)).await.unwrap().status, 200);
            tokio::time::sleep(Duration::from_millis(20)).await;
            let next = session.send(&Request { method: Method::POST, ..server.get("/") }).await.unwrap();
            assert_eq!(next.reused, path == "/");
        });
    }
}

#[test]
fn a_connection_that_breaks_under_a_request_is_replaced_only_if_that_does_no_harm() {
    run(async {
        let server = Server::start(None).await;
        let mut session = session(Version::Http2);
        session.send(&server.get("/")).await.unwrap();
        let post = Request { method: Method::POST, ..server.get("/abrupt") };
        let failure = session.send(&post).await.unwrap_err();
        assert_eq!((failure.code, failure.written), (ErrorCode::Reset, true), "{failure:?}");
        assert!(!session.send(&server.get("/")).await.unwrap().reused);
        // It is sent once more, over a new connection, and that is the end of it.
        assert_eq!(session.send(&server.get("/abrupt")).await.unwrap_err().code, ErrorCode::Reset);
        assert_eq!(server.count(|seen| &seen.connections), 3);
    });
}

#[test]
fn a_refused_stream_is_repeated_and_a_broken_one_is_not() {
    run(async {
        let server = Server::start(None).await;
        let mut session = session(Version::Http2);
        let exchange = session.send(&Request { method: Method::POST, ..server.get("/refuse") }).await.unwrap();
        assert_eq!((exchange.status, server.count(|seen| &seen.refusals)), (200, 3));
        let failure = session.send(&server.get("/break")).await.unwrap_err();
        assert_eq!((failure.code, failure.written), (ErrorCode::Stream, true));
        assert!(failure.message.contains("broke off the stream"), "{}", failure.message);
        assert!(session.send(&server.get("/")).await.unwrap().reused);
        assert_eq!(server.count(|seen| &seen.connections), 1);
    });
}

#[test]
fn a_cut_or_a_timeout_ends_the_stream_and_not_the_connection() {
    run(async {
        let server = Server::start(None).await;
        let mut session = session(Version::Http2);
        let never = server.get("/never");
        assert!(tokio::time::timeout(Duration::from_millis(40), session.send(&never)).await.is_err());
        let cut = session.cut().unwrap();
        assert!(cut.written && cut.sent > 0 && cut.phases.waiting > Duration::ZERO, "{cut:?}");
        let hasty = Request { timeout: Duration::from_millis(40), ..never };
        let failure = session.send(&hasty).await.unwrap_err();
        assert_eq!((failure.code, failure.written), (ErrorCode::Timeout, true));
        assert!(session.send(&server.get("/")).await.unwrap().reused);
        assert_eq!((server.count(|seen| &seen.resets), server.count(|seen| &seen.connections)), (2, 1));
    });
}

#[test]
fn bodies_of_any_size_go_both_ways_within_their_limits() {
    run(async {
        let server = Server::start(Some(&["h2"])).await;
        let mut session = session(Version::Auto);
        let upload = Request { method: Method::PUT, body: vec![7; 5_000_000].into(), ..server.get("/length") };
        assert_eq!(session.send(&upload).await.unwrap().body, "5000000");
        assert_eq!(session.send(&server.get("/large")).await.unwrap().body.len(), 3_000_000);
        let discarded =
            session.send(&Request { discard_body: true, max_body: 1, ..server.get("/large") }).await.unwrap();
        assert!(discarded.body.is_empty() && discarded.received > 3_000_000);
        let failure = session.send(&Request { max_body: 10_000, ..server.get("/large") }).await.unwrap_err();
        assert_eq!((failure.code, failure.status), (ErrorCode::Other, 200));
        assert!(session.send(&server.get("/")).await.unwrap().reused);
        let head = session.send(&Request { method: Method::HEAD, ..server.get("/") }).await.unwrap();
        assert_eq!(head.status, 200);
    });
}

/// A server that says these bytes to whoever connects; how often somebody did, and what came of the request.
async fn say(bytes: &'static [u8]) -> (u64, Failure) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicU64::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Relaxed);
            stream.write_all(bytes).await.unwrap();
            tokio::spawn(async move { stream.read_to_end(&mut Vec::new()).await });
        }
    });
    let request = Request::get(parse_url(&format!("http://{address}/")).unwrap());
    let failure = session(Version::Http2).send(&request).await.unwrap_err();
    (connections.load(Relaxed), failure)
}

#[test]
fn a_server_that_speaks_only_http_1_is_told_as_such() {
    run(async {
        let (_, failure) = say(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(failure.code, ErrorCode::Protocol, "{failure:?}");
        assert!(failure.message.contains("did not answer in HTTP/2"), "{failure:?}");
    });
}

#[test]
fn a_server_that_always_takes_leave_is_not_asked_for_ever() {
    run(async {
        // SETTINGS, and a GOAWAY that says that no stream was looked at.
        let farewell = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let (connections, failure) = say(farewell).await;
        assert_eq!((connections, failure.code), (4, ErrorCode::GoAway), "{failure:?}");
        assert!(failure.message.contains("took leave before it answered"), "{failure:?}");
    });
}

#[test]
fn a_proxy_makes_a_tunnel_for_http_2_without_tls_too() {
    run(async {
        let server = Server::start(None).await;
        let (proxy, mut relayed) = http_proxy(server.address, "HTTP/1.1 200 OK\r\n\r\n").await;
        let options = Options { version: Version::Http2, ..via(&format!("http://{proxy}")) };
        let mut session = HttpTransport::new(options).unwrap().session();
        let exchange = session.send(&get("http://shop.example/head")).await.unwrap();
        assert_eq!((exchange.status, exchange.proto), (200, "HTTP/2.0"));
        drop(session);
        let said = relayed.recv().await.unwrap().said;
        assert!(said.starts_with("CONNECT shop.example:80 HTTP/1.1\r\n"), "{said}");
    });
}
