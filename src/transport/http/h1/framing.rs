//! Where the body of a response ends.

use super::super::body::Body;
use super::super::connection::Ended;

/// All that may stand around the chunks of one body: extensions and trailers, in bytes.
const MAX_AROUND: usize = 16 * 1024;

/// How a body ends.
#[derive(Debug, PartialEq)]
pub enum Framing {
    /// After so many bytes more.
    Length(u64),
    Chunked(Chunks),
    UntilClose,
}

impl Framing {
    pub fn is_done(&self) -> bool {
        match self {
            Framing::Length(left) => *left == 0,
            Framing::Chunked(chunks) => chunks.place == Place::End,
            Framing::UntilClose => false,
        }
    }

    /// Moves what belongs to the body, and nothing behind it, from `bytes` to `body`.
    pub fn take(&mut self, bytes: &mut &[u8], body: &mut Body) -> Result<(), Ended> {
        match self {
            Framing::Length(left) => {
                let piece = split(bytes, *left);
                *left -= piece.len() as u64;
                body.push(piece)
            }
            Framing::Chunked(chunks) => chunks.take(bytes, body),
            Framing::UntilClose => body.push(std::mem::take(bytes)),
        }
    }
}

/// At most `length` bytes off the front.
fn split<'b>(bytes: &mut &'b [u8], length: u64) -> &'b [u8] {
    let (piece, rest) = bytes.split_at(length.min(bytes.len() as u64) as usize);
    *bytes = rest;
    piece
}

/// The chunked coding (RFC 9112, 7.1), bytewise around the chunks and piecewise within.
#[derive(Debug, Default, PartialEq)]
pub struct Chunks {
    place: Place,
    /// What is left of the chunk.
    left: u64,
    /// Bytes of extensions and trailers so far.
    around: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Place {
    #[default]
    FirstDigit,
    Digit,
    /// White space after the size: no more digits.
    AfterSize,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// The start of a trailer's line, or of the last line.
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
    End,
}

impl Chunks {
    fn take(&mut self, bytes: &mut &[u8], body: &mut Body) -> Result<(), Ended> {
        while self.place != Place::End {
            if self.place == Place::Data {
                let piece = split(bytes, self.left);
                self.left -= piece.len() as u64;
                body.push(piece)?;
                if self.left > 0 {
                    return Ok(());
                }
                self.place = Place::DataCr;
            }
            let Some((byte, rest)) = bytes.split_first() else { return Ok(()) };
            self.place = self.step(*byte).map_err(Ended::Body)?;
            *bytes = rest;
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<Place, &'static str> {
        use Place::*;
        Ok(match (self.place, byte) {
            (FirstDigit | Digit, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.digit(byte)?,
            (Digit, b'\r') | (AfterSize | Extension, b'\r') => SizeLf,
            (Digit | AfterSize, b' ' | b'\t') => self.around(AfterSize)?,
            (Digit | AfterSize, b';') => self.around(Extension)?,
            (Extension, b'\n') => return Err("a line end in a chunk's extension"),
            (Extension, _) => self.around(Extension)?,
            (SizeLf, b'\n') if self.left == 0 => TrailerStart,
            (SizeLf, b'\n') => Data,
            (DataCr, b'\r') => DataLf,
            (DataLf, b'\n') => FirstDigit,
            (TrailerStart, b'\r') => EndLf,
            (Trailer, b'\r') => TrailerLf,
            (TrailerStart | Trailer, _) => self.around(Trailer)?,
            (TrailerLf, b'\n') => TrailerStart,
            (EndLf, b'\n') => End,
            (FirstDigit | Digit | AfterSize, _) => return Err("invalid chunk size"),
            (SizeLf | DataCr | DataLf | TrailerLf | EndLf | Data | End, _) => return Err("invalid end of a chunk"),
        })
    }

    fn digit(&mut self, byte: u8) -> Result<Place, &'static str> {
        let digit = char::from(byte).to_digit(16).unwrap_or_default();
        self.left = self.left.checked_mul(16).ok_or("invalid chunk size: too large")? + u64::from(digit);
        Ok(Place::Digit)
    }

    fn around(&mut self, place: Place) -> Result<Place, &'static str> {
        self.around += 1;
        if self.around > MAX_AROUND { Err("too much around its chunks") } else { Ok(place) }
    }
}
