//! Digest authentication (RFC 7616): challenges of servers, and the answers to them.
//!
//! A challenge is kept for the VU's life, so that only its first request to a host is refused.

mod challenge;

use std::cell::RefCell;
use std::rc::Rc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Uri};
use md5::Md5;
use rand::RngExt;
use sha2::{Digest, Sha256, Sha512_256};

use super::Vu;
use super::request::{Login, same_origin};
use crate::transport::{Request, Session};
use challenge::{Challenge, challenge};

/// Hosts and users whose challenges a VU keeps; the oldest goes first.
const MAX_HOSTS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha256,
    /// SHA-512 cut to 256 bits.
    Sha512Over256,
}

impl Algorithm {
    fn named(name: &str) -> Option<Algorithm> {
        match name {
            "MD5" => Some(Algorithm::Md5),
            "SHA-256" => Some(Algorithm::Sha256),
            "SHA-512-256" => Some(Algorithm::Sha512Over256),
            _ => None,
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Algorithm::Md5 => format!("{:x}", Md5::digest(text)),
            Algorithm::Sha256 => format!("{:x}", Sha256::digest(text)),
            Algorithm::Sha512Over256 => format!("{:x}", Sha512_256::digest(text)),
        }
    }
}

/// What servers have demanded of one VU. Shared with its forks, since a server counts the uses of a nonce.
#[derive(Clone, Default)]
pub(super) struct Digests {
    hosts: Rc<RefCell<Vec<Host>>>,
}

struct Host {
    uri: Uri,
    /// Servers give each user a nonce of its own.
    username: String,
    challenge: Challenge,
    /// Ours, for as long as the server's nonce: with `-sess` it is a part of the key.
    cnonce: String,
    /// How often the nonce was used.
    count: u32,
}

impl<S: Session> Vu<S> {
    /// Takes the challenge of a response. `false`: there is none that is meant for this.
    pub(super) fn challenge(&mut self, login: &Login, uri: &Uri, headers: &HeaderMap) -> Result<bool, String> {
        let Some(challenge) = challenge(headers)? else { return Ok(false) };
        let cnonce = format!("{:016x}", self.random.borrow_mut().random::<u64>());
        let mut hosts = self.digests.hosts.borrow_mut();
        hosts.retain(|host| !host.is_for(login, uri));
        if hosts.len() >= MAX_HOSTS {
            hosts.remove(0);
        }
        hosts.push(Host { uri: uri.clone(), username: login.username.clone(), challenge, cnonce, count: 0 });
        Ok(true)
    }

    /// Puts in the answer, where the host has challenged before.
    pub(super) fn authorize(&mut self, request: &mut Request, login: &Login) {
        request.headers.remove(AUTHORIZATION);
        let mut hosts = self.digests.hosts.borrow_mut();
        let Some(host) = hosts.iter_mut().find(|host| host.is_for(login, &request.uri)) else {
            return;
        };
        host.count = host.count.saturating_add(1);
        let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
        let (value, response) = host.answer(login, &request.method, target);
        self.secrets.answered(&response);
        // What came in a header fits into one, and the login was checked.
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            request.headers.insert(AUTHORIZATION, value);
        }
    }
}

impl Host {
    fn is_for(&self, login: &Login, uri: &Uri) -> bool {
        self.username == login.username && same_origin(&self.uri, uri)
    }

    /// The header's value, and the part of it that is made of the password.
    fn answer(&self, login: &Login, method: &Method, target: &str) -> (String, String) {
        let Challenge { realm, nonce, algorithm, .. } = &self.challenge;
        let hash = |text: String| algorithm.hash(&text);
        let mut key = hash(format!("{}:{realm}:{}", login.username, login.password));
        if self.challenge.is_session {
            key = hash(format!("{key}:{nonce}:{}", self.cnonce));
        }
        let action = hash(format!("{method}:{target}"));
        let count = format!("{:08x}", self.count);
        let response = match self.challenge.has_qop {
            true => hash(format!("{key}:{nonce}:{count}:{}:auth:{action}", self.cnonce)),
            false => hash(format!("{key}:{nonce}:{action}")),
        };
        (self.header(login, target, &count, &response), response)
    }

    fn header(&self, login: &Login, target: &str, count: &str, response: &str) -> String {
        let Challenge { realm, nonce, opaque, algorithm, algorithm_name, is_session, has_qop, hides_user } =
            &self.challenge;
        let username = match hides_user {
            true => algorithm.hash(&format!("{}:{realm}", login.username)),
            false => quoted(&login.username),
        };
        let mut header = format!(
            "Digest username=\"{username}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{response}\"",
            quoted(realm),
            quoted(nonce),
            quoted(target)
        );
        if let Some(name) = algorithm_name {
            header.push_str(&format!(", algorithm={name}"));
        }
        if let Some(opaque) = opaque {
            header.push_str(&format!(", opaque=\"{}\"", quoted(opaque)));
        }
        if *has_qop {
            header.push_str(&format!(", qop=auth, nc={count}"));
        }
        if *has_qop || *is_session {
            header.push_str(&format!(", cnonce=\"{}\"", self.cnonce));
        }
        if *hides_user {
            header.push_str(", userhash=true");
        }
        header
    }
}

/// As it stands between quotes.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";

    fn answered(algorithm: &str, extra: &str, login: Login, cnonce: &str) -> (String, String) {
        let mut headers = HeaderMap::new();
        let text = format!("Digest realm=\"http-auth@example.org\", algorithm={algorithm}, nonce=\"{NONCE}\"{extra}");
        headers.insert(http::header::WWW_AUTHENTICATE, text.parse().unwrap());
        let challenge = challenge(&headers).unwrap().unwrap();
        let uri = Uri::from_static("http://www.example.org/dir/index.html");
        let host = Host { uri, username: login.username.clone(), challenge, cnonce: cnonce.to_owned(), count: 1 };
        host.answer(&login, &Method::GET, "/dir/index.html")
    }

    fn mufasa() -> Login {
        Login { username: "Mufasa".to_owned(), password: "Circle of Life".to_owned() }
    }

    #[test]
    fn answers_are_those_of_the_standard() {
        // RFC 7616, 3.9.1.
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let extra = ", qop=\"auth, auth-int\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        for (algorithm, response) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let (header, answer) = answered(algorithm, extra, mufasa(), cnonce);
            assert_eq!(answer, response, "{algorithm}");
            assert_eq!(
                header,
                format!(
                    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", nonce=\"{NONCE}\", uri=\"/dir/index.html\", response=\"{response}\", algorithm={algorithm}, opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", qop=auth, nc=00000001, cnonce=\"{cnonce}\""
                )
            );
        }
    }

    #[test]
    fn each_variant_has_its_own_answer_and_says_no_more_than_it_needs() {
        let hash = |text: &str| Algorithm::Md5.hash(text);
        let (key, action) = (hash("Mufasa:http-auth@example.org:Circle of Life"), hash("GET:/dir/index.html"));
        let (old, response) = answered("MD5", "", mufasa(), "c");
        assert_eq!(response, hash(&format!("{key}:{NONCE}:{action}")));
        assert!(!old.contains("cnonce") && !old.contains("nc="), "{old}");
        let session = hash(&format!("{key}:{NONCE}:c"));
        let (_, response) = answered("MD5-sess", ", qop=auth", mufasa(), "c");
        assert_eq!(response, hash(&format!("{session}:{NONCE}:00000001:c:auth:{action}")));
        let (hidden, _) = answered("MD5", ", userhash=true", mufasa(), "c");
        assert!(!hidden.contains("Mufasa") && hidden.contains("userhash=true"), "{hidden}");
        let odd = Login { username: "a\"b\\".to_owned(), password: String::new() };
        assert!(answered("MD5", "", odd, "c").0.contains(r#"username="a\"b\\""#));
    }
}
