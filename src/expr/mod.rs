//! Stage 1b: templates and expressions: parse, check, compile, evaluate.
//!
//! Expressions are CEL. The `cel` crate parses; the compiled form and its evaluation are ours, over borrowed JSON values.
//! Owns: syntax trees, compiled programs, the function library, JSONPath queries.
//! Must never know: steps, HTTP, who runs it: all it sees of a run is the [`Scope`].
//!
//! Reading order: `lexer` and `habits` look at tokens, `parse` calls the parser, `translate` makes the `syntax` tree, `names` lists what
//! it reads, `program` binds it, `fold` finds constants, `evaluate` runs it with `answer` (names of the response), `access` (fields),
//! `operators` and `elements` (lists, objects). `types` infers what is
//! known of it before the run. `template` and `data` put programs into text and data.

mod access;
mod answer;
mod data;
mod elements;
mod evaluate;
mod fold;
mod functions;
mod habits;
mod jsonpath;
mod lexer;
mod names;
mod operators;
mod parse;
mod program;
mod syntax;
mod template;
#[cfg(test)]
mod tests;
mod translate;
mod types;
mod value;
mod written;

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use crate::source::Span;

pub use data::{Data, DataProgram};
pub use fold::BeforeRun;
pub use functions::{names as function_names, reference as function_reference, signature as function_signature};
pub use jsonpath::JsonPath;
pub use names::NameUse;
pub use program::Program;
pub use syntax::Expr;
pub use template::{Part, Template, TextProgram};
pub use types::{Type, TypeOf};
pub use value::Val;

/// A value of the plan at run time: variables, JSON bodies, data rows.
pub type Value = serde_json::Value;

/// Text of a plan's scalar and where its first character stands. `exact` says that the text stands there literally (no escapes,
/// no folding), so that an offset in the text is an offset in the plan.
#[derive(Clone, Copy, Debug)]
pub struct Located<'a> {
    pub text: &'a str,
    pub span: Span,
    pub exact: bool,
}

impl Located<'_> {
    /// The plan's span of a range of the text; of the whole scalar where offsets do not carry over.
    fn part(&self, start: usize, end: usize) -> Span {
        if !self.exact {
            return self.span;
        }
        let from = self.span.start as usize;
        Span::new(from + start, from + end)
    }
}

/// Where a name leads, decided once when the graph is compiled.
#[derive(Clone, Debug, PartialEq)]
pub enum Binding {
    /// Known before the run: `vars`, `env.NAME`, `scenario.name`. Folded into the program.
    Constant(Value),
    Slot(SlotId),
    Response(ResponseField),
    /// `vu.id`, `vu.iteration`, `scenario.iteration`.
    Fact(Fact),
    /// The current row of a data set, as an object.
    Row(SetId),
    /// A field of it.
    Cell(CellId),
}

/// A data set, by its place among those of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetId(pub u32);

/// A column of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellId {
    pub set: SetId,
    pub column: u16,
}

/// A variable's place in a VU's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseField {
    Status,
    Body,
    Json,
    Headers,
    Cookies,
    Timings,
    Url,
    Error,
    ErrorCode,
    Proto,
    RemoteIp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    VuId,
    VuIteration,
    ScenarioIteration,
}

/// Binds names. Called for roots (`user_id`, `json`) with `field: None`, and for namespaces (`env`, `vu`, `scenario`, `setup`)
/// with the field behind them; also for the field behind any other root, which only a [`Binding::Cell`] takes in. `None` for a name that does not exist; `validate` has reported it before.
pub trait Names {
    fn bind(&self, root: &str, field: Option<&str>) -> Option<Binding>;
}

/// What an expression sees of one VU at one moment.
pub trait Scope {
    /// `None`: not set yet in this iteration (or VU).
    fn slot(&self, slot: SlotId) -> Option<&Value>;
    /// The name of the slot, for messages.
    fn slot_name(&self, slot: SlotId) -> &str;
    fn fact(&self, fact: Fact) -> i64;
    /// A field of the VU's row of a data set; `None` where the row has none. There are no rows outside of VUs.
    fn cell(&self, _: CellId) -> Option<Val<'_>> {
        None
    }
    /// The VU's whole row of a data set, as an object.
    fn row(&self, _: SetId) -> Option<Val<'_>> {
        None
    }
    /// `None`: no request was made yet.
    fn response(&self) -> Option<&dyn Response>;
    fn random(&self) -> &RefCell<rand::rngs::SmallRng>;
    fn wall(&self) -> jiff::Timestamp;
}

/// The response that expressions read. A request without a response has status 0, an empty body, and `error`.
pub trait Response {
    fn status(&self) -> i64;
    /// Text of the body; invalid UTF-8 is replaced.
    fn body(&self) -> Cow<'_, str>;
    /// Parsed on first use, once. `Err` says why there is none: no response, or a body that is not JSON.
    fn json(&self) -> Result<&Value, String>;
    /// Case-insensitive; several of one name are joined by `, `.
    fn header(&self, name: &str) -> Option<Cow<'_, str>>;
    fn headers(&self) -> Vec<(String, String)>;
    /// A cookie that the response set.
    fn cookie(&self, name: &str) -> Option<Cow<'_, str>>;
    fn cookies(&self) -> Vec<(String, String)>;
    /// `duration`, `total`, `blocked`, `connecting`, `tls_handshaking`, `sending`, `waiting`, `receiving`, in ms. `None` for
    /// other names, and where there was no response: no time is not 0 ms.
    fn timing(&self, name: &str) -> Option<f64>;
    fn url(&self) -> &str;
    /// Empty where there was none.
    fn error(&self) -> &str;
    /// 0 where there was none.
    fn error_code(&self) -> i64;
    fn proto(&self) -> &str;
    fn remote_ip(&self) -> Cow<'_, str>;
}

/// Why an evaluation had no result: a missing key, a wrong type. Data, never a reason to stop the process.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalError {
    pub message: String,
}

impl EvalError {
    fn new(message: impl Into<String>) -> EvalError {
        EvalError { message: message.into() }
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvalError {}
