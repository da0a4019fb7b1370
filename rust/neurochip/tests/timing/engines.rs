//! The engines of a core: soma, send, receive.

use super::*;

const IDLE: u32 = 0;

#[test]
fn a_neuron_is_visible_with_its_group() {
    let mut traffic = Traffic::default();
    core(&mut traffic, 0, 12, &[(3, &[to_core(1, 0)]), (4, &[to_core(1, 0)]), (11, &[to_core(1, 0)])]);
    let visible = |fields: &[(&str, u32)]| {
        let (_, trace) = simulated(&tiny(fields), &traffic);
        trace.iter().map(|packet| packet.created).collect::<Vec<_>>()
    };
    assert_eq!(visible(&[]), [2, 3, 4], "groups of four, one a cycle");
    assert_eq!(visible(&[("core.timing.soma_lanes", 5)]), [2, 2, 4], "groups of five");
    assert_eq!(visible(&[("core.timing.soma_lanes", 1)]), [5, 6, 13], "one by one");
}

#[test]
fn populations_share_no_group_and_idle_ones_take_no_cycles() {
    let mut traffic = Traffic::default();
    let updates = [
        Update { neurons: 5, soma_cycles: 3 }, // groups at 0 and 3
        Update { neurons: 9, soma_cycles: IDLE },
        Update { neurons: 0, soma_cycles: 7 },
        Update { neurons: 2, soma_cycles: 10 }, // a group at 6
        Update { neurons: 1, soma_cycles: 1 },  // a group at 16
    ];
    let fired: [(u32, &[Packet]); 3] =
        [(4, &[to_core(1, 0)]), (14, &[to_core(1, 0)]), (16, &[to_core(1, 0)])];
    core_with_updates(&mut traffic, 0, &updates, &fired);
    let (timing, trace) = simulated(&tiny(&[]), &traffic);
    let created: Vec<_> = trace.iter().map(|packet| packet.created).collect();
    assert_eq!(created, [3 + 2, 6 + 2, 16 + 2]);
    assert_eq!(timing.counters.soma_updates, 5 + 2 + 1);
    assert_eq!(timing.counters.soma_busy_cycles, 2 * 3 + 10 + 1);
}

#[test]
fn a_fan_out_costs_its_flits_and_one_lookup() {
    for (packets, flits, lookup) in [(1, 1, 1), (3, 1, 1), (3, 1, 4), (3, 2, 4), (5, 3, 1)] {
        let mut traffic = Traffic::default();
        let fan_out = vec![to_core(1, 0); packets as usize];
        core(&mut traffic, 0, 2, &[(0, &fan_out), (1, &[to_core(1, 0)])]);
        let spec = tiny(&[
            ("noc.packet_flits", flits),
            ("core.timing.axon_lookup_cycles", lookup),
            ("core.timing.decode_cycles", 1),
            ("noc.queue_flits", 8),
            ("noc.receive_flits", 8),
        ]);
        let (timing, trace) = simulated(&spec, &traffic);
        let (first, last) = (trace[0].sent, trace[packets as usize].sent);
        assert_eq!(first, 2 + u64::from(lookup));
        assert_eq!(last - first, u64::from(packets * flits + lookup), "{packets} packets of {flits}");
        assert_eq!(timing.counters.send_busy_cycles, u64::from((packets + 1) * flits + 2 * lookup));
        assert_eq!(timing.counters.send_stalled_cycles, 0);
    }
}

#[test]
fn a_neuron_without_targets_costs_its_lookup() {
    let mut traffic = Traffic::default();
    core(&mut traffic, 0, 3, &[(0, &[]), (1, &[to_core(1, 0)]), (2, &[])]);
    let (timing, trace) = simulated(&tiny(&[("core.timing.axon_lookup_cycles", 10)]), &traffic);
    assert_eq!(sent(&trace), [2 + 10 + 10], "after the lookups of both");
    assert_eq!(timing.quiet_cycle, 23 + 10 - 1, "the last lookup, taken the cycle after that, ends last");
}

#[test]
fn send_waits_for_the_credits_of_its_router() {
    // Credits for 2 flits; each is back 1 + 2 cycles after its flit was sent.
    let mut traffic = Traffic::default();
    core(&mut traffic, 0, 1, &[(0, &[to_core(1, 0); 4])]);
    let (timing, trace) = simulated(&tiny(&[("noc.queue_flits", 2)]), &traffic);
    assert_eq!(sent(&trace), [3, 4, 6, 7]);
    assert_eq!(timing.counters.send_stalled_cycles, 1, "in cycle 5");
    let (_, trace) = simulated(&tiny(&[("noc.queue_flits", 2), ("noc.credit_cycles", 3)]), &traffic);
    assert_eq!(sent(&trace), [3, 4, 7, 8], "a slower credit");
    let (_, trace) = simulated(&tiny(&[("noc.queue_flits", 3)]), &traffic);
    assert_eq!(sent(&trace), [3, 4, 5, 6], "a deeper queue hides the way of the credit");
}

#[test]
fn receive_takes_the_next_packet_when_the_synapses_of_the_last_are_added() {
    // 40 synapses, 4 a cycle: busy for 2 + 10 cycles from each packet that is taken.
    let mut traffic = Traffic::default();
    core(&mut traffic, 0, 1, &[(0, &[to_core(0, 40); 2])]);
    let (timing, trace) = simulated(&tiny(&[]), &traffic);
    assert_eq!(received(&trace), [5, 6]);
    assert_eq!(timing.quiet_cycle, 5 + 12 + 12 - 1 + 1, "taken at 5 and 17");
    assert_eq!(timing.counters.receive_busy_cycles, 24);
    assert_eq!(timing.counters.sops, 80);
    assert_eq!(timing.counters.highest_receive_flits, 1);
}

#[test]
fn a_full_receive_queue_holds_the_router_back() {
    // The core is busy for 52 cycles from cycle 5 on, its queue holds one flit more.
    let mut traffic = Traffic::default();
    core(&mut traffic, 0, 1, &[(0, &[to_core(0, 200); 3])]);
    let (timing, trace) = simulated(&tiny(&[("noc.receive_flits", 1)]), &traffic);
    // The credit of the first is usable at 7, of the second (taken at 57) at 59; eject takes 1.
    assert_eq!(received(&trace), [5, 8, 60]);
    assert_eq!(timing.counters.output_blocked_cycles, 2 + 51, "cycles 5, 6 and 8 to 58");
    assert_eq!(timing.quiet_cycle, 5 + 3 * 52 - 1 + 1);
}
