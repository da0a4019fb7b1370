//! One router: five ports, input queues, wormhole, dimension order (machine.md, section 3).

use std::collections::VecDeque;

use super::packet::{Flit, InFlight};
use crate::chip::Port;

/// Ports of a router, each an input and an output.
pub(super) const PORTS: usize = 5;

/// The port of the router's own core.
pub(super) const LOCAL: usize = Port::Local as usize;

/// What lies behind a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The router of a node; its opposite port faces this one.
    Router(u32),
    /// The router's own core.
    Core,
    /// The world outside an io port, which always has room.
    Outside(u32),
    /// The edge of the chip.
    Nothing,
}

/// A flit that an output takes from an input in this cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) flit: Flit,
}

/// The state of one router; arrays are by port.
#[derive(Debug)]
pub(super) struct Router {
    x: u32,
    y: u32,
    pub(super) sides: [Side; PORTS],
    pub(super) queues: [VecDeque<Flit>; PORTS],
    /// Free slots behind each output.
    pub(super) credits: [u32; PORTS],
    /// The input whose packet an output is in the middle of.
    locked_to: [Option<usize>; PORTS],
    /// Where each output's round robin begins, a position in the arbitration order.
    next_positions: [usize; PORTS],
}

impl Router {
    pub(super) fn new(x: u32, y: u32, sides: [Side; PORTS], credits: [u32; PORTS]) -> Self {
        let queues = std::array::from_fn(|_| VecDeque::new());
        Self { x, y, sides, queues, credits, locked_to: [None; PORTS], next_positions: [0; PORTS] }
    }

    /// Every round robin begins anew, as at the start of a timestep.
    pub(super) fn reset_round_robin(&mut self) {
        self.next_positions = [0; PORTS];
    }

    /// Whether a flit waits in any input queue.
    pub(super) fn has_flits(&self) -> bool {
        self.queues.iter().any(|queue| !queue.is_empty())
    }

    /// The output that the flit at the head of an input's queue asks for.
    pub(super) fn wanted(&self, input: usize, packets: &InFlight) -> Option<usize> {
        let packet = packets.at(self.queues[input].front()?.packet);
        Some(match (packet.x.cmp(&self.x), packet.y.cmp(&self.y)) {
            (std::cmp::Ordering::Greater, _) => Port::PlusX as usize,
            (std::cmp::Ordering::Less, _) => Port::MinusX as usize,
            (_, std::cmp::Ordering::Greater) => Port::PlusY as usize,
            (_, std::cmp::Ordering::Less) => Port::MinusY as usize,
            _ => packet.exit,
        })
    }

    /// One cycle: every output with a credit takes a flit from one of the inputs that ask for it.
    /// Returns how many outputs would have, but for a credit.
    pub(super) fn step(
        &mut self,
        order: &[usize; PORTS],
        packets: &InFlight,
        grants: &mut Vec<Grant>,
    ) -> u64 {
        // Of each output, a bit for every input that asks for it.
        let mut asking = [0_u8; PORTS];
        for input in 0..PORTS {
            if let Some(output) = self.wanted(input, packets) {
                asking[output] |= 1 << input;
            }
        }
        let mut blocked = 0;
        for (output, &asking) in asking.iter().enumerate() {
            let Some(input) = self.chosen(output, asking, order) else {
                continue;
            };
            if self.credits[output] > 0 {
                grants.push(self.grant(input, output, order));
            } else {
                blocked += 1;
            }
        }
        blocked
    }

    /// The input whose turn it is at an output.
    fn chosen(&self, output: usize, asking: u8, order: &[usize; PORTS]) -> Option<usize> {
        let asks = |input: usize| asking >> input & 1 == 1;
        if let Some(input) = self.locked_to[output] {
            return asks(input).then_some(input);
        }
        let first = self.next_positions[output];
        let mut turns = (first..first + PORTS).map(|position| order[position % PORTS]);
        turns.find(|&input| asks(input))
    }

    /// Takes the flit; packets stay whole and turns pass on.
    fn grant(&mut self, input: usize, output: usize, order: &[usize; PORTS]) -> Grant {
        let flit = self.queues[input].pop_front().expect("an input that asks has a flit");
        if self.locked_to[output].is_none() {
            let position = order.iter().position(|&port| port == input).expect("the order has every port");
            self.next_positions[output] = (position + 1) % PORTS;
        }
        self.locked_to[output] = (!flit.is_tail).then_some(input);
        if !matches!(self.sides[output], Side::Outside(_)) {
            self.credits[output] -= 1;
        }
        Grant { input, output, flit }
    }
}
