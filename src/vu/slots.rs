//! A VU's variables, and those of its forks, which lie over them.
//!
//! A fork copies nothing: it reads what its VU had when it was forked, and keeps what it sets and appends by itself.

use std::cell::OnceCell;
use std::rc::Rc;

use crate::expr::{SlotId, Value};

/// A list that a VU keeps for its life must not take the machine's memory in a long run.
pub(super) const MAX_APPENDED: usize = 100_000;

#[derive(Clone, Default)]
pub(super) struct Slots {
    own: Box<[Option<Value>]>,
    /// `None` for a VU that is no fork.
    under: Option<Box<Under>>,
}

/// What a fork has besides values of its own.
#[derive(Clone)]
struct Under {
    base: Rc<Slots>,
    appended: Vec<(SlotId, Appended)>,
}

/// Elements that a fork adds to a list of its VU.
#[derive(Clone, Default)]
struct Appended {
    elements: Vec<Value>,
    /// With those of the VU before them: made when it is read, so that a fork which only appends copies no list.
    whole: OnceCell<Value>,
}

/// What a fork has done to the variables.
pub(super) struct Changes {
    pub(super) assigned: Vec<(SlotId, Value)>,
    pub(super) appended: Vec<(SlotId, Vec<Value>)>,
}

/// Why nothing was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    NoList,
    Full,
}

impl Slots {
    pub(super) fn new(count: usize) -> Slots {
        Slots { own: vec![None; count].into(), under: None }
    }

    /// For a fork of the VU that has `base`.
    pub(super) fn over(base: &Rc<Slots>) -> Slots {
        let under = Under { base: Rc::clone(base), appended: Vec::new() };
        Slots { under: Some(Box::new(under)), ..Slots::new(base.own.len()) }
    }

    /// All of them, for forks to lie over; nothing is in their place until they come back.
    pub(super) fn lend(&mut self) -> Rc<Slots> {
        Rc::new(std::mem::take(self))
    }

    pub(super) fn get(&self, slot: SlotId) -> Option<&Value> {
        match (&self.own[slot.0 as usize], &self.under) {
            (Some(value), _) => Some(value),
            (None, Some(under)) => under.get(slot),
            (None, None) => None,
        }
    }

    pub(super) fn set(&mut self, slot: SlotId, value: Value) {
        self.own[slot.0 as usize] = Some(value);
        if let Some(under) = &mut self.under {
            under.appended.retain(|(known, _)| *known != slot);
        }
    }

    /// Adds to the list, which is made where there is none.
    pub(super) fn append(&mut self, slot: SlotId, value: Value) -> Result<(), Refused> {
        match (&mut self.own[slot.0 as usize], &mut self.under) {
            (own @ None, None) => *own = Some(Value::Array(vec![value])),
            (Some(Value::Array(list)), _) if list.len() < MAX_APPENDED => list.push(value),
            (Some(Value::Array(_)), _) => return Err(Refused::Full),
            (Some(_), _) => return Err(Refused::NoList),
            (None, Some(under)) => return under.append(slot, value),
        }
        Ok(())
    }

    /// Forgets the first `count` ones.
    pub(super) fn clear(&mut self, count: usize) {
        self.own[..count].fill(None);
    }

    pub(super) fn len(&self) -> usize {
        self.own.len()
    }

    /// Of a fork that has ended.
    pub(super) fn into_changes(self) -> Changes {
        let own = self.own.into_iter().enumerate();
        let assigned = own.filter_map(|(index, value)| Some((SlotId(index as u32), value?))).collect();
        let appended = self.under.map(|under| under.appended).unwrap_or_default();
        let appended = appended.into_iter().map(|(slot, appended)| (slot, appended.elements)).collect();
        Changes { assigned, appended }
    }
}

impl Under {
    fn get(&self, slot: SlotId) -> Option<&Value> {
        match self.appended.iter().find(|(known, _)| *known == slot) {
            Some((_, appended)) => Some(appended.whole.get_or_init(|| appended.behind(self.base.get(slot)))),
            None => self.base.get(slot),
        }
    }

    fn append(&mut self, slot: SlotId, value: Value) -> Result<(), Refused> {
        let before = match self.base.get(slot) {
            None => 0,
            Some(Value::Array(list)) => list.len(),
            Some(_) => return Err(Refused::NoList),
        };
        let at = self.appended.iter().position(|(known, _)| *known == slot).unwrap_or_else(|| {
            self.appended.push((slot, Appended::default()));
            self.appended.len() - 1
        });
        let appended = &mut self.appended[at].1;
        if before + appended.elements.len() >= MAX_APPENDED {
            return Err(Refused::Full);
        }
        appended.elements.push(value);
        appended.whole.take();
        Ok(())
    }
}

impl Appended {
    fn behind(&self, list: Option<&Value>) -> Value {
        let before = list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        Value::Array([before, &self.elements].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const A: SlotId = SlotId(0);
    const B: SlotId = SlotId(1);

    fn base() -> Rc<Slots> {
        let mut slots = Slots::new(2);
        slots.set(A, json!([1]));
        Rc::new(slots)
    }

    #[test]
    fn a_fork_reads_what_was_there_and_leaves_it_as_it_is() {
        let base = base();
        let mut fork = Slots::over(&base);
        fork.append(A, json!(2)).unwrap();
        assert_eq!((fork.get(A), fork.get(B)), (Some(&json!([1, 2])), None));
        fork.append(A, json!(3)).unwrap();
        fork.set(B, json!("x"));
        let mut second = Slots::over(&Rc::new(fork.clone()));
        second.append(A, json!(4)).unwrap();
        assert_eq!((second.get(A), second.get(B)), (Some(&json!([1, 2, 3, 4])), Some(&json!("x"))));
        assert_eq!((base.get(A), base.get(B)), (Some(&json!([1])), None));
        let changes = fork.into_changes();
        assert_eq!((changes.assigned, changes.appended), (vec![(B, json!("x"))], vec![(A, vec![json!(2), json!(3)])]));
    }

    #[test]
    fn what_is_set_anew_is_no_addition_any_more() {
        let mut fork = Slots::over(&base());
        fork.append(A, json!(2)).unwrap();
        fork.set(A, json!([]));
        fork.append(A, json!(3)).unwrap();
        let changes = fork.into_changes();
        assert_eq!((changes.assigned, changes.appended), (vec![(A, json!([3]))], vec![]));
    }

    #[test]
    fn a_list_is_full_at_some_time_and_other_values_are_none() {
        for is_fork in [false, true] {
            let mut slots = Slots::new(2);
            slots.set(A, Value::Array(vec![json!(1); MAX_APPENDED - 1]));
            slots.set(B, json!("text"));
            let mut slots = if is_fork { Slots::over(&Rc::new(slots)) } else { slots };
            assert_eq!(slots.append(A, json!(2)), Ok(()));
            assert_eq!(slots.append(A, json!(3)), Err(Refused::Full));
            assert_eq!(slots.append(B, json!(3)), Err(Refused::NoList));
        }
    }
}
