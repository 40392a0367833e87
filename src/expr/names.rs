//! The names that an expression reads from outside itself.
//!
//! Owns: what counts as a use, and whether its absence is foreseen. Must never know: which names exist.

use super::Expr;
use super::syntax::Node;
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
    /// Inside `has(…)` or behind an optional `.?`: absence is foreseen.
    pub guarded: bool,
    /// Of the root; of root and field for the namespaces `env`, `vu`, `scenario` and `setup`.
    pub span: Span,
    /// Of the field, where there is one; of the root, where there is none.
    pub field_span: Span,
}

impl Expr {
    /// The outside names that it reads, in order.
    pub fn names(&self) -> Vec<NameUse> {
        let mut found = Vec::new();
        collect(&self.root, false, &mut found);
        found
    }
}

fn collect(node: &Node, guarded: bool, found: &mut Vec<NameUse>) {
    if let Some((root, root_span, field, field_span)) = selected(node) {
        let absence = guarded
            || matches!(
                node,
                Node::Has { .. } | Node::Select { optional: true, .. } | Node::Index { optional: true, .. }
            );
        let whole = is_namespace(root) && field_span.end > root_span.end;
        let span = if whole { Span { start: root_span.start, end: field_span.end } } else { root_span };
        found.push(NameUse {
            root: root.to_owned(),
            field: Some(field.to_owned()),
            guarded: absence,
            span,
            field_span,
        });
        return;
    }
    let mut all = |nodes: &mut dyn Iterator<Item = &Node>| nodes.for_each(|node| collect(node, false, found));
    match node {
        Node::Literal(_) | Node::Local { .. } => {}
        Node::Name { root, span } => {
            found.push(NameUse { root: root.clone(), field: None, guarded, span: *span, field_span: *span })
        }
        Node::Select { operand, optional, .. } => collect(operand, guarded || *optional, found),
        Node::Has { operand, .. } => collect(operand, true, found),
        Node::Index { operand, index, optional } => {
            collect(operand, guarded || *optional, found);
            collect(index, false, found);
        }
        Node::Fallback { operand, fallback, .. } => all(&mut [&**operand, &**fallback].into_iter()),
        Node::Not(operand) | Node::Negate(operand) => collect(operand, false, found),
        Node::Arithmetic(_, sides) | Node::Compare(_, sides) | Node::Equal { sides, .. } | Node::In(sides) => {
            all(&mut sides.iter())
        }
        Node::And(nodes) | Node::Or(nodes) | Node::Call { arguments: nodes, .. } => all(&mut nodes.iter()),
        Node::Conditional(nodes) => all(&mut nodes.iter()),
        Node::List(entries) => all(&mut entries.iter().map(|entry| &entry.node)),
        Node::Map(entries) => all(&mut entries.iter().flat_map(|(key, entry)| [key, &entry.node])),
        Node::Comprehension { range, filter, body, .. } => {
            all(&mut [Some(&**range), filter.as_deref(), Some(&**body)].into_iter().flatten());
        }
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
