//! The bits of codes, one convolution each: what a timestep adds where every weight sum fits 16 bits.
//!
//! A dense convolution costs the same for any spikes, and yet less than to add the few that there are
//! one by one.

use super::{ReceiveWindow, StemTile, Step};
use crate::convolution::{Convolution, FEW_PIXELS, Read};
use crate::neuron::Counts;

impl ReceiveWindow {
    /// What its sources are seen through, each with its source, if that is convolutions only.
    pub(super) fn convolutions(&self) -> Option<Vec<(usize, &Convolution)>> {
        let of_each =
            self.synapses.iter().map(|synapses| Some((synapses.source, synapses.convolution.as_ref()?)));
        of_each.collect()
    }
}

impl StemTile {
    /// The timesteps of a window: all of them through the kernel at once where a tile has few pixels, so that
    /// weights are read once.
    #[inline(always)]
    pub(super) fn integrate_planes(
        &self,
        window: &ReceiveWindow,
        convolutions: &[(usize, &Convolution)],
        codes: &[Vec<u8>],
        membranes: &mut [i32],
        counts: &mut Counts,
    ) {
        let steps: Vec<Step> = window.steps().collect();
        let is_small = membranes.len() < FEW_PIXELS * self.channels;
        let together = if is_small { steps.len() } else { 1 };
        let mut sums = vec![0; together * membranes.len()];
        for steps in steps.chunks(together) {
            sums.fill(0);
            for &(source, convolution) in convolutions {
                let bits: Vec<Read<'_>> =
                    steps.iter().map(|step| Read::Bit(&codes[source], step.bit)).collect();
                convolution.add(&bits, &mut sums);
            }
            for (&step, sums) in steps.iter().zip(sums.chunks_exact(membranes.len())) {
                self.update(step, sums, membranes, counts);
            }
        }
        for &(source, convolution) in convolutions {
            counts.sops += convolution.sops(window.trains(&codes[source]));
        }
    }
}
