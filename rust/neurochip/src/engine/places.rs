//! What happens, in all and, on request, where: by node and by router output.

use super::router::{FLAGS, LOCAL, PORTS};
use crate::counters::Counters;

/// What happened at one output of a router.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputCounts {
    /// Flits that took it to a router or a core; what leaves the chip is among its node's `io_flits`.
    pub flits: u64,
    /// Cycles in which a flit asked for it and it had no credit.
    pub blocked_cycles: u64,
}

/// Cycles in which each engine of a core is busy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CoreCycles {
    /// As `soma_busy_cycles` of [`Counters`].
    pub soma: u64,
    /// As `send_busy_cycles`.
    pub send: u64,
    /// As `receive_busy_cycles`.
    pub receive: u64,
}

/// What happened where; the nodes add up to what happened in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// By node: its core and its router, and the io ports at its sides. What only a chip as a whole
    /// has, its cycles, is 0.
    pub nodes: Vec<Counters>,
    /// By core: its engines. The cores of a node add up to it.
    pub cores: Vec<CoreCycles>,
    /// By node and [`Port`](crate::chip::Port): the outputs of its router.
    pub outputs: Vec<[OutputCounts; PORTS]>,
}

impl Places {
    /// Nothing has happened yet.
    pub fn new(num_nodes: u32, num_cores: u32) -> Self {
        Self {
            nodes: vec![Counters::default(); num_nodes as usize],
            cores: vec![CoreCycles::default(); num_cores as usize],
            outputs: vec![[OutputCounts::default(); PORTS]; num_nodes as usize],
        }
    }

    /// Adds what happened elsewhere, on the same chip.
    pub fn add(&mut self, other: &Self) {
        self.nodes.iter_mut().zip(&other.nodes).for_each(|(ours, theirs)| ours.add(theirs));
        for (ours, theirs) in self.cores.iter_mut().zip(&other.cores) {
            ours.soma += theirs.soma;
            ours.send += theirs.send;
            ours.receive += theirs.receive;
        }
        let theirs = other.outputs.iter().flatten();
        for (ours, theirs) in self.outputs.iter_mut().flatten().zip(theirs) {
            ours.flits += theirs.flits;
            ours.blocked_cycles += theirs.blocked_cycles;
        }
    }
}

/// Counts while a machine runs. Where each event happens is kept only if someone asked for it: else
/// `places` has no nodes and no outputs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) total: Counters,
    places: Places,
}

impl Tally {
    /// From now on keeps where things happen.
    pub(super) fn count_places(&mut self, num_nodes: u32, num_cores: u32) {
        self.places = Places::new(num_nodes, num_cores);
    }

    /// From now on keeps how busy engines and outputs are, and not what happens at nodes.
    pub(super) fn count_load(&mut self, num_nodes: u32, num_cores: u32) {
        self.places = Places { nodes: vec![], ..Places::new(num_nodes, num_cores) };
    }

    /// From now on keeps what happens at outputs, and not at nodes: that takes less of the cache.
    pub(super) fn count_outputs(&mut self, num_nodes: u32) {
        self.count_load(num_nodes, 0);
    }

    pub(super) fn counts_nodes(&self) -> bool {
        !self.places.nodes.is_empty()
    }

    pub(super) fn counts_outputs(&self) -> bool {
        !self.places.outputs.is_empty()
    }

    /// Something happens at a node.
    #[inline(always)]
    pub(super) fn at(&mut self, node: u32, event: impl Fn(&mut Counters)) {
        event(&mut self.total);
        self.only_at(node, event);
    }

    /// Something happens at a node that is counted in all at once, elsewhere.
    #[inline(always)]
    pub(super) fn only_at(&mut self, node: u32, event: impl Fn(&mut Counters)) {
        if self.counts_nodes() {
            event(&mut self.places.nodes[node as usize]);
        }
    }

    /// An engine of a core is busy; its node is reported beside that.
    #[inline(always)]
    pub(super) fn at_core(&mut self, core: u32, event: impl Fn(&mut CoreCycles)) {
        if let Some(cycles) = self.places.cores.get_mut(core as usize) {
            event(cycles);
        }
    }

    /// A flit takes an output of a router; only while outputs are counted.
    #[inline(always)]
    pub(super) fn count_flit(&mut self, node: u32, output: usize) {
        self.places.outputs[node as usize][output].flits += 1;
    }

    /// Some outputs of a router become blocked in this cycle, or free; only while outputs are counted.
    ///
    /// Adding the cycle in which a wait ends and taking away the one in which it began leaves how long
    /// it was.
    #[inline(always)]
    pub(super) fn change_blocked(&mut self, node: u32, now: u64, before: u64, after: u64) {
        let mut changed = (before ^ after) & FLAGS;
        while changed != 0 {
            let flag = changed.trailing_zeros();
            changed &= changed - 1;
            let cycles = &mut self.places.outputs[node as usize][flag as usize / 8].blocked_cycles;
            let is_blocked = after >> flag & 1 == 1;
            *cycles = if is_blocked { cycles.wrapping_sub(now) } else { cycles.wrapping_add(now) };
        }
    }

    /// Hands over what happened where since the last time, and goes on counting if it counts nodes.
    pub(super) fn take_places(&mut self) -> Places {
        let num_nodes = self.places.nodes.len() as u32;
        let next = if num_nodes > 0 {
            Places::new(num_nodes, self.places.cores.len() as u32)
        } else {
            Places::default()
        };
        let mut places = std::mem::replace(&mut self.places, next);
        for (node, outputs) in places.nodes.iter_mut().zip(&places.outputs) {
            node.flit_hops = outputs[..LOCAL].iter().map(|output| output.flits).sum();
            node.output_blocked_cycles = outputs.iter().map(|output| output.blocked_cycles).sum();
        }
        places
    }
}
