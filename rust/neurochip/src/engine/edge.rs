//! The inward side of the io ports: packets that wait outside enter (machine.md, section 6).

use super::flits::Packet;
use super::noc::{FlitStream, Noc};
use super::wheel::NEVER;
use crate::chip::IoPort;
use crate::traffic::{Destination, Injection, Traffic};

/// An io port with packets outside.
#[derive(Debug)]
struct Entrance {
    port: u32,
    stream: FlitStream,
    /// From when on the next flit can enter.
    free: u64,
}

/// Every io port.
#[derive(Debug)]
pub(super) struct Edge {
    io: Vec<IoPort>,
    /// Free slots in the outward queue of each port.
    credits: Vec<u32>,
    entrances: Vec<Entrance>,
}

impl Edge {
    pub(super) fn new(io: Vec<IoPort>, queue_flits: u32) -> Self {
        Self { credits: vec![queue_flits; io.len()], io, entrances: vec![] }
    }

    /// Hands the ports what waits outside.
    pub(super) fn start_timestep(&mut self, inputs: &[Injection]) {
        for input in inputs.iter().filter(|input| !input.packets.is_empty()) {
            let stream = FlitStream::new(input.packets.clone());
            self.entrances.push(Entrance { port: input.port, stream, free: 0 });
        }
    }

    pub(super) fn add_credit(&mut self, port: u32) {
        self.credits[port as usize] += 1;
    }

    /// One cycle of every port with packets outside. Returns whether a flit entered.
    pub(super) fn step(&mut self, now: u64, noc: &mut Noc, traffic: &Traffic) -> bool {
        let Self { io, credits, entrances } = self;
        let mut entered = false;
        for entrance in entrances.iter_mut() {
            let (port, credits) = (&io[entrance.port as usize], &mut credits[entrance.port as usize]);
            if now < entrance.free || *credits == 0 {
                continue;
            }
            *credits -= 1;
            entrance.free = now + u64::from(port.io_cycles);
            let (flit, is_head) = noc.next_flit(&mut entrance.stream, |index| {
                let source = Destination::Port(entrance.port);
                let packet = Packet { index, source, created: 0, sent: now };
                (packet, traffic.packets[index as usize].destination)
            });
            let node = noc.node_at(port);
            noc.tally.at(node, |counters| counters.input_packets += u64::from(is_head));
            noc.enter(port, flit);
            entered = true;
        }
        if entered {
            entrances.retain(|entrance| !entrance.stream.is_empty());
        }
        entered
    }

    /// The next cycle in which a flit can enter, or [`NEVER`]; a credit may have to come first.
    pub(super) fn next_action(&self, now: u64) -> u64 {
        let free = self.entrances.iter().map(|entrance| entrance.free);
        free.filter(|&cycle| cycle > now).fold(NEVER, u64::min)
    }

    pub(super) fn port(&self, port: u32) -> &IoPort {
        &self.io[port as usize]
    }

    pub(super) fn is_done(&self) -> bool {
        self.entrances.is_empty()
    }

    /// Ports with packets outside.
    pub(super) fn waiting(&self) -> impl Iterator<Item = u32> {
        self.entrances.iter().map(|entrance| entrance.port)
    }
}
