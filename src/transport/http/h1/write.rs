//! A request on its way out: in one write, where the socket takes it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue, Method, header};
use tokio::io::AsyncWrite;

use super::scratch;
use crate::route::Proxy;
use crate::transport::Request;
use crate::transport::http::meter::Stream;

/// Bodies up to this size are copied behind the head; larger ones go out from where they are.
const MAX_COPIED: usize = 8 * 1024;

/// Whom a request is addressed to.
#[derive(Clone, Copy)]
pub struct Recipient<'a> {
    /// For the header `host`.
    pub authority: &'a HeaderValue,
    /// A proxy that forwards it, and must be told where to.
    pub forwarder: Option<&'a Proxy>,
}

/// What has not gone out yet.
pub struct Outgoing {
    head: Bytes,
    body: Bytes,
    /// The body waits for the server's word.
    is_held: bool,
    is_flushed: bool,
}

impl Outgoing {
    /// Writes as much as the socket takes. Only what it does not take is kept.
    pub fn start(
        stream: &mut Stream,
        cx: &mut Context<'_>,
        request: &Request,
        recipient: Recipient<'_>,
    ) -> (Outgoing, Poll<io::Result<()>>) {
        scratch::write(|buffer| {
            encode(request, recipient, buffer);
            let mut outgoing = Outgoing {
                head: Bytes::new(),
                body: request.body.clone(),
                is_held: expects_continue(request),
                is_flushed: false,
            };
            if !outgoing.is_held && request.body.len() <= MAX_COPIED {
                buffer.extend_from_slice(&std::mem::take(&mut outgoing.body));
            }
            let mut head = &buffer[..];
            let wrote = outgoing.write(stream, cx, &mut head);
            outgoing.head = Bytes::copy_from_slice(head);
            (outgoing, wrote)
        })
    }

    /// Writes as much as the socket takes.
    pub fn poll(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let kept = std::mem::take(&mut self.head);
        let mut head = &kept[..];
        let wrote = self.write(stream, cx, &mut head);
        self.head = kept.slice_ref(head);
        wrote
    }

    fn write(&mut self, stream: &mut Stream, cx: &mut Context<'_>, head: &mut &[u8]) -> Poll<io::Result<()>> {
        let mut nothing = Bytes::new();
        let body = if self.is_held { &mut nothing } else { &mut self.body };
        while !head.is_empty() || !body.is_empty() {
            let wrote = match (head.is_empty(), body.is_empty()) {
                (false, true) => Pin::new(&mut *stream).poll_write(cx, head),
                (true, _) => Pin::new(&mut *stream).poll_write(cx, body),
                (false, false) => {
                    let both = [IoSlice::new(head), IoSlice::new(body)];
                    Pin::new(&mut *stream).poll_write_vectored(cx, &both)
                }
            };
            let wrote = ready!(wrote)?;
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_head = wrote.min(head.len());
            head.advance(of_head);
            body.advance(wrote - of_head);
            self.is_flushed = false;
        }
        if !self.is_flushed {
            // TLS may have taken more than the socket did.
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the whole request has gone out.
    pub fn is_done(&self) -> bool {
        self.head.is_empty() && self.body.is_empty() && self.is_flushed
    }

    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// The body goes out with the next poll.
    pub fn let_go(&mut self) {
        self.is_held = false;
    }
}

/// Without a body there is nothing to hold back.
fn expects_continue(request: &Request) -> bool {
    request.expect_continue && !request.body.is_empty()
}

/// Whether the plan itself asks for the connection's end.
pub fn says_close(headers: &HeaderMap) -> bool {
    super::head::has_token(headers, &header::CONNECTION, "close")
}

/// The head as it goes over the wire.
fn encode(request: &Request, recipient: Recipient<'_>, into: &mut Vec<u8>) {
    start_line(request, recipient, into);
    if !request.headers.contains_key(header::HOST) {
        field(into, "host", recipient.authority.as_bytes());
    }
    let authorization = recipient.forwarder.and_then(Proxy::authorization);
    for (name, value) in &request.headers {
        // The length is what it is, whatever the plan says; and the proxy's own credentials are the ones for it.
        let is_replaced = name == header::PROXY_AUTHORIZATION && authorization.is_some();
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING && !is_replaced {
            field(into, name.as_str(), value.as_bytes());
        }
    }
    if let Some(authorization) = authorization {
        field(into, "proxy-authorization", authorization.as_bytes());
    }
    if expects_continue(request) && !request.headers.contains_key(header::EXPECT) {
        field(into, "expect", b"100-continue");
    }
    // An empty body of a method that has one is told to be empty.
    if !request.body.is_empty() || matches!(request.method, Method::POST | Method::PUT | Method::PATCH) {
        field(into, "content-length", request.body.len().to_string().as_bytes());
    }
    into.extend_from_slice(b"\r\n");
}

fn start_line(request: &Request, recipient: Recipient<'_>, into: &mut Vec<u8>) {
    into.extend_from_slice(request.method.as_str().as_bytes());
    into.push(b' ');
    // RFC 9112, 3.2.2. Without TLS: there, a proxy makes a tunnel.
    if recipient.forwarder.is_some() {
        into.extend_from_slice(b"http://");
        into.extend_from_slice(recipient.authority.as_bytes());
    }
    into.extend_from_slice(request.uri.path().as_bytes());
    if let Some(query) = request.uri.query() {
        into.push(b'?');
        into.extend_from_slice(query.as_bytes());
    }
    into.extend_from_slice(b" HTTP/1.1\r\n");
}

fn field(into: &mut Vec<u8>, name: &str, value: &[u8]) {
    into.extend_from_slice(name.as_bytes());
    into.extend_from_slice(b": ");
    into.extend_from_slice(value);
    into.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::url::parse_url;

    fn check(change: impl FnOnce(&mut Request), expected: &str) {
        check_through(None, change, expected);
    }

    fn check_through(proxy: Option<&str>, change: impl FnOnce(&mut Request), expected: &str) {
        let mut request = Request::get(parse_url("http://shop.example:81/a?b=c").unwrap());
        change(&mut request);
        let proxy = proxy.map(|url| Proxy::parse(url).unwrap());
        let authority = HeaderValue::from_static("shop.example:81");
        let mut head = Vec::new();
        encode(&request, Recipient { authority: &authority, forwarder: proxy.as_ref() }, &mut head);
        assert_eq!(String::from_utf8(head).unwrap(), expected);
    }

    #[test]
    fn a_proxy_that_forwards_is_told_where_to_and_who_asks() {
        let own = |request: &mut Request| {
            request.headers.insert("proxy-authorization", HeaderValue::from_static("Bearer of-the-plan"));
        };
        let line = "GET http://shop.example:81/a?b=c HTTP/1.1\r\nhost: shop.example:81\r\n";
        check_through(Some("http://proxy"), |_| {}, &format!("{line}\r\n"));
        check_through(Some("http://proxy"), own, &format!("{line}proxy-authorization: Bearer of-the-plan\r\n\r\n"));
        let known = format!("{line}proxy-authorization: Basic YW5uOnB3\r\n\r\n");
        check_through(Some("http://ann:pw@proxy"), |_| {}, &known);
        check_through(Some("http://ann:pw@proxy"), own, &known);
    }

    #[test]
    fn a_head_says_what_the_plan_says_but_for_the_length() {
        check(|_| {}, "GET /a?b=c HTTP/1.1\r\nhost: shop.example:81\r\n\r\n");
        check(
            |request| request.uri = parse_url("http://shop.example:81").unwrap(),
            "GET / HTTP/1.1\r\nhost: shop.example:81\r\n\r\n",
        );
        check(
            |request| {
                request.method = Method::PUT;
                request.headers.insert("host", HeaderValue::from_static("other"));
                request.headers.insert("content-length", HeaderValue::from_static("77"));
                request.headers.insert("transfer-encoding", HeaderValue::from_static("chunked"));
            },
            "PUT /a?b=c HTTP/1.1\r\nhost: other\r\ncontent-length: 0\r\n\r\n",
        );
        check(
            |request| {
                request.expect_continue = true;
                request.body = Bytes::from_static(b"xyz");
            },
            "GET /a?b=c HTTP/1.1\r\nhost: shop.example:81\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n",
        );
        check(|request| request.expect_continue = true, "GET /a?b=c HTTP/1.1\r\nhost: shop.example:81\r\n\r\n");
    }
}
