//! The network on chip in cycles: routers, links, and both ends of every way through them.

use std::collections::VecDeque;

use super::calendar::{Calendar, Message};
use super::packet::{Flit, InFlight, TravellingPacket};
use super::router::{Grant, LOCAL, PORTS, Router, Side};
use crate::chip::{IoPort, Mesh, Noc as NocSpec, Port};
use crate::counters::Counters;
use crate::traffic::Destination;

/// Routers, links and queues; arrays are by node, or by io port.
#[derive(Debug)]
pub(super) struct Noc {
    pub(super) spec: NocSpec,
    /// Ports in the order in which outputs visit them.
    order: [usize; PORTS],
    io: Vec<IoPort>,
    pub(super) width: u32,
    pub(super) routers: Vec<Router>,
    /// Routers that may hold a flit, each once.
    pub(super) active: Vec<u32>,
    is_active: Vec<bool>,
    pub(super) packets: InFlight,
    pub(super) calendar: Calendar,
    /// Free slots in the local queue of each router, as its core knows.
    pub(super) send_credits: Vec<u32>,
    /// Free slots in the outward queue behind each io port, as the world knows.
    pub(super) port_credits: Vec<u32>,
    pub(super) receive_queues: Vec<VecDeque<Flit>>,
    /// Packets whose tail has arrived and that nobody has looked at yet.
    pub(super) arrived: Vec<u32>,
    grants: Vec<Grant>,
    pub(super) counters: Counters,
}

impl Noc {
    pub(super) fn new(spec: &NocSpec, mesh: &Mesh, io: &[IoPort]) -> Self {
        let latencies = [spec.inject_cycles, spec.hop_cycles, spec.eject_cycles, spec.credit_cycles];
        let num_nodes = (mesh.width * mesh.height) as usize;
        let routers = (0..num_nodes as u32).map(|node| new_router(node, spec, mesh, io));
        Self {
            order: spec.arbitration_order.map(|port| port as usize),
            io: io.to_vec(),
            width: mesh.width,
            routers: routers.collect(),
            active: vec![],
            is_active: vec![false; num_nodes],
            packets: InFlight::default(),
            calendar: Calendar::new(latencies.into_iter().max().unwrap_or(1)),
            send_credits: vec![spec.queue_flits; num_nodes],
            port_credits: vec![spec.queue_flits; io.len()],
            receive_queues: vec![VecDeque::new(); num_nodes],
            arrived: vec![],
            grants: vec![],
            counters: Counters::default(),
            spec: spec.clone(),
        }
    }

    /// Prepares a network that the last timestep left empty for the next.
    pub(super) fn start_timestep(&mut self) {
        self.counters = Counters::default();
        self.routers.iter_mut().for_each(Router::reset_round_robin);
    }

    /// Gives a packet a place in the network; its flits follow with [`Noc::send_flit`].
    pub(super) fn enter(
        &mut self,
        source: Destination,
        destination: Destination,
        synapses: u32,
        [created, sent]: [u64; 2],
    ) -> u32 {
        let (x, y, exit) = match destination {
            Destination::Node(node) => (node % self.width, node / self.width, LOCAL),
            Destination::Port(port) => {
                let port = &self.io[port as usize];
                (port.x, port.y, port.side as usize)
            }
        };
        self.packets.enter(TravellingPacket { source, destination, synapses, x, y, exit, created, sent })
    }

    /// Sends a flit from the core of a node, which has a credit.
    pub(super) fn send_flit(&mut self, now: u64, node: u32, flit: Flit) {
        self.send_credits[node as usize] -= 1;
        self.counters.flits += 1;
        let due = now + u64::from(self.spec.inject_cycles);
        self.calendar.post(due, Message::FlitAtRouter { router: node, input: LOCAL, flit });
    }

    /// Lets a flit enter through an io port, which has a credit.
    pub(super) fn enter_flit(&mut self, now: u64, port: u32, flit: Flit) {
        self.port_credits[port as usize] -= 1;
        self.counters.io_flits += 1;
        let IoPort { x, y, side, .. } = self.io[port as usize];
        let message = Message::FlitAtRouter { router: y * self.width + x, input: side as usize, flit };
        self.calendar.post(now + u64::from(self.spec.hop_cycles), message);
    }

    /// Takes a whole packet from the receive queue of a core and returns its place.
    pub(super) fn receive_packet(&mut self, now: u64, node: u32) -> u32 {
        let mut place = 0;
        for _ in 0..self.spec.packet_flits {
            let flit =
                self.receive_queues[node as usize].pop_front().expect("a whole packet is in the queue");
            let credit = Message::CreditAtRouter { router: node, output: LOCAL };
            self.calendar.post(now + u64::from(self.spec.credit_cycles), credit);
            place = flit.packet;
        }
        place
    }

    /// How many whole packets are in the receive queue of a core.
    pub(super) fn packets_at(&self, node: u32) -> usize {
        self.receive_queues[node as usize].len() / self.spec.packet_flits as usize
    }

    /// Applies the messages that arrive in this cycle; returns whether there were any.
    pub(super) fn apply_messages(&mut self, now: u64) -> bool {
        let mut messages = self.calendar.take(now);
        let any = !messages.is_empty();
        for message in messages.drain(..) {
            self.apply(message);
        }
        self.calendar.give_back(now, messages);
        any
    }

    fn apply(&mut self, message: Message) {
        match message {
            Message::FlitAtRouter { router, input, flit } => {
                let queue = &mut self.routers[router as usize].queues[input];
                queue.push_back(flit);
                let highest = &mut self.counters.highest_queue_flits;
                *highest = (*highest).max(queue.len() as u64);
                if !std::mem::replace(&mut self.is_active[router as usize], true) {
                    self.active.push(router);
                }
            }
            Message::FlitAtCore { node, flit } => {
                let queue = &mut self.receive_queues[node as usize];
                queue.push_back(flit);
                let highest = &mut self.counters.highest_receive_flits;
                *highest = (*highest).max(queue.len() as u64);
                self.arrived.extend(flit.is_tail.then_some(flit.packet));
            }
            Message::FlitOutside { flit } => self.arrived.extend(flit.is_tail.then_some(flit.packet)),
            Message::CreditAtRouter { router, output } => self.routers[router as usize].credits[output] += 1,
            Message::CreditAtCore { node } => self.send_credits[node as usize] += 1,
            Message::CreditAtPort { port } => self.port_credits[port as usize] += 1,
        }
    }

    /// One cycle of one router. Returns how many flits moved and how many outputs were blocked.
    pub(super) fn step_router(&mut self, now: u64, node: u32) -> Moves {
        let mut grants = std::mem::take(&mut self.grants);
        let router = &mut self.routers[node as usize];
        let blocked_outputs = router.step(&self.order, &self.packets, &mut grants);
        let moves = Moves { flits: grants.len() as u64, blocked_outputs };
        for grant in grants.drain(..) {
            self.forward(now, node, grant);
        }
        self.grants = grants;
        moves
    }

    /// Sends a granted flit onward and its credit back.
    fn forward(&mut self, now: u64, node: u32, Grant { input, output, flit }: Grant) {
        let Noc { spec, calendar, counters, routers, .. } = self;
        let (hop, eject) = (u64::from(spec.hop_cycles), u64::from(spec.eject_cycles));
        let sides = &routers[node as usize].sides;
        match sides[output] {
            Side::Router(router) => {
                counters.flit_hops += 1;
                let input = opposite(output);
                calendar.post(now + hop, Message::FlitAtRouter { router, input, flit });
            }
            Side::Core => calendar.post(now + eject, Message::FlitAtCore { node, flit }),
            Side::Outside(_) => {
                counters.io_flits += 1;
                calendar.post(now + hop, Message::FlitOutside { flit });
            }
            Side::Nothing => unreachable!("dimension order stays inside the mesh"),
        }
        let credit = match sides[input] {
            Side::Router(router) => Message::CreditAtRouter { router, output: opposite(input) },
            Side::Core => Message::CreditAtCore { node },
            Side::Outside(port) => Message::CreditAtPort { port },
            Side::Nothing => unreachable!("no flit comes from beyond the edge"),
        };
        calendar.post(now + u64::from(spec.credit_cycles), credit);
    }

    /// One cycle of every router that may hold a flit.
    pub(super) fn step_routers(&mut self, now: u64) -> Moves {
        let mut moves = Moves::default();
        for position in 0..self.active.len() {
            moves.add(self.step_router(now, self.active[position]));
        }
        moves
    }

    /// Takes the routers that hold no flit any more off the list.
    pub(super) fn rest_empty_routers(&mut self) {
        let Noc { routers, active, is_active, .. } = self;
        active.retain(|&node| {
            is_active[node as usize] = routers[node as usize].has_flits();
            is_active[node as usize]
        });
    }

    /// Whether neither a packet nor a credit is anywhere in the network.
    pub(super) fn is_empty(&self) -> bool {
        self.calendar.is_empty() && self.packets.is_empty()
    }
}

/// What routers did in a cycle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moves {
    pub(super) flits: u64,
    /// Outputs that a flit asks for and that have no credit.
    pub(super) blocked_outputs: u64,
}

impl Moves {
    pub(super) fn add(&mut self, other: Self) {
        self.flits += other.flits;
        self.blocked_outputs += other.blocked_outputs;
    }
}

/// The port at the other end of a link.
pub(super) fn opposite(port: usize) -> usize {
    Port::ALL[port].opposite() as usize
}

fn new_router(node: u32, spec: &NocSpec, mesh: &Mesh, io: &[IoPort]) -> Router {
    let (x, y) = (node % mesh.width, node / mesh.width);
    let outside = |side| {
        let port = io.iter().position(|port| (port.x, port.y, port.side) == (x, y, side));
        port.map_or(Side::Nothing, |port| Side::Outside(port as u32))
    };
    let sides = Port::ALL.map(|port| match port {
        Port::PlusX if x + 1 < mesh.width => Side::Router(node + 1),
        Port::MinusX if x > 0 => Side::Router(node - 1),
        Port::PlusY if y + 1 < mesh.height => Side::Router(node + mesh.width),
        Port::MinusY if y > 0 => Side::Router(node - mesh.width),
        Port::Local => Side::Core,
        edge => outside(edge),
    });
    let credits = sides.map(|side| match side {
        Side::Router(_) | Side::Outside(_) => spec.queue_flits,
        Side::Core => spec.receive_flits,
        Side::Nothing => 0,
    });
    Router::new(x, y, sides, credits)
}
