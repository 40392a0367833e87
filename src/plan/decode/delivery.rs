//! How requests are delivered: compression, limits, repetition, cookies.

use super::{Decoder, Fields};
use crate::compress::Encoding;
use crate::diagnostic::Diagnostic;
use crate::plan::model::{Backoff, Cookies, Delivery, Retry, RetryOn};
use crate::plan::node::{Kind, Node};
use crate::plan::vocabulary::{self as words, BACKOFF, ENCODINGS, RETRY};
use crate::source::Spanned;
use crate::units::parse_size;

/// More than anybody waits for, and far from what a counter holds.
const MOST_ATTEMPTS: u64 = 1000;
const RETRY_HELP: &str = "write `{ attempts: 3 }`, with `on` and `backoff` where they matter, or `none`";

impl Decoder<'_> {
    /// Of `http`, or of a request, whose fields may stand at two places.
    pub(super) fn delivery(&mut self, places: &[&Fields]) -> Delivery {
        let take = |name: &str| places.iter().find_map(|fields| fields.take(name));
        Delivery {
            compression: take("compression").and_then(|node| self.compression(node)),
            discard_body: take("discard_body").and_then(|node| self.boolean(node, "discard_body")),
            max_body: take("max_body").and_then(|node| self.size(node, "max_body")),
            expect_continue: take("expect_continue").and_then(|node| self.boolean(node, "expect_continue")),
            retry: take("retry").and_then(|node| self.retry(node)),
        }
    }

    pub(super) fn cookies(&mut self, node: &Node) -> Option<Spanned<Cookies>> {
        if let Kind::Bool(kept) = node.kind {
            let help = format!("write `{}`", if kept { "per_vu" } else { "off" });
            self.wrong_type_with(node, "cookies", "`per_vu`, `per_iteration` or `off`", help);
            return None;
        }
        let kinds = [Cookies::PerVu, Cookies::PerIteration, Cookies::Off];
        self.word(node, "cookies", words::COOKIES).map(|index| Spanned::new(kinds[index], node.span))
    }

    pub(super) fn size(&mut self, node: &Node, name: &str) -> Option<Spanned<u64>> {
        let (text, node) = self.written(node, name, "a size such as `10MB`")?;
        if text.contains("${") {
            let error =
                Diagnostic::error("template-not-allowed", format!("`{name}` is fixed: `${{…}}` is not replaced here"));
            self.push(error.at(node.span).help("write the size itself, such as `10MB`"));
            return None;
        }
        match parse_size(&text) {
            Ok(size) => Some(Spanned::new(size, node.span)),
            Err(why) => {
                self.push(Diagnostic::error("bad-size", format!("`{name}`: {why}")).at(node.span));
                None
            }
        }
    }

    /// One encoding, a list of them in the order of packing, or `none`.
    fn compression(&mut self, node: &Node) -> Option<Spanned<Vec<Encoding>>> {
        let encodings = match &node.kind {
            Kind::Text(text) if text.value == "none" => Vec::new(),
            Kind::List(items) if items.is_empty() => {
                self.empty(node, "compression");
                return None;
            }
            Kind::List(items) => items.iter().filter_map(|item| self.encoding(item)).collect(),
            _ => vec![self.encoding(node)?],
        };
        let repeated = encodings.iter().enumerate().find(|(at, encoding)| encodings[..*at].contains(encoding));
        if let Some((_, encoding)) = repeated {
            let message = format!("`compression` has `{}` twice: what is packed does not get smaller", encoding.name());
            self.push(Diagnostic::error("duplicate-value", message).at(node.span).help("keep one of them"));
        }
        Some(Spanned::new(encodings, node.span))
    }

    fn encoding(&mut self, node: &Node) -> Option<Encoding> {
        self.word(node, "compression", ENCODINGS).map(|index| Encoding::ALL[index])
    }

    fn retry(&mut self, node: &Node) -> Option<Spanned<Option<Retry>>> {
        let Kind::Map(map) = &node.kind else {
            if matches!(&node.kind, Kind::Text(text) if text.value == "none") {
                return Some(Spanned::new(None, node.span));
            }
            self.wrong_type_with(node, "retry", "a map or `none`", RETRY_HELP);
            return None;
        };
        let fields = self.fields_of(&RETRY, map, node.span);
        let attempts = fields.take("attempts").and_then(|node| self.retry_attempts(node));
        let retry = Retry {
            on: fields.take("on").map(|node| self.retry_on(node)),
            backoff: fields.take("backoff").and_then(|node| self.backoff(node)),
            retry_after: fields
                .take("retry_after")
                .and_then(|node| self.boolean(node, "retry_after"))
                .map(|flag| flag.value),
            attempts: attempts?,
        };
        Some(Spanned::new(Some(retry), node.span))
    }

    fn retry_attempts(&mut self, node: &Node) -> Option<Spanned<u64>> {
        let attempts = self.whole(node, "attempts")?;
        if !(1..=MOST_ATTEMPTS).contains(&attempts.value) {
            let message = format!("`attempts` must be 1 to {MOST_ATTEMPTS}: it counts the first time, too");
            self.push(Diagnostic::error("out-of-range", message).at(node.span));
            return None;
        }
        Some(attempts)
    }

    fn retry_on(&mut self, node: &Node) -> Vec<RetryOn> {
        match &node.kind {
            Kind::List(items) if items.is_empty() => {
                self.empty(node, "on");
                Vec::new()
            }
            Kind::List(items) => items.iter().filter_map(|item| self.reason(item)).collect(),
            _ => self.reason(node).into_iter().collect(),
        }
    }

    fn reason(&mut self, node: &Node) -> Option<RetryOn> {
        match &node.kind {
            Kind::Text(text) if text.value == "error" => Some(RetryOn::Error),
            Kind::Text(text) if text.value == "timeout" => Some(RetryOn::Timeout),
            _ => self.status_range(node, "on", ", `error` or `timeout`").map(RetryOn::Status),
        }
    }

    /// A duration, or a map.
    fn backoff(&mut self, node: &Node) -> Option<Backoff> {
        let Kind::Map(map) = &node.kind else {
            let initial = self.duration(node, "backoff")?;
            return Some(Backoff { initial, factor: None, max: None, jitter: false });
        };
        let fields = self.fields_of(&BACKOFF, map, node.span);
        let initial = fields.take("initial").and_then(|node| self.duration(node, "initial"));
        let backoff = Backoff {
            factor: fields.take("factor").and_then(|node| self.factor(node)),
            max: fields.take("max").and_then(|node| self.duration(node, "max")),
            jitter: self.flag(&fields, "jitter"),
            initial: initial?,
        };
        Some(backoff)
    }

    fn factor(&mut self, node: &Node) -> Option<Spanned<u64>> {
        let factor = self.whole(node, "factor")?;
        if !(1..=MOST_ATTEMPTS).contains(&factor.value) {
            let message = format!("`factor` must be 1 to {MOST_ATTEMPTS}; with 1 all pauses are the same");
            self.push(Diagnostic::error("out-of-range", message).at(node.span));
            return None;
        }
        Some(factor)
    }
}
