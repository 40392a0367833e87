//! What mistakes of form took out of a plan, so that nobody reports its absence as a second mistake.
//!
//! Must never know: which rules ask.

use std::collections::BTreeSet;

use super::node::{Kind, Node};

/// What stands in the plan's text and not in the model.
#[derive(Clone, Debug, Default)]
pub struct Unread {
    words: BTreeSet<String>,
    /// Whole steps or scenarios are missing.
    pub steps: bool,
    /// Steps are there without something that tells which samples they give: checks, names, tags.
    pub parts: bool,
    /// A condition or the end of a way is there and could not be read: nobody knows which steps come before which.
    pub ways: bool,
    /// A loop is there without the name that it sets.
    pub any_name: bool,
}

impl Unread {
    /// Whether the name may be given in a part that could not be read.
    pub fn may_name(&self, name: &str) -> bool {
        self.any_name || self.words.contains(name)
    }

    pub fn mentions(&self, key: &str) -> bool {
        self.words.contains(key)
    }

    pub(super) fn word(&mut self, word: &str) {
        self.words.insert(word.strip_prefix("vu.").unwrap_or(word).to_owned());
    }

    /// Every word in it that can be a name.
    pub(super) fn node(&mut self, node: &Node) {
        match &node.kind {
            Kind::Text(text) => {
                let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                self.words.insert(text.value.clone());
                self.words.extend(text.value.split(|letter| !is_part(letter)).map(str::to_owned));
            }
            Kind::List(items) => items.iter().for_each(|item| self.node(item)),
            Kind::Map(map) => {
                for (key, value) in map {
                    self.word(&key.name);
                    self.node(value);
                }
            }
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Refused => {}
        }
    }
}
