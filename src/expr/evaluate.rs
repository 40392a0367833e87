//! Walking a program: CEL's meaning of every construct.
//!
//! Owns: the order of evaluation, logic, and the bounds of one evaluation. Must never know: how programs are made.

use super::program::Op;
use super::value::Number;
use super::{EvalError, Scope, Val, access, answer, elements, operators};

/// Elements visited, and bytes of text made, in one evaluation.
const BUDGET: usize = 20_000_000;
/// No function takes more arguments.
pub(super) const MOST_ARGUMENTS: usize = 4;

/// One evaluation.
pub(super) struct Run<'a> {
    pub scope: &'a dyn Scope,
    /// Variables of the comprehensions around, outermost first.
    pub locals: Vec<Val<'a>>,
    budget: usize,
}

impl<'a> Run<'a> {
    pub fn new(scope: &'a dyn Scope) -> Run<'a> {
        Run::bounded(scope, BUDGET)
    }

    pub fn bounded(scope: &'a dyn Scope, budget: usize) -> Run<'a> {
        Run { scope, locals: Vec::new(), budget }
    }

    /// Called before work or memory that grows with the data.
    pub fn spend(&mut self, amount: usize) -> Result<(), EvalError> {
        match self.budget.checked_sub(amount) {
            Some(rest) => self.budget = rest,
            None => {
                return Err(EvalError::new(
                    "takes too much: more than 20 million elements or bytes of text in one expression",
                ));
            }
        }
        Ok(())
    }
}

pub(super) fn at(path: &str, error: EvalError) -> EvalError {
    EvalError::new(format!("`{path}`: {}", error.message))
}

pub(super) type Evaluated<'a> = Result<Val<'a>, EvalError>;

impl Op {
    pub fn evaluate<'a>(&'a self, run: &mut Run<'a>) -> Evaluated<'a> {
        match self {
            Op::Constant(value) => Ok(Val::from_json(value)),
            Op::Slot(slot) => match run.scope.slot(*slot) {
                Some(value) => Ok(Val::from_json(value)),
                None => Err(EvalError::new(format!("`{}` is not set yet", run.scope.slot_name(*slot)))),
            },
            Op::Response(field) => answer::read(run, *field),
            Op::Fact(fact) => Ok(Val::Int(run.scope.fact(*fact))),
            Op::Row(set, name) => {
                run.scope.row(*set).ok_or_else(|| EvalError::new(format!("`{name}`: no row has been picked")))
            }
            Op::Cell(cell, name) => {
                run.scope.cell(*cell).ok_or_else(|| EvalError::new(format!("`{name}`: this row has no such field")))
            }
            Op::Local(index) => Ok(run.locals.get(*index).cloned().unwrap_or(Val::Null)),
            Op::Unknown(name) => Err(EvalError::new(format!("`{name}` does not exist"))),
            Op::Select { operand, field, path, optional } => access::select(run, operand, field, path, *optional),
            Op::Has { operand, field, path } => access::has(run, operand, field, path),
            Op::IsSet(operand) => Ok(Val::Bool(!operand.is_unset(run.scope))),
            Op::IfSet(operand) if operand.is_unset(run.scope) => Ok(Val::Optional(None)),
            Op::IfSet(operand) => Ok(Val::Optional(Some(Box::new(operand.evaluate(run)?)))),
            Op::Index { operand, index, path, optional } => access::indexed(run, operand, index, path, *optional),
            Op::Not(operand) => match operand.evaluate(run)? {
                Val::Bool(value) => Ok(Val::Bool(!value)),
                other => Err(EvalError::new(format!("`!` takes a bool, not {}", other.describe()))),
            },
            Op::Negate(operand) => negated(operand.evaluate(run)?),
            Op::Arithmetic(operator, sides) => {
                let (left, right) = (sides[0].evaluate(run)?, sides[1].evaluate(run)?);
                operators::arithmetic(run, *operator, left, right)
            }
            Op::Compare(comparison, sides) => {
                let (left, right) = (sides[0].evaluate(run)?, sides[1].evaluate(run)?);
                operators::compare(*comparison, &left, &right).map(Val::Bool)
            }
            Op::Equal { negated, sides } => {
                let (left, right) = (sides[0].settled(run)?, sides[1].settled(run)?);
                Ok(Val::Bool(operators::equal(&left, &right) != *negated))
            }
            Op::In(sides) => access::contained(run, &sides[0], &sides[1]),
            Op::And(sides) => logic(run, sides, false),
            Op::Or(sides) => logic(run, sides, true),
            Op::Conditional(parts) => match parts[0].evaluate(run)? {
                Val::Bool(true) => parts[1].evaluate(run),
                Val::Bool(false) => parts[2].evaluate(run),
                other => Err(EvalError::new(format!("the condition before `?` is {}, not a bool", other.describe()))),
            },
            Op::Call { function, arguments } => {
                let mut values = [const { Val::Null }; MOST_ARGUMENTS];
                for (value, argument) in values.iter_mut().zip(arguments) {
                    *value = argument.settled(run)?;
                }
                let given = arguments.len().min(MOST_ARGUMENTS);
                (function.implementation)(run, &mut values[..given]).map_err(|error| at(function.name, error))
            }
            Op::Matches { text, pattern } => match text.evaluate(run)? {
                Val::Str(text) => Ok(Val::Bool(pattern.is_match(&text))),
                other => Err(EvalError::new(format!("`matches` searches a string, not {}", other.describe()))),
            },
            Op::Fallback { operand, fallback, optional } => match operand.evaluate(run)? {
                Val::Optional(None) => fallback.evaluate(run),
                Val::Optional(Some(value)) if !optional => Ok(*value),
                present @ Val::Optional(_) => Ok(present),
                other => Err(EvalError::new(format!(
                    "{} is not optional: `orValue` and `or` stand behind `.?key` or `[?index]`",
                    other.describe()
                ))),
            },
            Op::List(entries) => elements::list(run, entries),
            Op::Map(entries) => elements::map(run, entries),
            Op::Comprehension { kind, range, filter, body } => {
                elements::comprehension(run, *kind, range, filter.as_deref(), body)
            }
        }
    }

    pub fn settled<'a>(&'a self, run: &mut Run<'a>) -> Evaluated<'a> {
        let value = self.evaluate(run)?;
        run.settle(value)
    }

    /// Whether the name at the root holds nothing yet: what `has` and `.?` foresee.
    pub fn is_unset(&self, scope: &dyn Scope) -> bool {
        match self {
            Op::Slot(slot) => scope.slot(*slot).is_none(),
            Op::Response(_) => scope.response().is_none(),
            Op::Row(set, _) => scope.row(*set).is_none(),
            Op::Cell(cell, _) => scope.cell(*cell).is_none(),
            Op::Select { operand, .. } | Op::Index { operand, .. } => operand.is_unset(scope),
            Op::Unknown(_) => true,
            _ => false,
        }
    }
}

/// `&&` (decided by false) and `||` (decided by true): a side that decides wins over an error on any other side.
fn logic<'a>(run: &mut Run<'a>, sides: &'a [Op], decisive: bool) -> Evaluated<'a> {
    let mut first_error = None;
    for side in sides {
        match side.evaluate(run) {
            Ok(Val::Bool(value)) if value == decisive => return Ok(Val::Bool(decisive)),
            Ok(Val::Bool(_)) => {}
            Ok(other) => {
                let symbol = if decisive { "||" } else { "&&" };
                let error = || EvalError::new(format!("`{symbol}` takes bools, not {}", other.describe()));
                first_error.get_or_insert_with(error);
            }
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(Val::Bool(!decisive)), Err)
}

fn negated(value: Val) -> Evaluated {
    match value.number() {
        Some(Number::Int(int)) => match int.checked_neg() {
            Some(int) => Ok(Val::Int(int)),
            None => Err(EvalError::new(format!("`-({int})` does not fit 64 bits"))),
        },
        Some(Number::Float(float)) => Ok(Val::Float(-float)),
        None => Err(EvalError::new(format!("`-` takes a number, not {}", value.describe()))),
    }
}
