//! Samples in flight: values, the period that registers allow, and the union of traffic.

use std::collections::BTreeMap;

use neurochip::counters::Counters;
use neurochip::engine::Machine;
use neurochip::image::Image;
use neurochip::image::description::{Connector, Model, Population, SpikeCode};
use neurochip::schedule::{InFlight, Schedule};
use neurochip::simulator::{Batch, Progress, SampleRun, Timing};
use neurochip::traffic::{CoreWork, Injection, Packet, Spike, Traffic, Update};
use proptest::prelude::*;

use crate::differential::simulate;
use crate::network::{Network, input, tiny};
use crate::random::{Choices, choices, network, sample, stem_network};
use crate::stepping;

const SAMPLES: usize = 5;

/// A random network whose neurons have one buffer or two, and samples.
pub(crate) fn drawn(
    numbers: Vec<u32>,
    network: fn(&mut Choices) -> Network,
) -> (Network, Vec<Vec<i64>>, Choices) {
    let mut choices = Choices::new(numbers);
    let mut network = network(&mut choices);
    network.chip.core.buffers = choices.pick(1, 2) as u32;
    let samples = (0..SAMPLES).map(|_| sample(&network, &mut choices)).collect();
    (network, samples, choices)
}

/// The image, if the door lets it in.
fn image(network: &Network, period: u32) -> Result<Image, String> {
    let network = Network { period: Some(period), ..network.clone() };
    let (description, blob) = network.describe();
    let image = Image::new(&serde_json::to_string(&description).unwrap(), blob);
    image.map_err(|error| error.to_string().trim_start_matches("image description: ").to_owned())
}

fn shortest(network: &Network) -> u32 {
    (1..=network.timesteps).find(|&period| image(network, period).is_ok()).unwrap()
}

/// The network with a period between the shortest and all its timesteps.
pub(crate) fn overlapping(network: &Network, choices: &mut Choices) -> Network {
    let shortest = shortest(network);
    let longer = choices.pick(0, i64::from(network.timesteps - shortest).min(3)) as u32;
    Network { period: Some(shortest + longer), ..network.clone() }
}

pub(crate) fn codes(samples: &[Vec<i64>]) -> Vec<u8> {
    samples.concat().into_iter().map(|value| value as u8).collect()
}

fn run(network: &Network, samples: &[Vec<i64>], timing: Timing) -> Vec<SampleRun> {
    network.simulator().run(&codes(samples), timing, &Progress::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_are_those_of_a_machine_that_steps_all_samples_through_its_registers(numbers in choices()) {
        let (network, samples, mut choices) = drawn(numbers, stem_network);
        let network = overlapping(&network, &mut choices);
        let stepped = stepping::run(&network, network.period.unwrap(), &samples).unwrap();
        for (run, expected) in run(&network, &samples, Timing::None).iter().zip(&stepped) {
            prop_assert_eq!(&run.record, expected);
        }
    }

    #[test]
    fn the_door_lets_in_just_the_periods_that_registers_allow(numbers in choices()) {
        let (network, samples, _) = drawn(numbers, stem_network);
        for period in 1..=network.timesteps {
            let conflict = stepping::run(&network, period, &samples).err();
            let refusal = image(&network, period).err();
            prop_assert_eq!(conflict.is_some(), refusal.is_some(), "period {}: {:?}", period, refusal);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    /// With time and without, on any threads, in one batch or in several.
    #[test]
    fn a_run_is_the_same_however_it_is_run(numbers in choices()) {
        let (network, samples, mut choices) = drawn(numbers, network);
        let network = overlapping(&network, &mut choices);
        let whole = run(&network, &samples, Timing::Cycle);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        prop_assert_eq!(&pool.install(|| run(&network, &samples, Timing::Cycle)), &whole);
        let cut = choices.pick(1, SAMPLES as i64 - 1) as usize;
        prop_assert_eq!(&in_two_batches(&network, &samples, cut, Timing::Cycle), &whole);
        let untimed = run(&network, &samples, Timing::None);
        prop_assert_eq!(&in_two_batches(&network, &samples, cut, Timing::None), &untimed);
        for (timed, untimed) in whole.iter().zip(&untimed) {
            prop_assert_eq!(&timed.record, &untimed.record);
            prop_assert_eq!(&timed.activity, &untimed.activity);
            prop_assert_eq!(timed.counters.soma_updates, untimed.counters.soma_updates);
        }
    }

    /// The time machine counts its own events: summed over the run they are those of the samples.
    #[test]
    fn the_traffic_of_a_timestep_is_the_union_over_the_samples_in_flight(numbers in choices()) {
        let (network, samples, mut choices) = drawn(numbers, network);
        let network = overlapping(&network, &mut choices);
        let (image, period) = (network.image(), network.period.unwrap());
        let schedule = Schedule::new(&image);
        let runs = run(&network, &samples, Timing::Cycle);
        let mut machine = Machine::new(&network.chip);
        let mut counted = Counters::default();
        let mut work_cycles = vec![];
        for timestep in 0..(SAMPLES as u32 - 1) * period + network.timesteps {
            let in_flight: Vec<InFlight<'_>> = (0..SAMPLES)
                .filter_map(|sample| {
                    let own = timestep.checked_sub(sample as u32 * period)?;
                    let codes = &runs[sample].record.codes;
                    (own < network.timesteps).then_some(InFlight { codes, timestep: own })
                })
                .collect();
            let traffic = schedule.traffic(image.description(), &in_flight);
            let alone = in_flight.iter().map(|one| schedule.traffic(image.description(), &[*one]));
            prop_assert_eq!(&traffic, &union(&alone.collect::<Vec<_>>()));
            let step = machine.simulate(&traffic, None).unwrap();
            work_cycles.push(step.quiet_cycle + 1);
            counted.add(&step.counters);
        }
        prop_assert_eq!(runs.iter().flat_map(|run| run.work_cycles.clone()).collect::<Vec<_>>(), work_cycles);
        let total = |of: &dyn Fn(&Counters) -> u64| runs.iter().map(|run| of(&run.counters)).sum::<u64>();
        prop_assert_eq!(total(&|counters| counters.sops), counted.sops);
        prop_assert_eq!(total(&|counters| counters.packets), counted.packets);
        prop_assert_eq!(total(&|counters| counters.input_packets), counted.input_packets);
        prop_assert_eq!(total(&|counters| counters.output_packets), counted.output_packets);
        prop_assert_eq!(total(&|counters| counters.flit_hops), counted.flit_hops);
        prop_assert_eq!(total(&|counters| counters.io_flits), counted.io_flits);
        prop_assert_eq!(total(&|counters| counters.soma_updates), counted.soma_updates);
        prop_assert_eq!(total(&|counters| counters.receive_busy_cycles), counted.receive_busy_cycles);
    }

    #[test]
    fn what_a_samples_spikes_cause_does_not_depend_on_the_company(numbers in choices()) {
        let (network, samples, mut choices) = drawn(numbers, network);
        let overlapping = overlapping(&network, &mut choices);
        for (run, sample) in run(&overlapping, &samples, Timing::None).iter().zip(&samples) {
            let alone = simulate(&network, Timing::None, sample);
            prop_assert_eq!(&run.record, &alone.record);
            let soma_updates = run.counters.soma_updates;
            prop_assert_eq!(run.counters, Counters { soma_updates, ..alone.counters });
        }
    }
}

/// The run in two batches; the second is given all samples that may still be in flight.
fn in_two_batches(network: &Network, samples: &[Vec<i64>], cut: usize, timing: Timing) -> Vec<SampleRun> {
    let simulator = network.simulator();
    let depth = network.timesteps.div_ceil(network.period.unwrap()) as usize;
    let before = cut.min(depth - 1);
    let [first, second] = [codes(&samples[..cut]), codes(&samples[cut - before..])];
    let run = |batch| simulator.run_keeping(batch, timing, &Progress::default(), |run| run).unwrap();
    let first = run(Batch { codes: &first, before: 0, more: true });
    let second = run(Batch { codes: &second, before, more: false });
    [first, second].concat()
}

/// What a core does: neurons, cycles between their groups, and the packets of each that fires.
type Work = (u32, u32, Vec<(u32, Vec<Packet>)>);

/// Traffic put together by name: cycles of a core's phases add up, spikes and packets stand side by side.
fn union(parts: &[Traffic]) -> Traffic {
    let mut cores: BTreeMap<u32, Work> = BTreeMap::new();
    let mut inputs: BTreeMap<u32, Vec<Packet>> = BTreeMap::new();
    for part in parts {
        let packets =
            |range: &std::ops::Range<u32>| part.packets[range.start as usize..range.end as usize].to_vec();
        for core in &part.cores {
            let [update] = part.updates_of(core) else { panic!("a core holds one population") };
            let (neurons, cycles, spikes) = cores.entry(core.core).or_default();
            (*neurons, *cycles) = (update.neurons, *cycles + update.soma_cycles);
            spikes.extend(part.spikes_of(core).iter().map(|spike| (spike.neuron, packets(&spike.packets))));
        }
        for input in &part.inputs {
            inputs.entry(input.port).or_default().extend(packets(&input.packets));
        }
    }
    let mut union = Traffic::default();
    for (core, (neurons, soma_cycles, spikes)) in cores {
        let (first_update, first_spike) = (union.updates.len() as u32, union.spikes.len() as u32);
        union.updates.push(Update { neurons, soma_cycles });
        for (neuron, packets) in spikes {
            let start = union.packets.len() as u32;
            union.packets.extend(packets);
            let packets = start..union.packets.len() as u32;
            union.spikes.push(Spike { neuron, packets });
        }
        let spikes = first_spike..union.spikes.len() as u32;
        union.cores.push(CoreWork { core, updates: first_update..first_update + 1, spikes });
    }
    for (port, packets) in inputs {
        let start = union.packets.len() as u32;
        union.packets.extend(packets);
        union.inputs.push(Injection { port, packets: start..union.packets.len() as u32 });
    }
    union
}

/// An input of eight bits and one population behind it that copies it: windows of eight timesteps.
fn copy(buffers: &str) -> Network {
    let mut network = Network::new(
        tiny(&[("core.buffers", buffers)]),
        input([1, 1, 2], SpikeCode::Binary { bits: 8, signed: false }),
    );
    let stem = network.plain_stem(0, [0, 255]);
    let model = Model::Stem(stem);
    let copy = input([1, 1, 2], SpikeCode::Binary { bits: 8, signed: false });
    let name = "copy".to_owned();
    network.add(Population { name, send_start: 8, model, ..copy });
    let connector = Connector::OneToOne { index: None };
    network.connect(0, 1, connector, vec![1]);
    network
}

#[test]
fn windows_of_eight_take_a_sample_every_eight_timesteps_or_with_one_buffer_every_sixteen() {
    assert_eq!(shortest(&copy("2")), 8);
    assert_eq!(shortest(&copy("1")), 16);
}

#[test]
fn a_period_that_is_too_short_is_refused_with_the_one_that_is_not() {
    assert_eq!(
        image(&copy("1"), 15).unwrap_err(),
        "a sample enters every 15 timesteps, but 'copy' receives it for 8 and sends it for 8: \
         with room for 1 of them it takes one every 16"
    );
    assert_eq!(
        image(&copy("2"), 7).unwrap_err(),
        "a sample enters every 7 timesteps, but 'input' sends it for 8"
    );
    assert_eq!(image(&copy("2"), 0).unwrap_err(), "a sample enters every 0 timesteps, expected 1 to 16");
    assert_eq!(image(&copy("2"), 17).unwrap_err(), "a sample enters every 17 timesteps, expected 1 to 16");
}

/// Sample 1 is received while sample 0 is sent: the core updates once, in both phases.
#[test]
fn a_core_that_receives_one_sample_and_sends_another_updates_once() {
    let network = Network { period: Some(8), ..copy("2") };
    let schedule = Schedule::new(&network.image());
    let description = network.image().description().clone();
    let codes = vec![vec![255, 0], vec![255, 0]];
    let stem = description.chip.core.timing.soma_cycles.stem.clone();
    let traffic = schedule.traffic(
        &description,
        &[InFlight { codes: &codes, timestep: 9 }, InFlight { codes: &codes, timestep: 1 }],
    );
    assert_eq!(traffic.updates.len(), 1);
    assert_eq!(traffic.updates[0].soma_cycles, stem.accumulate + stem.generate);
    assert_eq!(schedule.soma_updates(&description, &[9, 1]), [0, 2]);
    assert_eq!(schedule.soma_updates(&description, &[0]), [0, 0]);
}

#[test]
fn where_idle_neurons_are_updated_every_timestep_updates_all_of_them() {
    let mut network = Network { period: Some(16), ..copy("2") };
    network.chip.core.timing.soma_cycles.idle = Some(9);
    let schedule = Schedule::new(&network.image());
    let description = network.image().description().clone();
    let codes = vec![vec![255, 0], vec![255, 0]];
    let cycles = |timestep| {
        let traffic = schedule.traffic(&description, &[InFlight { codes: &codes, timestep }]);
        traffic.updates.iter().map(|update| update.soma_cycles).collect::<Vec<_>>()
    };
    let stem = &description.chip.core.timing.soma_cycles.stem;
    assert_eq!([cycles(0), cycles(1)], [[9], [stem.accumulate]], "nothing has arrived in timestep 0");
    assert_eq!(schedule.soma_updates(&description, &[0]), [0, 2], "the input is no neuron of the chip");
    let run = run(&network, &[vec![255, 0]], Timing::Cycle);
    assert_eq!(run[0].counters.soma_updates, 2 * 16);
}

/// More samples than are held at once: those in flight are carried from one chunk to the next.
#[test]
fn a_long_run_is_the_same_in_one_batch_and_in_two() {
    let network = Network { period: Some(8), ..copy("2") };
    let samples: Vec<Vec<i64>> = (0..300).map(|number| vec![number % 256, number * 7 % 256]).collect();
    for timing in [Timing::Cycle, Timing::None] {
        let whole = run(&network, &samples, timing);
        assert_eq!(whole.len(), 300);
        assert_eq!(in_two_batches(&network, &samples, 100, timing), whole);
    }
}
