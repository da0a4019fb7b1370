//! The naive machine of values: plain loops over every synapse in every timestep, in wide integers.
//!
//! It follows neurons.md word for word and shares no arithmetic with the library: float32 is the
//! host's own, registers are remainders, the maximum is a maximum.

use neurochip::chip::{Core, Overflow};
use neurochip::image::description::{Integration, Model, Population, Requantizer, Sparsity, Stem};
use neurochip::values::{Counts, Record};

use crate::network::{Network, Synapse};

/// A population at work.
struct Neurons {
    membranes: Vec<i64>,
    /// What the neurons send, as a value; known from the first timestep of sending on.
    values: Vec<i64>,
    /// What is left to be sent, and what was.
    trains: Vec<Train>,
    /// Who fired in the last timestep.
    fired: Vec<bool>,
    /// Spikes as they were sent, the first highest.
    codes: Vec<u8>,
    counts: Counts,
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
        let is_sign = population.signed && step == 0;
        let weight = 1 << (population.bits - 1 - step);
        if !(if is_sign { self.rest < 0 } else { self.rest >= weight }) {
            return false;
        }
        self.rest += if is_sign { weight } else { -weight };
        if let Some(Sparsity { rot, drlo }) = sparsity_of(population)
            && (population.bits - step <= rot || self.spikes == drlo)
        {
            return false;
        }
        self.spikes += 1;
        true
    }

    /// What the whole train is worth to whoever receives it.
    fn worth(mut self, population: &Population) -> i64 {
        let mut worth = 0;
        for step in (0..population.bits).filter(|&step| self.fires(population, step)) {
            let weight = 1 << (population.bits - 1 - step);
            worth += if population.signed && step == 0 { -weight } else { weight };
        }
        worth
    }
}

fn sparsity_of(population: &Population) -> Option<Sparsity> {
    match &population.model {
        Model::Stem(stem) => stem.sparsity,
        _ => None,
    }
}

/// Runs one sample in plain loops; `input` holds the value of each input neuron.
pub(crate) fn run(network: &Network, input: &[i64]) -> Record {
    let synapses: Vec<Vec<Synapse>> = network.wires.iter().map(|wires| network.synapses(wires)).collect();
    let mut all: Vec<Neurons> = network.populations.iter().map(Neurons::new).collect();
    all[0].values = input.to_vec();
    for timestep in 0..network.timesteps {
        let fired: Vec<Vec<bool>> = all.iter().map(|neurons| neurons.fired.clone()).collect();
        for (number, population) in network.populations.iter().enumerate() {
            let mut neurons = std::mem::replace(&mut all[number], Neurons::new(population));
            if timestep > 0 {
                neurons.receive(network, number, timestep - 1, &fired, &synapses);
            }
            if timestep == population.send_start {
                neurons.decide(network, number, &all, &synapses);
            }
            neurons.send(population, timestep);
            all[number] = neurons;
        }
    }
    let output = &all[network.output as usize];
    let reads = network.populations[network.output as usize].reads_membrane();
    let outputs = if reads { &output.membranes } else { &output.values };
    Record {
        outputs: outputs.iter().map(|&value| i32::try_from(value).unwrap()).collect(),
        codes: all.iter().map(|neurons| neurons.codes.clone()).collect(),
        counts: all.iter().map(|neurons| neurons.counts).collect(),
    }
}

impl Neurons {
    fn new(population: &Population) -> Self {
        let zeros = vec![0; population.num_neurons()];
        Self {
            membranes: zeros.clone(),
            values: zeros.clone(),
            trains: vec![Train::default(); zeros.len()],
            fired: vec![false; zeros.len()],
            codes: vec![0; zeros.len()],
            counts: Counts::default(),
        }
    }

    /// Adds the weights of the spikes of one timestep, then the sums to the membranes.
    fn receive(
        &mut self,
        network: &Network,
        number: usize,
        sent: u32,
        fired: &[Vec<bool>],
        synapses: &[Vec<Synapse>],
    ) {
        let (chip, model) = (&network.chip.core, &network.populations[number].model);
        let mut sums = vec![0i64; self.membranes.len()];
        let mut sent_step = None;
        for (wires, synapses) in network.wires.iter().zip(synapses) {
            let source = wires.projection.source as usize;
            if wires.projection.target as usize != number || network.populations[source].step(sent).is_none()
            {
                continue;
            }
            sent_step = Some((&network.populations[source], network.populations[source].step(sent).unwrap()));
            let clips = !matches!(model, Model::MaxPool);
            add_weights(&mut sums, synapses, &fired[source], chip, clips, &mut self.counts);
        }
        let (Some((source, step)), Model::Stem(neurons)) = (sent_step, model) else {
            return;
        };
        let channels = network.populations[number].shape[2] as usize;
        integrate(
            &mut self.membranes,
            &sums,
            |neuron, sum| weighted(network, neurons, source, step, sum, neuron % channels),
            membrane_bits(network, neurons),
            chip,
            &mut self.counts,
        );
    }

    /// The values to be sent.
    fn decide(&mut self, network: &Network, number: usize, all: &[Self], synapses: &[Vec<Synapse>]) {
        let population = &network.populations[number];
        match &population.model {
            Model::Input { .. } => {}
            Model::Stem(stem) => self.requantize(network, population, stem),
            Model::MaxPool => {
                let mine = |wires: &crate::network::Wires| wires.projection.target as usize == number;
                let pool = network.wires.iter().position(mine).unwrap();
                let source = &all[network.wires[pool].projection.source as usize].values;
                let lowest = if population.signed { -(1 << (population.bits - 1)) } else { 0 };
                self.values.fill(lowest);
                for synapse in &synapses[pool] {
                    let value = &mut self.values[synapse.target];
                    *value = (*value).max(source[synapse.source]);
                }
            }
        }
        self.trains = self.values.iter().map(|&value| Train::new(value, population)).collect();
        if population.bits > 0 {
            self.values = self.trains.iter().map(|train| train.worth(population)).collect();
        }
    }

    fn requantize(&mut self, network: &Network, population: &Population, stem: &Stem) {
        for neuron in 0..self.membranes.len() {
            let membrane = &mut self.membranes[neuron];
            self.values[neuron] = requantized(network, population, stem, neuron, membrane, &mut self.counts);
        }
    }

    fn send(&mut self, population: &Population, timestep: u32) {
        self.fired.fill(false);
        let Some(step) = population.step(timestep) else { return };
        for (neuron, train) in self.trains.iter_mut().enumerate() {
            let fires = train.fires(population, step);
            self.fired[neuron] = fires;
            self.counts.spikes += u64::from(fires);
            self.codes[neuron] = self.codes[neuron] << 1 | u8::from(fires);
        }
    }
}

/// Adds the weights of all spikes of a source to the sums of a timestep; `clips`: where the chip's
/// registers saturate, after every addition.
pub(crate) fn add_weights(
    sums: &mut [i64],
    synapses: &[Synapse],
    fired: &[bool],
    core: &Core,
    clips: bool,
    counts: &mut Counts,
) {
    for synapse in synapses.iter().filter(|synapse| fired[synapse.source]) {
        counts.sops += 1;
        let sum = &mut sums[synapse.target];
        *sum += i64::from(synapse.weight);
        if core.overflow == Overflow::Saturate && clips {
            *sum = store(core.weight_sum_bits, core.overflow, *sum, &mut counts.sum_overflows);
        }
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
    let biases = read_i32(network, stem.bias.offset, stem.bias.count);
    let sum = *membrane + i64::from(biases[neuron % biases.len()]);
    let bits = membrane_bits(network, stem);
    *membrane = store(bits, core.overflow, sum, &mut counts.membrane_overflows);
    let Some(requantizer) = &stem.requantizer else { return 0 };
    let channel = neuron % population.shape[2] as usize;
    let value = apply(network, requantizer, *membrane, neuron, channel);
    value.clamp(i128::from(stem.low), i128::from(stem.high)) as i64
}

/// What a register of `bits` holds after `exact` was written to it.
fn store(bits: u32, overflow: Overflow, exact: i64, overflows: &mut u64) -> i64 {
    let half = 1i64 << (bits - 1);
    if (-half..half).contains(&exact) {
        return exact;
    }
    *overflows += 1;
    match overflow {
        Overflow::Wrap => (exact + half).rem_euclid(2 * half) - half,
        Overflow::Saturate if exact < 0 => -half,
        Overflow::Saturate => half - 1,
    }
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
    let sign = if source.signed && step == 0 { -1 } else { 1 };
    match &neurons.integration {
        Integration::Exact | Integration::Double => sign * sum * (1 << (source.bits - 1 - step)),
        Integration::Scaled { coefficients, shift } => {
            let shifts = read_i32(network, shift.offset, shift.count);
            let row = channel % shifts.len();
            let (shift, steps) = (shifts[row], coefficients.count as usize / shifts.len());
            let values = read_i32(network, coefficients.offset, coefficients.count);
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
    let constant = |range: &neurochip::image::description::Blob| {
        let values = read_i32(network, range.offset, range.count);
        values[neuron % values.len()]
    };
    match requantizer {
        Requantizer::Float32 { mantissa, shift, zero } => {
            let multiplier = (f64::from(constant(mantissa)) * 2f64.powi(-constant(shift))) as f32;
            (membrane as f32 * multiplier).round_ties_even() as i128 + i128::from(*zero)
        }
        Requantizer::Fixed { multiplier, offset, shift } => {
            let offsets = read_i64(network, offset.offset, offset.count);
            let product = i128::from(membrane) * i128::from(constant(multiplier));
            (product + i128::from(offsets[neuron % offsets.len()])).div_euclid(1 << constant(shift))
        }
        Requantizer::Table { entries, tables, first } => {
            let entries = read_i32(network, entries.offset, entries.count);
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

fn read_i32(network: &Network, offset: u64, count: u64) -> Vec<i32> {
    let bytes = &network.blob[offset as usize..][..count as usize * 4];
    bytes.chunks(4).map(|chunk| i32::from_le_bytes(chunk.try_into().unwrap())).collect()
}

fn read_i64(network: &Network, offset: u64, count: u64) -> Vec<i64> {
    let bytes = &network.blob[offset as usize..][..count as usize * 8];
    bytes.chunks(8).map(|chunk| i64::from_le_bytes(chunk.try_into().unwrap())).collect()
}
