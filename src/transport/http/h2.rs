//! HTTP/2 as a client speaks it: many exchanges at the same time over one connection, each a stream of its own.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Uri, Version, header};
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use super::body::Body;
use super::connection::Ended;
use super::hop::Hop;
use super::meter::{Meter, Stream};
use crate::transport::Request;

/// How much a server may send ahead of what was read, on one stream and on all of a connection.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;

/// For the head of a response.
const MAX_HEAD: u32 = 64 * 1024;

/// The most that waits to be written, on one stream.
const MAX_UNSENT: usize = 256 * 1024;

/// Fields that speak of one HTTP/1 connection (RFC 9113, 8.2.2), and those that are said otherwise here.
const LEFT_OUT: [header::HeaderName; 6] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::CONTENT_LENGTH,
    header::EXPECT,
];
const LEFT_OUT_TOO: [&str; 2] = ["keep-alive", "proxy-connection"];

/// A handle to a connection. Clones exchange at the same time.
#[derive(Clone)]
pub struct Http2 {
    handle: SendRequest<Bytes>,
    driver: Rc<Driver>,
}

/// The task that reads and writes. The connection ends with the last handle to it.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Http2 {
    /// Greets the server, and waits for no answer. Only on a runtime that runs local tasks.
    pub async fn over(stream: Stream) -> Result<Http2, h2::Error> {
        let (handle, connection) = h2::client::Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEAD)
            .max_send_buffer_size(MAX_UNSENT)
            .enable_push(false)
            .handshake(stream)
            .await?;
        // What goes wrong is told to the streams; without one there is nobody to care.
        let driver = tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(Http2 { handle, driver: Rc::new(Driver(driver)) })
    }

    /// Whether another request can go out, as far as is known: the task sees at once what the server says.
    pub fn is_open(&mut self) -> bool {
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        !self.driver.0.is_finished() && !matches!(self.handle.clone().poll_ready(cx), Poll::Ready(Err(_)))
    }

    /// Sends `request` and reads the whole response. Dropped half way, it resets its stream.
    pub async fn exchange(
        &mut self,
        request: &Request,
        authority: &HeaderValue,
        hop: &mut Hop,
        timer: Pin<&mut Sleep>,
    ) -> Result<(HeaderMap, Bytes), Ended> {
        let head = assemble(request, authority)?;
        tokio::select! {
            biased;
            response = self.exchange_without_end(head, request, hop) => response,
            () = timer => Err(Ended::TimedOut),
        }
    }

    async fn exchange_without_end(
        &self,
        head: http::Request<()>,
        request: &Request,
        hop: &mut Hop,
    ) -> Result<(HeaderMap, Bytes), Ended> {
        let mut handle = self.handle.clone().ready().await.map_err(Ended::Http2)?;
        let (response, sending) = handle.send_request(head, request.body.is_empty()).map_err(Ended::Http2)?;
        let mut outgoing = Outgoing { stream: sending, body: request.body.clone(), meter: hop.meter().clone() };
        outgoing.begin();
        let mut incoming = Incoming::new(response, request);
        poll_fn(|cx| {
            // Whether it has all gone does not matter once the server has answered.
            let broken = match outgoing.poll(cx) {
                Poll::Ready(Err(error)) => Some(error),
                _ => None,
            };
            match incoming.poll(cx, hop) {
                Poll::Pending => broken.map_or(Poll::Pending, |error| Poll::Ready(Err(Ended::Http2(error)))),
                ready => ready,
            }
        })
        .await?;
        Ok((incoming.headers, incoming.body.finish()))
    }
}

/// Whether a server has surely not acted upon a request that ended so (RFC 9113, 8.7).
pub fn is_refused(error: &h2::Error) -> bool {
    error.is_remote() && (error.is_go_away() || error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM))
}

/// The body of a request on its way out.
struct Outgoing {
    stream: SendStream<Bytes>,
    body: Bytes,
    meter: Rc<Meter>,
}

impl Outgoing {
    fn begin(&mut self) {
        self.meter.accept();
        if self.body.is_empty() {
            self.meter.leave();
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        while !self.body.is_empty() {
            self.stream.reserve_capacity(self.body.len());
            let Some(room) = ready!(self.stream.poll_capacity(cx)) else { return Poll::Ready(Ok(())) };
            let piece = self.body.split_to(room?.min(self.body.len()));
            // Woken for nothing; asked again, it waits.
            if piece.is_empty() {
                continue;
            }
            self.stream.send_data(piece, self.body.is_empty())?;
            if self.body.is_empty() {
                self.meter.leave();
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A response that is coming in.
struct Incoming {
    response: Option<ResponseFuture>,
    stream: Option<RecvStream>,
    headers: HeaderMap,
    body: Body,
}

impl Incoming {
    fn new(response: ResponseFuture, request: &Request) -> Incoming {
        let limit = (!request.discard_body).then_some(request.max_body);
        Incoming { response: Some(response), stream: None, headers: HeaderMap::new(), body: Body::new(limit) }
    }

    fn poll(&mut self, cx: &mut Context<'_>, hop: &mut Hop) -> Poll<Result<(), Ended>> {
        if let Some(response) = &mut self.response {
            let response = ready!(Pin::new(response).poll(cx)).map_err(Ended::Http2)?;
            self.response = None;
            self.begin(response, hop)?;
        }
        let Some(stream) = &mut self.stream else { return Poll::Ready(Err(Ended::Closed)) };
        // Trailers come behind the last piece, and are left there.
        while let Some(piece) = ready!(stream.poll_data(cx)) {
            let piece = piece.map_err(Ended::Http2)?;
            hop.meter().came();
            self.body.push(&piece)?;
            stream.flow_control().release_capacity(piece.len()).map_err(Ended::Http2)?;
        }
        hop.meter().came();
        Poll::Ready(Ok(()))
    }

    fn begin(&mut self, response: http::Response<RecvStream>, hop: &mut Hop) -> Result<(), Ended> {
        let (head, stream) = response.into_parts();
        hop.meter().came();
        (hop.status, hop.proto) = (head.status.as_u16(), "HTTP/2.0");
        let length = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let is_empty = stream.is_end_stream();
        (self.headers, self.stream) = (head.headers, Some(stream));
        // That of a HEAD speaks of another response.
        if is_empty { Ok(()) } else { length.map_or(Ok(()), |length| self.body.expect(length)) }
    }
}

/// The head as it goes over the wire.
fn assemble(request: &Request, authority: &HeaderValue) -> Result<http::Request<()>, Ended> {
    let named = request.headers.get(header::HOST).unwrap_or(authority);
    let path = request.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let uri = Uri::builder()
        .scheme(request.uri.scheme().cloned().unwrap_or(Scheme::HTTP))
        .authority(Authority::try_from(named.as_bytes()).map_err(|_| Ended::Unsendable("its host is no authority"))?)
        .path_and_query(path)
        .build()
        .map_err(|_| Ended::Unsendable("its URL is none"))?;
    let mut head = http::Request::new(());
    *head.method_mut() = request.method.clone();
    *head.uri_mut() = uri;
    *head.version_mut() = Version::HTTP_2;
    let fields = head.headers_mut();
    fields.clone_from(&request.headers);
    LEFT_OUT.iter().for_each(|name| drop(fields.remove(name)));
    LEFT_OUT_TOO.iter().for_each(|name| drop(fields.remove(*name)));
    if fields.get(header::TE).is_some_and(|coding| coding != "trailers") {
        fields.remove(header::TE);
    }
    if !request.body.is_empty() || matches!(request.method, Method::POST | Method::PUT | Method::PATCH) {
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from(request.body.len()));
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::url::parse_url;

    #[test]
    fn a_head_has_no_fields_of_one_connection() {
        let mut request = Request::get(parse_url("http://shop.example:80/a?b=c").unwrap());
        for (name, value) in [
            ("host", "other:81"),
            ("connection", "keep-alive, x"),
            ("keep-alive", "1"),
            ("te", "gzip"),
            ("expect", "100-continue"),
            ("content-length", "7"),
            ("x-kept", "1"),
        ] {
            request.headers.insert(name, HeaderValue::from_static(value));
        }
        let head = assemble(&request, &HeaderValue::from_static("shop.example")).unwrap();
        assert_eq!(head.uri(), "http://other:81/a?b=c");
        assert_eq!(head.headers().iter().collect::<Vec<_>>().len(), 1, "{:?}", head.headers());
        request.headers.clear();
        request.method = Method::POST;
        let head = assemble(&request, &HeaderValue::from_static("shop.example")).unwrap();
        assert_eq!(
            (head.uri().to_string().as_str(), head.headers()["content-length"].to_str().unwrap()),
            ("http://shop.example/a?b=c", "0")
        );
    }
}
