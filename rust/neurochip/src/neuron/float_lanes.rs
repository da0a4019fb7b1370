//! The requantizers that equal onnxruntime's, with the machine's own float32: the one file with floats.
//!
//! What they rely on is IEEE 754 alone, which Rust's floats are: conversions, products and sums are
//! rounded to nearest, ties to even, each once. So `f32(acc) * multiplier` is what
//! [`float32::multiply_round`](super::float32::multiply_round) computes with integers, and tests hold one against the
//! other. Three things are kept away, so that the bits depend on no setting of the machine:
//!
//! - *Subnormal numbers*, which a process may have told its CPU to flush: multipliers are normal, and a product
//!   below 2^-126 rounds to 0 with or without it.
//! - *Fused and unfused*: where onnxruntime fuses a product and a sum, both are exact in a float64 ([`ExactSum::new`]
//!   proves it), and the conversion to float32 is the one rounding.
//! - *Rounding to an integer*: values are clamped first, to whole numbers, and then added to 1.5 * 2^23, where
//!   floats are one apart.
#![expect(clippy::float_arithmetic, reason = "the requantizers are float32, see above")]

use super::float32::Float32;

/// Where neighbouring floats are one apart, 2^22 up and down.
const ONE_APART: f32 = 12_582_912.0;
const LARGEST: i64 = 1 << 22;

/// The values that are sent, and how: in between `low` and `high`, less the zero point, which is added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    low: f32,
    high: f32,
    zero: i32,
    mask: u8,
}

impl Range {
    /// `mask`: the bits of a code that are sent.
    pub(crate) fn new(low: i64, high: i64, zero: i32, mask: u8) -> Option<Self> {
        let [low, high] = [low, high].map(|bound| bound - i64::from(zero));
        let fits = -LARGEST <= low && low <= high && high <= LARGEST;
        fits.then(|| Self { low: small(low), high: small(high), zero, mask })
    }

    /// The code of a value, rounded half to even.
    #[inline(always)]
    fn code(self, value: f32) -> u8 {
        let value = if value < self.high { value } else { self.high };
        let value = if value > self.low { value } else { self.low };
        let rounded = (value + ONE_APART).to_bits() as i32 - ONE_APART.to_bits() as i32;
        (rounded + self.zero) as u8 & self.mask
    }
}

/// A number of at most 24 bits.
fn small(value: i64) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "it fits")]
    return value as f32;
}

/// `mantissa * 2^-shift`, if that is a normal float32 or 0.
pub(crate) fn multiplier(mantissa: i32, shift: i32) -> Option<f32> {
    let scale = f64::from_bits(u64::try_from(1023 - i64::from(shift)).ok()? << 52);
    let value = f64::from(mantissa) * scale; // exact: 25 bits, and shifts are small
    let is_normal = value == 0.0 || (f32::MIN_POSITIVE.into()..=f32::MAX.into()).contains(&value);
    #[expect(clippy::cast_possible_truncation, reason = "25 bits of which the last is 0, within range")]
    is_normal.then_some(value as f32)
}

/// The codes of membranes, each times its multiplier.
#[inline(always)]
pub(crate) fn requantize(membranes: &[i32], multipliers: &[f32], range: Range, codes: &mut [u8]) {
    for ((code, &membrane), &multiplier) in codes.iter_mut().zip(membranes).zip(multipliers) {
        #[expect(clippy::cast_precision_loss, reason = "the first rounding of a float32 requantizer")]
        let value = membrane as f32 * multiplier;
        *code = range.code(value);
    }
}

/// The numbers of a residual sum, of which no float64 sum is rounded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExactSum {
    bases: [i32; 2],
    scales: [f64; 2],
    offset: f64,
}

impl ExactSum {
    /// The scales and the offset, if `scale * code + offset` fits 53 bits for both codes; `inner` is what
    /// that is, rounded, for every second code.
    pub(crate) fn new(
        bases: [i32; 2],
        scales: [Float32; 2],
        offset: Float32,
        inner: &[Float32],
    ) -> Option<Self> {
        let exact = |scale: Float32, addends: &[Float32]| {
            let numbers = addends.iter().chain([&scale]).filter(|number| !number.is_zero());
            let unit = numbers.map(|number| number.unit()).min()?.max(-126);
            let fits = |number: &Float32, bits| number.is_zero() || number.in_units(unit, bits).is_some();
            // A code and its base have 11 bits: products have 51, and sums 53.
            (fits(&scale, 40) && addends.iter().all(|addend| fits(addend, 52))).then_some(())
        };
        exact(scales[1], &[offset])?;
        exact(scales[0], inner)?;
        Some(Self { bases, scales: scales.map(Float32::to_f64), offset: offset.to_f64() })
    }

    /// The codes of pairs `a + 512 b`, where `a` lies within -256 to 255.
    #[inline(always)]
    pub(crate) fn add(&self, pairs: &[i32], range: Range, codes: &mut [u8]) {
        let Self { bases: [base_a, base_b], scales: [scale_a, scale_b], offset } = *self;
        for (code, &pair) in codes.iter_mut().zip(pairs) {
            let a = (pair.wrapping_add(256) & 511) - 256;
            let b = pair.wrapping_sub(a) >> 9;
            #[expect(clippy::cast_possible_truncation, reason = "the roundings of a float32 sum")]
            let inner = (f64::from(b + base_b) * scale_b + offset) as f32;
            #[expect(clippy::cast_possible_truncation, reason = "the roundings of a float32 sum")]
            let sum = (f64::from(a + base_a) * scale_a + f64::from(inner)) as f32;
            *code = range.code(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::neuron::float32::multiply_round;

    #[test]
    fn a_tie_goes_to_the_even_neighbour_and_what_is_too_large_to_the_end() {
        let range = Range::new(-100, 120, 3, 0xff).unwrap();
        let mut codes = [0; 8];
        let membranes = [1, 3, 5, -1, -3, 1000, -1000, i32::MIN];
        requantize(&membranes, &[0.5; 8], range, &mut codes);
        assert_eq!(codes.map(|code| code as i8), [3, 5, 5, 3, 1, 120, -100, -100]);
    }

    #[test]
    fn multipliers_below_or_above_the_normal_ones_are_left_to_others() {
        assert_eq!(multiplier(1 << 23, 23), Some(1.0));
        assert_eq!(multiplier(0, 200), Some(0.0));
        assert_eq!(multiplier(1 << 23, 23 + 126), Some(f32::MIN_POSITIVE));
        assert_eq!(multiplier(1 << 23, 23 + 127), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn codes_are_those_of_float32_in_integers(
            acc: i32,
            near in -600..600i32,
            (mantissa, shift) in (1 << 23..=1 << 24i32, -8..149i32),
            (low, high, zero) in (-256..0i64, 0..256i64, -300..300i32),
        ) {
            let range = Range::new(low, high, zero, 0xff).unwrap();
            let accs = [acc, acc >> 8, acc >> 16, near, 0, i32::MIN, i32::MAX];
            let mut codes = [0; 7];
            requantize(&accs, &[multiplier(mantissa, shift).unwrap(); 7], range, &mut codes);
            for (acc, code) in accs.into_iter().zip(codes) {
                let exact = multiply_round(acc, mantissa as u32, shift) + i64::from(zero);
                prop_assert_eq!(code, exact.clamp(low, high) as u8);
            }
        }

        #[test]
        fn halves_are_rounded_as_in_integers(odd in -255..=255i32, places in 1..20i32) {
            let acc = (2 * odd + 1) << (places - 1);
            let mut codes = [0];
            let range = Range::new(-1000, 1000, 0, 0xff).unwrap();
            requantize(&[acc], &[multiplier(1 << 23, 23 + places).unwrap()], range, &mut codes);
            prop_assert_eq!(codes[0], multiply_round(acc, 1 << 23, 23 + places) as u8);
        }
    }
}
