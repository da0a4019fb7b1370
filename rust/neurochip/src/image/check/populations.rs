//! Populations: shapes, spike codes, ports; which is the input and which the output.

use super::{Check, MAX_LENGTH, constants, require};
use crate::image::description::{Description, Model, Population, Sparsity, Stem};

/// Neurons of one population, at most.
const MAX_NEURONS: u64 = 1 << 28;

pub(super) fn check(image: &Description, blob: &[u8]) -> Check {
    for (number, population) in image.populations.iter().enumerate() {
        check_shape(population)?;
        check_code(image, population)?;
        check_input(image, number, population)?;
        if let Model::Stem(stem) = &population.model {
            check_values(population, stem)?;
            constants::check(population, stem, blob)?;
        }
    }
    let (output, count) = (image.output as usize, image.populations.len());
    require(output < count, || format!("the output is population {output}, there are {count}"))?;
    let mut read = image.populations.iter().enumerate().filter(|(_, population)| population.reads_membrane());
    read.try_for_each(|(number, population)| {
        require(number == output, || {
            format!("population '{}' sends nothing and is not the output", population.name)
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

fn check_code(image: &Description, population: &Population) -> Check {
    let (name, bits, start) = (&population.name, population.bits, population.send_start);
    if population.reads_membrane() {
        require(bits == 0, || {
            format!("population '{name}' sends {bits} bits, expected 0: the host reads its membranes")
        })?;
    } else {
        require((1..=8).contains(&bits), || {
            format!("population '{name}' sends {bits} bits, expected 1 to 8")
        })?;
    }
    let stop = start.checked_add(bits.max(1)); // membranes are read in a timestep too
    require(stop.is_some_and(|stop| stop <= image.timesteps), || {
        let timesteps = image.timesteps;
        format!("population '{name}' sends {bits} bits from timestep {start} on, a sample has {timesteps}")
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
    if population.reads_membrane() {
        return require(stem.sparsity.is_none(), || {
            format!("population '{}' sends nothing, and has a sparsity", population.name)
        });
    }
    let levels = 1 << population.bits;
    let (lowest, highest) = if population.signed { (-levels / 2, levels / 2 - 1) } else { (0, levels - 1) };
    let (low, high) = (stem.low, stem.high);
    require(lowest <= low && low <= high && high <= highest, || {
        let name = &population.name;
        format!("population '{name}' sends values {low} to {high}, expected {lowest} to {highest}")
    })?;
    stem.sparsity.map_or(Ok(()), |sparsity| check_sparsity(population, stem, sparsity))
}

/// What is left of a train; a range whose ends are sent as they are is never left.
fn check_sparsity(population: &Population, stem: &Stem, sparsity: Sparsity) -> Check {
    let (name, bits) = (&population.name, population.bits);
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
