//! Functions and methods: whether they exist, and whether their arguments fit.

use cel::common::ast::{Expr as Cel, IdedExpr};

use super::super::Value;
use super::super::functions::{self, Form, Function};
use super::super::lexer::Token;
use super::super::syntax::Node;
use super::{Translator, k6_field};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

impl Translator<'_> {
    pub(super) fn method(&mut self, id: u64, name: String, target: IdedExpr, args: Vec<IdedExpr>) -> Node {
        if let Cel::Ident(namespace) = &target.expr
            && !self.locals.contains(namespace)
        {
            if let Some(instead) = k6_field(namespace, &name) {
                let message = format!("`{namespace}.{name}()`: what the last response holds is read by its own name");
                let help = format!("write `{instead}` instead of `{namespace}.{name}()`");
                return self.refuse_call(id, target.id, "k6-habit", message, help);
            }
            let qualified = format!("{namespace}.{name}");
            if functions::find(&qualified, Form::Global).is_some() || functions::elsewhere(&qualified).is_some() {
                let arguments = args.into_iter().map(|argument| self.node(argument)).collect();
                return self.function(id, &qualified, Form::Global, arguments);
            }
        }
        let target = self.node(target);
        let mut arguments: Vec<Node> = args.into_iter().map(|argument| self.node(argument)).collect();
        if matches!(name.as_str(), "orValue" | "or") && arguments.len() == 1 {
            let fallback = Box::new(arguments.remove(0));
            return Node::Fallback { operand: Box::new(target), fallback, optional: name == "or" };
        }
        arguments.insert(0, target);
        self.function(id, &name, Form::Method, arguments)
    }

    /// `has(name)`.
    pub(super) fn is_set(&mut self, id: u64, args: Vec<IdedExpr>) -> Node {
        let names: Vec<Node> = args.into_iter().map(|argument| self.node(argument)).collect();
        match <[Node; 1]>::try_from(names) {
            Ok([name @ Node::Name { .. }]) => Node::IsSet(Box::new(name)),
            _ => {
                let message = "`has` takes a name that a step sets, or a field";
                let found = Diagnostic::error("expression-syntax", message).at(self.call_name(id));
                self.found.push(found.help("write `has(token)` or `has(json.token)`"));
                Node::Literal(Value::Null)
            }
        }
    }

    /// Calls are placed at their `(`; the name stands before it.
    pub(super) fn call_token(&self, id: u64) -> Option<&Token<'_>> {
        self.token_index(id).and_then(|open| self.tokens.get(open.checked_sub(1)?))
    }

    fn call_name(&self, id: u64) -> Span {
        self.call_token(id).map_or(self.located.span, |token| self.span(*token))
    }

    fn refuse_call(&mut self, id: u64, from: u64, code: &'static str, message: String, help: String) -> Node {
        let mut span = self.call_name(id);
        if let (true, Some(token)) = (self.located.exact, self.token_at(from)) {
            span.start = self.span(token).start;
        }
        self.found.push(Diagnostic::error(code, message).at(span).help(help));
        Node::Literal(Value::Null)
    }

    pub(super) fn function(&mut self, id: u64, name: &str, form: Form, arguments: Vec<Node>) -> Node {
        let span = self.call_name(id);
        match functions::find(name, form) {
            Some(function) => {
                self.found.extend(problem(function, form, &arguments).map(|found| found.at(span)));
                Node::Call { function, arguments }
            }
            None => {
                self.found.push(functions::unknown(name, form).at(span));
                Node::Literal(Value::Null)
            }
        }
    }
}

fn problem(function: &'static Function, form: Form, arguments: &[Node]) -> Option<Diagnostic> {
    let given = arguments.len();
    if function.takes(given) {
        let literals = arguments.iter().map(|argument| match argument {
            Node::Literal(Value::String(text)) => Some(text.as_str()),
            _ => None,
        });
        return functions::wrong_literal(function, &literals.collect::<Vec<_>>());
    }
    let given = given - usize::from(form == Form::Method);
    let message = format!("`{}` does not take {given} argument{}", function.name, if given == 1 { "" } else { "s" });
    Some(Diagnostic::error("wrong-arguments", message).help(format!("write `{}`", function.signature)))
}
