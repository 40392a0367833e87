//! Words that people bring along from other tools, and what they are called here.

mod words;

use super::node::Kind;
use super::vocabulary::{self, Object, STEP_FORMS, State, Word};
use crate::diagnostic::closest;
use words::{EXPLAINED, RENAMED};

/// Letters of a word that is not met by chance: `date` does not mean `rate`.
const LONG: usize = 6;

/// What to do instead of the unknown `key`. Never empty.
pub fn advice(object: &Object, key: &str) -> String {
    explained(object.name, key)
        .or_else(|| meant(object, key).map(|word| renamed(word, key)))
        .or_else(|| misspelled(object, key))
        .or_else(|| misplaced(object, key))
        .or_else(|| elsewhere(object, key))
        .unwrap_or_else(|| known_words(object))
}

/// Whether the unknown `key` is what another tool calls the object's `word`.
pub fn stands_for(object: &Object, key: &str, word: &str) -> bool {
    meant(object, key).is_some_and(|meant| meant.name == word)
}

/// What to write instead of a value that other tools write in another form.
pub fn value_advice(name: &str, written: &Kind) -> Option<&'static str> {
    match (name, written) {
        ("sleep" | "every", Kind::List(_)) => Some("a time at random between two is a range: `1s..3s`"),
        ("extract", Kind::List(_)) => Some("write `extract: { NAME: $.path }`"),
        ("expect", Kind::Map(_)) => {
            Some("write `expect: 200`; what else an answer must hold is a check: `checks: [json.ok == true]`")
        }
        ("request", Kind::Text(_)) => Some("write `- get: URL`, or `request: { method: GET, url: URL }`"),
        _ => None,
    }
}

/// For a step of which no key tells the kind.
pub fn step_advice(keys: &[&str]) -> Option<String> {
    let verbs = STEP_FORMS.iter().map(|form| form.key);
    keys.iter().find_map(|key| {
        explained("a step", key)
            .or_else(|| {
                let to = called(key).find(|to| STEP_FORMS.iter().any(|form| form.key == *to))?;
                Some(format!("write `{to}` instead of `{key}`"))
            })
            .or_else(|| {
                // Rightly written, but beside nothing.
                let known = vocabulary::REQUEST_STEP.word(key).is_some();
                closest(key, verbs.clone()).filter(|_| !known).map(|near| format!("did you mean `{near}`?"))
            })
    })
}

fn explained(object: &str, key: &str) -> Option<String> {
    let is_it = |at: &str, word: &str| (at.is_empty() || at == object) && same(word, key);
    EXPLAINED.iter().find(|(at, word, _)| is_it(at, word)).map(|(_, _, advice)| (*advice).to_owned())
}

/// What another tool's word may be called here.
fn called(key: &str) -> impl Iterator<Item = &'static str> {
    RENAMED.iter().filter(move |(from, _)| same(from, key)).map(|(_, to)| *to)
}

/// Whether two words differ in case, `_` and `-` only.
fn same(word: &str, other: &str) -> bool {
    let plain = |word: &str| {
        let letters = word.chars().filter(|c| !matches!(c, '_' | '-'));
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    plain(word) == plain(other)
}

/// The object's own word for it.
fn meant<'o>(object: &'o Object, key: &str) -> Option<&'o Word> {
    called(key).find_map(|to| object.word(to))
}

fn renamed(word: &Word, key: &str) -> String {
    match word.state {
        State::Here => format!("write `{}` instead of `{key}`", word.name),
        State::Later => later(word),
    }
}

fn later(word: &Word) -> String {
    format!("`{}` is what it is called, but it is not available in this version of proofload", word.name)
}

/// Known here, but not in this object.
fn elsewhere(object: &Object, key: &str) -> Option<String> {
    let to = called(key).next()?;
    if let Some((place, word)) = to.split_once('.') {
        let inside = object.name.trim_matches('`') == place;
        return Some(format!("it is called `{}` here", if inside { word } else { to }));
    }
    if STEP_FORMS.iter().any(|form| form.key == to) {
        return Some(format!("write it as a step of its own: `- {to}: …`"));
    }
    let owner = owners(to).next()?;
    Some(format!("it is called `{to}` here, and belongs to {}", owner.name))
}

fn misspelled(object: &Object, key: &str) -> Option<String> {
    let words = |state: State| object.words().filter(move |word| word.state == state).map(|word| word.name);
    // Another way of writing it leaves no doubt. For the rest, what is not there yet is no help to one who meant something else: only
    // long words are surely it.
    let exact = object.words().find(|word| same(word.name, key)).map(|word| word.name);
    let near = exact
        .or_else(|| closest(key, words(State::Here)))
        .or_else(|| closest(key, words(State::Later).filter(|word| word.len() >= LONG && key.len() >= LONG)))?;
    let word = object.word(near)?;
    Some(match word.state {
        State::Here => format!("did you mean `{near}`?"),
        State::Later => later(word),
    })
}

/// Objects that have the word, with `request` as the step of which it is a part.
fn owners(word: &str) -> impl Iterator<Item = &'static Object> {
    let all = vocabulary::objects().into_iter().filter(|owner| !std::ptr::eq(*owner, &vocabulary::REQUEST));
    all.filter(move |owner| owner.word(word).is_some_and(|word| word.state == State::Here))
}

fn misplaced(object: &Object, key: &str) -> Option<String> {
    if STEP_FORMS.iter().any(|form| form.key == key) {
        return Some(format!("`{key}` is a step of its own: `- {key}: …`"));
    }
    let owners: Vec<&str> =
        owners(key).filter(|owner| !std::ptr::eq(*owner, object)).map(|owner| owner.name).take(3).collect();
    (!owners.is_empty()).then(|| format!("`{key}` belongs to {}", owners.join(" or ")))
}

fn known_words(object: &Object) -> String {
    let known: Vec<String> =
        object.words().filter(|word| word.state == State::Here).map(|word| format!("`{}`", word.name)).collect();
    if known.is_empty() {
        return format!("{} has no keys in this version of proofload", object.name);
    }
    format!("{} may have: {}", object.name, known.join(", "))
}
