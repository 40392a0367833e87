//! The print of a graph: what will run, with every default filled in, as an indented tree.

mod delivery;

use std::fmt::Write as _;

use crate::clean::mask;
use crate::data::{Column, DataSet};
use crate::expr::{DataProgram, Program, SlotId};
use crate::judge::Threshold;
use crate::load::{Arrivals, Executor, MaxVus, Open, Part, Ramp, Spacing, chart, chart_rate};
use crate::plan::{EnvKind, GiveUp, LogLevel, OnExhausted, Pick, RowPer, RowPick, Sleep, StatusRange, StopScope};
use crate::units::{Duration, format_duration};

use super::compile::{AGENT, poll_name};
use super::connections;
use super::{Action, Block, CheckId, Extraction, Graph, PollStep, RequestStep, Scenario, Source, Step, Times};

/// The tree of steps of every scenario with its load, then the thresholds.
pub fn explain(graph: &Graph) -> String {
    let mut tree = Tree { graph, out: String::new() };
    tree.line(0, &graph.name);
    tree.connections();
    tree.data();
    for scenario in &graph.scenarios {
        tree.scenario(scenario);
    }
    tree.thresholds();
    tree.shape();
    // Constants are folded into the graph, so that a secret may stand in any printed value, encoded too. Short ones, which `mask`
    // leaves where a target's text might have them by chance, are hidden here: this text is the plan's.
    graph.secrets.iter().fold(mask(&tree.out, &graph.secrets), |text, secret| text.replace(secret.as_str(), "***"))
}

struct Tree<'g> {
    graph: &'g Graph,
    out: String,
}

impl Tree<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.out, "{:1$}{text}", "", depth * 2);
    }

    fn connections(&mut self) {
        self.out.push('\n');
        self.line(0, "connections");
        connections::lines(self.graph).iter().for_each(|line| self.line(1, line));
    }

    /// How many VUs there are at what time, and what that comes to.
    fn shape(&mut self) {
        let scenarios = &self.graph.scenarios;
        let ramps: Vec<(Duration, Ramp)> =
            scenarios.iter().filter_map(|it| Some((it.start_time, it.executor.ramp()?))).collect();
        let arrivals: Vec<(Duration, Arrivals)> =
            scenarios.iter().filter_map(|it| Some((it.start_time, it.executor.arrivals()?.0))).collect();
        let end = scenarios.iter().map(|it| it.start_time + it.executor.duration()).max().unwrap_or_default();
        self.out.push('\n');
        self.line(0, "load");
        if !ramps.is_empty() {
            self.out.push_str(&chart(&ramps, end));
        }
        if !arrivals.is_empty() {
            self.out.push_str(&chart_rate(&arrivals, end));
        }
        let peak: u64 = self.graph.scenarios.iter().map(|scenario| scenario.executor.peak_vus()).sum();
        let graceful = self.graph.scenarios.iter().map(|scenario| scenario.graceful_stop).max().unwrap_or_default();
        let counted: Option<u64> = self.graph.scenarios.iter().map(|scenario| scenario.executor.iterations()).sum();
        let most = if counted.is_some() { "at most " } else { "" };
        let mut text = format!(
            "up to {peak} VU{} for {most}{}, then up to {} for iterations to end",
            if peak == 1 { "" } else { "s" },
            format_duration(end),
            format_duration(graceful)
        );
        if let Some(iterations) = counted {
            text.push_str(&format!("; {iterations} iteration{}", if iterations == 1 { "" } else { "s" }));
        }
        if !arrivals.is_empty() {
            let due: u64 = arrivals.iter().map(|(_, arrivals)| arrivals.total()).sum();
            let is_random =
                |it: &Scenario| it.executor.arrivals().is_some_and(|(_, open)| open.spacing == Spacing::Poisson);
            let about = if scenarios.iter().any(is_random) { "about " } else { "" };
            text.push_str(&format!("; {about}{due} iteration{} due", if due == 1 { "" } else { "s" }));
        }
        self.line(1, &text);
    }

    fn data(&mut self) {
        if self.graph.data.is_empty() {
            return;
        }
        let graph = self.graph;
        self.out.push('\n');
        self.line(0, "data");
        for set in &graph.data {
            self.line(1, &data_set(set));
        }
    }

    fn scenario(&mut self, scenario: &Scenario) {
        self.out.push('\n');
        self.line(0, &format!("scenario {}", scenario.name));
        self.line(1, &format!("load: {}", load(scenario)));
        let names = scenario.rows.iter().filter_map(|rows| self.graph.data.get(rows.set.0 as usize));
        let names: Vec<&str> = names.map(|set| set.name.as_str()).collect();
        if !names.is_empty() {
            self.line(1, &format!("takes rows of {}", names.join(", ")));
        }
        for (name, text) in &scenario.env {
            self.line(1, &format!("env {name} = {text}"));
        }
        if let Some(cookies) = delivery::cookies(scenario.cookies) {
            self.line(1, cookies);
        }
        for (title, block) in
            [("on_start", &scenario.on_start), ("steps", &scenario.body), ("on_stop", &scenario.on_stop)]
        {
            if !block.is_empty() {
                self.line(1, title);
                self.block(2, block);
            }
        }
    }

    fn block(&mut self, depth: usize, block: &Block) {
        let graph = self.graph;
        for id in block {
            if let Some(step) = graph.steps.get(id.0 as usize) {
                self.step(depth, step);
            }
        }
    }

    fn step(&mut self, depth: usize, step: &Step) {
        let condition = step.condition.as_ref().map_or(String::new(), |condition| format!(", if {}", condition.text()));
        self.line(depth, &format!("{}{condition}", self.title(step)));
        let inside = depth + 1;
        match &step.action {
            Action::Request(request) => self.request(inside, request),
            Action::If { then, otherwise, .. } => {
                self.block(inside, then);
                if !otherwise.is_empty() {
                    self.line(depth, "else");
                    self.block(inside, otherwise);
                }
            }
            Action::Repeat { body, .. }
            | Action::While { body, .. }
            | Action::ForEach { body, .. }
            | Action::Parallel { branches: body, .. }
            | Action::Group { body, .. } => self.block(inside, body),
            Action::Poll(poll) => {
                if step.name != poll_name(poll.until.text()) {
                    self.line(inside, &format!("until {}", poll.until.text()));
                }
                self.poll(inside, poll);
                self.block(inside, &poll.body);
            }
            Action::Choose { branches, total } => {
                for (weight, block) in branches {
                    self.line(inside, &format!("{weight} of {total}"));
                    self.block(inside + 1, block);
                }
            }
            Action::Sleep(_)
            | Action::Set(_)
            | Action::Append(_)
            | Action::Log { .. }
            | Action::Outcome(_)
            | Action::Stop { .. } => {}
        }
    }

    fn title(&self, step: &Step) -> String {
        match &step.action {
            Action::Request(_) => {
                let site = self.graph.sites.get(step.site.0 as usize);
                let aside = if site.is_some_and(|site| site.unmeasured) { ", not measured" } else { "" };
                format!("request {}{aside}", step.name)
            }
            Action::Sleep(sleep) => format!("sleep {}", pause(*sleep)),
            Action::Set(assignments) => format!("set {}", self.assignments(assignments, "=")),
            Action::Append(assignments) => format!("append {}", self.assignments(assignments, "+=")),
            Action::If { condition, .. } => format!("if {}", condition.text()),
            Action::Repeat { times: Times::Fixed(times), .. } => format!("repeat {times} times"),
            Action::Repeat { times: Times::Computed(times), .. } => format!("repeat {} times", times.text()),
            Action::While { condition, max, .. } => format!("while {}, at most {max} times", condition.text()),
            Action::ForEach { items, bind, concurrency, .. } => {
                let at_once =
                    if *concurrency > 1 { format!(", at most {concurrency} at the same time") } else { String::new() };
                format!("for each {} in {}{at_once}", self.slot(*bind), items.text())
            }
            Action::Parallel { max, .. } => format!("parallel, at most {max} at the same time"),
            Action::Poll(poll) if step.name == poll_name(poll.until.text()) => step.name.clone(),
            Action::Poll(_) => format!("poll {}", step.name),
            Action::Choose { .. } => "choose one by weight".to_owned(),
            Action::Group { name, metric, .. } => {
                let trend = metric.and_then(|index| self.graph.custom_metrics.get(usize::from(index)));
                format!("group {name}{}", trend.map_or(String::new(), |trend| format!(", recorded as {trend}")))
            }
            Action::Log { level, message } => format!("log {}: {}", log_level(*level), message.text()),
            Action::Outcome(name) => format!("outcome {}", name.text()),
            Action::Stop { scope, reason } => {
                let reason = reason.as_ref().map_or(String::new(), |reason| format!(": {}", reason.text()));
                format!("stop {}{reason}", stop_scope(*scope))
            }
        }
    }

    fn assignments(&self, assignments: &[(SlotId, DataProgram)], operator: &str) -> String {
        let each = assignments.iter().map(|(slot, value)| format!("{} {operator} {}", self.slot(*slot), value.text()));
        each.collect::<Vec<_>>().join(", ")
    }

    fn slot(&self, slot: SlotId) -> &str {
        self.graph.slots.get(slot.0 as usize).map_or("", |slot| slot.name.as_str())
    }

    fn request(&mut self, depth: usize, request: &RequestStep) {
        self.line(depth, &format!("{} {}", request.method, request.url.text()));
        for (name, value) in request.headers.iter().filter(|(_, value)| value.text() != AGENT) {
            self.line(depth, &format!("header {name}: {}", value.text()));
        }
        if !request.query.is_empty() {
            self.line(depth, &format!("query {}", pairs(&request.query)));
        }
        for line in delivery::body(&request.body).into_iter().chain(delivery::delivery(request)) {
            self.line(depth, &line);
        }
        let expected: Vec<String> = request.expect.iter().map(|range| statuses(*range)).collect();
        let timeout = format_duration(request.timeout);
        self.line(
            depth,
            &format!("expect {} within {timeout}, at most {} redirects", expected.join(", "), request.redirects),
        );
        self.checks(depth, "require", &request.require);
        for extraction in &request.extract {
            self.line(depth, &extract(extraction));
        }
        self.checks(depth, "check", &request.checks);
    }

    fn checks(&mut self, depth: usize, kind: &str, checks: &[(CheckId, Program)]) {
        for (id, program) in checks {
            let name = self.graph.checks.get(id.0 as usize).map_or("", |check| check.name.as_str());
            let text = program.text();
            // A check without a name of its own is called by its text.
            let line = if name == text { format!("{kind} {text}") } else { format!("{kind} {name}: {text}") };
            self.line(depth, &line);
        }
    }

    fn poll(&mut self, depth: usize, poll: &PollStep) {
        if let Some(fail_if) = &poll.fail_if {
            self.line(depth, &format!("fail if {}", fail_if.text()));
        }
        let attempts = poll.attempts.map(|attempts| format!("at most {attempts} attempts"));
        let timeout = poll.timeout.map(|timeout| format!("for at most {}", format_duration(timeout)));
        let limits: Vec<String> = attempts.into_iter().chain(timeout).collect();
        let first = if poll.first_waits { "the first one too" } else { "the first one at once" };
        self.line(depth, &format!("every {}, {first}, {}", pause(poll.every), limits.join(", ")));
        match &poll.on_give_up {
            GiveUp::Fail => {}
            GiveUp::Continue => self.line(depth, "giving up goes on"),
            GiveUp::Outcome(name) => self.line(depth, &format!("giving up ends the iteration as {name}")),
        }
    }

    fn thresholds(&mut self) {
        if self.graph.thresholds.is_empty() {
            return;
        }
        let graph = self.graph;
        self.out.push('\n');
        self.line(0, if graph.default_thresholds { "thresholds (the default ones)" } else { "thresholds" });
        for written in &graph.thresholds {
            let default = if written.span.is_none() && !graph.default_thresholds { " (a default one)" } else { "" };
            self.line(1, &format!("{}{default}", threshold(written)));
        }
    }
}

fn data_set(set: &DataSet) -> String {
    let rows = set.table.len();
    let column = |column: &Column| match column.kind {
        Some(EnvKind::Int) => format!("{}: int", column.name),
        Some(EnvKind::Float) => format!("{}: float", column.name),
        Some(EnvKind::Bool) => format!("{}: bool", column.name),
        Some(EnvKind::Text) | None => column.name.clone(),
    };
    let columns: Vec<String> = set.table.columns().iter().map(column).collect();
    let per = match set.per {
        RowPer::Iteration => "iteration",
        RowPer::Vu => "VU",
    };
    let pick = match set.pick {
        RowPick::Sequential => format!("in order, one per {per}"),
        RowPick::Random => format!("any, one per {per}"),
        RowPick::Shuffle => format!("shuffled, one per {per}"),
        RowPick::PerVu => "VU k has row k, from the first again".to_owned(),
        RowPick::Unique => {
            let end = match set.on_exhausted {
                OnExhausted::StopVu => "the VU stops",
                OnExhausted::Recycle => "from the first again",
                OnExhausted::Fail => "the test stops",
            };
            format!("each once, one per {per}, then {end}")
        }
    };
    let plural = if rows == 1 { "" } else { "s" };
    format!("{}: {rows} row{plural} from {} ({}); {pick}", set.name, set.origin, columns.join(", "))
}

fn load(scenario: &Scenario) -> String {
    let mut text = match &scenario.executor {
        Executor::ConstantVus { vus, duration } => {
            format!("constant-vus, {} for {}", vus_of(*vus), format_duration(*duration))
        }
        Executor::RampingVus { start_vus, stages, graceful_ramp_down, .. } => {
            let stages: Vec<String> = stages.iter().map(stage).collect();
            let ramp_down = format_duration(*graceful_ramp_down);
            format!("ramping-vus, from {}: {}; graceful ramp-down {ramp_down}", vus_of(*start_vus), stages.join(", "))
        }
        Executor::SharedIterations { vus, iterations, max_duration } => {
            let most = format_duration(*max_duration);
            format!("shared-iterations, {iterations} shared by {}, at most {most}", vus_of(*vus))
        }
        Executor::PerVuIterations { vus, iterations, max_duration } => {
            let most = format_duration(*max_duration);
            format!("per-vu-iterations, {iterations} for each of {}, at most {most}", vus_of(*vus))
        }
        Executor::ConstantArrivalRate { rate, duration, open } => {
            let rate = rate_of(*rate, open.time_unit);
            format!("constant-arrival-rate, {rate} for {}{}", format_duration(*duration), of_open(open, scenario))
        }
        Executor::RampingArrivalRate { start_rate, stages, open } => {
            let stages: Vec<String> = stages.iter().map(stage).collect();
            let (rate, stages) = (rate_of(*start_rate, open.time_unit), stages.join(", "));
            format!("ramping-arrival-rate, from {rate}: {stages}{}", of_open(open, scenario))
        }
    };
    if let Some((weight, sum)) = scenario.weight {
        let _ = write!(text, "; weight {weight} of {sum}");
        if let Executor::RampingVus { crew: Some(crew), .. } = &scenario.executor {
            let _ = write!(text, ", which are up to {} of these", vus_of(crew.len()));
        }
        if let Some((arrivals, open)) = scenario.executor.arrivals() {
            let about = if open.spacing == Spacing::Poisson { "about " } else { "" };
            let _ = write!(text, ", which are {about}{} of the arrivals", arrivals.total());
        }
    }
    if let Some(pace) = scenario.pace {
        let _ = write!(text, "; pace {}", format_duration(pace));
    }
    if scenario.warmup > Duration::ZERO {
        let _ = write!(text, "; warm-up {}, not judged", format_duration(scenario.warmup));
    }
    let _ = write!(text, "; graceful stop {}", format_duration(scenario.graceful_stop));
    if scenario.start_time > Duration::ZERO {
        let _ = write!(text, "; starts after {}", format_duration(scenario.start_time));
    }
    text
}

fn rate_of(rate: u64, time_unit: Duration) -> String {
    match time_unit == Duration::from_secs(1) {
        true => format!("{rate}/s"),
        false => format!("{rate} per {}", format_duration(time_unit)),
    }
}

/// The rest of what executors of arrivals have.
fn of_open(open: &Open, scenario: &Scenario) -> String {
    let spacing = if open.spacing == Spacing::Poisson { ", at random (Poisson)" } else { "" };
    let most = vus_of(scenario.executor.peak_vus());
    let why = match open.max_vus {
        MaxVus::Given(_) => String::new(),
        MaxVus::ByRate(_) => " (the default for this rate)".to_owned(),
        MaxVus::Cut { wanted, .. } => format!(" (as this machine allows; for this rate there would be {wanted})"),
    };
    let before = match open.pre_allocated_vus {
        0 => String::new(),
        vus => format!(", {vus} of them from the start"),
    };
    format!("{spacing}; at most {most}{why}{before}")
}

fn vus_of(vus: u64) -> String {
    format!("{vus} VU{}", if vus == 1 { "" } else { "s" })
}

fn stage(part: &Part) -> String {
    match part {
        Part::Line(stage) => format!("to {} in {}", stage.target, format_duration(stage.duration)),
        Part::Steps(steps) => {
            let hold = steps.hold.map_or(String::new(), |hold| format!(", held for {}", format_duration(hold)));
            format!("to {} by {} every {}{hold}", steps.until, steps.add, format_duration(steps.every))
        }
    }
}

fn pause(sleep: Sleep) -> String {
    match sleep {
        Sleep::Fixed(time) => format_duration(time),
        Sleep::Range(shortest, longest) => format!("{}..{}", format_duration(shortest), format_duration(longest)),
    }
}

fn statuses(range: StatusRange) -> String {
    if range.first == range.last { range.first.to_string() } else { format!("{}..{}", range.first, range.last) }
}

fn pairs(pairs: &[(String, DataProgram)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}: {}", value.text())).collect::<Vec<_>>().join(", ")
}

fn extract(extraction: &Extraction) -> String {
    let from = match &extraction.from {
        Source::JsonPath(path) => path.text().to_owned(),
        Source::Regex(pattern) => format!("regex {pattern}"),
        Source::Header(name) => format!("header {name}"),
        Source::Cookie(name) => format!("cookie {name}"),
    };
    let pick = match extraction.pick {
        Pick::One => "the one match".to_owned(),
        Pick::First => "the first match".to_owned(),
        Pick::Last => "the last match".to_owned(),
        Pick::Random => "a random match".to_owned(),
        Pick::All => "all matches".to_owned(),
        Pick::Count => "the number of matches".to_owned(),
        Pick::Index(index) => format!("match {index}"),
    };
    let default = extraction.default.as_ref().map_or(String::new(), |default| format!(", or {}", default.text()));
    let secret = if extraction.secret { ", secret" } else { "" };
    format!("extract {} from {from}: {pick}{default}{secret}", extraction.name)
}

fn log_level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

fn stop_scope(scope: StopScope) -> &'static str {
    match scope {
        StopScope::Iteration => "iteration",
        StopScope::Vu => "vu",
        StopScope::Test => "test",
    }
}

fn threshold(threshold: &Threshold) -> String {
    let tags: Vec<String> = threshold.selector.iter().map(|(tag, value)| format!("{tag}:{value}")).collect();
    let selector = if tags.is_empty() { String::new() } else { format!("{{{}}}", tags.join(",")) };
    let abort = match threshold.abort_on_fail {
        true if threshold.delay_abort_eval.is_zero() => ", or else the run is aborted".to_owned(),
        true => format!(
            ", or else the run is aborted, after {} at the earliest",
            format_duration(threshold.delay_abort_eval)
        ),
        false => String::new(),
    };
    let empty = if threshold.allow_empty { ", or no samples" } else { "" };
    format!("{}{selector}: {}{empty}{abort}", threshold.metric, threshold.text)
}
