//! Operators, which the parser gives as calls with odd names.

use cel::common::ast::{Expr as Cel, IdedExpr, LiteralValue, operators};

use super::super::syntax::{Arithmetic, Comparison, Node};
use super::Translator;

impl Translator<'_> {
    pub(super) fn operator(&mut self, id: u64, operator: &str, args: Vec<IdedExpr>) -> Node {
        let optional = matches!(operator, operators::OPT_SELECT | operators::OPT_INDEX);
        let mut args = args.into_iter();
        let (first, second, third) = (args.next(), args.next(), args.next());
        match (operator, first, second, third) {
            (operators::CONDITIONAL, Some(test), Some(yes), Some(no)) => {
                Node::Conditional(Box::new([self.node(test), self.node(yes), self.node(no)]))
            }
            (operators::OPT_SELECT, Some(operand), Some(field), None) => match field.expr {
                Cel::Literal(LiteralValue::String(field)) => self.field(id, operand, field.into_inner(), true),
                _ => self.refuse(id, "expression-syntax", "`.?` is followed by a name", "write `json.?key`"),
            },
            (operators::INDEX | operators::OPT_INDEX, Some(operand), Some(index), None) => {
                Node::Index { operand: Box::new(self.node(operand)), index: Box::new(self.node(index)), optional }
            }
            (operators::LOGICAL_NOT, Some(operand), None, None) => Node::Not(Box::new(self.node(operand))),
            (operators::NEGATE, Some(operand), None, None) => Node::Negate(Box::new(self.node(operand))),
            (operator, Some(left), Some(right), None) => {
                let sides = [self.node(left), self.node(right)];
                match binary(operator, sides) {
                    Some(node) => node,
                    None => {
                        self.refuse(id, "expression-syntax", "this operator is not supported", "write it differently")
                    }
                }
            }
            _ => self.refuse(id, "expression-syntax", "this operator is incomplete", "complete it"),
        }
    }
}

fn binary(operator: &str, sides: [Node; 2]) -> Option<Node> {
    let arithmetic = |operator, sides| Some(Node::Arithmetic(operator, Box::new(sides)));
    let compare = |comparison, sides| Some(Node::Compare(comparison, Box::new(sides)));
    match operator {
        operators::LOGICAL_AND => Some(Node::And(flattened(sides, |node| match node {
            Node::And(nodes) => Ok(nodes),
            node => Err(node),
        }))),
        operators::LOGICAL_OR => Some(Node::Or(flattened(sides, |node| match node {
            Node::Or(nodes) => Ok(nodes),
            node => Err(node),
        }))),
        operators::EQUALS => Some(Node::Equal { negated: false, sides: Box::new(sides) }),
        operators::NOT_EQUALS => Some(Node::Equal { negated: true, sides: Box::new(sides) }),
        operators::IN => Some(Node::In(Box::new(sides))),
        operators::ADD => arithmetic(Arithmetic::Add, sides),
        operators::SUBSTRACT => arithmetic(Arithmetic::Subtract, sides),
        operators::MULTIPLY => arithmetic(Arithmetic::Multiply, sides),
        operators::DIVIDE => arithmetic(Arithmetic::Divide, sides),
        operators::MODULO => arithmetic(Arithmetic::Remainder, sides),
        operators::LESS => compare(Comparison::Less, sides),
        operators::LESS_EQUALS => compare(Comparison::LessOrEqual, sides),
        operators::GREATER => compare(Comparison::Greater, sides),
        operators::GREATER_EQUALS => compare(Comparison::GreaterOrEqual, sides),
        _ => None,
    }
}

/// `a && b && c` as one list: the parser balances such chains into a tree.
fn flattened(sides: [Node; 2], inner: impl Fn(Node) -> Result<Vec<Node>, Node>) -> Vec<Node> {
    sides.into_iter().flat_map(|side| inner(side).unwrap_or_else(|node| vec![node])).collect()
}
