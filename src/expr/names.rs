//! The names that an expression reads from outside itself.
//!
//! Owns: what counts as a use, and whether its absence is foreseen. Must never know: which names exist.

use super::Expr;
use super::syntax::{Entry, Node};
use crate::source::Span;

/// Roots whose names stand behind a dot: `env.BASE_URL`.
const NAMESPACES: [&str; 4] = ["env", "vu", "scenario", "setup"];

pub(super) fn is_namespace(root: &str) -> bool {
    NAMESPACES.contains(&root)
}

/// A name that an expression reads from outside itself (bound variables of `map`, `all`, … are not listed).
#[derive(Clone, Debug, PartialEq)]
pub struct NameUse {
    /// `user_id`, `env`, `vu`, `json`…
    pub root: String,
    /// The first field selected, where the root is followed by one: `BASE_URL` of `env.BASE_URL`.
    pub field: Option<String>,
    /// Inside `has(…)`, behind an optional `.?`, before `.orValue`, or where a `has` around it has made sure: absence is foreseen.
    pub guarded: bool,
    /// Of the root; of root and field for the namespaces `env`, `vu`, `scenario` and `setup`.
    pub span: Span,
    /// Of the field, where there is one; of the root, where there is none.
    pub field_span: Span,
}

impl Expr {
    /// The outside names that it reads, in order.
    pub fn names(&self) -> Vec<NameUse> {
        let mut uses = Uses::default();
        uses.collect(&self.root, false);
        uses.found
    }

    /// The names that are set for certain when this condition has come out so: `seat`, `vu.token`, `json`.
    pub fn proves(&self, outcome: bool) -> Vec<String> {
        proven(&self.root, outcome)
    }
}

#[derive(Default)]
struct Uses {
    found: Vec<NameUse>,
    /// What conditions around have made sure of.
    proven: Vec<String>,
}

impl Uses {
    fn collect(&mut self, node: &Node, guarded: bool) {
        if let Some((root, root_span, field, field_span)) = selected(node) {
            let absence = guarded
                || matches!(
                    node,
                    Node::Has { .. } | Node::Select { optional: true, .. } | Node::Index { optional: true, .. }
                );
            let whole = is_namespace(root) && field_span.end > root_span.end;
            let span = if whole { Span { start: root_span.start, end: field_span.end } } else { root_span };
            self.found(root, Some(field), absence, (span, field_span));
            return;
        }
        match node {
            Node::Literal(_) | Node::Local { .. } => {}
            Node::Name { root, span } => self.found(root, None, guarded, (*span, *span)),
            Node::Select { operand, optional, .. } => self.collect(operand, guarded || *optional),
            Node::Has { operand, .. } | Node::IsSet(operand) => self.collect(operand, true),
            Node::Index { operand, index, optional } => {
                self.collect(operand, guarded || *optional);
                self.collect(index, false);
            }
            Node::Fallback { operand, fallback, .. } => {
                self.collect(operand, is_name(operand));
                self.collect(fallback, false);
            }
            Node::Not(operand) | Node::Negate(operand) => self.collect(operand, false),
            Node::Arithmetic(_, sides) | Node::Compare(_, sides) | Node::Equal { sides, .. } | Node::In(sides) => {
                self.all(sides.iter());
            }
            // A side that decides wins over an error on any other side, before it or behind it.
            Node::And(nodes) => self.under(nodes.iter().flat_map(|node| proven(node, true)), nodes.iter()),
            Node::Or(nodes) => self.under(nodes.iter().flat_map(|node| proven(node, false)), nodes.iter()),
            Node::Call { arguments: nodes, .. } => self.all(nodes.iter()),
            Node::Conditional(nodes) => {
                let [test, then, otherwise] = &**nodes;
                self.collect(test, false);
                self.under(proven(test, true), [then]);
                self.under(proven(test, false), [otherwise]);
            }
            Node::List(entries) => entries.iter().for_each(|entry| self.entry(entry)),
            Node::Map(entries) => {
                for (key, entry) in entries {
                    self.collect(key, false);
                    self.entry(entry);
                }
            }
            Node::Comprehension { range, filter, body, .. } => {
                self.all([Some(&**range), filter.as_deref(), Some(&**body)].into_iter().flatten());
            }
        }
    }

    fn all<'n>(&mut self, nodes: impl IntoIterator<Item = &'n Node>) {
        nodes.into_iter().for_each(|node| self.collect(node, false));
    }

    fn entry(&mut self, entry: &Entry) {
        self.collect(&entry.node, entry.optional && is_name(&entry.node));
    }

    /// These are reached only when what is proven holds.
    fn under<'n>(&mut self, proven: impl IntoIterator<Item = String>, nodes: impl IntoIterator<Item = &'n Node>) {
        let before = self.proven.len();
        self.proven.extend(proven);
        self.all(nodes);
        self.proven.truncate(before);
    }

    fn found(&mut self, root: &str, field: Option<&str>, guarded: bool, (span, field_span): (Span, Span)) {
        let guarded = guarded || self.proven.contains(&full_name(root, field));
        self.found.push(NameUse { root: root.to_owned(), field: field.map(str::to_owned), guarded, span, field_span });
    }
}

/// `seat`, `vu.token`: nothing of a value, but a name itself.
pub(super) fn is_name(node: &Node) -> bool {
    match node {
        Node::Name { .. } => true,
        Node::Select { operand, optional: false, .. } => {
            matches!(&**operand, Node::Name { root, .. } if is_namespace(root))
        }
        _ => false,
    }
}

/// `vu.token` in a namespace, the root alone elsewhere.
fn full_name(root: &str, field: Option<&str>) -> String {
    match field {
        Some(field) if is_namespace(root) => format!("{root}.{field}"),
        _ => root.to_owned(),
    }
}

/// The names that are set when `node` has come out as `outcome`.
fn proven(node: &Node, outcome: bool) -> Vec<String> {
    let in_each = |nodes: &[Node]| {
        let mut names = nodes.iter().map(|node| proven(node, outcome));
        let first = names.next().unwrap_or_default();
        names.fold(first, |common, names| common.into_iter().filter(|name| names.contains(name)).collect())
    };
    match node {
        Node::Has { .. } | Node::IsSet(_) if outcome => root_name(node).into_iter().collect(),
        Node::Call { function, arguments } if outcome && function.name == "hasValue" => {
            arguments.first().and_then(root_name).into_iter().collect()
        }
        Node::Not(operand) => proven(operand, !outcome),
        Node::And(nodes) if outcome => nodes.iter().flat_map(|node| proven(node, true)).collect(),
        Node::Or(nodes) if !outcome => nodes.iter().flat_map(|node| proven(node, false)).collect(),
        Node::And(nodes) | Node::Or(nodes) => in_each(nodes),
        _ => Vec::new(),
    }
}

/// What a path begins with.
fn root_name(node: &Node) -> Option<String> {
    if let Some((root, _, field, _)) = selected(node) {
        return Some(full_name(root, Some(field)));
    }
    match node {
        Node::Name { root, .. } => Some(full_name(root, None)),
        Node::Select { operand, .. }
        | Node::Has { operand, .. }
        | Node::Index { operand, .. }
        | Node::IsSet(operand) => root_name(operand),
        _ => None,
    }
}

/// A name and what is selected of it right away: `env.A`, `env["A"]`, `has(env.A)`.
fn selected(node: &Node) -> Option<(&str, Span, &str, Span)> {
    match node {
        Node::Select { operand, field, field_span, .. } | Node::Has { operand, field, field_span } => {
            match &**operand {
                Node::Name { root, span } => Some((root, *span, field, *field_span)),
                _ => None,
            }
        }
        Node::Index { operand, index, .. } => match (&**operand, &**index) {
            (Node::Name { root, span }, Node::Literal(super::Value::String(field))) => {
                Some((root, *span, field, *span))
            }
            _ => None,
        },
        _ => None,
    }
}
