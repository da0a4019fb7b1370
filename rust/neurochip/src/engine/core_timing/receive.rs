//! Receive: adds the synapses of the packets that arrive.

use super::alarms::Alarms;
use crate::chip::{CoreTiming, Grid};
use crate::engine::flits::{Packet, Queue};
use crate::engine::noc::Noc;

/// The Receive engine of one core, with its part of the node's queue.
#[derive(Debug, Clone, Copy, Default)]
struct ReceiveEngine {
    /// The tails of the whole packets in the queue.
    packets: Queue,
    /// Flits in the queue of the node, at its first core.
    flits: u32,
    /// Whether the engine is on the list or has an alarm.
    is_awaited: bool,
    /// Whether it is on the list of those that took a packet in this timestep.
    has_worked: bool,
    /// From when on the next packet can be taken.
    free: u64,
}

/// The Receive engines of all cores.
#[derive(Debug)]
pub(in crate::engine) struct ReceiveEngines {
    timing: CoreTiming,
    grid: Grid,
    engines: Vec<ReceiveEngine>,
    /// Cores whose engine takes a packet in this cycle.
    acting: Vec<u32>,
    alarms: Alarms,
    /// Cores whose engine took a packet in this timestep.
    worked: Vec<u32>,
    /// The last cycle so far at whose end the synapses of a packet are added and drained.
    pub(in crate::engine) drained: u64,
}

impl ReceiveEngines {
    pub(in crate::engine) fn new(timing: &CoreTiming, grid: Grid) -> Self {
        Self {
            timing: timing.clone(),
            grid,
            engines: vec![ReceiveEngine::default(); grid.num_cores() as usize],
            acting: vec![],
            alarms: Alarms::default(),
            worked: vec![],
            drained: 0,
        }
    }

    /// Forgets the last timestep, which left all queues empty.
    pub(in crate::engine) fn start_timestep(&mut self) {
        for core in self.worked.drain(..) {
            self.engines[core as usize] = ReceiveEngine::default();
        }
        self.drained = 0;
    }

    /// Takes a flit for a core into the queue of its node. Returns whether it is the tail of a packet.
    #[inline]
    pub(in crate::engine) fn arrive(&mut self, now: u64, core: u32, flit: u32, noc: &mut Noc) -> bool {
        let node = self.grid.node_of(core);
        let queued = &mut self.engines[self.grid.first_core(node) as usize].flits;
        *queued += 1;
        let held = u64::from(*queued);
        noc.tally.at(node, |counters| {
            counters.highest_receive_flits = counters.highest_receive_flits.max(held);
        });
        let engine = &mut self.engines[core as usize];
        let is_tail = noc.flits.target(flit).is_tail();
        if is_tail {
            engine.packets.push(flit, &mut noc.flits);
            if !engine.is_awaited {
                engine.is_awaited = true;
                self.wake(now, core);
            }
        }
        is_tail
    }

    fn wake(&mut self, now: u64, core: u32) {
        let free = self.engines[core as usize].free;
        if free <= now {
            self.acting.push(core);
        } else {
            self.alarms.set(free, core);
        }
    }

    /// One cycle of every engine that takes a packet in it; `synapses` tells the length of its row.
    pub(in crate::engine) fn step(&mut self, now: u64, noc: &mut Noc, synapses: impl Fn(&Packet) -> u32) {
        while let Some(core) = self.alarms.pop_due(now) {
            self.acting.push(core);
        }
        let mut acting = std::mem::take(&mut self.acting);
        for core in acting.drain(..) {
            self.take(now, core, noc, &synapses);
        }
        self.acting = acting;
    }

    fn take(&mut self, now: u64, core: u32, noc: &mut Noc, synapses: impl Fn(&Packet) -> u32) {
        let node = self.grid.node_of(core);
        self.engines[self.grid.first_core(node) as usize].flits -= noc.packet_flits;
        let engine = &mut self.engines[core as usize];
        let tail = engine.packets.pop(&noc.flits);
        noc.take(node);
        let synapses = synapses(&noc.flits.leave(tail));
        let busy = u64::from(self.timing.decode_cycles) + self.timing.adding_cycles(synapses);
        engine.free = now + busy;
        noc.tally.at(node, |counters| {
            counters.receive_busy_cycles += busy;
            counters.sops += u64::from(synapses);
        });
        noc.tally.at_core(core, |cycles| cycles.receive += busy);
        self.drained = self.drained.max(engine.free - 1 + u64::from(self.timing.accumulate_latency));
        if !std::mem::replace(&mut engine.has_worked, true) {
            self.worked.push(core);
        }
        engine.is_awaited = engine.packets.length > 0;
        if engine.is_awaited {
            self.alarms.set(engine.free, core);
        }
    }

    /// The next cycle in which an engine takes a packet that is already here, or `NEVER`.
    pub(in crate::engine) fn next_action(&self) -> u64 {
        self.alarms.next()
    }

    /// Nodes whose queue holds a flit.
    pub(in crate::engine) fn waiting(&self) -> impl Iterator<Item = u32> {
        let firsts = self.engines.iter().step_by(self.grid.cores_per_node as usize);
        (0..).zip(firsts).filter(|(_, engine)| engine.flits > 0).map(|(node, _)| node)
    }
}
