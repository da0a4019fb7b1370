//! What results must not depend on: threads, boxes, instructions, the company of other samples; and cancelling.

use neurochip::image::description::SpikeCode;
use neurochip::instructions::Instructions;
use neurochip::simulator::{Error, Progress, SampleRun, Simulator, Timing};
use proptest::prelude::*;

use crate::differential::simulate;
use crate::network::{Network, input, tiny};
use crate::random::{Choices, choices, cut, network, sample};

fn run_on(threads: usize, simulator: &Simulator, codes: &[u8], timing: Timing) -> Vec<SampleRun> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| simulator.run(codes, timing, &Progress::default())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn results_do_not_depend_on_threads_or_on_other_samples(numbers in choices()) {
        let choices = &mut Choices::new(numbers);
        let network = network(choices);
        let samples: Vec<Vec<i64>> = (0..3).map(|_| sample(&network, choices)).collect();
        let codes: Vec<u8> = samples.concat().into_iter().map(|value| value as u8).collect();
        let simulator = network.simulator();
        let [one, three] = [1, 3].map(|threads| run_on(threads, &simulator, &codes, Timing::Cycle));
        prop_assert_eq!(&one, &three);
        for (run, sample) in one.iter().zip(&samples) {
            prop_assert_eq!(run, &simulate(&network, Timing::Cycle, sample));
        }
    }

    #[test]
    fn results_do_not_depend_on_the_instructions_that_run(numbers in choices()) {
        let choices = &mut Choices::new(numbers);
        let network = network(choices);
        let samples: Vec<Vec<i64>> = (0..11).map(|_| sample(&network, choices)).collect();
        let codes: Vec<u8> = samples.concat().into_iter().map(|value| value as u8).collect();
        let run = |instructions| {
            let simulator = Simulator::with_instructions(network.image(), instructions);
            run_on(1, &simulator, &codes, Timing::None)
        };
        let expected = run(Instructions::Baseline);
        for instructions in Instructions::ALL {
            prop_assert_eq!(run(instructions), expected.clone());
        }
    }

    #[test]
    fn values_do_not_depend_on_how_a_population_is_cut_into_boxes(numbers in choices()) {
        let choices = &mut Choices::new(numbers);
        let network = network(choices);
        let input = sample(&network, choices);
        let expected = simulate(&network, Timing::None, &input);
        let mut other = network.clone();
        cut(&mut other, choices);
        let run = simulate(&other, Timing::None, &input);
        prop_assert_eq!(run.record, expected.record);
        prop_assert_eq!(run.counters.soma_updates, expected.counters.soma_updates);
    }
}

fn two_samples_of_three() -> (Network, Vec<u8>) {
    (
        Network::new(tiny(&[]), input([1, 1, 3], SpikeCode::Binary { bits: 8, signed: false })),
        vec![0, 1, 3, 255, 83, 84],
    )
}

#[test]
fn a_network_of_its_input_alone_hands_its_codes_through() {
    let (network, codes) = two_samples_of_three();
    let runs = run_on(1, &network.simulator(), &codes, Timing::Cycle);
    assert_eq!(runs[1].record.outputs, [255, 83, 84]);
    assert_eq!(runs[1].counters.output_packets, 8 + 4 + 3);
}

#[test]
fn a_cancelled_run_says_how_far_it_came() {
    let (network, codes) = two_samples_of_three();
    let progress = Progress::default();
    progress.cancel();
    for timing in [Timing::None, Timing::Cycle] {
        let error = network.simulator().run(&codes, timing, &progress).unwrap_err();
        assert!(matches!(error, Error::Cancelled { done: 0 }));
        assert_eq!(error.to_string(), "cancelled after 0 samples");
    }
}

#[test]
fn a_finished_run_has_done_all_its_samples() {
    let (network, codes) = two_samples_of_three();
    let progress = Progress::default();
    network.simulator().run(&codes, Timing::None, &progress).unwrap();
    assert_eq!(progress.done(), 2);
}

#[test]
fn half_a_sample_is_refused() {
    let (network, codes) = two_samples_of_three();
    let error = network.simulator().run(&codes[..4], Timing::None, &Progress::default()).unwrap_err();
    assert_eq!(error.to_string(), "4 codes are no whole number of samples of 3");
}
