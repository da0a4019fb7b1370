//! Random chips, and random work for them.

use neurochip::chip::{IoPort, PlacedPort, Port};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// A chip of any shape, with any timing: queues too shallow for their latencies, packets longer than
/// queues, latencies of one cycle and of many, io ports and nodes without a core, by itself or on a board.
pub(super) fn any_chip() -> impl Strategy<Value = ChipSpec> {
    let cores = prop_oneof![2 => Just(None), 1 => (1..6_u32).prop_map(Some)];
    let mesh = (1..6_u32, 1..5_u32, cores, prop::collection::vec(any::<Index>(), 0..3));
    let ports = prop::collection::vec((any::<Index>(), 1..4_u32), 0..4);
    (mesh, any_board(), ports, any_noc(), any_core_timing()).prop_map(|(mesh, board, ports, noc, core)| {
        let mut spec = tiny(&[]);
        let (mut width, mut height, cores_per_node, reserved) = mesh;
        if board.num_chips() > 1 {
            // Every router is stepped in every cycle: small chips, so that boards are not large.
            (width, height) = (width.min(3), height.min(2));
        }
        let node = |index: Index| {
            let node = index.index((width * height) as usize) as u32;
            [node % width, node / width]
        };
        // Node 0 always has a core, so that there is one.
        let reserved = reserved.into_iter().map(node).filter(|node| *node != [0, 0]).collect();
        spec.mesh = Mesh { width, height, cores_per_node, reserved, max_hops_x: None, max_hops_y: None };
        spec.board = board;
        spec.noc = noc;
        let soma_cycles = spec.core.timing.soma_cycles.clone();
        spec.core.timing = neurochip::chip::CoreTiming { soma_cycles, ..core };
        spec.io = io_ports(width, height, &ports);
        spec
    })
}

/// One chip, or a few side by side whose links are as fast as others or far slower.
fn any_board() -> impl Strategy<Value = Board> {
    let chips = prop_oneof![1 => Just((1, 1)), 1 => (1..4_u32, 1..3_u32)];
    let latency = prop_oneof![1..8_u32, Just(40_u32)];
    (chips, latency, any::<Index>()).prop_map(|((chips_x, chips_y), link_cycles, flit)| Board {
        chips_x,
        chips_y,
        max_chip_hops: None,
        link_cycles: Some(link_cycles),
        link_flit_cycles: Some(1 + flit.index(link_cycles as usize) as u32),
    })
}

fn any_noc() -> impl Strategy<Value = Noc> {
    let latency = || prop_oneof![3 => 1..3_u32, 2 => 1..6_u32, 1 => Just(17_u32)];
    let latencies = [latency().boxed(), latency().boxed(), latency().boxed(), latency().boxed()];
    let along_y = prop::option::of(latency());
    let order = Just(Port::ALL.to_vec()).prop_shuffle();
    let queues = (1..5_u32, 1..6_u32, 0..4_u32);
    (latencies, along_y, order, queues).prop_map(|(latencies, hop_y_cycles, order, queues)| {
        let (packet_flits, queue_flits, more) = queues;
        let [inject_cycles, hop_cycles, eject_cycles, credit_cycles] = latencies;
        Noc {
            packet_flits,
            queue_flits,
            receive_flits: packet_flits + more,
            inject_cycles,
            hop_cycles,
            hop_y_cycles,
            eject_cycles,
            credit_cycles,
            arbitration_order: order.try_into().unwrap(),
        }
    })
}

fn any_core_timing() -> impl Strategy<Value = neurochip::chip::CoreTiming> {
    let adding = prop_oneof![
        (1..9_u32).prop_map(|rate| (Some(rate), None)),
        (1..9000_u32).prop_map(|millicycles| (None, Some(millicycles))),
    ];
    ([1..5_u32, 1..6, 1..6, 1..5, 0..9], adding).prop_map(|(fields, adding)| {
        let mut timing = tiny(&[]).core.timing;
        [timing.soma_lanes, timing.soma_latency, timing.axon_lookup_cycles, timing.decode_cycles, _] = fields;
        [.., timing.accumulate_latency] = fields;
        (timing.sops_per_cycle, timing.sop_millicycles) = adding;
        timing
    })
}

/// Every outward side of the mesh that is asked for, once.
fn io_ports(width: u32, height: u32, ports: &[(Index, u32)]) -> Vec<PlacedPort> {
    let rows = (0..height).flat_map(|y| [(0, y, Port::MinusX), (width - 1, y, Port::PlusX)]);
    let columns = (0..width).flat_map(|x| [(x, 0, Port::MinusY), (x, height - 1, Port::PlusY)]);
    let mut sides: Vec<_> = rows.chain(columns).collect();
    let taken = ports.iter().map(|(index, io_cycles)| {
        let (x, y, side) = sides.remove(index.index(sides.len()));
        IoPort { x, y, side, io_cycles: *io_cycles }.into()
    });
    taken.collect()
}

/// How the packets of a timestep choose where they go.
#[derive(Debug, Clone, Copy)]
enum Pattern {
    Uniform,
    Transpose,
    HotSpot,
    Neighbour,
}

/// Where packets can go: cores, then io ports.
fn places(spec: &ChipSpec) -> Vec<Destination> {
    let cores = (0..spec.num_cores()).filter(|&core| !spec.is_reserved(core)).map(Destination::Core);
    cores.chain((0..spec.num_ports()).map(Destination::Port)).collect()
}

fn destination(spec: &ChipSpec, pattern: Pattern, source: u32, random: Index) -> Destination {
    let (width, num_cores) = (spec.grid().width, spec.num_cores());
    let core = match pattern {
        Pattern::Uniform => return *random.get(&places(spec)),
        Pattern::Transpose => (source % width * width + source / width) % num_cores,
        Pattern::HotSpot => num_cores / 2,
        Pattern::Neighbour => (source + 1) % num_cores,
    };
    if spec.is_reserved(core) { Destination::Core(0) } else { Destination::Core(core) }
}

/// What one core fires: neurons, each with the random part of its packets.
type Fired = std::collections::BTreeMap<u32, Vec<(Index, u32)>>;

const NEURONS: u32 = 40;

/// Work for some cores of a chip and some of its io ports. Bursts are neurons with many packets, and
/// many neurons at once.
pub(super) fn any_traffic_for(spec: &ChipSpec) -> impl Strategy<Value = Traffic> + use<> {
    let packets = || {
        let lengths = prop_oneof![4 => 0..4_usize, 1 => 0..20_usize];
        lengths.prop_flat_map(|length| prop::collection::vec((any::<Index>(), 0..30_u32), length))
    };
    let fired = prop_oneof![
        3 => prop::collection::btree_map(0..NEURONS, packets(), 0..6),
        1 => prop::collection::btree_map(0..4_u32, packets(), 0..4),
    ];
    let every: Vec<_> = (0..spec.num_cores()).filter(|&core| !spec.is_reserved(core)).collect();
    let updates = select(vec![[NEURONS, 0], [3, NEURONS - 3], [NEURONS - 1, 1]]);
    let cores = prop::collection::btree_map(select(every), (fired, updates, 1..9_u32), 0..12);
    let pattern = select(vec![Pattern::Uniform, Pattern::Transpose, Pattern::HotSpot, Pattern::Neighbour]);
    let inputs = prop::collection::vec(
        prop::collection::vec((any::<Index>(), 0..30_u32), 0..12),
        spec.num_ports() as usize,
    );
    let spec = spec.clone();
    (cores, inputs, pattern)
        .prop_map(move |(cores, inputs, pattern)| traffic(&spec, &cores, &inputs, pattern))
}

fn traffic(
    spec: &ChipSpec,
    cores: &std::collections::BTreeMap<u32, (Fired, [u32; 2], u32)>,
    inputs: &[Vec<(Index, u32)>],
    pattern: Pattern,
) -> Traffic {
    let mut traffic = Traffic::default();
    for (&core, (fired, neurons, soma_cycles)) in cores {
        let packet = |&(random, synapses): &(Index, u32)| {
            let destination = destination(spec, pattern, core, random);
            let synapses = if matches!(destination, Destination::Core(_)) { synapses } else { 0 };
            Packet { destination, synapses }
        };
        let fired: Vec<_> = fired
            .iter()
            .map(|(&neuron, packets)| (neuron, packets.iter().map(packet).collect::<Vec<_>>()))
            .collect();
        let fired: Vec<_> = fired.iter().map(|(neuron, packets)| (*neuron, &packets[..])).collect();
        let updates = neurons.map(|neurons| Update { neurons, soma_cycles: *soma_cycles });
        core_with_updates(&mut traffic, core, &updates, &fired);
    }
    for (port, packets) in (0..).zip(inputs) {
        let packet = |&(random, synapses): &(Index, u32)| {
            let destination = *random.get(&places(spec));
            let synapses = if matches!(destination, Destination::Core(_)) { synapses } else { 0 };
            Packet { destination, synapses }
        };
        input(&mut traffic, port, &packets.iter().map(packet).collect::<Vec<_>>());
    }
    traffic
}

/// Packets for [`replayed_to`], in the order of their creation, between nodes of a board.
pub(super) fn any_recording_for(spec: &ChipSpec) -> impl Strategy<Value = Vec<RecordedPacket>> + use<> {
    let num_nodes = spec.num_nodes();
    let packet = (0..40_u64, 0..num_nodes, 0..num_nodes);
    prop::collection::vec(packet, 0..60).prop_map(|mut packets| {
        packets.sort_unstable();
        let packets = packets.into_iter().map(|(created, source, destination)| RecordedPacket {
            created: created * created / 8,
            source,
            destination,
        });
        packets.collect()
    })
}
