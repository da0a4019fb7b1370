//! Would the differential tests notice? Each parameter of the reference, off by one.

use neurochip::chip::Port;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::random::{any_chip, any_traffic_for};
use super::*;

/// Makes another chip of one.
type Change = fn(&mut ChipSpec);

/// Random cases, the same in every run.
fn cases() -> Vec<(ChipSpec, Traffic)> {
    let mut runner = TestRunner::deterministic();
    let strategy = any_chip().prop_flat_map(|spec| {
        let traffic = any_traffic_for(&spec);
        (Just(spec), traffic)
    });
    (0..200).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// The cases in which the engine differs from a reference whose chip is changed.
fn noticed(cases: &[(ChipSpec, Traffic)], change: impl Fn(&mut ChipSpec)) -> usize {
    let differs = |(spec, traffic): &&(ChipSpec, Traffic)| {
        let mut changed = spec.clone();
        change(&mut changed);
        by_engine(&mut Machine::new(spec), traffic) != naively(&changed, traffic)
    };
    cases.iter().filter(differs).count()
}

#[test]
fn an_off_by_one_in_any_parameter_is_noticed() {
    let cases = cases();
    assert_eq!(noticed(&cases, |_| ()), 0, "nothing is changed");
    let parameters: [(&str, Change); 21] = [
        ("noc.packet_flits", |spec| spec.noc.packet_flits += 1),
        ("noc.queue_flits", |spec| spec.noc.queue_flits += 1),
        ("noc.receive_flits", |spec| spec.noc.receive_flits += 1),
        ("noc.inject_cycles", |spec| spec.noc.inject_cycles += 1),
        ("noc.hop_cycles", |spec| spec.noc.hop_cycles += 1),
        ("noc.hop_y_cycles", |spec| {
            spec.noc.hop_y_cycles = Some(spec.noc.hop_cycles_to(Port::PlusY) + 1);
        }),
        ("noc.eject_cycles", |spec| spec.noc.eject_cycles += 1),
        ("noc.credit_cycles", |spec| spec.noc.credit_cycles += 1),
        ("noc.arbitration_order", |spec| spec.noc.arbitration_order.rotate_left(1)),
        ("mesh.cores_per_node", |spec| {
            // As many cores, each with a router.
            if spec.io.is_empty() && spec.mesh.reserved.is_empty() {
                spec.mesh.width *= spec.mesh.cores_per_node.take().unwrap_or(1);
            }
        }),
        ("core.timing.soma_lanes", |spec| spec.core.timing.soma_lanes += 1),
        ("core.timing.soma_latency", |spec| spec.core.timing.soma_latency += 1),
        ("core.timing.axon_lookup_cycles", |spec| spec.core.timing.axon_lookup_cycles += 1),
        ("core.timing.decode_cycles", |spec| spec.core.timing.decode_cycles += 1),
        ("core.timing.sops_per_cycle", |spec| {
            spec.core.timing.sops_per_cycle.iter_mut().for_each(|rate| *rate += 1);
        }),
        ("core.timing.sop_millicycles", |spec| {
            spec.core.timing.sop_millicycles.iter_mut().for_each(|millicycles| *millicycles += 1);
        }),
        ("core.timing.accumulate_latency", |spec| spec.core.timing.accumulate_latency += 1),
        ("board.chips_x and board.chips_y", |spec| {
            // The same routers as one chip.
            (spec.mesh.width, spec.mesh.height, spec.io) =
                (spec.grid().width, spec.grid().height, spec.ports().into_iter().map(Into::into).collect());
            (spec.board.chips_x, spec.board.chips_y) = (1, 1);
        }),
        ("board.link_cycles", |spec| *spec.board.link_cycles.as_mut().unwrap() += 1),
        ("board.link_flit_cycles", |spec| *spec.board.link_flit_cycles.as_mut().unwrap() += 1),
        ("io.io_cycles", |spec| spec.io.iter_mut().for_each(|port| port.io_cycles += 1)),
    ];
    for (name, change) in parameters {
        assert!(noticed(&cases, change) > 0, "{name}");
    }
}

#[test]
fn a_soma_that_is_a_cycle_slower_is_noticed() {
    let slower = |mut traffic: Traffic| {
        traffic.updates.iter_mut().for_each(|update| update.soma_cycles += 1);
        traffic
    };
    let differs = |(spec, traffic): &(ChipSpec, Traffic)| {
        by_engine(&mut Machine::new(spec), traffic) != naively(spec, &slower(traffic.clone()))
    };
    assert!(cases().iter().any(differs));
}
