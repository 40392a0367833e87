//! Secrets that stand in a plan in clear: their places, so that no picture of a line shows them.
//!
//! They are looked for in the tree, before anything is understood of it: a mistake beside a password must not print it.

use super::node::{Kind, Node};
use crate::source::{Source, Span};

/// Parts of names of what is nobody else's business.
const SECRET_NAMES: [&str; 5] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY"];

/// Keys whose value is a credential, wherever they stand.
const CREDENTIALS: [&str; 3] = ["password", "bearer", "authorization"];

/// Whether a variable of the environment is called like a secret.
pub fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

pub(super) fn secrets(source: &Source, root: &Node) -> Vec<Span> {
    let mut places = Vec::new();
    let variables = fields(root).find(|(name, _)| *name == "env");
    for (_, value) in variables.iter().flat_map(|(_, env)| fields(env)).filter(|(name, _)| looks_secret(name)) {
        let default = fields(value).find(|(key, _)| *key == "default");
        places.extend(clear(source, default.map_or(value, |(_, default)| default)));
    }
    visit(source, root, &mut places);
    places
}

fn visit(source: &Source, node: &Node, places: &mut Vec<Span>) {
    if let Kind::List(items) = &node.kind {
        items.iter().for_each(|item| visit(source, item, places));
    }
    let is_secret = fields(node).any(|(key, value)| key == "secret" && value.kind == Kind::Bool(true));
    for (key, value) in fields(node) {
        match key {
            "default" if is_secret => places.extend(clear(source, value)),
            "proxy" => places.extend(clear(source, value).and_then(|whole| user(source, whole))),
            key if CREDENTIALS.iter().any(|known| key.eq_ignore_ascii_case(known)) => {
                places.extend(clear(source, value));
            }
            _ => {}
        }
        visit(source, value, places);
    }
}

fn fields(node: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let fields = if let Kind::Map(fields) = &node.kind { fields.as_slice() } else { &[] };
    fields.iter().map(|(key, value)| (key.name.as_str(), value))
}

/// A scalar that says it all: one with `${…}` gets it from elsewhere.
fn clear(source: &Source, node: &Node) -> Option<Span> {
    node.written(source).filter(|written| !written.text.contains("${")).map(|written| written.span)
}

/// User name and password in a URL.
fn user(source: &Source, url: Span) -> Option<Span> {
    let text = source.text.get(url.start as usize..url.end as usize)?;
    let start = text.find("://").map_or(0, |at| at + "://".len());
    let end = text.rfind('@').filter(|end| *end > start)?;
    Some(Span::new(url.start as usize + start, url.start as usize + end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Format;

    fn check(format: Format, text: &str, expected: &[&str]) {
        let source = Source::new("plan", format, text);
        let found = super::super::parse(&source).found.secrets;
        let found: Vec<&str> = found.iter().map(|span| &text[span.start as usize..span.end as usize]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn secrets_are_found_beside_any_mistake() {
        let yaml = |text: &str, expected: &[&str]| check(Format::Yaml, text, expected);
        yaml("env: { PW: { default: 'hush 1', secret: true, oops: 1 } }", &["hush 1"]);
        yaml("env: { PW: { default: 12345, secret: true }, N: { default: 5 }, M: x }", &["12345"]);
        yaml("env: { API_TOKEN: hush, A_SECRET: { default: hush2 } }", &["hush", "hush2"]);
        yaml("steps: [{ get: /, auth: { basic: { username: ann, password: hush } } }]", &["hush"]);
        yaml("steps: [{ get: /, auth: { bearer: \"${vu.token}\" }, extract: { token: $.token } }]", &[]);
        yaml("http: { headers: { Authorization: Bearer hush } }", &["Bearer hush"]);
        yaml("http: { proxy: 'http://ann:hush@proxy:3128' }", &["ann:hush"]);
        yaml("http: { proxy: proxy:3128 }", &[]);
        check(Format::Toml, "env = { PW = { default = \"hush\", secret = true, oops = 1 } }", &["hush"]);
    }
}
