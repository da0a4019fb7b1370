//! One spike, stage by stage; then what is refused.

use super::*;

/// One neuron on core 0 fires once, to 8 synapses on core 3, three hops away.
fn one_spike() -> Traffic {
    let mut traffic = Traffic::default();
    core(&mut traffic, 0, 1, &[(0, &[to_core(3, 8)])]);
    traffic
}

/// When the packet of [`one_spike`] is created, sent and received, and when the chip is quiet.
fn course(fields: &[(&str, u32)]) -> [u64; 4] {
    let (timing, trace) = simulated(&tiny(fields), &one_spike());
    [trace[0].created, trace[0].sent, trace[0].received, timing.quiet_cycle]
}

/// The same, of fields of `core.timing` and their TOML values.
fn course_with(fields: &[(&str, &str)]) -> [u64; 4] {
    let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == "tiny").unwrap();
    let set = |&(field, value): &(&str, &str)| (format!("core.timing.{field}"), value.to_owned());
    let spec = ChipSpec::from_toml_with(text, &fields.iter().map(set).collect::<Vec<_>>()).unwrap();
    let (timing, trace) = simulated(&spec, &one_spike());
    [trace[0].created, trace[0].sent, trace[0].received, timing.quiet_cycle]
}

#[test]
fn a_chip_without_work_is_quiet_at_once() {
    let (timing, trace) = simulated(&tiny(&[]), &Traffic::default());
    assert_eq!(timing, StepTiming { quiet_cycle: 0, counters: Counters::default() });
    assert!(trace.is_empty());
}

#[test]
fn one_spike_takes_the_sum_of_its_stages() {
    let created = 2; // issued at 0, visible 2 later
    let sent = 3; // taken at 2, looked up in 1
    let received = 3 + 1 + 3 * 2 + 1; // inject, three hops, eject
    let quiet = received + 2 + 8 / 4 - 1 + 1; // decode, add; the last of these cycles; drain
    assert_eq!(course(&[]), [created, sent, received, quiet]);
}

#[test]
fn one_spike_is_counted_by_every_stage_it_passes() {
    let (timing, _) = simulated(&tiny(&[]), &one_spike());
    let expected = Counters {
        spikes: 1,
        packets: 1,
        flits: 1,
        flit_hops: 3,
        sops: 8,
        soma_updates: 1,
        send_busy_cycles: 1 + 1,
        receive_busy_cycles: 2 + 2,
        soma_busy_cycles: 1,
        highest_queue_flits: 1,
        highest_receive_flits: 1,
        ..Counters::default()
    };
    assert_eq!(timing.counters, expected);
}

/// Each field by itself: the stages before it keep their cycles, those after it move by its own.
#[test]
fn every_stage_is_late_by_exactly_what_its_field_says() {
    assert_eq!(course(&[]), [2, 3, 11, 15]);
    assert_eq!(course(&[("core.timing.soma_latency", 3)]), [3, 4, 12, 16]);
    assert_eq!(course(&[("core.timing.axon_lookup_cycles", 2)]), [2, 4, 12, 16]);
    assert_eq!(course(&[("noc.inject_cycles", 2)]), [2, 3, 12, 16]);
    assert_eq!(course(&[("noc.hop_cycles", 3)]), [2, 3, 14, 18]);
    assert_eq!(course(&[("noc.eject_cycles", 2)]), [2, 3, 12, 16]);
    assert_eq!(course(&[("core.timing.decode_cycles", 3)]), [2, 3, 11, 16]);
    assert_eq!(course(&[("core.timing.accumulate_latency", 2)]), [2, 3, 11, 16]);
    assert_eq!(course(&[("core.timing.sops_per_cycle", 8)]), [2, 3, 11, 14]);
    assert_eq!(course(&[("core.timing.sops_per_cycle", 7)]), [2, 3, 11, 15], "a part of a cycle is a cycle");
    assert_eq!(course_with(&[("sops_per_cycle", "none"), ("sop_millicycles", "125")]), [2, 3, 11, 14]);
    assert_eq!(course_with(&[("sops_per_cycle", "none"), ("sop_millicycles", "126")]), [2, 3, 11, 15]);
    assert_eq!(course_with(&[("sops_per_cycle", "none"), ("sop_millicycles", "3500")]), [2, 3, 11, 13 + 28]);
    assert_eq!(course(&[("noc.packet_flits", 3)]), [2, 3, 13, 17], "the tail follows two cycles later");
}

#[test]
fn the_chip_is_quiet_when_the_last_credit_is_back() {
    // The receive queue's credit is usable 5 cycles after the packet was taken at 11, later than the sums.
    assert_eq!(course(&[("noc.credit_cycles", 4)])[3], 15, "not later than the sums");
    assert_eq!(course(&[("noc.credit_cycles", 5)])[3], 16);
}

#[test]
fn the_chip_is_quiet_when_the_last_group_is_visible_even_if_nothing_fires() {
    let mut traffic = Traffic::default();
    core(&mut traffic, 5, 9, &[]);
    let (timing, _) = simulated(&tiny(&[]), &traffic); // groups at 0, 1 and 2
    assert_eq!(timing.quiet_cycle, 2 + 2);
}

#[test]
fn impossible_traffic_is_refused_with_the_entry_at_fault() {
    let refused = |traffic: &Traffic, expected: &str| {
        assert_eq!(tried(&tiny(&[]), traffic).unwrap_err().to_string(), expected);
    };
    let mut traffic = Traffic::default();
    core(&mut traffic, 0, 1, &[(0, &[to_core(16, 8)])]);
    refused(&traffic, "packet 0 is at core 16, which chip 'tiny' does not have");
    traffic.packets[0] = to_port(2);
    refused(&traffic, "packet 0 is at io port 2, which chip 'tiny' does not have");
    traffic.packets.clear();
    refused(&traffic, "spike 0 has packets up to 1, but there are 0");
    traffic.packets.push(to_core(1, 0));
    traffic.spikes[0].neuron = 1;
    refused(&traffic, "neuron 1 of core 0 fires but does not update in this timestep");
    traffic.spikes[0].neuron = 0;
    traffic.updates[0].soma_cycles = 0;
    refused(&traffic, "neuron 0 of core 0 fires but does not update in this timestep");
    traffic.cores.push(traffic.cores[0].clone());
    traffic.updates[0].soma_cycles = 1;
    refused(&traffic, "core 1 is out of order");
}

#[test]
fn a_neuron_that_fires_twice_in_a_timestep_is_refused() {
    let mut traffic = Traffic::default();
    core(&mut traffic, 0, 2, &[(0, &[to_core(1, 8)]), (1, &[to_core(1, 8)])]);
    tried(&tiny(&[]), &traffic).unwrap();
    traffic.spikes[1].neuron = 0;
    assert_eq!(tried(&tiny(&[]), &traffic).unwrap_err().to_string(), "spike 1 is out of order");
}

#[test]
fn a_deadlock_names_who_waits_on_whom() {
    let mut spec = tiny(&[("noc.packet_flits", 2)]);
    spec.noc.receive_flits = 1; // no valid chip: a packet does not fit its destination
    let error = tried(&spec, &one_spike()).unwrap_err();
    let expected = "deadlock in cycle 12 of a timestep: input -x of router 3 waits on core 3; \
                    core 3 waits on router 3 for the rest of a packet";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_machine_forgets_a_timestep_even_after_a_deadlock() {
    let mut spec = tiny(&[("noc.packet_flits", 2)]);
    let mut machine = Machine::new(&spec);
    let first = machine.simulate(&one_spike(), None).unwrap();
    assert_eq!(machine.simulate(&one_spike(), None).unwrap(), first);
    spec.noc.receive_flits = 1;
    let mut machine = Machine::new(&spec);
    let stuck = machine.simulate(&one_spike(), None).unwrap_err();
    assert_eq!(machine.simulate(&one_spike(), None).unwrap_err(), stuck);
    assert_eq!(machine.simulate(&Traffic::default(), None).unwrap().quiet_cycle, 0);
}
