//! When cores that wait for time alone act next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::engine::wheel::NEVER;

/// Cycles, each with a node whose core acts in it. Nodes of one cycle come in any order.
#[derive(Debug, Default)]
pub(super) struct Alarms(BinaryHeap<Reverse<(u64, u32)>>);

impl Alarms {
    pub(super) fn set(&mut self, cycle: u64, node: u32) {
        self.0.push(Reverse((cycle, node)));
    }

    /// Hands over the next node whose cycle has come.
    pub(super) fn pop_due(&mut self, now: u64) -> Option<u32> {
        let Reverse((cycle, _)) = self.0.peek()?;
        if *cycle > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, node))| node)
    }

    /// The cycle of the next alarm, or [`NEVER`].
    pub(super) fn next(&self) -> u64 {
        self.0.peek().map_or(NEVER, |Reverse((cycle, _))| *cycle)
    }
}
