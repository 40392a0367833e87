//! A response as it comes in, in pieces that end anywhere. Knows nothing of sockets.

use bytes::Bytes;
use http::Method;

use super::super::body::Body;
use super::super::connection::Ended;
use super::framing::Framing;
use super::head::{self, Head};

/// Below this size a head that is not whole is looked at with every piece, above only at the end of a line: whoever sends it
/// byte by byte must not make us read it a million times.
const SHORT: usize = 256;

pub struct Response<'a> {
    method: &'a Method,
    /// Of a head that is not whole.
    partial: Vec<u8>,
    head: Option<Head>,
    body: Body,
    is_continued: bool,
}

impl<'a> Response<'a> {
    /// To a request of `method`. At most `limit` bytes of body are taken; all are, and none kept, without one.
    pub fn new(method: &'a Method, limit: Option<usize>) -> Response<'a> {
        Response { method, partial: Vec::new(), head: None, body: Body::new(limit), is_continued: false }
    }

    /// The final head, once it came.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Whether nothing of it came yet, whatever the server may have said beforehand.
    pub fn is_untouched(&self) -> bool {
        self.head.is_none() && self.partial.is_empty()
    }

    /// Whether the server said `100 Continue`.
    pub fn is_continued(&self) -> bool {
        self.is_continued
    }

    /// Takes what came next. When the response is whole by it: how many bytes stand behind its end.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, Ended> {
        if self.partial.is_empty() {
            return self.take(bytes);
        }
        let mut joined = std::mem::take(&mut self.partial);
        let is_worth_a_look = joined.len() < SHORT || bytes.contains(&b'\n');
        joined.extend_from_slice(bytes);
        if is_worth_a_look || joined.len() >= head::MAX_HEAD {
            return self.take(&joined);
        }
        self.partial = joined;
        Ok(None)
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<Option<usize>, Ended> {
        while self.head.is_none() {
            if bytes.is_empty() {
                return Ok(None);
            }
            match head::parse(bytes, self.method).map_err(Ended::Head)? {
                None => {
                    self.partial = bytes.to_vec();
                    return Ok(None);
                }
                Some((head, length)) => {
                    bytes = &bytes[length..];
                    self.begin(head)?;
                }
            }
        }
        let Some(head) = &mut self.head else { return Ok(None) };
        head.framing.take(&mut bytes, &mut self.body)?;
        Ok(head.framing.is_done().then_some(bytes.len()))
    }

    fn begin(&mut self, head: Head) -> Result<(), Ended> {
        self.is_continued |= head.status == 100;
        // Whatever else a server says beforehand is no answer; 101 ends the conversation.
        if (100..200).contains(&head.status) && head.status != 101 {
            return Ok(());
        }
        match self.head.insert(head).framing {
            Framing::Length(length) => self.body.expect(length),
            Framing::Chunked(_) | Framing::UntilClose => Ok(()),
        }
    }

    /// The server has closed its side: fine only where that is the end of the body.
    pub fn end(&mut self) -> Result<(), Ended> {
        match &self.head {
            Some(head) if matches!(head.framing, Framing::UntilClose) => Ok(()),
            Some(_) => Err(Ended::Closed),
            None => {
                head::parse(&self.partial, self.method).map_err(Ended::Head)?;
                Err(Ended::Closed)
            }
        }
    }

    /// The head and the body, where there is a head.
    pub fn finish(self) -> Option<(Head, Bytes)> {
        Some((self.head?, self.body.finish()))
    }
}
