//! The engines beside a router: Send and Receive of a core, and the inward side of an io port
//! (machine.md, sections 4 and 6). Each acts at most once a cycle, on the state at its start.

use std::ops::Range;

use super::packet::Flit;
use crate::chip::CoreTiming;
use crate::traffic::Spike;

/// Flits of packets that leave one after the other.
#[derive(Debug, Default)]
pub(super) struct FlitStream {
    /// Packets of which no flit has left, as a part of the traffic's.
    packets: Range<u32>,
    /// Place of the packet whose flits are leaving, and how many of them have not left.
    leaving: Option<(u32, u32)>,
}

impl FlitStream {
    pub(super) fn new(packets: Range<u32>) -> Self {
        Self { packets, leaving: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.leaving.is_none()
    }

    /// The next flit; `enter` gives a place to the packet that it is the head of.
    pub(super) fn next_flit(&mut self, packet_flits: u32, enter: impl FnOnce(u32) -> u32) -> Flit {
        let (packet, left, is_head) = match self.leaving {
            Some((packet, left)) => (packet, left, false),
            None => (enter(self.packets.next().expect("a stream that is not empty")), packet_flits, true),
        };
        self.leaving = (left > 1).then_some((packet, left - 1));
        Flit { packet, is_head, is_tail: left == 1 }
    }
}

/// What Send does in a cycle.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SendAction {
    /// It waits for a neuron to become visible, or for a lookup.
    Wait,
    /// It takes a neuron that fired.
    Take,
    /// It has a flit and a credit.
    SendFlit,
    /// It has a flit and no credit.
    Stall,
}

/// Sends the packets of the neurons that fired, in the order in which they become visible.
#[derive(Debug, Default)]
pub(super) struct SendEngine {
    /// Spikes that have not been taken, as a part of the traffic's.
    pub(super) spikes: Range<u32>,
    /// The packets of the neuron taken last.
    pub(super) stream: FlitStream,
    /// When that neuron became visible.
    pub(super) visible: u64,
    /// When its targets are looked up.
    pub(super) ready: u64,
}

impl SendEngine {
    pub(super) fn new(spikes: Range<u32>) -> Self {
        Self { spikes, ..Self::default() }
    }

    /// Whether everything has been sent; the lookup of a neuron without targets may still run.
    pub(super) fn is_done(&self) -> bool {
        self.spikes.is_empty() && self.stream.is_empty()
    }

    /// Decides on this cycle; `visible` holds the cycle in which each spike becomes visible.
    pub(super) fn action(&self, now: u64, credits: u32, visible: &[u64]) -> SendAction {
        if now < self.ready {
            return SendAction::Wait;
        }
        if !self.stream.is_empty() {
            return if credits > 0 { SendAction::SendFlit } else { SendAction::Stall };
        }
        let next_is_visible = !self.spikes.is_empty() && visible[self.spikes.start as usize] <= now;
        if next_is_visible { SendAction::Take } else { SendAction::Wait }
    }

    /// Takes the next neuron and looks its targets up.
    pub(super) fn take(&mut self, now: u64, timing: &CoreTiming, spikes: &[Spike], visible: &[u64]) {
        let spike = self.spikes.next().expect("a spike to take") as usize;
        self.stream = FlitStream::new(spikes[spike].packets.clone());
        self.visible = visible[spike];
        self.ready = now + u64::from(timing.axon_lookup_cycles);
    }

    /// When this engine acts next, unless a credit or nothing at all must come first.
    pub(super) fn wakes_at(&self, now: u64, visible: &[u64]) -> Option<u64> {
        let next_visible = || (!self.spikes.is_empty()).then(|| visible[self.spikes.start as usize]);
        let due = if self.stream.is_empty() { next_visible()?.max(self.ready) } else { self.ready };
        (due > now).then_some(due)
    }
}

/// Adds the synapses of the packets that arrive.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ReceiveEngine {
    /// From when on the next packet can be taken.
    pub(super) free: u64,
}

impl ReceiveEngine {
    /// Takes a packet with a row of `synapses`; returns the cycles it is busy.
    pub(super) fn take(&mut self, now: u64, synapses: u32, timing: &CoreTiming) -> u64 {
        let busy = u64::from(timing.decode_cycles + synapses.div_ceil(timing.sops_per_cycle));
        self.free = now + busy;
        busy
    }

    /// When the accumulators hold the synapses of the packet taken last.
    pub(super) fn drained_at(self, timing: &CoreTiming) -> u64 {
        self.free - 1 + u64::from(timing.accumulate_latency)
    }
}

/// Lets packets that wait outside an io port enter.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) port: u32,
    pub(super) stream: FlitStream,
    /// From when on the next flit can enter.
    pub(super) free: u64,
}
