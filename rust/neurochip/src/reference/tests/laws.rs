//! What holds for any chip and any traffic. Conservation of flits and credits is asserted in every
//! cycle of every test by the machine itself.

use proptest::prelude::*;

use super::*;
use crate::chip::Port;

fn any_chip() -> impl Strategy<Value = ChipSpec> {
    let latencies = [1..5_u32, 1..5, 1..5, 1..5];
    let order = Just(Port::ALL.to_vec()).prop_shuffle();
    let queues = (1..4_u32, 1..6_u32, 0..4_u32);
    let core = [1..4_u32, 1..4, 1..4, 1..4, 1..9, 0..4];
    (latencies, order, queues, core, 1..4_u32).prop_map(|(latencies, order, queues, core, io_cycles)| {
        let mut spec = tiny(&[]);
        let (packet_flits, queue_flits, more) = queues;
        let [inject_cycles, hop_cycles, eject_cycles, credit_cycles] = latencies;
        spec.noc = crate::chip::Noc {
            packet_flits,
            queue_flits,
            receive_flits: packet_flits + more,
            inject_cycles,
            hop_cycles,
            eject_cycles,
            credit_cycles,
            arbitration_order: order.try_into().unwrap(),
        };
        let timing = &mut spec.core.timing;
        [timing.soma_lanes, timing.soma_latency, timing.axon_lookup_cycles, timing.decode_cycles, ..] = core;
        [.., timing.sops_per_cycle, timing.accumulate_latency] = core;
        spec.io[0].io_cycles = io_cycles;
        spec
    })
}

fn any_packet() -> impl Strategy<Value = Packet> {
    // Half of all packets go to one core, so that queues fill.
    prop_oneof![
        3 => (0..16_u32, 0..30_u32).prop_map(|(node, synapses)| to_node(node, synapses)),
        4 => (0..30_u32).prop_map(|synapses| to_node(6, synapses)),
        1 => (0..2_u32).prop_map(to_port),
    ]
}

fn any_traffic() -> impl Strategy<Value = Traffic> {
    let packets = || prop::collection::vec(any_packet(), 0..6);
    let fired = prop::collection::btree_map(0..40_u32, packets(), 0..12);
    let cores = prop::collection::btree_map(0..16_u32, (fired, 1..4_u32), 0..12);
    let inputs = prop::collection::vec(any_packet(), 0..12);
    (cores, inputs).prop_map(|(cores, inputs)| {
        let mut traffic = Traffic::default();
        for (node, (fired, soma_cycles)) in cores {
            let fired: Vec<_> = fired.iter().map(|(&neuron, packets)| (neuron, &packets[..])).collect();
            core_with_updates(&mut traffic, node, &[Update { neurons: 40, soma_cycles }], &fired);
        }
        input(&mut traffic, 0, &inputs);
        traffic
    })
}

/// Small numbers in an order that looks like none (an LCG).
struct Shuffler(u64);

impl Shuffler {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn shuffled<T>(&mut self, mut items: Vec<T>) -> Vec<T> {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
        items
    }
}

/// A part of the chip that acts once a cycle.
#[derive(Clone, Copy)]
enum Module {
    Router(u32),
    Send(u32),
    Receive(u32),
    Entrance(usize),
}

/// One cycle of everything, idle or not, in a new order each time; no cycle is skipped.
fn step_everything(machine: &mut Machine, now: u64, traffic: &Traffic, shuffler: &mut Shuffler) -> Activity {
    let nodes = 0..machine.noc.routers.len() as u32;
    let cores =
        nodes.clone().flat_map(|node| [Module::Router(node), Module::Send(node), Module::Receive(node)]);
    let modules = cores.chain((0..machine.entrances.len()).map(Module::Entrance)).collect();
    let mut activity = Activity::default();
    for module in shuffler.shuffled(modules) {
        match module {
            Module::Router(node) => {
                activity.blocked_outputs += machine.noc.step_router(now, node).blocked_outputs;
            }
            Module::Send(node) => machine.step_send(now, node, traffic, &mut activity),
            Module::Receive(node) => activity.moved |= machine.step_receive(now, node),
            Module::Entrance(position) => activity.moved |= machine.step_entrance(now, position, traffic),
        }
    }
    machine.retire();
    Activity { moved: true, ..activity }
}

proptest! {
    /// Idle cycles, idle routers and the order inside a cycle are how the machine is computed, not what it does.
    #[test]
    fn the_order_of_evaluation_and_skipped_cycles_cannot_be_observed(
        spec in any_chip(), traffic in any_traffic(), seed in any::<u64>()
    ) {
        let expected = simulated(&spec, &traffic);
        let mut shuffler = Shuffler(seed);
        let mut trace = vec![];
        let timing = Machine::new(&spec).simulate_by(&traffic, Some(&mut trace), |machine, now, traffic| {
            step_everything(machine, now, traffic, &mut shuffler)
        });
        prop_assert_eq!((timing.unwrap(), trace), expected);
    }

    #[test]
    fn every_packet_arrives_and_every_count_follows_from_the_traffic(spec in any_chip(), traffic in any_traffic()) {
        let (timing, trace) = simulated(&spec, &traffic);
        let Counters { packets, input_packets, output_packets, flits, flit_hops, sops, .. } = timing.counters;
        prop_assert_eq!(trace.len(), traffic.packets.len());
        prop_assert_eq!(packets + input_packets, traffic.packets.len() as u64);
        prop_assert_eq!(flits, packets * u64::from(spec.noc.packet_flits));
        prop_assert_eq!(sops, traffic.packets.iter().map(|packet| u64::from(packet.synapses)).sum::<u64>());
        let left = traffic.packets.iter().filter(|packet| matches!(packet.destination, Destination::Port(_)));
        prop_assert_eq!(output_packets, left.count() as u64);
        let hops: u64 = trace.iter().map(|packet| hops(&spec, packet)).sum();
        prop_assert_eq!(flit_hops, hops * u64::from(spec.noc.packet_flits));
    }

    #[test]
    fn packets_with_the_same_ends_arrive_in_the_order_in_which_they_were_sent(
        spec in any_chip(), traffic in any_traffic()
    ) {
        let (_, mut trace) = simulated(&spec, &traffic);
        trace.sort_by_key(|packet| (packet.source, packet.destination, packet.sent));
        for pair in trace.windows(2) {
            let same_ends = (pair[0].source, pair[0].destination) == (pair[1].source, pair[1].destination);
            prop_assert!(!same_ends || pair[0].received < pair[1].received, "{pair:?}");
        }
    }

    #[test]
    fn no_packet_is_faster_than_an_empty_network(spec in any_chip(), traffic in any_traffic()) {
        let (timing, trace) = simulated(&spec, &traffic);
        let noc = &spec.noc;
        for packet in trace {
            let first = if matches!(packet.source, Destination::Node(_)) { noc.inject_cycles } else { noc.hop_cycles };
            let last = if matches!(packet.destination, Destination::Node(_)) { noc.eject_cycles } else { noc.hop_cycles };
            let links = hops(&spec, &packet) * u64::from(noc.hop_cycles);
            let latency = u64::from(first + last + noc.packet_flits - 1) + links;
            prop_assert!(packet.received >= packet.sent + latency, "{packet:?}");
            prop_assert!(packet.received <= timing.quiet_cycle, "{packet:?}");
        }
    }

    #[test]
    fn timesteps_are_independent(spec in any_chip(), first in any_traffic(), second in any_traffic()) {
        let mut machine = Machine::new(&spec);
        machine.simulate(&first, None).unwrap();
        let mut trace = vec![];
        let timing = machine.simulate(&second, Some(&mut trace)).unwrap();
        prop_assert_eq!((timing, trace), simulated(&spec, &second));
    }
}

fn hops(spec: &ChipSpec, packet: &PacketTrace) -> u64 {
    let place = |end| match end {
        Destination::Node(node) => (node % spec.mesh.width, node / spec.mesh.width),
        Destination::Port(port) => (spec.io[port as usize].x, spec.io[port as usize].y),
    };
    let ((x, y), (to_x, to_y)) = (place(packet.source), place(packet.destination));
    u64::from(x.abs_diff(to_x) + y.abs_diff(to_y))
}
