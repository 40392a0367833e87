//! Everything that the target remembers, shared by its workers.

use bytes::Bytes;
use serde_json::{Value, json};

use super::board::Board;
use super::bounded::PerUser;
use super::counter::Counters;
use super::door::Door;
use super::hall::Halls;
use super::process::CpuMeter;
use super::queue::Queue;
use super::{CONCERTS, Settings};

/// Users whose points are remembered.
const POINTS_ROOM: usize = 1_000_000;
/// Dates of each concert.
const DATES: u32 = 5;

#[derive(Debug)]
pub struct Shop {
    pub door: Door,
    pub points: PerUser<u64>,
    pub queue: Queue,
    pub halls: Halls,
    pub board: Board,
    pub counters: Counters,
    pub cpu: CpuMeter,
    /// The answer that lists all concerts. It never changes, so it is written once.
    pub concerts: Bytes,
    /// The same for the dates of each concert.
    dates: Vec<Bytes>,
}

impl Shop {
    pub fn new(settings: Settings, workers: usize) -> Shop {
        Shop {
            door: Door::new(&settings),
            points: PerUser::new(POINTS_ROOM),
            queue: Queue::new(settings.activate_after),
            halls: Halls::new(CONCERTS, settings.seats),
            board: Board::default(),
            counters: Counters::new(workers),
            cpu: CpuMeter::start(workers),
            concerts: list((1..=CONCERTS).map(concert)),
            dates: (1..=CONCERTS).map(|id| list((1..=DATES).map(|day| date(id, day)))).collect(),
        }
    }

    /// `None` for an unknown concert.
    pub fn dates(&self, concert: u64) -> Option<Bytes> {
        self.dates.get(usize::try_from(concert.checked_sub(1)?).ok()?).cloned()
    }
}

fn concert(id: u32) -> Value {
    json!({ "concertId": id, "title": format!("Concert {id}") })
}

fn date(concert: u32, day: u32) -> Value {
    let schedule = (concert - 1) * DATES + day;
    json!({ "concertId": concert, "scheduleId": schedule, "date": format!("2030-06-{day:02}") })
}

fn list(items: impl Iterator<Item = Value>) -> Bytes {
    json!({ "data": { "concerts": items.collect::<Vec<_>>() } }).to_string().into()
}
