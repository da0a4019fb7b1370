//! Sliding windows, one axis at a time: which targets a source position reaches through which taps.

use std::ops::Range;

use crate::image::description::Window;

/// One axis of a sliding window.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    /// Source positions.
    pub source: u32,
    /// Target positions.
    pub target: u32,
    /// Taps.
    pub kernel: u32,
    /// Source positions between neighbouring targets.
    pub stride: u32,
    /// Padding before the first source position.
    pub pad: u32,
    /// Source positions between neighbouring taps.
    pub dilation: u32,
}

/// A target that a source reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Target position.
    pub target: u32,
    /// Tap that reaches it.
    pub tap: u32,
}

/// Neighbouring targets that a source reaches through neighbouring slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// First target position.
    pub target: u32,
    /// Slot of the tap that reaches it.
    pub slot: u32,
    /// Number of targets.
    pub length: u32,
}

impl Axis {
    /// The y and x axes of a window from a source to a target of these shapes (height, width, channels).
    pub fn pair(window: &Window, [source, target]: [[u32; 3]; 2]) -> [Self; 2] {
        [0, 1].map(|axis| Self {
            source: source[axis],
            target: target[axis],
            kernel: window.kernel[axis],
            stride: window.stride[axis],
            pad: window.pad[axis],
            dilation: window.dilation[axis],
        })
    }

    /// The target position that `source` reaches through `tap`.
    pub fn target_of(&self, source: u32, tap: u32) -> Option<u32> {
        let distance = (source + self.pad).checked_sub(tap * self.dilation)?;
        let target = distance / self.stride;
        (distance % self.stride == 0 && target < self.target).then_some(target)
    }

    /// Taps in the order in which kernels are stored: neighbouring slots reach neighbouring targets.
    pub fn tap_order(&self) -> Vec<u32> {
        let mut taps: Vec<u32> = (0..self.kernel).collect();
        taps.sort_by_key(|&tap| (tap * self.dilation % self.stride, std::cmp::Reverse(tap)));
        taps
    }

    /// Taps through which some source position reaches `target`, ascending.
    pub fn taps_into(&self, target: u32) -> impl Iterator<Item = u32> + use<> {
        let axis = *self;
        let reached = move |tap: u32| {
            let padded = u64::from(target) * u64::from(axis.stride) + u64::from(tap * axis.dilation);
            let position = padded.checked_sub(axis.pad.into());
            position.is_some_and(|position| position < axis.source.into())
        };
        (0..self.kernel).filter(move |&tap| reached(tap))
    }

    /// The source position that reaches `target` through one of its [taps](Self::taps_into).
    pub fn source_of(&self, target: u32, tap: u32) -> u32 {
        let padded = u64::from(target) * u64::from(self.stride) + u64::from(tap * self.dilation);
        (padded - u64::from(self.pad)) as u32
    }

    /// Targets within `targets`, counted from its start, that each source reaches; ascending.
    pub fn hits(&self, targets: Range<u32>) -> Vec<Vec<Hit>> {
        let hit = |source, tap| {
            let target = self.target_of(source, tap).filter(|target| targets.contains(target))?;
            Some(Hit { target: target - targets.start, tap })
        };
        let hits_of = |source| {
            let mut hits: Vec<Hit> = (0..self.kernel).filter_map(|tap| hit(source, tap)).collect();
            hits.sort_unstable();
            hits
        };
        (0..self.source).map(hits_of).collect()
    }

    /// The same, gathered into runs over stored slots.
    pub fn runs(&self, targets: Range<u32>) -> Vec<Vec<Run>> {
        let mut slot_of = vec![0; self.kernel as usize];
        for (slot, tap) in (0..).zip(self.tap_order()) {
            slot_of[tap as usize] = slot;
        }
        self.hits(targets).iter().map(|hits| gather(hits, &slot_of)).collect()
    }
}

fn gather(hits: &[Hit], slot_of: &[u32]) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    for &Hit { target, tap } in hits {
        let slot = slot_of[tap as usize];
        match runs.last_mut() {
            Some(run) if run.target + run.length == target && run.slot + run.length == slot => {
                run.length += 1;
            }
            _ => runs.push(Run { target, slot, length: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAME_3: Axis = Axis { source: 5, target: 5, kernel: 3, stride: 1, pad: 1, dilation: 1 };

    fn hits<const N: usize>(hits: [(u32, u32); N]) -> [Hit; N] {
        hits.map(|(target, tap)| Hit { target, tap })
    }

    #[test]
    fn an_inner_source_of_a_3_wide_kernel_reaches_three_targets_in_one_run() {
        assert_eq!(SAME_3.tap_order(), [2, 1, 0]);
        assert_eq!(SAME_3.runs(0..5)[2], [Run { target: 1, slot: 0, length: 3 }]);
    }

    #[test]
    fn a_source_at_the_border_reaches_only_targets_that_exist() {
        assert_eq!(SAME_3.hits(0..5)[0], hits([(0, 1), (1, 0)]));
        assert_eq!(SAME_3.runs(0..5)[4], [Run { target: 3, slot: 0, length: 2 }]);
    }

    #[test]
    fn a_tile_cuts_a_run_short_and_counts_targets_from_its_own_first() {
        assert_eq!(SAME_3.runs(2..4)[2], [Run { target: 0, slot: 1, length: 2 }]);
    }

    #[test]
    fn stride_two_stores_taps_of_one_parity_side_by_side() {
        let axis = Axis { source: 8, target: 4, kernel: 5, stride: 2, pad: 2, dilation: 1 };
        assert_eq!(axis.tap_order(), [4, 2, 0, 3, 1]);
        assert_eq!(axis.runs(0..4)[4], [Run { target: 1, slot: 0, length: 3 }]);
        assert_eq!(axis.runs(0..4)[3], [Run { target: 1, slot: 3, length: 2 }]);
    }

    #[test]
    fn dilation_leaves_gaps_between_targets() {
        let axis = Axis { source: 7, target: 7, kernel: 3, stride: 1, pad: 2, dilation: 2 };
        assert_eq!(axis.hits(0..7)[3], hits([(1, 2), (3, 1), (5, 0)]));
        assert_eq!(axis.runs(0..7)[3].len(), 3);
    }

    #[test]
    fn a_border_target_has_only_the_taps_inside_the_source() {
        assert_eq!(SAME_3.taps_into(0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(SAME_3.taps_into(4).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn a_target_beyond_4294967295_padded_positions_has_no_taps() {
        let axis = Axis { stride: 1 << 20, ..SAME_3 };
        assert_eq!(axis.taps_into(1 << 12).count(), 0);
    }

    proptest! {
        #[test]
        fn forwards_and_backwards_a_window_is_the_same_set_of_synapses(
            (source, target, kernel) in (1..12u32, 1..12u32, 1..5u32),
            (stride, pad, dilation) in (1..4u32, 0..5u32, 1..4u32),
        ) {
            let axis = Axis { source, target, kernel, stride, pad, dilation };
            let mut forwards: Vec<Hit> = axis.hits(0..target).concat();
            forwards.sort_unstable();
            let taps = |target| axis.taps_into(target).map(move |tap| {
                assert_eq!(axis.target_of(axis.source_of(target, tap), tap), Some(target));
                Hit { target, tap }
            });
            let backwards: Vec<Hit> = (0..target).flat_map(taps).collect();
            prop_assert_eq!(forwards, backwards);
        }
    }
}
