//! Everything that has a name in one scenario, and what to say about a name that is not among it.

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Diagnostics, closest};
use crate::expr::{NameUse, function_names, function_signature};
use crate::plan::{Plan, Step, StepKind, VariableScope};
use crate::source::{Span, Spanned};

use super::super::data::Loaded;
use super::super::vocabulary;
use super::super::{ValidScenario, place};
use super::moment::Fact;
use super::unset;

/// The parts of a scenario that share no variables of an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Start,
    Body,
    Stop,
}

impl Section {
    pub(super) const ALL: [Section; 3] = [Section::Start, Section::Body, Section::Stop];

    pub(super) fn steps<'p>(self, scenario: &ValidScenario<'p>) -> &'p [Step] {
        scenario.sections()[self as usize]
    }

    pub(super) fn key(self) -> &'static str {
        match self {
            Section::Start => "on_start",
            Section::Body => "steps",
            Section::Stop => "on_stop",
        }
    }
}

/// A place that gives a value to a name.
struct Definition<'p> {
    scope: VariableScope,
    section: Section,
    name: &'p Spanned<String>,
}

pub(super) struct Known<'p> {
    plan: &'p Plan,
    data: &'p [Loaded<'p>],
    definitions: Vec<Definition<'p>>,
    of_vu: HashSet<&'p str>,
    /// Names that only other scenarios set.
    elsewhere: Vec<(&'p Spanned<String>, String)>,
}

impl<'p> Known<'p> {
    pub(super) fn of(
        plan: &'p Plan,
        scenario: &ValidScenario<'p>,
        all: &[ValidScenario<'p>],
        data: &'p [Loaded<'p>],
    ) -> Known<'p> {
        let others = all.iter().filter(|other| other.name != scenario.name);
        let elsewhere = others.flat_map(|other| {
            definitions(other).into_iter().map(|definition| (definition.name, other.name.clone())).collect::<Vec<_>>()
        });
        let elsewhere = elsewhere.collect();
        let definitions = definitions(scenario);
        let of_vu = definitions.iter().filter(|known| known.scope == VariableScope::Vu);
        Known { plan, data, of_vu: of_vu.map(|known| known.name.value.as_str()).collect(), definitions, elsewhere }
    }

    /// What is one of the plan's `vars` or data sets cannot be set.
    pub(super) fn check_definitions(&self, found: &mut Diagnostics) {
        for Definition { name, .. } in self.definitions.iter().filter(|known| known.scope == VariableScope::Iteration) {
            let (declared, message) = match (self.var(&name.value), self.data_set(&name.value)) {
                (Some(var), _) => (var, format!("`{}` is one of the plan's `vars`, which never change", name.value)),
                (_, Some((_, set))) => {
                    (set.written.name.span, format!("`{}` is one of the plan's data sets", name.value))
                }
                (None, None) => continue,
            };
            found.push(
                Diagnostic::error("name-conflict", message)
                    .at(name.span)
                    .also(declared, "declared here")
                    .help("choose another name for what this step sets"),
            );
        }
    }

    /// The data set of this name, and its place among all.
    pub(super) fn data_set(&self, name: &str) -> Option<(usize, &'p Loaded<'p>)> {
        self.data.iter().enumerate().find(|(_, loaded)| loaded.written.name.value == name)
    }

    pub(super) fn var(&self, name: &str) -> Option<Span> {
        self.plan.vars.iter().find(|(known, _)| known.value == name).map(|(known, _)| known.span)
    }

    pub(super) fn declares_env(&self, name: &str) -> bool {
        self.env().any(|known| known == name)
    }

    pub(super) fn sets_vu(&self, name: &str) -> bool {
        self.of_vu.contains(name)
    }

    fn env(&self) -> impl Iterator<Item = &'p str> {
        self.plan.env.iter().map(|variable| variable.name.value.as_str())
    }

    fn definition(&self, scope: VariableScope, name: &str) -> Option<&Definition<'p>> {
        self.definitions.iter().find(|known| known.scope == scope && known.name.value == name)
    }

    /// What a name in an expression stands for, where it is one that can be set.
    pub(super) fn fact(&self, name: &str) -> Option<Fact<'p>> {
        if vocabulary::response_field(name).is_some() {
            return Some(Fact::Response);
        }
        let (scope, name) = match name.strip_prefix("vu.") {
            Some(name) => (VariableScope::Vu, name),
            None => (VariableScope::Iteration, name),
        };
        self.definition(scope, name).map(|known| Fact::named(scope, &known.name.value))
    }

    /// About a name that no step before has set. `None` where that is foreseen. `loops` are those around, which run rounds one after
    /// the other.
    pub(super) fn unset(
        &self,
        used: &NameUse,
        fact: Fact,
        (section, loops): (Section, &[Span]),
        quotable: bool,
    ) -> Option<Diagnostic> {
        let places = || self.definitions.iter().filter(|known| Fact::named(known.scope, &known.name.value) == fact);
        if let Some(later) = places().find(|known| known.section == section) {
            let place = later.name.span;
            let in_loop = loops.iter().any(|around| around.start <= place.start && place.end <= around.end);
            return (!used.guarded).then(|| unset::later(used, section, in_loop, place));
        }
        match (places().next(), fact) {
            (Some(_), Fact::OfVu(_)) if used.guarded => None,
            (Some(other), _) => Some(unset::elsewhere(used, section, other.section, other.name.span)),
            (None, _) => Some(self.unknown(used, quotable)),
        }
    }

    /// `quotable`: text may be meant that lacks its quotes.
    fn unknown(&self, used: &NameUse, quotable: bool) -> Diagnostic {
        let name = used.root.as_str();
        let diagnostic = Diagnostic::error("unknown-name", format!("unknown name `{name}`")).at(used.span);
        if let Some((place, scenario)) = self.elsewhere.iter().find(|(known, _)| known.value == name) {
            return diagnostic
                .also(place.span, "set here")
                .help(format!("only the scenario `{scenario}` sets it, and scenarios share no variables"));
        }
        match self.hint(used) {
            Some(hint) => diagnostic.help(hint),
            None => {
                let help = "a name comes from a step's `set` or `extract`, or from `vars:` of the plan; `env.NAME` reads the environment";
                let diagnostic = diagnostic.help(help);
                if quotable {
                    return diagnostic.help(format!("if it is meant as text, put it in quotes: `'{name}'`"));
                }
                diagnostic
            }
        }
    }

    fn hint(&self, used: &NameUse) -> Option<String> {
        let name = used.root.as_str();
        if let Some(field) = &used.field {
            let is_response = vocabulary::response_field(field).is_some();
            let known = self.var(field).is_some() || self.definition(VariableScope::Iteration, field).is_some();
            match name {
                "response" | "resp" | "res" | "r" if is_response => return Some(format!("write `{field}`")),
                "vars" | "variables" if known => return Some(format!("write `{field}`")),
                _ => {}
            }
        }
        if matches!(name, "vars" | "variables") {
            return Some("names of `vars:` are read as they are: `x`, not `vars.x`".to_owned());
        }
        if self.sets_vu(name) {
            return Some(format!("write `vu.{name}`: it is a name of the VU"));
        }
        if self.declares_env(name) {
            return Some(format!("write `env.{name}`"));
        }
        if let Some(signature) = function_signature(name) {
            return Some(format!("`{name}` is a function: write `{signature}`"));
        }
        if let Some(ours) = vocabulary::foreign(name) {
            return Some(format!("write `{ours}`"));
        }
        self.suggestion(name).map(|close| format!("did you mean `{close}`?"))
    }

    fn suggestion(&self, name: &str) -> Option<String> {
        let variables = self.definitions.iter().filter(|known| known.scope == VariableScope::Iteration);
        let mut bare: Vec<&str> = variables.map(|known| known.name.value.as_str()).collect();
        bare.extend(self.plan.vars.iter().map(|(known, _)| known.value.as_str()));
        bare.extend(self.data.iter().map(|loaded| loaded.written.name.value.as_str()));
        bare.extend(vocabulary::response_fields().chain(vocabulary::NAMESPACES.iter().copied()));
        let bare = closest(name, bare).map(str::to_owned);
        let of_vu = || closest(name, self.vu_names()).map(|close| format!("vu.{close}"));
        let of_env = || closest(name, self.env()).map(|close| format!("env.{close}"));
        let function = || closest(name, function_names()).and_then(function_signature).map(str::to_owned);
        bare.or_else(of_vu).or_else(of_env).or_else(function)
    }

    /// Sorted, so that a hint does not depend on chance.
    fn vu_names(&self) -> Vec<&'p str> {
        let mut names: Vec<&str> = self.of_vu.iter().copied().collect();
        names.sort_unstable();
        names
    }

    pub(super) fn unknown_env(&self, used: &NameUse) -> Diagnostic {
        super::unknown_env(&self.env().collect::<Vec<_>>(), used)
    }

    pub(super) fn unknown_in_vu(&self, used: &NameUse) -> Diagnostic {
        let Some(field) = &used.field else {
            return super::lonely("vu", used)
                .help("write `vu.id`, `vu.iteration`, or `vu.NAME` with a name that a step sets");
        };
        let message = format!("no step of this scenario sets `vu.{field}`");
        let diagnostic = Diagnostic::error("unknown-name", message).at(used.span);
        if let Some(bare) = self.definition(VariableScope::Iteration, field) {
            return diagnostic
                .also(bare.name.span, "set for the iteration only")
                .help(format!("write `{field}` here, or `vu.{field}` there"));
        }
        match closest(field, self.vu_names().into_iter().chain(["id", "iteration"])) {
            Some(close) => diagnostic.help(format!("did you mean `vu.{close}`?")),
            None => diagnostic.help(format!("a step gives it a value with `set: {{ vu.{field}: … }}` or `extract`")),
        }
    }
}

fn definitions<'p>(scenario: &ValidScenario<'p>) -> Vec<Definition<'p>> {
    let mut all = Vec::new();
    for section in Section::ALL {
        for step in section.steps(scenario) {
            collect(step, &mut |scope, name| all.push(Definition { scope, section, name }));
        }
    }
    all
}

/// Everything that a step and the steps inside it set.
pub(super) fn collect<'p>(step: &'p Step, see: &mut impl FnMut(VariableScope, &'p Spanned<String>)) {
    for (scope, name) in sets(step) {
        see(scope, name);
    }
    for step in place::inner(&step.kind).into_iter().flatten() {
        collect(step, see);
    }
}

/// What the step itself sets, in order.
pub(super) fn sets(step: &Step) -> Vec<(VariableScope, &Spanned<String>)> {
    match &step.kind {
        StepKind::Set(assignments) | StepKind::Append(assignments) => {
            assignments.iter().map(|assignment| (assignment.target.scope, &assignment.target.name)).collect()
        }
        StepKind::Request(request) => {
            request.extract.iter().map(|extract| (extract.target.scope, &extract.target.name)).collect()
        }
        StepKind::ForEach { bind, .. } => vec![(VariableScope::Iteration, bind)],
        _ => Vec::new(),
    }
}
