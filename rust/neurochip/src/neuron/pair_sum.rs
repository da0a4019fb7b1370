//! The sum of a residual connection: two codes in one membrane, each with its scale.
//!
//! `rne(fma(a, scale_a, fma(b, scale_b, offset)))`, as onnxruntime computes it. The inner fused
//! multiply-add depends on one code alone, so it is looked up; the outer one is a plain loop of integers
//! where the numbers of all codes can be written in one unit, as those of a network can.

use super::float32::{Float32, round_twice};

/// A code lies within `-CODES` to `CODES - 1`.
const CODES: i32 = 256;

/// The requantizer of a residual connection.
#[derive(Debug)]
pub(crate) struct PairSum {
    bases: [i32; 2],
    scales: [Float32; 2],
    offset: Float32,
    zero: i32,
    in_one_unit: Option<InOneUnit>,
}

/// The numbers of a sum in units of `2^-places`, small enough that 62 bits hold it.
#[derive(Debug)]
struct InOneUnit {
    places: u32,
    /// The scale of the first code.
    scale: i64,
    /// The inner multiply-add of each second code, from `-CODES` on.
    inner: Box<[i64; 2 * CODES as usize]>,
}

impl PairSum {
    /// Scales and offset are bits of float32 numbers.
    pub(crate) fn new(bases: [i32; 2], scales: [u32; 2], offset: u32, zero: i32) -> Self {
        let offset = Float32::from_bits(offset);
        let exact = Self { bases, scales: scales.map(Float32::from_bits), offset, zero, in_one_unit: None };
        Self { in_one_unit: exact.in_one_unit(), ..exact }
    }

    fn in_one_unit(&self) -> Option<InOneUnit> {
        let inner: Vec<Float32> = (-CODES..CODES).map(|b| self.inner(b)).collect();
        let unit = inner.iter().chain([&self.scales[0]]).map(|number| number.unit()).min()?;
        let inner: Option<Vec<i64>> = inner.iter().map(|number| number.in_units(unit, 61)).collect();
        Some(InOneUnit {
            places: u32::try_from(-unit).ok()?,
            scale: self.scales[0].in_units(unit, 50)?, // a code and its base have 11 bits
            inner: inner?.try_into().ok()?,
        })
    }

    fn inner(&self, b: i32) -> Float32 {
        self.scales[1].multiply_add(b + self.bases[1], self.offset) // 24 bits and a base of 10: cannot overflow
    }

    /// The values of membranes, before they are clamped to their code.
    #[inline(always)]
    pub(crate) fn apply(&self, membranes: &[i32], values: &mut [i64]) {
        let codes = -CODES * 512 - CODES..CODES * 512 - CODES;
        let num_others: u64 = membranes.iter().map(|membrane| u64::from(!codes.contains(membrane))).sum();
        match &self.in_one_unit {
            Some(numbers) if num_others == 0 => {
                for (value, &membrane) in values.iter_mut().zip(membranes) {
                    let (a, b) = split_pair(membrane);
                    *value = numbers.sum(a + self.bases[0], b) + i64::from(self.zero);
                }
            }
            _ => {
                for (value, &membrane) in values.iter_mut().zip(membranes) {
                    let (a, b) = split_pair(membrane);
                    let sum = self.scales[0].multiply_add(a + self.bases[0], self.inner(b));
                    *value = sum.round_to_integer() + i64::from(self.zero);
                }
            }
        }
    }
}

impl InOneUnit {
    #[inline(always)]
    fn sum(&self, a: i32, b: i32) -> i64 {
        let inner = self.inner[(b + CODES) as usize % self.inner.len()];
        round_twice(self.scale * i64::from(a) + inner, self.places)
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
    use proptest::prelude::*;

    use super::*;

    fn applied(sum: &PairSum, membranes: &[i32]) -> Vec<i64> {
        let mut values = vec![0; membranes.len()];
        sum.apply(membranes, &mut values);
        values
    }

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

    proptest! {
        #[test]
        fn in_one_unit_a_sum_is_what_it_is_in_float32(
            bases in prop::array::uniform2(-255..=255i32),
            scales in prop::array::uniform2(prop_oneof![1e-3f32..10.0, 1e-12f32..1e12]),
            offset in prop_oneof![Just(0f32), -300f32..300.0, -1e12f32..1e12],
            codes in prop::collection::vec((-256..256i32, -256..256i32), 1..40),
        ) {
            let sum = PairSum::new(bases, scales.map(f32::to_bits), offset.to_bits(), 3);
            let membranes: Vec<i32> = codes.iter().map(|(a, b)| a + 512 * b).collect();
            let exact = PairSum { in_one_unit: None, ..PairSum::new(bases, scales.map(f32::to_bits), offset.to_bits(), 3) };
            prop_assert_eq!(applied(&sum, &membranes), applied(&exact, &membranes));
        }
    }

    #[test]
    fn scales_as_networks_have_them_share_a_unit_and_far_ones_need_not() {
        let sum = |scales: [f32; 2]| PairSum::new([-128, 3], scales.map(f32::to_bits), 1.5f32.to_bits(), 0);
        assert!(sum([0.7, 0.01]).in_one_unit.is_some());
        assert!(sum([1e12, 1e-12]).in_one_unit.is_none());
    }

    #[test]
    fn a_membrane_that_holds_no_codes_is_summed_all_the_same() {
        let sum = PairSum::new([0, 0], [1f32.to_bits(), 1f32.to_bits()], 0, 0);
        assert_eq!(applied(&sum, &[1 << 20, 5 + 512 * 7]), [1 << 11, 12]);
    }
}
