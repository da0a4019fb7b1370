//! Requantizers: from a membrane to the value that is sent, one tile at a time.

use crate::image::Image;
use crate::image::arrays::{read_i32, read_i64};
use crate::image::description::{self, Numbers, Tile};
use crate::neuron::float32::multiply_round;
use crate::neuron::pair_sum::PairSum;

/// Numbers of a tile's neurons: one a channel, or one a neuron.
#[derive(Debug)]
pub(crate) struct Constants<T> {
    /// In local order.
    values: Vec<T>,
    channels: usize,
}

impl<T: Copy> Constants<T> {
    /// Those of a tile, from one number for all neurons of the population, for each channel or for each
    /// neuron.
    pub(crate) fn new(values: &[T], tile: &Tile, shape: [u32; 3]) -> Self {
        let channels = tile.lengths()[2];
        let held = tile.channels[0] as usize..tile.channels[1] as usize;
        let values = if values.len() == 1 {
            vec![values[0]; channels]
        } else if values.len() == shape[2] as usize {
            values[held].to_vec()
        } else {
            tile.neurons(shape).map(|neuron| values[neuron]).collect()
        };
        Self { values, channels }
    }

    /// Those of the channels of each pixel of the tile, in local order.
    #[inline(always)]
    pub(crate) fn by_pixel(&self) -> impl Iterator<Item = &[T]> {
        self.values.chunks_exact(self.channels).cycle()
    }
}

impl Constants<i32> {
    pub(crate) fn largest_magnitude(&self) -> u32 {
        self.values.iter().map(|value| value.unsigned_abs()).max().unwrap_or(0)
    }
}

pub(crate) fn constants_i32(image: &Image, numbers: Numbers, tile: &Tile, shape: [u32; 3]) -> Constants<i32> {
    Constants::new(&read_i32(image.blob(), numbers), tile, shape)
}

/// A tile's requantizer, its constants read.
#[derive(Debug)]
pub(crate) enum Requantizer {
    Float32 { mantissa: Constants<i32>, shift: Constants<i32>, zero: i32 },
    Fixed { multiplier: Constants<i32>, offset: Constants<i64>, shift: Constants<i32> },
    Table { entries: Vec<i32>, length: usize, tables: Constants<usize>, first: i32 },
    Float32Add(Box<PairSum>),
}

impl Requantizer {
    pub(crate) fn new(
        image: &Image,
        requantizer: &description::Requantizer,
        tile: &Tile,
        shape: [u32; 3],
    ) -> Self {
        let read_i32s = |numbers| constants_i32(image, numbers, tile, shape);
        match requantizer {
            description::Requantizer::Float32 { mantissa, shift, zero } => {
                Self::Float32 { mantissa: read_i32s(*mantissa), shift: read_i32s(*shift), zero: *zero }
            }
            description::Requantizer::Fixed { multiplier, offset, shift } => Self::Fixed {
                multiplier: read_i32s(*multiplier),
                offset: Constants::new(&read_i64(image.blob(), *offset), tile, shape),
                shift: read_i32s(*shift),
            },
            description::Requantizer::Table { entries, tables, first } => {
                let entries = read_i32(image.blob(), *entries);
                let numbers: Vec<usize> = (0..*tables as usize).collect();
                Self::Table {
                    length: entries.len() / numbers.len(),
                    entries,
                    tables: Constants::new(&numbers, tile, shape),
                    first: *first,
                }
            }
            description::Requantizer::Float32Add { bases, scales, offset, zero } => {
                Self::Float32Add(Box::new(PairSum::new(*bases, *scales, *offset, *zero)))
            }
        }
    }

    /// The values of a tile's membranes, before they are clamped to their code.
    #[inline(always)]
    pub(crate) fn apply(&self, membranes: &[i32], channels: usize) -> Vec<i64> {
        let mut values = vec![0; membranes.len()];
        let pixels = values.chunks_exact_mut(channels).zip(membranes.chunks_exact(channels));
        match self {
            Self::Float32 { mantissa, shift, zero } => {
                let constants = mantissa.by_pixel().zip(shift.by_pixel());
                for ((values, membranes), (mantissas, shifts)) in pixels.zip(constants) {
                    for (channel, value) in values.iter_mut().enumerate() {
                        let (mantissa, shift) = (mantissas[channel] as u32, shifts[channel]);
                        *value = multiply_round(membranes[channel], mantissa, shift) + i64::from(*zero);
                    }
                }
            }
            Self::Fixed { multiplier, offset, shift } => {
                let constants = multiplier.by_pixel().zip(offset.by_pixel()).zip(shift.by_pixel());
                for ((values, membranes), ((multipliers, offsets), shifts)) in pixels.zip(constants) {
                    for (channel, value) in values.iter_mut().enumerate() {
                        // At most 2^31 * 2^30 + 2^62: the image's door checked the constants.
                        let product = i64::from(membranes[channel]) * i64::from(multipliers[channel]);
                        *value = (product + offsets[channel]) >> shifts[channel];
                    }
                }
            }
            Self::Table { entries, length, tables, first } => {
                for ((values, membranes), tables) in pixels.zip(tables.by_pixel()) {
                    for (channel, value) in values.iter_mut().enumerate() {
                        let entry = i64::from(membranes[channel]) - i64::from(*first);
                        let entry = entry.clamp(0, *length as i64 - 1) as usize;
                        *value = entries[tables[channel] * length + entry].into();
                    }
                }
            }
            Self::Float32Add(sum) => sum.apply(membranes, &mut values),
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_takes_its_constants_from_one_for_all_by_channel_or_by_neuron() {
        let shape = [2, 1, 3];
        let (rows, columns, channels) = ([0, 2], [0, 1], [1, 3]);
        let tile = Tile { population: 0, core: 0, rows, columns, channels, blocks: vec![] };
        let two_pixels = |values: &[i32]| {
            Constants::new(values, &tile, shape).by_pixel().take(2).map(<[i32]>::to_vec).collect::<Vec<_>>()
        };
        assert_eq!(two_pixels(&[7]), [[7, 7], [7, 7]]);
        assert_eq!(two_pixels(&[4, 5, 6]), [[5, 6], [5, 6]]);
        assert_eq!(two_pixels(&[0, 1, 2, 3, 4, 5]), [[1, 2], [4, 5]]);
    }
}
