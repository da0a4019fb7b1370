//! Integration: the chip has the words that a membrane takes, and coefficients suffice.

use super::{Check, Error, check_numbers, require};
use crate::image::arrays::read_i32;
use crate::image::description::{Description, Integration, Numbers, Population, Stem};

/// Most a coefficient may be: times a weight sum of 32 bits it fits 62.
const MAX_COEFFICIENT: i32 = 1 << 30;
const MAX_SHIFT: i32 = 30;
/// The widest word of which two fit the simulator's membranes.
const MAX_HALF_BITS: u32 = 16;

/// `steps` is the length of the longest code received.
pub(super) fn check(
    image: &Description,
    blob: &[u8],
    population: &Population,
    stem: &Stem,
    steps: u32,
) -> Check {
    match &stem.integration {
        Integration::Exact => Ok(()),
        Integration::Double => check_double(image, population),
        Integration::Scaled { coefficients, shift } => {
            check_coefficients(blob, population, *coefficients, *shift, steps)
        }
    }
}

fn check_double(image: &Description, population: &Population) -> Check {
    let (name, core) = (&population.name, &image.chip.core);
    require(core.second_state_word.is_some(), || {
        format!("population '{name}' has membranes of two words, the chip's neurons have one")
    })?;
    let bits = core.membrane_bits;
    require(bits <= MAX_HALF_BITS, || {
        format!("population '{name}' has membranes of two words of {bits} bits, expected {MAX_HALF_BITS}")
    })
}

fn check_coefficients(
    blob: &[u8],
    population: &Population,
    coefficients: Numbers,
    shift: Numbers,
    steps: u32,
) -> Check {
    let (name, channels) = (&population.name, population.shape[2]);
    let (count, rows) = (coefficients.count, shift.count);
    require([1, u64::from(channels)].contains(&rows), || {
        format!("population '{name}' has {rows} rows of coefficients, expected 1 or {channels}")
    })?;
    require(count.is_multiple_of(rows) && count / rows >= u64::from(steps), || {
        format!("population '{name}' has {count} coefficients in {rows} rows for {steps} timesteps")
    })?;
    for (what, range) in [("coefficients", coefficients), ("coefficient shifts", shift)] {
        check_numbers(blob, range, 4).map_err(|wrong| {
            Error::Invalid(format!("population '{name}' has {} {what} {wrong}", range.count))
        })?;
    }
    let outside = |range, high| read_i32(blob, range).into_iter().find(|value| !(0..=high).contains(value));
    if let Some(value) = outside(coefficients, MAX_COEFFICIENT) {
        return require(false, || {
            format!("population '{name}' has coefficient {value}, expected 0 to {MAX_COEFFICIENT}")
        });
    }
    outside(shift, MAX_SHIFT).map_or(Ok(()), |places| {
        require(false, || {
            format!(
                "population '{name}' has coefficients of {places} binary places, expected 0 to {MAX_SHIFT}"
            )
        })
    })
}
