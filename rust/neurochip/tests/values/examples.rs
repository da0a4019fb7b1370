//! The worked examples of neurons.md, through one neuron.

use neurochip::chip::ChipSpec;
use neurochip::image::description::{Connector, Integration, Model, Population, Sparsity, SpikeCode, Stem};
use neurochip::simulator::{SampleRun, Timing};

use crate::differential::simulate;
use crate::network::{Network, SECOND_STATE_WORD, binary, input, tiny};

/// One neuron with a bias behind one input neuron, weight by weight, that sends 8 bits.
fn neuron(chip: ChipSpec, weight: i32, bias: i32, [low, high]: [i32; 2]) -> Network {
    let mut network = Network::new(chip, input([1, 1, 1], SpikeCode::Binary { bits: 8, signed: false }));
    let model = Model::Stem(network.plain_stem(bias, [low, high]));
    let name = "neuron".into();
    let signed = low < 0;
    let target =
        network.add(Population { name, shape: [1, 1, 1], send_start: 8, code: binary(8, signed), model });
    network.connect(0, target, Connector::OneToOne { index: None }, vec![weight]);
    network
}

/// One neuron behind inputs of some bits, whose membrane the host reads.
fn reader(chip: ChipSpec, code_bits: u32, weights: &[i32], bias: i32) -> Network {
    let mut network = Network::new(
        chip,
        input([1, 1, weights.len() as u32], SpikeCode::Binary { bits: code_bits, signed: false }),
    );
    let model = Model::Stem(Stem { requantizer: None, ..network.plain_stem(bias, [0, 0]) });
    let name = "reader".into();
    let shape = [1, 1, 1];
    let target = network.add(Population { name, shape, send_start: code_bits, code: None, model });
    network.connect(0, target, Connector::Dense, weights.to_vec());
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

/// What the neuron sends of a value, and in how many spikes.
fn sparse(sparsity: Sparsity, range: [i32; 2], value: i64) -> (i32, u64) {
    let mut network = neuron(tiny(&[]), if range[0] < 0 { -1 } else { 1 }, 0, range);
    let Model::Stem(stem) = &mut network.populations[1].model else { panic!("not a STEM population") };
    stem.sparsity = Some(sparsity);
    let record = run(&network, value).record;
    (record.outputs[0], record.counts[1].spikes)
}

#[test]
fn of_83_rot_2_sends_84_and_drlo_2_behind_it_80_in_two_spikes() {
    assert_eq!(sparse(Sparsity { rot: 0, drlo: 8 }, [0, 255], 83), (83, 4));
    assert_eq!(sparse(Sparsity { rot: 2, drlo: 8 }, [0, 252], 83), (84, 3));
    assert_eq!(sparse(Sparsity { rot: 2, drlo: 2 }, [0, 192], 83), (80, 2));
}

#[test]
fn rounding_saturates_at_the_top_level_that_is_a_multiple() {
    for value in [250, 252, 254, 255] {
        assert_eq!(sparse(Sparsity { rot: 2, drlo: 8 }, [0, 252], value), (252, 6));
    }
    assert_eq!(sparse(Sparsity { rot: 2, drlo: 8 }, [0, 252], 249), (248, 5));
}

#[test]
fn a_signed_train_counts_the_spike_of_its_sign() {
    assert_eq!(sparse(Sparsity { rot: 0, drlo: 3 }, [-128, 112], 1), (-32, 3), "11100000 of 11111111");
    assert_eq!(sparse(Sparsity { rot: 1, drlo: 8 }, [-128, 126], 1), (0, 0), "-1 is nearer to 0 than to -2");
}

#[test]
fn a_membrane_of_16_bits_wraps_at_32768_and_counts_it() {
    let read = |bias| {
        let chip = tiny(&[("core.membrane_bits", "16"), ("core.overflow", "wrap")]);
        let record = run(&reader(chip, 8, &[128], bias), 255).record;
        (record.outputs[0], record.counts[1].membrane_overflows)
    };
    assert_eq!(read(127), (32_767, 0));
    assert_eq!(read(128), (-32_768, 1));
}

#[test]
fn a_membrane_of_16_bits_saturates_in_each_timestep_that_would_leave_it() {
    let chip = tiny(&[("core.membrane_bits", "16"), ("core.overflow", "saturate")]);
    let record = run(&reader(chip, 8, &[200], 0), 255).record; // 25,600, then 38,400
    assert_eq!((record.outputs[0], record.counts[1].membrane_overflows), (32_767, 7));
}

/// The weight sum of one timestep in which all inputs spike, and its overflows.
fn weight_sum(bits: &str, overflow: &str, weights: &[i32]) -> (i32, u64) {
    let chip = tiny(&[("core.weight_sum_bits", bits), ("core.overflow", overflow)]);
    let network = reader(chip, 1, weights, 0);
    let record = simulate(&network, Timing::None, &vec![1; weights.len()]).record;
    (record.outputs[0], record.counts[1].sum_overflows)
}

#[test]
fn a_weight_sum_of_16_bits_wraps_at_32768_and_counts_it() {
    assert_eq!(weight_sum("16", "wrap", &[32_766, 1]), (32_767, 0));
    assert_eq!(weight_sum("16", "wrap", &[32_767, 1]), (-32_768, 1));
    assert_eq!(weight_sum("16", "wrap", &[-32_768, -1]), (32_767, 1));
    assert_eq!(weight_sum("16", "wrap", &[32_767, 1, -1]), (32_767, 0), "only the whole sum counts");
}

#[test]
fn a_weight_sum_of_16_bits_saturates_source_by_source() {
    assert_eq!(weight_sum("16", "saturate", &[32_767, 1, -1]), (32_766, 1));
    assert_eq!(weight_sum("16", "saturate", &[32_767, -1, 1]), (32_767, 0));
    assert_eq!(weight_sum("16", "saturate", &[-32_768, -1, -1, 5]), (-32_763, 2));
}

#[test]
fn a_weight_sum_of_32_bits_holds_what_16_bits_do_not() {
    assert_eq!(weight_sum("32", "wrap", &[32_767, 1]), (32_768, 0));
    assert_eq!(weight_sum("32", "saturate", &[-32_768, -32_768]), (-65_536, 0));
}

fn integrate(network: &mut Network, integration: Integration) {
    let Model::Stem(stem) = &mut network.populations[1].model else { panic!("not a STEM population") };
    stem.integration = integration;
}

#[test]
fn two_words_of_16_bits_hold_what_one_does_not() {
    let fields = [
        ("core.membrane_bits", "16"),
        ("core.overflow", "wrap"),
        ("core.second_state_word", SECOND_STATE_WORD),
    ];
    let mut network = reader(tiny(&fields), 8, &[30_000], 123);
    let record = run(&network, 255).record;
    assert_eq!(record.outputs[0], 7_650_123 % 65_536 - 65_536, "wraps in one word");
    assert!(record.counts[1].membrane_overflows > 0);
    integrate(&mut network, Integration::Double);
    let record = run(&network, 255).record;
    assert_eq!((record.outputs[0], record.counts[1].membrane_overflows), (7_650_123, 0));
}

/// What arrived first saturates first, in whatever order the image lists who sends it.
#[test]
fn sums_of_two_windows_saturate_in_the_order_of_time() {
    let chip = tiny(&[("core.membrane_bits", "16"), ("core.weight_bits", "[16]")]);
    let mut network = neuron(chip, 1, 0, [0, 255]);
    let model = Model::Stem(Stem { requantizer: None, ..network.plain_stem(0, [0, 0]) });
    let (name, shape) = ("reader".into(), [1, 1, 1]);
    let reader = network.add(Population { name, shape, send_start: 16, code: None, model });
    network.connect(1, reader, Connector::OneToOne { index: None }, vec![-100]);
    network.connect(0, reader, Connector::OneToOne { index: None }, vec![200]);
    let record = run(&network, 255).record;
    // 25,600, then at 32,767 seven times; from there 25,500 less.
    assert_eq!((record.outputs[0], record.counts[2].membrane_overflows), (32_767 - 25_500, 7));
}

#[test]
fn what_leaves_the_chip_are_the_spikes_of_the_output_wherever_it_stands() {
    let mut network = neuron(tiny(&[]), 1, 0, [0, 255]);
    let outputs = network.outputs.clone();
    let model = Model::Stem(network.plain_stem(0, [0, 255]));
    let (name, shape, code) = ("silent".into(), [1, 1, 1], binary(8, false));
    let silent = network.add(Population { name, shape, send_start: 16, code, model });
    network.connect(outputs[0], silent, Connector::OneToOne { index: None }, vec![0]);
    network.outputs = outputs;
    for timing in [Timing::None, Timing::Cycle] {
        let run = simulate(&network, timing, &[83]);
        assert_eq!((run.record.outputs[0], run.counters.output_packets), (83, 4));
    }
}

#[test]
fn each_channel_has_its_own_scale_where_there_is_one_a_channel() {
    let mut network = Network::new(tiny(&[]), input([1, 1, 1], SpikeCode::Binary { bits: 2, signed: false }));
    let model = Model::Stem(Stem { requantizer: None, ..network.plain_stem(0, [0, 0]) });
    let shape = [1, 1, 3];
    let target = network.add(Population { name: "reader".into(), shape, send_start: 2, code: None, model });
    network.connect(0, target, Connector::Dense, vec![8; 3]);
    let coefficients = network.add_i32(&[2, 1, 4, 2, 6, 1]);
    let shift = network.add_i32(&[0, 1, 2]);
    integrate(&mut network, Integration::Scaled { coefficients, shift });
    assert_eq!(run(&network, 0b10).record.outputs, [16, 16, 12]);
    assert_eq!(run(&network, 0b11).record.outputs, [24, 24, 14]);
}

#[test]
fn scaled_integration_rounds_halves_up_in_each_timestep() {
    let mut network = neuron(tiny(&[]), 1, 0, [0, 255]);
    let coefficients = network.add_i32(&[32, 16, 8, 4, 2, 1, 1, 1]);
    let shift = network.add_i32(&[1]);
    integrate(&mut network, Integration::Scaled { coefficients, shift });
    assert_eq!(run(&network, 0b1000_0000).record.outputs, [16]);
    assert_eq!(run(&network, 0b1000_0001).record.outputs, [17], "a half counts as one");
    assert_eq!(run(&network, 0b1000_0111).record.outputs, [19], "each of three halves");
}
