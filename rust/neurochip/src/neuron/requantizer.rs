//! Requantizers: from a membrane to the value that is sent, one tile at a time.

use crate::image::Image;
use crate::image::arrays::{read_i32, read_i64};
use crate::image::description::{self, Numbers, Tile};
use crate::neuron::float_lanes::{self, Range};
use crate::neuron::float32::multiply_round;
use crate::neuron::pair_sum::PairSum;

/// Fewest numbers of a row, so that loops over rows are long whatever the channels.
const ROW: usize = 64;

/// Numbers of a tile's neurons: one a channel, or one a neuron.
#[derive(Debug)]
pub(crate) struct Constants<T> {
    /// In local order: those of some pixels, or of all.
    row: Vec<T>,
}

impl<T: Copy> Constants<T> {
    /// Those of a tile, from one number for all neurons of the population, for each channel or for each
    /// neuron.
    pub(crate) fn new(values: &[T], tile: &Tile, shape: [u32; 3]) -> Self {
        let channels = tile.lengths()[2];
        let held = tile.channels[0] as usize..tile.channels[1] as usize;
        let pixels = ROW.div_ceil(channels);
        let row = if values.len() == 1 {
            vec![values[0]; channels * pixels]
        } else if values.len() == shape[2] as usize {
            values[held].repeat(pixels)
        } else {
            tile.neurons(shape).map(|neuron| values[neuron]).collect()
        };
        Self { row }
    }

    /// Those that are made of each, if all can be made.
    fn convert<U>(&self, other: &Self, to: impl Fn(T, T) -> Option<U>) -> Option<Constants<U>> {
        let pairs = self.row.iter().zip(&other.row);
        Some(Constants { row: pairs.map(|(&value, &other)| to(value, other)).collect::<Option<_>>()? })
    }

    /// Those of so many neurons at once, again and again.
    #[inline(always)]
    pub(crate) fn row(&self) -> &[T] {
        &self.row
    }

    /// One for each neuron, in local order, without end.
    pub(crate) fn all(&self) -> impl Iterator<Item = T> {
        self.row.iter().copied().cycle()
    }
}

impl Constants<i32> {
    pub(crate) fn largest_magnitude(&self) -> u32 {
        self.row.iter().map(|value| value.unsigned_abs()).max().unwrap_or(0)
    }
}

pub(crate) fn constants_i32(image: &Image, numbers: Numbers, tile: &Tile, shape: [u32; 3]) -> Constants<i32> {
    Constants::new(&read_i32(image.blob(), numbers), tile, shape)
}

/// A tile's requantizer, its constants read.
#[derive(Debug)]
pub(crate) struct Requantizer {
    kind: Kind,
    low: i64,
    high: i64,
    /// Of the bits of a value in two's complement, those that are sent.
    mask: u8,
    /// The same for floats, where they can say it.
    range: Option<Range>,
}

#[derive(Debug)]
enum Kind {
    /// `multipliers`: mantissa and shift in one number, where floats have room for it.
    Float32 {
        mantissa: Constants<i32>,
        shift: Constants<i32>,
        zero: i32,
        multipliers: Option<Constants<f32>>,
    },
    Fixed {
        multiplier: Constants<i32>,
        offset: Constants<i64>,
        shift: Constants<i32>,
    },
    Table {
        entries: Vec<i32>,
        length: usize,
        tables: Constants<usize>,
        first: i32,
    },
    Float32Add(Box<PairSum>),
}

impl Requantizer {
    /// Values are clamped to `low` and `high`; `mask` are the bits that are sent.
    pub(crate) fn new(
        image: &Image,
        requantizer: &description::Requantizer,
        tile: &Tile,
        shape: [u32; 3],
        (low, high, mask): (i64, i64, u8),
    ) -> Self {
        let zero = match requantizer {
            description::Requantizer::Float32 { zero, .. }
            | description::Requantizer::Float32Add { zero, .. } => *zero,
            _ => 0,
        };
        let range = Range::new(low, high, zero, mask);
        Self { kind: Kind::new(image, requantizer, tile, shape), low, high, mask, range }
    }

    /// The codes of a tile's membranes.
    #[inline(always)]
    pub(crate) fn apply(&self, membranes: &[i32], codes: &mut [u8]) {
        match (&self.kind, self.range) {
            (Kind::Float32 { multipliers: Some(multipliers), .. }, Some(range)) => {
                let row = multipliers.row();
                for (codes, membranes) in codes.chunks_mut(row.len()).zip(membranes.chunks(row.len())) {
                    float_lanes::requantize(membranes, row, range, codes);
                }
            }
            (Kind::Float32 { mantissa, shift, zero, .. }, _) => {
                let constants = mantissa.all().zip(shift.all());
                for ((code, &membrane), (mantissa, shift)) in codes.iter_mut().zip(membranes).zip(constants) {
                    let value = multiply_round(membrane, mantissa as u32, shift) + i64::from(*zero);
                    *code = self.code(value);
                }
            }
            (Kind::Fixed { multiplier, offset, shift }, _) => {
                let (multipliers, offsets, shifts) = (multiplier.row(), offset.row(), shift.row());
                let length = multipliers.len();
                for (codes, membranes) in codes.chunks_mut(length).zip(membranes.chunks(length)) {
                    let constants = multipliers.iter().zip(offsets).zip(shifts);
                    for ((code, &membrane), ((&multiplier, &offset), &shift)) in
                        codes.iter_mut().zip(membranes).zip(constants)
                    {
                        // At most 2^31 * 2^30 + 2^62: the image's door checked the constants.
                        let product = i64::from(membrane) * i64::from(multiplier);
                        *code = self.code((product + offset) >> shift);
                    }
                }
            }
            (Kind::Table { entries, length, tables, first }, _) => {
                for ((code, &membrane), table) in codes.iter_mut().zip(membranes).zip(tables.all()) {
                    let entry = i64::from(membrane) - i64::from(*first);
                    let entry = entry.clamp(0, *length as i64 - 1) as usize;
                    *code = self.code(entries[table * length + entry].into());
                }
            }
            (Kind::Float32Add(sum), range) => {
                if !range.is_some_and(|range| sum.add_in_lanes(membranes, range, codes)) {
                    for (code, &membrane) in codes.iter_mut().zip(membranes) {
                        *code = self.code(sum.value(membrane));
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn code(&self, value: i64) -> u8 {
        value.clamp(self.low, self.high) as u8 & self.mask
    }
}

impl Kind {
    fn new(image: &Image, requantizer: &description::Requantizer, tile: &Tile, shape: [u32; 3]) -> Self {
        let read_i32s = |numbers| constants_i32(image, numbers, tile, shape);
        match requantizer {
            description::Requantizer::Float32 { mantissa, shift, zero } => {
                let (mantissa, shift) = (read_i32s(*mantissa), read_i32s(*shift));
                let multipliers = mantissa.convert(&shift, float_lanes::multiplier);
                Self::Float32 { mantissa, shift, zero: *zero, multipliers }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_takes_its_constants_from_one_for_all_by_channel_or_by_neuron() {
        let shape = [2, 1, 3];
        let (rows, columns, channels) = ([0, 2], [0, 1], [1, 3]);
        let tile = Tile { population: 0, core: 0, rows, columns, channels, blocks: vec![] };
        let two_pixels =
            |values: &[i32]| Constants::new(values, &tile, shape).all().take(4).collect::<Vec<_>>();
        assert_eq!(two_pixels(&[7]), [7, 7, 7, 7]);
        assert_eq!(two_pixels(&[4, 5, 6]), [5, 6, 5, 6]);
        assert_eq!(two_pixels(&[0, 1, 2, 3, 4, 5]), [1, 2, 4, 5]);
    }
}
