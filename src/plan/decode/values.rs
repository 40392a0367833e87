//! Scalars and data: text, templates, expressions, durations, numbers, statuses, names.

use std::time::Duration;

use super::Decoder;
use crate::diagnostic::Diagnostic;
use crate::expr::{Data, Expr, Located, Template, Value, function_names};
use crate::plan::model::{Sleep, StatusRange, Target, VariableScope};
use crate::plan::node::{Key, Kind, Node};
use crate::plan::vocabulary::Shape;
use crate::source::{Span, Spanned};
use crate::units::parse_duration;

/// Roots that expressions already know.
const ROOTS: &[&str] = &[
    "status",
    "body",
    "json",
    "headers",
    "cookies",
    "timings",
    "url",
    "error",
    "error_code",
    "proto",
    "remote_ip",
    "env",
    "vu",
    "setup",
    "scenario",
];
/// Words that CEL keeps for itself.
const KEYWORDS: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];
/// Called like functions, though they are none.
const FORMS: &[&str] = &["has", "optional"];

impl Decoder<'_> {
    /// A scalar as written, or the complaint.
    pub(super) fn written<'n>(&mut self, node: &'n Node, name: &str, wanted: &str) -> Option<(String, &'n Node)> {
        match node.written(self.source) {
            Some(located) => Some((located.text.to_owned(), node)),
            None => {
                self.wrong_type(node, name, wanted);
                None
            }
        }
    }

    /// Text that stays as it is.
    pub(super) fn fixed_text(&mut self, node: &Node, name: &str) -> Option<Spanned<String>> {
        let (text, node) = self.written(node, name, "text")?;
        if text.contains("${") {
            self.push(fixed(name, node.span).help("what varies belongs into a field that takes templates"));
            return None;
        }
        Some(Spanned::new(text, node.span))
    }

    /// Fixed text that must say something.
    pub(super) fn label(&mut self, node: &Node, name: &str) -> Option<Spanned<String>> {
        let text = self.fixed_text(node, name)?;
        if text.value.trim().is_empty() {
            self.empty(node, name);
            return None;
        }
        Some(text)
    }

    /// Free text, in which nothing has a meaning.
    pub(super) fn prose(&mut self, node: &Node, name: &str) -> Option<Spanned<String>> {
        let (text, node) = self.written(node, name, "text")?;
        Some(Spanned::new(text, node.span))
    }

    pub(super) fn template(&mut self, node: &Node, name: &str) -> Option<Spanned<Template>> {
        let Some(located) = node.written(self.source) else {
            match node.kind {
                Kind::List(_) | Kind::Map(_) => {
                    let help = "to send a list or an object as text, write `${json_encode(x)}`";
                    self.wrong_type_with(node, name, "text", help);
                }
                _ => self.wrong_type(node, name, "text"),
            }
            return None;
        };
        let parsed = Template::parse(located);
        self.kept(parsed).map(|template| Spanned::new(template, node.span))
    }

    pub(super) fn expr(&mut self, node: &Node, name: &str) -> Option<Expr> {
        let before = self.found.found.len();
        let expr = self.expr_or_stand_in(node, name);
        self.unread.ways |= self.found.found.len() > before && matches!(name, "if" | "while" | "until");
        expr
    }

    fn expr_or_stand_in(&mut self, node: &Node, name: &str) -> Option<Expr> {
        let Some(located) = node.written(self.source) else {
            let help = "write the expression as one text, in quotes where YAML needs them";
            self.wrong_type_with(node, name, "an expression", help);
            return holds(node.span, name);
        };
        let parsed = Expr::parse(located);
        self.kept(parsed).or_else(|| holds(node.span, located.text))
    }

    fn kept<T>(&mut self, parsed: Result<T, Vec<Diagnostic>>) -> Option<T> {
        parsed.map_err(|mistakes| mistakes.into_iter().for_each(|mistake| self.push(mistake))).ok()
    }

    /// Anything, with templates at its leaves. Keys are sent as they are.
    pub(super) fn data(&mut self, node: &Node) -> Data {
        match &node.kind {
            Kind::Null | Kind::Refused => Data::Literal(Value::Null),
            Kind::Bool(value) => Data::Literal(Value::from(*value)),
            Kind::Int(value) => Data::Literal(Value::from(*value)),
            Kind::Float(value) => Data::Literal(Value::from(*value)),
            Kind::Text(text) if text.value.contains("${") => {
                let parsed = Template::parse(Located { text: &text.value, span: node.span, exact: text.exact });
                self.kept(parsed).map_or(Data::Literal(Value::Null), Data::Template)
            }
            Kind::Text(text) => {
                if text.value.contains("{{") {
                    // Templates of other tools are mistakes in any text.
                    self.kept(Template::parse(Located { text: &text.value, span: node.span, exact: text.exact }));
                }
                Data::Literal(Value::from(text.value.as_str()))
            }
            Kind::List(items) => Data::List(items.iter().map(|item| self.data(item)).collect()),
            Kind::Map(map) => Data::Object(
                map.iter()
                    .map(|(key, value)| {
                        self.refuse_template_in_key(key);
                        (key.name.clone(), self.data(value))
                    })
                    .collect(),
            ),
        }
    }

    pub(super) fn refuse_template_in_key(&mut self, key: &Key) {
        if key.name.contains("${") {
            let error = Diagnostic::error("template-not-allowed", "`${…}` is not replaced in a key").at(key.span);
            self.push(error.help("build the object in an expression, or give the key a fixed name"));
        }
    }

    /// `name: data`, as in `query`, `form` and `vars`.
    pub(super) fn named_data(&mut self, node: &Node, name: &str) -> Vec<(Spanned<String>, Data)> {
        let Some(entries) = self.entries(node, name, "a map from names to values") else { return Vec::new() };
        entries
            .iter()
            .map(|(key, value)| {
                self.refuse_template_in_key(key);
                (spanned(key), self.data(value))
            })
            .collect()
    }

    /// `name: template`, as in `headers` and `tags`.
    pub(super) fn named_templates(&mut self, node: &Node, name: &str) -> Vec<(Spanned<String>, Spanned<Template>)> {
        if !matches!(node.kind, Kind::Map(_)) {
            let example = if name == "headers" { "Accept: application/json" } else { "team: checkout" };
            let help = format!("write `{name}: {{ {example} }}`, or one `NAME: value` on each line below");
            self.wrong_type_with(node, name, "a map from names to text", help);
            return Vec::new();
        }
        let Some(entries) = self.entries(node, name, "a map from names to text") else { return Vec::new() };
        entries
            .iter()
            .filter_map(|(key, value)| {
                self.refuse_template_in_key(key);
                if value.is_null() {
                    self.no_value(key, &Shape::Template);
                    return None;
                }
                Some((spanned(key), self.template(value, &key.name)?))
            })
            .collect()
    }

    pub(super) fn boolean(&mut self, node: &Node, name: &str) -> Option<Spanned<bool>> {
        match &node.kind {
            Kind::Bool(value) => Some(Spanned::new(*value, node.span)),
            Kind::Text(text) if matches!(text.value.as_str(), "yes" | "no" | "on" | "off") => {
                let help = "a boolean is written `true` or `false`";
                self.wrong_type_with(node, name, "`true` or `false`", help);
                None
            }
            _ => {
                self.wrong_type(node, name, "`true` or `false`");
                None
            }
        }
    }

    /// 0 or more.
    pub(super) fn whole(&mut self, node: &Node, name: &str) -> Option<Spanned<u64>> {
        let text = node.written(self.source).map(|located| located.text.to_owned()).unwrap_or_default();
        match &node.kind {
            Kind::Int(value) => match u64::try_from(*value) {
                Ok(value) => return Some(Spanned::new(value, node.span)),
                Err(_) => self.push(
                    Diagnostic::error("out-of-range", format!("`{name}` cannot be negative"))
                        .at(node.span)
                        .help("it is 0 or more"),
                ),
            },
            Kind::Text(_) if text.contains("${") => self.push(fixed(name, node.span).help("write the number itself")),
            Kind::Text(_) if text.replace(['_', ','], "").parse::<u64>().is_ok() => {
                let help = format!("write `{}` without quotes", text.replace(['_', ','], ""));
                self.wrong_type_with(node, name, "a whole number", help);
            }
            Kind::Float(_) => {
                let error = Diagnostic::error("wrong-type", format!("`{name}` must be a whole number, not {text}"));
                self.push(error.at(node.span));
            }
            _ => self.wrong_type(node, name, "a whole number"),
        }
        None
    }

    pub(super) fn duration(&mut self, node: &Node, name: &str) -> Option<Spanned<Duration>> {
        let (text, node) = self.written(node, name, "a duration such as `30s`")?;
        self.duration_text(&text, node.span, name).map(|duration| Spanned::new(duration, node.span))
    }

    fn duration_text(&mut self, text: &str, span: Span, name: &str) -> Option<Duration> {
        if text.contains("${") {
            self.push(fixed(name, span).help("write the duration itself, such as `30s`"));
            return None;
        }
        match parse_duration(text) {
            Ok(duration) => Some(duration),
            Err(why) => {
                self.push(Diagnostic::error("bad-duration", format!("`{name}`: {why}")).at(span));
                None
            }
        }
    }

    /// `1s`, or `1s..3s`.
    pub(super) fn pause(&mut self, node: &Node, name: &str) -> Option<Spanned<Sleep>> {
        let (text, node) = self.written(node, name, "a duration such as `1s`, or a range such as `1s..3s`")?;
        let Some((from, to)) = text.split_once("..") else {
            let fixed = self.duration_text(&text, node.span, name);
            if fixed.is_none()
                && text.contains(['-', '(', ','])
                && let Some(error) = self.found.found.last_mut()
            {
                error.help.push("a time at random between two is a range: `1s..3s`".to_owned());
            }
            return fixed.map(|fixed| Spanned::new(Sleep::Fixed(fixed), node.span));
        };
        let (from, to) = (self.duration_text(from, node.span, name), self.duration_text(to, node.span, name));
        let (from, to) = (from?, to?);
        if from > to {
            let message = format!("`{name}`: the range `{text}` ends before it starts");
            self.push(Diagnostic::error("bad-duration", message).at(node.span).help("write the shorter one first"));
            return None;
        }
        Some(Spanned::new(Sleep::Range(from, to), node.span))
    }

    /// `200`, `2xx`, `200..399`, `200-399`, or a list of them.
    pub(super) fn statuses(&mut self, node: &Node) -> Option<Spanned<Vec<StatusRange>>> {
        let ranges = match &node.kind {
            Kind::List(items) => {
                if items.is_empty() {
                    self.empty(node, "expect");
                }
                items.iter().filter_map(|item| self.status_range(item, "expect", "")).collect()
            }
            _ => vec![self.status_range(node, "expect", "")?],
        };
        Some(Spanned::new(ranges, node.span))
    }

    /// `others` is what else the field takes.
    pub(super) fn status_range(&mut self, node: &Node, name: &str, others: &str) -> Option<StatusRange> {
        let wanted = format!("a status, a range such as `200..399`, or a class such as `2xx`{others}");
        let (text, node) = self.written(node, name, &wanted)?;
        let range = parse_statuses(&text);
        if range.is_none() {
            self.push(
                Diagnostic::error("bad-status", format!("`{text}` is no status, range or class")).at(node.span).help(
                    format!(
                        "write a status such as `200`, a range such as `200..399`, a class such as `2xx`{others}, or a list of them"
                    ),
                ),
            );
        }
        range
    }

    /// A name that a step sets.
    pub(super) fn target(&mut self, key: &Key) -> Option<Target> {
        let target = self.target_of(key);
        if target.is_none() {
            self.unread.word(&key.name);
        }
        target
    }

    fn target_of(&mut self, key: &Key) -> Option<Target> {
        let (scope, name) = match key.name.strip_prefix("vu.") {
            Some(name) => (VariableScope::Vu, name),
            None => (VariableScope::Iteration, key.name.as_str()),
        };
        if scope == VariableScope::Vu && matches!(name, "id" | "iteration") {
            self.push(bad_name(key, "is known to every VU already").help("choose another name"));
            return None;
        }
        let span =
            Span { start: key.span.end.saturating_sub(name.len() as u32).max(key.span.start), end: key.span.end };
        let valid = if scope == VariableScope::Vu { self.identifier(name, key) } else { self.variable(key) };
        valid.then(|| Target { scope, name: Spanned::new(name.to_owned(), span) })
    }

    /// Whether the key can be a variable: an identifier that shadows nothing.
    pub(super) fn variable(&mut self, key: &Key) -> bool {
        if !self.identifier(&key.name, key) {
            return false;
        }
        let help = if key.name == "vu" {
            "to set a name for the VU's life, write the whole key in quotes: \"vu.token\"".to_owned()
        } else {
            format!("choose another name, such as `my_{}`", key.name)
        };
        if ROOTS.contains(&key.name.as_str()) {
            self.push(bad_name(key, "already has a meaning in expressions").help(help));
            return false;
        }
        if FORMS.contains(&key.name.as_str()) || function_names().any(|name| name == key.name) {
            self.push(bad_name(key, "is a function in expressions").help(help));
            return false;
        }
        true
    }

    pub(super) fn identifier(&mut self, name: &str, key: &Key) -> bool {
        let mut letters = name.chars();
        let starts = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
        if !starts || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let help = "a name has letters, digits and `_`, and starts with no digit";
            self.push(bad_name(key, "cannot be read in an expression").help(help));
            return false;
        }
        if KEYWORDS.contains(&name) {
            let help = format!("choose another name, such as `my_{name}`");
            self.push(bad_name(key, "is a reserved word of expressions").help(help));
            return false;
        }
        true
    }
}

pub(super) fn spanned(key: &Key) -> Spanned<String> {
    Spanned::new(key.name.clone(), key.span)
}

/// Stands in for an expression that could not be read: it reads no names.
fn holds(span: Span, text: &str) -> Option<Expr> {
    let mut always = Expr::parse(Located { text: "true", span, exact: false }).ok()?;
    always.text = text.to_owned();
    Some(always)
}

fn bad_name(key: &Key, why: &str) -> Diagnostic {
    Diagnostic::error("bad-name", format!("`{}` cannot be the name of a variable: it {why}", key.name)).at(key.span)
}

fn fixed(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error("template-not-allowed", format!("`{name}` is fixed: `${{…}}` is not replaced here")).at(span)
}

fn parse_statuses(text: &str) -> Option<StatusRange> {
    let status = |text: &str| text.parse::<u16>().ok().filter(|status| (100..=599).contains(status) && text.len() == 3);
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let first = class.parse::<u16>().ok().filter(|class| (1..=5).contains(class) && text.len() == 3)? * 100;
        return Some(StatusRange { first, last: first + 99 });
    }
    let (first, last) = match text.split_once("..").or_else(|| text.split_once('-')) {
        Some((first, last)) => (status(first.trim())?, status(last.trim())?),
        None => (status(text)?, status(text)?),
    };
    (first <= last).then_some(StatusRange { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_single_ones_ranges_and_classes() {
        for (text, expected) in [
            ("200", Some((200, 200))),
            ("2xx", Some((200, 299))),
            ("5XX", Some((500, 599))),
            ("200..399", Some((200, 399))),
            ("200-399", Some((200, 399))),
            ("399..200", None),
            ("99", None),
            ("600", None),
            ("+20", None),
            ("0200", None),
            ("6xx", None),
            ("+2xx", None),
            ("ok", None),
            ("", None),
        ] {
            let range = expected.map(|(first, last)| StatusRange { first, last });
            assert_eq!(parse_statuses(text), range, "{text}");
        }
    }
}
