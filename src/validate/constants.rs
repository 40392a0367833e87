//! What does not change during a run: values of `env` and `vars`, and texts made of nothing else.

use std::cell::RefCell;
use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::expr::{BeforeRun, Binding, Data, DataProgram, EvalError, NameUse, Names, Template, TextProgram, Value};
use crate::plan::Unread;

/// The values of `env` and `vars`.
#[derive(Debug)]
pub struct Constants {
    pub env: Vec<(String, Value)>,
    pub vars: Vec<(String, Value)>,
    /// Declared, but without a value because of a mistake that has been reported: `env.PORT`, `concert_id`.
    pub(super) broken: BTreeSet<String>,
    /// Whose value is a secret, or made of one: `env.PASSWORD`, `credentials`.
    pub(super) secret: BTreeSet<String>,
    unread: Unread,
    seed: u64,
    wall: jiff::Timestamp,
}

/// A text that ought to be constant.
pub(crate) enum Rendered {
    Text(String),
    /// It reads this, which is not constant.
    Varies(NameUse),
    /// It reads a name whose own mistake has been reported.
    Broken,
    Failed(EvalError),
}

impl Constants {
    pub(super) fn new(seed: u64, unread: &Unread) -> Constants {
        let wall = crate::clock::wall();
        let unread = unread.clone();
        let (broken, secret) = (BTreeSet::new(), BTreeSet::new());
        Constants { env: Vec::new(), vars: Vec::new(), broken, secret, unread, seed, wall }
    }

    /// The values of `env` alone; `vars` are to be computed again.
    pub(super) fn without_vars(&self, seed: u64, unread: &Unread) -> Constants {
        let of_env = |names: &BTreeSet<String>| names.iter().filter(|name| name.starts_with("env.")).cloned().collect();
        let (broken, secret) = (of_env(&self.broken), of_env(&self.secret));
        Constants { env: self.env.clone(), broken, secret, wall: self.wall, ..Constants::new(seed, unread) }
    }

    pub(super) fn set_env(&mut self, name: &str, value: Value) {
        self.env.retain(|(known, _)| known != name);
        self.broken.remove(&format!("env.{name}"));
        self.env.push((name.to_owned(), value));
    }

    pub(super) fn set_broken_env(&mut self, name: &str) {
        self.env.retain(|(known, _)| known != name);
        self.broken.insert(format!("env.{name}"));
    }

    /// Renders a text that may read nothing but constants. Random functions give the same result every time.
    pub(crate) fn render(&self, template: &Template) -> Rendered {
        for used in template.names() {
            match self.bind(&used.root, used.field.as_deref()) {
                _ if self.is_broken(&used) => return Rendered::Broken,
                None => return Rendered::Varies(used),
                Some(_) => {}
            }
        }
        let mut text = String::new();
        match TextProgram::compile(template, self).render(&self.still(0), &mut text) {
            Ok(()) => Rendered::Text(text),
            Err(error) => Rendered::Failed(self.told(&template.names(), error)),
        }
    }

    /// The error as it may be shown: one that read a secret would quote it.
    fn told(&self, names: &[NameUse], error: EvalError) -> EvalError {
        match self.reads_secret(names) {
            true => EvalError { message: "its value does not fit (it holds a secret, so it is not shown)".to_owned() },
            false => error,
        }
    }

    pub(super) fn reads_secret(&self, names: &[NameUse]) -> bool {
        names.iter().any(|used| match &used.field {
            Some(field) if used.root == "env" => self.secret.contains(&format!("env.{field}")),
            _ => self.secret.contains(&used.root),
        })
    }

    /// The text, where it is constant and without mistakes.
    pub(crate) fn text(&self, template: &Template) -> Option<String> {
        match self.render(template) {
            Rendered::Text(text) => Some(text),
            Rendered::Varies(_) | Rendered::Broken | Rendered::Failed(_) => None,
        }
    }

    /// Evaluates the next of `vars`; its names must have been checked. Each one draws random numbers of its own.
    pub(super) fn evaluate(&self, data: &Data) -> Result<Value, EvalError> {
        let drawn_before = self.vars.len() as u64 + self.broken.len() as u64;
        let value = DataProgram::compile(data, self).evaluate(&self.still(drawn_before));
        value.map_err(|error| self.told(&super::names::data_names(data), error))
    }

    /// Names of `env` that are declared.
    pub(super) fn env_names(&self) -> Vec<&str> {
        let broken = self.broken.iter().filter_map(|name| name.strip_prefix("env."));
        self.env.iter().map(|(name, _)| name.as_str()).chain(broken).collect()
    }

    pub(super) fn is_broken(&self, used: &NameUse) -> bool {
        match &used.field {
            Some(field) if used.root == "env" && self.unread.may_name(field) => true,
            _ if self.unread.may_name(&used.root) => true,
            Some(field) if used.root == "env" => self.broken.contains(&format!("env.{field}")),
            _ => self.broken.contains(&used.root),
        }
    }

    fn still(&self, stream: u64) -> BeforeRun {
        BeforeRun { random: RefCell::new(SmallRng::seed_from_u64(self.seed.wrapping_add(stream))), wall: self.wall }
    }
}

impl Names for Constants {
    fn bind(&self, root: &str, field: Option<&str>) -> Option<Binding> {
        let (values, name) = match field {
            Some(field) if root == "env" => (&self.env, field),
            _ => (&self.vars, root),
        };
        values.iter().find(|(known, _)| known == name).map(|(_, value)| Binding::Constant(value.clone()))
    }
}
