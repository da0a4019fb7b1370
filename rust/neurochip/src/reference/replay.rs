//! The router alone, on packets that another simulator recorded (machine.md, section 8).

use std::collections::VecDeque;

use super::PacketTrace;
use super::engines::FlitStream;
use super::noc::Noc;
use crate::chip::{Mesh, Noc as NocSpec};
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

/// The unlimited queue of a source: the packet that is leaving, and those behind it.
#[derive(Default)]
struct Source {
    leaving: FlitStream,
    waiting: VecDeque<u32>,
}

/// Runs packets, in the order of their creation, through a mesh of routers whose source queues are
/// unlimited and whose cores take a packet when it arrives. The result is in the order of arrival.
pub fn replay(spec: &NocSpec, mesh: &Mesh, packets: &[RecordedPacket]) -> Vec<PacketTrace> {
    let mut noc = Noc::new(spec, mesh, &[]);
    let mut sources: Vec<Source> = noc.routers.iter().map(|_| Source::default()).collect();
    let mut uncreated = packets.iter().zip(0..).peekable();
    let mut traces = Vec::with_capacity(packets.len());
    let mut now = 0;
    while traces.len() < packets.len() {
        noc.apply_messages(now);
        take_arrivals(&mut noc, now, &mut traces);
        while let Some((packet, index)) = uncreated.next_if(|(packet, _)| packet.created <= now) {
            sources[packet.source as usize].waiting.push_back(index);
        }
        for (node, source) in (0..).zip(&mut sources) {
            send(&mut noc, now, node, source, packets);
        }
        noc.step_routers(now);
        noc.rest_empty_routers();
        now += 1;
    }
    traces.sort_by_key(|packet| (packet.received, packet.destination));
    traces
}

/// Every core takes the packet that has just arrived.
fn take_arrivals(noc: &mut Noc, now: u64, traces: &mut Vec<PacketTrace>) {
    while let Some(place) = noc.arrived.pop() {
        let packet = noc.packets.leave(place);
        traces.push(packet.received_at(now));
        if let Destination::Node(node) = packet.destination {
            noc.receive_packet(now, node);
        }
    }
}

/// A source with a credit sends its next flit.
fn send(noc: &mut Noc, now: u64, node: u32, source: &mut Source, packets: &[RecordedPacket]) {
    if source.leaving.is_empty()
        && let Some(next) = source.waiting.pop_front()
    {
        source.leaving = FlitStream::new(next..next + 1);
    }
    if source.leaving.is_empty() || noc.send_credits[node as usize] == 0 {
        return;
    }
    let flit = source.leaving.next_flit(noc.spec.packet_flits, |index| {
        let RecordedPacket { created, destination, .. } = packets[index as usize];
        noc.enter(Destination::Node(node), Destination::Node(destination), 0, [created, now])
    });
    noc.send_flit(now, node, flit);
}
