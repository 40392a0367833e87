//! Bodies as the server meant them: `content-encoding` undone, in memory, up to a size.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};

use crate::transport::error::{Cause, ErrorCode};
use crate::units::format_size;

/// More layers than this are an attack, not a server.
const MAX_LAYERS: usize = 4;

/// What RFC 9659 lets a server ask of a client: a window of 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;

/// For brotli's reader; its window is its own affair.
const BROTLI_BUFFER: usize = 4096;

/// The decoded body. One that is not encoded, or in a way that is not known here, comes back as it is.
///
/// # Errors
/// `Decoding` where the body is not what its header says; `Other` where it would be larger than `limit` bytes.
pub fn decode(headers: &HeaderMap, body: Bytes, limit: usize) -> Result<Bytes, Cause> {
    if body.is_empty() || !headers.contains_key(header::CONTENT_ENCODING) {
        return Ok(body);
    }
    let layers = layers(headers);
    if layers.len() > MAX_LAYERS {
        return Err(Cause::new(ErrorCode::Decoding, format!("body is encoded {} times over", layers.len())));
    }
    layers.iter().rev().try_fold(body, |body, layer| undo(layer, body, limit))
}

/// Encodings in the order in which they were applied.
fn layers(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty() && name != "identity").collect()
}

fn undo(encoding: &str, body: Bytes, limit: usize) -> Result<Bytes, Cause> {
    let decoded = match encoding {
        "gzip" | "x-gzip" => read(MultiGzDecoder::new(&body[..]), limit),
        "deflate" if is_zlib(&body) => read(ZlibDecoder::new(&body[..]), limit),
        "deflate" => read(DeflateDecoder::new(&body[..]), limit),
        "br" => read(brotli_decompressor::Decompressor::new(&body[..], BROTLI_BUFFER), limit),
        "zstd" => zstd(&body).and_then(|decoder| read(decoder, limit)),
        _ => return Ok(body),
    };
    match decoded {
        Ok(decoded) if decoded.len() > limit => Err(too_large(limit)),
        Ok(decoded) => Ok(decoded.into()),
        Err(error) => {
            Err(Cause::new(ErrorCode::Decoding, format!("body is not {encoding} as its header says: {error}")))
        }
    }
}

/// The failure of a body of more than `limit` bytes.
pub fn too_large(limit: usize) -> Cause {
    let size = format_size(limit as u64);
    Cause::new(ErrorCode::Other, format!("body is larger than {size}, the most that is taken (`max_body`)"))
}

fn zstd(body: &[u8]) -> io::Result<impl Read> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

/// `deflate` means zlib, but some servers send the bare thing. RFC 1950: method 8, and a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31))
}

/// All of it, but at most one byte more than `limit`.
fn read(decoder: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut decoded)?;
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};

    const TEXT: &[u8] = &[b'x'; 5000];

    fn all(mut reader: impl Read) -> Vec<u8> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        all(GzEncoder::new(text, Compression::best()))
    }

    fn brotli(text: &[u8]) -> Vec<u8> {
        all(brotli::CompressorReader::new(text, 4096, 5, 22))
    }

    fn decoded(encoding: &str, body: Vec<u8>, limit: usize) -> Result<Bytes, Cause> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, encoding.parse().unwrap());
        decode(&headers, body.into(), limit)
    }

    fn check(encoding: &str, body: Vec<u8>) {
        assert_eq!(decoded(encoding, body, TEXT.len()), Ok(Bytes::from_static(TEXT)), "{encoding}");
    }

    #[test]
    fn every_encoding_is_undone_to_exactly_the_limit() {
        check("gzip", gzip(TEXT));
        check("GZip", gzip(TEXT));
        check("deflate", all(ZlibEncoder::new(TEXT, Compression::fast())));
        check("deflate", all(DeflateEncoder::new(TEXT, Compression::fast())));
        check("br", brotli(TEXT));
        check("zstd", zstd::encode_all(TEXT, 1).unwrap());
        check("gzip, br", brotli(&gzip(TEXT)));
        check("identity", TEXT.to_vec());
        check("unheard-of", TEXT.to_vec());
    }

    #[test]
    fn a_body_that_is_not_what_it_says_is_a_decoding_error() {
        let cut = |mut body: Vec<u8>| {
            body.truncate(body.len() / 2);
            body
        };
        for (encoding, body) in [
            ("gzip", TEXT.to_vec()),
            ("gzip", cut(gzip(TEXT))),
            ("br", cut(brotli(TEXT))),
            ("zstd", TEXT.to_vec()),
            ("zstd", cut(zstd::encode_all(TEXT, 1).unwrap())),
            ("deflate", b"\xff\xff\xff".to_vec()),
            ("gzip,gzip,gzip,gzip,gzip", TEXT.to_vec()),
        ] {
            assert_eq!(decoded(encoding, body, TEXT.len()).unwrap_err().code, ErrorCode::Decoding, "{encoding}");
        }
    }

    #[test]
    fn a_bomb_is_defused_at_the_limit() {
        let zeros = vec![0; 10_000_000];
        for (encoding, body) in [("gzip", gzip(&zeros)), ("br", brotli(&zeros)), ("gzip, gzip", gzip(&gzip(&zeros)))] {
            let cause = decoded(encoding, body, 1_000_000).unwrap_err();
            assert_eq!(cause, too_large(1_000_000), "{encoding}");
        }
    }
}
