//! The naive STEM neuron: accumulate, scale, generate.

use neurochip::chip::Core;
use neurochip::image::description::{
    Integration, Model, Numbers, Population, Requantizer, Sparsity, SpikeCode, Stem,
};
use neurochip::values::Counts;

use super::{Neurons, Received, read_i32, read_i64, store};
use crate::network::Network;

/// Bits of a population's code, and whether the first weighs less than nothing.
pub(crate) fn bits_of(population: &Population) -> (u32, bool) {
    match population.code {
        Some(SpikeCode::Binary { bits, signed }) => (bits, signed),
        _ => (0, false),
    }
}

/// A neuron that sends its value, timestep by timestep.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Train {
    rest: i64,
    spikes: u32,
}

impl Train {
    pub(crate) fn new(value: i64, population: &Population) -> Self {
        let rounds = sparsity_of(population).map_or(0, |Sparsity { rot, .. }| rot);
        Self { rest: if rounds > 0 { value + (1 << (rounds - 1)) } else { value }, spikes: 0 }
    }

    /// Eq. 20 and 21: fires where the rest reaches the step's weight, and takes it off. Sparsity keeps it
    /// silent in the last steps, and after so many spikes.
    pub(crate) fn fires(&mut self, population: &Population, step: u32) -> bool {
        let (bits, signed) = bits_of(population);
        let is_sign = signed && step == 0;
        let weight = 1 << (bits - 1 - step);
        if !(if is_sign { self.rest < 0 } else { self.rest >= weight }) {
            return false;
        }
        self.rest += if is_sign { weight } else { -weight };
        if let Some(Sparsity { rot, drlo }) = sparsity_of(population)
            && (bits - step <= rot || self.spikes == drlo)
        {
            return false;
        }
        self.spikes += 1;
        true
    }
}

fn sparsity_of(population: &Population) -> Option<Sparsity> {
    match &population.model {
        Model::Stem(stem) => stem.sparsity,
        _ => None,
    }
}

/// One timestep of a population; `received` holds its weight sums if any source could send.
pub(super) fn step(
    neurons: &mut Neurons,
    network: &Network,
    number: usize,
    stem: &Stem,
    timestep: u32,
    received: Option<&Received>,
) {
    let population = &network.populations[number];
    let (channels, bits) = (population.shape[2] as usize, membrane_bits(network, stem));
    if let Some(Received { sums, source, step }) = received {
        let source = &network.populations[*source];
        let by_step = |neuron, sum| weighted(network, stem, source, *step, sum, neuron % channels);
        integrate(&mut neurons.membranes, sums, by_step, bits, &network.chip.core, &mut neurons.counts);
    }
    if timestep == population.send_start {
        for (neuron, membrane) in neurons.membranes.iter_mut().enumerate() {
            let value = requantized(network, population, stem, neuron, membrane, &mut neurons.counts);
            neurons.trains[neuron] = Train::new(value, population);
        }
    }
    send(neurons, population, timestep);
}

/// Fires who has reached the weight of the step that is sent in a timestep, if one is.
pub(super) fn send(neurons: &mut Neurons, population: &Population, timestep: u32) {
    let Some(step) = population.step(timestep) else { return };
    for (fired, train) in neurons.fired.iter_mut().zip(&mut neurons.trains) {
        *fired = train.fires(population, step);
    }
}

/// Adds the sums of a timestep to the membranes, each weighted for its neuron.
pub(crate) fn integrate(
    membranes: &mut [i64],
    sums: &[i64],
    weighted: impl Fn(usize, i64) -> i64,
    membrane_bits: u32,
    core: &Core,
    counts: &mut Counts,
) {
    for (neuron, (membrane, &sum)) in membranes.iter_mut().zip(sums).enumerate() {
        let sum = store(core.weight_sum_bits, core.overflow, sum, &mut counts.sum_overflows);
        let added = *membrane + weighted(neuron, sum);
        *membrane = store(membrane_bits, core.overflow, added, &mut counts.membrane_overflows);
    }
}

/// Adds the bias to a membrane; returns the value that is sent, 0 where the membrane is read.
pub(crate) fn requantized(
    network: &Network,
    population: &Population,
    stem: &Stem,
    neuron: usize,
    membrane: &mut i64,
    counts: &mut Counts,
) -> i64 {
    let core = &network.chip.core;
    let biases = read_i32(network, stem.bias);
    let sum = *membrane + i64::from(biases[neuron % biases.len()]);
    let bits = membrane_bits(network, stem);
    *membrane = store(bits, core.overflow, sum, &mut counts.membrane_overflows);
    let Some(requantizer) = &stem.requantizer else { return 0 };
    let channel = neuron % population.shape[2] as usize;
    let value = apply(network, requantizer, *membrane, neuron, channel);
    value.clamp(i128::from(stem.low), i128::from(stem.high)) as i64
}

/// A membrane of one state word, or of two.
pub(crate) fn membrane_bits(network: &Network, stem: &Stem) -> u32 {
    let words = if stem.integration == Integration::Double { 2 } else { 1 };
    words * network.chip.core.membrane_bits
}

/// The sum of a timestep times the coefficient of its step.
pub(crate) fn weighted(
    network: &Network,
    neurons: &Stem,
    source: &Population,
    step: u32,
    sum: i64,
    channel: usize,
) -> i64 {
    let (bits, signed) = bits_of(source);
    let sign = if signed && step == 0 { -1 } else { 1 };
    match &neurons.integration {
        Integration::Exact | Integration::Double => sign * sum * (1 << (bits - 1 - step)),
        Integration::Scaled { coefficients, shift } => {
            let shifts = read_i32(network, *shift);
            let row = channel % shifts.len();
            let (shift, steps) = (shifts[row], coefficients.count as usize / shifts.len());
            let values = read_i32(network, *coefficients);
            let twice = 2 * i128::from(sign * sum) * i128::from(values[row * steps + step as usize]);
            (twice + (1 << shift)).div_euclid(2 << shift) as i64 // the nearest, halves up
        }
    }
}

#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "the host's float32 is the definition"
)]
fn apply(network: &Network, requantizer: &Requantizer, membrane: i64, neuron: usize, channel: usize) -> i128 {
    let constant = |range: &Numbers| {
        let values = read_i32(network, *range);
        values[neuron % values.len()]
    };
    match requantizer {
        Requantizer::Float32 { mantissa, shift, zero } => {
            let multiplier = (f64::from(constant(mantissa)) * 2f64.powi(-constant(shift))) as f32;
            (membrane as f32 * multiplier).round_ties_even() as i128 + i128::from(*zero)
        }
        Requantizer::Fixed { multiplier, offset, shift } => {
            let offsets = read_i64(network, *offset);
            let product = i128::from(membrane) * i128::from(constant(multiplier));
            (product + i128::from(offsets[neuron % offsets.len()])).div_euclid(1 << constant(shift))
        }
        Requantizer::Table { entries, tables, first } => {
            let entries = read_i32(network, *entries);
            let table = entries.len() / *tables as usize;
            let entry = (membrane - i64::from(*first)).clamp(0, table as i64 - 1) as usize;
            let number = if *tables == 1 { 0 } else { channel };
            entries[number * table + entry].into()
        }
        Requantizer::Float32Add { bases, scales, offset, zero } => {
            let a = (membrane + 256).rem_euclid(512) - 256;
            let b = (membrane - a) / 512;
            let [scale_a, scale_b, offset] = [scales[0], scales[1], *offset].map(f32::from_bits);
            let inner = ((b + i64::from(bases[1])) as f32).mul_add(scale_b, offset);
            let sum = ((a + i64::from(bases[0])) as f32).mul_add(scale_a, inner);
            sum.round_ties_even() as i128 + i128::from(*zero)
        }
    }
}
