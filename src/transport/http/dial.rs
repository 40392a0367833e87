//! From a URL's host to a stream that HTTP can be spoken over: look-up, TCP, TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Shared;
use super::hop::{Hop, Stage};
use super::meter::{Stream, Wire};
use super::resolve;
use crate::clock::{self, Instant};
use crate::transport::error::{Cause, ErrorCode};

/// Where a request goes: what two requests must agree on to share a connection.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub https: bool,
    /// As in the URL: IPv6 in brackets.
    pub host: &'a str,
    pub port: u16,
}

impl<'a> Target<'a> {
    pub fn of(uri: &'a Uri) -> Result<Target<'a>, Cause> {
        let https = uri.scheme() == Some(&Scheme::HTTPS);
        match uri.host() {
            Some(host) if https || uri.scheme() == Some(&Scheme::HTTP) => {
                Ok(Target { https, host, port: uri.port_u16().unwrap_or(default_port(https)) })
            }
            _ => Err(Cause::new(ErrorCode::Other, format!("not an absolute http or https URL: `{uri}`"))),
        }
    }

    /// What the header `host` says of it.
    pub fn authority(&self) -> String {
        match self.port == default_port(self.https) {
            true => self.host.to_owned(),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

/// Opens a connection and keeps `hop` informed. Its bytes and times are the hop's meter's.
pub async fn dial(shared: &Shared, target: Target<'_>, hop: &mut Hop) -> Result<(Stream, SocketAddr), Cause> {
    let tls = if target.https { Some(shared.tls()?) } else { None };
    if resolve::literal(target.host).is_none() {
        hop.enter(Stage::LookingUp);
    }
    let addresses = shared.resolver.look_up(target.host).await?;
    hop.enter(Stage::Connecting);
    let (stream, peer) = connect(&addresses, target.port, hop.deadline()).await?;
    let wire = Wire::new(stream, hop.meter().clone());
    let stream = match tls {
        None => Stream::plain(wire),
        Some(config) => {
            hop.enter(Stage::Handshaking);
            shake_hands(config, target.host, wire).await?
        }
    };
    Ok((stream, peer))
}

/// Tries all addresses one after another, each with its share of the time that is left, so that a dead one does not eat it all.
async fn connect(addresses: &[IpAddr], port: u16, deadline: Instant) -> Result<(TcpStream, SocketAddr), Cause> {
    let mut cause = Cause::new(ErrorCode::NoSuchHost, "no address to connect to");
    for (tried, address) in addresses.iter().enumerate() {
        let peer = SocketAddr::new(*address, port);
        let untried = (addresses.len() - tried) as u32;
        let share = deadline.saturating_duration_since(clock::now()) / untried;
        let connected = tokio::time::timeout(share, TcpStream::connect(peer)).await;
        match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(|error| Cause::of_dial(peer, &error))?;
                return Ok((stream, peer));
            }
            Err(error) => cause = Cause::of_dial(peer, &error),
        }
    }
    Err(cause)
}

async fn shake_hands(config: Arc<ClientConfig>, host: &str, wire: Wire) -> Result<Stream, Cause> {
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(bare)
        .map_err(|_| Cause::new(ErrorCode::Tls, format!("`{host}` is no name that a certificate could have")))?;
    let stream = TlsConnector::from(config).connect(name, wire).await;
    stream.map(Stream::tls).map_err(|error| Cause::of_handshake(host, &error))
}
