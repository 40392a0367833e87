//! How a connection comes about: through which proxy, from and to which addresses, with which TLS; read from text as people write it.
//!
//! Owns: proxies and when they apply, fixed addresses of hosts, source addresses, rules of look-ups and handshakes. Must never know:
//! sockets, plans.

mod addresses;
mod handshake;
mod hosts;
mod proxies;
mod proxy;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use addresses::{Block, nth};
pub use handshake::{Blame, Handshake, TlsVersion, cipher, cipher_name, client_certificate, known_ciphers};
pub use hosts::{Fixed, Hosts, Pattern};
pub use proxies::Proxies;
pub use proxy::{Proxy, ProxyKind};

/// How every connection of a run is made.
#[derive(Clone, Debug, Default)]
pub struct Route {
    pub proxies: Proxies,
    /// Hosts whose addresses nobody is asked for.
    pub hosts: Hosts,
    pub dns: Dns,
    /// Source addresses, taken in turn; the system chooses where there are none.
    pub local: Vec<Block>,
    /// Where all connections go, whatever host a URL names.
    pub unix_socket: Option<Arc<Path>>,
}

/// How names become addresses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dns {
    /// How long an answer is believed; `None` for ever.
    pub ttl: Option<Duration>,
    pub select: Select,
    pub policy: Policy,
}

impl Default for Dns {
    /// k6's, but for `round_robin`, which spreads connections evenly and alike in every run.
    fn default() -> Dns {
        Dns { ttl: Some(Duration::from_secs(300)), select: Select::RoundRobin, policy: Policy::PreferIpv4 }
    }
}

/// Which of a host's addresses a connection tries first; the others follow where it cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    First,
    RoundRobin,
    Random,
}

impl Select {
    pub const ALL: [Select; 3] = [Select::First, Select::RoundRobin, Select::Random];
    /// As a plan writes them, in the order of [`Select::ALL`].
    pub const NAMES: &[&str] = &["first", "round_robin", "random"];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    PreferIpv4,
    PreferIpv6,
    OnlyIpv4,
    OnlyIpv6,
    Any,
}

impl Policy {
    pub const ALL: [Policy; 5] =
        [Policy::PreferIpv4, Policy::PreferIpv6, Policy::OnlyIpv4, Policy::OnlyIpv6, Policy::Any];
    /// As a plan writes them, in the order of [`Policy::ALL`].
    pub const NAMES: &[&str] = &["prefer_ipv4", "prefer_ipv6", "only_ipv4", "only_ipv6", "any"];
}
