//! What comes after a hop: the answer, another hop, or nothing that could be followed.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION};
use http::{Method, Uri};

use crate::transport::url::redirect_target;
use crate::transport::{Exchange, Request};

/// What a response asks for besides being read.
pub(super) enum Next {
    /// Nothing: it is the answer.
    Done,
    To(Box<Request>),
    /// The same request again, with the answer to its challenge.
    Again,
    /// It asks for something that cannot be done.
    Lost(String),
}

/// The request that follows a redirect, as browsers make it.
pub(super) fn redirect(request: &Request, exchange: &Exchange) -> Next {
    let keeps_method = match exchange.status {
        301 | 302 => request.method != Method::POST,
        303 => matches!(request.method, Method::GET | Method::HEAD),
        307 | 308 => true,
        _ => return Next::Done,
    };
    let Some(location) = exchange.headers.get(LOCATION) else { return Next::Done };
    let location = String::from_utf8_lossy(location.as_bytes());
    let uri = match redirect_target(&request.uri, &location) {
        Ok(uri) => uri,
        Err(why) => return Next::Lost(format!("cannot follow the redirect to `{location}`: {why}")),
    };
    let mut next = Box::new(request.clone());
    next.headers.remove(COOKIE);
    if !same_origin(&request.uri, &uri) {
        next.headers.remove(AUTHORIZATION);
    }
    if !keeps_method {
        next.method = Method::GET;
        next.body = Bytes::new();
        next.headers.remove(CONTENT_TYPE);
        next.headers.remove(CONTENT_ENCODING);
        next.headers.remove(CONTENT_LENGTH);
    }
    next.uri = uri;
    Next::To(next)
}

pub(in super::super) fn same_origin(a: &Uri, b: &Uri) -> bool {
    a.scheme() == b.scheme() && a.authority() == b.authority()
}
