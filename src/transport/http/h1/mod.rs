//! HTTP/1.1 as a client speaks it, over one connection and without buffers of its own: what waits for its next request is a
//! socket and nothing else.

mod framing;
mod head;
mod response;
mod scratch;
#[cfg(test)]
mod tests;
mod write;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::HeaderMap;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

use super::connection::Ended;
use super::hop::Hop;
use super::meter::Stream;
use crate::clock::{self, Duration};
use crate::transport::Request;
use response::Response;
use write::Outgoing;
pub use write::Recipient;

/// How long a body is held back for a server's `100 Continue`: some never say it.
const PATIENCE: Duration = Duration::from_secs(1);

pub struct Http1 {
    stream: Stream,
    is_open: bool,
}

impl Http1 {
    pub fn new(stream: Stream) -> Http1 {
        Http1 { stream, is_open: true }
    }

    /// Whether another request can go out, as far as is known.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether another request can go out. Between two exchanges nobody looks at the socket: the server may have closed it,
    /// or said something that is no answer to anything.
    pub fn is_open_after_a_look(&mut self) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        self.is_open &= scratch::read(|buffer| poll_read(&mut self.stream, cx, buffer).is_pending());
        self.is_open
    }

    /// Sends `request` and reads the whole response.
    pub async fn exchange(
        &mut self,
        request: &Request,
        recipient: Recipient<'_>,
        hop: &mut Hop,
        mut timer: Pin<&mut Sleep>,
    ) -> Result<(HeaderMap, Bytes), Ended> {
        // Dropped half way, it stays closed.
        if !std::mem::replace(&mut self.is_open, false) {
            return Err(Ended::Closed);
        }
        let mut exchange = Exchange {
            stream: &mut self.stream,
            request,
            recipient,
            outgoing: None,
            held: None,
            broken: None,
            response: Response::new(&request.method, (!request.discard_body).then_some(request.max_body)),
        };
        let surplus = poll_fn(|cx| match exchange.poll(cx, hop) {
            Poll::Ready(ended) => Poll::Ready(ended),
            // `unconstrained`: a server that never stops sending uses up the budget each time, and would never be late.
            Poll::Pending => pin!(unconstrained(timer.as_mut())).poll(cx).map(|()| Err(Ended::TimedOut)),
        })
        .await?;
        let is_sent = exchange.outgoing.as_ref().is_some_and(Outgoing::is_done) && exchange.broken.is_none();
        let (head, body) = exchange.response.finish().ok_or(Ended::Closed)?;
        // Bytes that nobody asked for would be taken for the answer to the next request.
        self.is_open = head.keeps_alive && is_sent && surplus == 0 && !write::says_close(&request.headers);
        Ok((head.headers, body))
    }
}

fn poll_read<'b>(stream: &mut Stream, cx: &mut Context<'_>, buffer: &'b mut [u8]) -> Poll<io::Result<&'b [u8]>> {
    let mut filling = ReadBuf::new(buffer);
    ready!(Pin::new(stream).poll_read(cx, &mut filling))?;
    let length = filling.filled().len();
    Poll::Ready(Ok(&buffer[..length]))
}

/// One exchange under way.
struct Exchange<'a> {
    stream: &'a mut Stream,
    request: &'a Request,
    recipient: Recipient<'a>,
    /// `None` until the first poll.
    outgoing: Option<Outgoing>,
    /// Until when the body waits for `100 Continue`.
    held: Option<Pin<Box<Sleep>>>,
    /// Why the request cannot be written any more. The server may have answered all the same.
    broken: Option<io::Error>,
    response: Response<'a>,
}

impl Exchange<'_> {
    /// Ready with the number of bytes beyond the response.
    fn poll(&mut self, cx: &mut Context<'_>, hop: &mut Hop) -> Poll<Result<usize, Ended>> {
        self.write(cx);
        loop {
            let fed = ready!(self.read(cx));
            if let Some(head) = self.response.head() {
                (hop.status, hop.proto) = (head.status, head.proto);
            }
            if self.response.is_untouched() {
                hop.meter().forget_answer();
            }
            match fed {
                Ok(None) => self.release(cx),
                Ok(Some(surplus)) => return Poll::Ready(Ok(surplus)),
                Err(ended) => return Poll::Ready(Err(self.broken.take().map_or(ended, Ended::Io))),
            }
        }
    }

    /// Writes as much as goes out now. Whether it has all gone only matters in the end.
    fn write(&mut self, cx: &mut Context<'_>) {
        if self.broken.is_some() {
            return;
        }
        let wrote = match &mut self.outgoing {
            Some(outgoing) => outgoing.poll(self.stream, cx),
            None => {
                let (outgoing, wrote) = Outgoing::start(self.stream, cx, self.request, self.recipient);
                if outgoing.is_held() {
                    self.held = Some(Box::pin(clock::sleep(PATIENCE)));
                }
                self.outgoing = Some(outgoing);
                wrote
            }
        };
        if let Poll::Ready(Err(error)) = wrote {
            self.broken = Some(error);
        }
        if self.held.as_mut().is_some_and(|patience| patience.as_mut().poll(cx).is_ready()) {
            self.let_go(cx);
        }
    }

    /// Lets the body go once the server has asked for it.
    fn release(&mut self, cx: &mut Context<'_>) {
        if self.held.is_some() && self.response.is_continued() {
            self.let_go(cx);
        }
    }

    fn let_go(&mut self, cx: &mut Context<'_>) {
        self.held = None;
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.let_go();
        }
        self.write(cx);
    }

    /// Reads once. Ready with the number of bytes beyond the response when that is whole.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<usize>, Ended>> {
        scratch::read(|buffer| {
            let bytes = ready!(poll_read(self.stream, cx, buffer)).map_err(Ended::Io)?;
            Poll::Ready(match bytes.is_empty() {
                true => self.response.end().map(|()| Some(0)),
                false => self.response.feed(bytes),
            })
        })
    }
}
