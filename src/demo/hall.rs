//! Seats: which are free, and who got them. Each is sold exactly once.

use std::fmt::Write;
use std::sync::Mutex;

use bytes::Bytes;

use super::bounded::locked;

/// For each concert: bounds the memory of seats and of their rendered lists.
pub const MAX_SEATS: u32 = 10_000;

#[derive(Debug)]
pub struct Halls {
    /// One for each concert, from concert 1 on.
    halls: Vec<Mutex<Hall>>,
    seats: u32,
}

#[derive(Debug)]
struct Hall {
    /// By seat number − 1.
    taken: Vec<bool>,
    /// The answer that lists the free seats, until one is taken.
    listing: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    Reserved,
    Taken,
    NoSuchSeat,
}

impl Halls {
    pub fn new(concerts: u32, seats: u32) -> Halls {
        let hall = || Mutex::new(Hall { taken: vec![false; seats as usize], listing: None });
        Halls { halls: (0..concerts).map(|_| hall()).collect(), seats }
    }

    /// Seat ids count through all halls, from 1.
    pub fn reserve(&self, seat: u64) -> Reservation {
        let Some(index) = seat.checked_sub(1) else { return Reservation::NoSuchSeat };
        let Some(concert) = index.checked_div(u64::from(self.seats)) else { return Reservation::NoSuchSeat };
        let hall = usize::try_from(concert).ok().and_then(|concert| self.halls.get(concert));
        let Some(hall) = hall else { return Reservation::NoSuchSeat };
        let mut hall = locked(hall);
        let taken = &mut hall.taken[(index % u64::from(self.seats)) as usize];
        if std::mem::replace(taken, true) {
            return Reservation::Taken;
        }
        hall.listing = None;
        Reservation::Reserved
    }

    /// The free seats of a concert as a JSON answer. `None` for an unknown concert.
    pub fn free(&self, concert: u64) -> Option<Bytes> {
        let index = usize::try_from(concert.checked_sub(1)?).ok()?;
        let mut hall = locked(self.halls.get(index)?);
        let first = index as u64 * u64::from(self.seats) + 1;
        let Hall { taken, listing } = &mut *hall;
        Some(listing.get_or_insert_with(|| render(taken, first)).clone())
    }
}

fn render(taken: &[bool], first: u64) -> Bytes {
    let mut body = String::with_capacity(32 * taken.len() + 32);
    body.push_str(r#"{"data":{"seats":["#);
    for (index, _) in taken.iter().enumerate().filter(|(_, taken)| !**taken) {
        let (id, number) = (first + index as u64, index + 1);
        // Writing to a string cannot fail.
        let _ = write!(body, r#"{{"seatId":{id},"seatNo":{number}}},"#);
    }
    if body.ends_with(',') {
        body.pop();
    }
    body.push_str("]}}");
    body.into()
}

#[cfg(test)]
mod tests {
    use super::{Halls, Reservation};

    #[test]
    fn a_seat_is_listed_until_it_is_taken_and_is_taken_once() {
        let halls = Halls::new(2, 2);
        let listing = |concert| halls.free(concert).map(|body| String::from_utf8(body.to_vec()).unwrap());
        assert_eq!(listing(2).unwrap(), r#"{"data":{"seats":[{"seatId":3,"seatNo":1},{"seatId":4,"seatNo":2}]}}"#);
        assert_eq!(halls.reserve(3), Reservation::Reserved);
        assert_eq!(halls.reserve(3), Reservation::Taken);
        assert_eq!(listing(2).unwrap(), r#"{"data":{"seats":[{"seatId":4,"seatNo":2}]}}"#);
        assert_eq!(halls.reserve(4), Reservation::Reserved);
        assert_eq!(listing(2).unwrap(), r#"{"data":{"seats":[]}}"#);
    }

    #[test]
    fn ids_beyond_the_halls_are_no_seats() {
        let halls = Halls::new(2, 2);
        for seat in [0, 5, u64::MAX] {
            assert_eq!(halls.reserve(seat), Reservation::NoSuchSeat, "{seat}");
        }
        assert_eq!(Halls::new(2, 0).reserve(1), Reservation::NoSuchSeat);
        assert_eq!((halls.free(0), halls.free(3)), (None, None));
    }
}
