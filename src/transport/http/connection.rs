//! One connection: where it leads, and what is spoken over it.

use std::io;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::time::Sleep;

use super::Version;
use super::dial::Target;
use super::h1::{Http1, Recipient};
use super::h2::Http2;
use super::hop::Hop;
use super::meter::{Meter, Stream};
use super::peer::Peer;
use crate::transport::Request;
use crate::transport::error::{Cause, ErrorCode};

pub struct Connection {
    https: bool,
    host: Box<str>,
    port: u16,
    peer: Peer,
    authority: HeaderValue,
    http: Http,
    meter: Rc<Meter>,
}

enum Http {
    One(Http1),
    Two(Http2),
}

/// Why an exchange has no whole response.
#[derive(Debug)]
pub enum Ended {
    Io(io::Error),
    Http2(h2::Error),
    Closed,
    /// The request itself is at fault.
    Unsendable(&'static str),
    /// The head is none of HTTP/1.
    Head(&'static str),
    /// The body is not made as its head says.
    Body(&'static str),
    TooLarge,
    TimedOut,
}

impl Connection {
    /// Over a stream on which nothing was said yet.
    pub async fn new(
        target: Target<'_>,
        (stream, peer): (Stream, Peer),
        meter: Rc<Meter>,
        version: Version,
    ) -> Result<Connection, Cause> {
        let authority = HeaderValue::try_from(target.authority());
        Ok(Connection {
            https: target.https,
            host: target.host.into(),
            port: target.port,
            authority: authority.map_err(|error| Cause::new(ErrorCode::Other, error.to_string()))?,
            http: Http::over(stream, target, &peer, version).await?,
            peer,
            meter,
        })
    }

    /// Another handle to it, where it carries more than one exchange at a time.
    pub fn share(&self) -> Option<Connection> {
        let Http::Two(http) = &self.http else { return None };
        Some(Connection {
            https: self.https,
            host: self.host.clone(),
            port: self.port,
            peer: self.peer.clone(),
            authority: self.authority.clone(),
            http: Http::Two(http.clone()),
            meter: self.meter.clone(),
        })
    }

    /// Whether it carries more than one exchange at a time.
    pub fn is_shareable(&self) -> bool {
        matches!(self.http, Http::Two(_))
    }

    /// Whether both lead to the same place, and one is enough for all.
    pub fn replaces(&self, other: &Connection) -> bool {
        let alike = (self.https, self.port) == (other.https, other.port) && self.host.eq_ignore_ascii_case(&other.host);
        alike && self.is_shareable() && other.is_shareable()
    }

    pub fn serves(&self, target: Target<'_>) -> bool {
        self.https == target.https && self.port == target.port && self.host.eq_ignore_ascii_case(target.host)
    }

    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// For one exchange.
    pub fn meter(&self) -> Rc<Meter> {
        match self.http {
            Http::One(_) => self.meter.clone(),
            Http::Two(_) => Meter::of_stream(&self.meter),
        }
    }

    /// Whether another request can go out, as far as is known.
    pub fn is_open(&mut self) -> bool {
        match &mut self.http {
            Http::One(http) => http.is_open(),
            Http::Two(http) => http.is_open(),
        }
    }

    /// Whether another request can go out, after a look whether the server has closed it meanwhile.
    pub fn is_open_after_a_look(&mut self) -> bool {
        match &mut self.http {
            Http::One(http) => http.is_open_after_a_look(),
            Http::Two(http) => http.is_open(),
        }
    }

    /// Sends `request` and reads the whole response.
    pub async fn exchange(
        &mut self,
        request: &Request,
        hop: &mut Hop,
        timer: Pin<&mut Sleep>,
    ) -> Result<(HeaderMap, Bytes), Ended> {
        hop.meter().begin();
        match &mut self.http {
            Http::One(http) => {
                let recipient = Recipient { authority: &self.authority, forwarder: self.peer.forwarder.as_deref() };
                http.exchange(request, recipient, hop, timer).await
            }
            // Boxed: larger, and those that have none of it should not pay.
            Http::Two(http) => Box::pin(http.exchange(request, &self.authority, hop, timer)).await,
        }
    }
}

impl Http {
    async fn over(stream: Stream, target: Target<'_>, peer: &Peer, version: Version) -> Result<Http, Cause> {
        let speaks_h2 = match version {
            Version::Http2 if target.https && !stream.has_chosen_h2() => {
                let message = format!("{peer} does not speak HTTP/2: it did not choose it in the TLS handshake");
                return Err(Cause::new(ErrorCode::Protocol, message));
            }
            Version::Http2 => true,
            Version::Auto => stream.has_chosen_h2(),
            Version::Http1 => false,
        };
        if !speaks_h2 {
            return Ok(Http::One(Http1::new(stream)));
        }
        Http2::over(stream).await.map(Http::Two).map_err(|error| Cause::of_h2(peer, false, &error))
    }
}
