//! The syntax tree of an expression: CEL with its macros folded back into what the author wrote.
//!
//! Owns: the tree's shape. Must never know: what names lead to.

use super::Value;
use super::functions::Function;
use crate::source::Span;

/// A parsed expression, not yet bound to names.
#[derive(Clone, Debug)]
pub struct Expr {
    /// As written.
    pub text: String,
    pub span: Span,
    pub(super) root: Node,
}

impl Expr {
    /// The numbers that a name must have for this to hold, where it asks for nothing else: `status == 200`,
    /// `status in [200, 409]`.
    pub fn wanted_numbers(&self, name: &str) -> Option<Vec<i64>> {
        let is_name = |node: &Node| matches!(node, Node::Name { root, .. } if root == name);
        let number = |node: &Node| match node {
            Node::Literal(value) => value.as_i64(),
            _ => None,
        };
        match &self.root {
            Node::Equal { negated: false, sides } => match &**sides {
                [left, right] if is_name(left) => Some(vec![number(right)?]),
                [left, right] if is_name(right) => Some(vec![number(left)?]),
                _ => None,
            },
            Node::In(sides) => match &**sides {
                [left, Node::List(entries)] if is_name(left) => {
                    entries.iter().map(|entry| number(&entry.node)).collect()
                }
                [left, Node::Literal(Value::Array(values))] if is_name(left) => {
                    values.iter().map(Value::as_i64).collect()
                }
                _ => None,
            },
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Literal(Value),
    /// A name from outside.
    Name {
        root: String,
        span: Span,
    },
    /// The variable of an enclosing `map`, `all`, …, counted from the outermost.
    Local {
        index: usize,
        name: String,
    },
    Select {
        operand: Box<Node>,
        field: String,
        field_span: Span,
        optional: bool,
    },
    Has {
        operand: Box<Node>,
        field: String,
        field_span: Span,
    },
    /// `has(name)`.
    IsSet(Box<Node>),
    Index {
        operand: Box<Node>,
        index: Box<Node>,
        optional: bool,
    },
    Not(Box<Node>),
    Negate(Box<Node>),
    Arithmetic(Arithmetic, Box<[Node; 2]>),
    Compare(Comparison, Box<[Node; 2]>),
    Equal {
        negated: bool,
        sides: Box<[Node; 2]>,
    },
    In(Box<[Node; 2]>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Conditional(Box<[Node; 3]>),
    Call {
        function: &'static Function,
        arguments: Vec<Node>,
    },
    /// `x.orValue(y)`, and `x.or(y)` where `optional`.
    Fallback {
        operand: Box<Node>,
        fallback: Box<Node>,
        optional: bool,
    },
    List(Vec<Entry>),
    Map(Vec<(Node, Entry)>),
    Comprehension {
        kind: Comprehension,
        range: Box<Node>,
        filter: Option<Box<Node>>,
        body: Box<Node>,
    },
}

/// An element of a list or an object; an absent `optional` one is left out.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub node: Node,
    pub optional: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Arithmetic {
    pub fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comprehension {
    All,
    Exists,
    ExistsOne,
    Map,
}

/// Longer paths are cut in messages.
const PATH_CHARACTERS: usize = 80;

impl Node {
    /// `json.data[0].token`, as messages name it.
    pub fn path(&self) -> String {
        let path = match self {
            Node::Name { root, .. } => root.clone(),
            Node::Local { name, .. } => name.clone(),
            Node::Select { operand, field, .. } | Node::Has { operand, field, .. } => {
                format!("{}.{field}", operand.path())
            }
            Node::Index { operand, index, .. } => match &**index {
                Node::Literal(literal) => format!("{}[{literal}]", operand.path()),
                index => format!("{}[{}]", operand.path(), index.path()),
            },
            _ => "(…)".to_owned(),
        };
        match path.char_indices().rev().nth(PATH_CHARACTERS) {
            Some((at, _)) => format!("…{}", &path[at..]),
            None => path,
        }
    }
}
