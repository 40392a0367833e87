//! Expressions that no run could evaluate, and checks that tell nothing.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Binding, Data, Expr, Fact, Names, Part, Program, Template, Type, Value};
use crate::plan::{Auth, Body, BodyPart, Check, Count, EnvKind, Http, PartContent, Plan, Request, Step, StepKind};

use super::data::Loaded;
use super::files::FileTemplates;
use super::{ValidScenario, place, vocabulary};

pub(super) fn check(
    plan: &Plan,
    scenarios: &[ValidScenario],
    data: &[Loaded],
    files: &FileTemplates,
    found: &mut Diagnostics,
) {
    let mut types = Types { plan, data, files, found };
    for (_, data) in &plan.vars {
        types.data(data);
    }
    for scenario in scenarios {
        for level in scenario.http_levels(plan) {
            types.http(level);
        }
        place::visit(scenario, &mut |_, step| types.step(step));
    }
}

struct Types<'a> {
    plan: &'a Plan,
    data: &'a [Loaded<'a>],
    files: &'a FileTemplates,
    found: &'a mut Diagnostics,
}

impl Types<'_> {
    fn step(&mut self, step: &Step) {
        step.condition.iter().for_each(|condition| self.expr(condition, true));
        match &step.kind {
            StepKind::Request(request) => self.request(request),
            StepKind::Set(assignments) | StepKind::Append(assignments) => {
                assignments.iter().for_each(|assignment| self.data(&assignment.value));
            }
            StepKind::If { condition, .. } | StepKind::While { condition, .. } => self.expr(condition, true),
            StepKind::Repeat { times: Count::Computed(times), .. } => self.template(&times.value),
            StepKind::ForEach { items, .. } => self.expr(items, false),
            StepKind::Poll(poll) => {
                self.expr(&poll.until, true);
                poll.fail_if.iter().for_each(|condition| self.expr(condition, true));
            }
            StepKind::Log { message: text, .. } | StepKind::Outcome(text) => self.template(&text.value),
            StepKind::Stop { reason, .. } => reason.iter().for_each(|reason| self.template(&reason.value)),
            StepKind::Repeat { .. }
            | StepKind::Sleep(_)
            | StepKind::Choose(_)
            | StepKind::Parallel { .. }
            | StepKind::Group { .. } => {}
        }
    }

    fn http(&mut self, http: &Http) {
        http.headers.iter().for_each(|(_, value)| self.template(&value.value));
        http.auth.iter().for_each(|auth| self.auth(auth));
    }

    fn request(&mut self, request: &Request) {
        self.template(&request.url.value);
        request.headers.iter().for_each(|(_, value)| self.template(&value.value));
        request.query.iter().for_each(|(_, value)| self.data(value));
        request.auth.iter().for_each(|auth| self.auth(auth));
        match &request.body {
            Some(Body::Json(data)) => self.data(data),
            Some(Body::Form(fields)) => fields.iter().for_each(|(_, value)| self.data(value)),
            Some(Body::Text(text)) => self.template(&text.value),
            Some(Body::Multipart(parts)) => parts.iter().for_each(|(_, part)| self.part(part)),
            Some(Body::FileTemplate(path)) => self.file(&path.value),
            Some(Body::File(_)) | None => {}
        }
        request.extract.iter().filter_map(|extract| extract.default.as_ref()).for_each(|default| self.data(default));
        request.require.iter().chain(&request.checks).for_each(|check| self.check(check));
    }

    fn part(&mut self, part: &BodyPart) {
        match &part.content {
            PartContent::Text(data) | PartContent::Json(data) => self.data(data),
            PartContent::File(_) => {}
        }
        part.templates().for_each(|template| self.template(template));
    }

    fn file(&mut self, path: &str) {
        if let Some(file) = self.files.get(path) {
            let before = self.found.found.len();
            self.template(&file.template);
            file.claim(&mut self.found.found[before..]);
        }
    }

    fn auth(&mut self, auth: &Auth) {
        match auth {
            Auth::Basic { username, password } | Auth::Digest { username, password } => {
                self.template(&username.value);
                self.template(&password.value);
            }
            Auth::Bearer(token) => self.template(&token.value),
            Auth::None => {}
        }
    }

    fn check(&mut self, check: &Check) {
        self.expr(&check.condition, true);
        // An expression that could not be read is replaced by one that holds, and is an error already.
        let constant = Program::compile(&check.condition, &Nothing).constant() == Some(&Value::Bool(true));
        if constant && !self.found.has_errors() {
            let message = format!("`{}` always passes: it reads nothing of the response", check.condition.text.trim());
            self.found.push(
                Diagnostic::warning("constant-check", message)
                    .at(check.condition.span)
                    .help("check what the server answers, such as `status == 200`"),
            );
        }
    }

    fn data(&mut self, data: &Data) {
        match data {
            Data::Literal(_) => {}
            Data::Template(template) => self.template(template),
            Data::List(items) => items.iter().for_each(|item| self.data(item)),
            Data::Object(fields) => fields.iter().for_each(|(_, value)| self.data(value)),
        }
    }

    fn template(&mut self, template: &Template) {
        for part in &template.parts {
            if let Part::Expr(expr) = part {
                self.expr(expr, false);
            }
        }
    }

    fn expr(&mut self, expr: &Expr, condition: bool) {
        let type_of = |root: &str, field: Option<&str>| self.type_of(root, field);
        let mut mistakes = expr.type_mistakes(condition, &type_of);
        mistakes.iter_mut().for_each(|mistake| self.add_column_hint(expr, mistake));
        self.found.found.extend(mistakes);
        self.template_in_text(expr);
    }

    /// A `${` outside of a text is an error of its own.
    fn template_in_text(&mut self, expr: &Expr) {
        let looks_meant = |(start, _): &(usize, &str)| {
            let inner = expr.text[start + 2..].trim_start();
            inner.starts_with(|c: char| c.is_alphabetic() || c == '_') && inner.contains('}')
        };
        let Some((start, _)) = expr.text.match_indices("${").find(looks_meant) else { return };
        if self.found.has_errors() {
            return;
        }
        let end = expr.text[start..].find('}').map_or(expr.text.len(), |end| start + end + 1);
        let written = &expr.text[start..end];
        let name = written[2..written.len() - 1].trim();
        let message = format!("`{written}` in a text of an expression is not replaced: it stands there as it is");
        self.found.push(
            Diagnostic::warning("template-in-text", message)
                .at(expr.span)
                .help(format!("take it out of the quotes: `{name}`, or `'…' + string({name})` behind other text")),
        );
    }

    /// A number in a file is text until the data set says that it is none.
    fn add_column_hint(&self, expr: &Expr, mistake: &mut Diagnostic) {
        for used in expr.names() {
            let Some(column) = used.field.as_deref() else { continue };
            let is_text = self.column(&used.root, Some(column)) == Some(EnvKind::Text);
            if is_text && mistake.message.contains(&format!("`{}.{column}`", used.root)) {
                let hint =
                    format!("columns of CSV are text unless the data set says otherwise: `types: {{ {column}: int }}`");
                mistake.help.push(hint);
                return;
            }
        }
    }

    /// What a column of a data set is read as.
    fn column(&self, root: &str, field: Option<&str>) -> Option<EnvKind> {
        let set = self.data.iter().find(|loaded| loaded.written.name.value == root)?.set.as_ref()?;
        set.table.columns().iter().find(|column| Some(column.name.as_str()) == field)?.kind
    }

    fn type_of(&self, root: &str, field: Option<&str>) -> Type {
        match (root, field) {
            ("scenario", Some("name")) => Type::Text,
            ("env", Some(name)) => {
                let variable = self.plan.env.iter().find(|variable| variable.name.value == name);
                variable.map_or(Type::Any, |variable| of_kind(variable.kind))
            }
            (root, field) if let Some(kind) = self.column(root, field) => of_kind(kind),
            (_, Some(field)) => match vocabulary::fact(root, field) {
                Some(Fact::VuId | Fact::VuIteration | Fact::ScenarioIteration) => Type::Number,
                None => Type::Any,
            },
            (root, None) => vocabulary::response_field(root).map_or(Type::Any, Type::of_response),
        }
    }
}

fn of_kind(kind: EnvKind) -> Type {
    match kind {
        EnvKind::Text => Type::Text,
        EnvKind::Int | EnvKind::Float => Type::Number,
        EnvKind::Bool => Type::Bool,
    }
}

/// No names: what is constant then is so in every environment.
struct Nothing;

impl Names for Nothing {
    fn bind(&self, _: &str, _: Option<&str>) -> Option<Binding> {
        None
    }
}
