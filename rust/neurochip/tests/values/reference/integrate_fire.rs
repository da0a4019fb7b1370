//! The naive integrate-and-fire neuron.

use neurochip::image::description::IntegrateFire;

use super::{Neurons, Received, held, into, read_i32, store};
use crate::network::Network;

/// One timestep of a population. The bias is added in as many timesteps as a source sends.
pub(super) fn step(
    neurons: &mut Neurons,
    network: &Network,
    number: usize,
    model: &IntegrateFire,
    timestep: u32,
    received: Option<&Received>,
) {
    let (chip, population) = (&network.chip.core, &network.populations[number]);
    let sources =
        || into(network, number).map(|(_, wires)| &network.populations[wires.projection.source as usize]);
    let window = if population.code.is_some() {
        population.send_start..population.send_stop()
    } else {
        let last = sources().map(|source| source.send_start).max().unwrap();
        last + 1..population.send_start + 1
    };
    if timestep >= window.end {
        return;
    }
    let [biases, thresholds] = [model.bias, model.threshold].map(|blob| read_i32(network, blob));
    for neuron in 0..neurons.membranes.len() {
        let bias = if window.contains(&timestep) { biases[neuron % biases.len()] } else { 0 };
        let sum = held(received, neuron, chip, &mut neurons.counts) + i64::from(bias);
        let exact = neurons.membranes[neuron] + sum;
        let overflows = &mut neurons.counts.membrane_overflows;
        neurons.membranes[neuron] = store(chip.membrane_bits, chip.overflow, exact, overflows);
        let threshold = i64::from(thresholds[neuron % thresholds.len()]);
        if population.step(timestep).is_some() && neurons.membranes[neuron] >= threshold {
            neurons.membranes[neuron] -= threshold;
            neurons.fired[neuron] = true;
        }
    }
}
