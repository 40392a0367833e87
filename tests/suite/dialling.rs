//! How connections are made: proxies, fixed and source addresses, Unix sockets, against servers and proxies of the test's own.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use proofload::route::{Block, Fixed, Handshake, Hosts, Pattern, Proxies, Proxy, Route};
use proofload::transport::http::{HttpSession, HttpTransport, Options};
use proofload::transport::url::parse_url;
use proofload::transport::{ErrorCode, Exchange, Failure, Request, Session, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::handshakes::{Demands, acceptor, identity, tls_server, trusting};
use crate::program::{Run, proofload};
use crate::target::Target;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What servers and proxies tell: the head of each request, who sent it, how a handshake went.
pub type Told = UnboundedReceiver<String>;

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// Answers every request of a connection.
pub async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, told: UnboundedSender<String>) {
    while let Some(head) = head(&mut stream).await {
        let _ = told.send(head);
        if stream.write_all(OK.as_bytes()).await.and(stream.flush().await).is_err() {
            return;
        }
    }
}

pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A plain server that tells from which address each connection comes, and all heads.
async fn plain_server() -> (SocketAddr, Told) {
    let (listener, address) = listen().await;
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, from)) = listener.accept().await {
            let _ = tell.send(from.ip().to_string());
            tokio::spawn(serve(stream, tell.clone()));
        }
    });
    (address, told)
}

fn session(options: Options) -> HttpSession {
    HttpTransport::new(options).unwrap().session()
}

fn routed(route: Route) -> Options {
    Options { route, ..Options::default() }
}

fn via(proxy: &str) -> Options {
    let proxies = Proxies::One(Arc::new(Proxy::parse(proxy).unwrap()));
    routed(Route { proxies, ..Route::default() })
}

pub fn get(url: &str) -> Request {
    Request { timeout: Duration::from_secs(20), ..Request::get(parse_url(url).unwrap()) }
}

pub async fn ask(options: Options, url: &str) -> Result<Exchange, Failure> {
    session(options).send(&get(url)).await
}

#[track_caller]
fn check_failure(answer: Result<Exchange, Failure>, code: ErrorCode, message: &str) {
    let failure = answer.unwrap_err();
    assert_eq!((failure.code, failure.written), (code, false), "{failure:?}");
    assert!(failure.message.contains(message), "{}", failure.message);
}

/// What a proxy saw of one connection: what was said to it, and all bytes it took and gave.
struct Relayed {
    said: String,
    taken: u64,
    given: u64,
}

/// Gives every connection the same answer to `CONNECT`, and to the good ones a tunnel to `target`, whatever was asked for.
async fn http_proxy(target: SocketAddr, answer: &'static str) -> (SocketAddr, UnboundedReceiver<Relayed>) {
    let (listener, address) = listen().await;
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let said = head(&mut client).await.unwrap();
            client.write_all(answer.as_bytes()).await.unwrap();
            let (mut taken, mut given) = (said.len() as u64, answer.len() as u64);
            if answer.starts_with("HTTP/1.1 200") {
                let mut server = TcpStream::connect(target).await.unwrap();
                let (up, down) = tokio::io::copy_bidirectional(&mut client, &mut server).await.unwrap_or_default();
                (taken, given) = (taken + up, given + down);
            }
            let _ = tell.send(Relayed { said, taken, given });
        }
    });
    (address, told)
}

#[tokio::test]
async fn https_goes_through_a_tunnel_whose_bytes_and_time_count() {
    let shop = identity("shop.example");
    let (target, mut told) = tls_server(&shop, &Demands::default()).await;
    let (proxy, mut relayed) = http_proxy(target, "HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n").await;
    let mut session = session(Options { ca_pem: Some(shop.pem.into()), ..via(&format!("http://ann:p%40ss@{proxy}")) });
    let first = session.send(&get("https://shop.example/a")).await.unwrap();
    let second = session.send(&get("https://shop.example/b")).await.unwrap();
    assert!(first.phases.connecting > Duration::ZERO && first.phases.tls_handshaking > Duration::ZERO);
    assert_eq!((first.phases.looking_up, first.remote_ip), (Duration::ZERO, Some(proxy.ip())));
    assert!(second.reused);
    drop(session);
    let relayed = relayed.recv().await.unwrap();
    assert_eq!((first.sent + second.sent, first.received + second.received), (relayed.taken, relayed.given));
    let credentials = "proxy-authorization: Basic YW5uOnBAc3M=\r\n";
    assert_eq!(
        relayed.said,
        format!("CONNECT shop.example:443 HTTP/1.1\r\nhost: shop.example:443\r\n{credentials}\r\n")
    );
    assert_eq!(told.recv().await.unwrap(), "TLSv1_3 full shop.example");
    let request = told.recv().await.unwrap();
    assert!(request.starts_with("GET /a HTTP/1.1\r\n") && !request.contains("proxy-"), "{request}");
}

#[tokio::test]
async fn plain_requests_are_handed_to_the_proxy_with_their_whole_url() {
    // The proxy answers by itself, as one with a cache would.
    let (proxy, mut told) = plain_server().await;
    let mut session = session(via(&format!("http://ann:hush@{proxy}")));
    for _ in 0..2 {
        session.send(&get("http://shop.example/a?b=c")).await.unwrap();
    }
    session.send(&get("http://shop.example:81")).await.unwrap();
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(told.recv().await.unwrap());
    }
    assert_eq!(all.iter().filter(|told| **told == "127.0.0.1").count(), 2, "connections: {all:?}");
    assert!(all[1].starts_with("GET http://shop.example/a?b=c HTTP/1.1\r\n"), "{}", all[1]);
    assert!(all[1].contains("host: shop.example\r\n") && all[1].contains("proxy-authorization: Basic "), "{}", all[1]);
    assert!(all[4].starts_with("GET http://shop.example:81/ HTTP/1.1\r\n"), "{}", all[4]);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_with_its_reason_and_without_its_password() {
    for (answer, code, message) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\nwho?",
            ErrorCode::DialFailed,
            "refused a tunnel to shop.example:443: 407 Proxy Authentication Required",
        ),
        ("HTTP/1.1 503\r\n\r\n", ErrorCode::DialFailed, "refused a tunnel to shop.example:443: 503"),
        ("SSH-2.0-x\r\n\r\n", ErrorCode::Protocol, "did not answer as such a proxy does"),
        ("HTTP/1.1 200 OK\r\n\r\nhello", ErrorCode::Protocol, "did not answer as such a proxy does"),
        ("HTTP/1.1 4", ErrorCode::Reset, "closed the connection before it had answered"),
    ] {
        let (proxy, _relayed) = http_proxy(([127, 0, 0, 1], 1).into(), answer).await;
        let failure = ask(via(&format!("http://ann:hush@{proxy}")), "https://shop.example/").await;
        check_failure(failure, code, &format!("the proxy http://{proxy} {message}"));
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let (listener, address) = listen().await;
    drop(listener);
    for scheme in ["http", "socks5", "socks5h"] {
        let failure = ask(via(&format!("{scheme}://{address}")), "http://127.0.0.1:1/").await;
        let message = format!("connection refused by {address} (the proxy {scheme}://{address})");
        check_failure(failure, ErrorCode::DialRefused, &message);
    }
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", silent.local_addr().unwrap());
    let request = Request { timeout: Duration::from_millis(60), ..get("https://shop.example/") };
    let late = format!("no connection to `shop.example` within 60ms through the proxy {proxy}");
    check_failure(session(via(&proxy)).send(&request).await, ErrorCode::DialTimeout, &late);
}

/// A SOCKS proxy that tells what it was asked, as bytes, and makes a tunnel to `target` unless `reply` is a failure.
async fn socks_proxy(target: SocketAddr, method: u8, reply: u8) -> (SocketAddr, UnboundedReceiver<Vec<u8>>) {
    let (listener, address) = listen().await;
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = follow_socks(&mut client, target, method, reply, &tell).await;
        }
    });
    (address, told)
}

async fn follow_socks(
    client: &mut TcpStream,
    target: SocketAddr,
    method: u8,
    reply: u8,
    tell: &UnboundedSender<Vec<u8>>,
) -> std::io::Result<()> {
    let mut head = [0; 2];
    client.read_exact(&mut head).await?;
    client.read_exact(&mut vec![0; head[1].into()]).await?;
    client.write_all(&[5, method]).await?;
    if method == 2 {
        client.read_exact(&mut head).await?;
        let mut said = vec![0; usize::from(head[1]) + 1];
        client.read_exact(&mut said).await?;
        let length = usize::from(*said.last().unwrap());
        said.pop();
        let mut password = vec![0; length];
        client.read_exact(&mut password).await?;
        client.write_all(&[1, u8::from(said != b"ann" || password != b"p@ss")]).await?;
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    let length = match request[3] {
        1 => 4,
        4 => 16,
        _ => usize::from(client.read_u8().await?),
    };
    let mut place = vec![0; length + 2];
    client.read_exact(&mut place).await?;
    let _ = tell.send([&request[3..], &place].concat());
    client.write_all(&[&[5, reply, 0, 3, 4], &b"here"[..], &[0, 9]].concat()).await?;
    let mut server = TcpStream::connect(target).await?;
    tokio::io::copy_bidirectional(client, &mut server).await.map(drop)
}

#[tokio::test]
async fn socks_proxies_get_the_name_or_what_it_was_looked_up_as() {
    let (target, _told) = plain_server().await;
    let port = target.port().to_be_bytes();
    for (scheme, method, host, place) in [
        ("socks5h", 0, "shop.example", [&[3], &b"shop.example"[..], &port].concat()),
        ("socks5h", 2, "[::1]", [&[4], &[0; 15][..], &[1], &port].concat()),
        ("socks5", 2, "127.8.8.8", [&[1, 127, 8, 8, 8][..], &port].concat()),
        ("socks5", 0, "fixed.example", [&[1, 10, 9, 8, 7][..], &[0, 99]].concat()),
    ] {
        let (proxy, mut asked) = socks_proxy(target, method, 0).await;
        let mut options = via(&format!("{scheme}://ann:p%40ss@{proxy}"));
        options.route.hosts = hosts("fixed.example", &["10.9.8.7:99"]);
        let exchange = ask(options, &format!("http://{host}:{}/", target.port())).await.unwrap();
        assert_eq!((exchange.status, asked.recv().await.unwrap()), (200, place), "{scheme} {host}");
        let spoken = (OK.len() as u64, exchange.received);
        assert!(spoken.1 > spoken.0, "the proxy's own words count: {spoken:?}");
    }
}

#[tokio::test]
async fn a_socks_proxy_that_refuses_is_named_with_its_reason() {
    for (credentials, method, reply, message) in [
        ("", 0, 5, "cannot connect to shop.example:80: connection refused"),
        ("", 0, 2, "cannot connect to shop.example:80: its rules do not allow it"),
        ("", 255, 0, "wants a user name and a password"),
        ("ann:p%40ss@", 255, 0, "takes no user name and password"),
        ("ann:wrong@", 2, 0, "does not accept the user name and the password"),
    ] {
        let (proxy, _asked) = socks_proxy(([127, 0, 0, 1], 1).into(), method, reply).await;
        let failure = ask(via(&format!("socks5h://{credentials}{proxy}")), "http://shop.example/").await;
        check_failure(failure, ErrorCode::DialFailed, &format!("the proxy socks5h://{proxy} {message}"));
    }
    let (mute, _told) = http_proxy(([127, 0, 0, 1], 1).into(), "").await;
    let failure = ask(via(&format!("http://{mute}")), "https://shop.example/").await;
    check_failure(failure, ErrorCode::Reset, "closed the connection before it had answered");
}

fn hosts(pattern: &str, addresses: &[&str]) -> Hosts {
    let fixed = addresses.iter().map(|text| Fixed::parse(text).unwrap()).collect();
    Hosts { rows: vec![(Pattern::parse(pattern).unwrap(), fixed)] }
}

#[tokio::test]
async fn a_fixed_host_needs_no_name_server_and_its_addresses_take_turns() {
    let mut servers = [plain_server().await, plain_server().await];
    let places = servers.each_ref().map(|(address, _)| address.to_string());
    let hosts = hosts("*.example:80", &[&places[0], &places[1]]);
    let transport = HttpTransport::new(routed(Route { hosts, ..Route::default() })).unwrap();
    for _ in 0..4 {
        let exchange = transport.session().send(&get("http://shop.example/")).await.unwrap();
        assert_eq!((exchange.status, exchange.phases.looking_up), (200, Duration::ZERO));
    }
    for (_, told) in &mut servers {
        let connections = std::iter::from_fn(|| told.try_recv().ok()).filter(|told| told == "127.0.0.1").count();
        assert_eq!(connections, 2);
    }
    let failure = ask(
        routed(Route { hosts: self::hosts("h.example", &["127.0.0.1:1"]), ..Route::default() }),
        "http://h.example/",
    )
    .await;
    check_failure(failure, ErrorCode::DialRefused, "connection refused by 127.0.0.1:1");
}

fn from(texts: &[&str]) -> Options {
    let local = texts.iter().map(|text| Block::parse(text).unwrap()).collect();
    routed(Route { local, ..Route::default() })
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn connections_come_from_the_local_addresses_by_turns() {
    let ((one, mut told_one), (other, mut told_other)) = (plain_server().await, plain_server().await);
    let transport = HttpTransport::new(from(&["127.0.0.2-127.0.0.3", "::1"])).unwrap();
    for _ in 0..4 {
        let mut session = transport.session();
        for server in [one, other] {
            session.send(&get(&format!("http://{server}/"))).await.unwrap();
        }
    }
    for told in [&mut told_one, &mut told_other] {
        let mut sources = Vec::new();
        while sources.len() < 4 {
            sources.extend(told.recv().await.unwrap().parse::<IpAddr>().ok().map(|source| source.to_string()));
        }
        assert_eq!(sources.iter().filter(|source| *source == "127.0.0.2").count(), 2, "{sources:?}");
        assert_eq!(sources.iter().filter(|source| *source == "127.0.0.3").count(), 2, "{sources:?}");
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_left_from_is_named() {
    let (address, _told) = plain_server().await;
    let url = format!("http://{address}/");
    let foreign = "cannot connect from 192.0.2.1: it is no address of this machine (`local_address`)";
    check_failure(ask(from(&["192.0.2.1"]), &url).await, ErrorCode::NoLocalPort, foreign);
    let family = format!("cannot connect to {address}: `local_address` has no IPv4 address");
    check_failure(ask(from(&["::1"]), &url).await, ErrorCode::DialFailed, &family);
}

#[tokio::test]
async fn a_unix_socket_carries_plain_requests_and_tls() {
    let folder = tempfile::tempdir().unwrap();
    let shop = identity("shop.example");
    for scheme in ["http", "https"] {
        let path = folder.path().join(scheme);
        let listener = UnixListener::bind(&path).unwrap();
        let (tell, mut told) = unbounded_channel();
        let acceptor = acceptor(&shop, &Demands::default());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            match scheme {
                "http" => serve(stream, tell).await,
                _ => serve(acceptor.accept(stream).await.unwrap(), tell).await,
            }
        });
        let route = Route { unix_socket: Some(path.as_path().into()), ..Route::default() };
        let options = Options { route, ..trusting(&shop, Handshake::default()) };
        let exchange = ask(options, &format!("{scheme}://shop.example/a")).await.unwrap();
        assert_eq!((exchange.status, exchange.remote_ip), (200, None));
        assert!(exchange.phases.connecting > Duration::ZERO && exchange.phases.looking_up == Duration::ZERO);
        let request = told.recv().await.unwrap();
        assert!(request.starts_with("GET /a HTTP/1.1\r\n") && request.contains("host: shop.example\r\n"), "{request}");
    }
    let gone = folder.path().join("gone");
    let failure =
        ask(routed(Route { unix_socket: Some(gone.as_path().into()), ..Route::default() }), "http://h/").await;
    check_failure(failure, ErrorCode::DialFailed, &format!("cannot connect to {}: no such file", gone.display()));
}

#[test]
fn a_plan_reaches_a_made_up_host_from_an_address_of_its_choice() {
    let target = Target::start();
    let plan = "
env: { PLACE: 'x' }
http:
  base_url: http://shop.example
  resolve: { \"*.example\": [\"${env.PLACE}\"] }
  local_address: 127.0.0.2-127.0.0.5
vus: 4
iterations: 20
steps: [{ get: /status/200, checks: { ok: status == 200 } }]
";
    let place = target.url().replace("http://", "PLACE=");
    let outcome = Run::of(plan).args(&["-e", &place]).finish();
    assert!([0, 98].contains(&outcome.code), "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!((outcome.count("http_reqs"), target.received().total()), (20, 20));
    assert_eq!(outcome.metric("http_req_failed", "rate"), 0.0);
}

#[cfg(unix)]
#[test]
fn a_plan_reaches_a_unix_socket() {
    use std::io::{Read, Write};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
            stream.write_all(OK.as_bytes()).unwrap();
        }
    });
    let plan = format!(
        "http: {{ base_url: 'http://app', unix_socket: '{}' }}\niterations: 3\nsteps: [{{ get: /, checks: {{ here: \"remote_ip == ''\" }} }}]",
        path.display()
    );
    let outcome = Run::of(&plan).finish();
    assert!([0, 98].contains(&outcome.code), "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!((outcome.count("http_reqs"), outcome.metric("checks", "rate")), (3, 1.0));
}

#[test]
fn the_proxy_of_the_environment_is_told_and_its_password_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.yaml");
    std::fs::write(&plan, "steps: [{ get: 'https://shop.example/?q=hush+hush' }]").unwrap();
    let output = proofload()
        .args(["explain", plan.to_str().unwrap()])
        .env("HTTPS_PROXY", "http://ann:hush%20hush@proxy.example:3128")
        .env("NO_PROXY", ".internal")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = "https through the proxy http://proxy.example:3128 with user name and password of the environment, but for localhost, .internal";
    assert!(output.status.success() && text.contains(line), "{text}");
    assert!(!text.contains("hush"), "{text}");
}
