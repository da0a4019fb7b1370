//! The naive maximum: it looks at all that its inputs have sent so far.

use neurochip::image::description::SpikeCode;

use super::{History, Neurons, into};
use crate::network::{Network, Synapse};

/// One timestep of a population: it does what the largest of its inputs did in the timestep before.
pub(super) fn step(
    neurons: &mut Neurons,
    network: &Network,
    number: usize,
    timestep: u32,
    history: &History,
    synapses: &[Vec<Synapse>],
) {
    let population = &network.populations[number];
    let Some(step) = population.step(timestep) else { return };
    let (wires, pool) = into(network, number).next().unwrap();
    let source = pool.projection.source as usize;
    let start = network.populations[source].send_start as usize;
    for neuron in 0..neurons.fired.len() {
        let inputs = synapses[wires].iter().filter(|synapse| synapse.target == neuron);
        let sent = |synapse: &Synapse| -> Vec<bool> {
            history[source][start..=start + step as usize].iter().map(|fired| fired[synapse.source]).collect()
        };
        let trains: Vec<Vec<bool>> = inputs.map(sent).collect();
        neurons.fired[neuron] = match population.code.unwrap() {
            SpikeCode::Binary { signed, .. } if trains.is_empty() => signed && step == 0, // the lowest value
            code => follows(code, &trains),
        };
    }
}

/// Whether the largest of some trains spikes at the last step that was heard of them.
fn follows(code: SpikeCode, trains: &[Vec<bool>]) -> bool {
    match code {
        SpikeCode::Binary { signed, .. } => {
            // Of two trains of bits the one is larger that has the first bit that the other has not; of
            // signed ones the first bit says the opposite.
            let key = |train: &Vec<bool>| {
                let mut key = train.clone();
                key[0] ^= signed;
                key
            };
            let largest = trains.iter().map(key).max().unwrap();
            largest[largest.len() - 1] ^ (signed && largest.len() == 1)
        }
        SpikeCode::FirstSpike { .. } => {
            let spiked = |train: &[bool]| train.contains(&true);
            let before = trains.iter().any(|train| spiked(&train[..train.len() - 1]));
            !before && trains.iter().any(|train| spiked(train))
        }
        SpikeCode::Rate { .. } => {
            let most = |missing: usize| {
                let count = |train: &Vec<bool>| train[..train.len() - missing].iter().filter(|&&s| s).count();
                trains.iter().map(count).max()
            };
            most(0) > most(1)
        }
    }
}
