//! [`Node`] → [`Plan`]: collects every mistake of form and never stops at the first.
//!
//! A plan with a mistake is never run, but it is validated as far as it could be read. So what can be kept is kept, with a placeholder
//! that no rule complains about; what is left out is noted in [`Unread`].

mod data;
mod delivery;
mod multipart;
mod plan;
mod request;
mod route;
mod steps;
mod values;

use super::Unread;
use super::habits;
use super::model::Plan;
use super::node::{Key, Kind, Node};
use super::vocabulary::{self, Object, PLAN, SCENARIO, Shape, State};
use crate::diagnostic::{Diagnostic, Diagnostics, closest};
use crate::source::{Format, Source, Span};

/// The whole plan; `None` where the root is no plan at all.
pub fn plan(source: &Source, root: &Node, found: &mut Diagnostics) -> Option<Plan> {
    let mut decoder = Decoder { source, found, unread: Unread::default() };
    let plan = decoder.plan(root)?;
    Some(Plan { unread: decoder.unread, ..plan })
}

struct Decoder<'s> {
    source: &'s Source,
    found: &'s mut Diagnostics,
    unread: Unread,
}

/// The known keys of one map, for taking out one by one.
struct Fields<'n> {
    object: &'static Object,
    span: Span,
    entries: Vec<(&'n Key, &'n Node)>,
    /// Some key was not taken: it is unknown, not available yet, without a value, or stands there twice.
    unread: bool,
}

impl<'n> Fields<'n> {
    fn take(&self, name: &str) -> Option<&'n Node> {
        debug_assert!(
            self.object.word(name).is_some(),
            "`{name}` is missing in the vocabulary of {}",
            self.object.name
        );
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| *node)
    }

    fn key(&self, name: &str) -> Option<&'n Key> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| *key)
    }
}

impl Decoder<'_> {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Checks every key of a map against the object's words. `None` where the node is no map.
    fn fields<'n>(&mut self, object: &'static Object, node: &'n Node, name: &str) -> Option<Fields<'n>> {
        let Kind::Map(map) = &node.kind else {
            self.wrong_type(node, name, "a map");
            return None;
        };
        Some(self.fields_of(object, map, node.span))
    }

    fn fields_of<'n>(&mut self, object: &'static Object, map: &'n [(Key, Node)], span: Span) -> Fields<'n> {
        let mut fields = Fields { object, span, entries: Vec::new(), unread: false };
        for (key, value) in map {
            let before = fields.entries.len();
            match object.word(&key.name) {
                None => {
                    let message = format!("{} has no key `{}`", object.name, key.name);
                    let advice = habits::advice(object, &key.name);
                    self.push(Diagnostic::error("unknown-key", message).at(key.span).help(advice));
                }
                Some(word) if word.state == State::Later => self.not_yet(&key.name, key.span, word.doc),
                Some(word) if value.is_null() && !keeps_null(&word.shape, value) => self.no_value(key, &word.shape),
                // One of two keys of the same name: reported where the map was read.
                Some(_) if fields.key(&key.name).is_some() => {}
                Some(_) => fields.entries.push((key, value)),
            }
            if fields.entries.len() == before {
                fields.unread = true;
                self.lose_field(object, key, value);
            }
        }
        for required in object.required {
            // A key without a value has been reported as such, and so has a misspelled one.
            let misspelled = |key: &Key| {
                object.word(&key.name).is_none()
                    && (habits::stands_for(object, &key.name, required)
                        || closest(&key.name, object.words().map(|word| word.name)) == Some(*required))
            };
            if map.iter().any(|(key, _)| misspelled(key)) {
                self.unread.parts |= tells_samples(object);
            } else if !map.iter().any(|(key, _)| key.name == *required) {
                self.push(
                    Diagnostic::error("missing-key", format!("{} needs `{required}`", object.name))
                        .at(first_line(self.source, span)),
                );
                self.unread.parts |= tells_samples(object);
            }
        }
        fields
    }

    fn lose_field(&mut self, object: &Object, key: &Key, value: &Node) {
        self.unread.word(&key.name);
        self.unread.node(value);
        if closest(&key.name, ["base_url"]).is_some() {
            self.unread.word("base_url");
        }
        let later = object.word(&key.name).is_some_and(|word| word.state == State::Later);
        let top = std::ptr::eq(object, &PLAN) || std::ptr::eq(object, &SCENARIO);
        if top && !later {
            let may_be_steps = matches!(value.kind, Kind::List(_) | Kind::Map(_)) || object.word(&key.name).is_some();
            self.unread.steps |= may_be_steps;
            self.unread.parts |= may_be_steps;
        }
        self.unread.parts |= !later && tells_samples(object);
    }

    /// Steps, or a scenario, that could not be read.
    fn lose_steps(&mut self, node: &Node) {
        self.unread.node(node);
        self.unread.steps = true;
        self.unread.parts = true;
        self.unread.ways = true;
    }

    fn no_value(&mut self, key: &Key, shape: &Shape) {
        let help = match shape {
            Shape::Text | Shape::Template => "leave the key out, or write \"\" for an empty text",
            Shape::Steps | Shape::List(_) | Shape::Map(_) | Shape::Object(_) | Shape::Any(_) | Shape::Data => {
                "what belongs to the key stands further right than the key; where it has nothing, leave the key out"
            }
            _ => "leave the key out, or give it a value",
        };
        self.push(Diagnostic::error("no-value", format!("`{}` has no value", key.name)).at(key.span).help(help));
    }

    /// How an entry of a list starts.
    fn entry_start(&self, name: &str) -> String {
        match self.source.format {
            Format::Yaml => "start every entry with `- `".to_owned(),
            Format::Toml => format!("start every entry with `[[{name}]]`, or write `{name} = [ … ]`"),
        }
    }

    fn not_yet(&mut self, name: &str, span: Span, doc: &str) {
        self.push(
            Diagnostic::error("not-yet", format!("`{name}` is not available in this version of proofload"))
                .at(span)
                .label(doc)
                .help("the word is kept for it; remove it to run the plan without"),
        );
    }

    /// `name` as messages call the place: a key, or an item of a list.
    fn wrong_type(&mut self, node: &Node, name: &str, wanted: &str) {
        self.complain(node, name, wanted, habits::value_advice(name, &node.kind).map(str::to_owned));
    }

    fn wrong_type_with(&mut self, node: &Node, name: &str, wanted: &str, help: impl Into<String>) {
        self.complain(node, name, wanted, Some(help.into()));
    }

    fn complain(&mut self, node: &Node, name: &str, wanted: &str, help: Option<String>) {
        if node.kind == Kind::Refused {
            return;
        }
        let error = Diagnostic::error("wrong-type", format!("`{name}` must be {wanted}, not {}", node.noun()));
        let error = error.at(first_line(self.source, node.span));
        self.push(Diagnostic { help: help.into_iter().collect(), ..error });
    }

    /// One of a few words, by its index.
    fn word(&mut self, node: &Node, name: &str, known: &[&str]) -> Option<usize> {
        let listed = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let Kind::Text(text) = &node.kind else {
            self.wrong_type(node, name, &format!("one of {listed}"));
            return None;
        };
        if let Some(index) = known.iter().position(|word| *word == text.value) {
            return Some(index);
        }
        let error = Diagnostic::error("unknown-value", format!("`{name}` cannot be `{}`", text.value)).at(node.span);
        self.push(match closest(&text.value, known.iter().copied()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!("it is one of {listed}")),
        });
        None
    }

    /// The items of a list that must not be empty.
    fn items<'n>(&mut self, node: &'n Node, name: &str, wanted: &str) -> Option<&'n [Node]> {
        let Kind::List(items) = &node.kind else {
            let help = self.entry_start(name);
            self.wrong_type_with(node, name, wanted, help);
            return None;
        };
        if items.is_empty() {
            self.empty(node, name);
        }
        Some(items)
    }

    /// The entries of a map that must not be empty.
    fn entries<'n>(&mut self, node: &'n Node, name: &str, wanted: &str) -> Option<&'n [(Key, Node)]> {
        let Kind::Map(map) = &node.kind else {
            self.wrong_type(node, name, wanted);
            return None;
        };
        if map.is_empty() {
            self.empty(node, name);
        }
        Some(map)
    }

    fn empty(&mut self, node: &Node, name: &str) {
        self.push(Diagnostic::error("empty", format!("`{name}` is empty")).at(node.span).help("leave the key out"));
    }
}

/// Objects of which steps are made, and their samples with them.
fn tells_samples(object: &Object) -> bool {
    use vocabulary::{BRANCH, EXTRACT, POLL, REQUEST, STEP_FORMS, STOP};
    let is = |known: &Object| std::ptr::eq(known, object);
    [&BRANCH, &EXTRACT, &POLL, &REQUEST, &STOP].into_iter().any(is) || STEP_FORMS.iter().any(|form| is(form.object))
}

/// A written `null` is data; nothing at all behind the colon is a slip.
fn keeps_null(shape: &Shape, value: &Node) -> bool {
    matches!(shape, Shape::Data) && value.span.end > value.span.start
}

/// Carets under a whole block help nobody.
fn first_line(source: &Source, span: Span) -> Span {
    let text = source.text.get(span.start as usize..span.end as usize).unwrap_or_default();
    let line = text.split('\n').next().unwrap_or_default().trim_end();
    Span::new(span.start as usize, span.start as usize + line.len())
}
