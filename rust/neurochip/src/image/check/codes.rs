//! Spike codes: their ranges, and which model can send which.

use super::{Check, require};
use crate::image::description::{Description, Model, Population, SpikeCode, Stem};

pub(super) fn check(image: &Description, population: &Population) -> Check {
    check_kind(population)?;
    if let Some(code) = population.code {
        check_range(population, code)?;
    }
    let (name, start, steps) = (&population.name, population.send_start, population.steps());
    let stop = start.checked_add(steps.max(1)); // membranes are read in a timestep too
    require(stop.is_some_and(|stop| stop <= image.timesteps), || {
        let timesteps = image.timesteps;
        format!("population '{name}' sends {steps} steps from timestep {start} on, a sample has {timesteps}")
    })
}

fn check_kind(population: &Population) -> Check {
    let fits = match (&population.model, population.code) {
        (Model::Stem(Stem { requantizer, .. }), code) => match code {
            None => requantizer.is_none(),
            Some(SpikeCode::Binary { .. }) => requantizer.is_some(),
            _ => false,
        },
        (Model::Quartz(_), code) => matches!(code, None | Some(SpikeCode::FirstSpike { .. })),
        (Model::Constant { .. }, code) => matches!(code, Some(SpikeCode::FirstSpike { .. })),
        (Model::IntegrateFire(_), code) => matches!(code, None | Some(SpikeCode::Rate { .. })),
        (Model::Input { .. } | Model::MaxPool, code) => code.is_some(),
    };
    require(fits, || {
        let code = match population.code {
            None => "nothing",
            Some(SpikeCode::Binary { .. }) => "bits",
            Some(SpikeCode::FirstSpike { .. }) => "first spikes",
            Some(SpikeCode::Rate { .. }) => "a rate",
        };
        format!("population '{}' sends {code}, which its model does not", population.name)
    })
}

/// The highest level: a window of it is longer than any schedule that makes sense.
const MOST_LEVELS: u32 = (1 << 15) - 1;

/// What a record of one byte holds: values of an input and of constants are such bytes.
const MOST_OF_A_BYTE: u32 = 255;

fn check_range(population: &Population, code: SpikeCode) -> Check {
    let name = &population.name;
    let finds_levels = matches!(population.model, Model::Quartz(_) | Model::MaxPool);
    let most = if finds_levels { MOST_LEVELS } else { MOST_OF_A_BYTE };
    match code {
        SpikeCode::Binary { bits, .. } => require((1..=8).contains(&bits), || {
            format!("population '{name}' sends {bits} bits, expected 1 to 8")
        }),
        SpikeCode::FirstSpike { steps, levels, .. } => require(levels <= most && steps > levels, || {
            format!(
                "population '{name}' sends levels up to {levels} in {steps} steps, expected up to {most}, and more steps"
            )
        }),
        SpikeCode::Rate { steps, levels } => require(steps > 0 && (1..=255).contains(&levels), || {
            format!(
                "population '{name}' sends rates of {levels} levels in {steps} steps, expected 1 to 255 in 1 or more"
            )
        }),
    }
}
