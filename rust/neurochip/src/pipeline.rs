//! The pipeline: which samples of a run are on the chip in which timestep.
//!
//! A sample enters every `period` timesteps and stays for `timesteps`. Where the two are equal
//! samples do not overlap.

use std::ops::Range;

use crate::image::description::Description;

/// When samples enter and leave; timesteps of a run count from the entry of its first sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pipeline {
    timesteps: usize,
    period: usize,
}

impl Pipeline {
    /// The pipeline of an image.
    pub fn new(description: &Description) -> Self {
        Self { timesteps: description.timesteps as usize, period: description.period as usize }
    }

    /// Most samples that are in flight at once.
    pub fn depth(self) -> usize {
        self.timesteps.div_ceil(self.period)
    }

    /// The timesteps from a sample's entry to the next one's; to its own end if it is the last.
    pub fn slot(self, sample: usize, is_last: bool) -> Range<usize> {
        let start = sample * self.period;
        start..start + if is_last { self.timesteps } else { self.period }
    }

    /// The samples that are in flight in a timestep, each with its own timestep; the oldest first.
    ///
    /// `samples` is the number of samples of the run.
    pub fn in_flight(self, timestep: usize, samples: usize) -> impl Iterator<Item = (usize, u32)> {
        let left = (timestep + 1).saturating_sub(self.timesteps).div_ceil(self.period);
        let entered = samples.min(timestep / self.period + 1);
        // No longer than `timesteps`, which is a u32.
        (left..entered).map(move |sample| (sample, (timestep - sample * self.period) as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPELINE: Pipeline = Pipeline { timesteps: 20, period: 8 };

    fn in_flight(timestep: usize) -> Vec<(usize, u32)> {
        PIPELINE.in_flight(timestep, 4).collect()
    }

    #[test]
    fn a_sample_leaves_after_its_last_timestep() {
        assert_eq!(PIPELINE.depth(), 3);
        assert_eq!(in_flight(19), [(0, 19), (1, 11), (2, 3)]);
        assert_eq!(in_flight(20), [(1, 12), (2, 4)]);
    }

    #[test]
    fn a_sample_enters_every_period_until_there_are_no_more() {
        assert_eq!(in_flight(0), [(0, 0)]);
        assert_eq!(in_flight(7), [(0, 7)]);
        assert_eq!(in_flight(8), [(0, 8), (1, 0)]);
        assert_eq!(in_flight(32), [(2, 16), (3, 8)]);
        assert_eq!(in_flight(43), [(3, 19)]);
        assert_eq!(in_flight(44), []);
    }

    #[test]
    fn the_slots_of_a_run_cover_every_timestep_once() {
        let slots: Vec<usize> = (0..4).flat_map(|sample| PIPELINE.slot(sample, sample == 3)).collect();
        assert_eq!(slots, (0..44).collect::<Vec<_>>());
    }

    #[test]
    fn samples_do_not_overlap_where_the_period_is_all_of_their_timesteps() {
        let alone = Pipeline { timesteps: 20, period: 20 };
        assert_eq!(alone.depth(), 1);
        assert_eq!(alone.in_flight(39, 4).collect::<Vec<_>>(), [(1, 19)]);
        assert_eq!(alone.slot(1, false), alone.slot(1, true));
    }
}
