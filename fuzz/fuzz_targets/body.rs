//! A response's body with its `content-encoding`, which is the input's first line. It never comes out larger than is taken; and what
//! we pack ourselves comes out as it was.
#![no_main]

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use proofload::compress::{Encoding, compress};
use proofload::transport::http::decode::decode;

const LIMIT: usize = 1024 * 1024;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (encoding, body) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let Ok(encoding) = HeaderValue::from_bytes(encoding) else { return };
    if let Ok(decoded) = undo(encoding, body) {
        assert!(decoded.len() <= LIMIT.max(body.len()), "{} bytes", decoded.len());
    }
    for encoding in Encoding::ALL {
        let packed = compress(&[encoding], body.to_vec()).expect("memory takes all that is written");
        assert_eq!(undo(HeaderValue::from_static(encoding.name()), &packed).as_deref(), Ok(body));
    }
});

fn undo(encoding: HeaderValue, body: &[u8]) -> Result<Bytes, String> {
    let headers = HeaderMap::from_iter([(CONTENT_ENCODING, encoding)]);
    decode(&headers, Bytes::copy_from_slice(body), LIMIT).map_err(|cause| cause.message)
}
