//! The streaming maximum: elimination, most significant bit first (neurons.md, section 3).
//!
//! Every input of a window owns one bit of the weight sum, so the sum of a timestep is the set of
//! inputs that spiked. The neuron spikes if an input that is still alive does, and then those that
//! did not spike die. The first bit of a signed code weighs less than nothing: there the neuron
//! spikes only if all alive inputs do, and otherwise those that spiked die.

use crate::image::Image;
use crate::image::description::{Population, Tile, Window};
use crate::neuron::Counts;
use crate::register::Narrow;
use crate::spikes::Spikes;
use crate::synapse::Synapses;
use crate::window::Axis;

/// One tile of a max pooling population, ready to run.
#[derive(Debug)]
pub(crate) struct MaxPoolTile {
    synapses: Synapses,
    bits: u32,
    signed: bool,
    /// The inputs each neuron has: fewer at the border.
    alive: Vec<i16>,
}

impl MaxPoolTile {
    pub(crate) fn new(window: &Window, ends: [&Population; 2], tile: &Tile, synapses: Synapses) -> Self {
        let Population { bits, signed, .. } = *ends[1];
        Self { synapses, bits, signed, alive: inputs_of_each(window, ends, tile) }
    }

    /// Runs one sample's window; returns the codes sent.
    #[inline(always)]
    pub(crate) fn run(&self, image: &Image, codes: &[Vec<u8>], counts: &mut Counts) -> Vec<u8> {
        let codes = &codes[self.synapses.source];
        let mut alive = self.alive.clone();
        let mut sums = vec![0i16; alive.len()];
        let mut sent = vec![0u8; alive.len()];
        for step in 0..self.bits {
            let spikes = Spikes { codes, bit: self.bits - 1 - step };
            sums.fill(0);
            counts.sops += self.synapses.accumulate(image, spikes, &mut Narrow, &mut sums);
            let update = if self.signed && step == 0 { update_sign } else { update_magnitude };
            for ((alive, &spiked), sent) in alive.iter_mut().zip(&sums).zip(&mut sent) {
                *sent = *sent << 1 | update(alive, spiked);
            }
        }
        sent
    }
}

#[inline(always)]
fn update_magnitude(alive: &mut i16, spiked: i16) -> u8 {
    let leaders = *alive & spiked;
    if leaders != 0 {
        *alive = leaders;
    }
    u8::from(leaders != 0)
}

#[inline(always)]
fn update_sign(alive: &mut i16, spiked: i16) -> u8 {
    let positive = *alive & !spiked;
    if positive != 0 {
        *alive = positive;
    }
    u8::from(positive == 0)
}

/// The set of inputs that exist, one bit a tap, for each neuron of the tile in local order.
fn inputs_of_each(window: &Window, ends: [&Population; 2], tile: &Tile) -> Vec<i16> {
    let [y, x] = Axis::pair(window, ends.map(|population| population.shape));
    let mut inputs = Vec::with_capacity(tile.num_neurons());
    for row in tile.rows[0]..tile.rows[1] {
        for column in tile.columns[0]..tile.columns[1] {
            let taps = y
                .taps_into(row)
                .flat_map(|tap_y| x.taps_into(column).map(move |tap_x| tap_y * x.kernel + tap_x));
            let set = taps.fold(0, |set, tap| set | 1 << tap); // at most 15 taps
            inputs.extend(std::iter::repeat_n(set, tile.lengths()[2]));
        }
    }
    inputs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Streams codes through one neuron by hand.
    fn maximum(codes: &[u8], signed: bool) -> u8 {
        let mut alive = ((1_u32 << codes.len()) - 1) as i16;
        (0..8).rev().fold(0, |sent, bit| {
            let spiked = codes.iter().rev().fold(0, |spiked, code| spiked << 1 | i16::from(code >> bit & 1));
            let update = if signed && bit == 7 { update_sign } else { update_magnitude };
            sent << 1 | update(&mut alive, spiked)
        })
    }

    #[test]
    fn of_83_and_84_the_larger_passes_though_they_share_their_first_bits() {
        assert_eq!(maximum(&[83, 84, 3], false), 84);
    }

    #[test]
    fn of_minus_3_and_2_the_positive_one_passes_in_two_s_complement() {
        assert_eq!(maximum(&[0xfd, 2], true), 2);
        assert_eq!(maximum(&[0xfd, 2], false), 0xfd);
    }

    proptest! {
        #[test]
        fn elimination_passes_the_maximum(codes in prop::collection::vec(any::<u8>(), 1..=15)) {
            prop_assert_eq!(maximum(&codes, false), *codes.iter().max().unwrap());
            let largest = codes.iter().map(|&code| code as i8).max().unwrap();
            prop_assert_eq!(maximum(&codes, true) as i8, largest);
        }
    }
}
