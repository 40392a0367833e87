//! What a response means must not hang on how its bytes are split, and no bytes may bring the parser down. hyper is the oracle.

use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::response::Response;

const LIMIT: usize = 1000;

#[derive(Debug, PartialEq)]
struct Understood {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// What comes of a response in these pieces before the server closes, and how many bytes it took. An error as text.
fn understand(method: &Method, limit: Option<usize>, pieces: &[&[u8]]) -> Result<(Understood, usize), String> {
    let mut response = Response::new(method, limit);
    let mut fed = 0;
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        fed += piece.len();
        if let Some(surplus) = response.feed(piece).map_err(|ended| format!("{ended:?}"))? {
            return Ok((finish(response), fed - surplus));
        }
    }
    response.end().map_err(|ended| format!("{ended:?}"))?;
    Ok((finish(response), fed))
}

fn finish(response: Response<'_>) -> Understood {
    let (head, body) = response.finish().unwrap();
    Understood { status: head.status, headers: head.headers, body }
}

/// What hyper makes of it.
fn ask_hyper(method: &Method, bytes: &[u8]) -> Result<Understood, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (client, mut server) = tokio::io::duplex(1 << 20);
        let serving = async {
            while server.read_u8().await.unwrap() != b'\n' {}
            server.write_all(bytes).await.unwrap();
            server.shutdown().await.unwrap();
            std::future::pending::<()>().await
        };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(client)).await.map_err(|error| error.to_string())?;
        let request = http::Request::builder().method(method).uri("/").body(Empty::<Bytes>::new()).unwrap();
        let exchange = async {
            let (parts, incoming) =
                sender.send_request(request).await.map_err(|error| format!("{error:?}"))?.into_parts();
            let body = incoming.collect().await.map_err(|error| format!("{error:?}"))?.to_bytes();
            Ok(Understood { status: parts.status.as_u16(), headers: parts.headers, body })
        };
        tokio::pin!(connection, exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            _ = &mut connection => exchange.await,
            () = serving => unreachable!(),
        }
    })
}

/// Parts of which responses are made, good ones and bad ones.
fn response_bytes() -> impl Strategy<Value = Vec<u8>> {
    let interim =
        select(vec!["", "", "", "\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n"]);
    let line = select(vec![
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200\r\n",
        "HTTP/1.0 404 Not Found\r\n",
        "HTTP/1.1 204 No Content\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n",
        "HTTP/1.1 304 Not Modified\n",
        "HTTP/2 200 OK\r\n",
        "ICY 200 OK\r\n",
        "",
    ]);
    let field = select(vec![
        "Server: x\r\n",
        "connection: close\r\n",
        "Connection: keep-alive, x\r\n",
        "content-length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "content-length: 11\r\n",
        "content-length: five\r\n",
        "transfer-encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked, gzip\r\n",
        "set-cookie: a=b; path=/\r\n",
        "folded: a\r\n b\r\n",
        "no colon\r\n",
        "space : x\r\n",
        "latin: caf\u{e9}\r\n",
        "empty:\n",
    ]);
    let body = select(vec![
        "",
        "hello",
        "hello world",
        "5\r\nhello\r\n0\r\n\r\n",
        "5;x=\"y\"\r\nhello\r\n6 \r\n world\r\n0\r\n\r\n",
        "00A\r\n0123456789\r\n0\r\nsum: 1\r\nx: y\r\n\r\nmore",
        "5\r\nhelloo\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n",
        "5\nhello\n",
        "5\r\nhel",
    ]);
    let damage = vec((any::<Index>(), any::<u8>()), 0..3);
    let damage = prop_oneof![3 => Just(Vec::new()), 1 => damage];
    (interim, line, vec(field, 0..5), body, damage).prop_map(|(interim, line, fields, body, damage)| {
        let mut bytes = format!("{interim}{line}{}\r\n{body}", fields.concat()).into_bytes();
        for (place, byte) in damage {
            *place.get_mut(&mut bytes) = byte;
        }
        bytes
    })
}

fn method() -> impl Strategy<Value = Method> {
    select(vec![Method::GET, Method::POST, Method::HEAD])
}

fn split<'b>(bytes: &'b [u8], places: &[Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut start = 0;
    let mut pieces = Vec::new();
    for place in places.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[start..place]);
        start = place;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_response_means_the_same_however_it_is_split(
        bytes in response_bytes(),
        method in method(),
        limit in select(vec![None, Some(LIMIT), Some(6)]),
        places in vec(any::<Index>(), 0..8),
    ) {
        let whole = understand(&method, limit, &[&bytes]);
        prop_assert_eq!(&understand(&method, limit, &split(&bytes, &places)), &whole);
        let bytewise: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(&understand(&method, limit, &bytewise), &whole);
    }

    #[test]
    fn no_bytes_bring_the_parser_down(
        start in select(vec!["", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"]),
        bytes in vec(any::<u8>(), 0..600),
        places in vec(any::<Index>(), 0..8),
    ) {
        let bytes = [start.as_bytes(), &bytes].concat();
        let whole = understand(&Method::GET, Some(LIMIT), &[&bytes]);
        prop_assert_eq!(understand(&Method::GET, Some(LIMIT), &split(&bytes, &places)), whole);
    }

    #[test]
    fn hyper_understands_the_same(bytes in response_bytes(), method in method()) {
        let ours = understand(&method, Some(LIMIT), &[&bytes]).map(|(understood, _)| understood);
        let text = String::from_utf8_lossy(&bytes);
        match (ours, ask_hyper(&method, &bytes)) {
            (Ok(ours), Ok(hypers)) => prop_assert_eq!(ours, hypers, "{}", text),
            // Trailers are dropped here unread.
            (Ok(_), Err(why)) => prop_assert!(why.contains("Header") && text.contains("0\r\n"), "{text}: {why}"),
            (Err(why), Ok(hypers)) => prop_assert!(false, "{text}: {why}, {hypers:?}"),
            (Err(_), Err(_)) => {}
        }
    }
}

/// The end of a head is looked for only where one may be: this would take minutes otherwise.
#[test]
fn a_large_head_may_come_byte_by_byte() {
    let text = format!("HTTP/1.1 200 OK\r\nlong: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(65_000));
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    let (understood, length) = understand(&Method::GET, None, &pieces).unwrap();
    assert_eq!((understood.headers.len(), length), (2, text.len()));
}

#[test]
fn what_never_ends_is_given_up_at_its_bound() {
    let endless =
        |start: &str, more: &str| understand(&Method::GET, None, &[start.as_bytes(), more.repeat(70_000).as_bytes()]);
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (start, more, expected) in [
        ("HTTP/1.1 200 OK\r\nlong: ", "x", "the head is too large"),
        ("HTTP/1.1 200 OK\r\n", "a:b\r\n", "more than 128 fields"),
        ("", "\r\n", "the head is too large"),
        (chunked, "0\r\na: b", "too much around its chunks"),
        (&format!("{chunked}1;"), "x", "too much around its chunks"),
        (&format!("{chunked}0\r\n"), "x: y\r\n", "too much around its chunks"),
    ] {
        let found = endless(start, more).unwrap_err();
        assert!(found.contains(expected), "{start}{more}…: {found}");
    }
}
