//! One HTTP request: its URL, body, extractions and checks.

use super::values::spanned;
use super::{Decoder, Fields, first_line};
use crate::diagnostic::Diagnostic;
use crate::expr::{Data, Part, Template};
use crate::plan::model::{Body, Check, Extract, ExtractFrom, Pick, Request};
use crate::plan::node::{Key, Kind, Node};
use crate::plan::vocabulary::{self as words, EXTRACT, REQUEST, Shape};
use crate::source::Spanned;

const BODIES: [&str; 5] = ["json", "form", "body", "body_file", "multipart"];
/// Stands in for a URL that could not be read: absolute and whole, so that nothing more is said about it.
const SOME_URL: &str = "http://unread/";
const SOURCES: [&str; 4] = ["jsonpath", "regex", "header", "cookie"];

impl Decoder<'_> {
    /// `verb` is the key that tells the step's kind: `get`, or `request`.
    pub(super) fn request(&mut self, verb: &str, node: &Node, beside: &Fields) -> Option<Request> {
        if verb == "request" {
            return self.long_request(node, beside);
        }
        if let Kind::Map(_) = node.kind {
            let help = format!("write `{verb}: /path`, with `headers`, `json` and the others beside it, not inside");
            self.wrong_type_with(node, verb, "a URL", help);
        }
        let url = match node.kind {
            Kind::Map(_) => None,
            _ => self.url(node, verb),
        };
        let method = beside.key(verb).map(|key| Spanned::new(verb.to_uppercase(), key.span));
        self.request_fields(method, url, &[beside])
    }

    /// `request: { method, url, … }`, the other fields inside or beside it.
    fn long_request(&mut self, node: &Node, beside: &Fields) -> Option<Request> {
        let inside = self.fields(&REQUEST, node, "request")?;
        for (key, _) in &inside.entries {
            if let Some(first) = beside.key(&key.name) {
                self.push(
                    Diagnostic::error("duplicate-key", format!("`{}` stands inside `request` and beside it", key.name))
                        .at(key.span)
                        .also(first.span, "and here")
                        .help("keep one of them"),
                );
            }
        }
        let method = inside.take("method").map(|node| self.method(node));
        let method = method.map(|method| method.unwrap_or_else(|| self.some_method(node)));
        let url = inside.take("url").and_then(|node| self.url(node, "url"));
        self.request_fields(method, url, &[&inside, beside])
    }

    fn method(&mut self, node: &Node) -> Option<Spanned<String>> {
        let method = self.label(node, "method")?;
        if !method.value.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
            let error = Diagnostic::error("unknown-value", format!("`{}` is no HTTP method", method.value));
            self.push(error.at(node.span).help("write one such as `GET`"));
            return None;
        }
        Some(Spanned::new(method.value.to_uppercase(), method.span))
    }

    /// Stands in for a method that could not be read: one that takes everything.
    fn some_method(&mut self, node: &Node) -> Spanned<String> {
        self.unread.parts = true;
        Spanned::new("POST".to_owned(), node.span)
    }

    fn url(&mut self, node: &Node, name: &str) -> Option<Spanned<Template>> {
        let Some(url) = self.template(node, name) else {
            let text = node.written(self.source)?.text.to_owned();
            let parts = vec![Part::Text(SOME_URL.to_owned())];
            return Some(Spanned::new(Template { text, span: node.span, parts }, node.span));
        };
        if url.value.text.trim().is_empty() {
            self.push(Diagnostic::error("no-value", "the URL is empty").at(node.span).help("write a path such as `/`"));
            return None;
        }
        Some(url)
    }

    fn request_fields(
        &mut self,
        method: Option<Spanned<String>>,
        url: Option<Spanned<Template>>,
        places: &[&Fields],
    ) -> Option<Request> {
        let take = |name: &str| places.iter().find_map(|fields| fields.take(name));
        let headers = take("headers").map(|node| self.named_templates(node, "headers")).unwrap_or_default();
        let query = take("query").map(|node| self.named_data(node, "query")).unwrap_or_default();
        let body = self.body(places);
        let auth = take("auth").and_then(|node| self.auth(node));
        let timeout = take("timeout").and_then(|node| self.duration(node, "timeout"));
        let redirects = take("redirects").and_then(|node| self.redirects(node));
        let expect = take("expect").and_then(|node| self.statuses(node));
        let require = take("require").map(|node| self.checks(node, "require")).unwrap_or_default();
        let extract = take("extract").map(|node| self.extractions(node)).unwrap_or_default();
        let checks = take("checks").map(|node| self.checks(node, "checks")).unwrap_or_default();
        let tags = places.iter().flat_map(|fields| self.tags_of(fields)).collect();
        let delivery = self.delivery(places);
        let (method, url) = (method?, url?);
        Some(Request {
            method,
            url,
            headers,
            query,
            body,
            auth,
            timeout,
            redirects,
            expect,
            require,
            extract,
            checks,
            tags,
            delivery,
        })
    }

    fn body(&mut self, places: &[&Fields]) -> Option<Body> {
        let mut written = places
            .iter()
            .flat_map(|fields| BODIES.iter().filter_map(|name| Some((*name, fields.key(name)?, fields.take(name)?))));
        let (name, first, node) = written.next()?;
        for (other, key, _) in written {
            self.push(
                Diagnostic::error("two-bodies", format!("a request has one body, not `{name}` and `{other}`"))
                    .at(key.span)
                    .also(first.span, "the other one")
                    .help("keep one of them"),
            );
        }
        let body = match name {
            "json" => Some(Body::Json(self.data(node))),
            "form" => Some(Body::Form(self.named_data(node, "form"))),
            "body_file" => self.body_file(node),
            "multipart" => Some(Body::Multipart(self.multipart(node))),
            _ => match node.kind {
                Kind::Map(_) | Kind::List(_) => {
                    self.wrong_type_with(node, "body", "text", "to send JSON, write `json:` instead of `body:`");
                    None
                }
                _ => self.template(node, "body").map(Body::Text),
            },
        };
        // One that could not be read is still there.
        Some(body.unwrap_or(Body::Json(Data::Literal(crate::expr::Value::Null))))
    }

    /// From names to expressions, or a list of expressions.
    fn checks(&mut self, node: &Node, name: &str) -> Vec<Check> {
        match &node.kind {
            Kind::Map(map) if map.is_empty() => self.empty(node, name),
            Kind::List(items) if items.is_empty() => self.empty(node, name),
            Kind::Map(map) => return map.iter().filter_map(|(key, value)| self.check(key, value)).collect(),
            Kind::List(items) => return items.iter().filter_map(|item| self.nameless_check(item, name)).collect(),
            _ => {
                let help = format!("write `{name}: {{ NAME: EXPRESSION }}`, or a list of expressions");
                self.wrong_type_with(node, name, "a map from names to expressions", help);
            }
        }
        self.unread.parts = true;
        Vec::new()
    }

    fn check(&mut self, key: &Key, value: &Node) -> Option<Check> {
        self.refuse_template_in_key(key);
        if value.is_null() {
            self.no_value(key, &Shape::Template);
            self.unread.parts = true;
            return None;
        }
        Some(Check { name: spanned(key), condition: self.expr(value, &key.name)? })
    }

    fn nameless_check(&mut self, node: &Node, name: &str) -> Option<Check> {
        if let Kind::Map(map) = &node.kind
            && let [(key, value)] = map.as_slice()
        {
            return self.check(key, value);
        }
        let condition = self.expr(node, name)?;
        Some(Check { name: Spanned::new(condition.text.trim().to_owned(), node.span), condition })
    }

    fn extractions(&mut self, node: &Node) -> Vec<Extract> {
        let wanted = "a map from variables to where they come from";
        let Some(entries) = self.entries(node, "extract", wanted) else {
            self.unread.parts = true;
            self.unread.node(node);
            return Vec::new();
        };
        self.unread.parts |= entries.is_empty();
        entries.iter().filter_map(|(key, value)| self.extraction(key, value)).collect()
    }

    fn extraction(&mut self, key: &Key, value: &Node) -> Option<Extract> {
        let target = self.target(key);
        // The name is what matters to the rest of the plan, so it stays even where nothing says what it is.
        let anywhere = || ExtractFrom::Cookie(spanned(key));
        let nothing = (None, Pick::One, None, false);
        let (from, pick, default, secret) = match &value.kind {
            Kind::Null => {
                self.no_value(key, &Shape::Template);
                nothing
            }
            Kind::Map(_) => self.long_extraction(value, &key.name).unwrap_or(nothing),
            _ => (self.short_extraction(value, &key.name), Pick::One, None, false),
        };
        if target.is_none() {
            self.unread.parts = true;
        }
        Some(Extract { target: target?, from: from.unwrap_or_else(anywhere), pick, default, secret, span: value.span })
    }

    fn long_extraction(&mut self, node: &Node, name: &str) -> Option<(Option<ExtractFrom>, Pick, Option<Data>, bool)> {
        let fields = self.fields(&EXTRACT, node, name)?;
        let from = self.extract_from(&fields, node);
        let pick = fields.take("pick").and_then(|node| self.pick(node)).unwrap_or_default();
        let default = fields.take("default").map(|node| self.data(node));
        let secret = fields.take("secret").and_then(|node| self.boolean(node, "secret"));
        Some((from, pick, default, secret.is_some_and(|secret| secret.value)))
    }

    /// `token: $.data.token`.
    fn short_extraction(&mut self, node: &Node, name: &str) -> Option<ExtractFrom> {
        let (text, node) = self.written(node, name, "a JSONPath, or a map")?;
        if text.starts_with('$') && !text.starts_with("${") {
            return Some(ExtractFrom::JsonPath(Spanned::new(text, node.span)));
        }
        let error =
            Diagnostic::error("bad-extract", format!("`{text}` does not say where `{name}` comes from")).at(node.span);
        let path = text.trim_start_matches("json.").trim_start_matches(['.', '/']);
        let plain =
            !path.is_empty() && path.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '*'));
        self.push(if plain {
            error.help(format!("a JSONPath starts with `$`: `$.{path}`; for the others write `{{ header: … }}`, `{{ regex: … }}` or `{{ cookie: … }}`"))
        } else {
            error.help("write a JSONPath such as `$.data.token`, or `{ regex: … }`, `{ header: … }`, `{ cookie: … }`")
        });
        None
    }

    fn extract_from(&mut self, fields: &Fields, node: &Node) -> Option<ExtractFrom> {
        let mut written = SOURCES.iter().filter_map(|name| Some((*name, fields.take(name)?)));
        let Some((name, from)) = written.next() else {
            // A key that was not taken has been reported, and may be the one that is missing.
            if !fields.unread {
                let message = "an extraction needs one of `jsonpath`, `regex`, `header`, `cookie`";
                self.push(Diagnostic::error("bad-extract", message).at(first_line(self.source, node.span)));
            }
            return None;
        };
        for (other, place) in written {
            let error =
                Diagnostic::error("bad-extract", format!("an extraction has one source, not `{name}` and `{other}`"));
            self.push(error.at(place.span).help("keep one of them"));
        }
        // Not `fixed_text`: `${` may well stand in a regular expression.
        let text = self.prose(from, name)?;
        if text.value.is_empty() {
            self.empty(from, name);
            return None;
        }
        Some(match name {
            "jsonpath" => ExtractFrom::JsonPath(text),
            "regex" => ExtractFrom::Regex(text),
            "header" => ExtractFrom::Header(text),
            _ => ExtractFrom::Cookie(text),
        })
    }

    fn pick(&mut self, node: &Node) -> Option<Pick> {
        if let Kind::Int(_) = node.kind {
            let index = self.whole(node, "pick")?;
            return usize::try_from(index.value).ok().map(Pick::Index);
        }
        let picks = [Pick::One, Pick::First, Pick::Last, Pick::Random, Pick::All, Pick::Count];
        self.word(node, "pick", words::PICKS).map(|index| picks[index])
    }
}
