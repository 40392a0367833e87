//! What is said to a proxy before, or along with, a request.

use std::io;
use std::net::SocketAddr;

use http::header::{self, HeaderName};
use http::{HeaderValue, Uri};
use httparse::Status;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::dial::Target;
use crate::route::Proxy;
use crate::transport::error::{Cause, ErrorCode};

/// The longest answer to `CONNECT` that is read, in bytes.
const MAX_ANSWER: usize = 16 * 1024;

/// A stream to a proxy.
pub trait Line: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Line for T {}

/// Makes a plain request one that a proxy forwards: RFC 9112, 3.2.2.
pub fn address<B>(request: &mut http::Request<B>, uri: &Uri, proxy: &Proxy) {
    *request.uri_mut() = uri.clone();
    if let Some(authorization) = proxy.authorization() {
        request.headers_mut().insert(header::PROXY_AUTHORIZATION, authorization);
    }
}

/// Asks an HTTP proxy for a tunnel: RFC 9110, 9.3.6.
pub async fn connect(line: &mut impl Line, proxy: &Proxy, target: Target<'_>) -> Result<(), Cause> {
    let lost = |error| lost(proxy, &error);
    line.write_all(&request(proxy, target)).await.map_err(lost)?;
    line.flush().await.map_err(lost)?;
    let mut answer = Vec::with_capacity(1024);
    loop {
        if answer.len() >= MAX_ANSWER {
            return Err(nonsense(proxy));
        }
        if line.read_buf(&mut answer).await.map_err(lost)? == 0 {
            return Err(lost(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        match (head.parse(&answer), head.code, head.reason) {
            (Ok(Status::Partial), ..) => {}
            // Nobody speaks before the client does: what stands behind the answer would be nobody's.
            (Ok(Status::Complete(length)), Some(200..=299), _) if length == answer.len() => return Ok(()),
            (Ok(Status::Complete(_)), Some(status @ (..200 | 300..)), reason) => {
                return Err(refused(proxy, target, status, reason.unwrap_or_default()));
            }
            _ => return Err(nonsense(proxy)),
        }
    }
}

fn request(proxy: &Proxy, target: Target<'_>) -> Vec<u8> {
    let place = target.place();
    let mut request = format!("CONNECT {place} HTTP/1.1\r\nhost: {place}\r\n").into_bytes();
    if let Some(authorization) = proxy.authorization() {
        put(&mut request, &header::PROXY_AUTHORIZATION, &authorization);
    }
    request.extend_from_slice(b"\r\n");
    request
}

fn put(head: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    head.extend_from_slice(name.as_str().as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value.as_bytes());
    head.extend_from_slice(b"\r\n");
}

fn refused(proxy: &Proxy, target: Target<'_>, status: u16, reason: &str) -> Cause {
    let why = if reason.is_empty() { status.to_string() } else { format!("{status} {reason}") };
    let place = target.place();
    Cause::new(ErrorCode::DialFailed, format!("the proxy {proxy} refused a tunnel to {place}: {why}"))
}

fn lost(proxy: &Proxy, error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Cause::new(ErrorCode::Reset, format!("the proxy {proxy} closed the connection before it had answered"))
        }
        _ => Cause::of_dial(format_args!("the proxy {proxy}"), error),
    }
}

fn nonsense(proxy: &Proxy) -> Cause {
    Cause::new(ErrorCode::Protocol, format!("the proxy {proxy} did not answer as such a proxy does"))
}

/// Asks a SOCKS proxy for a tunnel (RFC 1928): to `address` where it has been looked up here, or else to the host itself.
pub async fn socks(
    line: &mut impl Line,
    proxy: &Proxy,
    target: Target<'_>,
    address: Option<SocketAddr>,
) -> Result<(), Cause> {
    let destination = destination(target, address)?;
    let lost = |error| lost(proxy, &error);
    authenticate(line, proxy).await?;
    line.write_all(&[&[5, 1, 0], &destination[..]].concat()).await.map_err(lost)?;
    line.flush().await.map_err(lost)?;
    let mut reply = [0; 4];
    line.read_exact(&mut reply).await.map_err(lost)?;
    match reply {
        [5, 0, ..] => {}
        [5, code, ..] => return Err(failed(proxy, target, code)),
        _ => return Err(nonsense(proxy)),
    }
    // Where it connected from. Nobody needs it, but it is in the way.
    let length = match reply[3] {
        1 => 4,
        4 => 16,
        3 => usize::from(line.read_u8().await.map_err(lost)?),
        _ => return Err(nonsense(proxy)),
    };
    line.read_exact(&mut vec![0; length + 2]).await.map_err(lost)?;
    Ok(())
}

/// Agrees on how to say who asks, and says it: by nothing, or by user name and password (RFC 1929).
async fn authenticate(line: &mut impl Line, proxy: &Proxy) -> Result<(), Cause> {
    const NOTHING: u8 = 0;
    const PASSWORD: u8 = 2;
    let lost = |error| lost(proxy, &error);
    let denied = |why: &str| Cause::new(ErrorCode::DialFailed, format!("the proxy {proxy} {why}"));
    let methods: &[u8] = if proxy.credentials.is_some() { &[5, 2, NOTHING, PASSWORD] } else { &[5, 1, NOTHING] };
    line.write_all(methods).await.map_err(lost)?;
    line.flush().await.map_err(lost)?;
    let mut chosen = [0; 2];
    line.read_exact(&mut chosen).await.map_err(lost)?;
    match (chosen, &proxy.credentials) {
        ([5, NOTHING], _) => return Ok(()),
        ([5, PASSWORD], Some((user, password))) => line.write_all(&words(user, password)).await.map_err(lost)?,
        ([5, _], None) => return Err(denied("wants a user name and a password, or another proof of who asks")),
        ([5, _], Some(_)) => return Err(denied("takes no user name and password")),
        _ => return Err(nonsense(proxy)),
    }
    line.flush().await.map_err(lost)?;
    line.read_exact(&mut chosen).await.map_err(lost)?;
    if chosen[1] == 0 { Ok(()) } else { Err(denied("does not accept the user name and the password")) }
}

fn words(user: &str, password: &str) -> Vec<u8> {
    [&[1, user.len() as u8], user.as_bytes(), &[password.len() as u8], password.as_bytes()].concat()
}

fn destination(target: Target<'_>, address: Option<SocketAddr>) -> Result<Vec<u8>, Cause> {
    let literal = target.host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let address = address.or_else(|| literal.map(|ip| SocketAddr::new(ip, target.port)));
    let (kind, host) = match address {
        Some(SocketAddr::V4(address)) => (vec![1], address.ip().octets().to_vec()),
        Some(SocketAddr::V6(address)) => (vec![4], address.ip().octets().to_vec()),
        None => {
            let length = u8::try_from(target.host.len()).map_err(|_| {
                Cause::new(ErrorCode::Other, format!("`{}` is too long for a SOCKS proxy", target.host))
            })?;
            (vec![3, length], target.host.as_bytes().to_vec())
        }
    };
    let port = address.map_or(target.port, |address| address.port());
    Ok([kind, host, port.to_be_bytes().to_vec()].concat())
}

fn failed(proxy: &Proxy, target: Target<'_>, code: u8) -> Cause {
    let why = match code {
        1 => "general failure",
        2 => "its rules do not allow it",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "too many hops",
        7 => "it makes no such connections",
        8 => "it knows no such addresses",
        _ => "for a reason of its own",
    };
    let place = target.place();
    Cause::new(ErrorCode::DialFailed, format!("the proxy {proxy} cannot connect to {place}: {why}"))
}
