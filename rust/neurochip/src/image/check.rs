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
use super::description::Description;

type Check = Result<(), Error>;

/// Longest axis of a shape, kernel, stride, padding or dilation, and longest sample in timesteps: two
/// of them multiply within 64 bits.
const MAX_LENGTH: u32 = 1 << 20;

/// Passes if `holds`; else refuses the image with a message.
fn require(holds: bool, message: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Error::Invalid(message())) }
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
