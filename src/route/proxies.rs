//! Which requests go through which proxy.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::addresses::Block;
use super::hosts::{bare, split_port};
use super::proxy::Proxy;

/// Which proxy a request goes through.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Proxies {
    #[default]
    None,
    /// All requests.
    One(Arc<Proxy>),
    /// As the environment says.
    Environment { http: Option<Arc<Proxy>>, https: Option<Arc<Proxy>>, except: Exceptions },
}

impl Proxies {
    /// What `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in capitals or else in small letters. What is unusable is
    /// left out, and told as the variable's name and a sentence.
    pub fn of_environment(environment: &dyn Fn(&str) -> Option<String>) -> (Proxies, Vec<(&'static str, String)>) {
        let read = |name: &str| {
            let value = environment(name).or_else(|| environment(&name.to_ascii_lowercase()));
            value.filter(|value| !value.trim().is_empty())
        };
        let mut wrong = Vec::new();
        let mut proxy = |name: &'static str| match Proxy::parse(&read(name)?) {
            Ok(proxy) => Some(Arc::new(proxy)),
            Err(why) => {
                wrong.push((name, why));
                None
            }
        };
        let all = proxy("ALL_PROXY");
        let (http, https) = (proxy("HTTP_PROXY").or_else(|| all.clone()), proxy("HTTPS_PROXY").or(all));
        let proxies = match (&http, &https) {
            (None, None) => Proxies::None,
            _ => Proxies::Environment { http, https, except: Exceptions::parse(&read("NO_PROXY").unwrap_or_default()) },
        };
        (proxies, wrong)
    }

    /// The proxy for a request to `host`, IPv6 in brackets.
    pub fn of(&self, https: bool, host: &str, port: u16) -> Option<&Arc<Proxy>> {
        match self {
            Proxies::None => None,
            Proxies::One(proxy) => Some(proxy),
            Proxies::Environment { except, .. } if except.contains(host, port) => None,
            Proxies::Environment { https: proxy, .. } if https => proxy.as_ref(),
            Proxies::Environment { http: proxy, .. } => proxy.as_ref(),
        }
    }

    /// All of them, each once.
    pub fn all(&self) -> Vec<&Arc<Proxy>> {
        match self {
            Proxies::None => Vec::new(),
            Proxies::One(proxy) => vec![proxy],
            Proxies::Environment { http, https, .. } => {
                let mut all: Vec<_> = http.iter().chain(https).collect();
                all.dedup();
                all
            }
        }
    }
}

/// What `NO_PROXY` keeps from proxies, by Go's rules: `*`, `example.com` with all below it, `.example.com` for those below it only,
/// addresses, networks, each with a port or without. Loopback is always kept from them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exceptions(Vec<(Except, Option<u16>)>);

#[derive(Clone, Debug, PartialEq)]
enum Except {
    All,
    Network(Block),
    Address(IpAddr),
    /// In lower case.
    Domain {
        name: String,
        itself: bool,
    },
}

impl Exceptions {
    pub fn parse(text: &str) -> Exceptions {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Exceptions(entries.filter_map(Except::parse).collect())
    }

    pub fn contains(&self, host: &str, port: u16) -> bool {
        let host = bare(host).trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        let excepted =
            |(except, own): &(Except, Option<u16>)| own.is_none_or(|own| own == port) && except.matches(&host, address);
        self.0.iter().any(excepted)
    }
}

impl fmt::Display for Exceptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("localhost")?;
        self.0.iter().try_for_each(|(except, port)| {
            let port = port.map_or(String::new(), |port| format!(":{port}"));
            match except {
                Except::All => write!(f, ", *"),
                Except::Network(block) => write!(f, ", {block}"),
                Except::Address(address) => write!(f, ", {address}{port}"),
                Except::Domain { name, itself } => write!(f, ", {}{name}{port}", if *itself { "" } else { "." }),
            }
        })
    }
}

impl Except {
    fn parse(entry: &str) -> Option<(Except, Option<u16>)> {
        if entry == "*" {
            return Some((Except::All, None));
        }
        if let Some(network) = Block::network(entry) {
            return Some((Except::Network(network), None));
        }
        let (host, port) = split_port(entry)?;
        if let Ok(address) = host.parse() {
            return Some((Except::Address(address), port));
        }
        let host = host.strip_prefix('*').unwrap_or(host).to_ascii_lowercase();
        let below = host.strip_prefix('.');
        Some((Except::Domain { name: below.unwrap_or(&host).to_owned(), itself: below.is_none() }, port))
    }

    fn matches(&self, host: &str, address: Option<IpAddr>) -> bool {
        match self {
            Except::All => true,
            Except::Network(block) => address.is_some_and(|address| block.contains(address)),
            Except::Address(own) => address == Some(*own),
            Except::Domain { name, itself } => match host.strip_suffix(name.as_str()) {
                Some("") => *itself,
                Some(before) => before.ends_with('.'),
                None => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        let value = match name {
            "http_proxy" => "plain:1",
            "HTTPS_PROXY" => "secure:2",
            "https_proxy" => "never:3",
            "NO_PROXY" => "internal, .below.example,10.0.0.0/8, port.example:81,*.star.example,192.0.2.1",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn the_environment_decides_by_scheme_and_exception() {
        let (proxies, wrong) = Proxies::of_environment(&environment);
        assert!(wrong.is_empty());
        for (https, host, port, expected) in [
            (false, "shop.example", 80, Some("http://plain:1")),
            (true, "shop.example", 443, Some("http://secure:2")),
            (false, "internal", 80, None),
            (false, "a.internal", 80, None),
            (false, "notinternal", 80, Some("http://plain:1")),
            (false, "a.below.example", 80, None),
            (false, "below.example", 80, Some("http://plain:1")),
            (false, "a.star.example", 80, None),
            (false, "10.1.2.3", 80, None),
            (false, "192.0.2.1", 80, None),
            (false, "port.example", 81, None),
            (false, "port.example", 80, Some("http://plain:1")),
            (false, "localhost", 80, None),
            (true, "127.8.8.8", 80, None),
            (true, "[::1]", 80, None),
        ] {
            let proxy = proxies.of(https, host, port).map(|proxy| proxy.to_string());
            assert_eq!(proxy.as_deref(), expected, "{host}:{port}");
        }
    }

    #[test]
    fn an_unusable_variable_is_told_by_its_name_and_one_for_all_fills_the_gap() {
        let (proxies, wrong) = Proxies::of_environment(&|name| match name {
            "ALL_PROXY" => Some("socks5://all".to_owned()),
            "HTTP_PROXY" => Some("https://proxy".to_owned()),
            _ => None,
        });
        assert_eq!(wrong.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["HTTP_PROXY"]);
        assert_eq!(proxies.all().iter().map(|proxy| proxy.to_string()).collect::<Vec<_>>(), ["socks5://all:1080"]);
        assert_eq!(Proxies::of_environment(&|_| Some(" ".to_owned())).0, Proxies::None);
    }
}
