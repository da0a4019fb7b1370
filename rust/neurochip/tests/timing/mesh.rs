//! Routers and links.

use super::*;
use neurochip::chip::{Board, Port};

/// The ways of recorded packets, in the order in which they are received.
fn by_arrival(spec: &Noc, mesh: &Mesh, packets: &[RecordedPacket]) -> Vec<PacketTrace> {
    let mut traces = replayed(spec, mesh, packets);
    traces.sort_by_key(|packet| (packet.received, packet.destination));
    traces
}

#[test]
fn an_empty_network_delivers_after_inject_hops_and_eject() {
    let spec = tiny(&[("noc.inject_cycles", 5), ("noc.hop_cycles", 3), ("noc.eject_cycles", 7)]);
    for source in 0..16 {
        for destination in 0..16 {
            let packet = RecordedPacket { created: 4, source, destination };
            let trace = by_arrival(&spec.noc, &spec.mesh, &[packet]);
            let hops = (source % 4).abs_diff(destination % 4) + (source / 4).abs_diff(destination / 4);
            assert_eq!(received(&trace), [4 + 5 + 3 * u64::from(hops) + 7], "{source} to {destination}");
        }
    }
}

#[test]
fn a_link_carries_a_queue_of_flits_each_round_trip() {
    // B flits every H + C cycles, and at most one a cycle.
    for (queue, hop, credit, period, flits) in
        [(4, 2, 2, 1, 1), (3, 2, 2, 4, 3), (2, 2, 2, 2, 1), (1, 2, 2, 4, 1), (1, 1, 1, 2, 1), (5, 4, 5, 9, 5)]
    {
        let mut spec = tiny(&[("noc.hop_cycles", hop), ("noc.credit_cycles", credit)]).noc;
        spec.queue_flits = queue;
        spec.receive_flits = 64;
        // Two sources feed the link from router 1 to router 2, so that it never starves.
        let packet = |source| RecordedPacket { created: 0, source, destination: 3 };
        let packets: Vec<_> = (0..200).flat_map(|_| [packet(0), packet(1)]).collect();
        let trace = received(&by_arrival(&spec, &tiny(&[]).mesh, &packets));
        let steady = &trace[100..300];
        let flits_in =
            |cycles: u64| steady.iter().filter(|&&cycle| cycle < steady[0] + cycles).count() as u64;
        assert_eq!(flits_in(20 * period), 20 * flits, "queue {queue}, hop {hop}, credit {credit}");
    }
}

#[test]
fn a_packet_goes_along_x_first() {
    // What core 0 sends to 5 meets what core 1 sends to 9 on the link from 1 to 5, not on its way over 4.
    let packet = |source, destination| RecordedPacket { created: 0, source, destination };
    let spec = tiny(&[]);
    let trace = by_arrival(&spec.noc, &spec.mesh, &[packet(0, 5), packet(1, 9), packet(1, 9), packet(1, 9)]);
    let (ours, theirs): (Vec<_>, Vec<_>) =
        trace.iter().partition(|packet| packet.source == Destination::Core(0));
    assert_eq!(received(&ours), [1 + 2 * 2 + 1]);
    assert_eq!(received(&theirs), [6, 7, 9], "the third waits for a cycle");
}

#[test]
fn a_hop_along_y_takes_its_own_cycles() {
    let packet = |source, destination| RecordedPacket { created: 0, source, destination };
    let received_at = |hop_y_cycles, source, destination| {
        let spec = tiny(&[("noc.hop_y_cycles", hop_y_cycles)]);
        received(&by_arrival(&spec.noc, &spec.mesh, &[packet(source, destination)]))[0]
    };
    for (hop_y_cycles, cycles) in [(1, 1), (2, 2), (5, 5)] {
        assert_eq!(received_at(hop_y_cycles, 0, 11), 1 + 3 * 2 + 2 * cycles + 1, "3 east, 2 north");
        assert_eq!(received_at(hop_y_cycles, 11, 0), 1 + 3 * 2 + 2 * cycles + 1, "and back");
        assert_eq!(received_at(hop_y_cycles, 0, 3), 1 + 3 * 2 + 1, "3 east");
    }
}

/// Packets from the given sources, all created at 0, to node 5: the order of the sources they are from.
fn order_of_arrival(order: [Port; 5], flits: u32, sources: &[u32]) -> Vec<u32> {
    let mut spec = tiny(&[]);
    spec.noc.arbitration_order = order;
    spec.noc.packet_flits = flits;
    spec.noc.queue_flits = 16;
    spec.noc.receive_flits = 16;
    let packets: Vec<_> =
        sources.iter().map(|&source| RecordedPacket { created: 0, source, destination: 5 }).collect();
    let trace = by_arrival(&spec.noc, &spec.mesh, &packets);
    let node = |packet: &PacketTrace| match packet.source {
        Destination::Core(node) => node,
        Destination::Port(_) => unreachable!("there are none"),
    };
    trace.iter().map(node).collect()
}

const X_FIRST: [Port; 5] = [Port::PlusX, Port::MinusX, Port::PlusY, Port::MinusY, Port::Local];
const LOCAL_FIRST: [Port; 5] = [Port::Local, Port::MinusY, Port::PlusY, Port::MinusX, Port::PlusX];

#[test]
fn inputs_take_turns_in_the_arbitration_order() {
    // Node 4 comes in at -x, 6 at +x, 1 at -y, 9 at +y, all in the same cycle.
    let twice = [4, 6, 1, 9, 4, 6, 1, 9];
    assert_eq!(order_of_arrival(X_FIRST, 1, &twice), [6, 4, 9, 1, 6, 4, 9, 1]);
    assert_eq!(order_of_arrival(LOCAL_FIRST, 1, &twice), [1, 9, 4, 6, 1, 9, 4, 6]);
}

#[test]
fn an_input_alone_gets_every_turn() {
    assert_eq!(order_of_arrival(X_FIRST, 1, &[4, 4, 4, 6]), [6, 4, 4, 4]);
}

#[test]
fn a_packet_of_several_flits_is_never_divided() {
    let spec = tiny(&[("noc.packet_flits", 4), ("noc.receive_flits", 16), ("noc.queue_flits", 16)]);
    let packet = |source| RecordedPacket { created: 0, source, destination: 5 };
    let trace = by_arrival(&spec.noc, &spec.mesh, &[packet(4), packet(6), packet(1)]);
    // Heads ask at 3; with one flit a cycle the first tail leaves at 6 and arrives at 7.
    assert_eq!(received(&trace), [7, 11, 15]);
    assert_eq!(order_of_arrival(X_FIRST, 4, &[4, 6, 1, 4]), [6, 4, 1, 4]);
}

#[test]
fn a_blocked_packet_holds_back_what_is_behind_it() {
    // Queues of one flit. Core 2 takes a packet every 52 cycles, at 7, 59 and 111; the fourth packet waits in
    // router 1 until the third is through router 2, and the one for core 5 waits behind it.
    let mut traffic = Traffic::default();
    let packets = [to_core(2, 200), to_core(2, 200), to_core(2, 200), to_core(2, 200), to_core(5, 0)];
    core(&mut traffic, 1, 1, &[(0, &packets)]);
    let (timing, trace) = simulated(&tiny(&[("noc.receive_flits", 1), ("noc.queue_flits", 1)]), &traffic);
    assert_eq!(received(&trace), [7, 11, 62, 69, 114]);
    assert_eq!(trace[3].destination, Destination::Core(5));
    let at_router_1 = 1 + 1 + 48; // of the second, third and fourth packet
    let at_router_2 = 47 + 48; // of the third and fourth
    assert_eq!(timing.counters.output_blocked_cycles, at_router_1 + at_router_2);
    assert_eq!(timing.counters.send_stalled_cycles, 2 + 3 + 3 + 50);
    assert_eq!(timing.counters.highest_queue_flits, 1);
}

#[test]
fn round_robins_begin_anew_in_every_timestep() {
    let spec = tiny(&[]);
    let mut traffic = Traffic::default();
    core(&mut traffic, 4, 1, &[(0, &[to_core(5, 1)])]);
    core(&mut traffic, 6, 1, &[(0, &[to_core(5, 1)])]);
    let mut machine = Machine::new(&spec);
    let mut sources = || {
        let mut trace = vec![];
        machine.simulate(&traffic, Some(&mut trace)).unwrap();
        trace.iter().map(|packet| packet.source).collect::<Vec<_>>()
    };
    let first = sources();
    assert_eq!(first, [Destination::Core(6), Destination::Core(4)]);
    assert_eq!(sources(), first, "the pointer would now favour core 4");
}

#[test]
fn the_flits_and_the_waiting_of_a_replay_are_told_by_router_and_output() {
    // Queues of one flit: a link carries one every 4 cycles. Router 1 sends its own at 1, so that the first of
    // router 0 waits there from 3 to 5; the second waits behind it in router 0 from 4 until the credit of 7.
    let mut spec = tiny(&[]).noc;
    spec.queue_flits = 1;
    let packet = |source| RecordedPacket { created: 0, source, destination: 2 };
    let replayed = replayed_to(
        Consume::OnArrival,
        &spec,
        &tiny(&[]).mesh,
        &Board::default(),
        &[packet(0), packet(0), packet(1)],
    );
    let counts = |node: usize, port: Port| replayed.outputs[node][port as usize];
    assert_eq!(counts(0, Port::PlusX), OutputCounts { flits: 2, blocked_cycles: 3 });
    assert_eq!(counts(1, Port::PlusX), OutputCounts { flits: 3, blocked_cycles: 2 });
    assert_eq!(counts(2, Port::Local), OutputCounts { flits: 3, blocked_cycles: 0 });
    let flits: u64 = replayed.outputs.iter().flatten().map(|output| output.flits).sum();
    assert_eq!(flits, 2 + 3 + 3);
}

#[test]
fn who_waits_for_a_packet_under_way_is_not_counted_as_blocked() {
    // Queues of one flit, packets of two. In router 1 the head of router 0's packet goes at 3, its tail at 7 with
    // the credit of 7. Until then that packet has the output and no flit there that asks: what router 1 wants to
    // send itself waits from 3 on, and is blocked at 8 to 10, when the output is free and has no credit. Its tail
    // comes at 14 and goes at 15; the tail of the first came to router 0 at 4 and went at 5.
    let mut spec = tiny(&[]).noc;
    (spec.queue_flits, spec.packet_flits) = (1, 2);
    let packet = |created, source| RecordedPacket { created, source, destination: 2 };
    let packets = [packet(0, 0), packet(2, 1)];
    let replayed = replayed_to(Consume::OnArrival, &spec, &tiny(&[]).mesh, &Board::default(), &packets);
    assert_eq!(received(&replayed.traces), [9 + 1, 17 + 1]);
    let counts = |node: usize| replayed.outputs[node][Port::PlusX as usize];
    assert_eq!(counts(0), OutputCounts { flits: 2, blocked_cycles: 1 });
    assert_eq!(counts(1), OutputCounts { flits: 4, blocked_cycles: 3 + 1 });
}

#[test]
fn a_core_takes_packets_while_nothing_else_happens() {
    // The core has room for one flit and takes 50 cycles a packet: the first at 4, the second at 54. Its credit
    // lets the third go at 56, long before the next packet is created.
    let mut spec = tiny(&[("noc.receive_flits", 1)]);
    spec.core.timing.decode_cycles = 50;
    let packet = |created| RecordedPacket { created, source: 0, destination: 1 };
    let packets = [0, 0, 0, 1000].map(packet);
    let consume = Consume::Decoded(&spec.core.timing);
    let replayed = replayed_to(consume, &spec.noc, &spec.mesh, &Board::default(), &packets);
    assert_eq!(received(&replayed.traces), [4, 7, 57, 1004]);
}

#[test]
fn a_cancelled_replay_says_how_many_packets_had_arrived() {
    let (spec, progress) = (tiny(&[]), Progress::default());
    let packets = [RecordedPacket { created: 0, source: 0, destination: 3 }];
    let replay =
        || engine::replay(&spec.noc, &spec.mesh, &spec.board, Consume::OnArrival, &packets, &progress);
    replay().unwrap();
    assert_eq!(progress.done(), 1);
    progress.cancel();
    assert_eq!(replay().unwrap_err().to_string(), "cancelled after 1 packets");
}
