//! Encodings and digests of text.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use sha2::{Digest, Sha256};

use super::super::evaluate::Run;
use super::super::value::quoted;
use super::super::{EvalError, Val, Value};
use super::text_of;

type Outcome<'a> = Result<Val<'a>, EvalError>;

/// Forgiving about padding, since tokens come without it.
const DECODER: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn owned<'a>(text: String) -> Val<'a> {
    Val::Str(Cow::Owned(text))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

pub(super) fn base64_encode<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(owned(general_purpose::STANDARD.encode(text_of(&arguments[0])?)))
}

/// Both alphabets, so that parts of a JWT decode too.
pub(super) fn base64_decode<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let text = text_of(&arguments[0])?;
    let standard = text.replace('-', "+").replace('_', "/");
    let bytes =
        DECODER.decode(standard).map_err(|error| EvalError::new(format!("{} is not base64: {error}", quoted(text))))?;
    String::from_utf8(bytes).map(owned).map_err(|_| EvalError::new("what it holds is not UTF-8 text"))
}

/// Everything but RFC 3986's unreserved characters, as for one part of a path or query.
pub(super) fn url_encode<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let mut encoded = String::new();
    for byte in text_of(&arguments[0])?.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            byte => {
                encoded.push('%');
                encoded.push_str(&hex(&[byte]).to_ascii_uppercase());
            }
        }
    }
    Ok(owned(encoded))
}

pub(super) fn url_decode<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let text = text_of(&arguments[0])?;
    let wrong = || EvalError::new(format!("{} is not URL-encoded text", quoted(text)));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
                (high * 16 + low) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map(owned).map_err(|_| wrong())
}

pub(super) fn sha256<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    Ok(owned(hex(&Sha256::digest(text_of(&arguments[0])?))))
}

/// RFC 2104 over SHA-256.
pub(super) fn hmac_sha256<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    const BLOCK: usize = 64;
    let (key, message) = (text_of(&arguments[0])?, text_of(&arguments[1])?);
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key.as_bytes());
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    Ok(owned(hex(&outer)))
}

pub(super) fn json_encode<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let mut json = Vec::new();
    arguments[0].write_json(&mut json)?;
    Ok(owned(String::from_utf8_lossy(&json).into_owned()))
}

pub(super) fn json_decode<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Outcome<'a> {
    let text = text_of(&arguments[0])?;
    let value: Value =
        serde_json::from_str(text).map_err(|error| EvalError::new(format!("{} is not JSON: {error}", quoted(text))))?;
    Ok(Val::owned(value))
}
