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

/// The same for 64 bits, where the requantizer spends its time.
#[inline(always)]
fn shift_half_even_64(magnitude: u64, places: u32) -> u64 {
    if places == 0 {
        return magnitude;
    }
    if places > 63 {
        return 0;
    }
    let (quotient, half) = (magnitude >> places, 1u64 << (places - 1));
    let rest = magnitude & ((half << 1) - 1);
    quotient + u64::from(rest > half || (rest == half && quotient & 1 == 1))
}

/// Rounds to 24 significant bits, half to even, keeping the scale.
#[inline(always)]
fn round_24(magnitude: u64) -> u64 {
    let excess = (64 - magnitude.leading_zeros()).saturating_sub(24);
    if excess == 0 { magnitude } else { shift_half_even_64(magnitude, excess) << excess }
}

/// `rne(f32(acc) * f32(mantissa * 2^-shift))`, each step rounded as float32 rounds.
///
/// `mantissa` has 24 bits with the highest set, or is 0. A result beyond 2^30 only stays large.
#[inline(always)]
pub fn multiply_round(acc: i32, mantissa: u32, shift: i32) -> i64 {
    let product = round_24(round_24(u64::from(acc.unsigned_abs())) * u64::from(mantissa));
    let magnitude = match u32::try_from(shift) {
        Ok(places) => shift_half_even_64(product, places),
        Err(_) => product << shift.unsigned_abs().min(7),
    };
    if acc < 0 { -(magnitude as i64) } else { magnitude as i64 }
}

impl Float32 {
    /// A finite float32 from its bits.
    pub fn from_bits(bits: u32) -> Self {
        let (field, fraction) = (bits >> 23 & 0xff, bits & 0x7f_ffff);
        let magnitude = if field == 0 { fraction } else { fraction | 0x80_0000 };
        let value = if bits >> 31 == 1 { -i64::from(magnitude) } else { magnitude.into() };
        Self { value, exponent: field.max(1) as i32 - 150 }
    }

    /// `a * self + addend`, rounded once (a fused multiply-add).
    #[must_use]
    pub fn multiply_add(self, a: i32, addend: Self) -> Self {
        let product = i128::from(self.value) * i128::from(a);
        Self::sum(product, self.exponent, addend.value.into(), addend.exponent)
    }

    fn sum(a: i128, a_exponent: i32, b: i128, b_exponent: i32) -> Self {
        if a == 0 || b == 0 {
            let (value, exponent) = if a == 0 { (b, b_exponent) } else { (a, a_exponent) };
            return Self::round(value, exponent);
        }
        let ((high, high_exponent), (low, low_exponent)) = if a_exponent >= b_exponent {
            ((a, a_exponent), (b, b_exponent))
        } else {
            ((b, b_exponent), (a, a_exponent))
        };
        let distance = (high_exponent - low_exponent) as u32;
        if distance <= 80 {
            Self::round((high << distance) + low, low_exponent)
        } else {
            // The small one lies far below the rounding position: only its sign can matter.
            Self::round((high << 40) + low.signum(), high_exponent - 40)
        }
    }

    fn round(value: i128, exponent: i32) -> Self {
        let magnitude = value.unsigned_abs();
        let excess = (128 - magnitude.leading_zeros()).saturating_sub(24);
        let rounded = shift_half_even(magnitude, excess) as i64;
        Self { value: if value < 0 { -rounded } else { rounded }, exponent: exponent + excess as i32 }
    }

    /// Rounded to an integer, half to even; beyond 2^62 it only stays large.
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
