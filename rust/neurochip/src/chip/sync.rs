//! How timesteps follow each other, and how long their barrier takes.

use serde::{Deserialize, Serialize};

/// How timesteps follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synchronization {
    /// Shortest timestep, cycles; 0: the next starts as soon as the barrier allows.
    pub tick_cycles: u64,
    /// Cycles of the barrier, from the quiet chip to the next timestep, whatever the network.
    pub barrier_cycles: u64,
    /// More cycles of the barrier, as (active nodes, cycles), ascending; empty: none.
    #[serde(default)]
    pub barrier_cycles_by_nodes: Vec<(u32, u64)>,
}

impl Synchronization {
    /// Cycles of the barrier of a network with neurons on so many nodes.
    ///
    /// Between two entries of the table it is the line through them, rounded up; before the first and
    /// behind the last it is theirs.
    pub fn barrier(&self, active_nodes: u32) -> u64 {
        let table = &self.barrier_cycles_by_nodes;
        let behind = table.partition_point(|&(nodes, _)| nodes < active_nodes);
        let more = match (table[..behind].last(), table.get(behind)) {
            (Some(&(low, from)), Some(&(high, to))) => {
                // Checked: nodes ascend and cycles do not fall, below 2^32 both.
                from + (u64::from(active_nodes - low) * (to - from)).div_ceil(u64::from(high - low))
            }
            (None, Some(&(_, cycles))) | (Some(&(_, cycles)), None) => cycles,
            (None, None) => 0,
        };
        self.barrier_cycles + more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn barriers(barrier_cycles: u64, table: &[(u32, u64)], active_nodes: &[u32]) -> Vec<u64> {
        let sync =
            Synchronization { tick_cycles: 0, barrier_cycles, barrier_cycles_by_nodes: table.to_vec() };
        active_nodes.iter().map(|&nodes| sync.barrier(nodes)).collect()
    }

    #[test]
    fn without_a_table_a_barrier_is_the_same_for_every_network() {
        assert_eq!(barriers(48, &[], &[0, 1, 575]), [48, 48, 48]);
    }

    #[test]
    fn a_barrier_is_its_entry_at_an_entry_and_lies_on_the_line_between_two_rounded_up() {
        let table = [(1, 600), (2, 1000), (4, 1400), (29, 1800)];
        assert_eq!(barriers(0, &table, &[1, 2, 3, 4, 29]), [600, 1000, 1200, 1400, 1800]);
        assert_eq!(barriers(0, &table, &[5, 28]), [1416, 1784], "16 cycles a node");
        assert_eq!(barriers(113, &[(1, 0), (32, 352)], &[1, 2, 32]), [113, 113 + 12, 465], "352 / 31 = 11.4");
    }

    #[test]
    fn before_the_first_entry_and_behind_the_last_a_barrier_is_theirs() {
        assert_eq!(barriers(5, &[(2, 10), (4, 20)], &[0, 1, 5, 1000]), [15, 15, 25, 25]);
    }
}
