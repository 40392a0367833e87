//! This end of a connection: the address it comes from, or the Unix socket it goes through.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpSocket, TcpStream};

use super::socket::Socket;
use crate::route::{Block, nth};
use crate::transport::error::{Cause, ErrorCode};

/// Whose turn it is, for each destination by itself: users who go to two hosts by turns would otherwise reach each of them from every
/// second address only. Bounded: destinations that share a counter do no harm.
#[derive(Default)]
pub struct Turns([Counter; 32]);

#[derive(Default)]
struct Counter(AtomicU64);

impl Turns {
    pub fn next(&self, destination: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        destination.hash(&mut hasher);
        let counter = &self.0[(hasher.finish() % self.0.len() as u64) as usize];
        counter.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Source addresses, by turns.
pub struct Local {
    blocks: Vec<Block>,
    turns: Turns,
}

impl Local {
    pub fn new(blocks: Vec<Block>) -> Local {
        Local { blocks, turns: Turns::default() }
    }

    /// Connects to `peer` from the next address of its family, or from where the system sees fit.
    pub async fn connect(&self, peer: SocketAddr) -> Result<TcpStream, Cause> {
        let connected = if self.blocks.is_empty() {
            TcpStream::connect(peer).await
        } else {
            let turn = self.turns.next(peer);
            let from = nth(&self.blocks, peer.is_ipv4(), turn).ok_or_else(|| no_source(peer))?;
            bind(from).map_err(|error| Cause::of_bind(from, &error))?.connect(peer).await
        };
        let stream = connected.map_err(|error| Cause::of_dial(peer, &error))?;
        stream.set_nodelay(true).map_err(|error| Cause::of_dial(peer, &error))?;
        Ok(stream)
    }
}

fn no_source(peer: SocketAddr) -> Cause {
    let family = if peer.is_ipv4() { "IPv4" } else { "IPv6" };
    Cause::new(ErrorCode::DialFailed, format!("cannot connect to {peer}: `local_address` has no {family} address"))
}

/// A socket that is going to leave from this address. Which port is found when it connects: found now, it would be taken for all
/// destinations at once.
fn bind(from: IpAddr) -> io::Result<TcpSocket> {
    let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(target_os = "linux")]
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true)?;
    socket.bind(SocketAddr::new(from, 0))?;
    Ok(socket)
}

/// Connects through a Unix socket.
#[cfg(unix)]
pub async fn connect_path(path: &Path) -> io::Result<Socket> {
    tokio::net::UnixStream::connect(path).await.map(Socket::Unix)
}

/// No plan with a Unix socket gets this far: it is refused when it is read.
#[cfg(not(unix))]
pub async fn connect_path(_: &Path) -> io::Result<Socket> {
    Err(io::ErrorKind::Unsupported.into())
}
