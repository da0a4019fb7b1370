//! Receive: adds the synapses of the packets that arrive.

use super::alarms::Alarms;
use crate::chip::CoreTiming;
use crate::engine::flits::{Packet, Queue};
use crate::engine::noc::{Arrival, Noc};

/// The Receive engine of one core, with its queue.
#[derive(Debug, Clone, Copy, Default)]
struct ReceiveEngine {
    /// The tails of the whole packets in the queue.
    packets: Queue,
    /// Flits in the queue.
    flits: u32,
    /// Whether the engine is on the list or has an alarm.
    is_awaited: bool,
    /// Whether it is on the list of those that took a packet in this timestep.
    has_worked: bool,
    /// From when on the next packet can be taken.
    free: u64,
}

/// The Receive engines of all cores, by node.
#[derive(Debug)]
pub(in crate::engine) struct ReceiveEngines {
    timing: CoreTiming,
    engines: Vec<ReceiveEngine>,
    /// Nodes whose engine takes a packet in this cycle.
    acting: Vec<u32>,
    alarms: Alarms,
    /// Nodes whose engine took a packet in this timestep.
    worked: Vec<u32>,
    /// The last cycle so far at whose end the synapses of a packet are added and drained.
    pub(in crate::engine) drained: u64,
}

impl ReceiveEngines {
    pub(in crate::engine) fn new(timing: &CoreTiming, num_nodes: u32) -> Self {
        Self {
            timing: timing.clone(),
            engines: vec![ReceiveEngine::default(); num_nodes as usize],
            acting: vec![],
            alarms: Alarms::default(),
            worked: vec![],
            drained: 0,
        }
    }

    /// Forgets the last timestep, which left all queues empty.
    pub(in crate::engine) fn start_timestep(&mut self) {
        for node in self.worked.drain(..) {
            self.engines[node as usize] = ReceiveEngine::default();
        }
        self.drained = 0;
    }

    /// Takes a flit into the queue of a core. Returns whether it is the tail of a packet.
    #[inline]
    pub(in crate::engine) fn arrive(&mut self, now: u64, arrival: Arrival, noc: &mut Noc) -> bool {
        let Arrival { place: node, flit } = arrival;
        let engine = &mut self.engines[node as usize];
        engine.flits += 1;
        let held = u64::from(engine.flits);
        noc.tally.at(node, |counters| {
            counters.highest_receive_flits = counters.highest_receive_flits.max(held);
        });
        let is_tail = noc.flits.target(flit).is_tail();
        if is_tail {
            engine.packets.push(flit, &mut noc.flits);
            if !engine.is_awaited {
                engine.is_awaited = true;
                self.wake(now, node);
            }
        }
        is_tail
    }

    fn wake(&mut self, now: u64, node: u32) {
        let free = self.engines[node as usize].free;
        if free <= now {
            self.acting.push(node);
        } else {
            self.alarms.set(free, node);
        }
    }

    /// One cycle of every engine that takes a packet in it; `synapses` tells the length of its row.
    pub(in crate::engine) fn step(&mut self, now: u64, noc: &mut Noc, synapses: impl Fn(&Packet) -> u32) {
        while let Some(node) = self.alarms.pop_due(now) {
            self.acting.push(node);
        }
        let mut acting = std::mem::take(&mut self.acting);
        for node in acting.drain(..) {
            self.take(now, node, noc, &synapses);
        }
        self.acting = acting;
    }

    fn take(&mut self, now: u64, node: u32, noc: &mut Noc, synapses: impl Fn(&Packet) -> u32) {
        let engine = &mut self.engines[node as usize];
        let tail = engine.packets.pop(&noc.flits);
        engine.flits -= noc.packet_flits;
        noc.take(node);
        let synapses = synapses(&noc.flits.leave(tail));
        let busy = u64::from(self.timing.decode_cycles) + self.timing.adding_cycles(synapses);
        engine.free = now + busy;
        noc.tally.at(node, |counters| {
            counters.receive_busy_cycles += busy;
            counters.sops += u64::from(synapses);
        });
        self.drained = self.drained.max(engine.free - 1 + u64::from(self.timing.accumulate_latency));
        if !std::mem::replace(&mut engine.has_worked, true) {
            self.worked.push(node);
        }
        engine.is_awaited = engine.packets.length > 0;
        if engine.is_awaited {
            self.alarms.set(engine.free, node);
        }
    }

    /// The next cycle in which an engine takes a packet that is already here.
    pub(in crate::engine) fn next_action(&self) -> Option<u64> {
        self.alarms.next()
    }

    /// Nodes whose queue holds a flit.
    pub(in crate::engine) fn waiting(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.engines).filter(|(_, engine)| engine.flits > 0).map(|(node, _)| node)
    }
}
