//! From the parser's tree to ours: macros folded back, functions looked up, arguments counted.
//!
//! Owns: what is refused although it parses. Must never know: the run.

mod calls;
mod macros;
mod operators;

use cel::common::ast::{self, CallExpr, EntryExpr, Expr as Cel, IdedExpr, LiteralValue, SourceInfo};

use super::functions::Form;
use super::lexer::Token;
use super::parse::HAS_STAND_IN;
use super::syntax::{Entry, Node};
use super::{Located, Value};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

pub(super) fn translate(
    tree: IdedExpr,
    located: Located,
    tokens: &[Token],
    places: &SourceInfo,
) -> Result<Node, Vec<Diagnostic>> {
    let mut translator = Translator { located, tokens, places, locals: Vec::new(), found: Vec::new() };
    let node = translator.node(tree);
    if translator.found.is_empty() { Ok(node) } else { Err(translator.found) }
}

struct Translator<'t> {
    located: Located<'t>,
    tokens: &'t [Token<'t>],
    places: &'t SourceInfo,
    /// Variables of the comprehensions around, outermost first.
    locals: Vec<String>,
    found: Vec<Diagnostic>,
}

impl Translator<'_> {
    fn node(&mut self, expr: IdedExpr) -> Node {
        let id = expr.id;
        match expr.expr {
            Cel::Literal(literal) => self.literal(id, literal),
            Cel::Ident(name) => self.name(id, name),
            Cel::Select(select) => self.select(id, select),
            Cel::Call(call) => self.call(id, call),
            Cel::List(list) => {
                let optional = list.optional_indices;
                let entries = list.elements.into_iter().enumerate();
                Node::List(
                    entries
                        .map(|(at, node)| Entry { node: self.node(node), optional: optional.contains(&at) })
                        .collect(),
                )
            }
            Cel::Map(map) => Node::Map(map.entries.into_iter().filter_map(|entry| self.entry(entry)).collect()),
            Cel::Comprehension(parts) => self.comprehension(*parts),
            Cel::Struct(_) => {
                self.refuse(id, "expression-syntax", "typed objects do not exist here", "write `{'key': value}`")
            }
            Cel::Unspecified => self.refuse(id, "expression-syntax", "this expression is incomplete", "complete it"),
        }
    }

    /// Reports, and stands in for the node.
    fn refuse(&mut self, id: u64, code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Node {
        let span = self.token_at(id).map_or(self.located.span, |token| self.span(token));
        self.found.push(Diagnostic::error(code, message).at(span).help(help));
        Node::Literal(Value::Null)
    }

    fn token_index(&self, id: u64) -> Option<usize> {
        let (start, _) = self.places.offset_for(id)?;
        let at = self.tokens.partition_point(|token| token.end() <= start as usize);
        (at < self.tokens.len()).then_some(at)
    }

    fn token_at(&self, id: u64) -> Option<Token<'_>> {
        self.token_index(id).map(|at| self.tokens[at])
    }

    fn span(&self, token: Token) -> Span {
        self.located.part(token.start, token.end())
    }

    /// The name behind a dot, skipping the `?` of `.?`.
    fn field_span(&self, id: u64) -> Span {
        let after_dot = self.token_index(id).map_or(0, |at| at + 1);
        let field = self.tokens.iter().skip(after_dot).find(|token| !token.is("?"));
        field.map_or(self.located.span, |token| self.span(*token))
    }

    fn literal(&mut self, id: u64, literal: LiteralValue) -> Node {
        Node::Literal(match literal {
            LiteralValue::Null => Value::Null,
            LiteralValue::Boolean(value) => Value::Bool(value.into_inner()),
            LiteralValue::Int(value) => value.into_inner().into(),
            LiteralValue::Double(value) => value.into_inner().into(),
            LiteralValue::String(value) => Value::String(value.into_inner()),
            LiteralValue::UInt(value) => {
                let help = format!("write `{}`, without `u`", value.into_inner());
                return self.refuse(id, "expression-syntax", "unsigned integers do not exist here", help);
            }
            LiteralValue::Bytes(_) => {
                return self.refuse(
                    id,
                    "expression-syntax",
                    "raw bytes do not exist here",
                    "write a text, without `b`",
                );
            }
        })
    }

    fn name(&mut self, id: u64, root: String) -> Node {
        if let Some(index) = self.locals.iter().rposition(|local| *local == root) {
            return Node::Local { index, name: root };
        }
        if let Some(rest) = root.strip_prefix('.') {
            return self.refuse(id, "expression-syntax", "a name cannot begin with a dot", format!("write `{}`", rest));
        }
        let span = self.token_at(id).map_or(self.located.span, |token| self.span(token));
        Node::Name { root, span }
    }

    fn select(&mut self, id: u64, select: ast::SelectExpr) -> Node {
        let ast::SelectExpr { operand, field, test } = select;
        if test {
            // `has` makes a node of its own; the field stands before the `)` that closes it.
            let operand = Box::new(self.node(*operand));
            let field_span = self.tested_field(id, &field);
            return Node::Has { operand, field, field_span };
        }
        self.field(id, *operand, field, false)
    }

    fn field(&mut self, id: u64, operand: IdedExpr, field: String, optional: bool) -> Node {
        let operand = self.node(operand);
        let field_span = self.field_span(id);
        if let Node::Name { root, span } = &operand
            && let Some(instead) = k6_field(root, &field)
        {
            let message = format!("`{root}.{field}`: what the last response holds is read by its own name");
            let span = Span { start: span.start, end: span.end.max(field_span.end) };
            self.found.push(Diagnostic::error("k6-habit", message).at(span).help(format!("write `{instead}`")));
        }
        Node::Select { operand: Box::new(operand), field, field_span, optional }
    }

    /// `has(a.b)` is placed at its `(`: the field is the last name before the bracket's end.
    fn tested_field(&self, id: u64, field: &str) -> Span {
        let mut depth = 0;
        let open = self.token_index(id).unwrap_or(0);
        let close = self.tokens.iter().skip(open).position(|token| {
            depth += usize::from(token.is("(")) as isize - usize::from(token.is(")")) as isize;
            depth <= 0
        });
        let inside = &self.tokens[open..open + close.unwrap_or(0)];
        let token = inside.iter().rev().find(|token| token.text == field);
        token.map_or(self.located.span, |token| self.span(*token))
    }

    fn entry(&mut self, entry: ast::IdedEntryExpr) -> Option<(Node, Entry)> {
        let EntryExpr::MapEntry(entry) = entry.expr else { return None };
        let id = entry.key.id;
        let mut key = self.node(entry.key);
        if matches!(&key, Node::Literal(literal) if !literal.is_string()) {
            key = self.refuse(id, "expression-syntax", "the keys of an object are text", "write `{'key': value}`");
        }
        Some((key, Entry { node: self.node(entry.value), optional: entry.optional }))
    }

    fn call(&mut self, id: u64, call: CallExpr) -> Node {
        let CallExpr { func_name, target, args } = call;
        match target {
            None if func_name == HAS_STAND_IN && self.call_token(id).is_some_and(|token| token.is("has")) => {
                self.is_set(id, args)
            }
            None if func_name.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) => {
                self.operator(id, &func_name, args)
            }
            None => {
                let arguments = args.into_iter().map(|argument| self.node(argument)).collect();
                self.function(id, &func_name, Form::Global, arguments)
            }
            Some(target) => self.method(id, func_name, *target, args),
        }
    }
}

/// What reads the same in k6's scripts, where the response is an object.
fn k6_field(root: &str, field: &str) -> Option<&'static str> {
    const FIELDS: [(&str, &str); 20] = [
        ("status", "status"),
        ("status_code", "status"),
        ("statusCode", "status"),
        ("body", "body"),
        ("text", "body"),
        ("json", "json"),
        ("headers", "headers"),
        ("cookies", "cookies"),
        ("timings", "timings"),
        ("content", "body"),
        ("elapsed", "timings.duration"),
        ("time", "timings.duration"),
        ("response_time", "timings.duration"),
        ("responseTime", "timings.duration"),
        ("ok", "status < 400"),
        ("url", "url"),
        ("error", "error"),
        ("error_code", "error_code"),
        ("proto", "proto"),
        ("remote_ip", "remote_ip"),
    ];
    if !matches!(root, "r" | "res" | "resp" | "response") {
        return None;
    }
    FIELDS.into_iter().find(|(name, _)| *name == field).map(|(_, instead)| instead)
}
