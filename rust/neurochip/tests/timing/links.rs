//! Links: two chips of 2 x 2 beside each other, `0 1 | 2 3` in the lower row, `4 5 | 6 7` in the upper.

use super::*;

/// The chip `tiny` with 2 x 2 cores, twice. A flit takes 20 cycles from chip to chip, and one can
/// follow every 3 cycles; the other fields of `tiny` are at the top of `main.rs`.
fn two_chips(fields: &[(&str, u32)]) -> ChipSpec {
    let mut spec = tiny(&[]);
    (spec.mesh.width, spec.mesh.height, spec.board.chips_x) = (2, 2, 2);
    (spec.board.link_cycles, spec.board.link_flit_cycles) = (Some(20), Some(3));
    spec.io.truncate(1);
    for (field, value) in fields {
        match *field {
            "link_cycles" => spec.board.link_cycles = Some(*value),
            "link_flit_cycles" => spec.board.link_flit_cycles = Some(*value),
            "packet_flits" => spec.noc.packet_flits = *value,
            "queue_flits" => spec.noc.queue_flits = *value,
            _ => panic!("no field {field} here"),
        }
    }
    spec
}

/// When packets from core to core are received, all created at 0, in their order.
fn course(spec: &ChipSpec, packets: &[(u32, u32)]) -> Vec<u64> {
    let packet = |&(source, destination)| RecordedPacket { created: 0, source, destination };
    let packets: Vec<_> = packets.iter().map(packet).collect();
    received(&replayed_to(Consume::OnArrival, &spec.noc, &spec.mesh, &spec.board, &packets).traces)
}

#[test]
fn a_flit_takes_the_cycles_of_the_link_from_chip_to_chip() {
    let course = |link_cycles, ends| course(&two_chips(&[("link_cycles", link_cycles)]), &[ends])[0];
    assert_eq!(course(20, (1, 2)), 1 + 20 + 1, "inject, link, eject");
    assert_eq!(course(21, (1, 2)), 1 + 21 + 1);
    assert_eq!(course(20, (0, 7)), 1 + 2 + 20 + 2 + 2 + 1, "a hop before it and two behind");
    assert_eq!(course(20, (2, 1)), 1 + 20 + 1, "and back");
    assert_eq!(course(20, (0, 1)), course(21, (0, 1)), "no packet of a chip knows of links");
}

#[test]
fn a_link_grants_once_in_its_cycles_a_flit() {
    let course = |flit_cycles| course(&two_chips(&[("link_flit_cycles", flit_cycles)]), &[(1, 2); 3]);
    assert_eq!(course(1), [22, 23, 24]);
    assert_eq!(course(3), [22, 25, 28]);
    assert_eq!(course(4), [22, 26, 30]);
}

#[test]
fn the_flits_of_a_packet_cross_one_by_one() {
    let spec = two_chips(&[("packet_flits", 3), ("link_flit_cycles", 5)]);
    assert_eq!(course(&spec, &[(1, 2)]), [22 + 2 * 5]);
}

#[test]
fn links_beside_each_other_do_not_share_their_cycles() {
    assert_eq!(course(&two_chips(&[]), &[(1, 2), (5, 6), (2, 1)]), [22, 22, 22]);
}

#[test]
fn a_credit_takes_as_long_over_a_link_as_a_flit() {
    // Two slots behind the link. Flits leave at 1 and 4, arrive at 21 and 24 and go on at once; their
    // credits are back at 41 and 44.
    let spec = two_chips(&[("queue_flits", 2)]);
    assert_eq!(course(&spec, &[(1, 2); 5]), [22, 25, 62, 65, 102]);
}

#[test]
fn who_waits_for_a_busy_link_is_blocked() {
    let mut traffic = Traffic::default();
    core(&mut traffic, 1, 1, &[(0, &[to_core(2, 0); 2])]);
    let (timing, trace) = simulated(&two_chips(&[]), &traffic);
    assert_eq!(sent(&trace), [3, 4]);
    assert_eq!(received(&trace), [3 + 22, 3 + 25]);
    assert_eq!(timing.counters.output_blocked_cycles, 2, "the second could go at 5 and goes at 7");
    assert_eq!(timing.counters.link_flits, 2);
    assert_eq!(timing.counters.flit_hops, 2, "a link is a hop too");
}

#[test]
fn a_board_is_quiet_when_the_last_credit_is_back_over_its_link() {
    let mut traffic = Traffic::default();
    core(&mut traffic, 1, 1, &[(0, &[to_core(2, 0)])]);
    let quiet = |link_cycles| simulated(&two_chips(&[("link_cycles", link_cycles)]), &traffic).0.quiet_cycle;
    assert_eq!(quiet(20), 4 + 20 + 20, "the flit leaves router 1 at 4 and router 2 when it is there");
    assert_eq!(quiet(21), 4 + 21 + 21);
}

#[test]
fn every_link_is_free_when_a_timestep_starts() {
    let mut traffic = Traffic::default();
    core(&mut traffic, 1, 1, &[(0, &[to_core(2, 0)])]);
    let mut machine = Machine::new(&two_chips(&[("link_cycles", 20), ("link_flit_cycles", 20)]));
    let first = machine.simulate(&traffic, None).unwrap();
    assert_eq!(machine.simulate(&traffic, None).unwrap(), first);
}

#[test]
fn the_outside_of_a_board_has_the_ports_of_its_outer_chips() {
    // The port of `tiny` at -x of node 0 is there on the left chip; on the right one it faces a link.
    let spec = two_chips(&[]);
    let mut traffic = Traffic::default();
    input(&mut traffic, 0, &[to_core(3, 0)]);
    let (timing, trace) = simulated(&spec, &traffic);
    assert_eq!(received(&trace), [2 + 2 + 20 + 2 + 1], "in, a hop, the link, a hop, eject");
    assert_eq!((timing.counters.io_flits, timing.counters.link_flits), (1, 1));
    let mut traffic = Traffic::default();
    input(&mut traffic, 1, &[to_core(3, 0)]);
    assert!(tried(&spec, &traffic).is_err(), "there is one port");
}
