//! Two timesteps at once: where every weight sum fits 16 bits, one of 32 bits holds those of two.
//!
//! A convolution of `2^16 * bit + bit'` is `2^16 * sum + sum'`. A dense convolution costs the same for
//! any spikes, and yet less than to add the few that there are one by one.

use super::{ReceiveWindow, StemTile, Step};
use crate::convolution::Convolution;
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
    /// The timesteps of a window, two at a time.
    #[inline(always)]
    pub(super) fn integrate_pairs(
        &self,
        window: &ReceiveWindow,
        convolutions: &[(usize, &Convolution)],
        codes: &[Vec<u8>],
        membranes: &mut [i32],
        counts: &mut Counts,
    ) {
        let steps: Vec<Step> = window.steps().collect();
        let mut pairs = vec![0; membranes.len()];
        for steps in steps.chunks(2) {
            let (high, low) = (steps[0], steps.get(1));
            let value = |code: u8| {
                let low = low.map_or(0, |step| i32::from(code) >> step.bit & 1);
                (i32::from(code) >> high.bit & 1) << 16 | low
            };
            pairs.fill(0);
            for &(source, convolution) in convolutions {
                convolution.add(&codes[source], value, &mut pairs);
            }
            let sums: Vec<i16> = pairs.iter().map(|&pair| split(pair)[0]).collect();
            self.update(high, &sums, membranes, counts);
            if let Some(&low) = low {
                let sums: Vec<i16> = pairs.iter().map(|&pair| split(pair)[1]).collect();
                self.update(low, &sums, membranes, counts);
            }
        }
        for &(source, convolution) in convolutions {
            counts.sops += convolution.sops(window.trains(&codes[source]));
        }
    }
}

/// The two sums of 16 bits in one of 32, the higher first.
#[inline(always)]
fn split(pair: i32) -> [i16; 2] {
    let low = pair as i16;
    [(pair.wrapping_sub(low.into()) >> 16) as i16, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sums_of_either_sign_survive_in_one() {
        for high in [i16::MIN, -1, 0, 1, i16::MAX] {
            for low in [i16::MIN, -1, 0, 1, i16::MAX] {
                assert_eq!(split((i32::from(high) << 16).wrapping_add(low.into())), [high, low]);
            }
        }
    }
}
