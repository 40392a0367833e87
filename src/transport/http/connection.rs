//! One HTTP/1.1 connection and the exchange on it.
//!
//! hyper's connection is polled by whoever exchanges something on it, not by a task of its own: that takes less memory, and
//! nothing more can be written once the exchange is dropped.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Request, Version};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

use super::dial::Target;
use super::hop::Hop;
use super::meter::{Meter, Stream};
use super::peer::Peer;
use crate::transport::error::{Cause, ErrorCode};

/// For the head of a response, and the most that is read at once.
const MAX_BUFFER: usize = 64 * 1024;

/// What a server's word about the length of a body is worth in memory set aside.
const MAX_TRUSTED_LENGTH: u64 = 1024 * 1024;

/// Larger bodies stay where they were read.
const MAX_COPIED: usize = 16 * 1024;

type Driver = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

pub struct Connection {
    https: bool,
    host: Box<str>,
    port: u16,
    peer: Peer,
    authority: HeaderValue,
    link: Link,
    meter: Rc<Meter>,
}

/// hyper keeps some 25 KB of buffers and queues for a connection. While its user thinks, the socket alone is enough.
enum Link {
    Awake(Awake),
    Resting(Stream),
    /// Not to be used again.
    Over,
}

struct Awake {
    sender: SendRequest<Full<Bytes>>,
    driver: Box<Driver>,
    /// hyper's connection must not be polled again after its end.
    is_over: bool,
}

impl Awake {
    /// Waits for nothing: HTTP/1.1 has no handshake of its own.
    async fn over(stream: Stream) -> Result<Awake, hyper::Error> {
        let (sender, driver) = http1::Builder::new().max_buf_size(MAX_BUFFER).handshake(TokioIo::new(stream)).await?;
        Ok(Awake { sender, driver: Box::new(driver), is_over: false })
    }

    /// Whether another request can go out, as far as is known.
    fn is_ready(&self) -> bool {
        !self.is_over && self.sender.is_ready()
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        drive(&mut self.driver, &mut self.is_over, cx);
    }
}

fn drive(driver: &mut Driver, is_over: &mut bool, cx: &mut Context<'_>) {
    // What went wrong is told to the exchange; without one there is nobody to care.
    if !*is_over && Pin::new(driver).poll(cx).is_ready() {
        *is_over = true;
    }
}

/// Why an exchange has no whole response.
pub enum Ended {
    Broken(hyper::Error),
    Closed,
    TooLarge,
    TimedOut,
}

impl Connection {
    pub async fn new(
        target: Target<'_>,
        (stream, peer): (Stream, Peer),
        meter: Rc<Meter>,
    ) -> Result<Connection, Cause> {
        let refused = |error: &dyn std::fmt::Display| Cause::new(ErrorCode::Other, error.to_string());
        let awake = Awake::over(stream).await.map_err(|error| refused(&error))?;
        Ok(Connection {
            https: target.https,
            host: target.host.into(),
            port: target.port,
            peer,
            authority: HeaderValue::try_from(target.authority()).map_err(|error| refused(&error))?,
            link: Link::Awake(awake),
            meter,
        })
    }

    pub fn serves(&self, target: Target<'_>) -> bool {
        self.https == target.https && self.port == target.port && self.host.eq_ignore_ascii_case(target.host)
    }

    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// For the header `host`.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    pub fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }

    /// Whether another request can go out at once. Looks at the socket first, since while nothing is exchanged nobody does:
    /// the server may have closed it. It also leaves no waker behind, so that handing the request over does not wake its own
    /// task: that would cost another round of polling.
    pub async fn is_ready_after_a_look(&mut self) -> bool {
        self.wake().await;
        if let Link::Awake(awake) = &mut self.link {
            awake.drive(&mut Context::from_waker(Waker::noop()));
        }
        self.is_ready()
    }

    /// Whether another request can go out, as far as is known.
    pub fn is_ready(&self) -> bool {
        match &self.link {
            Link::Awake(awake) => awake.is_ready(),
            Link::Resting(_) => true,
            Link::Over => false,
        }
    }

    /// Lets go of everything but the socket. `false`: it is not between two exchanges, and not to be used again.
    pub fn rest(&mut self) -> bool {
        self.link = match std::mem::replace(&mut self.link, Link::Over) {
            Link::Awake(awake) if awake.is_ready() => {
                let parts = awake.driver.into_parts();
                // Bytes that nobody asked for: the next answer would not be the next request's.
                if parts.read_buf.is_empty() { Link::Resting(parts.io.into_inner()) } else { Link::Over }
            }
            Link::Resting(stream) => Link::Resting(stream),
            Link::Awake(_) | Link::Over => Link::Over,
        };
        !matches!(self.link, Link::Over)
    }

    async fn wake(&mut self) {
        self.link = match std::mem::replace(&mut self.link, Link::Over) {
            Link::Resting(stream) => Awake::over(stream).await.map_or(Link::Over, Link::Awake),
            link => link,
        };
    }

    /// Sends `request` and reads the whole response, a body of at most `limit` bytes.
    pub async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        hop: &mut Hop,
        mut timer: Pin<&mut Sleep>,
        limit: usize,
    ) -> Result<(Parts, Bytes), Ended> {
        self.meter.begin();
        self.wake().await;
        let Link::Awake(Awake { sender, driver, is_over }) = &mut self.link else { return Err(Ended::Closed) };
        let mut response = pin!(unconstrained(sender.send_request(request)));
        let mut reading: Option<Reading> = None;
        poll_fn(|cx| {
            // Only the driver below, polled by this very task, can bring them forward: they need no waker, and without one
            // the task is not woken by itself. Hence also `unconstrained`: a budget would need a waker.
            let quiet = &mut Context::from_waker(Waker::noop());
            loop {
                drive(driver, is_over, cx);
                if reading.is_none()
                    && let Poll::Ready(response) = response.as_mut().poll(quiet)
                {
                    match response {
                        Ok(response) => reading = Some(Reading::new(response.into_parts(), hop, limit)),
                        Err(error) => return Poll::Ready(Err(Ended::Broken(error))),
                    }
                }
                let came = match &mut reading {
                    Some(reading) => reading.poll(quiet),
                    None => Came::Nothing,
                };
                match came {
                    Came::All => break,
                    Came::Broken(ended) => return Poll::Ready(Err(ended)),
                    Came::Some if !*is_over => {}
                    _ if *is_over => return Poll::Ready(Err(Ended::Closed)),
                    // `unconstrained`: a server that never stops sending uses up the budget each time, and would never be late.
                    _ => return pin!(unconstrained(timer.as_mut())).poll(cx).map(|()| Err(Ended::TimedOut)),
                }
            }
            Poll::Ready(Ok(()))
        })
        .await?;
        reading.map(Reading::finish).ok_or(Ended::Closed)
    }
}

/// What a look at the body brought.
enum Came {
    Nothing,
    Some,
    All,
    Broken(Ended),
}

/// A response that is coming in.
struct Reading {
    parts: Parts,
    incoming: Incoming,
    /// A body in one piece, as most are, is not copied.
    first: Bytes,
    /// All of a body in more pieces.
    whole: Vec<u8>,
    limit: usize,
}

impl Reading {
    fn new((parts, incoming): (Parts, Incoming), hop: &mut Hop, limit: usize) -> Reading {
        hop.status = parts.status.as_u16();
        hop.proto = if parts.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
        Reading { parts, incoming, first: Bytes::new(), whole: Vec::new(), limit }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Came {
        let mut came = Came::Nothing;
        while !self.incoming.is_end_stream() {
            match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Pending => return came,
                Poll::Ready(None) => return Came::All,
                Poll::Ready(Some(Err(error))) => return Came::Broken(Ended::Broken(error)),
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(chunk) = frame.into_data() {
                        self.push(chunk);
                    }
                    if self.len() > self.limit {
                        return Came::Broken(Ended::TooLarge);
                    }
                    came = Came::Some;
                }
            }
        }
        Came::All
    }

    fn len(&self) -> usize {
        self.first.len() + self.whole.len()
    }

    fn push(&mut self, chunk: Bytes) {
        if self.len() == 0 {
            self.first = chunk;
            return;
        }
        if self.whole.is_empty() {
            let expected = self.incoming.size_hint().lower().min(MAX_TRUSTED_LENGTH) as usize;
            self.whole.reserve(self.first.len() + chunk.len() + expected);
            self.whole.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.whole.extend_from_slice(&chunk);
    }

    /// Small ones are copied out of the connection's buffer: they would keep all of it, 8 KiB and more, for as long as the VU
    /// keeps its last response, and hyper would have to make another.
    fn finish(mut self) -> (Parts, Bytes) {
        compact(&mut self.parts.headers);
        let body = match (self.whole.is_empty(), self.first.len()) {
            (false, _) => self.whole.into(),
            (true, 0..=MAX_COPIED) => Bytes::copy_from_slice(&self.first),
            (true, _) => self.first,
        };
        (self.parts, body)
    }
}

/// Moves all values to a piece of memory of their own.
fn compact(headers: &mut HeaderMap) {
    let mut all = BytesMut::with_capacity(headers.values().map(HeaderValue::len).sum());
    headers.values().for_each(|value| all.extend_from_slice(value.as_bytes()));
    let mut all = all.freeze();
    for value in headers.values_mut() {
        if let Ok(copy) = HeaderValue::from_maybe_shared(all.split_to(value.len())) {
            *value = copy;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_headers_are_the_same_headers() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("set-cookie", &b"a=1"[..]), ("set-cookie", b"b=2"), ("x-empty", b""), ("x-old", b"caf\xe9")]
        {
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let before = headers.clone();
        compact(&mut headers);
        assert_eq!(headers, before);
    }
}
