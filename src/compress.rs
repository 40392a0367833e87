//! Content encodings of request bodies.
//!
//! Levels are the defaults of k6, so that bodies have its sizes. Must never know: plans, HTTP.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// What Go's libraries, and so k6, take where nothing is said.
const BROTLI_QUALITY: i32 = 6;
const BROTLI_WINDOW_LOG: i32 = 22;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Gzip,
    /// The zlib format, which is what HTTP means by the word.
    Deflate,
    Brotli,
    Zstd,
}

impl Encoding {
    /// In the order of [`Encoding::NAMES`].
    pub const ALL: [Encoding; 4] = [Encoding::Gzip, Encoding::Deflate, Encoding::Brotli, Encoding::Zstd];
    pub const NAMES: &[&str] = &["gzip", "deflate", "br", "zstd"];

    /// As the header `Content-Encoding` has it.
    pub fn name(self) -> &'static str {
        Encoding::NAMES[self as usize]
    }

    fn pack(self, body: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Encoding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::default());
                encoder.write_all(body)?;
                encoder.finish()
            }
            Encoding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::with_capacity(body.len() / 2), Compression::default());
                encoder.write_all(body)?;
                encoder.finish()
            }
            Encoding::Brotli => {
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: BROTLI_WINDOW_LOG,
                    size_hint: body.len(),
                    ..Default::default()
                };
                let mut packed = Vec::with_capacity(body.len() / 2);
                brotli::BrotliCompress(&mut &body[..], &mut packed, &parameters)?;
                Ok(packed)
            }
            Encoding::Zstd => zstd::encode_all(body, zstd::DEFAULT_COMPRESSION_LEVEL),
        }
    }
}

/// The body packed with each of these in turn.
///
/// # Errors
/// Where an encoder gets no memory.
pub fn compress(encodings: &[Encoding], body: Vec<u8>) -> io::Result<Vec<u8>> {
    encodings.iter().try_fold(body, |body, encoding| encoding.pack(&body))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn unpack(encoding: Encoding, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let read = match encoding {
            Encoding::Gzip => flate2::read::GzDecoder::new(body).read_to_end(&mut out),
            Encoding::Deflate => flate2::read::ZlibDecoder::new(body).read_to_end(&mut out),
            Encoding::Brotli => brotli_decompressor::Decompressor::new(body, 4096).read_to_end(&mut out),
            Encoding::Zstd => zstd::stream::read::Decoder::new(body).unwrap().read_to_end(&mut out),
        };
        read.unwrap();
        out
    }

    #[test]
    fn what_is_packed_is_smaller_and_comes_out_as_it_was() {
        let text = b"the same words again and again, ".repeat(200);
        for encoding in Encoding::ALL {
            let packed = compress(&[encoding], text.clone()).unwrap();
            assert!(packed.len() < text.len() / 10, "{}: {} bytes", encoding.name(), packed.len());
            assert_eq!(unpack(encoding, &packed), text, "{}", encoding.name());
        }
    }

    #[test]
    fn several_encodings_are_applied_in_order_and_nothing_is_packed_too() {
        let twice = compress(&[Encoding::Gzip, Encoding::Brotli], b"text".to_vec()).unwrap();
        assert_eq!(unpack(Encoding::Gzip, &unpack(Encoding::Brotli, &twice)), b"text");
        for encoding in Encoding::ALL {
            assert_eq!(unpack(encoding, &compress(&[encoding], Vec::new()).unwrap()), b"", "{}", encoding.name());
        }
    }
}
