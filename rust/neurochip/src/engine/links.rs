//! Links: the channels between the edge routers of two chips (machine.md, section 6).
//!
//! A link has latencies of its own, so what crosses it waits in lines of its own. That it is free
//! again is a message to its router like a credit: an output whose link is busy is one that cannot
//! grant, and nobody looks at it until it can.

use super::delay::Delay;
use super::flits::Arrival;
use crate::chip::Board;

/// What is under way on the links of a board, by the cycle in which it arrives.
#[derive(Debug)]
pub(super) struct Links {
    pub(super) flits: Delay<Arrival>,
    /// Slots of router outputs that get a credit.
    pub(super) credits: Delay<u32>,
    /// Slots of router outputs whose link is free again.
    pub(super) freed: Delay<u32>,
}

impl Links {
    /// Idle links; on a board of one chip there is none, and its latencies do not matter.
    pub(super) fn new(board: &Board) -> Self {
        let link_cycles = board.link_cycles.unwrap_or(1);
        Self {
            flits: Delay::new(link_cycles),
            credits: Delay::new(link_cycles),
            freed: Delay::new(board.link_flit_cycles.unwrap_or(1)),
        }
    }

    /// Sends a flit to the far end of the link at an output.
    pub(super) fn cross(&mut self, output: u32, arrival: Arrival) {
        self.flits.post(arrival);
        self.freed.post(output);
    }
    /// Ends a cycle: what was posted in it is on its way.
    #[inline(always)]
    pub(super) fn close(&mut self, now: u64) {
        self.flits.close(now);
        self.credits.close(now);
        self.freed.close(now);
    }

    /// The next cycle in which something arrives somewhere, or `NEVER`.
    #[inline(always)]
    pub(super) fn next(&self) -> u64 {
        self.flits.next().min(self.credits.next()).min(self.freed.next())
    }
}
