//! The engines of a core (machine.md, section 4).

use std::collections::VecDeque;
use std::ops::Range;

use neurochip::chip::CoreTiming;
use neurochip::counters::Counters;
use neurochip::traffic::{CoreWork, Traffic};

use super::network::{Flit, Network, Packet};

/// Packets that leave one after the other, in flits.
#[derive(Default)]
pub(super) struct Stream {
    pub(super) packets: VecDeque<u32>,
    /// The packet whose flits are leaving, and how many of them have not left.
    leaving: Option<(usize, u32)>,
}

impl Stream {
    pub(super) fn new(packets: Range<u32>) -> Self {
        Self { packets: packets.collect(), leaving: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.leaving.is_none()
    }

    /// The next flit, and whether it is a head; `packet` makes the one that it is the head of.
    pub(super) fn next_flit(
        &mut self,
        network: &mut Network,
        packet: impl FnOnce(u32) -> Packet,
    ) -> (Flit, bool) {
        let is_head = self.leaving.is_none();
        if is_head {
            network.packets.push(packet(self.packets.pop_front().expect("a stream that is not empty")));
        }
        let head = (network.packets.len().saturating_sub(1), network.spec.packet_flits);
        let (packet, flits) = self.leaving.unwrap_or(head);
        self.leaving = (flits > 1).then_some((packet, flits - 1));
        (Flit { packet, is_tail: flits == 1 }, is_head)
    }
}

/// Sends the packets of the neurons that fired.
#[derive(Default)]
pub(super) struct Send {
    /// Spikes that have not been taken.
    pub(super) spikes: Range<u32>,
    /// The packets of the neuron taken last.
    pub(super) stream: Stream,
    /// When that neuron became visible.
    pub(super) visible: u64,
    /// When its targets are looked up.
    pub(super) ready: u64,
}

impl Send {
    pub(super) fn is_done(&self) -> bool {
        self.spikes.is_empty() && self.stream.is_empty()
    }

    /// When an engine that is not done acts next, given a credit; `visible` is by spike.
    pub(super) fn due(&self, visible: &[u64]) -> u64 {
        if self.stream.is_empty() { visible[self.spikes.start as usize].max(self.ready) } else { self.ready }
    }
}

/// The way into a router's local queue, which the cores of its node share.
#[derive(Clone, Default)]
pub(super) struct LocalPort {
    /// The core, counted within the node, that the round robin begins with.
    first: usize,
    /// The core whose packet is under way.
    lock: Option<usize>,
}

impl LocalPort {
    /// Which of the cores that have a flit may send, if any may; `cores` are those of the node.
    pub(super) fn turn(&self, cores: Range<usize>, asking: &[usize]) -> Option<usize> {
        let turns = (0..cores.len()).map(|turn| (self.first + turn) % cores.len());
        let mut asking = turns.filter(|place| asking.contains(&(cores.start + place)));
        let chosen = match self.lock {
            Some(locked) => asking.find(|&place| place == locked),
            None => asking.next(),
        };
        chosen.map(|place| cores.start + place)
    }

    /// A core has sent a flit.
    pub(super) fn sent(&mut self, place: usize, is_tail: bool) {
        if self.lock.is_none() {
            self.first = place + 1;
        }
        self.lock = (!is_tail).then_some(place);
    }
}

/// When each spike of a core becomes visible, written to `visible`. Returns when the last group does.
pub(super) fn update(
    core: &CoreWork,
    traffic: &Traffic,
    timing: &CoreTiming,
    visible: &mut [u64],
    counters: &mut Counters,
) -> u64 {
    let (mut first, mut start, mut last_visible) = (0, 0, 0);
    for update in traffic.updates_of(core) {
        let neurons = u64::from(update.neurons);
        for spike in core.spikes.clone() {
            let neuron = u64::from(traffic.spikes[spike as usize].neuron);
            if (first..first + neurons).contains(&neuron) {
                let group = (neuron - first) / u64::from(timing.soma_lanes);
                let issued = start + group * u64::from(update.soma_cycles);
                visible[spike as usize] = issued + u64::from(timing.soma_latency);
            }
        }
        first += neurons;
        let groups = neurons.div_ceil(u64::from(timing.soma_lanes));
        if groups > 0 && update.soma_cycles > 0 {
            start += groups * u64::from(update.soma_cycles);
            last_visible = start - u64::from(update.soma_cycles) + u64::from(timing.soma_latency);
            counters.soma_updates += neurons;
        }
    }
    counters.soma_busy_cycles += start;
    last_visible
}
