//! Do the parts of a run add up to it? By node and by timestep, on any number of threads.

use std::sync::Mutex;

use neurochip::counters::Counters;
use neurochip::engine::{CoreCycles, Places};
use neurochip::simulator::{Progress, SampleRun, Simulator, Timing};
use proptest::prelude::*;

use crate::pipeline::{codes, drawn, overlapping};
use crate::random::{choices, network};

fn detailed(threads: usize, simulator: &Simulator, codes: &[u8]) -> (Vec<SampleRun>, Places) {
    let chip = &simulator.image().description().chip;
    let places = Mutex::new(Places::new(chip.num_nodes(), chip.num_cores()));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let run = || simulator.run(codes, Timing::Detailed(&places), &Progress::default());
    (pool.install(run).unwrap(), places.into_inner().unwrap())
}

fn sum<'a>(parts: impl IntoIterator<Item = &'a Counters>) -> Counters {
    let mut total = Counters::default();
    parts.into_iter().for_each(|part| total.add(part));
    total
}

/// Without what happens outside the cores, in values alone: the spikes of the input.
fn on_the_chip(run: &SampleRun) -> Counters {
    Counters { spikes: run.counters.spikes - run.record.counts[0].spikes, ..run.counters }
}

/// Without what only a chip as a whole has.
fn at_nodes(total: Counters) -> Counters {
    Counters { timestep_cycles: 0, barrier_cycles: 0, waiting_cycles: 0, overruns: 0, ..total }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nodes_and_timesteps_add_up_to_the_run_on_any_number_of_threads(numbers in choices()) {
        let (network, samples, mut choices) = drawn(numbers, network);
        let (simulator, codes) = (overlapping(&network, &mut choices).simulator(), codes(&samples));
        let (runs, places) = detailed(1, &simulator, &codes);
        prop_assert_eq!(&detailed(3, &simulator, &codes), &(runs.clone(), places.clone()));
        let total = sum(&runs.iter().map(on_the_chip).collect::<Vec<_>>());
        prop_assert_eq!(sum(runs.iter().flat_map(|run| &run.timesteps)), total);
        prop_assert_eq!(sum(&places.nodes), at_nodes(total));
        let busy = |of: fn(&CoreCycles) -> u64| places.cores.iter().map(of).sum::<u64>();
        prop_assert_eq!(busy(|core| core.soma), total.soma_busy_cycles);
        prop_assert_eq!(busy(|core| core.send), total.send_busy_cycles);
        prop_assert_eq!(busy(|core| core.receive), total.receive_busy_cycles);
        let plain = simulator.run(&codes, Timing::Cycle, &Progress::default()).unwrap();
        for (plain, run) in plain.into_iter().zip(runs) {
            prop_assert_eq!(plain, SampleRun { timesteps: vec![], ..run });
        }
    }

    #[test]
    fn timesteps_add_up_to_their_sample_where_none_is_in_flight_beside_it(numbers in choices()) {
        let (network, samples, _) = drawn(numbers, network);
        let (runs, _) = detailed(1, &network.simulator(), &codes(&samples));
        for run in &runs {
            prop_assert_eq!(sum(&run.timesteps), on_the_chip(run));
        }
    }
}
