//! Digest authentication from the server's side, written down anew from RFC 7616: what proofload answers is held against it.

use std::collections::BTreeMap;

use md5::Md5;
use sha2::{Digest, Sha256};

pub const PASSWORD: &str = "circle-of-life";
const REALM: &str = "the \"shop\"";

/// `None`: let in. Otherwise the challenge to send.
pub fn challenge(
    user: &str,
    method: &str,
    target: &str,
    authorization: &str,
    seen: &mut Vec<String>,
) -> Option<String> {
    let (algorithm, nonce) = if user.starts_with("sha") { ("SHA-256", "n-sha") } else { ("MD5-sess", "n-md5") };
    let escaped = REALM.replace('"', "\\\"");
    let demanded = format!(
        "Digest realm=\"{escaped}\", nonce=\"{nonce}\", qop=\"auth,auth-int\", algorithm={algorithm}, opaque=\"o\""
    );
    let said = parameters(authorization);
    let get = |name: &str| said.get(name).map_or("", String::as_str);
    let hash = |text: String| match algorithm {
        "SHA-256" => format!("{:x}", Sha256::digest(text)),
        _ => format!("{:x}", Md5::digest(text)),
    };
    let mut key = hash(format!("{user}:{REALM}:{PASSWORD}"));
    if algorithm.ends_with("-sess") {
        key = hash(format!("{key}:{nonce}:{}", get("cnonce")));
    }
    let action = hash(format!("{method}:{target}"));
    let right = hash(format!("{key}:{nonce}:{}:{}:auth:{action}", get("nc"), get("cnonce")));
    let use_of_nonce = format!("{user} {} {}", get("cnonce"), get("nc"));
    let is_new = !seen.contains(&use_of_nonce);
    let fits = get("username") == user && get("uri") == target && get("opaque") == "o" && get("response") == right;
    if !(fits && is_new) {
        return Some(demanded);
    }
    seen.push(use_of_nonce);
    None
}

/// Of a header without commas in its values.
fn parameters(authorization: &str) -> BTreeMap<String, String> {
    let pairs = authorization.strip_prefix("Digest ").unwrap_or_default().split(", ");
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}
