//! Hosts whose addresses are fixed, as in a hosts file.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Which requests are meant: `shop.example`, `shop.example:443`, `*.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// In lower case, IPv6 without brackets; behind a `*.`, only what follows it.
    host: String,
    is_wildcard: bool,
    port: Option<u16>,
}

/// Where they go instead. Without a port, to the one in the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    ip: IpAddr,
    port: Option<u16>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hosts {
    pub rows: Vec<(Pattern, Vec<Fixed>)>,
}

impl Hosts {
    /// The addresses of the row that says most about `host` (IPv6 in brackets or without): a whole name before a wildcard, the longer
    /// wildcard before the shorter, with a port before without.
    pub fn find(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let host = bare(host).to_ascii_lowercase();
        let rows = self.rows.iter().filter(|(pattern, _)| pattern.matches(&host, port));
        let (_, fixed) = rows.max_by_key(|(pattern, _)| pattern.weight())?;
        Some(fixed.iter().map(|fixed| SocketAddr::new(fixed.ip, fixed.port.unwrap_or(port))).collect())
    }
}

impl Pattern {
    /// # Errors
    /// A sentence that names the text and what is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let (host, port) = split_port(text).ok_or_else(|| format!("`{text}` names no port between 1 and 65535"))?;
        let (is_wildcard, host) = host.strip_prefix("*.").map_or((false, host), |rest| (true, rest));
        let fits = |letter: char| letter.is_alphanumeric() || "-_.:".contains(letter);
        match !host.is_empty() && host.chars().all(fits) {
            true => Ok(Pattern { host: host.to_lowercase(), is_wildcard, port }),
            false => Err(format!("`{text}` is no host: write `shop.example`, `shop.example:443` or `*.example`")),
        }
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        let is_it = match self.is_wildcard {
            true => host.strip_suffix(&self.host).is_some_and(|before| before.len() > 1 && before.ends_with('.')),
            false => host == self.host,
        };
        is_it && self.port.is_none_or(|own| own == port)
    }

    fn weight(&self) -> (bool, usize, bool) {
        (!self.is_wildcard, self.host.len(), self.port.is_some())
    }
}

impl Fixed {
    /// `10.0.0.1`, `10.0.0.1:8080`, `::1`, `[::1]:8080`.
    ///
    /// # Errors
    /// A sentence that names the text and what is wrong with it.
    pub fn parse(text: &str) -> Result<Fixed, String> {
        let (ip, port) =
            split_port(text.trim()).ok_or_else(|| format!("`{text}` names no port between 1 and 65535"))?;
        match ip.parse() {
            Ok(ip) => Ok(Fixed { ip, port }),
            Err(_) => Err(format!("`{text}` is no IP address, with or without a port")),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_wildcard { "*." } else { "" })?;
        join_port(f, &self.host, self.port)
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        join_port(f, &self.ip.to_string(), self.port)
    }
}

fn join_port(f: &mut fmt::Formatter<'_>, host: &str, port: Option<u16>) -> fmt::Result {
    match port {
        None => f.write_str(host),
        Some(port) if host.contains(':') => write!(f, "[{host}]:{port}"),
        Some(port) => write!(f, "{host}:{port}"),
    }
}

/// A host without the brackets of IPv6.
pub(super) fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// A host, bare, and the port behind it. `None` where that is no port.
pub(super) fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    if text.parse::<IpAddr>().is_ok() {
        return Some((text, None));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let port = port.parse().ok().filter(|port| *port > 0)?;
            Some((bare(host), Some(port)))
        }
        _ => Some((bare(text), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_that_says_most_wins() {
        let rows = [
            ("*.example", "10.0.0.1"),
            ("*.shop.example", "10.0.0.2"),
            ("shop.example", "10.0.0.3"),
            ("Shop.Example:443", "10.0.0.4:8443"),
            ("*.shop.example:81", "[::1]:82"),
            ("::1", "10.0.0.5"),
        ];
        let rows = rows.map(|(host, to)| (Pattern::parse(host).unwrap(), vec![Fixed::parse(to).unwrap()]));
        let hosts = Hosts { rows: rows.to_vec() };
        for (host, port, expected) in [
            ("shop.example", 80, Some("10.0.0.3:80")),
            ("SHOP.example", 443, Some("10.0.0.4:8443")),
            ("a.shop.example", 80, Some("10.0.0.2:80")),
            ("b.a.shop.example", 81, Some("[::1]:82")),
            ("other.example", 80, Some("10.0.0.1:80")),
            ("example", 80, None),
            ("notexample", 80, None),
            ("[::1]", 80, Some("10.0.0.5:80")),
            ("10.0.0.9", 80, None),
        ] {
            let found = hosts.find(host, port).map(|addresses| addresses[0].to_string());
            assert_eq!(found.as_deref(), expected, "{host}:{port}");
        }
    }

    #[test]
    fn what_is_read_is_printed_and_what_is_wrong_is_told() {
        for text in ["shop.example", "*.example:443", "::1", "[::1]:80", "10.0.0.1:1"] {
            assert_eq!(Pattern::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "a b", "*", "http://h", "h/x", "h:0", "h:http", "a.*.b"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        for text in ["localhost", "10.0.0", "10.0.0.1:0", "10.0.0.1:x", "", "[::1]:70000"] {
            assert!(Fixed::parse(text).is_err(), "{text}");
        }
    }
}
