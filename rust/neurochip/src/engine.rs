//! The time machine: in which cycle everything happens in a timestep (machine.md).
//!
//! Equal, cycle for cycle, to the naive loop over everything that `tests/timing/reference.rs` is;
//! fast because it visits only what can act. A router is looked at in a cycle if a flit or a credit
//! it waited for reached it, or if it granted a flit in the cycle before and still holds one; a core
//! or an io port, if it acts. Cycles in which nothing can happen are skipped, and the counts of who
//! waited in them made up for exactly. Memory and time follow what happens: a timestep costs nothing
//! for a node that nothing happens at.

mod active;
mod core_timing;
mod deadlock;
mod edge;
mod flits;
mod noc;
mod places;
mod replay;
mod router;
mod wheel;

use thiserror::Error;

use crate::chip::{ChipSpec, Grid};
use crate::counters::Counters;
use crate::traffic::{self, Destination, Traffic};
use core_timing::{ReceiveEngines, SendEngines};
use edge::Edge;
use flits::Packet;
use noc::Noc;
pub use places::{CoreCycles, OutputCounts, Places};
pub use replay::{Cancelled, Consume, RecordedPacket, Replayed, replay};
use wheel::{Arrival, Kind, NEVER};

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

/// A chip that timesteps run on, one after the other; each begins with an empty network.
#[derive(Debug)]
pub struct Machine {
    spec: ChipSpec,
    grid: Grid,
    noc: Noc,
    sends: SendEngines,
    receives: ReceiveEngines,
    edge: Edge,
    /// The latest cycle in which a group of neurons becomes visible.
    last_visible: u64,
    /// The latest cycle so far in which a message arrived.
    last_message: u64,
}

impl Machine {
    /// A chip at rest.
    pub fn new(spec: &ChipSpec) -> Self {
        let (timing, grid, ports) = (&spec.core.timing, spec.grid(), spec.ports());
        Self {
            noc: Noc::new(&spec.noc, &grid, &spec.board, &ports),
            sends: SendEngines::new(timing, spec.noc.queue_flits, grid),
            receives: ReceiveEngines::new(timing, grid),
            edge: Edge::new(ports, spec.noc.queue_flits),
            last_visible: 0,
            last_message: 0,
            grid,
            spec: spec.clone(),
        }
    }

    /// From now on counts where things happen, for [`Machine::take_places`].
    #[must_use]
    pub fn counting_places(mut self) -> Self {
        self.noc.tally.count_places(self.spec.num_nodes(), self.spec.num_cores());
        self
    }

    /// The same for how busy engines and outputs are alone, which [`Machine::take_places`] hands over once.
    #[must_use]
    pub fn counting_load(mut self) -> Self {
        self.noc.tally.count_load(self.spec.num_nodes(), self.spec.num_cores());
        self
    }

    /// Hands over what happened where in the timesteps since the last time.
    pub fn take_places(&mut self) -> Places {
        self.noc.tally.take_places()
    }

    /// Runs one timestep from its start until the chip is quiet, and appends the way of each packet
    /// to `trace`, by the cycle in which it was received.
    ///
    /// # Errors
    /// Traffic that this chip cannot have; a deadlock, which no valid chip can reach.
    pub fn simulate(
        &mut self,
        traffic: &Traffic,
        mut trace: Option<&mut Vec<PacketTrace>>,
    ) -> Result<StepTiming, Error> {
        traffic.check(&self.spec)?;
        let traced_before = trace.as_ref().map_or(0, |trace| trace.len());
        self.start(traffic);
        let ran = self.run(traffic, trace.as_deref_mut());
        if let Some(trace) = trace {
            trace[traced_before..].sort_unstable_by_key(|packet| (packet.received, packet.destination));
        }
        match ran {
            Ok(quiet_cycle) => Ok(StepTiming { quiet_cycle, counters: self.noc.tally.total }),
            Err(error) => {
                let counts_places = self.noc.tally.counts_nodes();
                *self = Self::new(&self.spec);
                if counts_places {
                    self.noc.tally.count_places(self.spec.num_nodes(), self.spec.num_cores());
                }
                Err(error)
            }
        }
    }

    /// Hands every engine its work.
    fn start(&mut self, traffic: &Traffic) {
        (self.last_visible, self.last_message) = (0, 0);
        self.noc.start_timestep();
        self.receives.start_timestep();
        self.sends.start_timestep(traffic.spikes.len());
        self.edge.start_timestep(&traffic.inputs);
        let Self { spec, grid, sends, noc, .. } = self;
        for core in &traffic.cores {
            let visible = &mut sends.visible;
            let node = grid.node_of(core.core);
            let timing = &spec.core.timing;
            let last_visible = core_timing::update(core, node, traffic, timing, visible, &mut noc.tally);
            noc.tally.at(node, |counters| counters.spikes += core.spikes.len() as u64);
            self.last_visible = self.last_visible.max(last_visible);
            sends.start(core);
        }
    }

    /// Runs until no work is left; returns the first quiet cycle.
    fn run(&mut self, traffic: &Traffic, mut trace: Option<&mut Vec<PacketTrace>>) -> Result<u64, Error> {
        let mut now = 0;
        loop {
            self.noc.wheel.go_to(now);
            if self.noc.wheel.has_arrivals() {
                self.last_message = now;
                self.deliver(now, traffic, trace.as_deref_mut());
            }
            let acted = self.step(now, traffic);
            if self.is_done() {
                let engines = self.last_visible.max(self.sends.looked_up).max(self.receives.drained);
                return Ok(engines.max(self.last_message));
            }
            let next = self.next_event(now);
            if next == NEVER {
                return Err(deadlock::error(now + u64::from(acted), self));
            }
            // Nothing changes until then, so whoever waits in this cycle waits in all of those.
            self.noc.tally.total.output_blocked_cycles += self.noc.blocked_outputs as u64 * (next - now);
            now = next;
        }
    }

    /// Takes what arrives in this cycle to where it arrives.
    fn deliver(&mut self, now: u64, traffic: &Traffic, mut trace: Option<&mut Vec<PacketTrace>>) {
        self.noc.deliver();
        self.take_all(Kind::CoreCredit, |machine, credit| {
            machine.sends.add_credit(now, credit.place, &mut machine.noc.tally);
        });
        self.take_all(Kind::PortCredit, |machine, credit| machine.edge.add_credit(credit.place));
        self.take_all(Kind::CoreFlit, |machine, arrival| {
            let core = machine.core_of(arrival, traffic);
            let is_tail = machine.receives.arrive(now, core, arrival.flit, &mut machine.noc);
            if let (true, Some(trace)) = (is_tail, trace.as_deref_mut()) {
                trace.push(traced(now, machine.noc.flits.packet(arrival.flit), traffic));
            }
        });
        self.take_all(Kind::OutsideFlit, |machine, Arrival { flit, .. }| {
            if machine.noc.flits.target(flit).is_tail() {
                let packet = machine.leave(flit, traffic);
                if let Some(trace) = trace.as_deref_mut() {
                    trace.push(traced(now, &packet, traffic));
                }
            }
        });
    }

    #[inline(always)]
    fn take_all(&mut self, kind: Kind, mut take: impl FnMut(&mut Self, Arrival)) {
        if let Some(arrivals) = self.noc.wheel.take(kind) {
            for &arrival in &arrivals {
                take(self, arrival);
            }
            self.noc.wheel.put_back(kind, arrivals);
        }
    }

    /// Lets a packet out of the chip.
    fn leave(&mut self, flit: u32, traffic: &Traffic) -> Packet {
        let packet = self.noc.flits.leave(flit);
        if let Destination::Port(port) = traffic.packets[packet.index as usize].destination {
            let node = self.noc.node_at(self.edge.port(port));
            self.noc.tally.at(node, |counters| counters.output_packets += 1);
        }
        packet
    }

    /// The core, of those of a node, that a flit at the node has come to.
    #[inline(always)]
    fn core_of(&self, arrival: Arrival, traffic: &Traffic) -> u32 {
        if self.grid.cores_per_node == 1 {
            return arrival.place;
        }
        let packet = self.noc.flits.packet(arrival.flit).index;
        match traffic.packets[packet as usize].destination {
            Destination::Core(core) => core,
            Destination::Port(_) => unreachable!("such a packet leaves through another output"),
        }
    }

    /// One cycle of everything with work. The order does not matter: all act on the state at the
    /// start of the cycle, and what they do arrives later. Returns whether anything acted that does
    /// not also send a message.
    fn step(&mut self, now: u64, traffic: &Traffic) -> bool {
        self.noc.look(now);
        let sent = self.sends.step(now, &mut self.noc, traffic);
        self.receives.step(now, &mut self.noc, |packet| traffic.packets[packet.index as usize].synapses);
        self.edge.step(now, &mut self.noc, traffic);
        sent
    }

    /// Whether no work is left but what engines have begun.
    fn is_done(&self) -> bool {
        self.sends.is_done() && self.edge.is_done() && self.noc.is_empty()
    }

    /// The next cycle in which something can happen, or [`NEVER`].
    fn next_event(&self, now: u64) -> u64 {
        if self.noc.is_active() {
            return now + 1;
        }
        let engines = self.sends.next_action(now).min(self.receives.next_action());
        engines.min(self.edge.next_action(now)).min(self.noc.wheel.next())
    }
}

/// The way of a packet that is received in this cycle.
fn traced(now: u64, packet: &Packet, traffic: &Traffic) -> PacketTrace {
    let &Packet { index, source, created, sent } = packet;
    let destination = traffic.packets[index as usize].destination;
    PacketTrace { source, destination, created, sent, received: now }
}
