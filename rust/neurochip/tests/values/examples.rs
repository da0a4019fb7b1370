//! The worked examples of neurons.md, through one neuron.

use neurochip::chip::ChipSpec;
use neurochip::image::description::{Connector, Integration, Model, Population};
use neurochip::simulator::{SampleRun, Timing};

use crate::differential::simulate;
use crate::network::{Network, input, tiny};

/// One neuron with a bias behind one input neuron, weight by weight, that sends 8 bits.
fn neuron(chip: ChipSpec, weight: i32, bias: i32, [low, high]: [i32; 2]) -> Network {
    let mut network = Network::new(chip, input([1, 1, 1], 8, false));
    let model = Model::Stem(network.plain_stem(bias, [low, high]));
    let name = "neuron".into();
    let signed = low < 0;
    let target = network.add(Population { name, shape: [1, 1, 1], send_start: 8, bits: 8, signed, model });
    network.connect(0, target, Connector::OneToOne { index: None }, vec![weight]);
    network
}

fn run(network: &Network, value: i64) -> SampleRun {
    simulate(network, Timing::None, &[value])
}

/// The spikes of the neuron, the first highest.
fn sent(weight: i32, bias: i32, range: [i32; 2], value: i64) -> u8 {
    run(&neuron(tiny(&[]), weight, bias, range), value).record.codes[1][0]
}

#[test]
fn the_value_83_is_sent_as_01010011_in_four_spikes() {
    let run = run(&neuron(tiny(&[]), 1, 0, [0, 255]), 83);
    assert_eq!(run.record.codes[1], [0b0101_0011]);
    assert_eq!(run.record.counts[1].spikes, 4);
    assert_eq!(run.record.outputs, [83]);
}

#[test]
fn the_value_3_is_sent_as_00000011() {
    assert_eq!(sent(1, 0, [0, 255], 3), 0b0000_0011);
}

#[test]
fn a_negative_membrane_never_fires() {
    assert_eq!(sent(-1, 0, [0, 255], 255), 0);
    assert_eq!(sent(1, -84, [0, 255], 83), 0);
    assert_eq!(sent(1, -82, [0, 255], 83), 1, "the first above");
}

#[test]
fn a_membrane_above_the_top_level_fires_in_every_timestep() {
    assert_eq!(sent(3, 0, [0, 255], 86), 0b1111_1111);
    assert_eq!(sent(3, 0, [0, 255], 85), 0b1111_1111, "the top level itself");
    assert_eq!(sent(3, -1, [0, 255], 85), 0b1111_1110, "one below");
}

#[test]
fn a_signed_neuron_sends_the_two_s_complement_of_its_clamped_membrane() {
    assert_eq!(sent(-1, 0, [-128, 127], 3), 0b1111_1101);
    assert_eq!(sent(-1, 0, [-128, 127], 200), 0b1000_0000);
    assert_eq!(sent(1, 0, [-128, 127], 200), 0b0111_1111);
}

#[test]
fn a_membrane_of_16_bits_wraps_at_32768_and_counts_it() {
    let chip = tiny(&[("core.membrane_bits", "16"), ("core.overflow", "wrap")]);
    let mut network = neuron(chip, 128, 126, [0, 255]);
    network.populations[1].bits = 0;
    let Model::Stem(stem) = &mut network.populations[1].model else { panic!("not a STEM population") };
    stem.requantizer = None;
    let fits = run(&network, 255);
    assert_eq!((fits.record.outputs[0], fits.record.counts[1].membrane_overflows), (32_766, 0));
    let Model::Stem(stem) = &mut network.populations[1].model else { panic!("not a STEM population") };
    stem.bias = network
        .blob
        .len()
        .try_into()
        .map(|offset| neurochip::image::description::Blob { offset, count: 1 })
        .unwrap();
    network.blob.extend(128i32.to_le_bytes());
    let wraps = run(&network, 255);
    assert_eq!((wraps.record.outputs[0], wraps.record.counts[1].membrane_overflows), (-32_768, 1));
}

#[test]
fn scaled_integration_rounds_halves_up_in_each_timestep() {
    let mut network = neuron(tiny(&[]), 1, 0, [0, 255]);
    let Model::Stem(stem) = &mut network.populations[1].model else { panic!("not a STEM population") };
    stem.integration = Integration::Scaled { coefficients: vec![32, 16, 8, 4, 2, 1, 1, 1], shift: 1 };
    assert_eq!(run(&network, 0b1000_0000).record.outputs, [16]);
    assert_eq!(run(&network, 0b1000_0001).record.outputs, [17], "a half counts as one");
    assert_eq!(run(&network, 0b1000_0111).record.outputs, [19], "each of three halves");
}
