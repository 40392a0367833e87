//! Maps that forget: what users make the target remember must not grow without end.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;

/// A map by user id in shards, so that threads seldom wait for each other. It keeps at least `room` users and at most twice that,
/// and forgets those whose entry was not written for longest.
#[derive(Debug)]
pub struct PerUser<V> {
    shards: Vec<Mutex<Shard<V>>>,
    hasher: RandomState,
}

/// Two generations: when the young one is full it becomes the old one, and the old one goes. Constant time, and no order to keep.
#[derive(Debug)]
struct Shard<V> {
    young: HashMap<u64, V>,
    old: HashMap<u64, V>,
    room: usize,
}

impl<V: Copy> PerUser<V> {
    pub fn new(room: usize) -> PerUser<V> {
        let room = room.div_ceil(SHARDS).max(1);
        let shard = || Mutex::new(Shard { young: HashMap::new(), old: HashMap::new(), room });
        PerUser { shards: (0..SHARDS).map(|_| shard()).collect(), hasher: RandomState::new() }
    }

    pub fn find(&self, user: u64) -> Option<V> {
        self.shard(user).find(user)
    }

    /// Replaces a user's value by what `change` makes of it, and returns that. An `Err` of `change` leaves it as it was.
    pub fn update<E>(&self, user: u64, change: impl FnOnce(Option<V>) -> Result<V, E>) -> Result<V, E> {
        let mut shard = self.shard(user);
        let value = change(shard.find(user))?;
        shard.insert(user, value);
        Ok(value)
    }

    fn shard(&self, user: u64) -> MutexGuard<'_, Shard<V>> {
        locked(&self.shards[self.hasher.hash_one(user) as usize % SHARDS])
    }
}

impl<V: Copy> Shard<V> {
    fn find(&self, user: u64) -> Option<V> {
        self.young.get(&user).or_else(|| self.old.get(&user)).copied()
    }

    fn insert(&mut self, user: u64, value: V) {
        if self.young.len() >= self.room && !self.young.contains_key(&user) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(user, value);
    }
}

/// The lock, also after a thread that held it has panicked: every change under these locks is complete at once.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::PerUser;

    #[test]
    fn it_keeps_the_newest_users_and_never_more_than_twice_its_room() {
        let users = PerUser::new(640);
        for user in 0..100_000_u64 {
            users.update(user, |_| Ok::<_, ()>(user)).unwrap();
        }
        let kept = (0..100_000).filter(|user| users.find(*user).is_some()).count();
        assert!((64..=1_280).contains(&kept), "{kept} users");
        assert_eq!(users.find(99_999), Some(99_999));
    }

    #[test]
    fn a_refused_change_leaves_the_value() {
        let users = PerUser::new(10);
        users.update(7, |_| Ok::<_, ()>(1)).unwrap();
        assert_eq!(users.update(7, |_| Err("no")), Err("no"));
        assert_eq!(users.find(7), Some(1));
    }
}
