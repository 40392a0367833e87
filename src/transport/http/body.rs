//! The body of a response as it comes in: as much of it as is kept.

use bytes::Bytes;

use super::connection::Ended;

/// What a server's word about the length of a body is worth in memory set aside.
const MAX_TRUSTED_LENGTH: u64 = 1024 * 1024;

/// What is kept of a body.
pub struct Body {
    kept: Vec<u8>,
    /// The most that may be kept; `None` where nothing is.
    limit: Option<usize>,
}

impl Body {
    pub fn new(limit: Option<usize>) -> Body {
        Body { kept: Vec::new(), limit }
    }

    /// Sets aside what will be needed, as far as a server is to be believed.
    pub fn expect(&mut self, length: u64) -> Result<(), Ended> {
        match self.limit {
            Some(limit) if length > limit as u64 => return Err(Ended::TooLarge),
            Some(_) => self.kept.reserve_exact(length.min(MAX_TRUSTED_LENGTH) as usize),
            None => {}
        }
        Ok(())
    }

    pub fn push(&mut self, piece: &[u8]) -> Result<(), Ended> {
        match self.limit {
            None => Ok(()),
            Some(limit) if piece.len() > limit - self.kept.len() => Err(Ended::TooLarge),
            Some(_) => {
                self.kept.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    /// In memory of exactly its size: the VU keeps its last response for as long as it thinks.
    pub fn finish(self) -> Bytes {
        self.kept.into_boxed_slice().into()
    }
}
