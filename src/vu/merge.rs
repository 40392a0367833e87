//! What branches that ran at the same time leave behind: the same as if they had run one after the other, as far as they had.
//!
//! Branches end in any order, and there may be many of them. So what an earlier one did is dropped as soon as a later one has
//! overwritten it, and nothing here grows with the number of branches but lists that they append to, which have a bound.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::Vu;
use super::answer::Answer;
use super::cookies::ChangedCookies;
use super::flow::{Ending, Flow};
use super::slots::{MAX_APPENDED, Refused};
use crate::expr::{SlotId, Value};

/// A value, and the number of the branch that it is of.
type By<T> = (usize, T);

#[derive(Default)]
pub(super) struct Merged {
    assigned: HashMap<SlotId, By<Value>>,
    appended: HashMap<SlotId, Additions>,
    cookies: ChangedCookies,
    secrets: HashMap<SlotId, By<Vec<String>>>,
    answer: Option<By<Rc<Answer>>>,
    outcome: Option<By<String>>,
    ending: Option<By<Ending>>,
    full: Option<SlotId>,
}

/// To one list, by branch.
#[derive(Default)]
struct Additions {
    count: usize,
    elements: BTreeMap<usize, Vec<Value>>,
}

impl Merged {
    /// Takes what the branch `number` has done, and gives back its session. `flow` is `None` where it was cut off.
    pub(super) fn take<S>(&mut self, number: usize, fork: Vu<S>, before: &Vu<S>, flow: Option<Flow>) -> S {
        let changes = fork.slots.into_changes();
        for (slot, value) in changes.assigned {
            latest(self.assigned.entry(slot).or_insert_with(|| (number, Value::Null)), number, value);
        }
        for (slot, elements) in changes.appended {
            self.add(number, slot, elements);
        }
        for (slot, texts) in fork.secrets.taken_since(&before.secrets) {
            latest(self.secrets.entry(*slot).or_default(), number, texts.clone());
        }
        self.cookies.note(number, &before.jar, &fork.jar);
        let answer = fork.answer.filter(|answer| !before.answer.as_ref().is_some_and(|old| Rc::ptr_eq(old, answer)));
        later(&mut self.answer, number, answer);
        later(&mut self.outcome, number, fork.outcome);
        if let Some(Flow::End(ending)) = flow {
            self.end(number, ending);
        }
        fork.session
    }

    /// Whether no branch may go on.
    pub(super) fn is_final(&self) -> bool {
        self.ending.as_ref().is_some_and(|(_, ending)| ending.is_final())
    }

    fn end(&mut self, number: usize, ending: Ending) {
        let rank = |(by, ending): &By<Ending>| (ending.rank(), *by);
        if self.ending.as_ref().is_none_or(|known| rank(known) < (ending.rank(), number)) {
            self.ending = Some((number, ending));
        }
    }

    fn add(&mut self, number: usize, slot: SlotId, mut elements: Vec<Value>) {
        let additions = self.appended.entry(slot).or_default();
        let room = MAX_APPENDED - additions.count;
        if elements.len() > room {
            self.full = Some(slot);
            elements.truncate(room);
        }
        additions.count += elements.len();
        if !elements.is_empty() {
            additions.elements.insert(number, elements);
        }
    }

    /// Puts all of it into the VU, which has its variables back: how the branches ended, and a list that had no room for all.
    pub(super) fn put_into<S>(mut self, vu: &mut Vu<S>) -> (Flow, Option<(SlotId, Refused)>) {
        let mut refused = self.full.map(|slot| (slot, Refused::Full));
        let mut starts: HashMap<SlotId, usize> = HashMap::new();
        for (slot, (number, value)) in self.assigned {
            vu.slots.set(slot, value);
            starts.insert(slot, number);
        }
        for (slot, additions) in self.appended {
            // A later branch that assigned the variable has overwritten what was in it.
            let from = starts.get(&slot).copied().unwrap_or(0);
            let elements =
                additions.elements.into_iter().filter(|(number, _)| *number >= from).flat_map(|(_, all)| all);
            if let Some(why) = elements.map(|element| vu.slots.append(slot, element)).find_map(Result::err) {
                refused = Some((slot, why));
            }
        }
        for (slot, (_, texts)) in self.secrets {
            vu.secrets.put(slot, texts);
        }
        self.cookies.put_into(&mut vu.jar);
        vu.answer = self.answer.take().map(|(_, answer)| answer).or(vu.answer.take());
        vu.outcome = self.outcome.take().map(|(_, outcome)| outcome).or(vu.outcome.take());
        (self.ending.map_or(Flow::Next, |(_, ending)| Flow::End(ending)), refused)
    }
}

fn latest<T>(known: &mut By<T>, number: usize, value: T) {
    if known.0 <= number {
        *known = (number, value);
    }
}

fn later<T>(known: &mut Option<By<T>>, number: usize, value: Option<T>) {
    if let Some(value) = value
        && known.as_ref().is_none_or(|(by, _)| *by < number)
    {
        *known = Some((number, value));
    }
}
