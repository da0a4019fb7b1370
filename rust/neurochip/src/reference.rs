//! The time machine, plainly: in which cycle everything happens in a timestep (machine.md).
//!
//! Code that can be read beside that page. It visits only routers and cores with work and jumps
//! over cycles in which nothing can happen; the counts of those are made up for exactly.

mod calendar;
mod conservation;
mod deadlock;
mod engines;
mod noc;
mod packet;
mod replay;
mod router;
mod soma;

use thiserror::Error;

use crate::chip::ChipSpec;
use crate::counters::Counters;
use crate::traffic::{self, Destination, Traffic};
use engines::{Entrance, FlitStream, ReceiveEngine, SendAction, SendEngine};
use noc::Noc;
pub use replay::{RecordedPacket, replay};

/// What a timestep took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTiming {
    /// The first cycle, from the start of the timestep, at whose end the chip is quiet.
    pub quiet_cycle: u64,
    /// What happened.
    pub counters: Counters,
}

/// The way of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketTrace {
    /// Where it came from.
    pub source: Destination,
    /// Where it went.
    pub destination: Destination,
    /// Cycle in which its neuron became visible to Send; 0 for a packet from outside.
    pub created: u64,
    /// Cycle in which its head flit was sent.
    pub sent: u64,
    /// Cycle in which its tail flit was in the receive queue, or outside.
    pub received: u64,
}

/// Why a timestep has no timing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The traffic cannot be the work of this chip.
    #[error(transparent)]
    Traffic(#[from] traffic::Error),
    /// Work remains and nothing can ever move.
    #[error("deadlock in cycle {cycle} of a timestep: {}", waits.join("; "))]
    Deadlock {
        /// The first cycle in which nothing can move.
        cycle: u64,
        /// Who waits on whom, one sentence each.
        waits: Vec<String>,
    },
}

/// The cycles of one timestep of `traffic`; keep a [`Machine`] for many.
///
/// # Errors
/// As [`Machine::simulate`].
pub fn simulate(
    spec: &ChipSpec,
    traffic: &Traffic,
    trace: Option<&mut Vec<PacketTrace>>,
) -> Result<StepTiming, Error> {
    Machine::new(spec).simulate(traffic, trace)
}

/// A chip that timesteps run on, one after the other; each begins with an empty network.
#[derive(Debug)]
pub struct Machine {
    spec: ChipSpec,
    noc: Noc,
    /// By node.
    sends: Vec<SendEngine>,
    /// By node.
    receives: Vec<ReceiveEngine>,
    /// Those with packets outside.
    entrances: Vec<Entrance>,
    /// Nodes whose Send has work.
    sending: Vec<u32>,
    /// Nodes whose receive queue holds a whole packet.
    receiving: Vec<u32>,
    /// When each spike becomes visible to Send.
    visible: Vec<u64>,
    /// The latest cycle so far at whose end an engine is first done with what it has begun.
    busy_until: u64,
    counters: Counters,
}

/// What a cycle changed: nothing means that the next may be skipped.
#[derive(Debug, Clone, Copy, Default)]
struct Activity {
    moved: bool,
    blocked_outputs: u64,
    stalled_sends: u64,
}

impl Machine {
    /// A chip at rest.
    pub fn new(spec: &ChipSpec) -> Self {
        let num_nodes = spec.num_nodes() as usize;
        Self {
            noc: Noc::new(&spec.noc, &spec.mesh, &spec.io),
            sends: std::iter::repeat_with(SendEngine::default).take(num_nodes).collect(),
            receives: vec![ReceiveEngine::default(); num_nodes],
            entrances: vec![],
            sending: vec![],
            receiving: vec![],
            visible: vec![],
            busy_until: 0,
            counters: Counters::default(),
            spec: spec.clone(),
        }
    }

    /// Runs one timestep from its start until the chip is quiet, and appends the way of each packet
    /// to `trace`, by the cycle in which it was received.
    ///
    /// # Errors
    /// Traffic that this chip cannot have; a deadlock, which no valid chip can reach.
    pub fn simulate(
        &mut self,
        traffic: &Traffic,
        trace: Option<&mut Vec<PacketTrace>>,
    ) -> Result<StepTiming, Error> {
        self.simulate_by(traffic, trace, Self::step_all)
    }

    /// As [`Machine::simulate`], with `step` for what happens in a cycle.
    fn simulate_by(
        &mut self,
        traffic: &Traffic,
        mut trace: Option<&mut Vec<PacketTrace>>,
        step: impl FnMut(&mut Self, u64, &Traffic) -> Activity,
    ) -> Result<StepTiming, Error> {
        traffic.check(&self.spec)?;
        let traced_before = trace.as_ref().map_or(0, |trace| trace.len());
        self.start(traffic);
        let ran = self.run(traffic, trace.as_deref_mut(), step);
        if let Some(trace) = trace {
            trace[traced_before..].sort_unstable_by_key(|packet| (packet.received, packet.destination));
        }
        self.counters.add(&self.noc.counters);
        let counters = self.counters;
        ran.map(|quiet_cycle| StepTiming { quiet_cycle, counters })
            .inspect_err(|_| *self = Self::new(&self.spec))
    }

    /// Hands every engine its work.
    fn start(&mut self, traffic: &Traffic) {
        self.noc.start_timestep();
        self.counters = Counters { spikes: traffic.spikes.len() as u64, ..Counters::default() };
        self.busy_until = 0;
        self.receives.fill(ReceiveEngine::default());
        self.visible.clear();
        self.visible.resize(traffic.spikes.len(), 0);
        for core in &traffic.cores {
            let timing = &self.spec.core.timing;
            let last_visible = soma::update(core, traffic, timing, &mut self.visible, &mut self.counters);
            self.busy_until = self.busy_until.max(last_visible);
            self.sends[core.node as usize] = SendEngine::new(core.spikes.clone());
            if !core.spikes.is_empty() {
                self.sending.push(core.node);
            }
        }
        for input in traffic.inputs.iter().filter(|input| !input.packets.is_empty()) {
            let stream = FlitStream::new(input.packets.clone());
            self.entrances.push(Entrance { port: input.port, stream, free: 0 });
        }
    }

    /// Runs until no work is left; returns the first quiet cycle.
    fn run(
        &mut self,
        traffic: &Traffic,
        mut trace: Option<&mut Vec<PacketTrace>>,
        mut step: impl FnMut(&mut Self, u64, &Traffic) -> Activity,
    ) -> Result<u64, Error> {
        let mut now = 0;
        let mut last_message = 0;
        loop {
            if self.noc.apply_messages(now) {
                last_message = now;
                self.meet_arrivals(now, trace.as_deref_mut());
            }
            let activity = step(self, now, traffic);
            if cfg!(debug_assertions) {
                conservation::check(&self.noc);
            }
            if self.is_done() {
                return Ok(self.busy_until.max(last_message));
            }
            let next = if activity.moved { Some(now + 1) } else { self.next_event(now) };
            let next = next.ok_or_else(|| deadlock::error(now, self))?;
            // Nothing changes until then, so whoever waits in this cycle waits in all of those.
            self.counters.output_blocked_cycles += activity.blocked_outputs * (next - now);
            self.counters.send_stalled_cycles += activity.stalled_sends * (next - now);
            now = next;
        }
    }

    /// Looks at the packets whose tail has just arrived.
    fn meet_arrivals(&mut self, now: u64, mut trace: Option<&mut Vec<PacketTrace>>) {
        while let Some(place) = self.noc.arrived.pop() {
            let packet = *self.noc.packets.at(place);
            if let Some(trace) = trace.as_deref_mut() {
                trace.push(packet.received_at(now));
            }
            match packet.destination {
                // With one packet in the queue, it is the first: the core was not on the list.
                Destination::Node(node) if self.noc.packets_at(node) == 1 => self.receiving.push(node),
                Destination::Node(_) => {}
                Destination::Port(_) => {
                    self.noc.packets.leave(place);
                    self.counters.output_packets += 1;
                }
            }
        }
    }

    /// One cycle of everything with work. The order does not matter: all act on the state at the
    /// start of the cycle, and what they do arrives later.
    fn step_all(&mut self, now: u64, traffic: &Traffic) -> Activity {
        let moves = self.noc.step_routers(now);
        let mut activity =
            Activity { moved: moves.flits > 0, blocked_outputs: moves.blocked_outputs, stalled_sends: 0 };
        for position in 0..self.sending.len() {
            self.step_send(now, self.sending[position], traffic, &mut activity);
        }
        for position in 0..self.receiving.len() {
            activity.moved |= self.step_receive(now, self.receiving[position]);
        }
        for position in 0..self.entrances.len() {
            activity.moved |= self.step_entrance(now, position, traffic);
        }
        self.retire();
        activity
    }

    /// Takes whatever has no work left off the lists.
    fn retire(&mut self) {
        self.noc.rest_empty_routers();
        self.sending.retain(|&node| !self.sends[node as usize].is_done());
        self.receiving.retain(|&node| self.noc.packets_at(node) > 0);
        self.entrances.retain(|entrance| !entrance.stream.is_empty());
    }

    fn step_send(&mut self, now: u64, node: u32, traffic: &Traffic, activity: &mut Activity) {
        let (noc, timing) = (&mut self.noc, &self.spec.core.timing);
        let send = &mut self.sends[node as usize];
        match send.action(now, noc.send_credits[node as usize], &self.visible) {
            SendAction::Wait => {}
            SendAction::Stall => activity.stalled_sends += 1,
            SendAction::Take => {
                send.take(now, timing, &traffic.spikes, &self.visible);
                self.counters.send_busy_cycles += u64::from(timing.axon_lookup_cycles);
                self.busy_until = self.busy_until.max(send.ready - 1);
                activity.moved = true;
            }
            SendAction::SendFlit => {
                let times = [send.visible, now];
                let flit = send.stream.next_flit(noc.spec.packet_flits, |packet| {
                    let packet = traffic.packets[packet as usize];
                    noc.enter(Destination::Node(node), packet.destination, packet.synapses, times)
                });
                noc.send_flit(now, node, flit);
                self.counters.packets += u64::from(flit.is_head);
                self.counters.send_busy_cycles += 1;
                activity.moved = true;
            }
        }
    }

    /// Returns whether a packet was taken.
    fn step_receive(&mut self, now: u64, node: u32) -> bool {
        let receive = &mut self.receives[node as usize];
        if now < receive.free || self.noc.packets_at(node) == 0 {
            return false;
        }
        let place = self.noc.receive_packet(now, node);
        let synapses = self.noc.packets.leave(place).synapses;
        let timing = &self.spec.core.timing;
        self.counters.receive_busy_cycles += receive.take(now, synapses, timing);
        self.counters.sops += u64::from(synapses);
        self.busy_until = self.busy_until.max(receive.drained_at(timing));
        true
    }

    /// Returns whether a flit entered.
    fn step_entrance(&mut self, now: u64, position: usize, traffic: &Traffic) -> bool {
        let (noc, entrance) = (&mut self.noc, &mut self.entrances[position]);
        let port = entrance.port;
        if now < entrance.free || noc.port_credits[port as usize] == 0 || entrance.stream.is_empty() {
            return false;
        }
        let flit = entrance.stream.next_flit(noc.spec.packet_flits, |packet| {
            let packet = traffic.packets[packet as usize];
            noc.enter(Destination::Port(port), packet.destination, packet.synapses, [0, now])
        });
        noc.enter_flit(now, port, flit);
        entrance.free = now + u64::from(self.spec.io[port as usize].io_cycles);
        self.counters.input_packets += u64::from(flit.is_head);
        true
    }

    /// Whether no work is left but what engines have begun.
    fn is_done(&self) -> bool {
        let engines = self.sending.is_empty() && self.receiving.is_empty() && self.entrances.is_empty();
        engines && self.noc.is_empty()
    }

    /// The next cycle in which something can happen, if nothing does before.
    fn next_event(&mut self, now: u64) -> Option<u64> {
        let message = self.noc.calendar.next_after(now);
        let sends = self.sending.iter().map(|&node| &self.sends[node as usize]);
        let sends = sends.filter_map(|send| send.wakes_at(now, &self.visible));
        let receives = self.receiving.iter().map(|&node| self.receives[node as usize].free);
        let entrances = self.entrances.iter().map(|entrance| entrance.free);
        let engines = sends.chain(receives).chain(entrances).filter(|&cycle| cycle > now);
        engines.chain(message).min()
    }
}

#[cfg(test)]
mod tests;
