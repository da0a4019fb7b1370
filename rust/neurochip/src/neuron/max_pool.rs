//! The streaming maximum: the largest of some inputs, while they are being sent (neurons.md, section 3).
//!
//! Every input of a window owns one bit of the weight sum, so the sum of a timestep is the set of
//! inputs that spiked; what the neuron makes of it depends on the spike code.
//!
//! - Bits: elimination, most significant bit first. The neuron spikes if an input that is still alive does,
//!   and then those that did not spike die. The first bit of a signed code weighs less than nothing: there
//!   the neuron spikes only if all alive inputs do, and otherwise those that spiked die. The survivor is
//!   the largest code, so that is what is computed here; the tests stream.
//! - First spikes: the first one wins, and the largest level comes first.
//! - Rates: the neuron counts the spikes of each input, and spikes when the largest count rises. Of first
//!   spikes it rises once, with the first: where a level is more than a byte they are treated so.

use crate::image::description::{Population, Projection, SpikeCode, Tile, Window};
use crate::neuron::Counts;
use crate::spikes::Trains;
use crate::window::Axis;

/// One tile of a max pooling population, ready to run.
#[derive(Debug)]
pub(crate) struct MaxPoolTile {
    /// Index of the source population.
    source: usize,
    /// For each pixel of the tile: the first neuron of each of its inputs.
    inputs: Vec<Vec<usize>>,
    channels: usize,
    code: SpikeCode,
}

impl MaxPoolTile {
    pub(crate) fn new(projection: &Projection, window: &Window, ends: [&Population; 2], tile: &Tile) -> Self {
        Self {
            source: projection.source as usize,
            inputs: inputs_of_each(window, ends, tile),
            channels: tile.lengths()[2],
            code: ends[1].code.expect("a maximum spikes"),
        }
    }

    /// Runs one sample's window; returns the record of what is sent.
    #[inline(always)]
    pub(crate) fn run(&self, records: &[Vec<u8>], counts: &mut Counts) -> Vec<u8> {
        let record = &records[self.source];
        match self.code {
            SpikeCode::Binary { bits, signed } => {
                let sign = if signed { 1 << (bits - 1) } else { 0 };
                self.take_the_largest(record, sign, Trains::new(record, bits, signed), counts)
            }
            SpikeCode::FirstSpike { zeros, .. } if self.code.bytes() == 1 => {
                self.take_the_largest(record, 0, Trains::of_levels(record, zeros), counts)
            }
            SpikeCode::FirstSpike { .. } | SpikeCode::Rate { .. } => self.follow_the_leader(record, counts),
        }
    }

    /// With its sign bit inverted, the largest of signed codes is the largest; of none, the smallest.
    #[inline(always)]
    fn take_the_largest(&self, codes: &[u8], sign: u8, trains: Trains<'_>, counts: &mut Counts) -> Vec<u8> {
        let mut sent = vec![0; self.inputs.len() * self.channels];
        for (inputs, sent) in self.inputs.iter().zip(sent.chunks_exact_mut(self.channels)) {
            for &input in inputs {
                let mut spikes = 0;
                for (sent, &code) in sent.iter_mut().zip(&codes[input..][..self.channels]) {
                    *sent = (*sent).max(code ^ sign);
                    spikes += trains.spikes(code);
                }
                counts.sops += u64::from(spikes);
            }
            for sent in sent {
                *sent ^= sign;
            }
        }
        sent
    }

    #[inline(always)]
    fn follow_the_leader(&self, record: &[u8], counts: &mut Counts) -> Vec<u8> {
        let neurons = self.inputs.len() * self.channels;
        let mut sent = vec![0; self.code.bytes() * neurons];
        for (pixel, inputs) in self.inputs.iter().enumerate() {
            let mut heard = vec![0u32; inputs.len() * self.channels];
            let mut largest = vec![0u32; self.channels];
            for step in 0..self.code.steps() {
                let spikes = self.code.spikes(record, step);
                let (byte, bit) = (step as usize / 8 * neurons + pixel * self.channels, 7 - step % 8);
                for (channel, largest) in largest.iter_mut().enumerate() {
                    let before = *largest;
                    for (heard, &input) in heard[channel * inputs.len()..].iter_mut().zip(inputs) {
                        let spike = u32::from(spikes.has(input + channel));
                        *heard += spike;
                        *largest = (*largest).max(*heard);
                        counts.sops += u64::from(spike);
                    }
                    sent[byte + channel] |= u8::from(*largest > before) << bit;
                }
            }
        }
        sent
    }
}

/// The first neuron of each input that exists, for each pixel of the tile.
fn inputs_of_each(window: &Window, ends: [&Population; 2], tile: &Tile) -> Vec<Vec<usize>> {
    let [y, x] = Axis::pair(window, ends.map(|population| population.shape));
    let [_, width, channels] = ends[0].shape.map(|length| length as usize);
    let first = tile.channels[0] as usize;
    let columns = |column| x.taps_into(column).map(move |tap| x.source_of(column, tap) as usize).collect();
    let columns: Vec<Vec<usize>> = (tile.columns[0]..tile.columns[1]).map(columns).collect();
    let mut inputs = Vec::with_capacity(tile.num_neurons() / tile.lengths()[2]);
    for row in tile.rows[0]..tile.rows[1] {
        let rows: Vec<usize> = y.taps_into(row).map(|tap| y.source_of(row, tap) as usize).collect();
        for columns in &columns {
            let neuron = |(y, x)| (y * width + x) * channels + first;
            let pairs = rows.iter().flat_map(|&y| columns.iter().map(move |&x| (y, x)));
            inputs.push(pairs.map(neuron).collect());
        }
    }
    inputs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn update_magnitude(alive: &mut i16, spiked: i16) -> u8 {
        let leaders = *alive & spiked;
        if leaders != 0 {
            *alive = leaders;
        }
        u8::from(leaders != 0)
    }

    fn update_sign(alive: &mut i16, spiked: i16) -> u8 {
        let positive = *alive & !spiked;
        if positive != 0 {
            *alive = positive;
        }
        u8::from(positive == 0)
    }

    /// Streams codes through one neuron, bit by bit.
    fn streamed(codes: &[u8], signed: bool) -> u8 {
        let mut alive = ((1_u32 << codes.len()) - 1) as i16;
        (0..8).rev().fold(0, |sent, bit| {
            let spiked = codes.iter().rev().fold(0, |spiked, code| spiked << 1 | i16::from(code >> bit & 1));
            let update = if signed && bit == 7 { update_sign } else { update_magnitude };
            sent << 1 | update(&mut alive, spiked)
        })
    }

    /// What a neuron with these inputs sends, and its SOPs.
    fn maximum(codes: &[u8], signed: bool) -> (u8, u64) {
        let code = SpikeCode::Binary { bits: 8, signed };
        let tile = MaxPoolTile { source: 0, inputs: vec![(0..codes.len()).collect()], channels: 1, code };
        let mut counts = Counts::default();
        (tile.run(&[codes.to_vec()], &mut counts)[0], counts.sops)
    }

    #[test]
    fn of_83_and_84_the_larger_passes_though_they_share_their_first_bits() {
        assert_eq!(maximum(&[83, 84, 3], false), (84, 4 + 3 + 2));
    }

    #[test]
    fn of_minus_3_and_2_the_positive_one_passes_in_two_s_complement() {
        assert_eq!(maximum(&[0xfd, 2], true).0, 2);
        assert_eq!(maximum(&[0xfd, 2], false).0, 0xfd);
    }

    #[test]
    fn a_window_without_inputs_sends_the_smallest_code() {
        assert_eq!([maximum(&[], false), maximum(&[], true)], [(0, 0), (0x80, 0)]);
        assert_eq!([streamed(&[], false), streamed(&[], true)], [0, 0x80]);
    }

    proptest! {
        #[test]
        fn the_streamed_survivor_is_the_maximum(codes in prop::collection::vec(any::<u8>(), 1..=15), signed: bool) {
            prop_assert_eq!(maximum(&codes, signed).0, streamed(&codes, signed));
        }
    }
}
