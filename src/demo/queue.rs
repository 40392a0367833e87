//! The waiting room: tokens, and whose turn it is.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bounded::{PerUser, locked};
use crate::clock::{Duration, Instant};

/// Users whose place is remembered, and places in the line.
const ROOM: usize = 1_000_000;

#[derive(Debug)]
pub struct Queue {
    activate_after: Duration,
    tickets: PerUser<Ticket>,
    line: Mutex<Line>,
    tokens: Tokens,
}

/// A place in the line. Numbers are handed out in order, from 1.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    number: u64,
    since: Instant,
}

#[derive(Debug, Default)]
struct Line {
    /// The number of the last ticket.
    last: u64,
    /// Since when the last so many have been waiting, in order.
    waiting: VecDeque<Instant>,
}

#[derive(Debug, PartialEq)]
pub enum Turn {
    /// `order` counts from 1, for the next one in.
    Waiting {
        order: u64,
        remaining: Duration,
    },
    Active,
}

impl Queue {
    pub fn new(activate_after: Duration) -> Queue {
        Queue { activate_after, tickets: PerUser::new(ROOM), line: Mutex::default(), tokens: Tokens::default() }
    }

    /// A new token. Whoever still waits keeps the place in the line; whoever had a turn already queues anew.
    pub fn issue(&self, user: u64, now: Instant) -> String {
        let place = |ticket: Option<Ticket>| match ticket {
            Some(ticket) if self.remaining(ticket, now).is_some() => Ok::<_, Infallible>(ticket),
            _ => Ok(self.join(now)),
        };
        let Ok(_) = self.tickets.update(user, place);
        self.tokens.issue()
    }

    /// A token that needs no turn.
    pub fn issue_active(&self) -> String {
        self.tokens.issue()
    }

    /// Whether the token is one of ours.
    pub fn knows(&self, token: &str) -> bool {
        self.tokens.knows(token)
    }

    /// `None` for a user who never got a token.
    pub fn turn(&self, user: u64, now: Instant) -> Option<Turn> {
        let ticket = self.tickets.find(user)?;
        let Some(remaining) = self.remaining(ticket, now) else { return Some(Turn::Active) };
        let mut line = locked(&self.line);
        self.let_in(&mut line, now);
        let gone = line.last - line.waiting.len() as u64;
        Some(Turn::Waiting { order: ticket.number.saturating_sub(gone).max(1), remaining })
    }

    fn remaining(&self, ticket: Ticket, now: Instant) -> Option<Duration> {
        self.activate_after.checked_sub(now.saturating_duration_since(ticket.since)).filter(|left| !left.is_zero())
    }

    fn join(&self, now: Instant) -> Ticket {
        let mut line = locked(&self.line);
        self.let_in(&mut line, now);
        line.last += 1;
        line.waiting.push_back(now);
        Ticket { number: line.last, since: now }
    }

    fn let_in(&self, line: &mut Line, now: Instant) {
        while let Some(since) = line.waiting.front() {
            if line.waiting.len() < ROOM && now.saturating_duration_since(*since) < self.activate_after {
                return;
            }
            line.waiting.pop_front();
        }
    }
}

/// Tokens that need no memory: a number, signed with a key of this process.
#[derive(Debug, Default)]
struct Tokens {
    issued: AtomicU64,
    key: RandomState,
}

impl Tokens {
    fn issue(&self) -> String {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        format!("{number:x}.{:016x}", self.key.hash_one(number))
    }

    fn knows(&self, token: &str) -> bool {
        let parsed = token.split_once('.').and_then(|(number, signature)| {
            Some((u64::from_str_radix(number, 16).ok()?, u64::from_str_radix(signature, 16).ok()?))
        });
        parsed.is_some_and(|(number, signature)| self.key.hash_one(number) == signature)
    }
}

#[cfg(test)]
mod tests {
    use super::{Queue, Turn};
    use crate::clock::{Duration, now};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn users_come_in_in_order_and_a_second_token_does_not_lose_the_place() {
        let queue = Queue::new(10 * SECOND);
        let start = now();
        let waiting = |order, seconds| Some(Turn::Waiting { order, remaining: seconds * SECOND });
        queue.issue(7, start);
        queue.issue(8, start + SECOND);
        queue.issue(7, start + 2 * SECOND);
        assert_eq!(queue.turn(7, start + 2 * SECOND), waiting(1, 8));
        assert_eq!(queue.turn(8, start + 2 * SECOND), waiting(2, 9));
        assert_eq!(queue.turn(7, start + 10 * SECOND), Some(Turn::Active));
        assert_eq!(queue.turn(8, start + 10 * SECOND), waiting(1, 1));
        assert_eq!(queue.turn(9, start), None);
        queue.issue(7, start + 20 * SECOND);
        assert_eq!(queue.turn(7, start + 20 * SECOND), waiting(1, 10));
    }

    #[test]
    fn only_its_own_tokens_are_known() {
        let (ours, theirs) = (Queue::new(SECOND), Queue::new(SECOND));
        let token = ours.issue(1, now());
        assert!(ours.knows(&token));
        for wrong in [theirs.issue_active().as_str(), "", ".", "0.0", &token[..token.len() - 1], "zz.zz"] {
            assert!(!ours.knows(wrong), "{wrong}");
        }
    }
}
