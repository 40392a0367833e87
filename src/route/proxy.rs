//! A proxy server, as its URL says it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use url::Url;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// Forwards plain requests, and makes tunnels for https with `CONNECT`.
    Http,
    /// Tunnels (RFC 1928). `looks_up`: the proxy does, as with curl's `socks5h`.
    Socks5 { looks_up: bool },
}

/// A proxy server. Its print leaves the credentials out.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub kind: ProxyKind,
    /// IPv6 in brackets.
    pub host: String,
    pub port: u16,
    /// User name and password.
    pub credentials: Option<(String, String)>,
}

impl Proxy {
    /// `http://user:password@host:port`, `socks5://…`, `socks5h://…`; without a scheme it is `http`. As in Go, the port is 80 or 1080
    /// where none is written.
    ///
    /// # Errors
    /// A sentence that says what is wrong. It does not quote the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Proxy, String> {
        let text = text.trim();
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&whole).map_err(|error| format!("it is no URL ({error})"))?;
        let (kind, port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "socks5" => (ProxyKind::Socks5 { looks_up: false }, 1080),
            "socks5h" => (ProxyKind::Socks5 { looks_up: true }, 1080),
            other => return Err(format!("a proxy is spoken to over `http`, `socks5` or `socks5h`, not `{other}`")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?.to_owned();
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("there must be nothing behind the host and the port of a proxy".to_owned());
        }
        let proxy = Proxy { kind, host, port: url.port().unwrap_or(port), credentials: credentials(&url)? };
        proxy.check_credentials().map(|()| proxy)
    }

    /// RFC 1929 has one byte for the length of each.
    fn check_credentials(&self) -> Result<(), String> {
        let fits = |text: &str| (1..=255).contains(&text.len());
        match &self.credentials {
            Some((user, password)) if self.kind != ProxyKind::Http && !(fits(user) && fits(password)) => {
                Err("user name and password of a SOCKS proxy have between 1 and 255 bytes each".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// For the header `proxy-authorization`.
    pub fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.credentials.as_ref()?;
        let mut value =
            HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

fn credentials(url: &Url) -> Result<Option<(String, String)>, String> {
    let decode = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8().map_err(|_| "its credentials are no text".to_owned());
        decoded.map(std::borrow::Cow::into_owned)
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, password) => Ok(Some((decode(user)?, decode(password.unwrap_or_default())?))),
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::Socks5 { looks_up: false } => "socks5",
            ProxyKind::Socks5 { looks_up: true } => "socks5h",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_with_go_s_default_ports_and_printed_without_credentials() {
        for (text, printed, credentials) in [
            ("http://proxy:3128", "http://proxy:3128", None),
            ("proxy:3128", "http://proxy:3128", None),
            ("http://proxy/", "http://proxy:80", None),
            ("socks5://[::1]", "socks5://[::1]:1080", None),
            ("socks5h://ann:p%40ss@proxy:9", "socks5h://proxy:9", Some(("ann", "p@ss"))),
            (" http://ann@proxy ", "http://proxy:80", Some(("ann", ""))),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!((format!("{proxy}"), format!("{proxy:?}")), (printed.to_owned(), printed.to_owned()));
            let expected = credentials.map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(proxy.credentials, expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_quoting_it() {
        for text in [
            "https://u:hush@proxy",
            "ftp://u:hush@proxy",
            "http://",
            "",
            "http://u:hush@proxy/path",
            "socks5://hush@h",
            "http://h:hush",
        ] {
            let why = Proxy::parse(text).unwrap_err();
            assert!(!why.contains("hush"), "{why}");
        }
    }
}
