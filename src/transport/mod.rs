//! Stage 6b: the wire: a request in, an exchange or a failure out, with phase times.
//!
//! Owns: connections, TLS, decoding, byte counts. Must never know: checks, variables, plans.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use ::http::{HeaderMap, Method, Uri};
use bytes::Bytes;

use crate::load::Share;
use crate::metrics::Phases;

pub mod error;
pub mod http;
#[cfg(test)]
pub mod scripted;
pub mod url;

pub use error::ErrorCode;

/// One hop to send. `uri` is absolute.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// For the whole hop, from the look-up to the last byte.
    pub timeout: Duration,
    /// The largest body that is taken, in bytes, after decoding.
    pub max_body: usize,
    /// Reads the body to its end, however large, without keeping it.
    pub discard_body: bool,
    /// Sends the head first, and the body once the server says `100 Continue`, or after a second without a word. Over HTTP/2, which
    /// can take a body back at any time, it goes out at once.
    pub expect_continue: bool,
}

impl Request {
    /// A plain GET with a minute's time and at most 64 MiB of body.
    pub fn get(uri: Uri) -> Request {
        Request {
            method: Method::GET,
            uri,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: Duration::from_secs(60),
            max_body: 64 * 1024 * 1024,
            discard_body: false,
            expect_continue: false,
        }
    }
}

/// A response that came in whole; the body is decoded (gzip, brotli, zstd, deflate) and complete.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub status: u16,
    /// `HTTP/1.1`, `HTTP/1.0`, `HTTP/2.0`
    pub proto: &'static str,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub phases: Phases,
    pub remote_ip: Option<IpAddr>,
    /// On a connection that was already there.
    pub reused: bool,
    /// Bytes on the wire, headers and TLS included.
    pub sent: u64,
    pub received: u64,
}

/// A request that got no whole response. The target's doing, and therefore data.
#[derive(Clone, Debug)]
pub struct Failure {
    pub code: ErrorCode,
    /// For people: `connection refused by 127.0.0.1:8080`.
    pub message: String,
    /// What the phases were until it failed.
    pub phases: Phases,
    /// Status, where the response had begun.
    pub status: u16,
    pub proto: &'static str,
    /// Whether any byte of the request went out.
    pub written: bool,
    pub sent: u64,
    pub received: u64,
}

/// One VU's end of the wire: its own connections, kept alive between requests.
pub trait Session {
    fn send(&mut self, request: &Request) -> impl Future<Output = Result<Exchange, Failure>>;

    /// After a `send` was dropped half way: what had gone out and come in by then, and whether the request was written. The
    /// connection is closed by it. `None` where nothing was under way.
    fn cut(&mut self) -> Option<Failure>;

    /// A pause comes: lets go of memory that only matters while something is exchanged. Connections stay open.
    fn rest(&mut self);

    /// Closes all connections: the next request opens a new one.
    fn close(&mut self);

    /// A session for something that the same user does at the same time: a browser's further connections. Connections that are
    /// not busy go with it where the protocol allows one request at a time, and are shared where it allows more.
    fn fork(&mut self) -> Self
    where
        Self: Sized;

    /// What [`Session::fork`] gave out comes back, with the connections that are still good.
    fn join(&mut self, other: Self)
    where
        Self: Sized;
}

/// Makes a session for each VU of one thread.
pub trait Transport {
    type Session: Session;
    fn session(&self) -> Self::Session;
}

/// What all threads have in common, and each makes its own transport from.
pub trait Spread: Clone + Send + 'static {
    type Local: Transport + Clone + 'static;

    /// For the thread with this share of what is limited for all VUs together.
    fn on_thread(&self, share: Share) -> Self::Local;
}

/// A transport that limits nothing is the same on every thread.
impl<T: Transport + Clone + Send + 'static> Spread for T {
    type Local = T;

    fn on_thread(&self, _: Share) -> T {
        self.clone()
    }
}
