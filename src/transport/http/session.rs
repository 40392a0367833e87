//! One VU's connections, and a hop over one of them: reuse, reopening, time-out, cut.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderValue, Method, Uri, header};
use http_body_util::Full;
use tokio::time::Sleep;

use super::connection::{Connection, Ended};
use super::dial::{Target, dial};
use super::hop::{Hop, Stage};
use super::{Shared, decode, proxy};
use crate::clock;
use crate::transport::error::{Cause, ErrorCode};
use crate::transport::{Exchange, Failure, Request, Session};

/// Open connections of one VU; the one unused for longest goes first.
const MAX_CONNECTIONS: usize = 16;

pub struct HttpSession {
    shared: Arc<Shared>,
    /// The one used last comes last.
    connections: Vec<Connection>,
    /// Under way, or cut off.
    hop: Option<Hop>,
    /// Made once: to set it anew is cheaper than to make another.
    timer: Option<Pin<Box<Sleep>>>,
}

impl HttpSession {
    pub(super) fn new(shared: Arc<Shared>) -> HttpSession {
        HttpSession { shared, connections: Vec::new(), hop: None, timer: None }
    }

    fn begin<'a>(&'a mut self, request: &'a Request) -> Sending<'a> {
        let hop = self.hop.insert(Hop::new(request.timeout));
        let deadline = hop.deadline();
        let timer = self.timer.get_or_insert_with(|| Box::pin(clock::sleep_until(deadline)));
        timer.as_mut().reset(deadline);
        Sending { shared: &self.shared, connections: &mut self.connections, hop, timer: timer.as_mut(), request }
    }
}

impl Session for HttpSession {
    async fn send(&mut self, request: &Request) -> Result<Exchange, Failure> {
        self.cut();
        let mut sending = self.begin(request);
        let outcome = sending.run().await;
        let answer = sending.end(outcome).map_err(|cause| sending.hop.fail(cause));
        self.hop = None;
        answer
    }

    fn cut(&mut self) -> Option<Failure> {
        let hop = self.hop.take()?;
        if hop.connected {
            self.connections.pop();
        }
        Some(hop.fail(Cause::new(ErrorCode::Other, "cut off before the whole response had come")))
    }

    fn rest(&mut self) {
        self.connections.retain_mut(Connection::rest);
    }

    fn close(&mut self) {
        self.connections.clear();
    }

    fn fork(&mut self) -> HttpSession {
        let mut other = HttpSession::new(self.shared.clone());
        other.connections.extend(self.connections.pop());
        other
    }

    fn join(&mut self, mut other: HttpSession) {
        other.cut();
        self.connections.append(&mut other.connections);
        let surplus = self.connections.len().saturating_sub(MAX_CONNECTIONS);
        self.connections.drain(..surplus);
    }
}

/// A hop under way, with all it needs of its session.
struct Sending<'a> {
    shared: &'a Shared,
    connections: &'a mut Vec<Connection>,
    hop: &'a mut Hop,
    timer: Pin<&'a mut Sleep>,
    request: &'a Request,
}

impl Sending<'_> {
    async fn run(&mut self) -> Result<(Parts, Bytes), Cause> {
        let target = Target::of(&self.request.uri)?;
        if self.reuse(target).await {
            match self.exchange(target).await {
                Err(cause) if self.is_to_be_repeated(&cause) => self.give_up_connection(),
                outcome => return outcome,
            }
        }
        self.open(target).await?;
        self.exchange(target).await
    }

    /// Brings a connection to `target` that is still good to the end of the list.
    async fn reuse(&mut self, target: Target<'_>) -> bool {
        let Some(index) = self.connections.iter().rposition(|connection| connection.serves(target)) else {
            return false;
        };
        self.connections[index..].rotate_left(1);
        let Some(connection) = self.connections.last_mut() else { return false };
        self.hop.reuse_connection(connection.meter().clone());
        if connection.is_ready_after_a_look().await {
            self.hop.exchange_at_once();
            return true;
        }
        self.give_up_connection();
        false
    }

    /// Whether `cause` only says that the server had closed a kept connection before it saw the request. One that it may have
    /// acted upon is repeated only where twice is as good as once (RFC 9110, 9.2.2).
    fn is_to_be_repeated(&self, cause: &Cause) -> bool {
        let meter = self.hop.meter();
        cause.is_loss() && !meter.is_answered() && (!meter.is_written() || is_idempotent(&self.request.method))
    }

    fn give_up_connection(&mut self) {
        self.hop.give_up_connection();
        self.connections.pop();
    }

    async fn open(&mut self, target: Target<'_>) -> Result<(), Cause> {
        self.hop.start_connection();
        // Boxed: rare, and large.
        let dialling = Box::pin(dial(self.shared, target, self.hop));
        let dialled = tokio::select! {
            biased;
            dialled = dialling => Some(dialled?),
            () = self.timer.as_mut() => None,
        };
        let Some(dialled) = dialled else { return Err(self.hop.time_out(target.host)) };
        let connection = Connection::new(target, dialled, self.hop.meter().clone()).await?;
        if self.connections.len() >= MAX_CONNECTIONS {
            self.connections.remove(0);
        }
        // Most users have one: room for four of them would be wasted ten thousand times.
        self.connections.reserve_exact(1);
        self.connections.push(connection);
        self.hop.connected = true;
        self.hop.enter(Stage::Exchanging);
        Ok(())
    }

    async fn exchange(&mut self, target: Target<'_>) -> Result<(Parts, Bytes), Cause> {
        let Some(connection) = self.connections.last_mut() else { return Err(Cause::of_close(target.host, false)) };
        let mut request = assemble(self.request, connection.authority());
        if let Some(proxy) = &connection.peer().forwarder {
            proxy::address(&mut request, &self.request.uri, proxy);
        }
        let limit = self.request.max_body;
        let ended = match connection.exchange(request, self.hop, self.timer.as_mut(), limit).await {
            Ok(response) => return Ok(response),
            Err(ended) => ended,
        };
        let (peer, answered) = (connection.peer(), self.hop.meter().is_answered());
        Err(match ended {
            Ended::Broken(error) => Cause::of_exchange(peer, answered, &error),
            Ended::Closed => Cause::of_close(peer, answered),
            Ended::TooLarge => decode::too_large(limit),
            Ended::TimedOut => self.hop.time_out(target.host),
        })
    }

    /// Closes the connection unless it can be used again.
    fn end(&mut self, outcome: Result<(Parts, Bytes), Cause>) -> Result<Exchange, Cause> {
        let peer = self.connections.last().filter(|_| self.hop.connected).and_then(|connection| connection.peer().ip());
        let is_kept = outcome.is_ok() && self.connections.last().is_some_and(Connection::is_ready);
        if self.hop.connected && !is_kept {
            self.connections.pop();
        }
        let (parts, body) = outcome?;
        let body = decode::decode(&parts.headers, body, self.request.max_body)?;
        let end = self.hop.meter().last_read_at().unwrap_or_else(clock::now);
        let (sent, received) = self.hop.take_bytes();
        Ok(Exchange {
            status: self.hop.status,
            proto: self.hop.proto,
            headers: parts.headers,
            body,
            phases: self.hop.phases(end),
            remote_ip: peer,
            reused: self.hop.reused,
            sent,
            received,
        })
    }
}

/// The request as it goes over the wire.
fn assemble(request: &Request, authority: &HeaderValue) -> http::Request<Full<Bytes>> {
    let mut headers = request.headers.clone();
    if !headers.contains_key(header::HOST) {
        headers.insert(header::HOST, authority.clone());
    }
    // The length is what it is, whatever the plan says; and an empty body of a method that has one is told to be empty.
    headers.remove(header::CONTENT_LENGTH);
    if request.body.is_empty() && matches!(request.method, Method::POST | Method::PUT | Method::PATCH) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let mut assembled = http::Request::new(Full::new(request.body.clone()));
    *assembled.method_mut() = request.method.clone();
    *assembled.uri_mut() = match request.uri.path_and_query() {
        Some(path) if !path.as_str().is_empty() => Uri::from(path.clone()),
        _ => Uri::default(),
    };
    *assembled.headers_mut() = headers;
    assembled
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS | Method::TRACE)
}
