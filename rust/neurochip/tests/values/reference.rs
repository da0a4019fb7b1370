//! The naive machine of values: plain loops over every synapse in every timestep, in wide integers.
//!
//! It follows neurons.md word for word and shares no arithmetic with the library: float32 is the
//! host's own, registers are remainders, and every neuron is updated in every timestep. What a neuron
//! model does in a timestep is in a file of its own.

mod integrate_fire;
mod max_pool;
mod quartz;
mod stem;

use neurochip::chip::{Core, Overflow};
use neurochip::image::description::{Model, Numbers, Population, SpikeCode};
use neurochip::values::{Counts, Record};

use crate::network::{Network, Synapse, Wires};
pub(crate) use stem::{Train, bits_of, integrate, membrane_bits, requantized, weighted};

/// A population at work.
struct Neurons {
    membranes: Vec<i64>,
    /// Of neurons that integrate twice.
    currents: Vec<i64>,
    /// What the neurons send, as a value, where that is decided before they send it.
    values: Vec<i64>,
    /// Of neurons that send bits.
    trains: Vec<Train>,
    /// Who fires in this timestep.
    fired: Vec<bool>,
    counts: Counts,
}

/// The weight sums of one timestep, before they meet their register.
struct Received {
    sums: Vec<i64>,
    /// A population that may have sent them, and the step that it sent.
    source: usize,
    step: u32,
}

/// Who fired: by population, timestep and neuron.
type History = Vec<Vec<Vec<bool>>>;

/// Runs one sample in plain loops; `input` holds the value of each input neuron.
pub(crate) fn run(network: &Network, input: &[i64]) -> Record {
    let synapses: Vec<Vec<Synapse>> = network.wires.iter().map(|wires| network.synapses(wires)).collect();
    let mut all: Vec<Neurons> =
        network.populations.iter().map(|population| Neurons::new(network, population)).collect();
    all[0].values = input.to_vec();
    all[0].trains = input.iter().map(|&value| Train::new(value, &network.populations[0])).collect();
    let mut history: History = network.populations.iter().map(|_| vec![]).collect();
    for timestep in 0..network.timesteps {
        for (number, neurons) in all.iter_mut().enumerate() {
            neurons.fired.fill(false);
            neurons.step(network, number, timestep, &history, &synapses);
        }
        for (neurons, history) in all.iter().zip(&mut history) {
            history.push(neurons.fired.clone());
        }
    }
    let codes: Vec<Vec<u8>> = network.populations.iter().zip(&history).map(|(p, h)| record(p, h)).collect();
    let read = |&output: &u32| match network.populations[output as usize].code {
        None => all[output as usize].membranes.clone(),
        Some(code) => sent(&network.populations[output as usize], code, &history[output as usize]),
    };
    let outputs: Vec<i64> = network.outputs.iter().flat_map(read).collect();
    let spikes = |history: &Vec<Vec<bool>>| history.iter().flatten().filter(|&&fired| fired).count() as u64;
    Record {
        outputs: outputs.iter().map(|&value| i32::try_from(value).unwrap()).collect(),
        codes,
        counts: all.iter().zip(&history).map(|(n, h)| Counts { spikes: spikes(h), ..n.counts }).collect(),
    }
}

/// The trains of a population's neurons: who fired in each step of its window.
fn trains(population: &Population, history: &[Vec<bool>]) -> Vec<Vec<bool>> {
    let window = &history[population.send_start as usize..][..population.steps() as usize];
    (0..population.num_neurons()).map(|neuron| window.iter().map(|fired| fired[neuron]).collect()).collect()
}

/// The record of trains, as `image::spike_code` describes it.
fn record(population: &Population, history: &[Vec<bool>]) -> Vec<u8> {
    let Some(code) = population.code else { return vec![] };
    match code {
        SpikeCode::Rate { steps, .. } | SpikeCode::FirstSpike { steps, levels: 256.., .. } => {
            let trains = trains(population, history);
            let bit = |train: &Vec<bool>, step: u32| step < steps && train[step as usize];
            let byte = |train: &Vec<bool>, first: u32| {
                (first..first + 8).fold(0, |byte, step| byte << 1 | u8::from(bit(train, step)))
            };
            let firsts = (0..steps).step_by(8);
            firsts.flat_map(|first| trains.iter().map(move |train| byte(train, first))).collect()
        }
        _ => sent(population, code, history)
            .iter()
            .map(|&value| value as u8)
            .map(|v| masked(code, v))
            .collect(),
    }
}

/// The bits of a value that are sent.
fn masked(code: SpikeCode, value: u8) -> u8 {
    match code {
        SpikeCode::Binary { bits, .. } => value & ((1u32 << bits) - 1) as u8,
        _ => value,
    }
}

/// The value that each train says.
fn sent(population: &Population, code: SpikeCode, history: &[Vec<bool>]) -> Vec<i64> {
    let value = |train: Vec<bool>| {
        let steps = train.len() as i64;
        let fired = train.iter().zip(0..).filter(|(fired, _)| **fired).map(|(_, step)| step);
        match code {
            SpikeCode::Binary { signed, .. } => fired
                .map(|step: i64| {
                    let weight = 1 << (steps - 1 - step);
                    if signed && step == 0 { -weight } else { weight }
                })
                .sum(),
            SpikeCode::FirstSpike { .. } => fired.min().map_or(0, |step| steps - 1 - step),
            SpikeCode::Rate { .. } => fired.count() as i64,
        }
    };
    trains(population, history).into_iter().map(value).collect()
}

impl Neurons {
    fn new(network: &Network, population: &Population) -> Self {
        let zeros = vec![0; population.num_neurons()];
        let start = match &population.model {
            Model::Quartz(quartz) => Some(quartz.bias),
            Model::IntegrateFire(model) => Some(model.start),
            _ => None,
        };
        let start = start.map(|start| read_i32(network, start));
        let membrane =
            |neuron| start.as_ref().map_or(0, |start: &Vec<i32>| i64::from(start[neuron % start.len()]));
        Self {
            membranes: (0..zeros.len()).map(membrane).collect(),
            currents: zeros.clone(),
            values: zeros.clone(),
            trains: vec![Train::default(); zeros.len()],
            fired: vec![false; zeros.len()],
            counts: Counts::default(),
        }
    }

    /// What every neuron does in a timestep: receive, update, fire.
    fn step(
        &mut self,
        network: &Network,
        number: usize,
        timestep: u32,
        history: &History,
        synapses: &[Vec<Synapse>],
    ) {
        let population = &network.populations[number];
        let received =
            timestep.checked_sub(1).and_then(|sent| self.receive(network, number, sent, history, synapses));
        match &population.model {
            Model::Input { .. } => self.inject(population, timestep),
            Model::Stem(stem) => stem::step(self, network, number, stem, timestep, received.as_ref()),
            Model::MaxPool => max_pool::step(self, network, number, timestep, history, synapses),
            Model::Quartz(quartz) => {
                quartz::step(self, network, number, quartz, timestep, received.as_ref(), history);
            }
            Model::IntegrateFire(model) => {
                integrate_fire::step(self, network, number, model, timestep, received.as_ref());
            }
            Model::Constant { values } => {
                let values = read_i32(network, *values);
                for (fired, value) in self.fired.iter_mut().zip(values) {
                    *fired = population.step(timestep) == Some(population.steps() - 1 - value as u32);
                }
            }
        }
    }

    /// The spikes of the input, by its code.
    fn inject(&mut self, population: &Population, timestep: u32) {
        let Some(step) = population.step(timestep) else { return };
        for (fired, &value) in self.fired.iter_mut().zip(&self.values) {
            *fired = match population.code.unwrap() {
                SpikeCode::Binary { .. } => break,
                SpikeCode::FirstSpike { steps, zeros, .. } => {
                    i64::from(steps - 1 - step) == value && (zeros || value > 0)
                }
                SpikeCode::Rate { levels, .. } => {
                    let rounded = |step: u32| {
                        (2 * value * i64::from(step) + i64::from(levels)).div_euclid(2 * i64::from(levels))
                    };
                    rounded(step + 1) > rounded(step)
                }
            };
        }
        if let Some(SpikeCode::Binary { .. }) = population.code {
            stem::send(self, population, timestep);
        }
    }

    /// The weight sums of the spikes of one timestep; none if no source could send.
    ///
    /// What a trigger sends is no weight: it is counted, and its target looks at who fired.
    fn receive(
        &mut self,
        network: &Network,
        number: usize,
        sent: u32,
        history: &History,
        synapses: &[Vec<Synapse>],
    ) -> Option<Received> {
        let clips = !matches!(network.populations[number].model, Model::MaxPool);
        let mut received = Received { sums: vec![0; self.membranes.len()], source: 0, step: 0 };
        let mut heard = false;
        for (index, wires) in into(network, number) {
            let source = wires.projection.source as usize;
            let Some(step) = network.populations[source].step(sent) else { continue };
            let fired = &history[source][sent as usize];
            if network.populations[source].is_trigger() {
                let spikes = synapses[index].iter().filter(|synapse| fired[synapse.source]);
                self.counts.sops += spikes.count() as u64;
                continue;
            }
            let core = &network.chip.core;
            add_weights(&mut received.sums, &synapses[index], fired, core, clips, &mut self.counts);
            (heard, received.source, received.step) = (true, source, step);
        }
        heard.then_some(received)
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

/// The weight sum that a neuron's register holds at the end of a timestep.
fn held(received: Option<&Received>, neuron: usize, core: &Core, counts: &mut Counts) -> i64 {
    let sum = received.map_or(0, |received| received.sums[neuron]);
    store(core.weight_sum_bits, core.overflow, sum, &mut counts.sum_overflows)
}

/// The projections into a population, with their numbers.
fn into(network: &Network, number: usize) -> impl Iterator<Item = (usize, &Wires)> {
    network.wires.iter().enumerate().filter(move |(_, wires)| wires.projection.target as usize == number)
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

fn read_i32(network: &Network, numbers: Numbers) -> Vec<i32> {
    read_i64(network, numbers).into_iter().map(|value| value.try_into().unwrap()).collect()
}

fn read_i64(network: &Network, Numbers { offset, count, bytes }: Numbers) -> Vec<i64> {
    let stored = &network.blob[offset as usize..][..(count * bytes) as usize];
    let sign_at = 64 - 8 * bytes;
    let signed = |chunk: &[u8]| {
        let unsigned = chunk.iter().rev().fold(0, |value, &byte| value << 8 | i64::from(byte));
        unsigned << sign_at >> sign_at
    };
    stored.chunks(bytes as usize).map(signed).collect()
}
