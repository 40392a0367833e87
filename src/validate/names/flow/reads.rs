//! What an expression reads at one moment of the walk, and whether it is there.

use crate::diagnostic::Diagnostic;
use crate::expr::{Expr, NameUse, Template};
use crate::plan::RowPer;
use crate::source::Span;

use super::super::super::data::{Loaded, column_hint};
use super::super::super::vocabulary;
use super::super::known::Section;
use super::super::moment::{Fact, Standing};
use super::super::unset;
use super::Flow;
use super::request::discarded;

impl Flow<'_, '_> {
    pub(super) fn expr(&mut self, expr: &Expr) {
        for used in expr.names() {
            self.name(&used, true);
        }
    }

    pub(super) fn template(&mut self, template: &Template) {
        self.reads(template.names());
    }

    pub(super) fn reads(&mut self, names: Vec<NameUse>) {
        for used in names {
            self.name(&used, false);
        }
    }

    fn name(&mut self, used: &NameUse, quotable: bool) {
        self.rows.extend(self.known.data_set(&used.root).map(|(index, _)| index));
        self.found.found.extend(self.mistake(used, quotable));
    }

    fn mistake(&self, used: &NameUse, quotable: bool) -> Option<Diagnostic> {
        let field = used.field.as_deref();
        let unread = &self.plan.unread;
        match used.root.as_str() {
            "env" | "vu" if field.is_some_and(|field| unread.may_name(field)) => None,
            root if unread.may_name(root) => None,
            "env" if field.is_some_and(|field| self.known.declares_env(field)) => None,
            "env" => Some(self.known.unknown_env(used)),
            "vu" if field.is_some_and(|name| vocabulary::fact("vu", name).is_some()) => None,
            "vu" => match field.filter(|name| self.known.sets_vu(name)) {
                Some(name) => self.unset(used, Fact::OfVu(name), quotable),
                None => Some(self.known.unknown_in_vu(used)),
            },
            "scenario" if matches!(field, Some("name" | "iteration")) => None,
            "scenario" => {
                let shown = field.map_or(String::new(), |field| format!(".{field}"));
                let message = format!("unknown name `scenario{shown}`");
                Some(
                    Diagnostic::error("unknown-name", message)
                        .at(used.span)
                        .help("a scenario has `scenario.name` and `scenario.iteration`"),
                )
            }
            "setup" => Some(
                Diagnostic::error("not-yet", "`setup` is not available yet")
                    .at(used.span)
                    .help("use `on_start`, which runs once per VU, and names such as `vu.token`"),
            ),
            root if vocabulary::response_field(root).is_some() => self.no_response(used),
            root if let Some((_, set)) = self.known.data_set(root) => row_mistake(set, used, self.section),
            root if self.known.var(root).is_some() => None,
            root => self.unset(used, Fact::Name(root), quotable),
        }
    }

    fn no_response(&self, used: &NameUse) -> Option<Diagnostic> {
        if self.plan.unread.steps {
            return None;
        }
        let root = &used.root;
        match self.now.standing(Fact::Response) {
            Standing::Certain => self.discarded_body(used),
            Standing::Missing(gap) => (!used.guarded && !self.plan.unread.ways).then(|| {
                let message = format!("`{root}` is of a response, and not every way here has a request");
                Diagnostic::error("no-response-yet", message)
                    .at(used.span)
                    .also(gap.at, format!("no request {}", gap.when))
                    .help(format!("ask whether there is one: `has({root}) && …`"))
            }),
            Standing::Never => Some({
                let message = format!("`{root}` is of a response, and no request comes before");
                Diagnostic::error("no-response-yet", message).at(used.span)
            }),
        }
    }

    fn discarded_body(&self, used: &NameUse) -> Option<Diagnostic> {
        let place = self.now.discarded().filter(|_| matches!(used.root.as_str(), "body" | "json"))?;
        Some(discarded(&format!("`{}` is", used.root), used.span, place))
    }

    fn unset(&self, used: &NameUse, fact: Fact, quotable: bool) -> Option<Diagnostic> {
        match self.now.standing(fact) {
            Standing::Certain => None,
            Standing::Missing(_) if used.guarded || self.plan.unread.ways => None,
            Standing::Missing(gap) => Some(unset::on_a_way(used, gap)),
            Standing::Never => match self.set_beside(fact) {
                Some(_) if used.guarded => None,
                Some(place) => Some(unset::beside(used, place)),
                None => self.known.unset(used, fact, (self.section, &self.loops), quotable),
            },
        }
    }

    /// Where another branch sets it that runs at the same time.
    fn set_beside(&self, fact: Fact) -> Option<Span> {
        let others = self.beside.iter().flat_map(|beside| beside.sets.iter().filter(|(by, ..)| *by != beside.here));
        others.into_iter().find(|(_, set, _)| *set == fact).map(|(.., place)| *place)
    }
}

/// What is wrong with reading a row of a data set here.
fn row_mistake(loaded: &Loaded, used: &NameUse, section: Section) -> Option<Diagnostic> {
    let name = &used.root;
    if section != Section::Body && loaded.per == RowPer::Iteration {
        let message = format!("`{name}` has a row for each iteration, and `{}` is in none", section.key());
        let error =
            Diagnostic::error("no-row-yet", message).at(used.span).also(loaded.written.name.span, "the data set");
        return Some(error.help("write `per: vu` in the data set: then a VU keeps one row for its life"));
    }
    let (field, set) = (used.field.as_ref()?, loaded.set.as_ref()?);
    if set.table.column(field).is_some() {
        return None;
    }
    let known = set.table.columns().iter().map(|column| column.name.as_str());
    let message = format!("the data set `{name}` has no column `{field}`");
    Some(Diagnostic::error("unknown-column", message).at(used.field_span).help(column_hint(field, known)))
}
