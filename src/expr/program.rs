//! The compiled form: names bound to places, constants folded, patterns compiled.
//!
//! Owns: what the evaluation walks. Must never know: text of the plan beyond what messages show.

use std::borrow::Cow;

use regex::Regex;

use super::evaluate::Run;
use super::fold;
use super::functions::{self, Function};
use super::names::{is_name, is_namespace};
use super::syntax::{Arithmetic, Comparison, Comprehension, Entry, Node};
use super::value::shorten;
use super::{Binding, CellId, EvalError, Expr, Fact, Names, ResponseField, Scope, SetId, SlotId, Val, Value};

/// A compiled expression: no name is looked up and no text parsed any more.
#[derive(Clone, Debug)]
pub struct Program {
    text: String,
    pub(super) op: Op,
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    Constant(Value),
    Slot(SlotId),
    Response(ResponseField),
    Fact(Fact),
    /// With the name, for messages.
    Row(SetId, Box<str>),
    Cell(CellId, Box<str>),
    Local(usize),
    /// A name that does not exist.
    Unknown(String),
    Select {
        operand: Box<Op>,
        field: Box<str>,
        path: Box<str>,
        optional: bool,
    },
    Has {
        operand: Box<Op>,
        field: Box<str>,
        path: Box<str>,
    },
    /// `has(vu.token)`, `has(token)`: whether a place holds a value.
    IsSet(Box<Op>),
    /// `vu.?token`, and the `token` of `token.orValue(x)` and of `[?token]`.
    IfSet(Box<Op>),
    Index {
        operand: Box<Op>,
        index: Box<Op>,
        path: Box<str>,
        optional: bool,
    },
    Not(Box<Op>),
    Negate(Box<Op>),
    Arithmetic(Arithmetic, Box<[Op; 2]>),
    Compare(Comparison, Box<[Op; 2]>),
    Equal {
        negated: bool,
        sides: Box<[Op; 2]>,
    },
    In(Box<[Op; 2]>),
    And(Vec<Op>),
    Or(Vec<Op>),
    Conditional(Box<[Op; 3]>),
    Call {
        function: &'static Function,
        arguments: Vec<Op>,
    },
    Matches {
        text: Box<Op>,
        pattern: Box<Regex>,
    },
    Fallback {
        operand: Box<Op>,
        fallback: Box<Op>,
        optional: bool,
    },
    List(Vec<(Op, bool)>),
    Map(Vec<(Op, Op, bool)>),
    Comprehension {
        kind: Comprehension,
        range: Box<Op>,
        filter: Option<Box<Op>>,
        body: Box<Op>,
    },
}

impl Program {
    pub fn compile(expr: &Expr, names: &dyn Names) -> Program {
        let op = compile(&expr.root, names);
        let text = expr.text.trim().to_owned();
        match fold::fold(&op) {
            Some(value) => Program { text, op: Op::Constant(value) },
            None => Program { text, op },
        }
    }

    pub fn evaluate<'a>(&'a self, scope: &'a dyn Scope) -> Result<Val<'a>, EvalError> {
        let mut run = Run::new(scope);
        let value = self.op.evaluate(&mut run)?;
        run.settle(value)
    }

    /// For conditions: anything but a boolean is an error that says what it was.
    pub fn holds(&self, scope: &dyn Scope) -> Result<bool, EvalError> {
        match self.evaluate(scope)? {
            Val::Bool(value) => Ok(value),
            other => Err(EvalError::new(format!(
                "`{}` is not a condition but {}: compare it with something, as in `x != null`",
                self.label(),
                other.describe()
            ))),
        }
    }

    /// As written in the plan.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As messages name it.
    pub(super) fn label(&self) -> Cow<'_, str> {
        shorten(&self.text)
    }

    /// The value where nothing of it varies.
    pub fn constant(&self) -> Option<&Value> {
        match &self.op {
            Op::Constant(value) => Some(value),
            _ => None,
        }
    }
}

fn compile(node: &Node, names: &dyn Names) -> Op {
    let boxed = |node: &Node| Box::new(compile(node, names));
    let pair = |sides: &[Node; 2]| Box::new([compile(&sides[0], names), compile(&sides[1], names)]);
    let all = |nodes: &[Node]| nodes.iter().map(|node| compile(node, names)).collect::<Vec<_>>();
    match node {
        Node::Literal(value) => Op::Constant(value.clone()),
        Node::Name { root, .. } => bind(root, None, names),
        Node::Local { index, .. } => Op::Local(*index),
        Node::Select { operand, field, optional, .. } => match namespaced(operand, field, names) {
            Some(bound) if *optional => Op::IfSet(Box::new(bound)),
            Some(bound) => bound,
            None => Op::Select {
                operand: boxed(operand),
                field: field.as_str().into(),
                path: node.path().into(),
                optional: *optional,
            },
        },
        Node::Has { operand, field, .. } => match namespaced(operand, field, names) {
            Some(bound) => Op::IsSet(Box::new(bound)),
            None => Op::Has { operand: boxed(operand), field: field.as_str().into(), path: operand.path().into() },
        },
        Node::IsSet(name) => Op::IsSet(boxed(name)),
        Node::Index { operand, index, optional } => {
            if let Node::Literal(Value::String(field)) = &**index
                && let Some(bound) = namespaced(operand, field, names)
            {
                return if *optional { Op::IfSet(Box::new(bound)) } else { bound };
            }
            Op::Index { operand: boxed(operand), index: boxed(index), path: node.path().into(), optional: *optional }
        }
        Node::Not(operand) => Op::Not(boxed(operand)),
        Node::Negate(operand) => Op::Negate(boxed(operand)),
        Node::Arithmetic(operator, sides) => Op::Arithmetic(*operator, pair(sides)),
        Node::Compare(comparison, sides) => Op::Compare(*comparison, pair(sides)),
        Node::Equal { negated, sides } => Op::Equal { negated: *negated, sides: pair(sides) },
        Node::In(sides) => Op::In(pair(sides)),
        Node::And(nodes) => Op::And(all(nodes)),
        Node::Or(nodes) => Op::Or(all(nodes)),
        Node::Conditional(nodes) => {
            Op::Conditional(Box::new([&nodes[0], &nodes[1], &nodes[2]].map(|node| compile(node, names))))
        }
        Node::Call { function, arguments } => call(function, arguments, names),
        Node::Fallback { operand, fallback, optional } => {
            let operand = Box::new(compile_optional(operand, names));
            Op::Fallback { operand, fallback: boxed(fallback), optional: *optional }
        }
        Node::List(entries) => Op::List(entries.iter().map(|entry| compile_entry(entry, names)).collect()),
        Node::Map(entries) => {
            let entries = entries.iter().map(|(key, entry)| {
                let (value, optional) = compile_entry(entry, names);
                (compile(key, names), value, optional)
            });
            Op::Map(entries.collect())
        }
        Node::Comprehension { kind, range, filter, body } => Op::Comprehension {
            kind: *kind,
            range: boxed(range),
            filter: filter.as_deref().map(boxed),
            body: boxed(body),
        },
    }
}

/// Where an optional is expected, a name is one that is absent until a step sets it.
fn compile_optional(node: &Node, names: &dyn Names) -> Op {
    match compile(node, names) {
        name if is_name(node) => Op::IfSet(Box::new(name)),
        value => value,
    }
}

fn compile_entry(entry: &Entry, names: &dyn Names) -> (Op, bool) {
    let value = if entry.optional { compile_optional(&entry.node, names) } else { compile(&entry.node, names) };
    (value, entry.optional)
}

/// A pattern that stands in the plan is compiled once.
fn call(function: &'static Function, arguments: &[Node], names: &dyn Names) -> Op {
    if let ("matches", [text, Node::Literal(Value::String(pattern))]) = (function.name, arguments)
        && let Ok(pattern) = functions::pattern(pattern)
    {
        return Op::Matches { text: Box::new(compile(text, names)), pattern: Box::new(pattern) };
    }
    Op::Call { function, arguments: arguments.iter().map(|argument| compile(argument, names)).collect() }
}

fn namespaced(operand: &Node, field: &str, names: &dyn Names) -> Option<Op> {
    match operand {
        Node::Name { root, .. } if is_namespace(root) => Some(bind(root, Some(field), names)),
        Node::Name { root, .. } => match names.bind(root, Some(field)) {
            Some(Binding::Cell(cell)) => Some(Op::Cell(cell, format!("{root}.{field}").into())),
            _ => None,
        },
        _ => None,
    }
}

fn bind(root: &str, field: Option<&str>, names: &dyn Names) -> Op {
    match names.bind(root, field) {
        Some(Binding::Constant(value)) => Op::Constant(value),
        Some(Binding::Slot(slot)) => Op::Slot(slot),
        Some(Binding::Response(field)) => Op::Response(field),
        Some(Binding::Fact(fact)) => Op::Fact(fact),
        Some(Binding::Row(set)) => Op::Row(set, root.into()),
        Some(Binding::Cell(cell)) => Op::Cell(cell, root.into()),
        None => Op::Unknown(field.map_or_else(|| root.to_owned(), |field| format!("{root}.{field}"))),
    }
}
