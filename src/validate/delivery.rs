//! How requests are delivered: what contradicts itself, and what does nothing.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::Template;
use crate::plan::{Backoff, Body, Delivery, Request};
use crate::source::{Span, Spanned};
use crate::units::{Duration, format_duration};

use super::requests::zero;

/// The longest pause between two attempts, where the plan does not say.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

type Headers = [(Spanned<String>, Spanned<Template>)];

/// What one place of the plan, `http` or a request, says.
pub(super) fn check(headers: &Headers, delivery: &Delivery, found: &mut Diagnostics) {
    let packs = delivery.compression.as_ref().is_some_and(|compression| !compression.value.is_empty());
    if packs && let Some(name) = header(headers, "content-encoding") {
        found.push(
            Diagnostic::error(
                "encoding-conflict",
                "`compression` and the header `Content-Encoding` say the same thing twice",
            )
            .at(name)
            .help("keep `compression` to have bodies packed, or the header for bodies that are packed already"),
        );
    }
    if let Some(size) = delivery.max_body.as_ref().filter(|size| size.value == 0) {
        let diagnostic = zero("`max_body: 0B` fails every response that has a body", size.span);
        found.push(diagnostic.help("write `discard_body: true` to read bodies without keeping them"));
    }
    let retry = delivery.retry.as_ref().and_then(|retry| retry.value.as_ref());
    if let Some(backoff) = retry.and_then(|retry| retry.backoff.as_ref()) {
        check_backoff(backoff, found);
    }
}

fn check_backoff(backoff: &Backoff, found: &mut Diagnostics) {
    let longest = backoff.max.as_ref().map_or(LONGEST_PAUSE, |max| max.value);
    if backoff.initial.value > longest {
        let message = format!("the first pause is longer than the longest one, {}", format_duration(longest));
        let diagnostic = Diagnostic::error("out-of-range", message).at(backoff.initial.span);
        found.push(match &backoff.max {
            Some(max) => diagnostic.also(max.span, "the longest one"),
            None => diagnostic.help("write `backoff: { initial, max }` with a longer `max`"),
        });
    }
}

/// What only makes sense with a body, or with another one.
pub(super) fn check_body(request: &Request, found: &mut Diagnostics) {
    if let Some(Body::Multipart(parts)) = &request.body {
        if let Some(name) = header(&request.headers, "content-type") {
            let message = "a multipart body has a `Content-Type` of its own, which names the boundary of its parts";
            found.push(Diagnostic::error("content-type-conflict", message).at(name).help("leave the header out"));
        }
        for (_, part) in parts {
            check_part_header(part.content_type.as_ref(), found);
        }
    }
    if request.body.is_some() {
        return;
    }
    let packs = request.delivery.compression.as_ref().filter(|compression| !compression.value.is_empty());
    let asks = request.delivery.expect_continue.as_ref().filter(|asks| asks.value);
    for (word, span) in
        [("compression", packs.map(|packs| packs.span)), ("expect_continue", asks.map(|asks| asks.span))]
    {
        if let Some(span) = span {
            let message = format!("`{word}` does nothing here: the request has no body");
            found
                .push(Diagnostic::warning("no-effect", message).at(span).help("remove it, or give the request a body"));
        }
    }
}

fn check_part_header(value: Option<&Spanned<Template>>, found: &mut Diagnostics) {
    if let Some(value) = value.filter(|value| value.value.text.contains(['\r', '\n'])) {
        let message = "a `content_type` cannot have line breaks";
        found.push(Diagnostic::error("bad-header", message).at(value.span));
    }
}

fn header(headers: &Headers, wanted: &str) -> Option<Span> {
    headers.iter().find(|(name, _)| name.value.eq_ignore_ascii_case(wanted)).map(|(name, _)| name.span)
}
