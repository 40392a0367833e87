//! What has happened for certain when a step begins, and where it may not have.

use std::collections::BTreeMap;

use crate::plan::{Target, VariableScope};
use crate::source::Span;

/// Something that a step may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact<'p> {
    /// A request was made in this iteration.
    Response,
    /// `seat`
    Name(&'p str),
    /// `vu.token`
    OfVu(&'p str),
}

impl<'p> Fact<'p> {
    pub(super) fn of(target: &'p Target) -> Fact<'p> {
        Fact::named(target.scope, &target.name.value)
    }

    pub(super) fn named(scope: VariableScope, name: &'p str) -> Fact<'p> {
        match scope {
            VariableScope::Iteration => Fact::Name(name),
            VariableScope::Vu => Fact::OfVu(name),
        }
    }
}

/// A way to a step on which something has not happened: `when` of the place `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) at: Span,
    /// `when this is false`
    pub(super) when: &'static str,
}

impl Gap {
    pub(super) fn new(at: Span, when: &'static str) -> Gap {
        Gap { at, when }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// On every way here.
    Certain,
    /// On some way, but not on this one.
    Missing(Gap),
    /// On none.
    Never,
}

/// What has happened on the ways to a step.
#[derive(Clone, Default)]
pub(super) struct Moment<'p> {
    /// Whatever may have happened; with a gap where it may not.
    facts: BTreeMap<Fact<'p>, Option<Gap>>,
    /// No way leads here: a `stop` comes before, or a condition that never holds.
    unreachable: bool,
}

impl<'p> Moment<'p> {
    pub(super) fn happens(&mut self, fact: Fact<'p>) {
        self.facts.insert(fact, None);
    }

    pub(super) fn end(&mut self) {
        self.unreachable = true;
    }

    pub(super) fn standing(&self, fact: Fact) -> Standing {
        match self.facts.get(&fact) {
            None => Standing::Never,
            Some(Some(gap)) if !self.unreachable => Standing::Missing(*gap),
            Some(_) => Standing::Certain,
        }
    }

    /// What outlives an iteration.
    pub(super) fn lasting(mut self) -> Moment<'p> {
        self.facts.retain(|fact, _| matches!(fact, Fact::OfVu(_)));
        self
    }

    /// Where several ways meet; each with what is to be said when something has not happened on it.
    pub(super) fn join(ways: Vec<(Moment<'p>, Gap)>) -> Moment<'p> {
        let mut facts = BTreeMap::new();
        for fact in ways.iter().flat_map(|(moment, _)| moment.facts.keys()) {
            facts.entry(*fact).or_insert_with(|| gap(*fact, &ways));
        }
        Moment { facts, unreachable: ways.iter().all(|(moment, _)| moment.unreachable) }
    }

    /// Where ways that were all taken at the same time meet.
    pub(super) fn join_all(ways: Vec<Moment<'p>>) -> Moment<'p> {
        let unreachable = ways.iter().any(|moment| moment.unreachable);
        let mut facts: BTreeMap<Fact, Option<Gap>> = BTreeMap::new();
        for (fact, gap) in ways.into_iter().flat_map(|moment| moment.facts) {
            let known = facts.entry(fact).or_insert(gap);
            if gap.is_none() {
                *known = None;
            }
        }
        Moment { facts, unreachable }
    }
}

/// The first way on which it has not happened, if there is one. Where that has such a way within, it is the closer reason.
fn gap(fact: Fact, ways: &[(Moment, Gap)]) -> Option<Gap> {
    let ways = ways.iter().filter(|(moment, _)| !moment.unreachable);
    let mut gaps = ways.map(|(moment, gap)| moment.facts.get(&fact).copied().unwrap_or(Some(*gap)));
    gaps.find_map(|gap| gap)
}
