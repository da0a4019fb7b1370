//! From the work of each timestep to the cycle in which it starts: ticks, barriers, overruns.

use crate::chip::ChipSpec;
use crate::counters::Counters;

/// When each timestep of a run starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// First cycle of each timestep.
    pub starts: Vec<u64>,
    /// Where the timestep after the last would start.
    pub stop: u64,
    /// Cycles of timesteps, barriers and waiting, and overruns; all other counters are 0.
    pub counters: Counters,
}

impl Timeline {
    /// Lines timesteps of a network with neurons on `active_nodes` up, given the cycle in which each is
    /// quiet, counted from its own start.
    pub fn new(chip: &ChipSpec, active_nodes: u32, quiet_cycles: &[u64]) -> Self {
        Self::of(chip.tick_cycles(), chip.sync.barrier(active_nodes), quiet_cycles)
    }

    fn of(tick_cycles: u64, barrier_cycles: u64, quiet_cycles: &[u64]) -> Self {
        let mut timeline =
            Self { starts: Vec::with_capacity(quiet_cycles.len()), stop: 0, counters: Counters::default() };
        for &quiet in quiet_cycles {
            timeline.starts.push(timeline.stop);
            let synchronized = quiet + 1 + barrier_cycles;
            let length = synchronized.max(tick_cycles);
            timeline.stop += length;
            timeline.counters.add(&Counters {
                timestep_cycles: length,
                barrier_cycles,
                waiting_cycles: length - synchronized,
                overruns: u64::from(tick_cycles > 0 && synchronized > tick_cycles),
                ..Counters::default()
            });
        }
        timeline
    }

    /// Cycles of each timestep, from its start to that of the next.
    pub fn lengths(&self) -> impl Iterator<Item = u64> {
        let stops = self.starts.iter().skip(1).chain([&self.stop]);
        self.starts.iter().zip(stops).map(|(start, stop)| stop - start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::chip::BUILT_IN;

    fn timeline(tick_cycles: u64, barrier_cycles: u64, quiet_cycles: &[u64]) -> Timeline {
        Timeline::of(tick_cycles, barrier_cycles, quiet_cycles)
    }

    #[test]
    fn without_a_tick_the_next_timestep_follows_the_barrier() {
        let timeline = timeline(0, 10, &[0, 99]);
        assert_eq!(timeline.lengths().collect::<Vec<_>>(), [11, 110]);
        assert_eq!((timeline.starts, timeline.stop), (vec![0, 11], 121));
        assert_eq!(timeline.counters.waiting_cycles, 0);
        assert_eq!(timeline.counters.overruns, 0, "there is no tick to overrun");
    }

    #[test]
    fn a_quiet_chip_waits_for_the_tick() {
        let timeline = timeline(100, 10, &[0, 20]);
        assert_eq!((timeline.starts, timeline.stop), (vec![0, 100], 200));
        let Counters { timestep_cycles, barrier_cycles, waiting_cycles, .. } = timeline.counters;
        assert_eq!((timestep_cycles, barrier_cycles, waiting_cycles), (200, 20, 89 + 69));
    }

    #[test]
    fn an_overrun_begins_one_cycle_after_the_tick() {
        let on_time = timeline(100, 10, &[89]);
        assert_eq!((on_time.stop, on_time.counters.overruns), (100, 0));
        let late = timeline(100, 10, &[90]);
        assert_eq!((late.stop, late.counters.overruns), (101, 1));
    }

    #[test]
    fn the_barrier_is_that_of_the_nodes_in_use() {
        let (_, tiny) = BUILT_IN.iter().find(|(name, _)| *name == "tiny").unwrap();
        let mut chip = ChipSpec::from_toml(tiny).unwrap();
        (chip.sync.barrier_cycles, chip.sync.barrier_cycles_by_nodes) = (10, vec![(1, 0), (3, 8)]);
        let stop = |active_nodes| Timeline::new(&chip, active_nodes, &[99]).stop;
        assert_eq!([1, 2, 3].map(stop), [110, 114, 118]);
        assert_eq!(Timeline::new(&chip, 2, &[99, 0]).counters.barrier_cycles, 28);
    }
}
