//! One VU's connections, and a hop over one of them: reuse, reopening, time-out, cut.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::time::Sleep;

use super::connection::{Connection, Ended};
use super::dial::{Target, dial};
use super::hop::{Hop, Stage};
use super::pool::{Pool, Turn};
use super::{Shared, decode, h2};
use crate::clock;
use crate::transport::error::{Cause, ErrorCode};
use crate::transport::{Exchange, Failure, Request, Session};

/// Open connections of one VU, or of one of its branches; the one unused for longest goes first.
pub const MAX_CONNECTIONS: usize = 16;

/// How often a request is repeated that the server has refused to look at.
const MAX_REFUSALS: usize = 3;

pub struct HttpSession {
    shared: Arc<Shared>,
    /// Where connections are lent from, one for each exchange, if not all of them are this session's own.
    pool: Option<Pool>,
    turn: Option<Turn>,
    /// The one used last comes last.
    connections: Vec<Connection>,
    /// Under way, or cut off.
    hop: Option<Hop>,
    /// Made once: to set it anew is cheaper than to make another.
    timer: Option<Pin<Box<Sleep>>>,
}

impl HttpSession {
    pub(super) fn new(shared: Arc<Shared>, pool: Option<Pool>) -> HttpSession {
        HttpSession { shared, pool, turn: None, connections: Vec::new(), hop: None, timer: None }
    }

    fn begin<'a>(&'a mut self, request: &'a Request) -> Sending<'a> {
        let hop = self.hop.insert(Hop::new(request.timeout));
        let deadline = hop.deadline();
        let timer = self.timer.get_or_insert_with(|| Box::pin(clock::sleep_until(deadline)));
        timer.as_mut().reset(deadline);
        Sending {
            shared: &self.shared,
            pool: self.pool.as_ref(),
            turn: &mut self.turn,
            connections: &mut self.connections,
            hop,
            timer: timer.as_mut(),
            request,
            is_refused: false,
        }
    }

    /// What was lent goes back before the turn does.
    fn end_turn(&mut self) {
        if let Some(pool) = &self.pool {
            pool.give_back(&mut self.connections);
        }
        self.turn = None;
    }
}

impl Session for HttpSession {
    async fn send(&mut self, request: &Request) -> Result<Exchange, Failure> {
        self.cut();
        let mut sending = self.begin(request);
        let outcome = sending.run().await;
        let answer = sending.end(outcome).map_err(|cause| sending.hop.fail(cause));
        self.hop = None;
        self.end_turn();
        answer
    }

    fn cut(&mut self) -> Option<Failure> {
        let hop = self.hop.take()?;
        // A stream was reset when its exchange was dropped; other exchanges may go on beside it.
        if hop.connected && self.connections.last().is_some_and(|connection| !connection.is_shareable()) {
            self.connections.pop();
        }
        self.end_turn();
        Some(hop.fail(Cause::new(ErrorCode::Other, "cut off before the whole response had come")))
    }

    fn rest(&mut self) {
        self.timer = None;
    }

    fn close(&mut self) {
        self.connections.clear();
    }

    fn fork(&mut self) -> HttpSession {
        let mut other = HttpSession::new(self.shared.clone(), self.pool.clone());
        other.connections.extend(self.connections.iter().filter_map(Connection::share));
        if let Some(index) = self.connections.iter().rposition(|connection| !connection.is_shareable()) {
            other.connections.push(self.connections.remove(index));
        }
        other
    }

    fn join(&mut self, mut other: HttpSession) {
        other.cut();
        other.connections.retain(|theirs| !self.connections.iter().any(|ours| ours.replaces(theirs)));
        self.connections.append(&mut other.connections);
        let surplus = self.connections.len().saturating_sub(MAX_CONNECTIONS);
        self.connections.drain(..surplus);
    }
}

/// A hop under way, with all it needs of its session.
struct Sending<'a> {
    shared: &'a Shared,
    pool: Option<&'a Pool>,
    turn: &'a mut Option<Turn>,
    connections: &'a mut Vec<Connection>,
    hop: &'a mut Hop,
    timer: Pin<&'a mut Sleep>,
    request: &'a Request,
    /// Whether the server said that it has not even looked at it.
    is_refused: bool,
}

impl Sending<'_> {
    async fn run(&mut self) -> Result<(HeaderMap, Bytes), Cause> {
        let target = Target::of(&self.request.uri)?;
        self.wait_for_turn(target).await?;
        let mut refusals = 0;
        loop {
            let is_reused = self.reuse(target);
            if !is_reused {
                self.open(target).await?;
            }
            match self.exchange(target).await {
                Err(_) if self.is_refused && refusals < MAX_REFUSALS => refusals += 1,
                // It ends: each time there is one connection less.
                Err(cause) if is_reused && self.is_to_be_repeated(&cause) => {}
                outcome => return outcome,
            }
            self.give_up_connection();
        }
    }

    /// Where connections are lent: gets one, or the right to open one.
    async fn wait_for_turn(&mut self, target: Target<'_>) -> Result<(), Cause> {
        let Some(pool) = self.pool else { return Ok(()) };
        let turn = match pool.turn_at_once() {
            Some(turn) => Some(turn),
            None => tokio::select! {
                biased;
                turn = pool.turn() => turn,
                () = self.timer.as_mut() => None,
            },
        };
        *self.turn = Some(turn.ok_or_else(|| self.hop.time_out(target.host))?);
        self.connections.extend(pool.take(target));
        Ok(())
    }

    /// Brings a connection to `target` that is still good to the end of the list.
    fn reuse(&mut self, target: Target<'_>) -> bool {
        let Some(index) = self.connections.iter().rposition(|connection| connection.serves(target)) else {
            return false;
        };
        self.connections[index..].rotate_left(1);
        let Some(connection) = self.connections.last_mut() else { return false };
        self.hop.reuse_connection(connection.meter());
        if connection.is_open_after_a_look() {
            match self.pool {
                None => self.hop.exchange_at_once(),
                // There may have been a wait.
                Some(_) => self.hop.enter(Stage::Exchanging),
            }
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
        let is_only_refused = std::mem::take(&mut self.is_refused);
        if !(is_only_refused && self.connections.last_mut().is_some_and(Connection::is_open)) {
            self.connections.pop();
        }
    }

    async fn open(&mut self, target: Target<'_>) -> Result<(), Cause> {
        self.hop.start_connection();
        // Boxed: rare, and large.
        let dialling = Box::pin(connect(self.shared, target, self.hop));
        let connection = tokio::select! {
            biased;
            connection = dialling => Some(connection?),
            () = self.timer.as_mut() => None,
        };
        let Some(connection) = connection else { return Err(self.hop.time_out(target.host)) };
        self.hop.use_connection(connection.meter());
        if self.connections.len() >= MAX_CONNECTIONS {
            self.connections.remove(0);
        }
        // Most users have one: room for four of them would be wasted ten thousand times.
        self.connections.reserve_exact(1);
        self.connections.push(connection);
        self.hop.enter(Stage::Exchanging);
        Ok(())
    }

    async fn exchange(&mut self, target: Target<'_>) -> Result<(HeaderMap, Bytes), Cause> {
        let Some(connection) = self.connections.last_mut() else { return Err(Cause::of_close(target.host, false)) };
        let ended = match connection.exchange(self.request, self.hop, self.timer.as_mut()).await {
            Ok(response) => return Ok(response),
            Err(ended) => ended,
        };
        let (peer, answered) = (connection.peer(), self.hop.meter().is_answered());
        Err(match ended {
            Ended::Http2(error) => {
                self.is_refused = h2::is_refused(&error);
                Cause::of_h2(peer, answered, &error)
            }
            Ended::Unsendable(why) => Cause::new(ErrorCode::Other, format!("the request cannot be sent: {why}")),
            Ended::Io(error) => Cause::of_exchange(peer, answered, &error),
            Ended::Closed => Cause::of_close(peer, answered),
            Ended::Head(why) => Cause::of_nonsense(peer, why),
            Ended::Body(why) => Cause::of_malformed_body(peer, why),
            Ended::TooLarge => decode::too_large(self.request.max_body),
            Ended::TimedOut => self.hop.time_out(target.host),
        })
    }

    /// Closes the connection unless it can be used again.
    fn end(&mut self, outcome: Result<(HeaderMap, Bytes), Cause>) -> Result<Exchange, Cause> {
        let peer = self.connections.last().filter(|_| self.hop.connected).and_then(|connection| connection.peer().ip());
        let is_kept = self.connections.last_mut().is_some_and(Connection::is_open);
        if self.hop.connected && !is_kept {
            self.connections.pop();
        }
        let (headers, body) = outcome?;
        let body = decode::decode(&headers, body, self.request.max_body)?;
        let end = self.hop.meter().last_read_at().unwrap_or_else(clock::now);
        let (sent, received) = self.hop.take_bytes();
        Ok(Exchange {
            status: self.hop.status,
            proto: self.hop.proto,
            headers,
            body,
            phases: self.hop.phases(end),
            remote_ip: peer,
            reused: self.hop.reused,
            sent,
            received,
        })
    }
}

async fn connect(shared: &Shared, target: Target<'_>, hop: &mut Hop) -> Result<Connection, Cause> {
    let dialled = dial(shared, target, hop).await?;
    Connection::new(target, dialled, hop.meter().clone(), shared.common.version).await
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS | Method::TRACE)
}
