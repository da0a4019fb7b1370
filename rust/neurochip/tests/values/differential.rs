//! The machine of values against the naive one, on random networks.

use std::collections::BTreeSet;

use neurochip::chip::ChipSpec;
use neurochip::counters::Counters;
use neurochip::image::description::{Integration, Model, SpikeCode};
use neurochip::simulator::{Progress, SampleRun, Timing};
use neurochip::traffic::Destination;
use proptest::prelude::*;

use crate::network::{Network, Synapse};
use crate::random::{Choices, choices, network, sample};
use crate::reference;

/// One sample through the simulator; values become two's complement.
pub(crate) fn simulate(network: &Network, timing: Timing, input: &[i64]) -> SampleRun {
    let codes: Vec<u8> = input.iter().map(|&value| value as u8).collect();
    network.simulator().run(&codes, timing, &Progress::default()).unwrap().remove(0)
}

/// What the sample costs on the chip, from its spikes and the written-out synapses alone.
fn expected_counters(network: &Network, run: &SampleRun) -> Counters {
    let chip = &network.chip;
    let mut expected = Counters { soma_updates: soma_updates(network), ..Counters::default() };
    for (number, codes) in
        network.populations.iter().zip(&run.record.codes).map(|(_, codes)| codes).enumerate()
    {
        for (neuron, spikes) in spikes_of(network, number, codes).into_iter().enumerate() {
            let from = home(network, number, neuron);
            let to = destinations(network, number, neuron);
            expected.spikes += spikes;
            expected.sops += spikes * to.iter().map(|(_, synapses)| synapses).sum::<u64>();
            expected.output_packets += if network.outputs.contains(&(number as u32)) { spikes } else { 0 };
            let packets = spikes * to.len() as u64;
            let sum = |distance: fn(&ChipSpec, Destination, Destination) -> u64| {
                spikes * to.iter().map(|&(to, _)| distance(chip, from, to)).sum::<u64>()
            };
            expected.flit_hops += sum(distance);
            expected.link_flits += sum(distance_in_chips);
            *(if number == 0 { &mut expected.input_packets } else { &mut expected.packets }) += packets;
        }
    }
    let flits = u64::from(chip.noc.packet_flits);
    expected.flits = expected.packets * flits;
    expected.flit_hops *= flits;
    expected.link_flits *= flits;
    expected.io_flits = (expected.input_packets + expected.output_packets) * flits;
    expected
}

/// How often each neuron of a population spikes, given its record.
fn spikes_of(network: &Network, number: usize, record: &[u8]) -> Vec<u64> {
    let population = &network.populations[number];
    let count = |neuron: usize| match population.code {
        None => 0,
        Some(SpikeCode::FirstSpike { levels: 0..256, zeros, .. }) => u64::from(zeros || record[neuron] > 0),
        Some(SpikeCode::Binary { .. } | SpikeCode::FirstSpike { .. } | SpikeCode::Rate { .. }) => {
            let bytes = record.iter().skip(neuron).step_by(population.num_neurons());
            bytes.map(|byte| u64::from(byte.count_ones())).sum()
        }
    };
    (0..population.num_neurons()).map(count).collect()
}

/// The core of a neuron, or the port of an input neuron.
fn home(network: &Network, population: usize, neuron: usize) -> Destination {
    let holds = |tile: &&neurochip::image::description::Tile| {
        tile.population as usize == population
            && tile.neurons(network.populations[population].shape).any(|held| held == neuron)
    };
    network.tiles.iter().find(holds).map_or(Destination::Port(0), |tile| Destination::Core(tile.core))
}

/// Where a neuron's spikes go, the way out included, and the synapses that wait there.
fn destinations(network: &Network, population: usize, neuron: usize) -> Vec<(Destination, u64)> {
    let (chip, from) = (&network.chip, home(network, population, neuron));
    let mut to = targets(network, population, neuron);
    if network.outputs.contains(&(population as u32)) {
        let ports = (0..chip.ports().len() as u32).map(Destination::Port);
        to.push((ports.min_by_key(|&port| distance(chip, from, port)).unwrap(), 0));
    }
    to
}

/// Cores that a neuron's spikes go to, and the synapses that wait there.
fn targets(network: &Network, population: usize, neuron: usize) -> Vec<(Destination, u64)> {
    let mut targets = vec![];
    for wires in network.wires.iter().filter(|wires| wires.projection.source as usize == population) {
        let of_neuron = |synapse: &Synapse| synapse.source == neuron;
        let reached: Vec<Synapse> = network.synapses(wires).into_iter().filter(of_neuron).collect();
        let shape = network.populations[wires.projection.target as usize].shape;
        for tile in network.tiles.iter().filter(|tile| tile.population == wires.projection.target) {
            let held: BTreeSet<usize> = tile.neurons(shape).collect();
            let synapses = reached.iter().filter(|synapse| held.contains(&synapse.target)).count();
            if synapses > 0 {
                targets.push((Destination::Core(tile.core), synapses as u64));
            }
        }
    }
    targets
}

fn distance(chip: &ChipSpec, from: Destination, to: Destination) -> u64 {
    let ((x, _), (to_x, _)) = (place(chip, from), place(chip, to));
    u64::from(x.abs_diff(to_x)) + distance_along_y(chip, from, to)
}

fn distance_along_y(chip: &ChipSpec, from: Destination, to: Destination) -> u64 {
    u64::from(place(chip, from).1.abs_diff(place(chip, to).1))
}

fn distance_in_chips(chip: &ChipSpec, from: Destination, to: Destination) -> u64 {
    let of_chip = |(x, y)| (x / chip.mesh.width, y / chip.mesh.height);
    let ((x, y), (to_x, to_y)) = (of_chip(place(chip, from)), of_chip(place(chip, to)));
    u64::from(x.abs_diff(to_x) + y.abs_diff(to_y))
}

fn place(chip: &ChipSpec, end: Destination) -> (u32, u32) {
    let width = chip.mesh.width * chip.board.chips_x;
    match end {
        Destination::Core(core) => {
            let node = core / chip.mesh.cores_per_node.unwrap();
            (node % width, node / width)
        }
        Destination::Port(port) => (chip.ports()[port as usize].x, chip.ports()[port as usize].y),
    }
}

/// Neurons that update in each timestep: those that receive, decide or send.
fn soma_updates(network: &Network) -> u64 {
    let mut updates = 0;
    for timestep in 0..network.timesteps {
        for (number, population) in network.populations.iter().enumerate().skip(1) {
            let mut sources = network.wires.iter().filter(|wires| wires.projection.target as usize == number);
            let receives = timestep > 0
                && sources.any(|wires| {
                    network.populations[wires.projection.source as usize].step(timestep - 1).is_some()
                });
            let decides = timestep == population.send_start && matches!(population.model, Model::Stem(_));
            let sends = population.step(timestep).is_some() && !matches!(population.model, Model::MaxPool);
            let active = receives || decides || sends;
            updates += if active { population.num_neurons() as u64 } else { 0 };
        }
    }
    updates
}

/// The counters that do not depend on time.
fn untimed(counters: &Counters) -> Counters {
    let Counters { spikes, packets, input_packets, output_packets, .. } = *counters;
    let Counters { flits, flit_hops, link_flits, io_flits, sops, soma_updates, .. } = *counters;
    Counters {
        spikes,
        packets,
        input_packets,
        output_packets,
        flits,
        flit_hops,
        link_flits,
        io_flits,
        sops,
        soma_updates,
        ..Counters::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn codes_outputs_sops_and_overflows_are_those_of_the_naive_machine(numbers in choices()) {
        let choices = &mut Choices::new(numbers);
        let network = network(choices);
        let input = sample(&network, choices);
        let run = simulate(&network, Timing::None, &input);
        let expected = reference::run(&network, &input);
        prop_assert_eq!(&run.record.codes, &expected.codes);
        prop_assert_eq!(&run.record.outputs, &expected.outputs);
        prop_assert_eq!(&run.record.counts, &expected.counts);
    }

    #[test]
    fn sops_packets_hops_and_updates_are_counted_from_spikes_and_synapses(numbers in choices()) {
        let choices = &mut Choices::new(numbers);
        let network = network(choices);
        let run = simulate(&network, Timing::None, &sample(&network, choices));
        prop_assert_eq!(run.counters, expected_counters(&network, &run));
    }

    #[test]
    fn hops_along_y_and_packets_within_a_node_are_those_between_the_cores_of_neurons(numbers in choices()) {
        let choices = &mut Choices::new(numbers);
        let network = network(choices);
        let run = simulate(&network, Timing::None, &sample(&network, choices));
        let flits = u64::from(network.chip.noc.packet_flits);
        for (number, activity) in run.activity.iter().enumerate() {
            let mut expected = (0, 0);
            for (neuron, &spikes) in spikes_of(&network, number, &run.record.codes[number]).iter().enumerate() {
                let from = home(&network, number, neuron);
                for (to, _) in destinations(&network, number, neuron) {
                    let is_near = number > 0
                        && matches!(to, Destination::Core(_))
                        && distance(&network.chip, from, to) == 0;
                    expected.0 += spikes * u64::from(is_near);
                    expected.1 += spikes * flits * distance_along_y(&network.chip, from, to);
                }
            }
            prop_assert_eq!((activity.node_packets, activity.flit_hops_y), expected);
        }
    }

    #[test]
    fn time_changes_neither_values_nor_what_they_cost(numbers in choices()) {
        let choices = &mut Choices::new(numbers);
        let network = network(choices);
        let input = sample(&network, choices);
        let [values, timed] = [Timing::None, Timing::Cycle].map(|timing| simulate(&network, timing, &input));
        prop_assert_eq!(&timed.record, &values.record);
        prop_assert_eq!(untimed(&timed.counters), values.counters);
        prop_assert_eq!(timed.work_cycles.len(), network.timesteps as usize);
        prop_assert!(timed.work_cycles.iter().all(|&cycles| cycles > 0));
    }

    /// H = 2 H + I, as neurons.md writes exact integration.
    #[test]
    fn one_window_integrates_as_the_horner_form_does(numbers in choices()) {
        let choices = &mut Choices::new(numbers);
        let network = network(choices);
        let input = sample(&network, choices);
        let run = simulate(&network, Timing::None, &input);
        let Some((number, wires)) = exact_with_one_source(&network) else { return Ok(()) };
        let source = &network.populations[wires.projection.source as usize];
        let mut membranes = vec![0i64; network.populations[number].num_neurons()];
        let Some(SpikeCode::Binary { bits, signed }) = source.code else { return Ok(()) };
        for step in 0..bits {
            for membrane in &mut membranes {
                *membrane *= 2;
            }
            for synapse in network.synapses(wires) {
                let code = run.record.codes[wires.projection.source as usize][synapse.source];
                let spike = i64::from(code >> (bits - 1 - step) & 1);
                let sign = if signed && step == 0 { -1 } else { 1 };
                membranes[synapse.target] += sign * spike * i64::from(synapse.weight);
            }
        }
        let counts = run.record.counts[number];
        prop_assume!((counts.sum_overflows, counts.membrane_overflows) == (0, 0));
        let read = membranes_of(&network, number, &input);
        prop_assert_eq!(read, membranes);
    }
}

/// The first STEM population that integrates exactly and has one projection.
fn exact_with_one_source(network: &Network) -> Option<(usize, &crate::network::Wires)> {
    (1..network.populations.len()).find_map(|number| {
        let mut incoming = network.wires.iter().filter(|wires| wires.projection.target as usize == number);
        let (wires, None) = (incoming.next()?, incoming.next()) else { return None };
        match &network.populations[number].model {
            Model::Stem(stem) if stem.integration == Integration::Exact => Some((number, wires)),
            _ => None,
        }
    })
}

/// The membranes of a population, without its bias, read out by making it the last one.
fn membranes_of(network: &Network, number: usize, input: &[i64]) -> Vec<i64> {
    let mut cut = network.clone();
    cut.populations.truncate(number + 1);
    cut.wires.retain(|wires| wires.projection.target as usize <= number);
    cut.tiles.retain(|tile| tile.population as usize <= number);
    cut.outputs = vec![number as u32];
    let bias = cut.add_i32(&[0]);
    let population = &mut cut.populations[number];
    population.code = None;
    let Model::Stem(stem) = &mut population.model else { panic!("not a STEM population") };
    (stem.requantizer, stem.bias, stem.sparsity) = (None, bias, None);
    simulate(&cut, Timing::None, input).record.outputs.into_iter().map(i64::from).collect()
}
