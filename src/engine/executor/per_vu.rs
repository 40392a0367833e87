//! `per-vu-iterations`: every VU runs the same number of iterations.

use super::{Lane, Shift, Turn};
use crate::transport::Transport;

pub(super) async fn drive<T: Transport + Clone + 'static>(lane: &Lane<T>, index: u64, iterations: u64) {
    let mut shift = Shift::begin(lane, index);
    let (end, cut) = lane.end();
    lane.count_active(1);
    for _ in 0..iterations {
        if !shift.may_start(end).await {
            break;
        }
        if shift.iterate(cut, None, || lane.counters.next_iteration(lane.scenario)).await != Turn::GoOn {
            break;
        }
    }
    shift.finish(cut).await;
    lane.count_active(-1);
}
