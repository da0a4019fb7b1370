//! What passes and what waits at each output of each router: counted on request alone.

use super::router::{FLAGS, PORTS};

/// What happened at one output of a router.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputCounts {
    /// Flits that took it.
    pub flits: u64,
    /// Cycles in which a flit asked for it and it had no credit.
    pub blocked_cycles: u64,
}

/// The outputs of every router, by node and port; no nodes where nobody asked for them.
#[derive(Debug, Default)]
pub(super) struct Outputs(Vec<[OutputCounts; PORTS]>);

impl Outputs {
    /// Nothing has happened yet.
    pub(super) fn counted(num_nodes: u32) -> Self {
        Self(vec![[OutputCounts::default(); PORTS]; num_nodes as usize])
    }

    pub(super) fn is_counted(&self) -> bool {
        !self.0.is_empty()
    }

    #[inline(always)]
    pub(super) fn count_flit(&mut self, node: u32, output: usize) {
        self.0[node as usize][output].flits += 1;
    }

    /// Some outputs of a router become blocked in this cycle, or free. Adding the cycle in which a
    /// wait ends and taking away the one in which it began leaves how long it was.
    #[inline(always)]
    pub(super) fn change_blocked(&mut self, node: u32, now: u64, before: u64, after: u64) {
        let mut changed = (before ^ after) & FLAGS;
        while changed != 0 {
            let flag = changed.trailing_zeros();
            changed &= changed - 1;
            let cycles = &mut self.0[node as usize][flag as usize / 8].blocked_cycles;
            let is_blocked = after >> flag & 1 == 1;
            *cycles = if is_blocked { cycles.wrapping_sub(now) } else { cycles.wrapping_add(now) };
        }
    }

    /// Hands over what was counted.
    pub(super) fn take(&mut self) -> Vec<[OutputCounts; PORTS]> {
        std::mem::take(&mut self.0)
    }
}
