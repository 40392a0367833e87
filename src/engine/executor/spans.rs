//! `constant-vus` and `ramping-vus`: a VU iterates for as long as the line of VUs is above it.

use super::{Lane, Shift, Turn};
use crate::load::Life;
use crate::transport::Transport;

pub(super) async fn drive<T: Transport + Clone + 'static>(lane: &Lane<T>, index: u64, life: &Life) {
    let mut shift = Shift::begin(lane, index);
    let (_, last_cut) = lane.end();
    let mut turn = Turn::GoOn;
    for span in &life.spans {
        if turn == Turn::Over || !lane.wait_until(lane.start + span.start).await {
            break;
        }
        let cut = span.cut.map_or(last_cut, |cut| (lane.start + cut).min(last_cut));
        lane.count_active(1);
        while turn == Turn::GoOn && shift.may_start(lane.start + span.stop).await {
            turn = shift.iterate(cut, None, || lane.counters.next_iteration(lane.scenario)).await;
        }
        lane.count_active(-1);
        // Cut off where the line fell below it, it is wanted again where the line rises again.
        turn = if turn == Turn::Cut { Turn::GoOn } else { turn };
    }
    shift.finish(last_cut).await;
}
