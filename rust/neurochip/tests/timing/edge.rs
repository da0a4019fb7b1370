//! The chip's edge: io port 0 is west of node 0, io port 1 east of node 15.

use super::*;

#[test]
fn a_packet_from_outside_enters_at_the_start() {
    let mut traffic = Traffic::default();
    input(&mut traffic, 0, &[to_core(0, 4), to_core(1, 4)]);
    let (timing, trace) = simulated(&tiny(&[]), &traffic);
    assert_eq!(sent(&trace), [0, 1]);
    assert_eq!(received(&trace), [2 + 1, 1 + 2 + 2 + 1], "over the edge like a hop, then eject");
    assert_eq!(timing.counters.input_packets, 2);
    assert_eq!(timing.counters.io_flits, 2);
    assert_eq!(timing.counters.flits, 0, "no core sent them");
    assert_eq!(timing.counters.flit_hops, 1);
}

#[test]
fn flits_enter_once_in_io_cycles() {
    let mut traffic = Traffic::default();
    input(&mut traffic, 0, &[to_core(0, 0); 3]);
    let (_, trace) = simulated(&tiny(&[("io.0.io_cycles", 3)]), &traffic);
    assert_eq!(sent(&trace), [0, 3, 6]);
    let (_, trace) = simulated(&tiny(&[("io.0.io_cycles", 3), ("noc.packet_flits", 2)]), &traffic);
    assert_eq!(sent(&trace), [0, 6, 12]);
}

#[test]
fn flits_wait_outside_for_a_credit() {
    // A queue of 1 flit: the next enters when the credit is back, 2 + 2 cycles later.
    let mut traffic = Traffic::default();
    input(&mut traffic, 0, &[to_core(0, 0); 3]);
    let (_, trace) = simulated(&tiny(&[("noc.queue_flits", 1)]), &traffic);
    assert_eq!(sent(&trace), [0, 4, 8]);
}

#[test]
fn a_packet_leaves_through_its_port_and_the_chip_is_quiet_once_it_is_outside() {
    let mut traffic = Traffic::default();
    core(&mut traffic, 14, 1, &[(0, &[to_port(1), to_port(0)])]);
    let (timing, trace) = simulated(&tiny(&[]), &traffic);
    assert_eq!(trace[0].destination, Destination::Port(1));
    assert_eq!(received(&trace), [3 + 1 + 2 + 2, 4 + 1 + 5 * 2 + 2], "hops, then out");
    assert_eq!(timing.quiet_cycle, 17, "with nothing else to wait for");
    assert_eq!(timing.counters.output_packets, 2);
    assert_eq!(timing.counters.io_flits, 2);
    assert_eq!(timing.counters.flit_hops, 1 + 5);
}

#[test]
fn an_edge_is_crossed_in_the_cycles_of_its_axis() {
    // Port 0 at the lower side of node 0, port 1 at the east of node 15; a hop takes 2 along x, 7 along y.
    let mut spec = tiny(&[("noc.hop_y_cycles", 7)]);
    spec.io[0].side = neurochip::chip::Port::MinusY;
    let mut traffic = Traffic::default();
    core(&mut traffic, 15, 1, &[(0, &[to_port(1)])]);
    input(&mut traffic, 0, &[to_core(0, 0)]);
    let (_, trace) = simulated(&spec, &traffic);
    assert_eq!(received(&trace), [3 + 1 + 2, 7 + 1], "out along x; in along y, then eject");
}

#[test]
fn the_outside_always_has_room() {
    let mut traffic = Traffic::default();
    core(&mut traffic, 15, 1, &[(0, &[to_port(1); 100])]);
    let (timing, trace) = simulated(&tiny(&[]), &traffic);
    assert_eq!(received(&trace), (6..106).collect::<Vec<_>>(), "one a cycle");
    assert_eq!(timing.counters.output_blocked_cycles, 0);
}
