//! The sum of a residual connection: two codes in one membrane, each with its scale.
//!
//! `rne(fma(a, scale_a, fma(b, scale_b, offset)))`, as onnxruntime computes it: in float64 without a further
//! rounding where the numbers of all codes allow it, as those of a network do; else in integers.

use super::float_lanes::{ExactSum, Range};
use super::float32::Float32;

/// A code lies within `-CODES` to `CODES - 1`.
const CODES: i32 = 256;

/// The requantizer of a residual connection.
#[derive(Debug)]
pub(crate) struct PairSum {
    bases: [i32; 2],
    scales: [Float32; 2],
    offset: Float32,
    zero: i32,
    in_lanes: Option<ExactSum>,
}

impl PairSum {
    /// Scales and offset are bits of float32 numbers.
    pub(crate) fn new(bases: [i32; 2], scales: [u32; 2], offset: u32, zero: i32) -> Self {
        let (scales, offset) = (scales.map(Float32::from_bits), Float32::from_bits(offset));
        let exact = Self { bases, scales, offset, zero, in_lanes: None };
        let inner: Vec<Float32> = (-CODES..CODES).map(|b| exact.inner(b)).collect();
        Self { in_lanes: ExactSum::new(bases, scales, offset, &inner), ..exact }
    }

    fn inner(&self, b: i32) -> Float32 {
        self.scales[1].multiply_add(b + self.bases[1], self.offset) // 24 bits and a base of 10: cannot overflow
    }

    /// The codes of membranes, if they hold codes and all numbers allow it; says whether that is so.
    #[inline(always)]
    pub(crate) fn add_in_lanes(&self, membranes: &[i32], range: Range, codes: &mut [u8]) -> bool {
        let Some(sum) = &self.in_lanes else { return false };
        let pairs = -CODES * 512 - CODES..CODES * 512 - CODES;
        let mut num_others = 0_u32;
        for membrane in membranes {
            num_others += u32::from(!pairs.contains(membrane));
        }
        if num_others == 0 {
            sum.add(membranes, range, codes);
        }
        num_others == 0
    }

    /// The value of a membrane, before it is clamped to its code.
    pub(crate) fn value(&self, membrane: i32) -> i64 {
        let (a, b) = split_pair(membrane);
        let sum = self.scales[0].multiply_add(a + self.bases[0], self.inner(b));
        sum.round_to_integer() + i64::from(self.zero)
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
        fn in_lanes_a_sum_is_what_it_is_in_integers(
            bases in prop::array::uniform2(-255..=255i32),
            scales in prop::array::uniform2(prop_oneof![1e-3f32..10.0, 1e-12f32..1e12]),
            offset in prop_oneof![Just(0f32), -300f32..300.0, -1e12f32..1e12],
            pairs in prop::collection::vec((-256..256i32, -256..256i32), 1..40),
        ) {
            let sum = PairSum::new(bases, scales.map(f32::to_bits), offset.to_bits(), 3);
            let membranes: Vec<i32> = pairs.iter().map(|(a, b)| a + 512 * b).collect();
            let mut codes = vec![0; membranes.len()];
            if sum.add_in_lanes(&membranes, Range::new(-128, 127, 3, 0xff).unwrap(), &mut codes) {
                let expected: Vec<u8> =
                    membranes.iter().map(|&membrane| sum.value(membrane).clamp(-128, 127) as u8).collect();
                prop_assert_eq!(codes, expected);
            }
        }
    }

    #[test]
    fn scales_as_networks_have_them_are_summed_in_lanes_and_far_ones_are_not() {
        let sum = |scales: [f32; 2], offset: f32| {
            PairSum::new([-128, 3], scales.map(f32::to_bits), offset.to_bits(), 0)
        };
        assert!(sum([0.7, 0.01], 1.5).in_lanes.is_some());
        assert!(sum([0.7, 0.01], 0.0).in_lanes.is_some());
        assert!(sum([1e12, 1e-12], 1.5).in_lanes.is_none());
    }

    #[test]
    fn a_membrane_that_holds_no_codes_is_summed_all_the_same() {
        let sum = PairSum::new([0, 0], [1f32.to_bits(), 1f32.to_bits()], 0, 0);
        assert_eq!([1 << 20, 5 + 512 * 7].map(|membrane| sum.value(membrane)), [1 << 11, 12]);
        let range = Range::new(0, 255, 0, 0xff).unwrap();
        assert!(!sum.add_in_lanes(&[5, 1 << 20], range, &mut [0; 2]));
        assert!(sum.add_in_lanes(&[5, 5 + 512 * 7], range, &mut [0; 2]));
    }
}
