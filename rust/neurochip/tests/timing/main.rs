//! Does everything happen in its cycle?
//!
//! Whatever is simulated here runs through the naive machine of `reference.rs` and through the engine
//! that ships, and both must agree on every count and on every packet before a test looks at either.

mod differential;
mod edge;
mod engines;
mod laws;
mod links;
mod mesh;
mod nodes;
mod one_spike;
mod perturbation;
mod random;
mod recordings;
mod reference;

use neurochip::chip::{BUILT_IN, Board, ChipSpec, Mesh, Noc};
use neurochip::counters::Counters;
use neurochip::engine::{
    self, Consume, Error, Machine, OutputCounts, PacketTrace, Places, RecordedPacket, Replayed, StepTiming,
};
use neurochip::progress::Progress;
use neurochip::traffic::{CoreWork, Destination, Injection, Packet, Spike, Traffic, Update};

/// The chip `tiny`, with fields set. Its timing: a neuron is visible 2 cycles after its group is
/// issued, 4 at a time, every cycle; lookup 1; inject 1, hop 2, eject 1, credit 2; decode 2,
/// 4 synapses a cycle, 1 more to drain; queues of 4 flits, packets of 1.
fn tiny(fields: &[(&str, u32)]) -> ChipSpec {
    let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == "tiny").unwrap();
    let overrides: Vec<_> =
        fields.iter().map(|(field, value)| ((*field).to_owned(), value.to_string())).collect();
    ChipSpec::from_toml_with(text, &overrides).unwrap()
}

/// Adds a core whose neurons all update in phases of one cycle and of which some fire.
fn core(traffic: &mut Traffic, core: u32, neurons: u32, fired: &[(u32, &[Packet])]) {
    core_with_updates(traffic, core, &[Update { neurons, soma_cycles: 1 }], fired);
}

fn core_with_updates(traffic: &mut Traffic, core: u32, updates: &[Update], fired: &[(u32, &[Packet])]) {
    let updates = append(&mut traffic.updates, updates);
    let spikes: Vec<_> = fired
        .iter()
        .map(|&(neuron, packets)| Spike { neuron, packets: append(&mut traffic.packets, packets) })
        .collect();
    let spikes = append(&mut traffic.spikes, &spikes);
    traffic.cores.push(CoreWork { core, updates, spikes });
}

fn input(traffic: &mut Traffic, port: u32, packets: &[Packet]) {
    let packets = append(&mut traffic.packets, packets);
    traffic.inputs.push(Injection { port, packets });
}

/// Appends elements and returns where they are.
fn append<T: Clone>(elements: &mut Vec<T>, more: &[T]) -> std::ops::Range<u32> {
    let start = elements.len() as u32;
    elements.extend_from_slice(more);
    start..elements.len() as u32
}

fn to_core(core: u32, synapses: u32) -> Packet {
    Packet { destination: Destination::Core(core), synapses }
}

fn to_port(port: u32) -> Packet {
    Packet { destination: Destination::Port(port), synapses: 0 }
}

/// The timing of one timestep and the ways of its packets, in the order in which they were received.
fn simulated(spec: &ChipSpec, traffic: &Traffic) -> (StepTiming, Vec<PacketTrace>) {
    tried(spec, traffic).unwrap()
}

/// What both machines say, or why they refuse.
fn tried(spec: &ChipSpec, traffic: &Traffic) -> Result<(StepTiming, Vec<PacketTrace>), Error> {
    let expected = naively(spec, traffic);
    assert_eq!(by_engine(&mut Machine::new(spec), traffic), expected, "engine (left) and reference differ");
    let mut machine = Machine::new(spec).counting_places();
    assert_eq!(by_place(&mut machine, traffic), naively_by_place(spec, traffic), "they differ somewhere");
    expected
}

fn naively(spec: &ChipSpec, traffic: &Traffic) -> Result<(StepTiming, Vec<PacketTrace>), Error> {
    let mut trace = vec![];
    reference::simulate(spec, traffic, Some(&mut trace), |_| ()).map(|(timing, _)| (timing, trace))
}

fn naively_by_place(spec: &ChipSpec, traffic: &Traffic) -> Result<(StepTiming, Places), Error> {
    reference::simulate(spec, traffic, None, |_| ())
}

/// What a machine that counts places says of one timestep.
fn by_place(machine: &mut Machine, traffic: &Traffic) -> Result<(StepTiming, Places), Error> {
    machine.simulate(traffic, None).map(|timing| (timing, machine.take_places()))
}

fn by_engine(machine: &mut Machine, traffic: &Traffic) -> Result<(StepTiming, Vec<PacketTrace>), Error> {
    let mut trace = vec![];
    machine.simulate(traffic, Some(&mut trace)).map(|timing| (timing, trace))
}

/// The ways of recorded packets on one chip, in their order, where cores take packets on arrival.
fn replayed(spec: &Noc, mesh: &Mesh, packets: &[RecordedPacket]) -> Vec<PacketTrace> {
    replayed_to(Consume::OnArrival, spec, mesh, &Board::default(), packets).traces
}

fn replayed_to(
    consume: Consume<'_>,
    spec: &Noc,
    mesh: &Mesh,
    board: &Board,
    packets: &[RecordedPacket],
) -> Replayed {
    let replayed = engine::replay(spec, mesh, board, consume, packets, &Progress::default()).unwrap();
    assert!(
        replayed == reference::replay(spec, mesh, board, consume, packets),
        "engine and reference differ"
    );
    replayed
}

fn received(trace: &[PacketTrace]) -> Vec<u64> {
    trace.iter().map(|packet| packet.received).collect()
}

fn sent(trace: &[PacketTrace]) -> Vec<u64> {
    trace.iter().map(|packet| packet.sent).collect()
}
