//! The words of `http` that say how connections are made.

use super::values::spanned;
use super::{Decoder, Fields};
use crate::diagnostic::Diagnostic;
use crate::expr::Template;
use crate::plan::model::{Route, Tls};
use crate::plan::node::{Kind, Node};
use crate::plan::vocabulary::{DNS, Shape, TLS};
use crate::route::{Policy, Select, TlsVersion};
use crate::source::Spanned;
use crate::units::Duration;

/// All VUs share what these decide.
const OF_PLAN_ONLY: [&str; 6] = ["tls", "proxy", "resolve", "dns", "local_address", "unix_socket"];

pub(super) fn of_plan_only(fields: &Fields) -> Vec<Spanned<String>> {
    OF_PLAN_ONLY.iter().filter_map(|word| fields.key(word)).map(spanned).collect()
}

impl Decoder<'_> {
    pub(super) fn tls(&mut self, node: &Node) -> Option<Tls> {
        let fields = self.fields(&TLS, node, "tls")?;
        let label = |decoder: &mut Self, name: &str| fields.take(name).and_then(|node| decoder.label(node, name));
        let flag = |decoder: &mut Self, name: &str| fields.take(name).and_then(|node| decoder.boolean(node, name));
        Some(Tls {
            insecure: flag(self, "insecure"),
            ca: label(self, "ca"),
            cert: label(self, "cert"),
            key: label(self, "key"),
            min_version: fields.take("min_version").and_then(|node| self.tls_version(node, "min_version")),
            max_version: fields.take("max_version").and_then(|node| self.tls_version(node, "max_version")),
            ciphers: fields
                .take("ciphers")
                .map(|node| self.one_or_more(node, "ciphers", Self::label))
                .unwrap_or_default(),
            server_name: fields.take("server_name").and_then(|node| self.template(node, "server_name")),
            session_resumption: flag(self, "session_resumption"),
        })
    }

    /// `1.2`, with quotes or without, or Go's and OpenSSL's ways to write it.
    fn tls_version(&mut self, node: &Node, name: &str) -> Option<Spanned<TlsVersion>> {
        let (text, node) = self.written(node, name, "`1.2` or `1.3`")?;
        let bare = text.to_ascii_lowercase().replace("tls", "").replace('_', ".");
        let version = TlsVersion::ALL.into_iter().find(|version| version.name() == bare.trim_start_matches(['v', '.']));
        if version.is_none() {
            let error = Diagnostic::error("unknown-value", format!("`{name}` cannot be `{text}`")).at(node.span);
            self.push(error.help("it is one of `1.2`, `1.3`"));
        }
        version.map(|version| Spanned::new(version, node.span))
    }

    pub(super) fn route(&mut self, fields: &Fields) -> Route {
        let mut route = Route {
            proxy: fields.take("proxy").and_then(|node| self.template(node, "proxy")),
            resolve: fields.take("resolve").map(|node| self.resolve(node)).unwrap_or_default(),
            local_address: fields
                .take("local_address")
                .map(|node| self.one_or_more(node, "local_address", Self::template))
                .unwrap_or_default(),
            unix_socket: fields.take("unix_socket").and_then(|node| self.template(node, "unix_socket")),
            ..Route::default()
        };
        if let Some(dns) = fields.take("dns").and_then(|node| self.fields(&DNS, node, "dns")) {
            route.ttl = dns.take("ttl").and_then(|node| self.ttl(node));
            let select = dns.take("select").and_then(|node| self.word(node, "select", Select::NAMES));
            route.select = select.map(|index| Select::ALL[index]);
            let policy = dns.take("policy").and_then(|node| self.word(node, "policy", Policy::NAMES));
            route.policy = policy.map(|index| Policy::ALL[index]);
        }
        route
    }

    fn resolve(&mut self, node: &Node) -> Vec<(Spanned<String>, Vec<Spanned<Template>>)> {
        let wanted = "a map from hosts to addresses";
        let Some(entries) = self.entries(node, "resolve", wanted) else { return Vec::new() };
        entries
            .iter()
            .filter_map(|(key, value)| {
                self.refuse_template_in_key(key);
                if value.is_null() {
                    self.no_value(key, &Shape::Template);
                    return None;
                }
                Some((spanned(key), self.one_or_more(value, &key.name, Self::template)))
            })
            .collect()
    }

    fn ttl(&mut self, node: &Node) -> Option<Option<Duration>> {
        match &node.kind {
            Kind::Text(text) if text.value == "inf" => Some(None),
            _ => self.duration(node, "ttl").map(|ttl| Some(ttl.value)),
        }
    }

    /// One of something, or a list of them.
    fn one_or_more<T>(
        &mut self,
        node: &Node,
        name: &str,
        mut one: impl FnMut(&mut Self, &Node, &str) -> Option<T>,
    ) -> Vec<T> {
        match &node.kind {
            Kind::List(items) => {
                if items.is_empty() {
                    self.empty(node, name);
                }
                items.iter().filter_map(|item| one(self, item, name)).collect()
            }
            _ => one(self, node, name).into_iter().collect(),
        }
    }
}
