//! Who is at the other end of a connection: the target, or a proxy on the way to it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use crate::route::Proxy;

#[derive(Clone)]
pub struct Peer {
    place: Place,
    /// A proxy that forwards request by request, and must be told where to.
    pub forwarder: Option<Arc<Proxy>>,
}

#[derive(Clone)]
enum Place {
    Address(SocketAddr),
    /// A Unix socket.
    Path(Arc<Path>),
}

impl Peer {
    pub fn at(address: SocketAddr) -> Peer {
        Peer { place: Place::Address(address), forwarder: None }
    }

    pub fn behind(path: Arc<Path>) -> Peer {
        Peer { place: Place::Path(path), forwarder: None }
    }

    /// `None` for a Unix socket.
    pub fn ip(&self) -> Option<IpAddr> {
        match &self.place {
            Place::Address(address) => Some(address.ip()),
            Place::Path(_) => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Address(address) => address.fmt(f),
            Place::Path(path) => path.display().fmt(f),
        }
    }
}
