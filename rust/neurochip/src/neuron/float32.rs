//! float32 arithmetic with integers: the requantizer that equals onnxruntime's at every accumulator.
//!
//! One 24 x 24 multiplier and two rounders (neurons.md, section 1); the residual sum needs an adder too.

/// `value * 2^exponent`, with at most 24 significant bits once rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Float32 {
    value: i64,
    exponent: i32,
}

/// `magnitude >> places`, half to even.
fn shift_half_even(magnitude: u128, places: u32) -> u128 {
    match places {
        0 => magnitude,
        1..=127 => {
            let (quotient, half) = (magnitude >> places, 1 << (places - 1));
            let rest = magnitude & ((half << 1) - 1);
            quotient + u128::from(rest > half || (rest == half && quotient & 1 == 1))
        }
        _ => 0,
    }
}

/// The same for magnitudes below 2^62, where the requantizer spends its time: without branches, so that
/// the compiler vectorises it.
#[inline(always)]
fn shift_half_even_64(magnitude: u64, places: u32) -> u64 {
    let places = places.min(63); // either way nothing is left
    let cuts = u64::from(places > 0);
    let half = (1 << places) >> 1;
    let odd = magnitude >> places & cuts;
    (magnitude + half - cuts + odd) >> places
}

/// Rounds to 24 significant bits, half to even, keeping the scale.
#[inline(always)]
fn round_24(magnitude: u64) -> u64 {
    let excess = 40_u32.saturating_sub(magnitude.leading_zeros());
    shift_half_even_64(magnitude, excess) << excess
}

/// `rne(f32(acc) * f32(mantissa * 2^-shift))`, each step rounded as float32 rounds.
///
/// `mantissa` has 24 bits with the highest set, or is 0. A result beyond 2^30 only stays large.
#[inline(always)]
pub fn multiply_round(acc: i32, mantissa: u32, shift: i32) -> i64 {
    let product = round_24(round_24(u64::from(acc.unsigned_abs())) * u64::from(mantissa));
    let (right, left) = (shift.max(0) as u32, shift.saturating_neg().clamp(0, 7) as u32);
    let magnitude = (shift_half_even_64(product, right) << left) as i64;
    if acc < 0 { -magnitude } else { magnitude }
}

impl Float32 {
    /// How many `2^unit` it is, if that is a whole number of no more than `bits` bits.
    pub(crate) fn in_units(self, unit: i32, bits: u32) -> Option<i64> {
        let Ok(places) = u32::try_from(i64::from(self.exponent) - i64::from(unit)) else { return None };
        let fits = places + (64 - self.value.unsigned_abs().leading_zeros()) <= bits;
        fits.then(|| self.value << places)
    }

    /// The exponent of two that it is written with.
    pub(crate) fn unit(self) -> i32 {
        self.exponent
    }

    pub(crate) fn is_zero(self) -> bool {
        self.value == 0
    }

    /// The float32 number that it is: mantissa and exponent have room in a float64.
    pub(crate) fn to_f64(self) -> f64 {
        let bits = self.value.unsigned_abs();
        let Some(top) = bits.checked_ilog2() else { return 0.0 };
        let fraction = (bits << (52 - top)) & ((1 << 52) - 1);
        let exponent = i64::from(self.exponent) + i64::from(top) + 1023;
        f64::from_bits(u64::from(self.value < 0) << 63 | (exponent as u64) << 52 | fraction)
    }

    /// A finite float32 from its bits.
    pub fn from_bits(bits: u32) -> Self {
        let (field, fraction) = (bits >> 23 & 0xff, bits & 0x7f_ffff);
        let magnitude = if field == 0 { fraction } else { fraction | 0x80_0000 };
        let value = if bits >> 31 == 1 { -i64::from(magnitude) } else { magnitude.into() };
        Self { value, exponent: field.max(1) as i32 - 150 }
    }

    /// `a * self + addend`, rounded once (a fused multiply-add); `a` has at most 24 bits.
    #[must_use]
    #[inline(always)]
    pub fn multiply_add(self, a: i32, addend: Self) -> Self {
        let product = Self { value: self.value * i64::from(a), exponent: self.exponent };
        if product.value == 0 || addend.value == 0 {
            return if product.value == 0 { addend } else { product.rounded() };
        }
        let (high, low) =
            if product.exponent >= addend.exponent { (product, addend) } else { (addend, product) };
        let distance = (high.exponent - low.exponent) as u32;
        let room = high.value.unsigned_abs().leading_zeros();
        if distance + 3 <= room {
            Self { value: (high.value << distance) + low.value, exponent: low.exponent }.rounded()
        } else {
            Self::distant_sum(high, low, distance)
        }
    }

    /// The sum where 64 bits are too few to write both down.
    #[cold]
    fn distant_sum(high: Self, low: Self, distance: u32) -> Self {
        let (value, exponent) = if distance <= 72 {
            ((i128::from(high.value) << distance) + i128::from(low.value), low.exponent)
        } else {
            // The small one lies far below the rounding position: only its sign can matter.
            ((i128::from(high.value) << 40) + i128::from(low.value.signum()), high.exponent - 40)
        };
        let magnitude = value.unsigned_abs();
        let excess = (128 - magnitude.leading_zeros()).saturating_sub(24);
        let rounded = shift_half_even(magnitude, excess) as i64;
        Self { value: if value < 0 { -rounded } else { rounded }, exponent: exponent + excess as i32 }
    }

    /// Rounded to 24 significant bits, half to even.
    #[inline(always)]
    fn rounded(self) -> Self {
        let magnitude = self.value.unsigned_abs();
        let excess = 40_u32.saturating_sub(magnitude.leading_zeros());
        let rounded = shift_half_even_64(magnitude, excess) as i64;
        Self {
            value: if self.value < 0 { -rounded } else { rounded },
            exponent: self.exponent + excess as i32,
        }
    }

    /// Rounded to an integer, half to even; beyond 2^62 it only stays large.
    #[inline(always)]
    pub fn round_to_integer(self) -> i64 {
        let magnitude = self.value.unsigned_abs();
        let rounded = match u32::try_from(self.exponent) {
            Ok(places) => magnitude << places.min(38),
            Err(_) => shift_half_even_64(magnitude, self.exponent.unsigned_abs()),
        };
        if self.value < 0 { -(rounded as i64) } else { rounded as i64 }
    }
}

#[cfg(test)]
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "the machine's float32 is the oracle"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(multiplier: f32) -> (u32, i32) {
        let bits = multiplier.to_bits();
        (bits & 0x7f_ffff | 0x80_0000, 150 - (bits >> 23) as i32)
    }

    #[test]
    fn a_tie_goes_to_the_even_neighbour() {
        let (mantissa, shift) = parts(0.5);
        assert_eq!([1, 3, 5, -1, -3].map(|acc| multiply_round(acc, mantissa, shift)), [0, 2, 2, 0, -2]);
    }

    /// A product of 32 bits, and addends of 24 bits from far above it to far below.
    #[test]
    fn sums_are_rounded_once_however_far_apart_their_terms_are() {
        for (a, ratio) in [(255, 1.999_999_9_f32), (-255, 1.3), (200, -1.1)] {
            for places in -60..=50 {
                for addend in [1.7, -1.999_999_9_f32] {
                    let (ratio, addend) =
                        (ratio * 2f32.powi(places.max(0)), addend * 2f32.powi((-places).max(0)));
                    let [wide_ratio, wide_addend] =
                        [ratio, addend].map(|value| Float32::from_bits(value.to_bits()));
                    let expected = (a as f32).mul_add(ratio, addend).round_ties_even() as i64;
                    assert_eq!(wide_ratio.multiply_add(a, wide_addend).round_to_integer(), expected);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn multiply_round_is_what_float32_does(acc: i32, multiplier in (2f32.powi(-36)..2f32.powi(7)), near in -600..600i32) {
            let (mantissa, shift) = parts(multiplier);
            for acc in [acc, acc >> 8, acc >> 16, near] {
                let expected = (acc as f32 * multiplier).round_ties_even() as i64;
                prop_assert_eq!(multiply_round(acc, mantissa, shift), expected);
            }
        }

        #[test]
        fn multiply_add_is_the_machines_fused_multiply_add(
            a in -255..=255i32,
            b in -255..=255i32,
            ra in 1e-6f32..1e3,
            rb in 1e-6f32..1e3,
            offset in -3e4f32..3e4,
        ) {
            let [wide_a, wide_b, wide_offset] = [ra, rb, offset].map(|value| Float32::from_bits(value.to_bits()));
            let expected = (a as f32).mul_add(ra, (b as f32).mul_add(rb, offset)).round_ties_even() as i64;
            let sum = wide_a.multiply_add(a, wide_b.multiply_add(b, wide_offset));
            prop_assert_eq!(sum.round_to_integer(), expected);
        }
    }
}
