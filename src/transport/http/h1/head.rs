//! The head of a response, and what it says about the body (RFC 9112, 6.3).

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use httparse::{ParserConfig, Status};

use super::framing::{Chunks, Framing};

/// The largest head, in bytes.
pub const MAX_HEAD: usize = 64 * 1024;

/// The most fields of one head.
const MAX_FIELDS: usize = 128;

pub struct Head {
    pub status: u16,
    /// `HTTP/1.1`
    pub proto: &'static str,
    pub headers: HeaderMap,
    pub framing: Framing,
    /// Whether the connection may carry another exchange.
    pub keeps_alive: bool,
}

/// The head at the start of `bytes` and its length; `None` where it is not whole.
///
/// # Errors
/// Why it is no head of HTTP/1.
pub fn parse(bytes: &[u8], method: &Method) -> Result<Option<(Head, usize)>, &'static str> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let status = ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, bytes, &mut fields);
    let length = match status.map_err(reason)? {
        Status::Complete(length) if length <= MAX_HEAD => length,
        Status::Partial if bytes.len() < MAX_HEAD => return Ok(None),
        Status::Complete(_) | Status::Partial => return Err("the head is too large"),
    };
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or("invalid status")?.as_u16();
    let is_http_10 = parsed.version == Some(0);
    let headers = own(parsed.headers)?;
    let has_body = !(matches!(status, 100..=199 | 204 | 304) || method == Method::HEAD || is_tunnel(method, status));
    let framing = if has_body { framing(&headers, is_http_10)? } else { Framing::Length(0) };
    let keeps_alive = status != 101
        && !is_tunnel(method, status)
        && !matches!(framing, Framing::UntilClose)
        && !has_token(&headers, &header::CONNECTION, "close")
        && (!is_http_10 || has_token(&headers, &header::CONNECTION, "keep-alive"));
    let proto = if is_http_10 { "HTTP/1.0" } else { "HTTP/1.1" };
    Ok(Some((Head { status, proto, headers, framing, keeps_alive }, length)))
}

/// What comes after it is no HTTP.
fn is_tunnel(method: &Method, status: u16) -> bool {
    method == Method::CONNECT && (200..300).contains(&status)
}

fn reason(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "invalid header name",
        httparse::Error::HeaderValue => "invalid header value",
        httparse::Error::NewLine => "invalid end of a line",
        httparse::Error::Status => "invalid status",
        httparse::Error::Token => "invalid token",
        httparse::Error::TooManyHeaders => "the head is too large: it has more than 128 fields",
        httparse::Error::Version => "invalid HTTP version",
    }
}

/// The fields with all their values in one piece of memory of its own: the scratch buffer is needed for the next.
fn own(fields: &[httparse::Header<'_>]) -> Result<HeaderMap, &'static str> {
    let mut all = Vec::with_capacity(fields.iter().map(|field| field.value.len()).sum());
    fields.iter().for_each(|field| all.extend_from_slice(field.value));
    let mut all = Bytes::from(all);
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| "invalid header name")?;
        let value = HeaderValue::from_maybe_shared(all.split_to(field.value.len()));
        headers.append(name, value.map_err(|_| "invalid header value")?);
    }
    Ok(headers)
}

fn framing(headers: &HeaderMap, is_http_10: bool) -> Result<Framing, &'static str> {
    if let Some(last) = headers.get_all(header::TRANSFER_ENCODING).iter().next_back() {
        let coding = last.to_str().ok().and_then(|codings| codings.rsplit(',').next());
        return match coding {
            _ if is_http_10 => Err("a transfer-encoding in HTTP/1.0"),
            Some(coding) if coding.trim().eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked(Chunks::default())),
            _ => Ok(Framing::UntilClose),
        };
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter().flat_map(|value| value.as_bytes().split(is_comma));
    let Some(first) = lengths.next() else { return Ok(Framing::UntilClose) };
    let length = number(first).ok_or("invalid content-length")?;
    match lengths.all(|other| number(other) == Some(length)) {
        true => Ok(Framing::Length(length)),
        false => Err("more than one content-length, and not the same"),
    }
}

fn is_comma(byte: &u8) -> bool {
    *byte == b','
}

/// Digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if is_number { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// Whether a field that is a list has this element.
pub fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let mut tokens = headers.get_all(name).iter().flat_map(|value| value.as_bytes().split(is_comma));
    tokens.any(|found| found.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Head, &'static str> {
        parse(text.as_bytes(), &Method::GET).map(|head| head.unwrap().0)
    }

    fn check_framing(fields: &str, expected: Result<Framing, &str>) {
        assert_eq!(head(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")).map(|head| head.framing), expected, "{fields}");
    }

    #[test]
    fn the_fields_say_how_long_the_body_is() {
        let chunked = || Ok(Framing::Chunked(Chunks::default()));
        check_framing("", Ok(Framing::UntilClose));
        check_framing("content-length: 7\r\n", Ok(Framing::Length(7)));
        check_framing("content-length: 7\r\ncontent-length: 7, 7\r\n", Ok(Framing::Length(7)));
        check_framing(
            "content-length: 7\r\ncontent-length: 8\r\n",
            Err("more than one content-length, and not the same"),
        );
        for bad in ["", "-1", "+1", "0x10", "1 2", "18446744073709551616"] {
            check_framing(&format!("content-length: {bad}\r\n"), Err("invalid content-length"));
        }
        check_framing("transfer-encoding: chunked\r\n", chunked());
        check_framing("transfer-encoding: gzip, Chunked\r\ncontent-length: 7\r\n", chunked());
        check_framing("transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n", chunked());
        check_framing("transfer-encoding: chunked, gzip\r\n", Ok(Framing::UntilClose));
    }

    fn check_keep(text: &str, expected: bool) {
        assert_eq!(head(text).unwrap().keeps_alive, expected, "{text}");
    }

    #[test]
    fn the_fields_say_whether_the_connection_goes_on() {
        check_keep("HTTP/1.1 204 No Content\r\n\r\n", true);
        check_keep("HTTP/1.1 204 No Content\r\nconnection: x, Close\r\n\r\n", false);
        check_keep("HTTP/1.1 204 No Content\r\nconnection: close\r\nconnection: keep-alive\r\n\r\n", false);
        check_keep("HTTP/1.0 204 No Content\r\n\r\n", false);
        check_keep("HTTP/1.0 204 No Content\r\nconnection: Keep-Alive\r\n\r\n", true);
        check_keep("HTTP/1.1 200 OK\r\n\r\n", false);
        check_keep("HTTP/1.1 101 Switching Protocols\r\n\r\n", false);
    }

    #[test]
    fn values_are_kept_as_they_came() {
        let text = b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nX-Old: caf\xe9\r\nset-cookie: b=2\r\nx-empty:\r\n\r\n";
        let (head, length) = parse(text, &Method::GET).unwrap().unwrap();
        let values = |name: &str| head.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
        assert_eq!(length, text.len());
        assert_eq!(values("set-cookie"), [b"a=1", b"b=2"]);
        assert_eq!((values("x-old"), values("x-empty")), (vec![&b"caf\xe9"[..]], vec![&b""[..]]));
    }
}
