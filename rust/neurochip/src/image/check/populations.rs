//! Populations: shapes, spike codes, ports; which is the input and which the output.

use super::{Check, MAX_LENGTH, codes, constants, require};
use crate::image::description::{Description, Model, Population, Sparsity, SpikeCode, Stem};

/// Neurons of one population, at most.
const MAX_NEURONS: u64 = 1 << 28;

pub(super) fn check(image: &Description, blob: &[u8]) -> Check {
    for (number, population) in image.populations.iter().enumerate() {
        check_shape(population)?;
        codes::check(image, population)?;
        check_input(image, number, population)?;
        if let Model::Stem(stem) = &population.model {
            check_values(population, stem)?;
        }
        constants::check(image, population, blob)?;
    }
    check_outputs(image)
}

/// What the host reads is there, each population once; whatever else there is sends.
fn check_outputs(image: &Description) -> Check {
    let count = image.populations.len();
    require(!image.outputs.is_empty(), || "there is no output".to_owned())?;
    for (place, &output) in image.outputs.iter().enumerate() {
        require((output as usize) < count, || {
            format!("an output is population {output}, there are {count}")
        })?;
        require(!image.outputs[..place].contains(&output), || {
            format!("population {output} is an output twice")
        })?;
    }
    let mut silent = image.populations.iter().enumerate().filter(|(_, population)| population.code.is_none());
    silent.try_for_each(|(number, population)| {
        require(image.is_read(number), || {
            format!("population '{}' sends nothing and is no output", population.name)
        })
    })
}

fn check_shape(population: &Population) -> Check {
    let neurons: u64 = population.shape.iter().map(|&length| u64::from(length.min(MAX_LENGTH))).product();
    let short = population.shape.iter().all(|&length| length <= MAX_LENGTH);
    require(short && (1..=MAX_NEURONS).contains(&neurons), || {
        let (name, shape) = (&population.name, population.shape);
        format!(
            "population '{name}' has shape {shape:?}, expected 1 to {MAX_NEURONS} neurons, {MAX_LENGTH} along an axis"
        )
    })
}

/// The first population, and no other, is the input.
fn check_input(image: &Description, number: usize, population: &Population) -> Check {
    let name = &population.name;
    if let Model::Input { port } = population.model {
        require(number == 0, || format!("population '{name}' is a second input"))?;
        let ports = image.chip.num_ports() as usize;
        return require((port as usize) < ports, || {
            format!("population '{name}' enters at io port {port}, the chip has {ports}")
        });
    }
    require(number > 0, || format!("the first population, '{name}', is not the input"))
}

fn check_values(population: &Population, stem: &Stem) -> Check {
    let Some(SpikeCode::Binary { bits, signed }) = population.code else {
        return require(stem.sparsity.is_none(), || {
            format!("population '{}' sends nothing, and has a sparsity", population.name)
        });
    };
    let levels = 1 << bits;
    let (lowest, highest) = if signed { (-levels / 2, levels / 2 - 1) } else { (0, levels - 1) };
    let (low, high) = (stem.low, stem.high);
    require(lowest <= low && low <= high && high <= highest, || {
        let name = &population.name;
        format!("population '{name}' sends values {low} to {high}, expected {lowest} to {highest}")
    })?;
    stem.sparsity.map_or(Ok(()), |sparsity| check_sparsity(population, stem, sparsity))
}

/// What is left of a train; a range whose ends are sent as they are is never left.
fn check_sparsity(population: &Population, stem: &Stem, sparsity: Sparsity) -> Check {
    let (name, bits) = (&population.name, population.steps());
    let Sparsity { rot, drlo } = sparsity;
    require(rot < bits, || format!("population '{name}' has RoT {rot}, expected 0 to {}", bits - 1))?;
    require((1..=bits).contains(&drlo), || {
        format!("population '{name}' has DRLO {drlo}, expected 1 to {bits}")
    })?;
    for (end, value) in [("smallest", stem.low), ("largest", stem.high)] {
        let code = value as u8 & u8::MAX >> (8 - bits);
        require(sparsity.sent(code, bits) == code, || {
            format!(
                "population '{name}' never sends its {end} value, {value}, with RoT {rot} and DRLO {drlo}"
            )
        })?;
    }
    Ok(())
}
