//! The door: every index, length and range of a description, checked once, one subject a file.
//!
//! Order matters: each check may rely on those before it, and none computes with a number that was
//! not bounded first.

mod codes;
mod constants;
mod integration;
mod populations;
mod projections;
mod schedule;
mod tiles;

use super::Error;
use super::arrays::bytes_of;
use super::description::{Description, Numbers};

type Check = Result<(), Error>;

/// Longest axis of a shape, kernel, stride, padding or dilation, and longest sample in timesteps: two
/// of them multiply within 64 bits.
const MAX_LENGTH: u32 = 1 << 20;

/// Passes if `holds`; else refuses the image with a message.
fn require(holds: bool, message: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Error::Invalid(message())) }
}

/// Numbers of at most `widest` bytes, 4 or 8, lie in the binary part; else what is wrong with them.
fn check_numbers(blob: &[u8], numbers: Numbers, widest: u64) -> Result<(), String> {
    let Numbers { offset, bytes, .. } = numbers;
    if ![1, 2, 4, 8].contains(&bytes) || bytes > widest {
        let expected = if widest == 8 { "1, 2, 4 or 8" } else { "1, 2 or 4" };
        return Err(format!("of {bytes} bytes, expected {expected}"));
    }
    match bytes_of(blob, numbers.range(), bytes) {
        Some(_) => Ok(()),
        None => Err(format!("at byte {offset} of {}", blob.len())),
    }
}

pub(super) fn check(image: &Description, blob: &[u8]) -> Check {
    image.chip.check().map_err(|error| Error::Invalid(format!("its chip: {error}")))?;
    require((1..=MAX_LENGTH).contains(&image.timesteps), || {
        format!("{} timesteps, expected 1 to {MAX_LENGTH}", image.timesteps)
    })?;
    populations::check(image, blob)?;
    projections::check(image, blob)?;
    schedule::check(image, blob)?;
    tiles::check(image, blob)
}
