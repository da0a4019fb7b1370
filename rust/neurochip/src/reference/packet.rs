//! Packets inside the chip, and the flits they travel as.

use super::PacketTrace;
use crate::traffic::Destination;

/// The unit of flow control: a packet is a head flit, flits that follow it, and a tail flit; of a
/// packet of one flit, both are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flit {
    /// Where [`InFlight`] keeps its packet.
    pub(super) packet: u32,
    pub(super) is_head: bool,
    pub(super) is_tail: bool,
}

/// A packet between its sender and its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TravellingPacket {
    pub(super) source: Destination,
    pub(super) destination: Destination,
    pub(super) synapses: u32,
    /// Column of the router it leaves the mesh at.
    pub(super) x: u32,
    /// Row of the router it leaves the mesh at.
    pub(super) y: u32,
    /// The output of that router it leaves through.
    pub(super) exit: usize,
    /// Cycle in which its sender had it to send.
    pub(super) created: u64,
    /// Cycle in which its head flit was sent.
    pub(super) sent: u64,
}

impl TravellingPacket {
    /// The whole way, for a packet whose tail arrives now.
    pub(super) fn received_at(&self, now: u64) -> PacketTrace {
        let Self { source, destination, created, sent, .. } = *self;
        PacketTrace { source, destination, created, sent, received: now }
    }
}

/// Every packet inside the chip, at a place of its own while it travels.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    places: Vec<TravellingPacket>,
    vacant: Vec<u32>,
}

impl InFlight {
    /// Gives a packet a place.
    pub(super) fn enter(&mut self, packet: TravellingPacket) -> u32 {
        if let Some(place) = self.vacant.pop() {
            self.places[place as usize] = packet;
            return place;
        }
        self.places.push(packet);
        self.places.len() as u32 - 1
    }

    /// The packet at a place.
    pub(super) fn at(&self, place: u32) -> &TravellingPacket {
        &self.places[place as usize]
    }

    /// Lets a packet go; its place may be another's from now on.
    pub(super) fn leave(&mut self, place: u32) -> TravellingPacket {
        self.vacant.push(place);
        self.places[place as usize]
    }

    /// Whether no packet travels.
    pub(super) fn is_empty(&self) -> bool {
        self.places.len() == self.vacant.len()
    }
}
