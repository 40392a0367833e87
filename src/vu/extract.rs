//! Extraction: from a response to variables.

use std::borrow::Cow;

use rand::RngExt;

use super::Vu;
use super::answer::Answer;
use crate::expr::{Response, Value};
use crate::graph::{Extraction, Source};
use crate::metrics::{Metric, ProblemKind};
use crate::plan::Pick;
use crate::transport::Session;

impl<S: Session> Vu<S> {
    /// Sets the variables of one request. `false`: one of them could not be had, which is counted.
    pub(super) fn extract(&mut self, extractions: &[Extraction]) -> bool {
        for extraction in extractions {
            match self.extracted(extraction) {
                Ok(value) => {
                    if extraction.secret {
                        self.secrets.take(extraction.slot, &value);
                    }
                    self.slots.set(extraction.slot, value);
                }
                Err(why) => {
                    self.recorder.borrow_mut().count(Metric::ExtractFailed, extraction.site, self.asked_in, 1);
                    self.problem(extraction.site, ProblemKind::Extraction, "", &why);
                    return false;
                }
            }
        }
        true
    }

    fn extracted(&self, extraction: &Extraction) -> Result<Value, String> {
        let answer = self.answer.as_deref().ok_or("no request was made yet")?;
        let found = self.found(answer, &extraction.from, extraction.pick);
        match (found, &extraction.default) {
            (Err(_), Some(default)) => default.evaluate(self).map_err(|error| error.message),
            (Err(why), None) => Err(format!("{}: {why}", wanted(&extraction.from))),
            (Ok(value), _) => Ok(value),
        }
    }

    fn found(&self, answer: &Answer, source: &Source, pick: Pick) -> Result<Value, String> {
        let copy = |value: &Value| value.clone();
        let text = |value: Cow<str>| Value::String(value.into_owned());
        let chosen = match source {
            Source::JsonPath(path) => self.pick(path.find(answer.json()?), pick, copy),
            Source::Regex(pattern) => {
                let body = answer.body();
                let group =
                    |found: regex::Captures| found.get(1).or(found.get(0)).map_or("", |m| m.as_str()).to_owned();
                self.pick(pattern.captures_iter(&body).map(group).collect(), pick, Value::String)
            }
            Source::Header(name) => {
                let values = answer.headers.get_all(name).iter();
                self.pick(values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect(), pick, text)
            }
            Source::Cookie(name) => self.pick(answer.cookie(name).into_iter().collect(), pick, text),
        };
        chosen.map_err(|why| match (answer.error(), answer.status) {
            ("", status) => format!("{why}; status {status}, {}", answer.beginning()),
            (error, _) => format!("{why}; there was no response: {error}"),
        })
    }

    /// Picks before it copies, so that one seat out of a thousand costs one seat.
    fn pick<T>(&self, mut found: Vec<T>, pick: Pick, own: impl Fn(T) -> Value) -> Result<Value, String> {
        let count = found.len();
        let index = match pick {
            Pick::All => return Ok(Value::Array(found.into_iter().map(own).collect())),
            Pick::Count => return Ok(Value::from(count)),
            _ if count == 0 => return Err("no match".to_owned()),
            Pick::One if count > 1 => {
                return Err(format!("{count} matches where one was expected (say which with `pick`)"));
            }
            Pick::One | Pick::First => 0,
            Pick::Last => count - 1,
            Pick::Random => self.random.borrow_mut().random_range(0..count),
            Pick::Index(index) if index >= count => return Err(format!("no match {index}, there are {count}")),
            Pick::Index(index) => index,
        };
        Ok(own(found.swap_remove(index)))
    }
}

/// What was looked for, for messages.
fn wanted(source: &Source) -> String {
    match source {
        Source::JsonPath(path) => format!("JSONPath `{}`", path.text()),
        Source::Regex(pattern) => format!("regex `{pattern}`"),
        Source::Header(name) => format!("header `{name}`"),
        Source::Cookie(name) => format!("cookie `{name}`"),
    }
}
