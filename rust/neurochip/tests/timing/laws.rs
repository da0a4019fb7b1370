//! What holds for any chip and any traffic. Conservation of flits and credits is asserted in every
//! cycle of every test by the reference itself.

use neurochip::chip::Port;
use proptest::prelude::*;

use super::random::{any_chip, any_traffic_for};
use super::*;

fn any_case() -> impl Strategy<Value = (ChipSpec, Traffic)> {
    any_chip().prop_flat_map(|spec| (Just(spec.clone()), any_traffic_for(&spec)))
}

/// Small numbers in an order that looks like none (an LCG).
struct Shuffler(u64);

impl Shuffler {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

proptest! {
    #[test]
    fn the_order_of_evaluation_inside_a_cycle_cannot_be_observed((spec, traffic) in any_case(), seed in any::<u64>()) {
        let mut shuffler = Shuffler(seed);
        let mut trace = vec![];
        let shuffled =
            reference::simulate(&spec, &traffic, Some(&mut trace), |modules| shuffler.shuffle(modules));
        let (timing, _) = shuffled.unwrap();
        prop_assert_eq!((timing, trace), naively(&spec, &traffic).unwrap());
    }

    #[test]
    fn every_packet_arrives_and_every_count_follows_from_the_traffic((spec, traffic) in any_case()) {
        let (timing, trace) = simulated(&spec, &traffic);
        let Counters { packets, input_packets, output_packets, flits, flit_hops, link_flits, sops, .. } = timing.counters;
        prop_assert_eq!(trace.len(), traffic.packets.len());
        prop_assert_eq!(packets + input_packets, traffic.packets.len() as u64);
        prop_assert_eq!(flits, packets * u64::from(spec.noc.packet_flits));
        prop_assert_eq!(sops, traffic.packets.iter().map(|packet| u64::from(packet.synapses)).sum::<u64>());
        let left = traffic.packets.iter().filter(|packet| matches!(packet.destination, Destination::Port(_)));
        prop_assert_eq!(output_packets, left.count() as u64);
        let hops: u64 = trace.iter().map(|packet| hops(&spec, packet)).sum();
        prop_assert_eq!(flit_hops, hops * u64::from(spec.noc.packet_flits));
        let chip_hops: u64 = trace.iter().map(|packet| chip_hops(&spec, packet)).sum();
        prop_assert_eq!(link_flits, chip_hops * u64::from(spec.noc.packet_flits));
    }

    #[test]
    fn packets_with_the_same_ends_arrive_in_the_order_in_which_they_were_sent((spec, traffic) in any_case()) {
        let (_, mut trace) = simulated(&spec, &traffic);
        trace.sort_by_key(|packet| (packet.source, packet.destination, packet.sent));
        for pair in trace.windows(2) {
            let same_ends = (pair[0].source, pair[0].destination) == (pair[1].source, pair[1].destination);
            prop_assert!(!same_ends || pair[0].received < pair[1].received, "{pair:?}");
        }
    }

    #[test]
    fn no_packet_is_faster_than_an_empty_network((spec, traffic) in any_case()) {
        let (timing, trace) = simulated(&spec, &traffic);
        let noc = &spec.noc;
        for packet in trace {
            let first = edge_cycles(&spec, packet.source, noc.inject_cycles);
            let last = edge_cycles(&spec, packet.destination, noc.eject_cycles);
            let [links, hops] = [chip_distances(&spec, &packet), distances(&spec, &packet, [1, 1])];
            let on_chip = [hops[0] - links[0], hops[1] - links[1]];
            let hops = on_chip[0] * u64::from(noc.hop_cycles_to(Port::PlusX)) + on_chip[1] * u64::from(noc.hop_cycles_to(Port::PlusY));
            let links: u64 = links.iter().sum();
            let way = hops + links * u64::from(spec.board.link_cycles.unwrap());
            let between_flits = if links > 0 { spec.board.link_flit_cycles.unwrap() } else { 1 };
            let latency = u64::from(first + last + (noc.packet_flits - 1) * between_flits) + way;
            prop_assert!(packet.received >= packet.sent + latency, "{packet:?}");
            prop_assert!(packet.received <= timing.quiet_cycle, "{packet:?}");
        }
    }

    #[test]
    fn places_add_up_to_what_happened_in_all((spec, traffic) in any_case()) {
        let mut machine = Machine::new(&spec).counting_places();
        let (timing, first) = by_place(&mut machine, &traffic).unwrap();
        let mut total = Counters::default();
        first.nodes.iter().for_each(|node| total.add(node));
        prop_assert_eq!(total, timing.counters);
        let (_, second) = by_place(&mut machine, &traffic).unwrap();
        prop_assert_eq!(&second, &first, "handed over once");
        let mut both = first.clone();
        both.add(&second);
        by_engine(&mut machine, &traffic).unwrap();
        by_engine(&mut machine, &traffic).unwrap();
        prop_assert_eq!(machine.take_places(), both, "two timesteps in one");
    }

    #[test]
    fn timesteps_are_independent(
        (spec, first, second) in any_chip().prop_flat_map(|spec| {
            let (first, second) = (any_traffic_for(&spec), any_traffic_for(&spec));
            (Just(spec), first, second)
        })
    ) {
        let mut machine = Machine::new(&spec);
        let _ = by_engine(&mut machine, &first);
        prop_assert_eq!(by_engine(&mut machine, &second), naively(&spec, &second));
    }
}

fn hops(spec: &ChipSpec, packet: &PacketTrace) -> u64 {
    distances(spec, packet, [1, 1]).iter().sum()
}

fn chip_hops(spec: &ChipSpec, packet: &PacketTrace) -> u64 {
    chip_distances(spec, packet).iter().sum()
}

fn chip_distances(spec: &ChipSpec, packet: &PacketTrace) -> [u64; 2] {
    distances(spec, packet, [spec.mesh.width, spec.mesh.height])
}

/// Cycles between an end of a packet's way and the router there, given those of a core.
fn edge_cycles(spec: &ChipSpec, end: Destination, of_a_core: u32) -> u32 {
    match end {
        Destination::Core(_) => of_a_core,
        Destination::Port(port) => spec.noc.hop_cycles_to(spec.ports()[port as usize].side),
    }
}

/// How many squares of a size, counted from the origin, a packet goes on to along x and along y.
fn distances(spec: &ChipSpec, packet: &PacketTrace, [width, height]: [u32; 2]) -> [u64; 2] {
    let (columns, ports) = (spec.mesh.width * spec.board.chips_x, spec.ports());
    let square = |end| {
        let (x, y) = match end {
            Destination::Core(core) => {
                let node = core / spec.mesh.cores_per_node.unwrap_or(1);
                (node % columns, node / columns)
            }
            Destination::Port(port) => (ports[port as usize].x, ports[port as usize].y),
        };
        (x / width, y / height)
    };
    let ((x, y), (to_x, to_y)) = (square(packet.source), square(packet.destination));
    [x.abs_diff(to_x), y.abs_diff(to_y)].map(u64::from)
}
