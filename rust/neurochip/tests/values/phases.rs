//! How long the soma takes for a neuron in each timestep: the phases of every model, each with a number of its
//! own (machine.md, section 4).

use neurochip::image::description::{
    Connector, IntegrateFire, Integration, Model, Population, Quartz, Readout, SpikeCode, Window,
};
use neurochip::schedule::{InFlight, Schedule};
use neurochip::simulator::Timing;

use crate::differential::simulate;
use crate::network::{Network, SECOND_STATE_WORD, binary, input, tiny};

const BITS: SpikeCode = SpikeCode::Binary { bits: 2, signed: false };

/// One input neuron on a chip each of whose phases takes a prime of its own.
fn network(code: SpikeCode) -> Network {
    let fields = [("core.membrane_bits", "16"), ("core.second_state_word", SECOND_STATE_WORD)];
    let mut chip = tiny(&fields);
    let cycles = &mut chip.core.timing.soma_cycles;
    (cycles.stem.accumulate, cycles.stem.requantize, cycles.stem.generate) = (3, 5, 7);
    cycles.max_pool.compare = 11;
    (cycles.quartz.integrate, cycles.quartz.ramp) = (13, 17);
    (cycles.integrate_fire.integrate, cycles.integrate_fire.fire) = (19, 23);
    let double = &mut chip.core.second_state_word.as_mut().unwrap().soma_cycles;
    (double.accumulate, double.requantize, double.generate) = (29, 31, 37);
    Network::new(chip, input([1, 1, 1], code))
}

/// Adds a population of one neuron.
fn add(network: &mut Network, send_start: u32, code: Option<SpikeCode>, model: Model) -> u32 {
    network.add(Population { name: "neuron".into(), shape: [1, 1, 1], send_start, code, model })
}

/// Cycles of the neuron of a population in each timestep of a sample; 0 where it does not update.
fn cycles(network: &Network, population: u32) -> Vec<u32> {
    let description = network.image().description().clone();
    let schedule = Schedule::new(&network.image());
    let codes = simulate(network, Timing::None, &[1]).record.codes;
    let of_timestep = |timestep| {
        let traffic = schedule.traffic(&description, &[InFlight { codes: &codes, timestep }]);
        let core = traffic.cores.iter().find(|core| core.core == population);
        core.map_or(0, |core| traffic.updates_of(core).iter().map(|update| update.soma_cycles).sum())
    };
    (0..description.timesteps).map(of_timestep).collect()
}

#[test]
fn a_stem_neuron_accumulates_then_requantizes_and_generates_in_its_chip_s_or_second_word_s_cycles() {
    for (integration, expected) in
        [(Integration::Exact, [0, 3, 3 + 5 + 7, 7]), (Integration::Double, [0, 29, 29 + 31 + 37, 37])]
    {
        let mut network = network(BITS);
        let mut stem = network.plain_stem(0, [0, 3]);
        stem.integration = integration;
        let neuron = add(&mut network, 2, binary(2, false), Model::Stem(stem));
        network.connect(0, neuron, Connector::OneToOne { index: None }, vec![1]);
        assert_eq!(cycles(&network, neuron), expected);
    }
}

#[test]
fn a_maximum_compares_while_it_receives() {
    let mut network = network(BITS);
    let pool = add(&mut network, 1, Some(BITS), Model::MaxPool);
    let window = Window { kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };
    network.connect(0, pool, Connector::Pool { window }, vec![1]);
    assert_eq!(cycles(&network, pool), [0, 11, 11]);
}

#[test]
fn an_integrate_and_fire_neuron_integrates_what_arrives_and_fires_in_its_own_window() {
    let mut network = network(SpikeCode::Rate { steps: 2, levels: 2 });
    let [zero, one] = [0, 1].map(|value| network.add_i32(&[value]));
    let model = Model::IntegrateFire(IntegrateFire { start: zero, bias: zero, threshold: one });
    let code = SpikeCode::Rate { steps: 3, levels: 3 };
    let neuron = add(&mut network, 1, Some(code), model);
    network.connect(0, neuron, Connector::Dense, vec![1]);
    assert_eq!(cycles(&network, neuron), [0, 19 + 23, 19 + 23, 23]);
}

#[test]
fn a_quartz_neuron_integrates_one_window_and_climbs_in_the_next() {
    let first_spike = |levels, zeros| SpikeCode::FirstSpike { steps: levels + 1, levels, zeros };
    let mut network = network(first_spike(1, false));
    let [zero, one] = [0, 1].map(|value| network.add_i32(&[value]));
    let trigger = add(&mut network, 1, Some(first_spike(0, true)), Model::Constant { values: zero });
    let model = Quartz { bias: zero, slope: one, threshold: one, readout: Readout::Set };
    let neuron = add(&mut network, 2, Some(first_spike(1, false)), Model::Quartz(model));
    network.connect(trigger, neuron, Connector::Dense, vec![1]);
    network.connect(0, neuron, Connector::Dense, vec![1]);
    assert_eq!(cycles(&network, neuron), [0, 13, 13 + 17, 17]);
    assert_eq!(cycles(&network, trigger), [0, 17, 0, 0], "the one step of its window");
}
