//! The worked example of quartz.md: a neuron whose partial sum crosses the threshold before all has arrived.

use neurochip::image::Image;
use neurochip::image::description::{Connector, Model, Population, Quartz, Readout, SpikeCode, Window};
use neurochip::simulator::{SampleRun, Timing};

use crate::differential::simulate;
use crate::network::{Network, input, tiny};

const LEVELS: u32 = 255;
/// When the sources of the first neuron are done, and the first of its windows for what is in time.
const READOUT: u32 = LEVELS + 1;
const WEIGHTS: [i32; 2] = [100, -300];
const SLOPE: i32 = 81;
/// `v = 100 * 255 - 300 * 40 = 13,500`; with a slope of 81 that is level 167.
const SAMPLE: [i64; 2] = [255, 40];

fn first_spike(levels: u32) -> SpikeCode {
    SpikeCode::FirstSpike { steps: levels + 1, levels, zeros: true }
}

/// A population of one neuron that is triggered in some timesteps.
fn add_neuron(network: &mut Network, population: Population, triggers: &[u32]) -> u32 {
    let values = network.add_i32(&[0]);
    let sources: Vec<u32> = triggers
        .iter()
        .map(|arrives| {
            let (name, code, send_start) = ("trigger".into(), Some(first_spike(0)), arrives - 1);
            let model = Model::Constant { values };
            network.add(Population { name, shape: [1, 1, 1], send_start, code, model })
        })
        .collect();
    let neuron = network.add(population);
    for source in sources {
        network.connect(source, neuron, Connector::Dense, vec![1]);
    }
    neuron
}

/// One neuron behind the two inputs, whose window starts so many timesteps before its readout.
fn network(early: u32, slope: i32, readout: Readout) -> Network {
    let chip = tiny(&[("core.membrane_bits", "32"), ("core.weight_bits", "[16]")]);
    let mut network = Network::new(chip, input([1, 1, 2], first_spike(LEVELS)));
    let [bias, slope, threshold] =
        [0, slope, READOUT as i32 * SLOPE - SLOPE / 2].map(|value| network.add_i32(&[value]));
    let population = Population {
        name: "neuron".into(),
        shape: [1, 1, 1],
        send_start: READOUT - early,
        code: Some(first_spike(LEVELS + early)),
        model: Model::Quartz(Quartz { bias, slope, threshold, readout }),
    };
    let neuron = add_neuron(&mut network, population, &[READOUT, 2 * READOUT - 1]);
    network.connect(0, neuron, Connector::Dense, WEIGHTS.to_vec());
    network
}

fn run(network: &Network, sample: [i64; 2]) -> SampleRun {
    simulate(network, Timing::None, &sample)
}

fn early_spikes(run: &SampleRun) -> u64 {
    run.record.counts.iter().map(|counts| counts.early_spikes).sum()
}

#[test]
fn a_gated_neuron_waits_for_both_of_its_inputs_and_an_ungated_one_fires_before_the_second() {
    let gated = run(&network(0, SLOPE, Readout::Set), SAMPLE);
    assert_eq!((gated.record.outputs[0], early_spikes(&gated)), (167, 0));
    let ungated = run(&network(LEVELS, SLOPE, Readout::Set), SAMPLE);
    assert_eq!((ungated.record.outputs[0], early_spikes(&ungated)), (304, 1));
}

#[test]
fn an_early_spike_is_sent_early_and_counts_for_longer() {
    let mut network = network(LEVELS, SLOPE, Readout::Set);
    let [zero, three] = [0, 3].map(|value| network.add_i32(&[value]));
    let model = Model::Quartz(Quartz { bias: three, slope: zero, threshold: zero, readout: Readout::Set });
    let stop = network.timesteps;
    let reader = Population { name: "reader".into(), shape: [1, 1, 1], send_start: stop, code: None, model };
    let source = network.outputs[0];
    let reader = add_neuron(&mut network, reader, &[stop]);
    network.connect(source, reader, Connector::Dense, vec![7]);
    assert_eq!(run(&network, SAMPLE).record.outputs, [3 + 7 * 304]);
}

#[test]
fn a_maximum_passes_the_earliest_spike_on_however_early_it_is() {
    let mut network = network(LEVELS, SLOPE, Readout::Set);
    let source = network.outputs[0];
    let neuron = network.populations[source as usize].clone();
    let (name, model, send_start) = ("pool".into(), Model::MaxPool, neuron.send_start + 1);
    let pool = network.add(Population { name, model, send_start, ..neuron });
    let window = Window { kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };
    network.connect(source, pool, Connector::Pool { window }, vec![1]);
    assert_eq!(run(&network, SAMPLE).record.outputs, [304]);
}

#[test]
fn a_readout_that_adds_what_the_weights_lack_is_one_that_sets_where_every_input_spikes() {
    let lacking = SLOPE - WEIGHTS.iter().sum::<i32>();
    for sample in [SAMPLE, [255, 0], [0, 0], [0, 255], [12, 3]] {
        for early in [0, LEVELS] {
            let [set, adds] = [(SLOPE, Readout::Set), (lacking, Readout::Add)]
                .map(|(slope, readout)| run(&network(early, slope, readout), sample).record);
            assert_eq!((set.outputs, set.counts), (adds.outputs, adds.counts), "{sample:?}");
        }
    }
}

#[test]
fn a_ramp_that_leaves_its_register_in_its_first_step_is_counted() {
    // No spike is worth more than 45 of the membrane, triggers included: with 32,722 it fits 16 bits until the
    // readout, which adds a slope of 1,500.
    for (start, overflows) in [(32_722, 1), (32_722 - 1_500, 0)] {
        let chip = tiny(&[("core.membrane_bits", "16"), ("core.weight_bits", "[16]")]);
        let mut network = Network::new(chip, input([1, 1, 1], first_spike(15)));
        let [bias, slope, threshold] = [start, 1_500, 16 * 1_500].map(|value| network.add_i32(&[value]));
        let population = Population {
            name: "neuron".into(),
            shape: [1, 1, 1],
            send_start: 16,
            code: Some(first_spike(15)),
            model: Model::Quartz(Quartz { bias, slope, threshold, readout: Readout::Set }),
        };
        let neuron = add_neuron(&mut network, population, &[16, 31]);
        network.connect(0, neuron, Connector::Dense, vec![1]);
        let record = simulate(&network, Timing::None, &[15]).record;
        let counts = &record.counts[neuron as usize];
        assert_eq!((record.outputs[0], counts.membrane_overflows), (15, overflows));
    }
}

#[test]
fn a_threshold_leaves_room_for_the_last_step_of_the_ramp() {
    let with_threshold = |value| {
        let mut network = network(0, SLOPE, Readout::Set);
        let threshold = network.add_i32(&[value]);
        let neuron = network.outputs[0] as usize;
        let Model::Quartz(quartz) = &mut network.populations[neuron].model else { unreachable!("it is one") };
        quartz.threshold = threshold;
        network
    };
    with_threshold(i32::MAX - SLOPE).image();
    assert_eq!(
        refusal(&with_threshold(i32::MAX - SLOPE + 1)),
        "image description: population 'neuron' has threshold 2147483567, expected -2147483648 to 2147483566"
    );
}

fn refusal(network: &Network) -> String {
    let (description, blob) = network.describe();
    Image::new(&serde_json::to_string(&description).unwrap(), blob).unwrap_err().to_string()
}

#[test]
fn no_neuron_fires_before_a_spike_can_have_reached_it_or_only_before_its_readout() {
    assert_eq!(
        refusal(&network(LEVELS + 1, SLOPE, Readout::Set)),
        "image description: population 'neuron' is read out in timestep 256 and sends from 0 on, expected from 1 at the earliest \
         and 256 at the latest"
    );
    let mut network = network(LEVELS, SLOPE, Readout::Set);
    let neuron = network.outputs[0] as usize;
    network.populations[neuron].code = Some(first_spike(LEVELS - 1));
    assert_eq!(
        refusal(&network),
        "image description: population 'neuron' is read out in timestep 256, and sends until 256"
    );
}
