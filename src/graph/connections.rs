//! The print of how connections are made: a line for everything that is not as usual.

use std::fmt::Display;

use crate::route::{Dns, Handshake, Policy, Proxies, Proxy, Route, Select, cipher_name};
use crate::units::format_duration;

use super::{Graph, TlsOptions};

pub(super) fn lines(graph: &Graph) -> Vec<String> {
    let Route { proxies, hosts, dns, local, unix_socket } = &graph.route;
    let mut lines = proxy(proxies);
    lines.extend(unix_socket.as_ref().map(|path| format!("all through the Unix socket {}", path.display())));
    lines.extend(hosts.rows.iter().map(|(host, addresses)| format!("{host} is at {}", list(addresses))));
    lines.extend((*dns != Dns::default()).then(|| self::dns(dns)));
    lines.extend((!local.is_empty()).then(|| format!("from {} by turns", list(local))));
    lines.extend(tls(&graph.tls));
    lines
}

fn list(items: &[impl Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn proxy(proxies: &Proxies) -> Vec<String> {
    match proxies {
        Proxies::None => Vec::new(),
        Proxies::One(proxy) => vec![format!("through the proxy {}", named(proxy))],
        Proxies::Environment { http, https, except } => {
            let line = |scheme: &str, proxy: &Proxy| {
                format!("{scheme} through the proxy {} of the environment, but for {except}", named(proxy))
            };
            let lines = [("http", http), ("https", https)];
            lines.iter().filter_map(|(scheme, proxy)| proxy.as_ref().map(|proxy| line(scheme, proxy))).collect()
        }
    }
}

fn named(proxy: &Proxy) -> String {
    let known = if proxy.credentials.is_some() { " with user name and password" } else { "" };
    format!("{proxy}{known}")
}

fn dns(dns: &Dns) -> String {
    let kept = match dns.ttl {
        None => "for ever".to_owned(),
        Some(ttl) => format!("for {}", format_duration(ttl)),
    };
    let select = match dns.select {
        Select::First => "the first one first",
        Select::RoundRobin => "by turns",
        Select::Random => "at random",
    };
    let policy = match dns.policy {
        Policy::PreferIpv4 => "IPv4 before IPv6",
        Policy::PreferIpv6 => "IPv6 before IPv4",
        Policy::OnlyIpv4 => "IPv4 only",
        Policy::OnlyIpv6 => "IPv6 only",
        Policy::Any => "IPv4 and IPv6 alike",
    };
    format!("addresses are believed {kept} and taken {select}, {policy}")
}

fn tls(tls: &TlsOptions) -> Vec<String> {
    let Handshake { min, max, ciphers, server_name, certificate, resumption } = &tls.handshake;
    let ciphers: Vec<String> = ciphers.iter().copied().map(cipher_name).collect();
    let parts = [
        tls.insecure.then(|| "any certificate will do".to_owned()),
        tls.ca_pem.as_ref().map(|_| "certificates of the plan's own authorities, too".to_owned()),
        (*min == *max).then(|| format!("only {}", min.name())),
        (!ciphers.is_empty()).then(|| format!("with {}", list(&ciphers))),
        server_name.as_ref().map(|name| format!("as {}", name.to_str())),
        certificate.as_ref().map(|_| "with a client certificate".to_owned()),
        resumption.then(|| "each VU resumes its sessions".to_owned()),
    ];
    parts.into_iter().flatten().map(|part| format!("TLS: {part}")).collect()
}
