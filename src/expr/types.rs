//! What type a value will have, as far as the expression alone tells; and what can therefore never work.
//!
//! Owns: the inference, which says [`Type::Any`] wherever a run decides, so that what it reports is wrong in every run.
//! Must never know: where names come from.

use super::answer::TIMINGS;
use super::functions::Function;
use super::syntax::{Arithmetic, Comprehension, Node};
use super::{Expr, ResponseField, Value};
use crate::diagnostic::{Diagnostic, closest};
use crate::source::Span;

/// What is known of a value before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Only the run can tell.
    Any,
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
    /// An object of texts: `headers`, `cookies`.
    Texts,
    /// The object of known numbers: `timings`.
    Timings,
}

impl Type {
    /// The type of a name of the response.
    pub fn of_response(field: ResponseField) -> Type {
        match field {
            ResponseField::Status | ResponseField::ErrorCode => Type::Number,
            ResponseField::Json => Type::Any,
            ResponseField::Headers | ResponseField::Cookies => Type::Texts,
            ResponseField::Timings => Type::Timings,
            ResponseField::Body
            | ResponseField::Url
            | ResponseField::Error
            | ResponseField::Proto
            | ResponseField::RemoteIp => Type::Text,
        }
    }

    fn of(value: &Value) -> Type {
        match value {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Bool,
            Value::Number(_) => Type::Number,
            Value::String(_) => Type::Text,
            Value::Array(_) => Type::List,
            Value::Object(_) => Type::Object,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Type::Any => "a value",
            Type::Null => "null",
            Type::Bool => "a boolean",
            Type::Number => "a number",
            Type::Text => "text",
            Type::List => "a list",
            Type::Object | Type::Texts | Type::Timings => "an object",
        }
    }

    /// `null` stands for what is absent, so comparing with it always has a meaning.
    fn is_known(self) -> bool {
        !matches!(self, Type::Any | Type::Null)
    }
}

/// The type of a name, and of a name in a namespace: `("env", Some("PORT"))`. [`Type::Any`] for all others.
pub type TypeOf<'t> = &'t dyn Fn(&str, Option<&str>) -> Type;

impl Expr {
    /// Everything that no run could evaluate. A `condition` must be a boolean besides.
    pub fn type_mistakes(&self, condition: bool, type_of: TypeOf) -> Vec<Diagnostic> {
        let mut inference = Inference { span: self.span, type_of, found: Vec::new() };
        match condition {
            true => inference.condition(&self.root, None),
            false => {
                inference.infer(&self.root);
            }
        }
        inference.found
    }
}

struct Inference<'t> {
    span: Span,
    type_of: TypeOf<'t>,
    found: Vec<Diagnostic>,
}

impl Inference<'_> {
    fn infer(&mut self, node: &Node) -> Type {
        match node {
            Node::Literal(value) => Type::of(value),
            Node::Name { root, .. } => (self.type_of)(root, None),
            Node::Local { .. } => Type::Any,
            Node::Select { operand, field, field_span, optional } => self.field(operand, field, *field_span, *optional),
            Node::Index { operand, index, optional } => {
                self.infer(index);
                match &**index {
                    Node::Literal(Value::String(field)) => self.field(operand, field, self.span, *optional),
                    _ => {
                        self.infer(operand);
                        Type::Any
                    }
                }
            }
            Node::Has { operand, .. } => {
                self.infer(operand);
                Type::Bool
            }
            Node::IsSet(_) => Type::Bool,
            Node::Not(operand) => {
                self.condition(operand, None);
                Type::Bool
            }
            Node::Negate(operand) => match self.infer(operand) {
                Type::Number => Type::Number,
                _ => Type::Any,
            },
            Node::Arithmetic(operator, sides) => self.arithmetic(*operator, sides),
            Node::Compare(_, sides) => self.comparison(sides, "no order between them"),
            Node::Equal { sides, .. } => self.comparison(sides, "they are never equal"),
            Node::In(sides) => {
                for side in sides.iter() {
                    self.infer(side);
                }
                Type::Bool
            }
            Node::And(nodes) | Node::Or(nodes) => {
                for (at, node) in nodes.iter().enumerate() {
                    self.condition(node, at.checked_sub(1).and_then(|before| nodes.get(before)));
                }
                Type::Bool
            }
            Node::Conditional(nodes) => {
                let [condition, then, otherwise] = &**nodes;
                self.condition(condition, None);
                let (then, otherwise) = (self.infer(then), self.infer(otherwise));
                if then == otherwise { then } else { Type::Any }
            }
            Node::Call { function, arguments } => {
                for argument in arguments.iter() {
                    self.infer(argument);
                }
                result_of(function)
            }
            Node::Fallback { operand, fallback, .. } => {
                self.infer(operand);
                self.infer(fallback);
                Type::Any
            }
            Node::List(entries) => {
                for entry in entries.iter() {
                    self.infer(&entry.node);
                }
                Type::List
            }
            Node::Map(entries) => {
                for (_, entry) in entries.iter() {
                    self.infer(&entry.node);
                }
                Type::Object
            }
            Node::Comprehension { kind, range, filter, body } => {
                self.infer(range);
                filter.iter().for_each(|filter| self.condition(filter, None));
                match kind {
                    Comprehension::Map => {
                        self.infer(body);
                        Type::List
                    }
                    Comprehension::All | Comprehension::Exists | Comprehension::ExistsOne => {
                        self.condition(body, None);
                        Type::Bool
                    }
                }
            }
        }
    }

    fn field(&mut self, operand: &Node, field: &str, span: Span, optional: bool) -> Type {
        if let Node::Name { root, .. } = operand {
            let named = (self.type_of)(root, Some(field));
            if named != Type::Any {
                return if optional { Type::Any } else { named };
            }
        }
        let of = self.infer(operand);
        let path = operand.path();
        match of {
            _ if optional => Type::Any,
            Type::Texts => Type::Text,
            Type::Timings if TIMINGS.contains(&field) => Type::Number,
            Type::Timings => {
                let help = match closest(field, TIMINGS) {
                    Some(near) => format!("did you mean `timings.{near}`?"),
                    None if field == "ttfb" => "the time to the first byte is `timings.waiting`".to_owned(),
                    None => format!("there are {}", TIMINGS.map(|name| format!("`{name}`")).join(", ")),
                };
                self.unknown_field(format!("`timings` has no `{field}`"), span, help)
            }
            Type::Text | Type::Number | Type::Bool => {
                let help = match (path.as_str(), field) {
                    (_, "length" | "size") if of == Type::Text => format!("write `size({path})`"),
                    ("body", _) => format!("`json` is the body when it is JSON: use `json.{field}`"),
                    _ => format!("use `{path}` as it is"),
                };
                self.unknown_field(format!("`{path}` is {} and has no field `{field}`", of.noun()), span, help)
            }
            _ => Type::Any,
        }
    }

    fn unknown_field(&mut self, message: String, span: Span, help: String) -> Type {
        self.found.push(Diagnostic::error("unknown-field", message).at(span).help(help));
        Type::Any
    }

    fn arithmetic(&mut self, operator: Arithmetic, sides: &[Node; 2]) -> Type {
        let (left, right) = (self.infer(&sides[0]), self.infer(&sides[1]));
        let joins = operator == Arithmetic::Add && matches!(left, Type::Text | Type::List);
        if left == right && (left == Type::Number || joins) { left } else { Type::Any }
    }

    fn comparison(&mut self, sides: &[Node; 2], why: &str) -> Type {
        let [left, right] = sides;
        let (a, b) = (self.infer(left), self.infer(right));
        if a.is_known() && b.is_known() && a.noun() != b.noun() {
            let message = format!("{} is {}, and {} is {}: {why}", shown(left), a.noun(), shown(right), b.noun());
            let found = Diagnostic::error("type-mismatch", message).at(self.span);
            let chained = matches!(left, Node::Compare(..)).then(|| "compare twice: `200 <= x && x < 300`".to_owned());
            self.found.push(
                match chained.or_else(|| conversion(left, a, right)).or_else(|| conversion(right, b, left)) {
                    Some(help) => found.help(help),
                    None => found,
                },
            );
        }
        Type::Bool
    }

    /// `before` is what stands in front of an `&&` or `||`.
    fn condition(&mut self, node: &Node, before: Option<&Node>) {
        let of = self.infer(node);
        if matches!(of, Type::Any | Type::Bool) {
            return;
        }
        let message = format!("{} is no condition but {}: it is never true or false", shown(node), of.noun());
        let help = match before {
            Some(Node::Equal { sides, negated: false }) if matches!(node, Node::Literal(_)) && sides[0].is_path() => {
                format!("compare again: `{} == {}`", sides[0].path(), literal(node))
            }
            _ if node.is_path() && of == Type::Number => {
                let example = if node.path() == "status" { "== 200" } else { "< 500" };
                format!("compare it, as in `{} {example}`", node.path())
            }
            _ if node.is_path() => format!("compare it, as in `{} != \"\"`", node.path()),
            _ if matches!(node, Node::Literal(Value::String(_))) => {
                "an expression stands without quotes of its own".to_owned()
            }
            _ => "compare it with something, as in `status == 200`".to_owned(),
        };
        self.found.push(Diagnostic::error("never-boolean", message).at(self.span).help(help));
    }
}

impl Node {
    fn is_path(&self) -> bool {
        match self {
            Node::Name { .. } => true,
            Node::Select { operand, .. } => operand.is_path(),
            Node::Index { operand, index, .. } => operand.is_path() && matches!(**index, Node::Literal(_)),
            _ => false,
        }
    }
}

fn literal(node: &Node) -> String {
    match node {
        Node::Literal(value) => super::value::shorten(&value.to_string()).into_owned(),
        _ => String::new(),
    }
}

fn shown(node: &Node) -> String {
    match node {
        Node::Literal(_) => format!("`{}`", literal(node)),
        node if node.is_path() => format!("`{}`", node.path()),
        _ => "a part of this".to_owned(),
    }
}

/// How the literal `other` is written to be compared with `node`.
fn conversion(node: &Node, of: Type, other: &Node) -> Option<String> {
    let Node::Literal(value) = other else { return None };
    match (of, value) {
        (Type::Number, Value::String(text)) => {
            if text.parse::<f64>().is_ok_and(f64::is_finite) {
                let of_path = node.is_path().then(|| format!("`{}` is {}: ", node.path(), of.noun()));
                return Some(format!("{}write `{text}` without quotes", of_path.unwrap_or_default()));
            }
            milliseconds(text).map(|number| format!("times are in ms: write `{number}`"))
        }
        (Type::Text, Value::Number(number)) if node.is_path() => {
            Some(format!("write `\"{number}\"`, or make a number of it: `double({})`", node.path()))
        }
        _ => None,
    }
}

/// `1.5s` → `1500`, for times written as the plan writes durations elsewhere.
pub(super) fn milliseconds(text: &str) -> Option<String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| (number * factor).to_string())
}

fn result_of(function: &Function) -> Type {
    match function.name {
        "matches" | "contains" | "startsWith" | "endsWith" | "hasValue" | "bool" => Type::Bool,
        "size" | "indexOf" | "lastIndexOf" | "int" | "double" | "abs" | "round" | "floor" | "ceil" | "random_int"
        | "random_float" | "timestamp_ms" => Type::Number,
        "lowerAscii" | "upperAscii" | "trim" | "join" | "replace" | "substring" | "charAt" | "string"
        | "random_string" | "uuid" | "now" | "base64_encode" | "base64_decode" | "url_encode" | "url_decode"
        | "sha256" | "hmac_sha256" | "jwt_sign" | "json_encode" => Type::Text,
        "split" | "range" => Type::List,
        _ => Type::Any,
    }
}
