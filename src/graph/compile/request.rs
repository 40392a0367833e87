//! A request with everything that it inherits: base URL, headers, authorization, limits.

use std::fmt::Write as _;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, USER_AGENT};

use crate::compress::Encoding;
use crate::expr::{Data, DataProgram, Expr, Located, Part, Template, TextProgram, Value};
use crate::plan::{self, Body, Check, ExtractFrom, Http, Request, StatusRange};
use crate::source::{Span, Spanned};
use crate::units::Duration;
use crate::validate::http::{HeaderValue as Written, UrlStart, headers, inherited, url_start};
use crate::validate::place::{Place, request_name, variable};
use crate::validate::requests::{join, regex};

use super::super::{CheckId, Extraction, RequestStep, Source};
use super::{Compiler, Program, delivery};

const TIMEOUT: Duration = Duration::from_secs(60);
const REDIRECTS: u32 = 10;
const EXPECTED: StatusRange = StatusRange { first: 200, last: 399 };
/// What requests without a `User-Agent` of their own are sent by.
pub(in super::super) const AGENT: &str = concat!("proofload/", env!("CARGO_PKG_VERSION"));

impl Compiler<'_, '_> {
    pub(super) fn request(&mut self, place: &Place, step: &plan::Step, request: &Request) -> RequestStep {
        let levels = self.scenario.http_levels(self.valid.plan);
        let body = self.body(request.body.as_ref());
        let compression = delivery::compression(&levels, request);
        let own = &request.delivery;
        RequestStep {
            method: http::Method::from_bytes(request.method.value.as_bytes()).unwrap_or_default(),
            url: self.text(&self.url(&request.url.value)),
            headers: self.headers(&levels, request, &compression),
            query: self.pairs(&request.query),
            packed: delivery::packed(&body, &compression),
            body,
            compression,
            credentials: self.credentials(&levels, request),
            timeout: of_levels(&levels, request.timeout.as_ref(), |http| http.timeout.as_ref()).unwrap_or(TIMEOUT),
            redirects: of_levels(&levels, request.redirects.as_ref(), |http| http.redirects.as_ref())
                .unwrap_or(REDIRECTS),
            expect: of_levels(&levels, request.expect.as_ref(), |http| http.expect.as_ref())
                .unwrap_or_else(|| vec![EXPECTED]),
            max_body: delivery::max_body(&levels, own),
            discard_body: delivery::discards(&levels, own),
            expect_continue: delivery::expects_continue(&levels, own),
            retry: delivery::retry(&levels, own),
            require: self.checks(place, step, request, &request.require),
            extract: self.extractions(place, step, request),
            checks: self.checks(place, step, request, &request.checks),
        }
    }

    /// The URL with the base in front of it, where it is relative. Where only the run can tell, the expression decides.
    fn url(&self, url: &Template) -> Template {
        let Some(base) = &self.scenario.base_url else { return url.clone() };
        match url_start(url, &self.scenario.constants) {
            UrlStart::Absolute => url.clone(),
            UrlStart::Relative => prefixed(&self.leading_slash(base, url), url),
            UrlStart::Unknown => either(base, url),
        }
    }

    /// The base, with the slash that has to stand between it and this path.
    fn leading_slash(&self, base: &str, url: &Template) -> String {
        let start = match url.parts.first() {
            Some(Part::Text(text)) => text.clone(),
            Some(part) => {
                let first = Template { text: String::new(), span: url.span, parts: vec![part.clone()] };
                self.scenario.constants.text(&first).unwrap_or_default()
            }
            None => String::new(),
        };
        let joined = join(base, &start);
        joined[..joined.len() - start.len()].to_owned()
    }

    fn headers(&self, levels: &[&Http], request: &Request, compression: &[Encoding]) -> Vec<(HeaderName, TextProgram)> {
        let mut compiled: Vec<(HeaderName, TextProgram)> = headers(levels, request)
            .into_iter()
            .filter_map(|header| {
                let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
                Some((name, self.text(&self.header_value(header.value)?)))
            })
            .collect();
        if let Some(Body::Multipart(_)) = &request.body {
            // Its own names the boundary, which only the run knows.
            compiled.retain(|(name, _)| *name != CONTENT_TYPE);
        }
        if !compression.is_empty() {
            let names: Vec<&str> = compression.iter().map(|encoding| encoding.name()).collect();
            compiled.retain(|(name, _)| *name != CONTENT_ENCODING);
            compiled.push((CONTENT_ENCODING, self.text(&literal(&names.join(", ")))));
        }
        let content_type = match &request.body {
            Some(Body::Json(_)) => Some("application/json"),
            Some(Body::Form(_)) => Some("application/x-www-form-urlencoded"),
            Some(Body::Text(_) | Body::File(_) | Body::FileTemplate(_) | Body::Multipart(_)) | None => None,
        };
        let defaults = content_type.map(|kind| (CONTENT_TYPE, kind)).into_iter().chain([(USER_AGENT, AGENT)]);
        for (name, value) in defaults {
            if !compiled.iter().any(|(known, _)| *known == name) {
                compiled.push((name, self.text(&literal(value))));
            }
        }
        compiled
    }

    /// `None` where only a challenge tells it.
    fn header_value(&self, written: Written) -> Option<Template> {
        Some(match written {
            Written::Text(text) => text.clone(),
            Written::Bearer(token) => prefixed("Bearer ", token),
            Written::Basic { username, password } => basic(username, password),
            Written::Digest { .. } => return None,
        })
    }

    pub(super) fn pairs(&self, pairs: &[(Spanned<String>, Data)]) -> Vec<(String, DataProgram)> {
        pairs.iter().map(|(name, value)| (name.value.clone(), DataProgram::compile(value, self.bindings))).collect()
    }

    fn checks(
        &mut self,
        place: &Place,
        step: &plan::Step,
        request: &Request,
        checks: &[Check],
    ) -> Vec<(CheckId, Program)> {
        let of = request_name(step, request);
        let mut compiled = Vec::with_capacity(checks.len());
        for check in checks {
            let site = place.check_site(step, request, &check.name.value, &self.scenario.constants);
            let id = self.arena.check(&check.name.value, &of, site);
            compiled.push((id, self.bindings.at_once(|| self.program(&check.condition))));
        }
        compiled
    }

    fn extractions(&mut self, place: &Place, step: &plan::Step, request: &Request) -> Vec<Extraction> {
        let mut compiled = Vec::with_capacity(request.extract.len());
        for extract in &request.extract {
            let Some(from) = source(&extract.from) else { continue };
            let name = variable(&extract.target);
            let site = place.extract_site(step, request, &name, &self.scenario.constants);
            compiled.push(Extraction {
                slot: self.bindings.slot(&extract.target),
                from,
                pick: extract.pick,
                default: extract
                    .default
                    .as_ref()
                    .map(|default| self.bindings.at_once(|| DataProgram::compile(default, self.bindings))),
                secret: extract.secret,
                site: self.arena.site(site),
                name,
            });
        }
        compiled
    }
}

/// The value that is decided among request, scenario and plan.
fn of_levels<T: Clone>(
    levels: &[&Http],
    own: Option<&Spanned<T>>,
    of: impl Fn(&Http) -> Option<&Spanned<T>>,
) -> Option<T> {
    inherited(levels, own, of).map(|field| field.value.clone())
}

/// `None` for what validation has refused.
fn source(from: &ExtractFrom) -> Option<Source> {
    Some(match from {
        ExtractFrom::JsonPath(path) => Source::JsonPath(crate::expr::JsonPath::parse(&path.value).ok()?),
        ExtractFrom::Regex(pattern) => Source::Regex(regex(&pattern.value).ok()?),
        ExtractFrom::Header(name) => Source::Header(HeaderName::from_bytes(name.value.as_bytes()).ok()?),
        ExtractFrom::Cookie(name) => Source::Cookie(name.value.clone()),
    })
}

pub(super) fn literal(text: &str) -> Template {
    Template { text: text.to_owned(), span: Span::default(), parts: vec![Part::Text(text.to_owned())] }
}

fn prefixed(prefix: &str, template: &Template) -> Template {
    let mut parts = vec![Part::Text(prefix.to_owned())];
    parts.extend(template.parts.iter().cloned());
    Template { text: format!("{prefix}{}", template.text), span: template.span, parts }
}

/// `Basic ` and the base64 of `username:password`, as one expression, since either may vary.
fn basic(username: &Template, password: &Template) -> Template {
    let credentials = format!("{} + ':' + {}", as_expression(username), as_expression(password));
    let encoded = expression(&format!("'Basic ' + base64_encode({credentials})"), username.span);
    let parts = encoded.map(Part::Expr).into_iter().collect();
    Template { text: "Basic …".to_owned(), span: username.span, parts }
}

/// A URL whose first part only the run knows: the base is put in front unless it turns out to be absolute.
fn either(base: &str, url: &Template) -> Template {
    let Some(Part::Expr(first)) = url.parts.first() else { return url.clone() };
    let base = quoted(base);
    let decide = format!(
        "[string({})].map(start, start.startsWith('http://') || start.startsWith('https://') ? start : \
         start.startsWith('/') ? {base} + start : {base} + '/' + start)[0]",
        first.text
    );
    let Some(decided) = expression(&decide, first.span) else { return url.clone() };
    let mut parts = url.parts.clone();
    parts[0] = Part::Expr(decided);
    Template { text: url.text.clone(), span: url.span, parts }
}

/// The text of a template as one expression.
fn as_expression(template: &Template) -> String {
    let mut text = String::from("(''");
    for part in &template.parts {
        let _ = match part {
            Part::Text(literal) => write!(text, " + {}", quoted(literal)),
            Part::Expr(expr) => write!(text, " + string({})", expr.text),
        };
    }
    text + ")"
}

/// JSON's escapes are among those of expressions.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn expression(text: &str, span: Span) -> Option<Expr> {
    Expr::parse(Located { text, span, exact: false }).ok()
}
