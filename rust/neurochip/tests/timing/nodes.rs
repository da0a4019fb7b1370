//! Several cores at one router: they share its local queue and their receive queue.
//!
//! Cores 0 to 3 are at node 0, 4 to 7 at node 1 beside it; the rest is `tiny`, whose timing is at the
//! top of `main.rs`.

use super::*;

fn four_a_node(fields: &[(&str, u32)]) -> ChipSpec {
    tiny(&[&[("mesh.cores_per_node", 4)], fields].concat())
}

/// Neuron 0 of each of these cores fires, once to each of the packets.
fn fired(cores: &[(u32, &[Packet])]) -> Traffic {
    let mut traffic = Traffic::default();
    for &(number, packets) in cores {
        core(&mut traffic, number, 1, &[(0, packets)]);
    }
    traffic
}

#[test]
fn a_packet_within_a_node_passes_the_router_and_no_link() {
    let (timing, trace) = simulated(&four_a_node(&[]), &fired(&[(0, &[to_core(3, 8)])]));
    assert_eq!((trace[0].sent, trace[0].received), (3, 3 + 1 + 1), "inject, eject");
    assert_eq!(timing.counters.flit_hops, 0);
    assert_eq!(timing.counters.sops, 8);
    let (_, trace) = simulated(&four_a_node(&[]), &fired(&[(0, &[to_core(4, 8)])]));
    assert_eq!(trace[0].received, 3 + 1 + 2 + 1, "the next node");
}

#[test]
fn cores_of_a_node_send_in_turns_one_flit_a_cycle() {
    let packets = [to_core(4, 0); 2];
    let spec = four_a_node(&[("noc.queue_flits", 16), ("noc.receive_flits", 16)]);
    let (timing, trace) = simulated(&spec, &fired(&[(0, &packets), (2, &packets), (3, &packets)]));
    assert_eq!(sent(&trace), [3, 4, 5, 6, 7, 8]);
    let sources: Vec<_> = trace.iter().map(|packet| packet.source).collect();
    assert_eq!(sources, [0, 2, 3, 0, 2, 3].map(Destination::Core));
    assert_eq!(timing.counters.send_stalled_cycles, (1 + 2) + (2 + 2 + 2), "for the first, for the second");
    let (timing, _) = simulated(&spec, &fired(&[(0, &packets), (4, &packets)]));
    assert_eq!(timing.counters.send_stalled_cycles, 0, "cores of other nodes do not wait");
}

#[test]
fn the_flits_of_a_packet_enter_the_local_queue_together() {
    let spec = four_a_node(&[("noc.packet_flits", 3), ("noc.queue_flits", 16), ("noc.receive_flits", 16)]);
    let packets = [to_core(4, 0); 2];
    let (_, trace) = simulated(&spec, &fired(&[(0, &packets), (1, &packets)]));
    assert_eq!(sent(&trace), [3, 6, 9, 12]);
    assert_eq!(trace[1].source, Destination::Core(1));
}

#[test]
fn cores_of_a_node_share_the_credits_of_its_local_queue() {
    // 2 credits, each back 1 + 2 cycles after its flit was sent.
    let spec = four_a_node(&[("noc.queue_flits", 2), ("noc.receive_flits", 16)]);
    let (_, trace) = simulated(&spec, &fired(&[(0, &[to_core(1, 0); 2]), (1, &[to_core(0, 0); 2])]));
    assert_eq!(sent(&trace), [3, 4, 6, 7]);
}

#[test]
fn a_busy_core_does_not_hold_back_the_others_of_its_node_until_their_queue_is_full() {
    // Core 4 takes its first packet at 7 and its second 52 cycles later.
    let packets = [to_core(4, 200), to_core(4, 200), to_core(5, 4), to_core(4, 200)];
    let taken = |receive_flits| {
        let spec = four_a_node(&[("noc.receive_flits", receive_flits)]);
        let (timing, trace) = simulated(&spec, &fired(&[(0, &packets)]));
        (received(&trace), timing.counters.highest_receive_flits)
    };
    assert_eq!(taken(4), (vec![7, 8, 9, 10], 2), "core 5 takes its packet at once");
    assert_eq!(taken(1).0, [7, 10, 62, 65], "the second fills the only slot, and the third waits behind it");
}

#[test]
fn a_deadlock_names_the_core_that_waits_and_the_node() {
    let mut spec = four_a_node(&[("noc.packet_flits", 2)]);
    spec.noc.receive_flits = 1; // no valid chip: a packet does not fit its destination
    let error = tried(&spec, &fired(&[(1, &[to_core(6, 0)])])).unwrap_err();
    let expected = "deadlock in cycle 8 of a timestep: input -x of router 1 waits on node 1; \
                    node 1 waits on router 1 for the rest of a packet";
    assert_eq!(error.to_string(), expected);
}
