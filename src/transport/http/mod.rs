//! The measured client: HTTP/1.1 and HTTP/2 over TCP and TLS.
//!
//! Owns: what the VUs of all threads share: the TLS configuration and the addresses of hosts. Must never know: redirects,
//! cookies and retries, which are the user's business and each a sample of its own.

mod body;
mod connection;
pub mod decode;
mod dial;
mod h1;
mod h2;
mod hop;
mod local;
mod meter;
mod peer;
mod pool;
mod proxy;
mod resolve;
mod session;
mod socket;
mod tls;

use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;

use super::error::{Cause, ErrorCode};
use super::{Spread, Transport};
use crate::load::Share;
use crate::route::{Handshake, Route};
use local::Local;
use pool::Pool;
use resolve::Resolver;
pub use session::{HttpSession, MAX_CONNECTIONS};

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Over TLS whichever the server chooses, HTTP/1.1 otherwise.
    #[default]
    Auto,
    Http1,
    /// Over TLS or not; a server that does not speak it is an error.
    Http2,
}

/// How the wire is treated, for all VUs alike.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Accept any certificate.
    pub insecure: bool,
    /// Certificates to trust besides the system's, in PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// How many connections all VUs have together; each has its own otherwise.
    pub shared_connections: Option<u64>,
    pub version: Version,
    pub handshake: Handshake,
    pub route: Route,
    /// For `select: random`.
    pub seed: u64,
}

/// Makes sessions. A clone for each thread shares what they have in common.
#[derive(Clone)]
pub struct HttpTransport {
    shared: Arc<Shared>,
}

/// The transport of one thread.
#[derive(Clone)]
pub struct LocalTransport {
    shared: Arc<Shared>,
    /// Its share of the connections that all VUs have together.
    pool: Option<Pool>,
}

/// What the sessions of one user share: of everybody, unless each has its own memory of TLS sessions.
struct Shared {
    common: Arc<Common>,
    /// Made at the first https target: a run without one does not wait for the system's trust store.
    tls: OnceLock<Result<Arc<ClientConfig>, String>>,
}

/// What everybody shares.
struct Common {
    insecure: bool,
    shared_connections: Option<u64>,
    version: Version,
    authorities: Vec<CertificateDer<'static>>,
    handshake: Handshake,
    route: Route,
    resolver: Resolver,
    local: Local,
    tls: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl HttpTransport {
    /// # Errors
    /// A sentence, where `ca_pem` holds no certificate or a malformed one.
    pub fn new(options: Options) -> Result<HttpTransport, String> {
        let authorities = options.ca_pem.as_deref().map(tls::read_authorities).transpose()?.unwrap_or_default();
        let common = Common {
            insecure: options.insecure,
            shared_connections: options.shared_connections,
            version: options.version,
            authorities,
            handshake: options.handshake,
            resolver: Resolver::new(options.route.hosts.clone(), options.route.dns, options.seed),
            local: Local::new(options.route.local.clone()),
            route: options.route,
            tls: OnceLock::new(),
        };
        Ok(HttpTransport { shared: Arc::new(Shared::new(Arc::new(common))) })
    }

    /// Does what the first use of TLS would do: tens of milliseconds, better before the clock starts than in the first sample.
    ///
    /// # Errors
    /// A sentence, where TLS cannot be set up.
    pub fn warm_tls(&self) -> Result<(), String> {
        let config = self.shared.tls().map_err(|cause| cause.message)?;
        tls::warm(&config)
    }

    /// A session that shares nothing with threads.
    pub fn session(&self) -> HttpSession {
        self.on_thread(Share { index: 0, of: 1 }).session()
    }
}

impl Shared {
    fn new(common: Arc<Common>) -> Shared {
        Shared { common, tls: OnceLock::new() }
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, Cause> {
        let config = self.tls.get_or_init(|| {
            let config = self.common.tls()?;
            Ok(if self.common.handshake.resumption { tls::with_own_tickets(&config) } else { config })
        });
        config.clone().map_err(|message| Cause::new(ErrorCode::Tls, message))
    }
}

impl Common {
    fn tls(&self) -> Result<Arc<ClientConfig>, String> {
        let configure = || tls::configure(self.insecure, &self.authorities, &self.handshake, self.version);
        self.tls.get_or_init(configure).clone()
    }
}

impl Spread for HttpTransport {
    type Local = LocalTransport;

    fn on_thread(&self, share: Share) -> LocalTransport {
        let pool = self.shared.common.shared_connections.map(|all| Pool::new(share.part(all) as usize));
        LocalTransport { shared: self.shared.clone(), pool }
    }
}

impl Transport for LocalTransport {
    type Session = HttpSession;

    fn session(&self) -> HttpSession {
        // Whoever opens a connection that is everybody's opens it with everybody's tickets.
        let has_own_tickets = self.shared.common.handshake.resumption && self.pool.is_none();
        let shared = match has_own_tickets {
            true => Arc::new(Shared::new(self.shared.common.clone())),
            false => self.shared.clone(),
        };
        HttpSession::new(shared, self.pool.clone())
    }
}
