//! What a request inherits from `http:` of plan and scenario: base URL, headers, authorization.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{NameUse, Part, Template};
use crate::plan::{Auth, Http, Request};
use crate::source::Spanned;

use super::constants::Constants;
use super::requests::check_constant;

/// A header of one request as it was decided among plan, scenario and request.
#[derive(Clone, Copy)]
pub(crate) struct Header<'p> {
    pub name: &'p str,
    pub value: HeaderValue<'p>,
}

#[derive(Clone, Copy)]
pub(crate) enum HeaderValue<'p> {
    Text(&'p Template),
    Basic {
        username: &'p Template,
        password: &'p Template,
    },
    /// Not known before the server has challenged.
    Digest {
        username: &'p Template,
        password: &'p Template,
    },
    Bearer(&'p Template),
}

impl HeaderValue<'_> {
    pub(crate) fn names(&self) -> Vec<NameUse> {
        match self {
            HeaderValue::Text(text) | HeaderValue::Bearer(text) => text.names(),
            HeaderValue::Basic { username, password } | HeaderValue::Digest { username, password } => {
                [username.names(), password.names()].concat()
            }
        }
    }
}

/// The nearest place that names a header decides it; `auth` is the header `Authorization`, and stands above one written
/// at the same place.
pub(crate) fn headers<'p>(levels: &[&'p Http], request: &'p Request) -> Vec<Header<'p>> {
    let mut decided = Vec::new();
    for level in levels {
        lay_over(&mut decided, &level.headers, level.auth.as_ref());
    }
    lay_over(&mut decided, &request.headers, request.auth.as_ref());
    decided
}

fn lay_over<'p>(
    decided: &mut Vec<Header<'p>>,
    headers: &'p [(Spanned<String>, Spanned<Template>)],
    auth: Option<&'p Auth>,
) {
    for (name, value) in headers {
        put(decided, Header { name: &name.value, value: HeaderValue::Text(&value.value) });
    }
    let value = match auth {
        None => return,
        Some(Auth::None) => {
            decided.retain(|header| matches!(header.value, HeaderValue::Text(_)));
            return;
        }
        Some(Auth::Basic { username, password }) => {
            HeaderValue::Basic { username: &username.value, password: &password.value }
        }
        Some(Auth::Bearer(token)) => HeaderValue::Bearer(&token.value),
        Some(Auth::Digest { username, password }) => {
            HeaderValue::Digest { username: &username.value, password: &password.value }
        }
    };
    put(decided, Header { name: "authorization", value });
}

fn put<'p>(decided: &mut Vec<Header<'p>>, header: Header<'p>) {
    match decided.iter_mut().find(|known| known.name.eq_ignore_ascii_case(header.name)) {
        Some(known) => *known = header,
        None => decided.push(header),
    }
}

/// The request's own value, or that of the nearest level that has one.
pub(crate) fn inherited<'p, T>(
    levels: &[&'p Http],
    own: Option<&'p Spanned<T>>,
    of: impl Fn(&'p Http) -> Option<&'p Spanned<T>>,
) -> Option<&'p Spanned<T>> {
    own.or_else(|| levels.iter().rev().find_map(|level| of(level)))
}

/// The base URL without a slash at its end. `None` where there is none, or a wrong one that has been reported.
pub(super) fn base_url(http: &Http, constants: &Constants, found: &mut Diagnostics) -> Option<String> {
    let written = http.base_url.as_ref()?;
    let text = check_constant("`base_url`", &written.value, constants, found)?;
    if let Err(diagnostic) = check_url(&text, written) {
        found.push(*diagnostic);
    }
    Some(text.trim_end_matches('/').to_owned())
}

/// An absolute http or https URL with a host. What a path or a query cannot hold is encoded when it is sent, so only the rest is judged.
/// Messages show what the plan says: the value may hold a secret.
pub(super) fn check_url(text: &str, written: &Spanned<Template>) -> Result<(), Box<Diagnostic>> {
    let wrong = |why: &str| {
        let message = format!("`{}` is no usable URL: {why}", written.value.text);
        Box::new(Diagnostic::error("bad-url", message).at(written.span))
    };
    let text = text.trim();
    if !is_absolute(text) {
        let diagnostic = wrong("it does not begin with `http://` or `https://`");
        return Err(Box::new(diagnostic.help(format!("write `http://{}`", written.value.text))));
    }
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    check_authority(authority).map_err(|why| wrong(&why))
}

/// `host`, or `host:port`. A host beyond ASCII has another form on the wire, and is not judged.
fn check_authority(authority: &str) -> Result<(), String> {
    if authority.contains('@') {
        return Err("it must not hold a user name or password: use `auth`".to_owned());
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err("it names no host".to_owned());
    }
    if !authority.is_ascii() {
        return Ok(());
    }
    let parsed: ::http::uri::Authority =
        authority.parse().map_err(|_| "its host has characters that no host has".to_owned())?;
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    match port {
        Some(_) if parsed.port_u16().is_none_or(|port| port == 0) => {
            Err("its port is no number between 1 and 65535".to_owned())
        }
        _ => Ok(()),
    }
}

pub(crate) fn is_absolute(url: &str) -> bool {
    let begins = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    begins("http://") || begins("https://")
}

/// How the URL of a request begins, as far as it is known before the run.
pub(crate) enum UrlStart {
    Absolute,
    /// To be joined to the base URL.
    Relative,
    /// Only the run can tell.
    Unknown,
}

pub(crate) fn url_start(url: &Template, constants: &Constants) -> UrlStart {
    let known = match url.parts.first() {
        Some(Part::Text(text)) => Some(text.clone()),
        Some(Part::Expr(expr)) => {
            let alone = Template { text: expr.text.clone(), span: expr.span, parts: vec![Part::Expr(expr.clone())] };
            constants.text(&alone)
        }
        None => Some(String::new()),
    };
    match known {
        None => UrlStart::Unknown,
        Some(text) if is_absolute(&text) => UrlStart::Absolute,
        Some(_) => UrlStart::Relative,
    }
}
