//! Send: sends the packets of the neurons that fired, in the order in which they become visible.

use std::ops::Range;

use super::alarms::Alarms;
use super::shared_ports::SharedPorts;
use crate::chip::{CoreTiming, Grid};
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

/// The Send engines of all cores.
#[derive(Debug)]
pub(in crate::engine) struct SendEngines {
    axon_lookup_cycles: u64,
    grid: Grid,
    /// Where several cores have one port; their engines' own credits do not matter then.
    ports: SharedPorts,
    engines: Vec<SendEngine>,
    /// When each spike of the timestep becomes visible.
    pub(in crate::engine) visible: Vec<u64>,
    /// Cores whose engine acts in this cycle.
    acting: Vec<u32>,
    /// Memory for those of the next.
    spare: Vec<u32>,
    alarms: Alarms,
    /// Engines that have something left to send.
    unfinished: usize,
    /// Engines that have a flit and no credit.
    stalled: u64,
    /// The last cycle so far in which targets are looked up.
    pub(in crate::engine) looked_up: u64,
}

impl SendEngines {
    pub(in crate::engine) fn new(timing: &CoreTiming, queue_flits: u32, grid: Grid) -> Self {
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
            ports: SharedPorts::new(grid.cores_per_node, queue_flits, grid.num_nodes()),
            engines: vec![engine; grid.num_cores() as usize],
            grid,
            visible: vec![],
            acting: vec![],
            spare: vec![],
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
        self.ports.start_timestep();
    }

    /// Hands the spikes of a core to its engine.
    pub(in crate::engine) fn start(&mut self, core: &CoreWork) {
        if core.spikes.is_empty() {
            return;
        }
        let engine = &mut self.engines[core.core as usize];
        (engine.spikes, engine.ready) = (core.spikes.clone(), 0);
        self.unfinished += 1;
        self.alarms.set(self.visible[core.spikes.start as usize], core.core);
    }

    /// Gives the core or cores of a node a credit, which can be used in this cycle.
    #[inline]
    pub(in crate::engine) fn add_credit(&mut self, now: u64, node: u32, tally: &mut Tally) {
        if self.grid.cores_per_node > 1 {
            self.ports.add_credit(node);
            return;
        }
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
        while let Some(core) = self.alarms.pop_due(now) {
            self.acting.push(core);
        }
        if self.grid.cores_per_node > 1 {
            return self.step_together(now, noc, traffic);
        }
        let stalled_before = self.stalled;
        let mut kept = 0;
        let num_acting = self.acting.len();
        for position in 0..num_acting {
            let core = self.acting[position];
            self.acting[kept] = core;
            kept += usize::from(self.act(now, core, noc, traffic));
        }
        self.acting.truncate(kept);
        num_acting as u64 > self.stalled - stalled_before
    }

    /// The same where cores share ports: each that has a flit asks for the port of its node.
    fn step_together(&mut self, now: u64, noc: &mut Noc, traffic: &Traffic) -> bool {
        let mut acting = std::mem::replace(&mut self.acting, std::mem::take(&mut self.spare));
        let mut acted = false;
        for core in acting.drain(..) {
            if self.engines[core as usize].stream.is_empty() {
                self.take_spike(now, core, &mut noc.tally, traffic);
                self.wait_for_turn(now, core);
                acted = true;
            } else {
                self.ports.ask(core);
                // With the cycle in which it sends added, this is how long the wait was.
                self.count_stalled(core, &mut noc.tally, |cycles| cycles.wrapping_sub(now));
            }
        }
        self.spare = acting;
        let mut ports = std::mem::take(&mut self.ports);
        ports.grant(|core| {
            self.count_stalled(core, &mut noc.tally, |cycles| cycles.wrapping_add(now));
            self.send_flit(now, core, noc, traffic);
            self.wait_for_turn(now, core);
            acted = true;
            self.engines[core as usize].stream.is_between_packets()
        });
        self.ports = ports;
        acted
    }

    fn count_stalled(&self, core: u32, tally: &mut Tally, change: impl Fn(u64) -> u64) {
        tally.at(self.grid.node_of(core), |counters| {
            counters.send_stalled_cycles = change(counters.send_stalled_cycles);
        });
    }

    fn wait_for_turn(&mut self, now: u64, core: u32) {
        if self.wait(now, core) {
            self.acting.push(core);
        }
    }

    /// One action of one engine with a port of its own. Returns whether it acts again in the next cycle.
    #[inline]
    fn act(&mut self, now: u64, core: u32, noc: &mut Noc, traffic: &Traffic) -> bool {
        let engine = &mut self.engines[core as usize];
        if engine.stream.is_empty() {
            self.take_spike(now, core, &mut noc.tally, traffic);
        } else if engine.credits == 0 {
            engine.is_stalled = true;
            self.stalled += 1;
            self.count_stalled(core, &mut noc.tally, |cycles| cycles.wrapping_sub(now));
            return false;
        } else {
            engine.credits -= 1;
            self.send_flit(now, core, noc, traffic);
        }
        self.wait(now, core)
    }

    fn take_spike(&mut self, now: u64, core: u32, tally: &mut Tally, traffic: &Traffic) {
        let node = self.grid.node_of(core);
        let engine = &mut self.engines[core as usize];
        let spike = engine.spikes.start as usize;
        engine.spikes.start += 1;
        engine.stream = FlitStream::new(traffic.spikes[spike].packets.clone());
        engine.visible = self.visible[spike];
        engine.ready = now + self.axon_lookup_cycles;
        tally.at(node, |counters| counters.send_busy_cycles += self.axon_lookup_cycles);
        tally.at_core(core, |cycles| cycles.send += self.axon_lookup_cycles);
        self.looked_up = self.looked_up.max(engine.ready - 1);
    }

    fn send_flit(&mut self, now: u64, core: u32, noc: &mut Noc, traffic: &Traffic) {
        let node = self.grid.node_of(core);
        let engine = &mut self.engines[core as usize];
        let (flit, is_head) = noc.next_flit(&mut engine.stream, |index| {
            let source = Destination::Core(core);
            let packet = Packet { index, source, created: engine.visible, sent: now };
            (packet, traffic.packets[index as usize].destination)
        });
        noc.tally.at(node, |counters| {
            counters.packets += u64::from(is_head);
            counters.send_busy_cycles += 1;
        });
        noc.tally.at_core(core, |cycles| cycles.send += 1);
        noc.send(node, flit);
    }

    /// Sees to it that an engine acts when it must. Returns whether that is in the next cycle.
    #[inline]
    fn wait(&mut self, now: u64, core: u32) -> bool {
        let engine = &self.engines[core as usize];
        if engine.is_done() {
            self.unfinished -= 1;
            return false;
        }
        let next = engine.next_action(&self.visible);
        let acts_next = next <= now + 1;
        if !acts_next {
            self.alarms.set(next, core);
        }
        acts_next
    }

    /// The next cycle in which an engine acts, or `NEVER`; a credit may come first.
    pub(in crate::engine) fn next_action(&self, now: u64) -> u64 {
        if self.acting.is_empty() && self.ports.is_idle() { self.alarms.next() } else { now + 1 }
    }

    pub(in crate::engine) fn is_done(&self) -> bool {
        self.unfinished == 0
    }

    /// Cores whose engine has something left to send.
    pub(in crate::engine) fn waiting(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.engines).filter(|(_, engine)| !engine.is_done()).map(|(core, _)| core)
    }
}
