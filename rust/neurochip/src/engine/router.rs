//! One router: five ports, input queues, wormhole, dimension order (machine.md, section 3).
//!
//! What inputs ask for, what outputs may grant and which of them have a credit are bytes of one
//! word each, a byte for each output: a cycle begins with all grants in a few instructions.

use super::flits::{Coordinates, Flits, Queue};
use crate::chip::Port;

/// Ports of a router, each an input and an output.
pub(super) const PORTS: usize = 5;

/// The port of the router's own core.
pub(super) const LOCAL: usize = Port::Local as usize;

/// A byte for each output: a bit for each input.
const ALL_INPUTS: u64 = 0x1f_1f1f_1f1f;
/// The highest bit of each output's byte.
pub(super) const FLAGS: u64 = 0x80_8080_8080;

/// The lowest bit of each output's byte.
const ONES: u64 = 0x01_0101_0101;

/// The highest bit of each byte that is not 0; all are below 128, so that no sum carries over.
#[inline(always)]
fn flags_of(bytes: u64) -> u64 {
    (bytes + (FLAGS - ONES)) & FLAGS
}

/// How many outputs are flagged.
#[inline(always)]
fn num_flags(flags: u64) -> i64 {
    ((flags >> 7).wrapping_mul(ONES) >> 32 & 0xff) as i64
}

/// The round robin of a chip: whose turn it is, by where the turns begin and who asks.
#[derive(Debug, Clone)]
pub(super) struct Turns([[(u8, u8); 32]; PORTS]);

impl Turns {
    pub(super) fn new(order: [Port; PORTS]) -> Self {
        let turn = |first: usize, asking: usize| {
            let mut positions = (first..first + PORTS).map(|position| position % PORTS);
            let position = positions.find(|&position| asking >> order[position] as usize & 1 == 1);
            position.map_or((0, 0), |position| (order[position] as u8, ((position + 1) % PORTS) as u8))
        };
        Self(std::array::from_fn(|first| std::array::from_fn(|asking| turn(first, asking))))
    }

    /// The input whose turn it is, and where the turns begin the next time.
    #[inline(always)]
    fn turn(&self, first: u8, asking: usize) -> (usize, u8) {
        let (input, next) = self.0[first as usize][asking & 31];
        (input as usize, next)
    }
}

/// The state of one router. Arrays and bytes are by port. All of it lies in two cache lines: what a
/// flit needs of a router comes at once, which costs less than an array for each field.
#[derive(Debug, Clone)]
#[repr(align(128))]
pub(super) struct Router {
    /// The inputs whose head-of-line flit asks for each output.
    asking: u64,
    /// The inputs that each output may serve: all, or the one whose packet it is in the middle of.
    allowed: u64,
    /// The highest bit of a byte: whether the output has a credit, and no busy link.
    credited: u64,
    pub(super) credits: [u32; PORTS],
    /// The highest bit of a byte: whether the output is asked for and has no credit.
    blocked: u64,
    pub(super) queues: [Queue; PORTS],
    coordinates: u32,
    /// Where each output's round robin begins, a position in the arbitration order.
    first_turns: [u8; PORTS],
    /// Bits of the sides that are io ports.
    pub(super) outside: u8,
    /// Bits of the sides that are links to another chip.
    pub(super) linked: u8,
    /// Bits of the links that a flit is on its way onto, so that no other can follow yet.
    busy: u8,
    /// Whether it is on the list of those whose round robins may have moved in this timestep.
    pub(super) has_turned: bool,
}

/// What a router did in a cycle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Whether it must be looked at in the next cycle: it granted a flit and holds more.
    pub(super) stays_active: bool,
    /// Flags of the outputs that were blocked when it was last looked at.
    pub(super) was_blocked: u64,
    /// Flags of the outputs that are asked for and have no credit.
    pub(super) blocked: u64,
}

impl Look {
    /// How many more outputs are blocked than when the router was last looked at.
    #[inline(always)]
    pub(super) fn newly_blocked(&self) -> i64 {
        num_flags(self.blocked) - num_flags(self.was_blocked)
    }
}

impl Router {
    /// A router without io ports, that has these credits; some of its sides are links.
    pub(super) fn new(coordinates: u32, credits: [u32; PORTS], linked: u8) -> Self {
        let credited = (0..PORTS).filter(|&port| credits[port] > 0).map(|port| 0x80 << (8 * port)).sum();
        Self {
            asking: 0,
            allowed: ALL_INPUTS,
            credited,
            credits,
            blocked: 0,
            queues: [Queue::default(); PORTS],
            coordinates,
            first_turns: [0; PORTS],
            outside: 0,
            linked,
            busy: 0,
            has_turned: false,
        }
    }

    /// Makes one of its sides an io port, where there is always room.
    pub(super) fn open(&mut self, side: usize) {
        self.outside |= 1 << side;
        self.credits[side] = 1;
        self.credited |= 0x80 << (8 * side);
    }

    /// Every round robin begins anew, as at the start of a timestep.
    pub(super) fn reset_round_robins(&mut self) {
        self.first_turns = [0; PORTS];
        self.has_turned = false;
    }

    /// Takes a flit into an input queue and returns how many are in it now.
    #[inline(always)]
    pub(super) fn arrive(
        &mut self,
        input: usize,
        flit: u32,
        flits: &mut Flits,
        coordinates: &Coordinates,
    ) -> u32 {
        let queue = &mut self.queues[input];
        queue.push(flit, flits);
        if queue.length == 1 {
            self.ask(input, flit, flits, coordinates);
        }
        self.queues[input].length
    }

    /// The flit is now the first of its input queue.
    #[inline(always)]
    fn ask(&mut self, input: usize, flit: u32, flits: &Flits, coordinates: &Coordinates) {
        let output = coordinates.route(flits.target(flit), self.coordinates);
        self.asking |= 1 << (8 * output + input as u32);
    }

    /// A slot after an output is free again. Returns whether the output is asked for.
    #[inline(always)]
    pub(super) fn add_credit(&mut self, output: usize) -> bool {
        self.credits[output] += 1;
        self.credited |= 0x80 << (8 * output);
        self.asking >> (8 * output) & 0x1f != 0
    }

    /// A slot at the other end of a link is free again. Returns whether the output is asked for.
    pub(super) fn add_link_credit(&mut self, output: usize) -> bool {
        self.credits[output] += 1;
        self.open_link(output)
    }

    /// A link has just been granted to a flit: no other can follow yet.
    #[cold]
    fn occupy_link(&mut self, output: usize) {
        self.busy |= 1 << output;
        self.credited &= !(0x80 << (8 * output));
    }

    /// A flit can follow on a link. Returns whether the output is asked for.
    pub(super) fn free_link(&mut self, output: usize) -> bool {
        self.busy &= !(1 << output);
        self.open_link(output)
    }

    fn open_link(&mut self, output: usize) -> bool {
        let is_open = self.credits[output] > 0 && self.busy >> output & 1 == 0;
        self.credited |= u64::from(is_open) << (8 * output + 7);
        self.asking >> (8 * output) & 0x1f != 0
    }

    /// One cycle: every output with a credit grants one of the inputs that ask for it; `forward`
    /// takes each (input, output, flit).
    #[inline(always)]
    pub(super) fn look<const SINGLE_FLITS: bool>(
        &mut self,
        flits: &Flits,
        coordinates: &Coordinates,
        turns: &Turns,
        mut forward: impl FnMut(usize, usize, u32),
    ) -> Look {
        let asking = if SINGLE_FLITS { self.asking } else { self.asking & self.allowed };
        let asked = flags_of(asking);
        let blocked = asked & !self.credited;
        let was_blocked = std::mem::replace(&mut self.blocked, blocked);
        let granted = asked & self.credited;
        let mut left = granted;
        while left != 0 {
            let output = left.trailing_zeros() as usize / 8;
            left &= left - 1;
            let first = self.first_turns[output];
            let (input, next) = turns.turn(first, (asking >> (8 * output)) as usize);
            let flit = self.grant(input, output, flits, coordinates);
            self.first_turns[output] = if SINGLE_FLITS {
                next
            } else {
                self.lock(input, output, flits.target(flit).is_tail(), next)
            };
            forward(input, output, flit);
        }
        Look { stays_active: granted != 0 && self.asking != 0, was_blocked, blocked }
    }

    /// Takes the first flit of an input for an output that has a credit.
    #[inline(always)]
    fn grant(&mut self, input: usize, output: usize, flits: &Flits, coordinates: &Coordinates) -> u32 {
        let flit = self.queues[input].pop(flits);
        self.asking &= !(1 << (8 * output + input));
        if self.queues[input].length > 0 {
            self.ask(input, self.queues[input].head, flits, coordinates);
        }
        // Outside there is always room.
        self.credits[output] -= 1 - u32::from(self.outside >> output & 1);
        self.credited &= !(u64::from(self.credits[output] == 0) << (8 * output + 7));
        if self.linked >> output & 1 == 1 {
            self.occupy_link(output);
        }
        flit
    }

    /// Keeps an output for one input until a tail passes. Returns where its turns begin the next
    /// time: they pass on with the head of a packet.
    #[inline(always)]
    fn lock(&mut self, input: usize, output: usize, is_tail: bool, next: u8) -> u8 {
        let is_locked = self.allowed >> (8 * output) & 0x1f != 0x1f;
        let allowed = if is_tail { 0x1f } else { 1 << input };
        self.allowed = self.allowed & !(0x1f << (8 * output)) | allowed << (8 * output);
        if is_locked { self.first_turns[output] } else { next }
    }

    /// The output that the first flit of an input asks for.
    pub(super) fn wanted(&self, input: usize) -> Option<usize> {
        (0..PORTS).find(|output| self.asking >> (8 * output + input) & 1 == 1)
    }
}
