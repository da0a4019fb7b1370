//! Requantizers: from a membrane to the value that is sent, one tile at a time.

use crate::image::Image;
use crate::image::arrays::{read_i32, read_i64};
use crate::image::description::{self, Blob};
use crate::neuron::float32::{Float32, multiply_round};

/// One number for all neurons, for each channel or for each neuron.
#[derive(Debug)]
pub(crate) struct Constants<T> {
    values: Vec<T>,
    /// Zero where one value serves all; else neurons that share the array in turn.
    period: usize,
}

impl<T: Copy> Constants<T> {
    pub(crate) fn new(values: Vec<T>) -> Self {
        let period = if values.len() == 1 { 0 } else { values.len() };
        Self { values, period }
    }

    /// The value of a neuron, by its index in the population (channels last).
    #[inline(always)]
    pub(crate) fn of(&self, neuron: usize) -> T {
        if self.period == 0 { self.values[0] } else { self.values[neuron % self.period] }
    }
}

impl Constants<i32> {
    pub(crate) fn largest_magnitude(&self) -> u32 {
        self.values.iter().map(|value| value.unsigned_abs()).max().unwrap_or(0)
    }
}

pub(crate) fn constants_i32(image: &Image, blob: Blob) -> Constants<i32> {
    Constants::new(read_i32(image.blob(), blob))
}

/// A population's requantizer, its constants read.
#[derive(Debug)]
pub(crate) enum Requantizer {
    Float32 { mantissa: Constants<i32>, shift: Constants<i32>, zero: i32 },
    Fixed { multiplier: Constants<i32>, offset: Constants<i64>, shift: Constants<i32> },
    Table { entries: Vec<i32>, length: usize, tables: usize, first: i32 },
    Float32Add { bases: [i32; 2], scales: [Float32; 2], offset: Float32, zero: i32 },
}

impl Requantizer {
    pub(crate) fn new(image: &Image, requantizer: &description::Requantizer) -> Self {
        match requantizer {
            description::Requantizer::Float32 { mantissa, shift, zero } => Self::Float32 {
                mantissa: constants_i32(image, *mantissa),
                shift: constants_i32(image, *shift),
                zero: *zero,
            },
            description::Requantizer::Fixed { multiplier, offset, shift } => Self::Fixed {
                multiplier: constants_i32(image, *multiplier),
                offset: Constants::new(read_i64(image.blob(), *offset)),
                shift: constants_i32(image, *shift),
            },
            description::Requantizer::Table { entries, tables, first } => {
                let entries = read_i32(image.blob(), *entries);
                let tables = *tables as usize;
                Self::Table { length: entries.len() / tables, entries, tables, first: *first }
            }
            description::Requantizer::Float32Add { bases, scales, offset, zero } => Self::Float32Add {
                bases: *bases,
                scales: scales.map(Float32::from_bits),
                offset: Float32::from_bits(*offset),
                zero: *zero,
            },
        }
    }

    /// The value of a membrane, before it is clamped to its code.
    #[inline(always)]
    pub(crate) fn apply(&self, membrane: i32, neuron: usize) -> i64 {
        match self {
            Self::Float32 { mantissa, shift, zero } => {
                multiply_round(membrane, mantissa.of(neuron) as u32, shift.of(neuron)) + i64::from(*zero)
            }
            Self::Fixed { multiplier, offset, shift } => {
                // At most 2^31 * 2^30 + 2^62: the image's door checked the constants.
                (i64::from(membrane) * i64::from(multiplier.of(neuron)) + offset.of(neuron))
                    >> shift.of(neuron)
            }
            Self::Table { entries, length, tables, first } => {
                let entry = i64::from(membrane) - i64::from(*first);
                let entry = entry.clamp(0, *length as i64 - 1) as usize;
                entries[neuron % tables * length + entry].into()
            }
            Self::Float32Add { bases, scales, offset, zero } => {
                let (a, b) = split_pair(membrane); // 24 bits and a base of 10: cannot overflow
                let inner = scales[1].multiply_add(b + bases[1], *offset);
                scales[0].multiply_add(a + bases[0], inner).round_to_integer() + i64::from(*zero)
            }
        }
    }
}

/// The two codes of a membrane that holds `a + 512 b`: the first within -256 to 255.
#[inline(always)]
fn split_pair(membrane: i32) -> (i32, i32) {
    let a = (membrane.wrapping_add(256) & 511) - 256; // the low bits of a sum survive its wrapping
    (a, ((i64::from(membrane) - i64::from(a)) >> 9) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_codes_survives_in_one_membrane() {
        for a in -128..=255 {
            for b in -128..=255 {
                assert_eq!(split_pair(a + 512 * b), (a, b));
            }
        }
    }

    #[test]
    fn a_membrane_at_either_end_of_its_register_splits_without_overflow() {
        assert_eq!(split_pair(i32::MAX), (-1, 1 << 22));
        assert_eq!(split_pair(i32::MIN), (0, -(1 << 22)));
    }

    #[test]
    fn constants_serve_all_neurons_or_go_round_by_channel() {
        assert_eq!(Constants::new(vec![7]).of(1000), 7);
        assert_eq!([0, 1, 2, 3].map(|neuron| Constants::new(vec![5, 6]).of(neuron)), [5, 6, 5, 6]);
    }
}
