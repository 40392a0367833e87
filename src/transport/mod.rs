//! Stage 6b: the wire: a request in, an exchange or a failure out, with phase times.
//!
//! Owns: connections, TLS, decoding, byte counts. Must never know: checks, variables, plans.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use ::http::{HeaderMap, Method, Uri};
use bytes::Bytes;

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
}

/// A response that came in whole; the body is decoded (gzip, brotli, zstd, deflate) and complete.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub status: u16,
    /// `HTTP/1.1`
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
}

/// Makes a session for each VU of one thread.
pub trait Transport {
    type Session: Session;
    fn session(&self) -> Self::Session;
}
