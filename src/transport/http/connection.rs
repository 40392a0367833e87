//! One connection: where it leads, and what is spoken over it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::time::Sleep;

use super::dial::Target;
use super::h1::Http1;
use super::hop::Hop;
use super::meter::{Meter, Stream};
use crate::transport::Request;
use crate::transport::error::{Cause, ErrorCode};

pub struct Connection {
    https: bool,
    host: Box<str>,
    port: u16,
    peer: SocketAddr,
    authority: HeaderValue,
    http: Http1,
    meter: Rc<Meter>,
}

/// Why an exchange has no whole response.
#[derive(Debug)]
pub enum Ended {
    Io(io::Error),
    Closed,
    /// The head is none of HTTP/1.
    Head(&'static str),
    /// The body is not made as its head says.
    Body(&'static str),
    TooLarge,
    TimedOut,
}

impl Connection {
    pub fn new(
        target: Target<'_>,
        (stream, peer): (Stream, SocketAddr),
        meter: Rc<Meter>,
    ) -> Result<Connection, Cause> {
        let authority = HeaderValue::try_from(target.authority());
        Ok(Connection {
            https: target.https,
            host: target.host.into(),
            port: target.port,
            peer,
            authority: authority.map_err(|error| Cause::new(ErrorCode::Other, error.to_string()))?,
            http: Http1::new(stream),
            meter,
        })
    }

    pub fn serves(&self, target: Target<'_>) -> bool {
        self.https == target.https && self.port == target.port && self.host.eq_ignore_ascii_case(target.host)
    }

    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }

    /// Whether another request can go out, as far as is known.
    pub fn is_open(&self) -> bool {
        self.http.is_open()
    }

    /// Whether another request can go out, after a look whether the server has closed it meanwhile.
    pub fn is_open_after_a_look(&mut self) -> bool {
        self.http.is_open_after_a_look()
    }

    /// Sends `request` and reads the whole response.
    pub async fn exchange(
        &mut self,
        request: &Request,
        hop: &mut Hop,
        timer: Pin<&mut Sleep>,
    ) -> Result<(HeaderMap, Bytes), Ended> {
        self.meter.begin();
        self.http.exchange(request, &self.authority, hop, timer).await
    }
}
