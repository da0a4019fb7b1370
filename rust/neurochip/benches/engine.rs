//! How fast is the time machine? Prints each figure beside its goal: `cargo bench --bench engine`.
//!
//! Figures are flit-hops per second of the time this thread ran, on one thread. Traffic is uniform:
//! every node sends to any node, at a constant rate, through queues of 4 flits (replay) and through
//! the cores of the chip `ideal` (timesteps).
//!
//! Then two threads against one, over many timesteps, of traffic that is uniform and of traffic a
//! quarter of which goes to one node: the median over pairs of runs, one after the other. It is told
//! twice: of the time that passed, and of the time that threads ran, which is what two cores give that
//! nobody else uses.

#![allow(clippy::print_stdout, clippy::float_arithmetic, clippy::cast_precision_loss, missing_docs)]

use std::time::Instant;

use rayon::prelude::*;

use neurochip::chip::{BUILT_IN, Board, ChipSpec, Mesh, Noc, Port};
use neurochip::engine::{Consume, Machine, RecordedPacket, replay};
use neurochip::progress::Progress;
use neurochip::traffic::{CoreWork, Destination, Packet, Spike, Traffic, Update};

/// Flit-hops per second.
const GOAL: f64 = 30e6;

/// How much faster two threads are.
const SPEEDUP: f64 = 1.8;

/// Pairs of runs of which the median is told.
const PAIRS: usize = 7;

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
    println!("\n{:58} {:>10} {:>10} {:>6}", "two threads over one", "figure", "goal", "ratio");
    for (name, hot) in [("uniform", 0), ("hot spot", 4)] {
        let traffic = to_all(24, 25, hot);
        let [passed, ran] = speedup(24, &traffic, 64);
        for (clock, figure) in [("of time that passed", passed), ("of time that threads ran", ran)] {
            let what = format!("64 timesteps, {name} on 24 x 24, {clock}");
            println!("{what:58} {figure:>10.2} {SPEEDUP:>10.2} {:>6.2}", figure / SPEEDUP);
        }
    }
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
        hop_y_cycles: None,
        eject_cycles: 1,
        credit_cycles: 2,
        arbitration_order: Port::ALL,
    }
}

fn mesh(side: u32) -> Mesh {
    Mesh {
        width: side,
        height: side,
        cores_per_node: None,
        reserved: vec![],
        max_hops_x: None,
        max_hops_y: None,
    }
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
        let progress = Progress::default();
        drop(replay(
            &noc(packet_flits),
            &mesh(side),
            &Board::default(),
            Consume::OnArrival,
            &packets,
            &progress,
        ));
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
    to_all(side, neurons, 0)
}

/// The same, where one in `hot` packets goes to the core in the middle; 0: none does.
fn to_all(side: u32, neurons: u32, hot: u32) -> Traffic {
    let (mut random, num_nodes) = (Random(2), side * side);
    let mut traffic = Traffic::default();
    for node in 0..num_nodes {
        let first = traffic.spikes.len() as u32;
        for neuron in 0..neurons {
            let start = traffic.packets.len() as u32;
            let packet = |destination| Packet { destination: Destination::Core(destination), synapses: 8 };
            traffic.packets.extend((0..4).map(|_| {
                let is_hot = hot > 0 && random.below(hot) == 0;
                packet(if is_hot { num_nodes / 2 + side / 2 } else { random.below(num_nodes) })
            }));
            traffic.spikes.push(Spike { neuron, packets: start..start + 4 });
        }
        traffic.updates.push(Update { neurons, soma_cycles: 80 });
        traffic.cores.push(CoreWork { core: node, updates: node..node + 1, spikes: first..first + neurons });
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

/// How much faster two threads are over many timesteps, by the time that passed and that they ran.
fn speedup(side: u32, traffic: &Traffic, count: u32) -> [f64; 2] {
    let spec = ideal(side);
    let pools = [1, 2].map(|threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads to start")
    });
    let run = |pool: &rayon::ThreadPool| {
        let (start, before) = (Instant::now(), all_ran());
        pool.install(|| {
            (0..count).into_par_iter().for_each_init(
                || Machine::new(&spec),
                |machine, _| {
                    machine.simulate(traffic, None).expect("no deadlock");
                },
            );
        });
        [start.elapsed().as_secs_f64(), (all_ran() - before) as f64]
    };
    let pairs: Vec<_> = (0..PAIRS).map(|_| [run(&pools[0]), run(&pools[1])]).collect();
    let passed = pairs.iter().map(|[one, two]| one[0] / two[0]).collect();
    let ran = pairs.iter().map(|[one, two]| 2.0 * one[1] / two[1]).collect();
    [median(passed), median(ran)]
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Nanoseconds that all threads of this process have run, as Linux tells; else 0.
fn all_ran() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let told = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    told.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum()
}

fn sparse_timestep_ns(side: u32) -> f64 {
    let (spec, mut traffic) = (ideal(side), Traffic::default());
    traffic.packets.push(Packet { destination: Destination::Core(side + 1), synapses: 8 });
    traffic.spikes.push(Spike { neuron: 0, packets: 0..1 });
    traffic.updates.push(Update { neurons: 1, soma_cycles: 1 });
    traffic.cores.push(CoreWork { core: 0, updates: 0..1, spikes: 0..1 });
    let mut machine = Machine::new(&spec);
    let count = 10_000;
    let seconds = timed(|| {
        for _ in 0..count {
            machine.simulate(&traffic, None).expect("no deadlock");
        }
    });
    seconds * 1e9 / f64::from(count)
}
