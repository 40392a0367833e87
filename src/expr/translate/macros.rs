//! Macros, folded back from the loops that the parser makes of them.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr as Cel, IdedExpr, operators};

use super::super::syntax::{Comprehension, Node};
use super::Translator;

impl Translator<'_> {
    pub(super) fn comprehension(&mut self, parts: ComprehensionExpr) -> Node {
        let id = parts.iter_range.id;
        let range = Box::new(self.node(parts.iter_range));
        let Some((kind, filter, body)) = unfolded(parts.accu_init.expr, parts.loop_step.expr) else {
            return self.refuse(
                id,
                "expression-syntax",
                "this macro is not supported",
                "use `all`, `exists`, `filter` or `map`",
            );
        };
        self.locals.push(parts.iter_var);
        let filter = filter.map(|filter| Box::new(self.node(filter)));
        let body = Box::new(self.node(body));
        self.locals.pop();
        Node::Comprehension { kind, range, filter, body }
    }
}

/// What was written before the parser made a loop of it: the kind tells from the first value and the step.
fn unfolded(start: Cel, step: Cel) -> Option<(Comprehension, Option<IdedExpr>, IdedExpr)> {
    let Cel::Call(CallExpr { func_name, mut args, .. }) = step else { return None };
    match (func_name.as_str(), start) {
        (operators::LOGICAL_AND, _) => Some((Comprehension::All, None, args.pop()?)),
        (operators::LOGICAL_OR, _) => Some((Comprehension::Exists, None, args.pop()?)),
        (operators::ADD, _) => Some((Comprehension::Map, None, added(args)?)),
        (operators::CONDITIONAL, Cel::List(_)) => {
            let mut args = args.into_iter();
            let (filter, step) = (args.next()?, args.next()?);
            let Cel::Call(step) = step.expr else { return None };
            Some((Comprehension::Map, Some(filter), added(step.args)?))
        }
        (operators::CONDITIONAL, _) => Some((Comprehension::ExistsOne, None, args.into_iter().next()?)),
        _ => None,
    }
}

/// The `x` of `result + [x]`.
fn added(mut args: Vec<IdedExpr>) -> Option<IdedExpr> {
    match args.pop()?.expr {
        Cel::List(mut list) => list.elements.pop(),
        _ => None,
    }
}
