//! `shared-iterations`: VUs take iterations from one pile until it is empty.

use super::{Lane, Shift, Turn};
use crate::transport::Transport;

pub(super) async fn drive<T: Transport + Clone + 'static>(lane: &Lane<T>, index: u64, iterations: u64) {
    let mut shift = Shift::begin(lane, index);
    let (end, cut) = lane.end();
    lane.count_active(1);
    // Where the pile is empty there is nothing to wait for.
    while lane.counters.begun(lane.scenario) < iterations && shift.may_start(end).await {
        let number = lane.counters.next_iteration(lane.scenario);
        if number >= iterations || shift.iterate(cut, None, || number).await != Turn::GoOn {
            break;
        }
    }
    shift.finish(cut).await;
    lane.count_active(-1);
}
