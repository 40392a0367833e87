//! The function library: one table of names, signatures and implementations.
//!
//! Owns: which functions exist, and what is said about those that do not. Must never know: how arguments are evaluated.

mod codec;
mod fake;
mod numbers;
mod random;
mod reference;
mod text;
mod token;

use std::fmt;

use regex::{Regex, RegexBuilder};

pub use reference::reference;

use super::evaluate::Run;
use super::{EvalError, Val};
use crate::diagnostic::Diagnostic;

type Implementation = for<'a> fn(&mut Run<'a>, &mut [Val<'a>]) -> Result<Val<'a>, EvalError>;

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `f(x)`
    Global,
    /// `x.f()`; `x` is the first argument.
    Method,
    Both,
}

pub(super) struct Function {
    pub name: &'static str,
    form: Form,
    /// Fewest and most arguments.
    takes: (usize, usize),
    pub signature: &'static str,
    /// Whether the same arguments always give the same value.
    pub pure: bool,
    pub implementation: Implementation,
}

impl Function {
    pub fn takes(&self, count: usize) -> bool {
        (self.takes.0..=self.takes.1).contains(&count)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn global(
    name: &'static str,
    takes: (usize, usize),
    signature: &'static str,
    implementation: Implementation,
) -> Function {
    Function { name, form: Form::Global, takes, signature, pure: true, implementation }
}

const fn method(
    name: &'static str,
    takes: (usize, usize),
    signature: &'static str,
    implementation: Implementation,
) -> Function {
    Function { name, form: Form::Method, takes, signature, pure: true, implementation }
}

const fn both(function: Function) -> Function {
    Function { form: Form::Both, ..function }
}

const fn varying(function: Function) -> Function {
    Function { pure: false, ..function }
}

static FUNCTIONS: &[Function] = &[
    both(global("size", (1, 1), "size(x)", text::size)),
    both(method("matches", (2, 2), "x.matches(pattern)", text::matches)),
    method("contains", (2, 2), "x.contains(part)", text::contains),
    method("startsWith", (2, 2), "x.startsWith(part)", text::starts_with),
    method("endsWith", (2, 2), "x.endsWith(part)", text::ends_with),
    method("lowerAscii", (1, 1), "x.lowerAscii()", text::lower_ascii),
    method("upperAscii", (1, 1), "x.upperAscii()", text::upper_ascii),
    method("trim", (1, 1), "x.trim()", text::trim),
    method("split", (2, 3), "x.split(separator, limit)", text::split),
    method("join", (1, 2), "list.join(separator)", text::join),
    method("replace", (3, 4), "x.replace(old, new, limit)", text::replace),
    method("substring", (2, 3), "x.substring(start, end)", text::substring),
    method("indexOf", (2, 3), "x.indexOf(part, from)", text::index_of),
    method("lastIndexOf", (2, 3), "x.lastIndexOf(part, from)", text::last_index_of),
    method("charAt", (2, 2), "x.charAt(index)", text::char_at),
    method("hasValue", (1, 1), "x.hasValue()", text::has_value),
    method("value", (1, 1), "x.value()", text::value),
    global("optional.of", (1, 1), "optional.of(x)", text::optional_of),
    global("optional.none", (0, 0), "optional.none()", text::optional_none),
    global("int", (1, 1), "int(x)", numbers::int),
    global("double", (1, 1), "double(x)", numbers::double),
    global("string", (1, 1), "string(x)", numbers::string),
    global("bool", (1, 1), "bool(x)", numbers::bool),
    global("min", (1, 2), "min(a, b)", numbers::min),
    global("max", (1, 2), "max(a, b)", numbers::max),
    global("abs", (1, 1), "abs(x)", numbers::abs),
    global("round", (1, 1), "round(x)", numbers::round),
    global("floor", (1, 1), "floor(x)", numbers::floor),
    global("ceil", (1, 1), "ceil(x)", numbers::ceil),
    global("range", (2, 2), "range(from, to)", numbers::range),
    varying(global("random_int", (2, 2), "random_int(from, to)", random::int)),
    varying(global("random_float", (2, 2), "random_float(from, to)", random::float)),
    varying(global("random_string", (1, 1), "random_string(length)", random::string)),
    varying(global("pick", (1, 1), "pick(list)", random::pick)),
    varying(global("uuid", (0, 0), "uuid()", random::uuid)),
    varying(global("fake", (1, 1), "fake(\"email\")", fake::fake)),
    varying(global("now", (0, 0), "now()", random::now)),
    varying(global("timestamp_ms", (0, 0), "timestamp_ms()", random::timestamp_ms)),
    global("base64_encode", (1, 1), "base64_encode(text)", codec::base64_encode),
    global("base64_decode", (1, 1), "base64_decode(text)", codec::base64_decode),
    global("url_encode", (1, 1), "url_encode(text)", codec::url_encode),
    global("url_decode", (1, 1), "url_decode(text)", codec::url_decode),
    global("sha256", (1, 1), "sha256(text)", codec::sha256),
    global("hmac_sha256", (2, 2), "hmac_sha256(key, message)", codec::hmac_sha256),
    global("jwt_sign", (2, 3), "jwt_sign(claims, key, algorithm)", token::jwt_sign),
    global("json_encode", (1, 1), "json_encode(x)", codec::json_encode),
    global("json_decode", (1, 1), "json_decode(text)", codec::json_decode),
];

/// What the same thing is called elsewhere, and the name that it has here.
const ELSEWHERE: [(&str, &str); 44] = [
    ("len", "size(x)"),
    ("length", "size(x)"),
    ("count", "size(x)"),
    ("includes", "x.contains(part)"),
    ("toLowerCase", "x.lowerAscii()"),
    ("lower", "x.lowerAscii()"),
    ("toUpperCase", "x.upperAscii()"),
    ("upper", "x.upperAscii()"),
    ("strip", "x.trim()"),
    ("match", "x.matches(pattern)"),
    ("test", "x.matches(pattern)"),
    ("slice", "x.substring(start, end)"),
    ("substr", "x.substring(start, end)"),
    ("find", "list.filter(x, x.id == 1)[0]"),
    ("some", "list.exists(x, x.ok)"),
    ("any", "list.exists(x, x.ok)"),
    ("every", "list.all(x, x.ok)"),
    ("parseInt", "int(x)"),
    ("Number", "double(x)"),
    ("float", "double(x)"),
    ("parseFloat", "double(x)"),
    ("str", "string(x)"),
    ("toString", "string(x)"),
    ("String", "string(x)"),
    ("randint", "random_int(from, to)"),
    ("randomIntBetween", "random_int(from, to)"),
    ("randomString", "random_string(length)"),
    ("randomItem", "pick(list)"),
    ("choice", "pick(list)"),
    ("uuidv4", "uuid()"),
    ("uuid4", "uuid()"),
    ("JSON.stringify", "json_encode(x)"),
    ("JSON.parse", "json_decode(text)"),
    ("encodeURIComponent", "url_encode(text)"),
    ("Date.now", "timestamp_ms()"),
    ("Math.random", "random_float(0.0, 1.0)"),
    ("Math.round", "round(x)"),
    ("Math.floor", "floor(x)"),
    ("Math.ceil", "ceil(x)"),
    ("timestamp", "timestamp_ms()"),
    ("json", "json.key"),
    ("jsonPath", "json.key"),
    ("jsonpath", "json.key"),
    ("get", "x[\"key\"]"),
];

/// Macros and special forms: known, though not in the table.
const FORMS: [(&str, &str, Form); 9] = [
    ("has", "has(x)", Form::Global),
    ("all", "list.all(x, x.ok)", Form::Method),
    ("exists", "list.exists(x, x.ok)", Form::Method),
    ("exists_one", "list.exists_one(x, x.ok)", Form::Method),
    ("existsOne", "list.existsOne(x, x.ok)", Form::Method),
    ("map", "list.map(x, x.id)", Form::Method),
    ("filter", "list.filter(x, x.ok)", Form::Method),
    ("orValue", "x.orValue(y)", Form::Method),
    ("or", "json.?key.or(optional.of(x))", Form::Method),
];

pub(super) fn find(name: &str, form: Form) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name && (function.form == form || function.form == Form::Both))
}

/// How a function is called: `uuid()`. `None` where there is no function of that name.
pub fn signature(name: &str) -> Option<&'static str> {
    find(name, Form::Global).map(|function| function.signature)
}

/// Names of all functions that stand on their own.
pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().filter(|function| function.form != Form::Method).map(|function| function.name)
}

pub(super) fn elsewhere(name: &str) -> Option<&'static str> {
    ELSEWHERE.iter().find(|(known, _)| *known == name).map(|(_, here)| *here)
}

/// Why there is no such function, and which was meant.
pub(super) fn unknown(name: &str, form: Form) -> Diagnostic {
    if let Some((_, signature, _)) = FORMS.iter().find(|(known, _, known_form)| *known == name && *known_form == form) {
        return Diagnostic::error("wrong-arguments", format!("`{name}` takes other arguments"))
            .help(format!("write `{signature}`"));
    }
    let found = Diagnostic::error("unknown-function", format!("unknown function `{name}`"));
    let other_form = FUNCTIONS.iter().find(|function| function.name == name).map(|function| function.signature);
    let other_form = other_form.or(FORMS.iter().find(|(known, ..)| *known == name).map(|(_, signature, _)| *signature));
    if let Some(written) = other_form.or_else(|| elsewhere(name)) {
        return found.help(format!("write `{written}`"));
    }
    let known = FUNCTIONS.iter().map(|function| function.name).chain(FORMS.iter().map(|(known, ..)| *known));
    match closest(name, known) {
        Some(known) => found.help(format!("did you mean `{known}`?")),
        None => found,
    }
}

/// The name that was probably meant.
fn closest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let name = name.to_ascii_lowercase();
    let close = |known: &'n str| (strsim::jaro_winkler(&name, &known.to_ascii_lowercase()), known);
    let (likeness, known) = known.map(close).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (likeness > 0.8).then_some(known)
}

/// Mistakes in arguments that stand in the plan: patterns, kinds of made-up data.
pub(super) fn wrong_literal(function: &Function, literals: &[Option<&str>]) -> Option<Diagnostic> {
    match (function.name, literals) {
        ("matches", [_, Some(text)]) => {
            let why = pattern(text).err()?;
            Some(Diagnostic::error("invalid-regex", format!("this pattern is not valid: {why}")))
        }
        ("jwt_sign", [_, _, Some(name)]) => {
            let why = token::algorithm(name).err()?;
            Some(Diagnostic::error("wrong-arguments", why.message))
        }
        ("fake", [Some(kind)]) if !fake::KINDS.contains(kind) => {
            let found = Diagnostic::error("wrong-arguments", format!("`fake` has no `{kind}`"));
            let meant =
                closest(kind, fake::KINDS.into_iter()).map(|meant| format!("did you mean `fake(\"{meant}\")`?"));
            Some(found.help(meant.unwrap_or_else(|| format!("there are {}", fake::KINDS.join(", ")))))
        }
        _ => None,
    }
}

/// A regular expression, bounded in the memory it may take. The error is one line.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(text).size_limit(1 << 20).dfa_size_limit(1 << 20).nest_limit(50).build();
    compiled.map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default().trim();
        last.strip_prefix("error: ").unwrap_or(last).to_owned()
    })
}

fn text_of<'v>(value: &'v Val) -> Result<&'v str, EvalError> {
    match value {
        Val::Str(text) => Ok(text),
        other => Err(EvalError::new(format!("takes a string, not {}", other.describe()))),
    }
}

fn int_of(value: &Val) -> Result<i64, EvalError> {
    match value {
        Val::Int(int) => Ok(*int),
        other => Err(EvalError::new(format!("takes an int, not {}: `int(x)` makes one", other.describe()))),
    }
}

fn float_of(value: &Val) -> Result<f64, EvalError> {
    match value.number() {
        Some(number) => Ok(number.as_float()),
        None => Err(EvalError::new(format!("takes a number, not {}", value.describe()))),
    }
}
