//! How fast is the time machine? Prints each figure beside its goal: `cargo bench --bench engine`.
//!
//! Figures are flit-hops per second of the time this thread ran, on one thread. Traffic is uniform:
//! every node sends to any node, at a constant rate, through queues of 4 flits (replay) and through
//! the cores of the chip `ideal` (timesteps).

#![allow(clippy::print_stdout, clippy::float_arithmetic, clippy::cast_precision_loss, missing_docs)]

use std::time::Instant;

use neurochip::chip::{BUILT_IN, Board, ChipSpec, Mesh, Noc, Port};
use neurochip::engine::{Consume, Machine, RecordedPacket, replay};
use neurochip::traffic::{CoreWork, Destination, Packet, Spike, Traffic, Update};

/// Flit-hops per second.
const GOAL: f64 = 30e6;

/// Flit-hops per node and cycle, where sizes are compared.
const LOAD: f64 = 0.5;

fn main() {
    println!("{:58} {:>10} {:>10} {:>6}", "flit-hops/s, one thread", "figure", "goal", "ratio");
    report("replay, uniform 0.05 on 24 x 24, 1,000,000 packets", GOAL, replayed(24, 0.05, 1_000_000, 1));
    report("replay, uniform 0.025 on 24 x 24, packets of 2 flits", GOAL, replayed(24, 0.025, 500_000, 2));
    let sizes = [8, 24, 48, 96].map(|side| (side, replayed(side, LOAD / mean_hops(side), 400_000, 1)));
    for (side, rate) in sizes {
        report(&format!("replay, uniform on {side} x {side}, {LOAD} flit-hops/node/cycle"), GOAL, rate);
    }
    let slowest = sizes.iter().map(|(_, rate)| *rate).fold(f64::INFINITY, f64::min);
    let fastest = sizes.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    println!("{:58} {:>10.2} {:>10.2}", "fastest over slowest size (goal: at most)", fastest / slowest, 2.0);
    for (side, neurons, count) in [(8, 500, 20), (24, 100, 4), (96, 4, 4)] {
        let rate = timesteps(side, neurons, count);
        report(&format!("timesteps through the cores, uniform on {side} x {side}"), GOAL, rate);
    }
    let (sparse, nodes) = (sparse_timestep_ns(96), 96 * 96);
    println!("{:58} {sparse:>10.0} ns", format!("timestep of one spike among {nodes} cores"));
}

fn report(what: &str, goal: f64, figure: f64) {
    println!("{what:58} {:>8.1} M {:>8.1} M {:>6.2}", figure / 1e6, goal / 1e6, figure / goal);
}

/// Numbers in an order that looks like none (an LCG).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u64::from((self.0 >> 32) as u32) * u64::from(bound)) >> 32) as u32
    }
}

fn noc(packet_flits: u32) -> Noc {
    Noc {
        packet_flits,
        queue_flits: 4 * packet_flits,
        receive_flits: 4 * packet_flits,
        inject_cycles: 1,
        hop_cycles: 2,
        eject_cycles: 1,
        credit_cycles: 2,
        arbitration_order: Port::ALL,
    }
}

fn mesh(side: u32) -> Mesh {
    Mesh { width: side, height: side, reserved: vec![], max_hops_x: None, max_hops_y: None }
}

/// Mean hops between two random nodes.
fn mean_hops(side: u32) -> f64 {
    let side = f64::from(side);
    2.0 * (side * side - 1.0) / (3.0 * side)
}

fn hops(side: u32, source: u32, destination: u32) -> u64 {
    u64::from((source % side).abs_diff(destination % side) + (source / side).abs_diff(destination / side))
}

/// Packets each node creates in a cycle with this probability, to any node.
fn uniform(side: u32, rate: f64, num_packets: usize) -> Vec<RecordedPacket> {
    let (mut random, num_nodes) = (Random(1), side * side);
    let probability = (rate * f64::from(1 << 20)) as u32;
    let mut packets = vec![];
    for created in 0.. {
        for source in 0..num_nodes {
            if random.below(1 << 20) < probability {
                packets.push(RecordedPacket { created, source, destination: random.below(num_nodes) });
            }
        }
        if packets.len() >= num_packets {
            break;
        }
    }
    packets
}

fn replayed(side: u32, rate: f64, num_packets: usize, packet_flits: u32) -> f64 {
    let packets = uniform(side, rate, num_packets);
    let hops: u64 = packets.iter().map(|packet| hops(side, packet.source, packet.destination)).sum();
    let seconds = timed(|| {
        drop(replay(&noc(packet_flits), &mesh(side), &Board::default(), Consume::OnArrival, &packets));
    });
    (hops * u64::from(packet_flits)) as f64 / seconds
}

/// Seconds that this thread ran, of the fastest of three runs.
fn timed(mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    let seconds = (0..3).map(|_| {
        let before = ran(start);
        run();
        ran(start) - before
    });
    seconds.fold(f64::INFINITY, f64::min)
}

/// Seconds that this thread has run: where Linux does not tell, those that have passed.
fn ran(start: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    nanoseconds.map_or_else(|| start.elapsed().as_secs_f64(), |nanoseconds| nanoseconds as f64 / 1e9)
}

fn ideal(side: u32) -> ChipSpec {
    let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == "ideal").expect("a built-in chip");
    let mut spec = ChipSpec::from_toml(text).expect("a chip");
    (spec.mesh, spec.noc, spec.io) = (mesh(side), noc(1), vec![]);
    spec
}

/// Of each core, every neuron fires once: to 4 cores, 8 synapses each.
fn all_to_all(side: u32, neurons: u32) -> Traffic {
    let (mut random, num_nodes) = (Random(2), side * side);
    let mut traffic = Traffic::default();
    for node in 0..num_nodes {
        let first = traffic.spikes.len() as u32;
        for neuron in 0..neurons {
            let start = traffic.packets.len() as u32;
            let packet = |destination| Packet { destination: Destination::Node(destination), synapses: 8 };
            traffic.packets.extend((0..4).map(|_| packet(random.below(num_nodes))));
            traffic.spikes.push(Spike { neuron, packets: start..start + 4 });
        }
        traffic.updates.push(Update { neurons, soma_cycles: 80 });
        traffic.cores.push(CoreWork { node, updates: node..node + 1, spikes: first..first + neurons });
    }
    traffic
}

fn timesteps(side: u32, neurons: u32, count: u64) -> f64 {
    let (spec, traffic) = (ideal(side), all_to_all(side, neurons));
    let mut machine = Machine::new(&spec);
    let mut flit_hops = 0;
    let seconds = timed(|| {
        let steps = (0..count).map(|_| machine.simulate(&traffic, None).expect("no deadlock"));
        flit_hops = steps.map(|step| step.counters.flit_hops).sum();
    });
    flit_hops as f64 / seconds
}

fn sparse_timestep_ns(side: u32) -> f64 {
    let (spec, mut traffic) = (ideal(side), Traffic::default());
    traffic.packets.push(Packet { destination: Destination::Node(side + 1), synapses: 8 });
    traffic.spikes.push(Spike { neuron: 0, packets: 0..1 });
    traffic.updates.push(Update { neurons: 1, soma_cycles: 1 });
    traffic.cores.push(CoreWork { node: 0, updates: 0..1, spikes: 0..1 });
    let mut machine = Machine::new(&spec);
    let count = 10_000;
    let seconds = timed(|| {
        for _ in 0..count {
            machine.simulate(&traffic, None).expect("no deadlock");
        }
    });
    seconds * 1e9 / f64::from(count)
}
