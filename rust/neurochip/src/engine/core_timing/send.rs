//! Send: sends the packets of the neurons that fired, in the order in which they become visible.

use std::ops::Range;

use super::alarms::Alarms;
use crate::chip::CoreTiming;
use crate::engine::flits::Packet;
use crate::engine::noc::{FlitStream, Noc};
use crate::engine::places::Tally;
use crate::traffic::{CoreWork, Destination, Traffic};

/// The Send engine of one core.
#[derive(Debug, Clone)]
struct SendEngine {
    /// Spikes that have not been taken.
    spikes: Range<u32>,
    /// The packets of the neuron taken last.
    stream: FlitStream,
    /// When that neuron became visible.
    visible: u64,
    /// When its targets are looked up.
    ready: u64,
    /// Free slots in the local queue of the router.
    credits: u32,
    is_stalled: bool,
}

impl SendEngine {
    fn is_done(&self) -> bool {
        self.spikes.is_empty() && self.stream.is_empty()
    }

    /// When an engine that is not done acts next, given a credit.
    #[inline]
    fn next_action(&self, visible: &[u64]) -> u64 {
        if self.stream.is_empty() { visible[self.spikes.start as usize].max(self.ready) } else { self.ready }
    }
}

/// The Send engines of all cores, by node.
#[derive(Debug)]
pub(in crate::engine) struct SendEngines {
    axon_lookup_cycles: u64,
    engines: Vec<SendEngine>,
    /// When each spike of the timestep becomes visible.
    pub(in crate::engine) visible: Vec<u64>,
    /// Nodes whose engine acts in this cycle.
    acting: Vec<u32>,
    alarms: Alarms,
    /// Engines that have something left to send.
    unfinished: usize,
    /// Engines that have a flit and no credit.
    stalled: u64,
    /// The last cycle so far in which targets are looked up.
    pub(in crate::engine) looked_up: u64,
}

impl SendEngines {
    pub(in crate::engine) fn new(timing: &CoreTiming, queue_flits: u32, num_nodes: u32) -> Self {
        let engine = SendEngine {
            spikes: 0..0,
            stream: FlitStream::default(),
            visible: 0,
            ready: 0,
            credits: queue_flits,
            is_stalled: false,
        };
        Self {
            axon_lookup_cycles: u64::from(timing.axon_lookup_cycles),
            engines: vec![engine; num_nodes as usize],
            visible: vec![],
            acting: vec![],
            alarms: Alarms::default(),
            unfinished: 0,
            stalled: 0,
            looked_up: 0,
        }
    }

    /// Forgets the last timestep, which left nothing to send.
    pub(in crate::engine) fn start_timestep(&mut self, num_spikes: usize) {
        self.visible.clear();
        self.visible.resize(num_spikes, 0);
        self.looked_up = 0;
    }

    /// Hands the spikes of a core to its engine.
    pub(in crate::engine) fn start(&mut self, core: &CoreWork) {
        if core.spikes.is_empty() {
            return;
        }
        let engine = &mut self.engines[core.node as usize];
        (engine.spikes, engine.ready) = (core.spikes.clone(), 0);
        self.unfinished += 1;
        self.alarms.set(self.visible[core.spikes.start as usize], core.node);
    }

    /// Gives the engine of a core a credit, which it can use in this cycle.
    #[inline]
    pub(in crate::engine) fn add_credit(&mut self, now: u64, node: u32, tally: &mut Tally) {
        let engine = &mut self.engines[node as usize];
        engine.credits += 1;
        if engine.is_stalled {
            engine.is_stalled = false;
            self.stalled -= 1;
            // With the cycle in which it began taken away, this is how long the wait was.
            tally.at(node, |counters| {
                counters.send_stalled_cycles = counters.send_stalled_cycles.wrapping_add(now);
            });
            self.acting.push(node);
        }
    }

    /// One cycle of every engine with something to do. Returns whether any did something.
    pub(in crate::engine) fn step(&mut self, now: u64, noc: &mut Noc, traffic: &Traffic) -> bool {
        while let Some(node) = self.alarms.pop_due(now) {
            self.acting.push(node);
        }
        let stalled_before = self.stalled;
        let mut kept = 0;
        let num_acting = self.acting.len();
        for position in 0..num_acting {
            let node = self.acting[position];
            self.acting[kept] = node;
            kept += usize::from(self.act(now, node, noc, traffic));
        }
        self.acting.truncate(kept);
        num_acting as u64 > self.stalled - stalled_before
    }

    /// One action of one engine. Returns whether it acts again in the next cycle.
    #[inline]
    fn act(&mut self, now: u64, node: u32, noc: &mut Noc, traffic: &Traffic) -> bool {
        let engine = &mut self.engines[node as usize];
        if engine.stream.is_empty() {
            self.take_spike(now, node, &mut noc.tally, traffic);
        } else if engine.credits == 0 {
            engine.is_stalled = true;
            self.stalled += 1;
            noc.tally.at(node, |counters| {
                counters.send_stalled_cycles = counters.send_stalled_cycles.wrapping_sub(now);
            });
            return false;
        } else {
            self.send_flit(now, node, noc, traffic);
        }
        self.wait(now, node)
    }

    fn take_spike(&mut self, now: u64, node: u32, tally: &mut Tally, traffic: &Traffic) {
        let engine = &mut self.engines[node as usize];
        let spike = engine.spikes.start as usize;
        engine.spikes.start += 1;
        engine.stream = FlitStream::new(traffic.spikes[spike].packets.clone());
        engine.visible = self.visible[spike];
        engine.ready = now + self.axon_lookup_cycles;
        tally.at(node, |counters| counters.send_busy_cycles += self.axon_lookup_cycles);
        self.looked_up = self.looked_up.max(engine.ready - 1);
    }

    fn send_flit(&mut self, now: u64, node: u32, noc: &mut Noc, traffic: &Traffic) {
        let engine = &mut self.engines[node as usize];
        engine.credits -= 1;
        let (flit, is_head) = noc.next_flit(&mut engine.stream, |index| {
            let source = Destination::Node(node);
            let packet = Packet { index, source, created: engine.visible, sent: now };
            (packet, traffic.packets[index as usize].destination)
        });
        noc.tally.at(node, |counters| {
            counters.packets += u64::from(is_head);
            counters.send_busy_cycles += 1;
        });
        noc.send(node, flit);
    }

    /// Sees to it that an engine acts when it must. Returns whether that is in the next cycle.
    #[inline]
    fn wait(&mut self, now: u64, node: u32) -> bool {
        let engine = &self.engines[node as usize];
        if engine.is_done() {
            self.unfinished -= 1;
            return false;
        }
        let next = engine.next_action(&self.visible);
        let acts_next = next <= now + 1;
        if !acts_next {
            self.alarms.set(next, node);
        }
        acts_next
    }

    /// The next cycle in which an engine acts, unless a credit comes first.
    pub(in crate::engine) fn next_action(&self, now: u64) -> Option<u64> {
        if self.acting.is_empty() { self.alarms.next() } else { Some(now + 1) }
    }

    pub(in crate::engine) fn is_done(&self) -> bool {
        self.unfinished == 0
    }

    /// Nodes whose engine has something left to send.
    pub(in crate::engine) fn waiting(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.engines).filter(|(_, engine)| !engine.is_done()).map(|(node, _)| node)
    }
}
