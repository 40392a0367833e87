//! The measured client against servers that do exactly what a script says, byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use proofload::transport::http::{HttpSession, HttpTransport, Options};
use proofload::transport::url::parse_url;
use proofload::transport::{ErrorCode, Exchange, Failure, Request, Session, Transport};
use rustls::crypto::aws_lc_rs;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What a server does next on one connection. After the last act it closes.
#[derive(Clone)]
enum Act {
    /// Reads one whole request.
    Request,
    Reply(Bytes),
    Pause(u64),
    /// Reads whatever comes until the client has closed.
    Drain,
    /// Does nothing for ever.
    Freeze,
}
use Act::{Drain, Freeze, Pause, Reply};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn reply(text: impl Into<String>) -> Act {
    Reply(text.into().into())
}

/// What came over one connection.
struct Served {
    requests: Vec<u8>,
    written: u64,
}

/// A server that follows one script per connection, in the order in which they come; the count ends with the last.
struct Server {
    address: SocketAddr,
    serving: JoinHandle<Vec<Served>>,
}

impl Server {
    async fn start(scripts: Vec<Vec<Act>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let mut connections = Vec::new();
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                connections.push(tokio::spawn(follow(script, stream)));
            }
            let mut served = Vec::new();
            for connection in connections {
                served.push(connection.await.unwrap());
            }
            served
        });
        Server { address, serving }
    }

    fn url(&self) -> String {
        format!("http://{}/a?b=c", self.address)
    }

    async fn served(self) -> Vec<Served> {
        self.serving.await.unwrap()
    }
}

async fn follow(script: Vec<Act>, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Served {
    let mut served = Served { requests: Vec::new(), written: 0 };
    for act in script {
        match act {
            Act::Request => read_request(&mut stream, &mut served.requests).await,
            Reply(bytes) => {
                stream.write_all(&bytes).await.unwrap();
                stream.flush().await.unwrap();
                served.written += bytes.len() as u64;
            }
            Pause(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Drain => drop(stream.read_to_end(&mut served.requests).await),
            Freeze => std::future::pending().await,
        }
    }
    served
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin), into: &mut Vec<u8>) {
    let start = into.len();
    while !into[start..].ends_with(b"\r\n\r\n") {
        into.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(into[start..].to_vec()).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    into.extend(body);
}

fn session() -> HttpSession {
    HttpTransport::new(Options::default()).unwrap().session()
}

fn request(method: Method, url: &str, body: &'static str) -> Request {
    let (uri, headers) = (parse_url(url).unwrap(), HeaderMap::new());
    Request { method, headers, body: body.into(), timeout: Duration::from_secs(20), ..Request::get(uri) }
}

fn get(url: &str) -> Request {
    request(Method::GET, url, "")
}

/// One request of a method, on a new connection, to a server that sends these bytes and closes.
async fn ask(method: Method, response: impl Into<Bytes>) -> Result<Exchange, Failure> {
    let server = Server::start(vec![vec![Act::Request, Reply(response.into())]]).await;
    let answer = session().send(&request(method, &server.url(), "")).await;
    let served = &server.served().await[0];
    let (sent, received) = answer.as_ref().map_or_else(|f| (f.sent, f.received), |e| (e.sent, e.received));
    assert_eq!(sent, served.requests.len() as u64);
    assert!(received <= served.written);
    answer
}

async fn check(response: &str, expected: Result<(u16, &str), (ErrorCode, &str)>) {
    check_method(Method::GET, response, expected).await;
}

async fn check_method(method: Method, response: &str, expected: Result<(u16, &str), (ErrorCode, &str)>) {
    match (ask(method, response.to_owned()).await, expected) {
        (Ok(exchange), Ok(expected)) => {
            assert_eq!((exchange.status, std::str::from_utf8(&exchange.body).unwrap()), expected, "{response}");
            assert_eq!(exchange.received, response.len() as u64, "{response}");
        }
        (Err(failure), Err((code, message))) => {
            assert_eq!(failure.code, code, "{failure:?}");
            assert!(failure.message.contains(message), "{failure:?}");
            assert!(failure.written, "{failure:?}");
        }
        (found, _) => panic!("{response}: {found:?}"),
    }
}

#[tokio::test]
async fn every_way_to_end_a_response_is_understood() {
    check(OK, Ok((200, "ok"))).await;
    check("HTTP/1.0 200 OK\r\n\r\nuntil the end", Ok((200, "until the end"))).await;
    check("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\nno", Ok((404, "no"))).await;
    check(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
        Ok((200, "abcde")),
    )
    .await;
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nsum: 1\r\n\r\n", Ok((200, "a"))).await;
    check("HTTP/1.1 204 No Content\r\n\r\n", Ok((204, ""))).await;
    check("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", Ok((304, ""))).await;
    check(&format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n{OK}"), Ok((200, "ok")))
        .await;
    check("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", Ok((101, ""))).await;
    check_method(Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", Ok((200, ""))).await;
    check_method(Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ncontent-encoding: gzip\r\n\r\n", Ok((200, "")))
        .await;
    let big = "x".repeat(300_000);
    check(&format!("HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n{big}"), Ok((200, &big))).await;
}

#[tokio::test]
async fn every_way_to_break_one_off_has_its_number_and_words() {
    use ErrorCode::{Protocol, Reset};
    check("", Err((Reset, "closed the connection before a response"))).await;
    check("HTTP/1.1 200 OK\r\ncontent-le", Err((Reset, "before the whole response"))).await;
    check("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Err((Reset, "before the whole response"))).await;
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf", Err((Reset, "before the whole response")))
        .await;
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZ\r\n", Err((Protocol, "malformed body"))).await;
    check("220 mail.example ESMTP\r\n", Err((Protocol, "did not answer in HTTP/1"))).await;
    check("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n", Err((Protocol, "content-length"))).await;
    let long = format!("HTTP/1.1 200 OK\r\nlong: {}", "x".repeat(70_000));
    check(&long, Err((Protocol, "head is too large"))).await;
}

#[tokio::test]
async fn nobody_listening_is_a_refused_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let failure = session().send(&get(&format!("http://{address}/"))).await.unwrap_err();
    assert_eq!((failure.code, failure.written, failure.sent), (ErrorCode::DialRefused, false, 0));
    assert_eq!(failure.message, format!("connection refused by {address}"));
    assert_eq!(failure.phases.duration(), Duration::ZERO);
}

#[tokio::test]
async fn a_name_is_looked_up_and_all_its_addresses_are_tried() {
    let server = Server::start(vec![vec![Act::Request, reply(OK)]]).await;
    let exchange = session().send(&get(&format!("http://localhost:{}/", server.address.port()))).await.unwrap();
    assert_eq!(exchange.remote_ip, Some(server.address.ip()));
    assert!(exchange.phases.looking_up > Duration::ZERO);
    let requests = String::from_utf8(server.served().await.remove(0).requests).unwrap();
    assert!(requests.contains("host: localhost:"), "{requests}");
}

#[tokio::test]
async fn a_connection_is_kept_and_its_bytes_add_up() {
    let script = vec![Act::Request, reply(OK), Act::Request, Pause(5), reply(OK), Act::Request, reply(OK), Drain];
    let server = Server::start(vec![script]).await;
    let mut session = session();
    let (mut sent, mut received) = (0, 0);
    for (index, body) in ["", "x=1", ""].into_iter().enumerate() {
        let exchange = session.send(&request(Method::POST, &server.url(), body)).await.unwrap();
        assert_eq!(exchange.reused, index > 0);
        assert_eq!(exchange.phases.connecting > Duration::ZERO, index == 0);
        assert_eq!(exchange.phases.blocked > Duration::ZERO, index == 0);
        sent += exchange.sent;
        received += exchange.received;
        // What a pause lets go of is not missed.
        session.rest();
    }
    drop(session);
    let served = server.served().await.remove(0);
    assert_eq!((sent, received), (served.requests.len() as u64, served.written));
    let text = String::from_utf8(served.requests).unwrap();
    assert_eq!(text.matches("POST /a?b=c HTTP/1.1\r\n").count(), 3);
    assert_eq!(text.matches("content-length: 0\r\n").count(), 2, "{text}");
    assert!(text.contains("content-length: 3\r\n\r\nx=1"), "{text}");
}

#[tokio::test]
async fn the_plan_may_name_the_host_but_not_the_length() {
    let server = Server::start(vec![vec![Act::Request, reply(OK)]]).await;
    let mut request = request(Method::PUT, &server.url(), "abc");
    request.headers.insert(header::HOST, "shop.example".parse().unwrap());
    request.headers.insert(header::CONTENT_LENGTH, "77".parse().unwrap());
    session().send(&request).await.unwrap();
    let text = String::from_utf8(server.served().await.remove(0).requests).unwrap();
    assert!(text.contains("host: shop.example\r\n") && text.contains("content-length: 3\r\n"), "{text}");
}

#[tokio::test]
async fn a_server_that_says_close_gets_a_new_connection_next() {
    let close = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let server = Server::start(vec![vec![Act::Request, reply(close), Drain], vec![Act::Request, reply(OK)]]).await;
    let mut session = session();
    for _ in 0..2 {
        assert!(!session.send(&get(&server.url())).await.unwrap().reused);
    }
    assert_eq!(server.served().await.len(), 2);
}

/// A kept connection is closed by the server, before the next request or after it has read it.
async fn check_stale(method: Method, first: impl Fn() -> Vec<Act>, pause: u64, expected: Result<(), ErrorCode>) {
    for rests in [false, true] {
        check_stale_after(rests, method.clone(), first(), pause, expected).await;
    }
}

async fn check_stale_after(rests: bool, method: Method, first: Vec<Act>, pause: u64, expected: Result<(), ErrorCode>) {
    let server = Server::start(vec![first, vec![Act::Request, reply(OK)]]).await;
    let mut session = session();
    let before = session.send(&get(&server.url())).await.unwrap();
    if rests {
        session.rest();
    }
    tokio::time::sleep(Duration::from_millis(pause)).await;
    let answer = session.send(&request(method, &server.url(), "x")).await;
    match (&answer, expected) {
        (Ok(exchange), Ok(())) => {
            assert!(!exchange.reused);
            let carried: u64 = server.served().await.iter().map(|served| served.requests.len() as u64).sum();
            assert_eq!(before.sent + exchange.sent, carried);
        }
        (Err(failure), Err(code)) => {
            assert_eq!((failure.code, failure.written), (code, true));
            assert!(failure.message.contains("closed the connection before a response"), "{}", failure.message);
        }
        _ => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_silently_opened_anew() {
    for method in [Method::GET, Method::POST] {
        check_stale(method, || vec![Act::Request, reply(OK)], 20, Ok(())).await;
    }
    // A server's complaint about the silence is no answer to the next request.
    let complaint = || reply("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n");
    check_stale(Method::POST, || vec![Act::Request, reply(OK), complaint()], 20, Ok(())).await;
}

#[tokio::test]
async fn a_request_that_may_have_been_acted_upon_is_repeated_only_if_that_does_no_harm() {
    let reads_and_closes = || vec![Act::Request, reply(OK), Act::Request];
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        check_stale(method, reads_and_closes, 0, Ok(())).await;
    }
    for method in [Method::POST, Method::PATCH] {
        check_stale(method, reads_and_closes, 0, Err(ErrorCode::Reset)).await;
    }
}

/// The second answer to the first request must never be taken for the answer to the second.
#[tokio::test]
async fn a_connection_with_an_answer_too_many_is_not_used_again() {
    let server = Server::start(vec![
        vec![Act::Request, reply(format!("{OK}HTTP/1.1 500 Late\r\ncontent-length: 0\r\n\r\n")), Drain],
        vec![Act::Request, reply(OK)],
    ])
    .await;
    let mut session = session();
    for _ in 0..2 {
        assert_eq!(session.send(&get(&server.url())).await.unwrap().status, 200);
    }
}

async fn check_timeout(script: Vec<Act>, status: u16, message: &str) {
    let server = Server::start(vec![script]).await;
    let mut session = session();
    let timeout = Duration::from_millis(60);
    let failure = session.send(&Request { timeout, ..get(&server.url()) }).await.unwrap_err();
    assert_eq!((failure.code, failure.status, failure.written), (ErrorCode::Timeout, status, true));
    assert!(failure.message.contains(message) && failure.message.ends_with("within 60ms"), "{}", failure.message);
    assert!(failure.phases.blocked + failure.phases.duration() >= timeout);
    assert!(session.cut().is_none());
    drop(session);
    assert_eq!(server.served().await[0].requests.len() as u64, failure.sent);
}

#[tokio::test]
async fn a_timeout_tells_how_far_it_got_and_took_its_time() {
    check_timeout(vec![Drain], 0, "no response from").await;
    check_timeout(vec![reply("HTTP/1.1 200 O"), Drain], 0, "no whole response from").await;
    check_timeout(vec![reply("HTTP/1.1 201 Made\r\ncontent-length: 9\r\n\r\nhalf"), Drain], 201, "no whole response")
        .await;
}

#[tokio::test]
async fn a_freeze_is_seen_in_the_phase_it_hits() {
    let (head, tail) = OK.split_at(OK.len() - 1);
    let script = vec![Act::Request, Pause(60), reply(head), Pause(40), reply(tail)];
    let server = Server::start(vec![script]).await;
    let phases = session().send(&get(&server.url())).await.unwrap().phases;
    assert!(phases.waiting >= Duration::from_millis(60), "{phases:?}");
    assert!(phases.receiving >= Duration::from_millis(40), "{phases:?}");
    assert!(phases.duration() >= Duration::from_millis(100), "{phases:?}");
    assert!(phases.blocked >= phases.connecting, "{phases:?}");
}

#[tokio::test]
async fn an_encoded_body_is_decoded_and_a_bomb_is_not() {
    let encode = |body: &[u8]| zstd::encode_all(body, 1).unwrap();
    let respond = |body: Vec<u8>| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\ncontent-length: {}\r\n\r\n", body.len());
        Bytes::from([head.into_bytes(), body].concat())
    };
    let exchange = ask(Method::GET, respond(encode(b"hello"))).await.unwrap();
    assert_eq!(exchange.body, "hello");
    let failure = ask(Method::GET, respond(b"hello".to_vec())).await.unwrap_err();
    assert_eq!((failure.code, failure.status), (ErrorCode::Decoding, 200));
    let failure = ask(Method::GET, respond(encode(&vec![0; 65 * 1024 * 1024]))).await.unwrap_err();
    assert_eq!((failure.code, failure.status), (ErrorCode::Other, 200));
    assert!(failure.message.starts_with("body is larger than"), "{}", failure.message);
}

#[tokio::test]
async fn a_body_past_the_limit_is_not_read() {
    let endless = vec![Act::Request, reply(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(5000))), Drain];
    let server = Server::start(vec![endless]).await;
    let failure = session().send(&Request { max_body: 4999, ..get(&server.url()) }).await.unwrap_err();
    assert_eq!((failure.code, failure.status, failure.proto), (ErrorCode::Other, 200, "HTTP/1.1"));
    assert_eq!(failure.message, "body is larger than 4999B, the most that is taken (`max_body`)");
}

/// Starts to send and stops after 40 ms.
async fn cut_off(session: &mut HttpSession, request: &Request) -> Failure {
    let sent = tokio::time::timeout(Duration::from_millis(40), session.send(request)).await;
    assert!(sent.is_err(), "{sent:?}");
    session.cut().unwrap()
}

#[tokio::test]
async fn a_cut_tells_what_had_gone_out_and_closes() {
    let server = Server::start(vec![vec![Act::Request, reply("HTTP/1.1 200 OK\r\n"), Drain]]).await;
    let mut session = session();
    let failure = cut_off(&mut session, &get(&server.url())).await;
    assert!(failure.written && failure.phases.receiving > Duration::ZERO, "{failure:?}");
    assert!(session.cut().is_none());
    let served = &server.served().await[0];
    assert_eq!((failure.sent, failure.received), (served.requests.len() as u64, served.written));
}

#[tokio::test]
async fn a_cut_is_noticed_even_if_nobody_asks_about_it() {
    let server = Server::start(vec![vec![Act::Request, Drain], vec![Act::Request, reply(OK)]]).await;
    let mut session = session();
    let request = get(&server.url());
    assert!(tokio::time::timeout(Duration::from_millis(40), session.send(&request)).await.is_err());
    assert!(!session.send(&request).await.unwrap().reused);
}

#[tokio::test]
async fn a_request_that_is_stuck_half_way_out_is_a_written_one() {
    let server = Server::start(vec![vec![Freeze]]).await;
    let mut request = request(Method::POST, &server.url(), "");
    request.body = Bytes::from(vec![0; 64 * 1024 * 1024]);
    let failure = cut_off(&mut session(), &request).await;
    assert!(failure.written && failure.sent > 0 && failure.sent < 64 * 1024 * 1024, "{}", failure.sent);
    server.serving.abort();
}

#[tokio::test]
async fn a_cut_during_the_handshake_wrote_no_request_but_bytes() {
    let server = Server::start(vec![vec![Drain]]).await;
    let mut session = session();
    let failure = cut_off(&mut session, &get(&format!("https://{}/", server.address))).await;
    assert!(!failure.written && failure.phases.tls_handshaking > Duration::ZERO, "{failure:?}");
    assert_eq!(server.served().await[0].requests.len() as u64, failure.sent);
}

#[tokio::test]
async fn a_session_keeps_sixteen_connections_and_gives_up_the_one_unused_for_longest() {
    let scripts = vec![vec![Act::Request, reply(OK), Act::Request, reply(OK), Drain]; 2];
    let mut servers = Vec::new();
    for _ in 0..17 {
        servers.push(Server::start(scripts.clone()).await);
    }
    let mut session = session();
    for server in &servers {
        assert!(!session.send(&get(&server.url())).await.unwrap().reused);
    }
    for (index, is_kept) in [(1, true), (16, true), (0, false)] {
        assert_eq!(session.send(&get(&servers[index].url())).await.unwrap().reused, is_kept, "{index}");
    }
}

/// A TLS server for `name` behind a wire that counts; its certificate in PEM.
async fn tls_server(name: &str, scripts: Vec<Vec<Act>>) -> (SocketAddr, String, JoinHandle<(u64, u64)>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let (certificate, key) = (made.cert.der().clone(), made.signing_key.serialize_der().try_into().unwrap());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (inner, outer) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let (behind, address) = (inner.local_addr().unwrap(), outer.local_addr().unwrap());
    tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = inner.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(follow(script, stream));
            }
        }
    });
    let counting = tokio::spawn(async move {
        let (mut client, _) = outer.accept().await.unwrap();
        let mut server = TcpStream::connect(behind).await.unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut server).await.unwrap_or_default()
    });
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &certificate);
    (address, format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n"), counting)
}

/// What comes of a request to a server with a certificate for `name`, where `options` are made from that certificate.
async fn check_tls(name: &str, options: impl Fn(String) -> Options, expected: Result<(), (ErrorCode, &str)>) {
    let script = vec![Act::Request, reply(OK), Act::Request, Pause(5), reply(OK), Drain];
    let (address, pem, counting) = tls_server(name, vec![script]).await;
    let transport = HttpTransport::new(options(pem)).unwrap();
    transport.warm_tls().unwrap();
    let mut session = transport.session();
    let request = get(&format!("https://localhost:{}/", address.port()));
    match (session.send(&request).await, expected) {
        (Ok(first), Ok(())) => {
            assert!(first.phases.tls_handshaking > Duration::ZERO, "{:?}", first.phases);
            let second = session.send(&request).await.unwrap();
            assert!(second.reused && second.phases.waiting >= Duration::from_millis(5), "{:?}", second.phases);
            drop(session);
            let counted = counting.await.unwrap();
            assert_eq!((first.sent + second.sent, first.received + second.received), counted);
        }
        (Err(failure), Err((code, message))) => {
            assert_eq!((failure.code, failure.written), (code, false), "{failure:?}");
            assert!(failure.message.contains(message), "{failure:?}");
            assert!(failure.sent > 0 && failure.received > 0);
        }
        (found, _) => panic!("{found:?}"),
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_knows_whom_is_refused_unless_told_otherwise() {
    let unknown = Err((ErrorCode::UnknownAuthority, "unknown authority"));
    check_tls("localhost", |_| Options::default(), unknown).await;
    check_tls("localhost", |pem| Options { ca_pem: Some(pem.into()), ..Options::default() }, Ok(())).await;
    check_tls("localhost", |_| Options { insecure: true, ..Options::default() }, Ok(())).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_unless_told_otherwise() {
    let other = Err((ErrorCode::HostnameMismatch, "another name"));
    check_tls("shop.example", |pem| Options { ca_pem: Some(pem.into()), ..Options::default() }, other).await;
    check_tls("shop.example", |_| Options { insecure: true, ..Options::default() }, Ok(())).await;
}

#[tokio::test]
async fn plain_http_behind_https_is_told_as_such() {
    let server = Server::start(vec![vec![reply("HTTP/1.1 400 Bad Request\r\n\r\n"), Drain]]).await;
    let failure = session().send(&get(&format!("https://{}/", server.address))).await.unwrap_err();
    assert_eq!((failure.code, failure.written), (ErrorCode::Tls, false));
    assert!(failure.message.contains("does it speak plain http?"), "{}", failure.message);
}
