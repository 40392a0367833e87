//! Steps of every kind.

use std::time::Duration;

use super::{Decoder, Fields, first_line};
use crate::diagnostic::Diagnostic;
use crate::plan::habits;
use crate::plan::model::{Assignment, Branch, Count, GiveUp, LogLevel, Poll, Sleep, Step, StepKind, StopScope};
use crate::plan::node::{Key, Kind, Node};
use crate::plan::vocabulary::{self as words, BRANCH, FOR_EACH, LOG, POLL, SLEEP, STEP_FORMS, STOP, State, StepForm};
use crate::source::{Format, Spanned};

/// Stands in for a step that gives no names and no samples, and could not be read.
const NOTHING: StepKind = StepKind::Set(Vec::new());

impl Decoder<'_> {
    /// The steps under `name`, none where the key is absent.
    pub(super) fn steps_of(&mut self, fields: &Fields, name: &str) -> Vec<Step> {
        fields.take(name).map(|node| self.steps(node, name)).unwrap_or_default()
    }

    pub(super) fn steps(&mut self, node: &Node, name: &str) -> Vec<Step> {
        let Some(items) = self.items(node, name, "a list of steps") else {
            self.lose_steps(node);
            return Vec::new();
        };
        if items.is_empty() {
            self.lose_steps(node);
            if !matches!(name, "else" | "on_start" | "on_stop")
                && let Some(empty) = self.found.found.last_mut()
            {
                empty.help = vec!["write at least one step, such as `- sleep: 1s`".to_owned()];
            }
        }
        items
            .iter()
            .filter_map(|item| {
                let step = self.step(item);
                if step.is_none() {
                    self.lose_steps(item);
                }
                step
            })
            .collect()
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let Kind::Map(map) = &node.kind else {
            let what = if node.is_null() {
                "this step is empty".to_owned()
            } else {
                format!("a step is a map, not {}", node.noun())
            };
            let error = Diagnostic::error("step-kind", what).at(first_line(self.source, node.span));
            self.push(error.help("write a step such as `- get: /path` or `- sleep: 1s`"));
            return None;
        };
        let (form, key) = self.form(map, node)?;
        if form.state == State::Later {
            self.not_yet(&key.name, key.span, form.object.word(form.key).map_or("", |word| word.doc));
            return None;
        }
        if let Some(mended) = self.steps_beside_poll(map) {
            return self.step(&Node { span: node.span, kind: Kind::Map(mended) });
        }
        let fields = self.fields_of(form.object, map, node.span);
        let name = self.part(&fields, "name");
        let condition = match form.key {
            "if" => None,
            _ => fields.take("if").and_then(|node| self.expr(node, "if")),
        };
        let measure = match form.object.word("measure") {
            Some(_) => fields.take("measure").and_then(|node| self.boolean(node, "measure")),
            None => None,
        };
        let kind = self.kind(form.key, &fields)?;
        Some(Step { span: node.span, name, condition, measure, kind })
    }

    /// `steps` beside `poll` instead of in it: reported, and the step as it was meant.
    fn steps_beside_poll(&mut self, map: &[(Key, Node)]) -> Option<Vec<(Key, Node)>> {
        let at = map.iter().position(|(key, value)| key.name == "steps" && !value.is_null())?;
        let mut mended = map.to_vec();
        let (steps, list) = mended.remove(at);
        let (_, poll) = mended.iter_mut().find(|(key, _)| key.name == "poll")?;
        let Kind::Map(inside) = &mut poll.kind else { return None };
        if inside.iter().any(|(key, _)| key.name == "steps") {
            return None;
        }
        let message = "the steps of a poll stand in `poll`, not beside it";
        self.push(Diagnostic::error("unknown-key", message).at(steps.span).help("indent `steps` under `poll`"));
        inside.push((steps, list));
        Some(mended)
    }

    /// A text that samples are told apart by.
    fn part(&mut self, fields: &Fields, key: &str) -> Option<Spanned<String>> {
        let node = fields.take(key)?;
        let text = self.label(node, key);
        self.unread.parts |= text.is_none();
        text
    }

    /// What kind of step it is; `if` is one only where no other key tells.
    fn form<'n>(&mut self, map: &'n [(Key, Node)], node: &Node) -> Option<(&'static StepForm, &'n Key)> {
        let mut kinds = map.iter().filter_map(|(key, _)| {
            let form = STEP_FORMS.iter().find(|form| form.key == key.name && form.key != "if")?;
            Some((form, key))
        });
        let Some((form, key)) = kinds.next() else {
            let condition = map.iter().find(|(key, _)| key.name == "if");
            return match condition.zip(STEP_FORMS.iter().find(|form| form.key == "if")) {
                Some(((key, _), form)) => Some((form, key)),
                None => {
                    self.no_kind(map, node);
                    None
                }
            };
        };
        if let Some((other, second)) = kinds.next() {
            self.push(
                Diagnostic::error(
                    "step-kind",
                    format!("a step does one thing, not `{}` and `{}`", form.key, other.key),
                )
                .at(second.span)
                .also(key.span, "the other one")
                .help(match self.source.format {
                    Format::Yaml => format!("make two steps of it: start `{}` with a `- ` of its own", other.key),
                    Format::Toml => format!("make two steps of it: put `{}` under a `[[steps]]` of its own", other.key),
                }),
            );
            return None;
        }
        Some((form, key))
    }

    fn no_kind(&mut self, map: &[(Key, Node)], node: &Node) {
        let keys: Vec<&str> = map.iter().map(|(key, _)| key.name.as_str()).collect();
        let message = match keys.as_slice() {
            [] => "this step is empty".to_owned(),
            [key] => format!("`{key}` is no kind of step"),
            _ => "no key of this step says what it does".to_owned(),
        };
        let place = map.first().map_or(node.span, |(key, _)| key.span);
        let error = Diagnostic::error("step-kind", message).at(place);
        self.push(match habits::step_advice(&keys) {
            Some(advice) => error.help(advice),
            None => {
                let kinds = STEP_FORMS.iter().filter(|form| form.state == State::Here);
                error.help(format!("a step is one of: {}", kinds.map(|form| form.key).collect::<Vec<_>>().join(", ")))
            }
        });
    }

    fn kind(&mut self, key: &str, fields: &Fields) -> Option<StepKind> {
        let node = fields.take(key);
        match key {
            "sleep" => Some(StepKind::Sleep(self.sleep(node?).unwrap_or(Sleep::Fixed(Duration::ZERO)))),
            "set" => Some(StepKind::Set(self.assignments(node?, key))),
            "append" => Some(StepKind::Append(self.assignments(node?, key))),
            "if" => {
                let (then, otherwise) = (self.steps_of(fields, "then"), self.steps_of(fields, "else"));
                Some(StepKind::If { condition: self.expr(node?, key)?, then, otherwise })
            }
            "repeat" => {
                let steps = self.steps_of(fields, "steps");
                let node = node?;
                let once = || Count::Fixed(Spanned::new(1, node.span));
                Some(StepKind::Repeat { times: self.count(node).unwrap_or_else(once), steps })
            }
            "while" => {
                let steps = self.steps_of(fields, "steps");
                let max = fields.take("max").and_then(|node| self.whole(node, "max"));
                Some(StepKind::While { condition: self.expr(node?, key)?, max, steps })
            }
            "for_each" => self.for_each(node?, fields),
            "parallel" => {
                let max = fields.take("max_parallel").and_then(|node| self.whole(node, "max_parallel"));
                Some(StepKind::Parallel { branches: self.steps(node?, key), max })
            }
            "poll" => self.poll(node?).map(|poll| StepKind::Poll(Box::new(poll))),
            "choose" => self.choose(node?),
            "group" => {
                let steps = self.steps_of(fields, "steps");
                let metric = self.part(fields, "metric");
                let nameless = Spanned::new(String::new(), node?.span);
                Some(StepKind::Group { name: self.part(fields, key).unwrap_or(nameless), metric, steps })
            }
            "log" => Some(self.log(node?).unwrap_or(NOTHING)),
            "outcome" => {
                let outcome = self.template(node?, key).map(StepKind::Outcome);
                self.unread.parts |= outcome.is_none();
                Some(outcome.unwrap_or(NOTHING))
            }
            "stop" => {
                let stop = self.stop(node?);
                self.unread.parts |= stop.is_none();
                self.unread.ways |= stop.is_none();
                Some(stop.unwrap_or(NOTHING))
            }
            verb => self.request(verb, node?, fields).map(|request| StepKind::Request(Box::new(request))),
        }
    }

    fn sleep(&mut self, node: &Node) -> Option<Sleep> {
        if let Kind::Map(map) = &node.kind {
            let before = self.found.found.len();
            self.fields_of(&SLEEP, map, node.span);
            if self.found.found.len() == before {
                self.wrong_type(node, "sleep", "a duration such as `1s`, or a range such as `1s..3s`");
            }
            return None;
        }
        self.pause(node, "sleep").map(|pause| pause.value)
    }

    fn assignments(&mut self, node: &Node, name: &str) -> Vec<Assignment> {
        let Some(entries) = self.entries(node, name, "a map from variables to values") else {
            self.unread.node(node);
            return Vec::new();
        };
        entries
            .iter()
            .filter_map(|(key, value)| {
                let target = self.target(key);
                let value = self.data(value);
                Some(Assignment { target: target?, value })
            })
            .collect()
    }

    fn count(&mut self, node: &Node) -> Option<Count> {
        match &node.kind {
            Kind::Text(text) if text.value.contains("${") => self.template(node, "repeat").map(Count::Computed),
            Kind::Text(text) if text.value.parse::<u64>().is_err() => {
                let help = format!("to count by an expression, write \"${{{}}}\"", text.value.trim());
                self.wrong_type_with(node, "repeat", "a whole number or a template", help);
                None
            }
            _ => self.whole(node, "repeat").map(Count::Fixed),
        }
    }

    fn for_each(&mut self, node: &Node, fields: &Fields) -> Option<StepKind> {
        let steps = self.steps_of(fields, "steps");
        let Kind::Map(map) = &node.kind else {
            let list = node.written(self.source).map_or("list", |located| located.text).to_owned();
            let help = format!("write `for_each: {{ in: {list}, as: item }}`, with `steps` beside it");
            self.wrong_type_with(node, "for_each", "a map", help);
            return None;
        };
        let inner = self.fields_of(&FOR_EACH, map, node.span);
        let items = inner.take("in").and_then(|node| match node.kind {
            Kind::List(_) => {
                let help =
                    "it is an expression: write the list as text, such as \"['a', 'b']\", or name it under `vars`";
                self.wrong_type_with(node, "in", "an expression", help);
                None
            }
            _ => self.expr(node, "in"),
        });
        let bind = inner.take("as").and_then(|node| {
            let name = self.label(node, "as")?;
            let key = Key { name: name.value.clone(), span: name.span };
            self.variable(&key).then_some(name)
        });
        self.unread.any_name |= bind.is_none();
        let concurrency = inner.take("concurrency").and_then(|node| self.whole(node, "concurrency"));
        Some(StepKind::ForEach { items: items?, bind: bind?, concurrency, steps })
    }

    fn poll(&mut self, node: &Node) -> Option<Poll> {
        let fields = self.fields(&POLL, node, "poll")?;
        let until = fields.take("until").and_then(|node| self.expr(node, "until"));
        if fields.key("attempts").is_none() && fields.key("timeout").is_none() {
            let place = fields.key("until").map_or(first_line(self.source, node.span), |key| key.span);
            self.push(
                Diagnostic::error("poll-without-end", "a poll needs `attempts` or `timeout`, or it may never end")
                    .at(place)
                    .help("write `attempts: 12` or `timeout: 2m` beside `until`"),
            );
        }
        let poll = Poll {
            fail_if: fields.take("fail_if").and_then(|node| self.expr(node, "fail_if")),
            every: fields.take("every").and_then(|node| self.pause(node, "every")),
            attempts: fields.take("attempts").and_then(|node| self.attempts(node)),
            timeout: fields.take("timeout").and_then(|node| self.duration(node, "timeout")),
            first_waits: fields.take("first").and_then(|node| self.word(node, "first", words::FIRST)) == Some(1),
            on_give_up: fields.take("on_give_up").and_then(|node| self.give_up(node)).unwrap_or_default(),
            steps: self.steps_of(&fields, "steps"),
            span: fields.span,
            until: until?,
        };
        Some(poll)
    }

    fn attempts(&mut self, node: &Node) -> Option<Spanned<u64>> {
        let attempts = self.whole(node, "attempts")?;
        if attempts.value == 0 {
            self.push(Diagnostic::error("out-of-range", "`attempts` must be 1 or more").at(node.span));
            return None;
        }
        Some(attempts)
    }

    fn give_up(&mut self, node: &Node) -> Option<GiveUp> {
        let Some(text) = self.label(node, "on_give_up") else {
            self.unread.parts = true;
            return None;
        };
        Some(match text.value.as_str() {
            "fail" => GiveUp::Fail,
            "continue" => GiveUp::Continue,
            _ => GiveUp::Outcome(text.value),
        })
    }

    fn choose(&mut self, node: &Node) -> Option<StepKind> {
        let items = self.items(node, "choose", "a list of branches")?;
        let branches = items.iter().filter_map(|item| {
            let branch = self.branch(item);
            if branch.is_none() {
                self.lose_steps(item);
            }
            branch
        });
        let branches: Vec<Branch> = branches.collect();
        // Without any branch there would be no weight either.
        if branches.is_empty() { None } else { Some(StepKind::Choose(branches)) }
    }

    fn branch(&mut self, node: &Node) -> Option<Branch> {
        let fields = self.fields(&BRANCH, node, "choose")?;
        let weight = fields.take("weight").and_then(|node| self.whole(node, "weight"));
        let steps = self.steps_of(&fields, "steps");
        Some(Branch { weight: weight.unwrap_or(Spanned::new(1, node.span)), steps })
    }

    fn log(&mut self, node: &Node) -> Option<StepKind> {
        let Kind::Map(map) = &node.kind else {
            return self.template(node, "log").map(|message| StepKind::Log { level: LogLevel::Info, message });
        };
        let fields = self.fields_of(&LOG, map, node.span);
        let levels = [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];
        let level = fields.take("level").and_then(|node| self.word(node, "level", words::LOG_LEVELS));
        let message = fields.take("message").and_then(|node| self.template(node, "message"));
        Some(StepKind::Log { level: level.map_or(LogLevel::Info, |index| levels[index]), message: message? })
    }

    fn stop(&mut self, node: &Node) -> Option<StepKind> {
        let Kind::Map(map) = &node.kind else {
            let scopes = [StopScope::Iteration, StopScope::Vu, StopScope::Test];
            let index = self.word(node, "stop", words::STOP_SCOPES)?;
            return Some(StepKind::Stop { scope: scopes[index], reason: None });
        };
        let before = self.found.found.len();
        let fields = self.fields_of(&STOP, map, node.span);
        let (scope, reason) = match (fields.take("iteration"), fields.take("test")) {
            (Some(outcome), None) => (StopScope::Iteration, self.template(outcome, "iteration")?),
            (None, Some(reason)) => (StopScope::Test, self.template(reason, "test")?),
            _ => {
                if self.found.found.len() == before {
                    let error = Diagnostic::error("missing-key", "`stop` needs either `iteration` or `test`");
                    self.push(error.at(first_line(self.source, node.span)));
                }
                return None;
            }
        };
        Some(StepKind::Stop { scope, reason: Some(reason) })
    }
}
