//! The network alone, on recorded packets (machine.md, section 9).

use thiserror::Error;

use super::core_timing::ReceiveEngines;
use super::flits::Packet;
use super::noc::{FlitStream, Noc};
use super::router::PORTS;
use super::wheel::{Kind, NEVER};
use super::{OutputCounts, PacketTrace};
use crate::chip::{Board, CoreTiming, Grid, Mesh, Noc as NocSpec};
use crate::progress::Progress;
use crate::traffic::Destination;

/// A packet as its source creates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedPacket {
    /// Cycle in which it joins the queue of its source.
    pub created: u64,
    /// Node that sends it.
    pub source: u32,
    /// Node that it goes to.
    pub destination: u32,
}

/// When a core takes a packet out of its receive queue.
#[derive(Debug, Clone, Copy)]
pub enum Consume<'a> {
    /// When its tail arrives.
    OnArrival,
    /// When the Receive engine has decoded the packet before, which adds no synapses.
    Decoded(&'a CoreTiming),
}

/// What became of recorded packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The way of each packet, in their order.
    pub traces: Vec<PacketTrace>,
    /// By node and [`Port`](crate::chip::Port): what happened at the outputs of the routers.
    pub outputs: Vec<[OutputCounts; PORTS]>,
}

/// [`Progress::cancel`] was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cancelled after {done} packets")]
pub struct Cancelled {
    /// Packets that had arrived.
    pub done: u64,
}

/// The unlimited queue of a source.
#[derive(Debug, Clone, Default)]
struct Source {
    /// The packet that is leaving.
    leaving: FlitStream,
    /// The packets after it, linked by [`Replay::next`]: first, last, and how many.
    first: u32,
    last: u32,
    waiting: u32,
    credits: u32,
    is_sending: bool,
}

struct Replay<'a> {
    packets: &'a [RecordedPacket],
    noc: Noc,
    sources: Vec<Source>,
    /// The packet after each one in the queue of its source.
    next: Vec<u32>,
    /// Nodes whose source has a flit and a credit.
    sending: Vec<u32>,
    receives: Option<ReceiveEngines>,
    traces: Vec<PacketTrace>,
    num_received: usize,
}

/// Runs packets, in the order of their creation, through the routers of a board, whose source queues
/// are unlimited. `progress` gets to know how many have arrived.
///
/// # Errors
/// If it is cancelled.
pub fn replay(
    spec: &NocSpec,
    mesh: &Mesh,
    board: &Board,
    consume: Consume<'_>,
    packets: &[RecordedPacket],
    progress: &Progress,
) -> Result<Replayed, Cancelled> {
    // No cores: each router has one local port.
    let grid = Grid::new(&Mesh { cores_per_node: None, ..mesh.clone() }, board);
    let num_nodes = grid.num_nodes();
    let untraced = |packet: &RecordedPacket| PacketTrace {
        source: Destination::Core(packet.source),
        destination: Destination::Core(packet.destination),
        created: packet.created,
        sent: 0,
        received: 0,
    };
    let mut noc = Noc::new(spec, &grid, board, &[]);
    noc.tally.count_outputs(num_nodes);
    let replay = Replay {
        packets,
        noc,
        sources: vec![Source { credits: spec.queue_flits, ..Source::default() }; num_nodes as usize],
        next: vec![0; packets.len()],
        sending: vec![],
        receives: match consume {
            Consume::OnArrival => None,
            Consume::Decoded(timing) => Some(ReceiveEngines::new(timing, grid)),
        },
        traces: packets.iter().map(untraced).collect(),
        num_received: 0,
    };
    replay.run(progress)
}

impl Replay<'_> {
    fn run(mut self, progress: &Progress) -> Result<Replayed, Cancelled> {
        let (mut now, mut num_created) = (0, 0);
        while self.num_received < self.packets.len() {
            let received_before = self.num_received;
            self.noc.wheel.go_to(now);
            self.noc.deliver();
            self.deliver_credits();
            self.deliver_flits(now);
            while num_created < self.packets.len() && self.packets[num_created].created <= now {
                self.create(num_created as u32);
                num_created += 1;
            }
            self.send(now);
            self.noc.look(now);
            if let Some(receives) = &mut self.receives {
                receives.step(now, &mut self.noc, |_| 0);
            }
            if progress.is_cancelled() {
                return Err(Cancelled { done: progress.done() });
            }
            progress.add_done((self.num_received - received_before) as u64);
            now = self.next_event(now, num_created);
        }
        Ok(Replayed { traces: self.traces, outputs: self.noc.tally.take_places().outputs })
    }

    /// The next cycle in which something can happen: dimension order keeps packets from waiting forever.
    fn next_event(&self, now: u64, num_created: usize) -> u64 {
        if self.noc.is_active() || !self.sending.is_empty() {
            return now + 1;
        }
        let creation = self.packets.get(num_created).map_or(NEVER, |packet| packet.created);
        let receives = self.receives.as_ref().map_or(NEVER, ReceiveEngines::next_action);
        match creation.min(receives).min(self.noc.wheel.next()) {
            NEVER => now + 1,
            next => next.max(now + 1),
        }
    }

    fn deliver_credits(&mut self) {
        let Some(credits) = self.noc.wheel.take(Kind::CoreCredit) else { return };
        for credit in &credits {
            self.sources[credit.place as usize].credits += 1;
            self.wake(credit.place);
        }
        self.noc.wheel.put_back(Kind::CoreCredit, credits);
    }

    fn deliver_flits(&mut self, now: u64) {
        let Some(arrivals) = self.noc.wheel.take(Kind::CoreFlit) else { return };
        for &arrival in &arrivals {
            if self.noc.flits.target(arrival.flit).is_tail() {
                let index = self.noc.flits.packet(arrival.flit).index;
                self.traces[index as usize].received = now;
                self.num_received += 1;
            }
            match &mut self.receives {
                Some(receives) => {
                    receives.arrive(now, arrival.place, arrival.flit, &mut self.noc);
                }
                None if self.noc.flits.target(arrival.flit).is_tail() => {
                    self.noc.flits.leave(arrival.flit);
                    self.noc.take(arrival.place);
                }
                None => {}
            }
        }
        self.noc.wheel.put_back(Kind::CoreFlit, arrivals);
    }

    /// A packet joins the queue of its source.
    fn create(&mut self, packet: u32) {
        let node = self.packets[packet as usize].source;
        let source = &mut self.sources[node as usize];
        if source.waiting == 0 {
            source.first = packet;
        } else {
            self.next[source.last as usize] = packet;
        }
        source.last = packet;
        source.waiting += 1;
        self.wake(node);
    }

    /// Puts a source on the list if it has a flit and a credit.
    fn wake(&mut self, node: u32) {
        let source = &mut self.sources[node as usize];
        let has_flits = source.waiting > 0 || !source.leaving.is_empty();
        if has_flits && source.credits > 0 && !source.is_sending {
            source.is_sending = true;
            self.sending.push(node);
        }
    }

    /// Every source with a flit and a credit sends it.
    fn send(&mut self, now: u64) {
        let mut sending = std::mem::take(&mut self.sending);
        sending.retain(|&node| self.send_flit(now, node));
        self.sending = sending;
    }

    /// Sends the next flit of a source. Returns whether it can send another in the next cycle.
    fn send_flit(&mut self, now: u64, node: u32) -> bool {
        let source = &mut self.sources[node as usize];
        if source.leaving.is_empty() {
            source.leaving = FlitStream::new(source.first..source.first + 1);
            source.first = self.next[source.first as usize];
            source.waiting -= 1;
        }
        let (flit, _) = self.noc.next_flit(&mut source.leaving, |index| {
            self.traces[index as usize].sent = now;
            let RecordedPacket { created, source, destination } = self.packets[index as usize];
            let packet = Packet { index, source: Destination::Core(source), created, sent: now };
            (packet, Destination::Core(destination))
        });
        self.noc.send(node, flit);
        source.credits -= 1;
        source.is_sending = source.credits > 0 && (source.waiting > 0 || !source.leaving.is_empty());
        source.is_sending
    }
}
