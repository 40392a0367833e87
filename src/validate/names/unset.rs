//! What to say about a name that is not set where it is read.

use crate::diagnostic::Diagnostic;
use crate::expr::NameUse;
use crate::source::Span;

use super::known::Section;
use super::moment::Gap;

/// It is set on some ways to the step, and not on this one.
pub(super) fn on_a_way(used: &NameUse, gap: Gap) -> Diagnostic {
    let name = shown(used);
    let message = format!("`{name}` is not set on every way to this place");
    Diagnostic::error("unset-name", message)
        .at(used.span)
        .also(gap.at, format!("not set {}", gap.when))
        .help(format!("set it before that in any case, as in `set: {{ {name}: null }}`"))
        .help(asking(&name))
}

/// A step that comes later sets it; `in_loop` for the next round.
pub(super) fn later(used: &NameUse, section: Section, in_loop: bool, place: Span) -> Diagnostic {
    let name = shown(used);
    let lasts = is_of_vu(used) && section == Section::Body;
    let first = match (in_loop, lasts) {
        (true, _) => "not set in the first round: it is ",
        (false, true) => "not set in the first iteration: it is ",
        (false, false) => "",
    };
    let message = format!("`{name}` is {first}read before any step sets it");
    let diagnostic = Diagnostic::error("unset-name", message).at(used.span).also(place, "set here, later");
    match (in_loop, lasts) {
        (true, _) => diagnostic.help("set it before the loop, too").help(asking(&name)),
        (false, true) => {
            diagnostic.help("set it in `on_start`, which runs before the first iteration").help(asking(&name))
        }
        (false, false) => diagnostic,
    }
}

/// Only another part of the scenario sets it.
pub(super) fn elsewhere(used: &NameUse, here: Section, there: Section, place: Span) -> Diagnostic {
    let (name, here, there) = (shown(used), here.key(), there.key());
    let (message, help) = match is_of_vu(used) {
        true if here == "on_stop" => {
            (format!("`{name}` may not be set in `on_stop`: a VU can end before `{there}` have set it"), asking(&name))
        }
        true => (
            format!("`{name}` is not set in `{here}`: only `{there}` sets it, which runs later"),
            format!("set it in `{here}`, before this step"),
        ),
        false => (
            format!("`{name}` is set in `{there}` and gone when that has run"),
            format!("write `vu.{name}` in both places: names of the VU live as long as the VU"),
        ),
    };
    Diagnostic::error("unset-name", message).at(used.span).also(place, "set here").help(help)
}

/// Only a branch sets it that runs at the same time.
pub(super) fn beside(used: &NameUse, place: Span) -> Diagnostic {
    let name = shown(used);
    let message = format!("`{name}` is set by another branch of this `parallel`, which runs at the same time");
    Diagnostic::error("unset-name", message)
        .at(used.span)
        .also(place, "set here")
        .help("read it after the `parallel` step, or put both steps into one branch: a `group`")
}

fn asking(name: &str) -> String {
    format!("ask whether it is set: `has({name}) && …`, `has({name}) ? {name} : …`, `{name}.orValue(…)`")
}

fn is_of_vu(used: &NameUse) -> bool {
    used.root == "vu"
}

fn shown(used: &NameUse) -> String {
    match &used.field {
        Some(field) if is_of_vu(used) => format!("vu.{field}"),
        _ => used.root.clone(),
    }
}
