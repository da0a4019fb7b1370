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
    /// The y and x axes of a window between two populations of these shapes (height, width, channels).
    pub fn pair(window: &Window, source: [u32; 3], target: [u32; 3]) -> [Self; 2] {
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

    /// Targets within `targets` that each source position reaches, as (target, tap), targets ascending.
    pub fn hits(&self, targets: Range<u32>) -> Vec<Vec<(u32, u32)>> {
        let hits_of = |source| {
            let reach = |tap| self.target_of(source, tap).filter(|target| targets.contains(target));
            let mut hits: Vec<(u32, u32)> =
                (0..self.kernel).filter_map(|tap| Some((reach(tap)?, tap))).collect();
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

fn gather(hits: &[(u32, u32)], slot_of: &[u32]) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    for &(target, tap) in hits {
        let slot = slot_of[tap as usize];
        match runs.last_mut() {
            Some(run) if run.target + run.length == target && run.slot + run.length == slot => {
                run.length += 1
            }
            _ => runs.push(Run { target, slot, length: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAME_3: Axis = Axis { source: 5, target: 5, kernel: 3, stride: 1, pad: 1, dilation: 1 };

    #[test]
    fn an_inner_source_of_a_3_wide_kernel_reaches_three_targets_in_one_run() {
        assert_eq!(SAME_3.tap_order(), [2, 1, 0]);
        assert_eq!(SAME_3.runs(0..5)[2], [Run { target: 1, slot: 0, length: 3 }]);
    }

    #[test]
    fn a_source_at_the_border_reaches_only_targets_that_exist() {
        assert_eq!(SAME_3.hits(0..5)[0], [(0, 1), (1, 0)]);
        assert_eq!(SAME_3.runs(0..5)[4], [Run { target: 3, slot: 0, length: 2 }]);
    }

    #[test]
    fn a_tile_cuts_a_run_short() {
        assert_eq!(SAME_3.runs(2..4)[2], [Run { target: 2, slot: 1, length: 2 }]);
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
        assert_eq!(axis.hits(0..7)[3], [(1, 2), (3, 1), (5, 0)]);
        assert_eq!(axis.runs(0..7)[3].len(), 3);
    }
}
