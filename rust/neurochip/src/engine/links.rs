//! Links: the channels between the edge routers of two chips (machine.md, section 6).
//!
//! A link has latencies of its own, so what crosses it waits in lines of its own. That it is free
//! again is a message to its router like a credit: an output whose link is busy is one that cannot
//! grant, and nobody looks at it until it can.

use super::delay::Delay;
use super::noc::Arrival;
use crate::chip::Board;

/// What is under way on the links of a board, by the cycle in which it arrives.
#[derive(Debug)]
pub(super) struct Links {
    flits: Delay<Arrival>,
    /// Slots of router outputs that get a credit.
    credits: Delay<u32>,
    /// Slots of router outputs whose link is free again.
    freed: Delay<u32>,
    /// Messages in all of these: most chips are by themselves and most cycles without any.
    under_way: usize,
}

/// What arrives over links in one cycle.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    pub(super) flits: Vec<Arrival>,
    pub(super) credits: Vec<u32>,
    pub(super) freed: Vec<u32>,
}

impl Links {
    /// Idle links; on a board of one chip there is none, and its latencies do not matter.
    pub(super) fn new(board: &Board) -> Self {
        let link_cycles = board.link_cycles.unwrap_or(1);
        Self {
            flits: Delay::new(link_cycles),
            credits: Delay::new(link_cycles),
            freed: Delay::new(board.link_flit_cycles.unwrap_or(1)),
            under_way: 0,
        }
    }

    /// Whether nothing is under way.
    #[inline(always)]
    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0
    }

    /// Sends a flit to the far end of the link behind an output.
    pub(super) fn cross(&mut self, output: u32, arrival: Arrival) {
        self.flits.post(arrival);
        self.freed.post(output);
        self.under_way += 2;
    }

    /// Sends a credit back to the output at the other end of a link.
    pub(super) fn credit(&mut self, output: u32) {
        self.credits.post(output);
        self.under_way += 1;
    }

    /// Flits that were sent in this cycle.
    pub(super) fn posted(&self) -> u64 {
        self.flits.posted()
    }

    /// What arrives in this cycle, if anything does.
    #[inline(always)]
    pub(super) fn take(&mut self, now: u64) -> Option<Arrived> {
        if self.is_idle() || self.next() != Some(now) { None } else { Some(self.take_all(now)) }
    }

    #[cold]
    fn take_all(&mut self, now: u64) -> Arrived {
        let arrived = Arrived {
            flits: self.flits.take(now).unwrap_or_default(),
            credits: self.credits.take(now).unwrap_or_default(),
            freed: self.freed.take(now).unwrap_or_default(),
        };
        self.under_way -= arrived.flits.len() + arrived.credits.len() + arrived.freed.len();
        arrived
    }

    /// Keeps the memory of what [`Links::take`] handed out.
    pub(super) fn give_back(&mut self, arrived: Arrived) {
        self.flits.give_back(arrived.flits);
        self.credits.give_back(arrived.credits);
        self.freed.give_back(arrived.freed);
    }

    /// Ends a cycle: what was posted in it is on its way.
    #[inline(always)]
    pub(super) fn close(&mut self, now: u64) {
        if !self.is_idle() {
            self.close_all(now);
        }
    }

    #[cold]
    fn close_all(&mut self, now: u64) {
        self.flits.close(now);
        self.credits.close(now);
        self.freed.close(now);
    }

    /// The next cycle in which something arrives somewhere.
    #[cold]
    pub(super) fn next(&self) -> Option<u64> {
        [self.flits.next(), self.credits.next(), self.freed.next()].into_iter().flatten().min()
    }
}
