//! Byte counts and time stamps of one connection, taken where they are true: bytes and writes below TLS, reads above it.
//!
//! Above, because the first bytes from the wire may be session tickets, which are not the response.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::socket::Socket;
use crate::clock::{self, Instant};
use crate::metrics::Phases;

/// What one connection has carried, and when in the exchange under way.
#[derive(Default)]
pub struct Meter {
    sent: Cell<u64>,
    received: Cell<u64>,
    /// How much of both was already told to somebody.
    told: Cell<(u64, u64)>,
    /// `sent` when the exchange began.
    sent_before: Cell<u64>,
    /// Whether a part of the request was accepted by the stream above TLS.
    accepted: Cell<bool>,
    wrote_at: Cell<Option<Instant>>,
    first_read_at: Cell<Option<Instant>>,
    last_read_at: Cell<Option<Instant>>,
}

impl Meter {
    /// Forgets the stamps of the exchange before.
    pub fn begin(&self) {
        self.sent_before.set(self.sent.get());
        self.accepted.set(false);
        self.wrote_at.set(None);
        self.first_read_at.set(None);
        self.last_read_at.set(None);
    }

    /// Whether the kernel took any byte of the request.
    pub fn is_written(&self) -> bool {
        // Both: an alert of TLS is no request, and what TLS has only buffered is not on the wire.
        self.accepted.get() && self.sent.get() > self.sent_before.get()
    }

    /// Whether any byte of the response came.
    pub fn is_answered(&self) -> bool {
        self.first_read_at.get().is_some()
    }

    /// When the last byte of the response came.
    pub fn last_read_at(&self) -> Option<Instant> {
        self.last_read_at.get()
    }

    /// Bytes out and in since the last call, so that hops add up to what the connection carried.
    pub fn take_bytes(&self) -> (u64, u64) {
        let (sent, received) = self.told.replace((self.sent.get(), self.received.get()));
        (self.sent.get() - sent, self.received.get() - received)
    }

    /// Splits the time from `handed` to `end` without a gap: the parts add up to it.
    pub fn split(&self, handed: Instant, end: Instant, phases: &mut Phases) {
        let end = end.max(handed);
        let first = self.first_read_at.get().map(|at| at.clamp(handed, end));
        // A server may answer before it has read the whole request.
        let wrote = self.wrote_at.get().map(|at| at.clamp(handed, first.unwrap_or(end)));
        let sent = wrote.or(first).unwrap_or(end);
        let answered = first.unwrap_or(end);
        phases.sending = sent - handed;
        phases.waiting = answered - sent;
        phases.receiving = end - answered;
    }

    fn wrote(&self, bytes: usize) {
        self.sent.set(self.sent.get() + bytes as u64);
        self.wrote_at.set(Some(clock::now()));
    }

    fn read(&self, bytes: usize) {
        if bytes > 0 || self.is_answered() {
            let now = clock::now();
            self.last_read_at.set(Some(now));
            if self.first_read_at.get().is_none() {
                self.first_read_at.set(Some(now));
            }
        }
    }
}

/// The socket: counts both ways, stamps writes.
pub struct Wire {
    stream: Socket,
    meter: Rc<Meter>,
}

impl Wire {
    pub fn new(stream: Socket, meter: Rc<Meter>) -> Wire {
        Wire { stream, meter }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let read = (buf.filled().len() - before) as u64;
        self.meter.received.set(self.meter.received.get() + read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.meter.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?;
        self.meter.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What HTTP is spoken over: stamps reads, which are of the response here.
pub struct Stream {
    inner: Layer,
    meter: Rc<Meter>,
}

enum Layer {
    Plain(Wire),
    /// Boxed: ten times as large as the other.
    Tls(Box<TlsStream<Wire>>),
}

impl Stream {
    pub fn plain(wire: Wire) -> Stream {
        Stream { meter: wire.meter.clone(), inner: Layer::Plain(wire) }
    }

    pub fn tls(stream: TlsStream<Wire>) -> Stream {
        Stream { meter: stream.get_ref().0.meter.clone(), inner: Layer::Tls(Box::new(stream)) }
    }
}

/// Calls the same method on whichever layer there is.
macro_rules! forward {
    ($stream:expr, $method:ident $(, $argument:expr)*) => {
        match &mut $stream.inner {
            Layer::Plain(wire) => Pin::new(wire).$method($($argument),*),
            Layer::Tls(tls) => Pin::new(tls).$method($($argument),*),
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(forward!(self, poll_read, cx, buf))?;
        self.meter.read(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(forward!(self, poll_write, cx, buf))?;
        self.meter.accepted.set(true);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(forward!(self, poll_write_vectored, cx, bufs))?;
        self.meter.accepted.set(true);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.inner {
            Layer::Plain(wire) => wire.is_write_vectored(),
            Layer::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_flush, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_shutdown, cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Duration;

    /// Stamps in ms after the request was handed over: last write, first read; then the end and the parts.
    fn check(wrote: Option<u64>, first: Option<u64>, end: u64, parts: [u64; 3]) {
        let handed = clock::now();
        let at = |ms: u64| handed + Duration::from_millis(ms);
        let meter = Meter::default();
        meter.wrote_at.set(wrote.map(at));
        meter.first_read_at.set(first.map(at));
        let mut phases = Phases::default();
        meter.split(handed, at(end), &mut phases);
        let found = [phases.sending, phases.waiting, phases.receiving].map(|part| part.as_millis() as u64);
        assert_eq!(found, parts);
        assert_eq!(phases.duration(), Duration::from_millis(end));
    }

    #[test]
    fn the_parts_add_up_to_the_time_it_took() {
        check(Some(1), Some(5), 7, [1, 4, 2]);
        check(Some(6), Some(5), 7, [5, 0, 2]);
        check(Some(1), None, 7, [1, 6, 0]);
        check(None, None, 7, [7, 0, 0]);
    }
}
