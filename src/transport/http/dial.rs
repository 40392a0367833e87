//! From a URL's host to a stream that HTTP can be spoken over: look-up, TCP, proxy, TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;

use super::hop::{Hop, Stage};
use super::meter::{Stream, Wire};
use super::peer::Peer;
use super::socket::Socket;
use super::{Common, Shared, local, proxy};
use crate::clock;
use crate::route::{Proxy, ProxyKind};
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

    /// With the port, whichever it is.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What the header `host` says of it.
    pub fn authority(&self) -> String {
        match self.port == default_port(self.https) {
            true => self.host.to_owned(),
            false => self.place(),
        }
    }
}

fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

/// Opens a connection and keeps `hop` informed. Its bytes and times are the hop's meter's.
pub async fn dial(shared: &Shared, target: Target<'_>, hop: &mut Hop) -> Result<(Stream, Peer), Cause> {
    let tls = if target.https { Some(shared.tls()?) } else { None };
    let (wire, peer) = reach(&shared.common, target, hop).await?;
    let stream = match tls {
        None => Stream::plain(wire),
        Some(config) => {
            hop.enter(Stage::Handshaking);
            shake_hands(config, shared.common.handshake.server_name.clone(), target.host, wire).await?
        }
    };
    Ok((stream, peer))
}

/// A wire on whose other end the target is, or a proxy that has been told of it, or will be with each request.
async fn reach(common: &Common, target: Target<'_>, hop: &mut Hop) -> Result<(Wire, Peer), Cause> {
    if let Some(path) = &common.route.unix_socket {
        hop.enter(Stage::Connecting);
        let socket = local::connect_path(path).await.map_err(|error| Cause::of_dial(path.display(), &error))?;
        return Ok((Wire::new(socket, hop.meter().clone()), Peer::behind(path.clone())));
    }
    match common.route.proxies.of(target.https, target.host, target.port) {
        Some(proxy) => {
            let reached = timeout_at(hop.deadline(), reach_through(common, proxy, target, hop)).await;
            reached.unwrap_or_else(|_| {
                let cause = hop.time_out(target.host);
                Err(Cause { message: format!("{} through the proxy {proxy}", cause.message), ..cause })
            })
        }
        None => {
            if !common.resolver.knows(target.host, target.port) {
                hop.enter(Stage::LookingUp);
            }
            let addresses = common.resolver.look_up(target.host, target.port).await?;
            connect(common, &addresses, hop).await
        }
    }
}

async fn reach_through(
    common: &Common,
    proxy: &Arc<Proxy>,
    target: Target<'_>,
    hop: &mut Hop,
) -> Result<(Wire, Peer), Cause> {
    let resolver = &common.resolver;
    let looks_up_here = proxy.kind == ProxyKind::Socks5 { looks_up: false };
    if !resolver.knows(&proxy.host, proxy.port) || looks_up_here && !resolver.knows(target.host, target.port) {
        hop.enter(Stage::LookingUp);
    }
    let of_proxy = |cause: Cause| Cause { message: format!("{} (the proxy {proxy})", cause.message), ..cause };
    let addresses = resolver.look_up(&proxy.host, proxy.port).await.map_err(of_proxy)?;
    let there = match looks_up_here {
        true => resolver.look_up(target.host, target.port).await?.first().copied(),
        false => None,
    };
    let (mut wire, mut peer) = connect(common, &addresses, hop).await.map_err(of_proxy)?;
    match proxy.kind {
        ProxyKind::Http if target.https => proxy::connect(&mut wire, proxy, target).await?,
        ProxyKind::Http => peer.forwarder = Some(proxy.clone()),
        ProxyKind::Socks5 { .. } => proxy::socks(&mut wire, proxy, target, there).await?,
    }
    Ok((wire, peer))
}

/// Tries all addresses one after another, each with its share of the time that is left, so that a dead one does not eat it all.
async fn connect(common: &Common, addresses: &[SocketAddr], hop: &mut Hop) -> Result<(Wire, Peer), Cause> {
    hop.enter(Stage::Connecting);
    let mut cause = Cause::new(ErrorCode::NoSuchHost, "no address to connect to");
    for (tried, peer) in addresses.iter().enumerate() {
        let untried = (addresses.len() - tried) as u32;
        let share = hop.deadline().saturating_duration_since(clock::now()) / untried;
        let connected = tokio::time::timeout(share, common.local.connect(*peer)).await;
        match connected.unwrap_or_else(|_| Err(Cause::of_dial(peer, &io::ErrorKind::TimedOut.into()))) {
            Ok(stream) => return Ok((Wire::new(Socket::Tcp(stream), hop.meter().clone()), Peer::at(*peer))),
            Err(error) => cause = error,
        }
    }
    Err(cause)
}

async fn shake_hands(
    config: Arc<ClientConfig>,
    asked: Option<ServerName<'static>>,
    host: &str,
    wire: Wire,
) -> Result<Stream, Cause> {
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = match asked {
        Some(name) => name,
        None => ServerName::try_from(bare)
            .map_err(|_| Cause::new(ErrorCode::Tls, format!("`{host}` is no name that a certificate could have")))?,
    };
    let stream = TlsConnector::from(config).connect(name, wire).await;
    stream.map(Stream::tls).map_err(|error| Cause::of_handshake(host, &error))
}
