//! What has happened for certain when a step begins, and where it may not have.

use std::collections::{BTreeMap, BTreeSet};

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

/// What has happened on the ways to a step. Grows with the plan, so branches change it in place, and undo that when they are left.
#[derive(Clone, Default)]
pub(super) struct Moment<'p> {
    /// Whatever may have happened; with a gap where it may not.
    facts: BTreeMap<Fact<'p>, Option<Gap>>,
    /// What was there before each change.
    changed: Vec<(Fact<'p>, Option<Option<Gap>>)>,
    /// No way leads here: a `stop` comes before, or a condition that never holds.
    unreachable: bool,
    body: LastBody,
}

/// What is known of the body of the last response.
#[derive(Clone, Copy, Default)]
struct LastBody {
    /// On some way it is there.
    kept: bool,
    /// Where it is discarded on some way.
    discarded: Option<Span>,
}

impl LastBody {
    fn of(discarded: Option<Span>) -> LastBody {
        LastBody { kept: discarded.is_none(), discarded }
    }

    fn or(self, other: LastBody) -> LastBody {
        LastBody { kept: self.kept || other.kept, discarded: self.discarded.or(other.discarded) }
    }
}

/// Where a branch began.
pub(super) struct Fork {
    changes: usize,
    unreachable: bool,
    body: LastBody,
}

/// What a branch has changed.
pub(super) struct Way<'p> {
    changes: BTreeMap<Fact<'p>, Option<Gap>>,
    unreachable: bool,
    body: LastBody,
}

impl<'p> Moment<'p> {
    pub(super) fn happens(&mut self, fact: Fact<'p>) {
        self.put(fact, None);
    }

    /// A response comes in; its body may be discarded at a place.
    pub(super) fn responds(&mut self, discarded: Option<Span>) {
        self.body = LastBody::of(discarded);
    }

    pub(super) fn may_have_responded(&mut self, discarded: Option<Span>) {
        self.body = self.body.or(LastBody::of(discarded));
    }

    /// Where the body of the last response is discarded, whichever response that is.
    pub(super) fn discarded(&self) -> Option<Span> {
        self.body.discarded.filter(|_| !self.body.kept)
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
    pub(super) fn lasting(&self) -> Moment<'p> {
        let facts = self.facts.iter().filter(|(fact, _)| matches!(fact, Fact::OfVu(_)));
        let facts = facts.map(|(fact, gap)| (*fact, *gap)).collect();
        Moment { facts, unreachable: self.unreachable, ..Moment::default() }
    }

    /// All of it as a way from the very beginning.
    pub(super) fn into_way(self) -> Way<'p> {
        Way { changes: self.facts, unreachable: self.unreachable, body: self.body }
    }

    pub(super) fn fork(&self) -> Fork {
        Fork { changes: self.changed.len(), unreachable: self.unreachable, body: self.body }
    }

    /// Back to the fork.
    pub(super) fn leave(&mut self, fork: &Fork) -> Way<'p> {
        let mut changes = BTreeMap::new();
        for (fact, before) in self.changed.drain(fork.changes..).rev() {
            let now = match before {
                Some(before) => self.facts.insert(fact, before),
                None => self.facts.remove(&fact),
            };
            // The first one seen here is the last change.
            if let Some(now) = now {
                changes.entry(fact).or_insert(now);
            }
        }
        Way {
            changes,
            unreachable: std::mem::replace(&mut self.unreachable, fork.unreachable),
            body: std::mem::replace(&mut self.body, fork.body),
        }
    }

    /// Where several ways meet; each with what is to be said when something has not happened on it.
    pub(super) fn meet(&mut self, ways: &[(Way<'p>, Gap)]) {
        self.unreachable |= ways.iter().all(|(way, _)| way.unreachable);
        let bodies = ways.iter().filter(|(way, _)| !way.unreachable).map(|(way, _)| way.body);
        self.body = bodies.reduce(LastBody::or).unwrap_or(self.body);
        for fact in ways.iter().flat_map(|(way, _)| way.changes.keys()).copied().collect::<BTreeSet<_>>() {
            let before = self.facts.get(&fact).copied();
            let reachable = ways.iter().filter(|(way, _)| !way.unreachable);
            // Where such a way has a gap within, that is the closer reason.
            let mut gaps = reachable.map(|(way, gap)| way.changes.get(&fact).copied().or(before).unwrap_or(Some(*gap)));
            self.put(fact, gaps.find_map(|gap| gap));
        }
    }

    /// Where ways that were all taken at the same time meet.
    pub(super) fn meet_all(&mut self, ways: &[Way<'p>]) {
        self.unreachable |= ways.iter().any(|way| way.unreachable);
        self.body = ways.iter().map(|way| way.body).reduce(LastBody::or).unwrap_or(self.body);
        for fact in ways.iter().flat_map(|way| way.changes.keys()).copied().collect::<BTreeSet<_>>() {
            let before = self.facts.get(&fact).copied();
            let mut known = ways.iter().filter_map(|way| way.changes.get(&fact).copied()).chain(before);
            let gap = known.try_fold(None, |first: Option<Gap>, gap| gap.map(|gap| Some(first.unwrap_or(gap))));
            self.put(fact, gap.flatten());
        }
    }

    fn put(&mut self, fact: Fact<'p>, gap: Option<Gap>) {
        let before = self.facts.insert(fact, gap);
        self.changed.push((fact, before));
    }
}
