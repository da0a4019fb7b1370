//! The naive Quartz neuron: two additions in every timestep, and a ramp.

use neurochip::image::description::{Quartz, Readout, SpikeCode};

use super::{History, Neurons, Received, held, into, read_i32, store};
use crate::network::Network;

/// One timestep of a population. Of its triggers the first that is wired is the readout; what fires
/// before it has come is early.
pub(super) fn step(
    neurons: &mut Neurons,
    network: &Network,
    number: usize,
    quartz: &Quartz,
    timestep: u32,
    received: Option<&Received>,
    history: &History,
) {
    let (chip, population) = (&network.chip.core, &network.populations[number]);
    let is_over = population.code.is_some() && timestep >= population.send_stop();
    if is_over {
        return;
    }
    let [slopes, thresholds] = [quartz.slope, quartz.threshold].map(|blob| read_i32(network, blob));
    let wired: Vec<usize> = into(network, number)
        .map(|(_, wires)| wires.projection.source as usize)
        .filter(|&source| network.populations[source].is_trigger())
        .collect();
    let arrives = |source: &usize| timestep > 0 && history[*source][timestep as usize - 1][0];
    let triggers: Vec<bool> = wired.iter().map(arrives).collect();
    let is_early = !history[wired[0]][..timestep as usize].iter().any(|fired| fired[0]);
    let has_fired = |neuron: usize| history[number].iter().any(|fired: &Vec<bool>| fired[neuron]);
    for neuron in 0..neurons.membranes.len() {
        let sum = held(received, neuron, chip, &mut neurons.counts);
        if has_fired(neuron) {
            continue;
        }
        let overflows = &mut neurons.counts.membrane_overflows;
        let mut write = |exact| store(chip.membrane_bits, chip.overflow, exact, overflows);
        let (current, slope) = (neurons.currents[neuron] + sum, i64::from(slopes[neuron % slopes.len()]));
        neurons.currents[neuron] = match (triggers[0], quartz.readout) {
            (false, _) => write(current),
            (true, Readout::Set) => slope,
            (true, Readout::Add) => write(current + slope),
        };
        neurons.membranes[neuron] = write(neurons.membranes[neuron] + neurons.currents[neuron]);
        let Some(SpikeCode::FirstSpike { steps, levels, zeros }) = population.code else { continue };
        let crosses = neurons.membranes[neuron] >= thresholds[neuron % thresholds.len()].into();
        let level = i64::from(population.send_start + steps - 1) - i64::from(timestep);
        let rectified = triggers.get(1) == Some(&true);
        let open = level <= levels.into() && (level > 0 || zeros);
        neurons.fired[neuron] = (crosses && open) || rectified;
        neurons.counts.early_spikes += u64::from(neurons.fired[neuron] && is_early);
    }
}
