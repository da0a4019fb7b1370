//! How timesteps follow each other, and how long their barrier takes.

use serde::{Deserialize, Serialize};

use super::Process;

/// How timesteps follow each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synchronization {
    /// Shortest timestep, us; 0: the next starts as soon as the barrier allows.
    #[serde(default)]
    pub tick_us: Option<f64>,
    /// The same in cycles, instead.
    #[serde(default)]
    pub tick_cycles: Option<u64>,
    /// Cycles of the barrier, from the quiet chip to the next timestep, whatever the network.
    pub barrier_cycles: u64,
    /// More cycles of the barrier, as (active nodes, cycles), ascending; empty: none.
    #[serde(default)]
    pub barrier_cycles_by_nodes: Vec<(u32, u64)>,
}

impl Synchronization {
    /// Shortest timestep, cycles, rounded up to whole ones; 0: none.
    ///
    /// What is a whole number but for the rounding of floating point is that number: 500 us at 333 MHz are
    /// 166,500 cycles.
    #[expect(clippy::float_arithmetic, reason = "a time becomes cycles once, before anything runs")]
    pub fn tick_cycles(&self, process: &Process) -> u64 {
        let cycles_per_us = process.clock_mhz.or(process.time_base_ns.map(|ns| 1e3 / ns)).unwrap_or(0.0);
        let exact = self.tick_us.unwrap_or(0.0) * cycles_per_us;
        let nearest = exact.round();
        let is_whole = (exact - nearest).abs() <= 1e-9 * exact;
        self.tick_cycles.unwrap_or(if is_whole { nearest } else { exact.ceil() } as u64)
    }

    /// Cycles of the barrier of a network with neurons on so many nodes.
    ///
    /// Between two entries of the table it is the line through them, rounded up; before the first and
    /// after the last it is theirs.
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

    fn without_a_table(barrier_cycles: u64) -> Synchronization {
        let (tick_us, tick_cycles) = (None, Some(0));
        Synchronization { tick_us, tick_cycles, barrier_cycles, barrier_cycles_by_nodes: vec![] }
    }

    #[test]
    fn a_tick_is_a_time_rounded_up_to_whole_cycles() {
        let cycles = |tick_us, clock_mhz, time_base_ns| {
            let process = Process { nm: 22, vdd_v: 1.0, clock_mhz, time_base_ns };
            let sync = Synchronization { tick_us: Some(tick_us), tick_cycles: None, ..without_a_table(0) };
            sync.tick_cycles(&process)
        };
        assert_eq!(cycles(500.0, Some(333.0), None), 166_500);
        assert_eq!(cycles(500.0, Some(500.0), None), 250_000, "the same time at another clock");
        assert_eq!(cycles(0.1, Some(30.0), None), 3, "3.0000000000000004 is 3");
        assert_eq!(cycles(0.11, Some(30.0), None), 4, "3.3 rounded up");
        assert_eq!(cycles(0.0, Some(333.0), None), 0);
        assert_eq!(cycles(2.0, None, Some(1.5)), 1334, "1333.3 rounded up");
        let process = Process { nm: 22, vdd_v: 1.0, clock_mhz: Some(333.0), time_base_ns: None };
        let sync = Synchronization { tick_us: None, tick_cycles: Some(7), ..without_a_table(0) };
        assert_eq!(sync.tick_cycles(&process), 7);
    }

    fn barriers(barrier_cycles: u64, table: &[(u32, u64)], active_nodes: &[u32]) -> Vec<u64> {
        let sync =
            Synchronization { barrier_cycles_by_nodes: table.to_vec(), ..without_a_table(barrier_cycles) };
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
