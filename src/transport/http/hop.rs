//! What is known of the hop under way, so that it can be told at any moment: in the end, at a timeout, or when it is cut off.

use std::rc::Rc;

use super::meter::Meter;
use crate::clock::{self, Duration, Instant};
use crate::metrics::Phases;
use crate::transport::Failure;
use crate::transport::error::{Cause, ErrorCode};

/// What a hop is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    Starting,
    LookingUp,
    Connecting,
    Handshaking,
    Exchanging,
}

pub struct Hop {
    started: Instant,
    timeout: Duration,
    stage: Stage,
    since: Instant,
    /// Of the stages that are over.
    phases: Phases,
    meter: Rc<Meter>,
    /// Of connections given up on the way.
    written: bool,
    sent: u64,
    received: u64,
    /// Whether the connection that was used last is this hop's.
    pub connected: bool,
    pub reused: bool,
    /// 0 and empty until the head of the response came.
    pub status: u16,
    pub proto: &'static str,
}

impl Hop {
    pub fn new(timeout: Duration) -> Hop {
        let started = clock::now();
        Hop {
            started,
            timeout,
            stage: Stage::Starting,
            since: started,
            phases: Phases::default(),
            meter: Rc::default(),
            written: false,
            sent: 0,
            received: 0,
            connected: false,
            reused: false,
            status: 0,
            proto: "",
        }
    }

    /// When it has to be over. A time-out past all calendars is a year.
    pub fn deadline(&self) -> Instant {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        self.started + self.timeout.min(YEAR)
    }

    pub fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }

    /// Goes on over a new connection.
    pub fn start_connection(&mut self) {
        self.meter = Rc::default();
        self.reused = false;
    }

    /// Goes on over a connection that was there.
    pub fn reuse_connection(&mut self, meter: Rc<Meter>) {
        self.use_connection(meter);
        self.reused = true;
    }

    /// The connection that was used last is this hop's.
    pub fn use_connection(&mut self, meter: Rc<Meter>) {
        self.meter = meter;
        self.connected = true;
    }

    /// The stage before ends here.
    pub fn enter(&mut self, stage: Stage) {
        self.enter_at(stage, clock::now());
    }

    /// The request is handed over to a connection that was ready at once.
    pub fn exchange_at_once(&mut self) {
        self.enter_at(Stage::Exchanging, self.started);
    }

    fn enter_at(&mut self, stage: Stage, now: Instant) {
        self.phases = self.phases(now);
        self.stage = stage;
        self.since = now;
    }

    /// The connection turned out to be dead: what it carried was for nothing, but it was carried.
    pub fn give_up_connection(&mut self) {
        let (sent, received) = self.meter.take_bytes();
        self.sent += sent;
        self.received += received;
        self.written |= self.stage == Stage::Exchanging && self.meter.is_written();
        self.phases = Phases::default();
        self.stage = Stage::Starting;
        self.since = clock::now();
        self.connected = false;
    }

    /// The phases if the stage under way ended at `now`.
    pub fn phases(&self, now: Instant) -> Phases {
        let mut phases = self.phases;
        let ready = if self.stage == Stage::Exchanging { self.since } else { now };
        phases.blocked = ready.saturating_duration_since(self.started);
        let took = now.saturating_duration_since(self.since);
        match self.stage {
            Stage::Starting => {}
            Stage::LookingUp => phases.looking_up = took,
            Stage::Connecting => phases.connecting = took,
            Stage::Handshaking => phases.tls_handshaking = took,
            Stage::Exchanging => self.meter.split(self.since, now, &mut phases),
        }
        phases
    }

    /// All bytes of this hop. Once: the connection counts them as told.
    pub fn take_bytes(&self) -> (u64, u64) {
        let (sent, received) = self.meter.take_bytes();
        (self.sent + sent, self.received + received)
    }

    /// Ends it without a whole response.
    pub fn fail(&self, cause: Cause) -> Failure {
        let (sent, received) = self.take_bytes();
        Failure {
            code: cause.code,
            message: cause.message,
            phases: self.phases(clock::now()),
            status: self.status,
            proto: self.proto,
            written: self.written || self.stage == Stage::Exchanging && self.meter.is_written(),
            sent,
            received,
        }
    }

    /// Why it failed, when its time ran out in the stage where it is.
    pub fn time_out(&self, host: &str) -> Cause {
        let within = format!("within {:?}", self.timeout);
        let (code, what) = match self.stage {
            Stage::LookingUp => (ErrorCode::Timeout, format!("no address for `{host}`")),
            Stage::Starting | Stage::Connecting => (ErrorCode::DialTimeout, format!("no connection to `{host}`")),
            Stage::Handshaking => (ErrorCode::Timeout, format!("no TLS handshake with `{host}`")),
            Stage::Exchanging if self.meter.is_answered() => {
                (ErrorCode::Timeout, format!("no whole response from `{host}`"))
            }
            Stage::Exchanging => (ErrorCode::Timeout, format!("no response from `{host}`")),
        };
        Cause::new(code, format!("{what} {within}"))
    }
}
