//! Requests and their defaults: URLs, headers, tags, extractions.

use regex::{Regex, RegexBuilder};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{JsonPath, Part, Template};
use crate::plan::{Auth, Connections, Extract, ExtractFrom, Http, Plan, Request, StepKind};
use crate::source::{Span, Spanned};
use crate::units::Duration;

use super::constants::{Constants, Rendered};
use super::http::{UrlStart, check_url, url_start};
use super::{ValidScenario, delivery, names, place, tags};

/// Bound of a compiled pattern, in bytes: a plan cannot take all memory with one regular expression.
const REGEX_LIMIT: usize = 1 << 20;

pub(super) fn check(plan: &Plan, scenarios: &[ValidScenario], found: &mut Diagnostics) {
    for scenario in scenarios {
        let constants = &*scenario.constants;
        let levels = scenario.http_levels(plan);
        for level in &levels {
            check_defaults(level, constants, found);
        }
        if let Some(written) = scenario.written {
            refuse_what_all_share(written, found);
        }
        let has_base = plan.unread.mentions("base_url") || levels.iter().any(|level| level.base_url.is_some());
        place::visit(scenario, &mut |_, step| {
            if let StepKind::Request(request) = &step.kind {
                check_url_of(request, scenario, has_base, constants, found);
                check_request(request, constants, found);
            }
        });
    }
}

/// The text of a field that must not change during a run. `what` names the field.
pub(super) fn check_constant(
    what: &str,
    template: &Template,
    constants: &Constants,
    found: &mut Diagnostics,
) -> Option<String> {
    let diagnostic = match constants.render(template) {
        Rendered::Text(text) => return Some(text),
        Rendered::Broken => return None,
        Rendered::Varies(used) if used.root == "env" => names::unknown_env(&constants.env_names(), &used),
        Rendered::Varies(used) => {
            let message = format!("{what} cannot use `{}`: it must be known before the run", used.root);
            Diagnostic::error("not-constant", message)
                .at(used.span)
                .help("it may read `env.NAME` and the plan's `vars`")
        }
        Rendered::Failed(error) => {
            Diagnostic::error("bad-constant", format!("{what} cannot be computed: {}", error.message)).at(template.span)
        }
    };
    found.push(diagnostic);
    None
}

/// Compiles a pattern within bounds. The error is a sentence.
pub(crate) fn regex(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(REGEX_LIMIT).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too big when compiled".to_owned(),
        other => other.to_string().lines().last().unwrap_or("").trim().trim_start_matches("error: ").to_owned(),
    })
}

fn check_defaults(http: &Http, constants: &Constants, found: &mut Diagnostics) {
    check_headers(&http.headers, http.auth.as_ref(), constants, found);
    check_timeout(http.timeout.as_ref(), found);
    if let Some(none) = http.connections.as_ref().filter(|connections| connections.value == Connections::Shared(0)) {
        let message = "`shared` is 0: without a connection nothing can be sent";
        found.push(Diagnostic::error("zero-value", message).at(none.span).help("write how many all VUs have together"));
    }
    delivery::check(&http.headers, &http.delivery, found);
}

fn refuse_what_all_share(scenario: &crate::plan::Scenario, found: &mut Diagnostics) {
    for word in &scenario.http.of_plan_only {
        let message = format!("`{}` cannot be a scenario's own: all VUs share it", word.value);
        let error = Diagnostic::error("plan-only", message).at(word.span);
        found.push(error.help("move it to the plan's own `http`"));
    }
}

fn check_request(request: &Request, constants: &Constants, found: &mut Diagnostics) {
    let method = &request.method;
    if matches!(method.value.as_str(), "GET" | "HEAD") && request.body.is_some() {
        let message = format!("a {} with a body: many servers and caches refuse or ignore it", method.value);
        found.push(Diagnostic::warning("body-on-get", message).at(method.span).help("did you mean `post` or `query`?"));
    }
    check_headers(&request.headers, request.auth.as_ref(), constants, found);
    check_timeout(request.timeout.as_ref(), found);
    delivery::check(&request.headers, &request.delivery, found);
    delivery::check_body(request, found);
    tags::check(&request.tags, constants, found);
    for extract in &request.extract {
        check_extract(extract, found);
    }
}

fn check_url_of(
    request: &Request,
    scenario: &ValidScenario,
    has_base: bool,
    constants: &Constants,
    found: &mut Diagnostics,
) {
    let url = &request.url;
    let has_space = |part: &Part| matches!(part, Part::Text(text) if text.contains(char::is_whitespace));
    if url.value.parts.iter().any(has_space) {
        found.push(
            Diagnostic::error("bad-url", "there is a space in the URL")
                .at(url.span)
                .help("write `%20`, or give parameters as `query: { name: value }`"),
        );
        return;
    }
    let start = url_start(&url.value, constants);
    if matches!(start, UrlStart::Relative) && !has_base {
        let message = format!("`{}` is relative, and there is no `base_url` to join it to", url.value.text);
        let help = match url.value.parts.first() {
            Some(Part::Text(text)) if begins_with_host(text) => format!("write `http://{}`", url.value.text),
            _ => "write the whole URL with `http://` or `https://`, or set `http: { base_url: … }`".to_owned(),
        };
        found.push(Diagnostic::error("no-base-url", message).at(url.span).help(help));
        return;
    }
    found.found.extend(unlikely(url));
    let whole = match (start, &scenario.base_url, constants.text(&url.value)) {
        (UrlStart::Absolute, _, Some(text)) => text,
        (UrlStart::Relative, Some(base), Some(text)) if super::http::is_absolute(base) => join(base, &text),
        _ => return,
    };
    if let Err(diagnostic) = check_url(&whole, url) {
        found.push(*diagnostic);
    }
}

/// A URL that can be sent, and is hardly meant so: another tool's parameter, or a host without its scheme.
fn unlikely(url: &Spanned<Template>) -> Option<Diagnostic> {
    let warning = |message: String, fix: String| {
        Diagnostic::warning("unlikely-url", message).at(url.span).help(format!("write `{fix}`"))
    };
    let written = &url.value.text;
    if let Some(Part::Text(text)) = url.value.parts.first()
        && begins_with_host(text)
    {
        let message = format!("`{written}` is joined to the base URL: only `http://` or `https://` makes it a host");
        return Some(warning(message, format!("http://{written}")));
    }
    let texts = url.value.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Expr(_) => None,
    });
    let (parameter, name) = texts.flat_map(|text| text.split('/').skip(1)).find_map(foreign_parameter)?;
    Some(warning(format!("`{parameter}` in the URL is sent as it is"), format!("${{{name}}}")))
}

/// `localhost/x`, `127.0.0.1:80`, `api.example.com:8080/x`.
fn begins_with_host(text: &str) -> bool {
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = first.split_once(':').unwrap_or((first, ""));
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok() || is_name && is_port
}

/// `{id}`, `:id` or `$id` at the start of a part of a path, and the name in it.
fn foreign_parameter(part: &str) -> Option<(&str, &str)> {
    /// What OData calls parts of its paths.
    const ODATA: [&str; 5] = ["count", "metadata", "value", "batch", "ref"];
    let rest = part.strip_prefix([':', '{', '$'])?;
    let name = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())];
    if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        return None;
    }
    let end = 1 + name.len();
    match part.as_bytes()[0] {
        b'{' => part[end..].starts_with('}').then(|| (&part[..=end], name)),
        b'$' if ODATA.contains(&name) => None,
        _ => Some((&part[..end], name)),
    }
}

/// `http://h/api` and `/x`, with exactly one slash between them whatever was written.
pub(crate) fn join(base: &str, path: &str) -> String {
    let slash = if path.is_empty() || path.starts_with(['/', '?', '#']) { "" } else { "/" };
    format!("{base}{slash}{path}")
}

fn check_headers(
    headers: &[(Spanned<String>, Spanned<Template>)],
    auth: Option<&Auth>,
    constants: &Constants,
    found: &mut Diagnostics,
) {
    for (name, value) in headers {
        check_header_name(name, found);
        let text = constants.text(&value.value);
        if text.is_some_and(|text| http::HeaderValue::from_str(&text).is_err()) {
            let message = format!("the value of the header `{}` has characters that a header cannot carry", name.value);
            found.push(
                Diagnostic::error("bad-header", message).at(value.span).help("line breaks are the usual culprit"),
            );
        }
        if name.value.eq_ignore_ascii_case("authorization") && auth.is_some_and(|auth| !matches!(auth, Auth::None)) {
            found.push(
                Diagnostic::error("auth-conflict", "`auth` and the header `Authorization` say the same thing twice")
                    .at(name.span)
                    .help("remove one of them"),
            );
        }
    }
}

fn check_header_name(name: &Spanned<String>, found: &mut Diagnostics) {
    if http::HeaderName::from_bytes(name.value.as_bytes()).is_err() {
        found.push(Diagnostic::error("bad-header", format!("`{}` is no name for a header", name.value)).at(name.span));
    }
}

fn check_timeout(timeout: Option<&Spanned<Duration>>, found: &mut Diagnostics) {
    if let Some(timeout) = timeout.filter(|timeout| timeout.value.is_zero()) {
        found.push(zero("a timeout of 0 fails every request", timeout.span));
    }
}

pub(super) fn zero(message: &str, span: Span) -> Diagnostic {
    Diagnostic::error("zero-value", message).at(span)
}

fn check_extract(extract: &Extract, found: &mut Diagnostics) {
    let (code, span, mistake) = match &extract.from {
        ExtractFrom::JsonPath(path) => ("bad-jsonpath", path.span, JsonPath::parse(&path.value).err()),
        ExtractFrom::Regex(pattern) => ("bad-regex", pattern.span, regex(&pattern.value).err()),
        ExtractFrom::Header(name) => return check_header_name(name, found),
        ExtractFrom::Cookie(_) => return,
    };
    if let Some(mistake) = mistake {
        let what = if code == "bad-regex" { "regular expression" } else { "JSONPath" };
        found.push(Diagnostic::error(code, format!("the {what} cannot be used: {mistake}")).at(span));
    }
}
