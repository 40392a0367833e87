//! k6's numbers for what goes wrong on the wire, and one place that decides them.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// k6's error codes, and two of our own for what is not the target's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum ErrorCode {
    Other = 1000,
    Timeout = 1050,
    Dns = 1100,
    NoSuchHost = 1101,
    Tcp = 1200,
    BrokenPipe = 1201,
    DialFailed = 1210,
    DialTimeout = 1211,
    DialRefused = 1212,
    Reset = 1220,
    /// Not k6's: the generator had no file descriptor for the connection.
    NoDescriptor = 1250,
    /// Not k6's: the generator had no local port for the connection.
    NoLocalPort = 1251,
    Tls = 1300,
    UnknownAuthority = 1310,
    HostnameMismatch = 1311,
    Protocol = 1600,
    GoAway = 1610,
    Stream = 1630,
    Decoding = 1701,
}

/// Too many open files, of the process and of the machine: the numbers are the same on every Unix.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
/// Some 28,000 connections go from one address to one destination at a time.
const PORTS: &str = "the generator has no free local port (net.ipv4.ip_local_port_range); `local_address` with more addresses gives more of them";

/// Why a hop failed: the number for machines, the sentence for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    pub code: ErrorCode,
    pub message: String,
}

impl Cause {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Cause {
        Cause { code, message: message.into() }
    }

    /// The name server had no address for `host`.
    pub fn of_look_up(host: &str, error: &io::Error) -> Cause {
        let text = error.to_string();
        if let Some(cause) = Cause::of_own_limit(format_args!("cannot look up `{host}`"), error) {
            return cause;
        }
        // The resolver's error has no number in `io::Error`; these are glibc's, musl's and macOS' words for "there is none".
        let unknown = ["not known", "No address", "does not resolve"].iter().any(|words| text.contains(words));
        match unknown {
            true => Cause::new(ErrorCode::NoSuchHost, format!("no such host: `{host}`")),
            false => Cause::new(ErrorCode::Dns, format!("cannot look up `{host}`: {}", plain(error))),
        }
    }

    /// What failed for want of something that this machine has a limit of: not the target's doing.
    fn of_own_limit(what: impl std::fmt::Display, error: &io::Error) -> Option<Cause> {
        match error.raw_os_error() {
            Some(EMFILE | ENFILE) => {
                let message = format!("{what}: the generator has no free file descriptor ({})", plain(error));
                Some(Cause::new(ErrorCode::NoDescriptor, message))
            }
            _ if error.kind() == io::ErrorKind::AddrNotAvailable => {
                let message = format!("{what}: {PORTS}");
                Some(Cause::new(ErrorCode::NoLocalPort, message))
            }
            _ => None,
        }
    }

    /// No connection to `peer` came about.
    pub fn of_dial(peer: impl std::fmt::Display, error: &io::Error) -> Cause {
        if let Some(cause) = Cause::of_own_limit(format_args!("cannot connect to {peer}"), error) {
            return cause;
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                Cause::new(ErrorCode::DialRefused, format!("connection refused by {peer}"))
            }
            io::ErrorKind::TimedOut => {
                Cause::new(ErrorCode::DialTimeout, format!("no answer from {peer} to the connection attempt"))
            }
            io::ErrorKind::ConnectionReset => Cause::new(ErrorCode::Reset, format!("connection reset by {peer}")),
            _ => Cause::new(ErrorCode::DialFailed, format!("cannot connect to {peer}: {}", plain(error))),
        }
    }

    /// No connection can leave from an address of the plan's own.
    pub fn of_bind(from: std::net::IpAddr, error: &io::Error) -> Cause {
        let (code, why) = match error.kind() {
            io::ErrorKind::AddrNotAvailable => {
                (ErrorCode::NoLocalPort, "it is no address of this machine (`local_address`)".to_owned())
            }
            io::ErrorKind::AddrInUse => (ErrorCode::NoLocalPort, PORTS.to_owned()),
            _ => (ErrorCode::DialFailed, plain(error)),
        };
        Cause::new(code, format!("cannot connect from {from}: {why}"))
    }

    /// The TLS handshake with `host` failed.
    pub fn of_handshake(host: &str, error: &io::Error) -> Cause {
        if let Some(tls) = find::<rustls::Error>(error) {
            return Cause::of_tls(host, tls);
        }
        match error.kind() {
            io::ErrorKind::ConnectionReset => {
                Cause::new(ErrorCode::Reset, format!("connection reset by `{host}` during the TLS handshake"))
            }
            io::ErrorKind::UnexpectedEof => {
                Cause::new(ErrorCode::Tls, format!("`{host}` closed the connection during the TLS handshake"))
            }
            _ => Cause::new(ErrorCode::Tls, format!("TLS handshake with `{host}` failed: {}", plain(error))),
        }
    }

    fn of_tls(host: &str, error: &rustls::Error) -> Cause {
        use rustls::Error::{InvalidCertificate, InvalidMessage};
        let (code, why) = match error {
            InvalidCertificate(CertificateError::UnknownIssuer) => {
                (ErrorCode::UnknownAuthority, "its certificate is signed by an unknown authority".to_owned())
            }
            InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
                (ErrorCode::HostnameMismatch, "its certificate is for another name".to_owned())
            }
            InvalidCertificate(CertificateError::Other(why)) => (ErrorCode::Tls, refused(&why.to_string())),
            InvalidMessage(_) => (ErrorCode::Tls, "its answer is not TLS (does it speak plain http?)".to_owned()),
            other => (ErrorCode::Tls, other.to_string()),
        };
        Cause::new(code, format!("TLS with `{host}` failed: {why}"))
    }

    /// What `peer` answered is not HTTP/1.
    pub fn of_nonsense(peer: impl std::fmt::Display, why: &str) -> Cause {
        Cause::new(ErrorCode::Protocol, format!("{peer} did not answer in HTTP/1: {why}"))
    }

    /// What `peer` sent is not the body that its head announced.
    pub fn of_malformed_body(peer: impl std::fmt::Display, why: &str) -> Cause {
        Cause::new(ErrorCode::Protocol, format!("{peer} sent a malformed body: {why}"))
    }

    /// The connection to `peer` broke in the middle of an exchange; `answered` when a part of the response had come.
    pub fn of_exchange(peer: impl std::fmt::Display, answered: bool, error: &io::Error) -> Cause {
        if let Some(tls) = find::<rustls::Error>(error) {
            return Cause::of_tls(&peer.to_string(), tls);
        }
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
                Cause::new(ErrorCode::Reset, format!("connection reset by {peer} {}", when(answered)))
            }
            io::ErrorKind::BrokenPipe => {
                Cause::new(ErrorCode::BrokenPipe, format!("{peer} closed the connection while the request was written"))
            }
            io::ErrorKind::UnexpectedEof => Cause::of_close(peer, answered),
            _ => Cause::new(ErrorCode::Tcp, format!("connection to {peer} broke: {}", plain(error))),
        }
    }

    /// HTTP/2 with `peer` broke off, the stream or the whole connection.
    pub fn of_h2(peer: impl std::fmt::Display, answered: bool, error: &h2::Error) -> Cause {
        if let Some(error) = error.get_io() {
            return match error.kind() {
                // What h2 calls an end of the connection without a farewell.
                io::ErrorKind::BrokenPipe => Cause::of_close(peer, answered),
                _ => Cause::of_exchange(peer, answered, error),
            };
        }
        let why = error.reason().map_or_else(|| error.to_string(), |reason| reason.description().to_owned());
        match error {
            _ if !error.is_remote() => {
                Cause::new(ErrorCode::Protocol, format!("{peer} did not answer in HTTP/2: {why}"))
            }
            _ if error.is_go_away() => {
                Cause::new(ErrorCode::GoAway, format!("{peer} took leave before it answered (GOAWAY): {why}"))
            }
            _ => Cause::new(ErrorCode::Stream, format!("{peer} broke off the stream: {why}")),
        }
    }

    /// `peer` closed the connection in the middle of an exchange.
    pub fn of_close(peer: impl std::fmt::Display, answered: bool) -> Cause {
        Cause::new(ErrorCode::Reset, format!("{peer} closed the connection {}", when(answered)))
    }

    /// Whether the connection ended, as opposed to having carried nonsense.
    pub fn is_loss(&self) -> bool {
        matches!(self.code, ErrorCode::Reset | ErrorCode::BrokenPipe)
    }
}

/// A certificate that the verifier refused, in its word.
fn refused(why: &str) -> String {
    match why {
        "CaUsedAsEndEntity" => {
            "its certificate is one of an authority (`CA:TRUE`), which no server may use: make one with \
                                `openssl req -x509 -addext basicConstraints=CA:FALSE …`"
                .to_owned()
        }
        _ => format!("its certificate is refused: {why}"),
    }
}

fn when(answered: bool) -> &'static str {
    if answered { "before the whole response had come" } else { "before a response" }
}

/// An error's own words, without the number that the standard library appends.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The error of a type among an error and its causes. An `io::Error` hides the one it wraps from `source`.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    fn check(cause: Cause, code: ErrorCode, message: &str) {
        assert_eq!(cause, Cause::new(code, message));
    }

    #[test]
    fn a_failed_look_up_tells_an_unknown_host_from_a_deaf_name_server() {
        let look_up = |text: &str| {
            let text = format!("failed to lookup address information: {text}");
            Cause::of_look_up("nowhere.invalid", &io::Error::other(text))
        };
        let unknown = "no such host: `nowhere.invalid`";
        check(look_up("Name or service not known"), ErrorCode::NoSuchHost, unknown);
        check(look_up("Name does not resolve"), ErrorCode::NoSuchHost, unknown);
        check(
            look_up("Temporary failure in name resolution"),
            ErrorCode::Dns,
            "cannot look up `nowhere.invalid`: temporary failure in name resolution",
        );
    }

    #[test]
    fn a_failed_dial_names_the_peer() {
        let dial = |kind: ErrorKind| Cause::of_dial("127.0.0.1:9", &io::Error::from(kind));
        check(dial(ErrorKind::ConnectionRefused), ErrorCode::DialRefused, "connection refused by 127.0.0.1:9");
        check(
            dial(ErrorKind::TimedOut),
            ErrorCode::DialTimeout,
            "no answer from 127.0.0.1:9 to the connection attempt",
        );
        check(
            dial(ErrorKind::HostUnreachable),
            ErrorCode::DialFailed,
            "cannot connect to 127.0.0.1:9: host unreachable",
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_generator_has_too_little_of_is_not_the_target_s_doing() {
        let dial = |number: i32| Cause::of_dial("127.0.0.1:9", &io::Error::from_raw_os_error(number));
        let none = "cannot connect to 127.0.0.1:9: the generator has no free";
        let process = format!("{none} file descriptor (too many open files)");
        check(dial(24), ErrorCode::NoDescriptor, &process);
        check(dial(23), ErrorCode::NoDescriptor, &process.replace("files)", "files in system)"));
        check(dial(99), ErrorCode::NoLocalPort, &format!("cannot connect to 127.0.0.1:9: {PORTS}"));
        let look_up = Cause::of_look_up("a.example", &io::Error::from_raw_os_error(24));
        assert_eq!(look_up.code, ErrorCode::NoDescriptor);
    }

    #[test]
    fn a_failed_handshake_tells_the_certificate_s_mistakes_apart() {
        let handshake =
            |error: rustls::Error| Cause::of_handshake("a.example", &io::Error::new(ErrorKind::InvalidData, error));
        check(
            handshake(CertificateError::UnknownIssuer.into()),
            ErrorCode::UnknownAuthority,
            "TLS with `a.example` failed: its certificate is signed by an unknown authority",
        );
        check(
            handshake(CertificateError::NotValidForName.into()),
            ErrorCode::HostnameMismatch,
            "TLS with `a.example` failed: its certificate is for another name",
        );
        check(
            Cause::of_handshake("a.example", &ErrorKind::UnexpectedEof.into()),
            ErrorCode::Tls,
            "`a.example` closed the connection during the TLS handshake",
        );
    }
}
