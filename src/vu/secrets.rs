//! What a VU must not tell: the plan's secrets, and those that it took from responses (`secret: true`).
//!
//! Masked here, before texts are cut to length or leave the thread: nobody behind knows the values, and half a token is one, too.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::clean::{Mask, clean};
use crate::expr::{SlotId, Value};

#[derive(Default)]
pub(super) struct Secrets {
    /// The last ones of each slot. They outlive their iteration, since a server may repeat them in the next.
    taken: Vec<(SlotId, Vec<String>)>,
    /// The last answer to a digest challenge: a password can be guessed from it.
    answer: Option<String>,
    /// Made when something is told for the first time after a change.
    mask: OnceCell<Box<Mask>>,
}

impl Secrets {
    pub(super) fn take(&mut self, slot: SlotId, value: &Value) {
        let mut texts = Vec::new();
        collect(value, &mut texts);
        self.put(slot, texts);
    }

    pub(super) fn put(&mut self, slot: SlotId, texts: Vec<String>) {
        match self.taken.iter_mut().find(|(known, _)| *known == slot) {
            Some((_, known)) if *known == texts => return,
            Some((_, known)) => *known = texts,
            None => self.taken.push((slot, texts)),
        }
        self.mask.take();
    }

    pub(super) fn answered(&mut self, response: &str) {
        self.answer = Some(response.to_owned());
        self.mask.take();
    }

    /// For a fork, which must not tell them either.
    pub(super) fn fork(&self) -> Secrets {
        Secrets { taken: self.taken.clone(), answer: self.answer.clone(), mask: OnceCell::new() }
    }

    /// What a fork has taken since `before`.
    pub(super) fn taken_since<'s>(&'s self, before: &'s Secrets) -> impl Iterator<Item = &'s (SlotId, Vec<String>)> {
        self.taken.iter().filter(|taken| !before.taken.contains(taken))
    }

    /// `text` without any secret; `of_plan` are those that the plan reads from its environment.
    pub(super) fn masked<'t>(&self, of_plan: &[String], text: &'t str) -> Cow<'t, str> {
        if of_plan.is_empty() && self.taken.is_empty() && self.answer.is_none() {
            return Cow::Borrowed(text);
        }
        let taken = self.taken.iter().flat_map(|(_, texts)| texts).chain(&self.answer);
        let all = || of_plan.iter().chain(taken).cloned().collect::<Vec<_>>();
        Cow::Owned(self.mask.get_or_init(|| Box::new(Mask::new(&all()))).apply(text))
    }

    /// The same for the table of problems, which quotes targets: without control characters.
    pub(super) fn told(&self, of_plan: &[String], text: &str) -> String {
        clean(&self.masked(of_plan, text))
    }
}

/// The texts in a value: of a list or an object, each of its own.
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, texts)),
        Value::Bool(_) | Value::Null => {}
    }
}
