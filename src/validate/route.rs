//! How connections are made: what `http` says of it, and what the environment does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;

use crate::diagnostic::{Diagnostic, Diagnostics, closest};
use crate::expr::{Part, Template};
use crate::plan::{self, Plan, Tls};
use crate::route::{
    Blame, Block, Dns, Fixed, Handshake, Hosts, Pattern, Proxies, Proxy, Route, TlsVersion, cipher, client_certificate,
    known_ciphers,
};
use crate::source::{Source, Spanned};

use super::constants::Constants;
use super::requests::check_constant;

type Files = BTreeMap<String, Arc<[u8]>>;

pub(super) fn check(
    plan: &Plan,
    source: &Source,
    constants: &Constants,
    environment: &dyn Fn(&str) -> Option<String>,
    found: &mut Diagnostics,
) -> Route {
    let written = &plan.http.route;
    let unix_socket = unix_socket(written, source, constants, found);
    let proxies = match &written.proxy {
        Some(proxy) => own_proxy(proxy, constants, found),
        None if written.unix_socket.is_some() => Proxies::None,
        None => proxies_of_environment(environment, found),
    };
    let default = Dns::default();
    Route {
        proxies,
        hosts: hosts(written, constants, found),
        dns: Dns {
            ttl: written.ttl.unwrap_or(default.ttl),
            select: written.select.unwrap_or(default.select),
            policy: written.policy.unwrap_or(default.policy),
        },
        local: parsed(&written.local_address, "`local_address`", "bad-address", Block::parse, constants, found),
        unix_socket,
    }
}

/// Passwords of proxies, to be masked: they come in URLs.
pub(super) fn secrets(route: &Route) -> Vec<String> {
    let passwords = route.proxies.all().into_iter().filter_map(|proxy| proxy.credentials.as_ref());
    passwords.map(|(_, password)| password.clone()).filter(|password| !password.is_empty()).collect()
}

fn unix_socket(
    written: &plan::Route,
    source: &Source,
    constants: &Constants,
    found: &mut Diagnostics,
) -> Option<Arc<Path>> {
    let socket = written.unix_socket.as_ref()?;
    if cfg!(not(unix)) {
        found.push(Diagnostic::error("no-unix-socket", "this system has no Unix sockets").at(socket.span));
    }
    let others = [
        ("proxy", written.proxy.as_ref().map(|proxy| proxy.span)),
        ("resolve", written.resolve.first().map(|(host, _)| host.span)),
        ("local_address", written.local_address.first().map(|address| address.span)),
    ];
    for (word, span) in others {
        let Some(span) = span else { continue };
        let message = format!("`{word}` has no meaning beside `unix_socket`, which all connections go to");
        let error = Diagnostic::error("route-conflict", message).at(span).also(socket.span, "all connections go here");
        found.push(error.help("remove one of them"));
    }
    let path = check_constant("`unix_socket`", &socket.value, constants, found)?;
    if path.is_empty() {
        found.push(Diagnostic::error("empty", "`unix_socket` is empty").at(socket.span).help("leave the key out"));
        return None;
    }
    Some(source.folder.join(path).into())
}

fn own_proxy(proxy: &Spanned<Template>, constants: &Constants, found: &mut Diagnostics) -> Proxies {
    let Some(text) = check_constant("`proxy`", &proxy.value, constants, found) else { return Proxies::None };
    if text.trim() == "none" {
        return Proxies::None;
    }
    match Proxy::parse(&text) {
        Ok(usable) => {
            warn_of_clear_password(proxy, found);
            Proxies::One(Arc::new(usable))
        }
        Err(why) => {
            let message = format!("`proxy` cannot be used: {why}");
            let help = "write `http://HOST:PORT`, `socks5://HOST:PORT`, `socks5h://HOST:PORT`, or `none`";
            found.push(Diagnostic::error("bad-proxy", message).at(proxy.span).help(help));
            Proxies::None
        }
    }
}

/// One that stands in the text itself, whatever else is computed.
fn warn_of_clear_password(proxy: &Spanned<Template>, found: &mut Diagnostics) {
    let texts = proxy.value.parts.iter().map(|part| match part {
        Part::Text(text) => text.as_str(),
        Part::Expr(_) => "",
    });
    let fixed: String = texts.collect();
    let credentials = Proxy::parse(&fixed).ok().and_then(|proxy| proxy.credentials);
    if credentials.is_some_and(|(_, password)| !password.is_empty()) {
        let warning = Diagnostic::warning("secret-in-plan", "the proxy's password stands in the plan in clear");
        let help = "declare `env: { PROXY_PASSWORD: { required: true, secret: true } }` and write `${env.PROXY_PASSWORD}` here";
        found.push(warning.at(proxy.span).hidden().help(help));
    }
}

fn proxies_of_environment(environment: &dyn Fn(&str) -> Option<String>, found: &mut Diagnostics) -> Proxies {
    let (proxies, wrong) = Proxies::of_environment(environment);
    for (name, why) in wrong {
        let message = format!("`{name}` of the environment is not used: {why}");
        found.push(Diagnostic::warning("bad-proxy", message).help("mend it, or write `http: { proxy: none }`"));
    }
    proxies
}

fn hosts(written: &plan::Route, constants: &Constants, found: &mut Diagnostics) -> Hosts {
    let mut hosts = Hosts::default();
    for (host, addresses) in &written.resolve {
        let what = format!("an address of `{}`", host.value);
        let fixed = parsed(addresses, &what, "bad-address", Fixed::parse, constants, found);
        match Pattern::parse(&host.value) {
            Ok(pattern) if !fixed.is_empty() => hosts.rows.push((pattern, fixed)),
            Ok(_) => {}
            Err(why) => found.push(Diagnostic::error("bad-host", why).at(host.span)),
        }
    }
    hosts
}

/// All that can be read; `what` names one of them.
fn parsed<T>(
    texts: &[Spanned<Template>],
    what: &str,
    code: &'static str,
    parse: impl Fn(&str) -> Result<T, String>,
    constants: &Constants,
    found: &mut Diagnostics,
) -> Vec<T> {
    let mut all = Vec::new();
    for text in texts {
        let Some(value) = check_constant(what, &text.value, constants, found) else { continue };
        match parse(&value) {
            Ok(one) => all.push(one),
            Err(why) => found.push(Diagnostic::error(code, format!("{what} cannot be used: {why}")).at(text.span)),
        }
    }
    all
}

pub(super) fn handshake(plan: &Plan, files: &Files, constants: &Constants, found: &mut Diagnostics) -> Handshake {
    let written = &plan.http.tls;
    let handshake = Handshake {
        min: written.min_version.as_ref().map_or(TlsVersion::Tls12, |version| version.value),
        max: written.max_version.as_ref().map_or(TlsVersion::Tls13, |version| version.value),
        ciphers: written.ciphers.iter().filter_map(|name| known_cipher(name, found)).collect(),
        server_name: written.server_name.as_ref().and_then(|name| server_name(name, constants, found)),
        certificate: certificate(written, files, found),
        resumption: written.session_resumption.as_ref().is_some_and(|resumes| resumes.value),
    };
    // An unknown one has been reported, and may have been the one that fits.
    if handshake.ciphers.len() == written.ciphers.len() && !handshake.is_possible() {
        found.push(impossible(written));
    }
    handshake
}

fn known_cipher(name: &Spanned<String>, found: &mut Diagnostics) -> Option<rustls::SupportedCipherSuite> {
    let known = cipher(name.value.trim());
    if known.is_none() {
        let names = known_ciphers();
        let help = match closest(&name.value, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are `{}`", names.join("`, `")),
        };
        let message = format!("no cipher suite is called `{}` here", name.value);
        found.push(Diagnostic::error("unknown-cipher", message).at(name.span).help(help));
    }
    known
}

fn server_name(
    name: &Spanned<Template>,
    constants: &Constants,
    found: &mut Diagnostics,
) -> Option<ServerName<'static>> {
    let text = check_constant("`server_name`", &name.value, constants, found)?;
    let parsed = ServerName::try_from(text);
    if parsed.is_err() {
        let message = format!("`{}` is no name that a certificate could have", name.value.text);
        found.push(Diagnostic::error("bad-server-name", message).at(name.span).help("write a host without a port"));
    }
    parsed.ok()
}

fn certificate(written: &Tls, files: &Files, found: &mut Diagnostics) -> Option<CertifiedKey> {
    let (cert, key) = match (&written.cert, &written.key) {
        (Some(cert), Some(key)) => (cert, key),
        (None, None) => return None,
        (Some(one), None) | (None, Some(one)) => {
            let missing = if written.key.is_none() { "key" } else { "cert" };
            let message = format!("a client certificate needs `{missing}`, too");
            let error = Diagnostic::error("missing-key", message).at(one.span);
            found.push(error.help("`cert` and `key` name two PEM files, or the same one with both in it"));
            return None;
        }
    };
    let made = client_certificate(files.get(&cert.value)?, files.get(&key.value)?);
    made.map_err(|(blame, why)| {
        let file = if blame == Blame::Certificate { cert } else { key };
        found.push(Diagnostic::error("bad-certificate", format!("`{}` {why}", file.value)).at(file.span));
    })
    .ok()
}

fn impossible(written: &Tls) -> Diagnostic {
    let ends = [&written.max_version, &written.min_version].into_iter().flatten();
    let span = ends.map(|version| version.span).chain(written.ciphers.iter().map(|cipher| cipher.span)).next();
    let error = match (&written.min_version, &written.max_version) {
        (Some(min), Some(max)) if min.value > max.value => {
            Diagnostic::error("no-tls-version", "`min_version` is newer than `max_version`").help("exchange them")
        }
        _ => Diagnostic::error("no-tls-version", "none of the `ciphers` belongs to a version of TLS that is allowed")
            .help("TLS 1.3 has `TLS_AES_…` and `TLS_CHACHA20_…`, TLS 1.2 has `TLS_ECDHE_…`"),
    };
    Diagnostic { span, ..error }
}
