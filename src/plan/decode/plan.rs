//! The plan's top level: scenarios, load, `http`, `env`, thresholds.

use super::values::spanned;
use super::{Decoder, Fields};
use crate::diagnostic::Diagnostic;
use crate::expr::Template;
use crate::plan::Unread;
use crate::plan::model::{
    Auth, EnvKind, EnvVar, ExecutorKind, Http, Load, MetricThresholds, Plan, Scenario, Spacing, Stage, StageForm, Step,
    Steps, Tag, ThresholdEntry,
};
use crate::plan::node::{Key, Kind, Node};
use crate::plan::vocabulary::{
    self as words, AUTH, BASIC, DIGEST, ENV_VAR, HTTP, Object, PLAN, SCENARIO, STAGE, STEPPED_STAGE, Shape, THRESHOLD,
};
use crate::source::{Span, Spanned};

/// Without them nothing says how long load lasts.
const DECIDE_LOAD: [&str; 5] = ["executor", "duration", "iterations", "stages", "rate"];

impl Decoder<'_> {
    pub(super) fn plan(&mut self, root: &Node) -> Option<Plan> {
        let Kind::Map(map) = &root.kind else {
            self.not_a_plan(root);
            return None;
        };
        if map.is_empty() {
            self.not_a_plan(&Node { span: root.span, kind: Kind::Null });
            return None;
        }
        let fields = self.fields_of(&PLAN, map, root.span);
        let mut plan = Plan {
            name: fields.take("name").and_then(|node| self.label(node, "name")),
            description: fields.take("description").and_then(|node| self.prose(node, "description")),
            env: fields.take("env").map(|node| self.env(node)).unwrap_or_default(),
            vars: fields.take("vars").map(|node| self.vars(node)).unwrap_or_default(),
            data: fields.take("data").map(|node| self.data_sets(node)).unwrap_or_default(),
            scenarios: fields.take("scenarios").map(|node| self.scenarios(node)).unwrap_or_default(),
            thresholds: fields.take("thresholds").map(|node| self.thresholds(node)).unwrap_or_default(),
            http: self.http_of(&fields),
            tags: self.tags_of(&fields),
            load: self.load(&fields),
            steps: self.main_steps(&fields),
            on_start: self.steps_of(&fields, "on_start"),
            on_stop: self.steps_of(&fields, "on_stop"),
            warmup: self.warmup(&fields),
            allow: fields.take("allow").map(|node| self.names_of_lints(node)).unwrap_or_default(),
            unread: Unread::default(),
        };
        // A key of the load may stand somewhere where it was not taken.
        if DECIDE_LOAD.iter().any(|key| self.unread.mentions(key)) {
            plan.load.unread = true;
            plan.scenarios.iter_mut().for_each(|scenario| scenario.load.unread = true);
        }
        Some(plan)
    }

    fn names_of_lints(&mut self, node: &Node) -> Vec<Spanned<String>> {
        let names = self.items(node, "allow", "a list of names of lints").unwrap_or_default();
        names.iter().filter_map(|name| self.fixed_text(name, "allow")).collect()
    }

    fn not_a_plan(&mut self, root: &Node) {
        let what = match &root.kind {
            Kind::Null => "the plan is empty".to_owned(),
            _ => format!("a plan is a map of keys such as `steps` and `stages`, not {}", root.noun()),
        };
        let place = if root.is_null() { Span::default() } else { super::first_line(self.source, root.span) };
        let error = Diagnostic::error("not-a-plan", what).at(place);
        self.push(match &root.kind {
            Kind::List(_) => error.help("put the steps under a key: `steps:`"),
            _ => error.help("a small plan: `vus: 1`, `iterations: 1`, and `steps:` with `- get: https://example.com/`"),
        });
    }

    fn vars(&mut self, node: &Node) -> Vec<(Spanned<String>, crate::expr::Data)> {
        let Some(entries) = self.entries(node, "vars", "a map from names to values") else {
            self.unread.node(node);
            return Vec::new();
        };
        entries
            .iter()
            .filter_map(|(key, value)| {
                let before = self.found.found.len();
                self.variable(key);
                let value = self.data(value);
                if self.found.found.len() > before {
                    self.unread.word(&key.name);
                    return None;
                }
                Some((spanned(key), value))
            })
            .collect()
    }

    fn env(&mut self, node: &Node) -> Vec<EnvVar> {
        let wanted = "a map from names to defaults";
        let Some(entries) = self.entries(node, "env", wanted) else {
            self.unread.node(node);
            return Vec::new();
        };
        entries
            .iter()
            .filter_map(|(key, value)| {
                let before = self.found.found.len();
                let variable = self.env_var(key, value);
                if self.found.found.len() > before {
                    self.unread.word(&key.name);
                    return None;
                }
                variable
            })
            .collect()
    }

    fn env_var(&mut self, key: &Key, value: &Node) -> Option<EnvVar> {
        let named = self.identifier(&key.name, key);
        let mut variable =
            EnvVar { name: spanned(key), default: None, required: false, secret: false, kind: EnvKind::Text };
        match &value.kind {
            Kind::Null => {
                self.push(
                    Diagnostic::error("no-value", format!("`{}` has no default", key.name))
                        .at(key.span)
                        .help(format!("write `{}: {{ required: true }}`, or \"\" for an empty default", key.name)),
                );
                return None;
            }
            Kind::Map(map) => {
                let fields = self.fields_of(&ENV_VAR, map, value.span);
                variable.default = fields.take("default").and_then(|node| self.fixed_text(node, "default"));
                variable.required = self.flag(&fields, "required");
                variable.secret = self.flag(&fields, "secret");
                if let Some(node) = fields.take("type") {
                    let kinds = [EnvKind::Text, EnvKind::Int, EnvKind::Float, EnvKind::Bool];
                    variable.kind = kinds[self.word(node, "type", words::ENV_KINDS)?];
                }
            }
            _ => variable.default = self.fixed_text(value, &key.name),
        }
        named.then_some(variable)
    }

    pub(super) fn flag(&mut self, fields: &Fields, name: &str) -> bool {
        fields.take(name).and_then(|node| self.boolean(node, name)).is_some_and(|flag| flag.value)
    }

    fn scenarios(&mut self, node: &Node) -> Vec<Scenario> {
        if let Kind::List(_) = node.kind {
            let help = "a scenario's name is its key: `scenarios: { NAME: { steps: … } }`";
            self.wrong_type_with(node, "scenarios", "a map from names to scenarios", help);
            self.lose_steps(node);
            return Vec::new();
        }
        let Some(entries) = self.entries(node, "scenarios", "a map from names to scenarios") else {
            self.lose_steps(node);
            return Vec::new();
        };
        if entries.is_empty() {
            self.lose_steps(node);
        }
        entries
            .iter()
            .filter_map(|(key, value)| {
                let scenario = self.scenario(key, value);
                if scenario.is_none() {
                    self.unread.word(&key.name);
                    self.lose_steps(value);
                }
                scenario
            })
            .collect()
    }

    fn scenario(&mut self, key: &Key, value: &Node) -> Option<Scenario> {
        self.refuse_template_in_key(key);
        if value.is_null() {
            self.no_value(key, &Shape::Steps);
            return None;
        }
        let fields = self.fields(&SCENARIO, value, &key.name)?;
        Some(Scenario {
            name: spanned(key),
            load: self.load(&fields),
            weight: fields.take("weight").and_then(|node| self.whole(node, "weight")),
            env: fields.take("env").map(|node| self.env_over(node)).unwrap_or_default(),
            tags: self.tags_of(&fields),
            http: self.http_of(&fields),
            steps: self.main_steps(&fields),
            on_start: self.steps_of(&fields, "on_start"),
            on_stop: self.steps_of(&fields, "on_stop"),
            warmup: self.warmup(&fields),
        })
    }

    /// `env` of a scenario: other values for names that the plan declares.
    fn env_over(&mut self, node: &Node) -> Vec<(Spanned<String>, Spanned<String>)> {
        let Some(entries) = self.entries(node, "env", "a map from names to values") else { return Vec::new() };
        entries
            .iter()
            .filter_map(|(key, value)| {
                if value.is_null() {
                    self.no_value(key, &Shape::Text);
                    return None;
                }
                let value = self.fixed_text(value, &key.name)?;
                Some((spanned(key), value))
            })
            .collect()
    }

    fn warmup(&mut self, fields: &Fields) -> Option<Spanned<std::time::Duration>> {
        fields.take("warmup").and_then(|node| self.duration(node, "warmup"))
    }

    fn main_steps(&mut self, fields: &Fields) -> Option<Spanned<Vec<Step>>> {
        let node = fields.take("steps")?;
        Some(Spanned::new(self.steps(node, "steps"), node.span))
    }

    fn load(&mut self, fields: &Fields) -> Load {
        let whole = |decoder: &mut Self, name: &str| fields.take(name).and_then(|node| decoder.whole(node, name));
        let duration = |decoder: &mut Self, name: &str| fields.take(name).and_then(|node| decoder.duration(node, name));
        let before = self.found.found.len();
        let load = Load {
            executor: fields.take("executor").and_then(|node| self.executor(node)),
            vus: whole(self, "vus"),
            duration: duration(self, "duration"),
            iterations: whole(self, "iterations"),
            stages: fields.take("stages").and_then(|node| self.stages(node)),
            start_vus: whole(self, "start_vus"),
            start_time: duration(self, "start_time"),
            graceful_stop: duration(self, "graceful_stop"),
            graceful_ramp_down: duration(self, "graceful_ramp_down"),
            max_duration: duration(self, "max_duration"),
            rate: whole(self, "rate"),
            start_rate: whole(self, "start_rate"),
            time_unit: duration(self, "time_unit"),
            pre_allocated_vus: whole(self, "pre_allocated_vus"),
            max_vus: whole(self, "max_vus"),
            arrivals: fields.take("arrivals").and_then(|node| self.arrivals(node)),
            pace: duration(self, "pace"),
            unread: false,
        };
        Load { unread: fields.unread || self.found.found.len() > before, ..load }
    }

    fn executor(&mut self, node: &Node) -> Option<Spanned<ExecutorKind>> {
        let kinds = [
            ExecutorKind::ConstantVus,
            ExecutorKind::RampingVus,
            ExecutorKind::SharedIterations,
            ExecutorKind::PerVuIterations,
            ExecutorKind::ConstantArrivalRate,
            ExecutorKind::RampingArrivalRate,
        ];
        let index = self.word(node, "executor", words::EXECUTORS)?;
        Some(Spanned::new(kinds[index], node.span))
    }

    fn arrivals(&mut self, node: &Node) -> Option<Spanned<Spacing>> {
        let index = self.word(node, "arrivals", words::ARRIVALS)?;
        Some(Spanned::new([Spacing::Regular, Spacing::Poisson][index], node.span))
    }

    fn stages(&mut self, node: &Node) -> Option<Spanned<Vec<StageForm>>> {
        let items = self.items(node, "stages", "a list of stages")?;
        let stages = items.iter().filter_map(|item| self.stage(item)).collect();
        Some(Spanned::new(stages, node.span))
    }

    fn stage(&mut self, node: &Node) -> Option<StageForm> {
        match &node.kind {
            Kind::Text(text) => {
                let help = match text.value.split_once(':') {
                    Some((duration, target)) => {
                        format!("write `{{ duration: {}, target: {} }}`", duration.trim(), target.trim())
                    }
                    None => "write `{ duration: 30s, target: 50 }`".to_owned(),
                };
                self.wrong_type_with(node, "stages", "a list of maps", help);
                None
            }
            Kind::Map(map) => {
                let key_of = |object: &words::Object| {
                    map.iter().map(|(key, _)| key).find(|key| object.word(&key.name).is_some())
                };
                match (key_of(&STAGE), key_of(&STEPPED_STAGE)) {
                    (Some(line), Some(step)) => {
                        self.push(two_kinds_of_stage(line, step));
                        None
                    }
                    (None, Some(_)) => self.stepped_stage(node).map(StageForm::Steps),
                    _ => self.line_stage(node).map(StageForm::Line),
                }
            }
            _ => self.line_stage(node).map(StageForm::Line),
        }
    }

    fn line_stage(&mut self, node: &Node) -> Option<Stage> {
        let fields = self.fields(&STAGE, node, "a stage")?;
        let duration = fields.take("duration").and_then(|node| self.duration(node, "duration"));
        let target = fields.take("target").and_then(|node| self.whole(node, "target"));
        Some(Stage { duration: duration?, target: target? })
    }

    fn stepped_stage(&mut self, node: &Node) -> Option<Steps> {
        let fields = self.fields(&STEPPED_STAGE, node, "a stage")?;
        let add = fields.take("add").and_then(|node| self.whole(node, "add"));
        let every = fields.take("every").and_then(|node| self.duration(node, "every"));
        let until = fields.take("until").and_then(|node| self.whole(node, "until"));
        let hold = fields.take("hold").and_then(|node| self.duration(node, "hold"));
        Some(Steps { add: add?, every: every?, until: until?, hold })
    }

    fn http_of(&mut self, fields: &Fields) -> Http {
        fields.take("http").and_then(|node| self.http(node)).unwrap_or_default()
    }

    fn http(&mut self, node: &Node) -> Option<Http> {
        let Some(fields) = self.fields(&HTTP, node, "http") else {
            self.unread.word("base_url");
            return None;
        };
        let base_url = fields.take("base_url").map(|node| self.template(node, "base_url"));
        if base_url.as_ref().is_some_and(Option::is_none) {
            self.unread.word("base_url");
        }
        Some(Http {
            base_url: base_url.flatten(),
            headers: fields.take("headers").map(|node| self.named_templates(node, "headers")).unwrap_or_default(),
            timeout: fields.take("timeout").and_then(|node| self.duration(node, "timeout")),
            redirects: fields.take("redirects").and_then(|node| self.redirects(node)),
            expect: fields.take("expect").and_then(|node| self.statuses(node)),
            auth: fields.take("auth").and_then(|node| self.auth(node)),
            tls: fields.take("tls").and_then(|node| self.tls(node)).unwrap_or_default(),
            connections: fields.take("connections").and_then(|node| self.connections(node)),
            version: fields.take("version").and_then(|node| self.version(node)),
            cookies: fields.take("cookies").and_then(|node| self.cookies(node)),
            delivery: self.delivery(&[&fields]),
            route: self.route(&fields),
            of_plan_only: super::route::of_plan_only(&fields),
        })
    }

    pub(super) fn redirects(&mut self, node: &Node) -> Option<Spanned<u32>> {
        let count = self.whole(node, "redirects")?;
        match u32::try_from(count.value) {
            Ok(value) => Some(Spanned::new(value, count.span)),
            Err(_) => {
                self.push(Diagnostic::error("out-of-range", "nobody follows so many redirects").at(node.span));
                None
            }
        }
    }

    pub(super) fn auth(&mut self, node: &Node) -> Option<Auth> {
        if let Kind::Text(text) = &node.kind {
            if text.value == "none" {
                return Some(Auth::None);
            }
            let help = "write `{ basic: { username, password } }`, `{ bearer: TOKEN }`, `{ digest: { username, password } }`, or `none`";
            self.wrong_type_with(node, "auth", "a map or `none`", help);
            return None;
        }
        let fields = self.fields(&AUTH, node, "auth")?;
        match (fields.take("basic"), fields.take("bearer"), fields.take("digest")) {
            (Some(basic), None, None) => {
                let (username, password) = self.credentials(&BASIC, basic, "basic")?;
                Some(Auth::Basic { username, password })
            }
            (None, Some(token), None) => Some(Auth::Bearer(self.template(token, "bearer")?)),
            (None, None, Some(digest)) => {
                let (username, password) = self.credentials(&DIGEST, digest, "digest")?;
                Some(Auth::Digest { username, password })
            }
            _ => {
                let error = Diagnostic::error("missing-key", "`auth` needs one of `basic`, `bearer` and `digest`");
                self.push(error.at(super::first_line(self.source, node.span)));
                None
            }
        }
    }

    fn credentials(
        &mut self,
        object: &'static Object,
        node: &Node,
        name: &str,
    ) -> Option<(Spanned<Template>, Spanned<Template>)> {
        let fields = self.fields(object, node, name)?;
        let username = fields.take("username").and_then(|node| self.template(node, "username"));
        let password = fields.take("password").and_then(|node| self.template(node, "password"));
        Some((username?, password?))
    }

    pub(super) fn tags_of(&mut self, fields: &Fields) -> Vec<Tag> {
        let Some(node) = fields.take("tags") else { return Vec::new() };
        let before = self.found.found.len();
        let tags = self.named_templates(node, "tags").into_iter().map(|(key, value)| Tag { key, value }).collect();
        self.unread.parts |= self.found.found.len() > before;
        tags
    }

    fn thresholds(&mut self, node: &Node) -> Vec<MetricThresholds> {
        let wanted = "a map from metrics to thresholds";
        let Some(entries) = self.entries(node, "thresholds", wanted) else { return Vec::new() };
        entries
            .iter()
            .filter_map(|(key, value)| {
                if value.is_null() {
                    self.no_value(key, &Shape::Template);
                    return None;
                }
                Some(MetricThresholds { metric: spanned(key), thresholds: self.metric_thresholds(key, value) })
            })
            .collect()
    }

    fn metric_thresholds(&mut self, key: &Key, node: &Node) -> Vec<ThresholdEntry> {
        let Kind::List(items) = &node.kind else {
            return self.threshold(key, node).into_iter().collect();
        };
        if items.is_empty() {
            self.empty(node, &key.name);
        }
        items.iter().filter_map(|item| self.threshold(key, item)).collect()
    }

    fn threshold(&mut self, key: &Key, node: &Node) -> Option<ThresholdEntry> {
        match &node.kind {
            Kind::Text(_) => {
                let text = self.label(node, &key.name)?;
                Some(ThresholdEntry { text, abort_on_fail: false, delay_abort_eval: None, allow_empty: false })
            }
            Kind::Map(map) => {
                let fields = self.fields_of(&THRESHOLD, map, node.span);
                let text = fields.take("threshold").and_then(|node| self.label(node, "threshold"));
                let entry = ThresholdEntry {
                    abort_on_fail: self.flag(&fields, "abort_on_fail"),
                    delay_abort_eval: fields
                        .take("delay_abort_eval")
                        .and_then(|node| self.duration(node, "delay_abort_eval")),
                    allow_empty: self.flag(&fields, "allow_empty"),
                    text: text?,
                };
                Some(entry)
            }
            _ => {
                self.wrong_type_with(node, &key.name, "a threshold", "write one such as \"p(95)<300\"");
                None
            }
        }
    }
}

fn two_kinds_of_stage(line: &Key, step: &Key) -> Diagnostic {
    let message = format!("a stage is a line or a row of steps, not both: `{}` and `{}`", line.name, step.name);
    Diagnostic::error("stage-kind", message)
        .at(step.span)
        .also(line.span, "the other one")
        .help("write `{ duration, target }` for a line, `{ add, every, until, hold }` for steps, or one stage after the other")
}
