//! The time machine, naively: machine.md word for word. Every router and every engine is stepped in
//! every cycle, nothing is skipped, and that no flit or credit is lost or made is asserted in each.

mod conservation;
mod cores;
mod network;
mod replay;
mod watchdog;

use neurochip::chip::ChipSpec;
use neurochip::counters::Counters;
use neurochip::engine::{Error, PacketTrace, Places, StepTiming};
use neurochip::traffic::{Destination, Traffic};

use cores::{LocalPort, Send, Stream};
use network::{Network, Packet};
pub(crate) use replay::replay;

/// A part of the chip that acts at most once a cycle.
#[derive(Clone, Copy)]
pub(crate) enum Module {
    Router(usize),
    Send(usize),
    Receive(usize),
    Entrance(usize),
}

/// The cycles of one timestep, whose modules act in each cycle in the order that `reorder` makes.
pub(crate) fn simulate(
    spec: &ChipSpec,
    traffic: &Traffic,
    trace: Option<&mut Vec<PacketTrace>>,
    mut reorder: impl FnMut(&mut [Module]),
) -> Result<(StepTiming, Places), Error> {
    traffic.check(spec)?;
    let mut machine = Machine::new(spec, traffic);
    let mut modules = machine.modules();
    let quiet_cycle = machine.run(|machine, now| {
        reorder(&mut modules);
        modules.iter().fold(false, |moved, &module| moved | machine.step(now, module))
    })?;
    if let Some(trace) = trace {
        let mut received: Vec<_> = machine.network.packets.iter().map(|packet| packet.trace).collect();
        received.sort_by_key(|packet| (packet.received, packet.destination));
        trace.append(&mut received);
    }
    let mut counters = Counters::default();
    machine.network.places.nodes.iter().for_each(|node| counters.add(node));
    Ok((StepTiming { quiet_cycle, counters }, machine.network.places))
}

struct Machine<'a> {
    spec: &'a ChipSpec,
    traffic: &'a Traffic,
    network: Network,
    /// When each spike becomes visible to Send.
    visible: Vec<u64>,
    /// By core.
    sends: Vec<Send>,
    /// By node.
    ports: Vec<LocalPort>,
    /// By core: from when on Receive can take the next packet.
    free: Vec<u64>,
    /// By io port: what waits outside, and from when on the next flit can enter.
    entrances: Vec<(Stream, u64)>,
    /// Packets that have left the network.
    taken: usize,
    /// The latest cycle so far at whose end an engine is done, or in which a message arrived.
    busy_until: u64,
}

impl<'a> Machine<'a> {
    fn new(spec: &'a ChipSpec, traffic: &'a Traffic) -> Self {
        let ports = spec.ports();
        let network = Network::new(&spec.noc, &spec.mesh, &spec.board, &ports);
        let num_nodes = network.routers.len();
        let num_cores = num_nodes * network.cores_per_node;
        let mut machine = Self {
            spec,
            traffic,
            network,
            visible: vec![0; traffic.spikes.len()],
            sends: (0..num_cores).map(|_| Send::default()).collect(),
            ports: vec![LocalPort::default(); num_nodes],
            free: vec![0; num_cores],
            entrances: ports.iter().map(|_| (Stream::default(), 0)).collect(),
            taken: 0,
            busy_until: 0,
        };
        for core in &traffic.cores {
            let node = core.core as usize / machine.network.cores_per_node;
            let counters = machine.network.at(node);
            counters.spikes += core.spikes.len() as u64;
            let before = counters.soma_busy_cycles;
            let visible = cores::update(core, traffic, &spec.core.timing, &mut machine.visible, counters);
            let busy = counters.soma_busy_cycles - before;
            machine.network.places.cores[core.core as usize].soma += busy;
            machine.busy_until = machine.busy_until.max(visible);
            machine.sends[core.core as usize].spikes = core.spikes.clone();
        }
        for input in &traffic.inputs {
            machine.entrances[input.port as usize].0 = Stream::new(input.packets.clone());
        }
        machine
    }

    fn modules(&self) -> Vec<Module> {
        let nodes = 0..self.network.routers.len();
        let cores = nodes.flat_map(|node| [Module::Router(node), Module::Send(node), Module::Receive(node)]);
        cores.chain((0..self.entrances.len()).map(Module::Entrance)).collect()
    }

    /// Runs until no work is left; returns the first quiet cycle. `step` returns whether anything moved.
    fn run(&mut self, mut step: impl FnMut(&mut Self, u64) -> bool) -> Result<u64, Error> {
        for now in 0.. {
            if self.network.apply_messages(now) {
                self.busy_until = self.busy_until.max(now);
            }
            for packet in self.network.take_arrived(now) {
                if let Destination::Port(port) = self.network.packets[packet].trace.destination {
                    let node = self.network.node_at(port as usize);
                    self.network.at(node).output_packets += 1;
                    self.taken += 1;
                }
            }
            let moved = step(self, now);
            self.network.assert_conservation();
            if self.is_done() {
                return Ok(self.busy_until);
            }
            if !moved && self.network.messages.is_empty() && !self.waits_for_time(now) {
                return Err(Error::Deadlock { cycle: now, waits: self.waits() });
            }
        }
        unreachable!("no timestep lasts 2^64 cycles")
    }

    fn is_done(&self) -> bool {
        let sent = self.sends.iter().all(Send::is_done);
        let entered = self.entrances.iter().all(|(stream, _)| stream.is_empty());
        sent && entered && self.taken == self.network.packets.len() && self.network.messages.is_empty()
    }

    /// One cycle of one module; returns whether it did anything.
    fn step(&mut self, now: u64, module: Module) -> bool {
        match module {
            Module::Router(node) => self.network.step_router(now, node),
            Module::Send(node) => self.step_send(now, node),
            Module::Receive(node) => self.step_receive(now, node),
            Module::Entrance(port) => self.step_entrance(now, port),
        }
    }

    /// Every core of a node that has no flit takes a spike; one of those that have sends a flit.
    fn step_send(&mut self, now: u64, node: usize) -> bool {
        let cores = self.network.cores_of(node);
        let due = |core: &usize| {
            let send = &self.sends[*core];
            !send.is_done() && now >= send.due(&self.visible)
        };
        let (asking, idle): (Vec<_>, Vec<_>) =
            cores.filter(due).partition(|&core| !self.sends[core].stream.is_empty());
        for &core in &idle {
            self.take_spike(now, node, core);
        }
        let has_credit = self.network.core_credits[node] > 0;
        let sending = self.ports[node].turn(self.network.cores_of(node), &asking).filter(|_| has_credit);
        let waiting = asking.len() - usize::from(sending.is_some());
        self.network.at(node).send_stalled_cycles += waiting as u64;
        if let Some(core) = sending {
            self.send_flit(now, node, core);
        }
        !idle.is_empty() || sending.is_some()
    }

    fn take_spike(&mut self, now: u64, node: usize, core: usize) {
        let send = &mut self.sends[core];
        let spike = send.spikes.next().expect("an engine that is not done") as usize;
        send.stream = Stream::new(self.traffic.spikes[spike].packets.clone());
        send.visible = self.visible[spike];
        let lookup = u64::from(self.spec.core.timing.axon_lookup_cycles);
        send.ready = now + lookup;
        self.network.at(node).send_busy_cycles += lookup;
        self.network.places.cores[core].send += lookup;
        self.busy_until = self.busy_until.max(send.ready - 1);
    }

    fn send_flit(&mut self, now: u64, node: usize, core: usize) {
        let (network, send, traffic) = (&mut self.network, &mut self.sends[core], self.traffic);
        let (source, created) = (Destination::Core(core as u32), send.visible);
        let packet = |index| new_packet(traffic, index, source, [created, now]);
        let (flit, is_head) = send.stream.next_flit(network, packet);
        self.ports[node].sent(core % network.cores_per_node, flit.is_tail);
        network.at(node).packets += u64::from(is_head);
        network.at(node).send_busy_cycles += 1;
        network.places.cores[core].send += 1;
        network.send_flit(now, node, flit);
    }

    /// Every core of a node takes a packet, if it can.
    fn step_receive(&mut self, now: u64, node: usize) -> bool {
        let took: Vec<_> = self.network.cores_of(node).map(|core| self.receive(now, node, core)).collect();
        took.contains(&true)
    }

    fn receive(&mut self, now: u64, node: usize, core: usize) -> bool {
        if now < self.free[core] || !self.network.has_packet(core) {
            return false;
        }
        let packet = self.network.take_packet(now, core);
        let synapses = self.network.packets[packet].synapses;
        let timing = &self.spec.core.timing;
        let adding = match (timing.sops_per_cycle, timing.sop_millicycles) {
            (Some(rate), None) => u64::from(synapses.div_ceil(rate)),
            (None, Some(millicycles)) => (u64::from(millicycles) * u64::from(synapses)).div_ceil(1000),
            _ => unreachable!("a valid chip has one of them"),
        };
        let busy = u64::from(timing.decode_cycles) + adding;
        self.free[core] = now + busy;
        self.taken += 1;
        self.network.at(node).receive_busy_cycles += busy;
        self.network.places.cores[core].receive += busy;
        self.network.at(node).sops += u64::from(synapses);
        self.busy_until = self.busy_until.max(now + busy - 1 + u64::from(timing.accumulate_latency));
        true
    }

    fn step_entrance(&mut self, now: u64, port: usize) -> bool {
        let (network, (stream, free)) = (&mut self.network, &mut self.entrances[port]);
        if now < *free || network.port_credits[port] == 0 || stream.is_empty() {
            return false;
        }
        let (traffic, source) = (self.traffic, Destination::Port(port as u32));
        let packet = |index| new_packet(traffic, index, source, [0, now]);
        let (flit, is_head) = stream.next_flit(network, packet);
        let node = network.node_at(port);
        network.at(node).input_packets += u64::from(is_head);
        network.enter_flit(now, port, flit);
        *free = now + u64::from(network.io[port].io_cycles);
        true
    }

    /// Whether an engine does something later though nothing happens before.
    fn waits_for_time(&self, now: u64) -> bool {
        let sends = self.sends.iter().filter(|send| !send.is_done());
        let receives = (0..self.free.len()).filter(|&core| self.network.has_packet(core));
        let entrances = self.entrances.iter().filter(|(stream, _)| !stream.is_empty());
        let due = sends.map(|send| send.due(&self.visible)).chain(receives.map(|core| self.free[core]));
        due.chain(entrances.map(|(_, free)| *free)).any(|cycle| cycle > now)
    }
}

fn new_packet(traffic: &Traffic, index: u32, source: Destination, [created, sent]: [u64; 2]) -> Packet {
    let neurochip::traffic::Packet { destination, synapses } = traffic.packets[index as usize];
    Packet { trace: PacketTrace { source, destination, created, sent, received: 0 }, index, synapses }
}
