//! Routers, links and queues (machine.md, sections 3 and 6).

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use neurochip::chip::{Board, IoPort, Mesh, Noc, Port};
use neurochip::counters::Counters;
use neurochip::engine::{PacketTrace, Places};
use neurochip::traffic::Destination;

pub(super) const PORTS: usize = 5;
pub(super) const LOCAL: usize = Port::Local as usize;

#[derive(Clone, Copy)]
pub(super) struct Flit {
    /// Position in [`Network::packets`].
    pub(super) packet: usize,
    pub(super) is_tail: bool,
}

pub(super) struct Packet {
    pub(super) trace: PacketTrace,
    /// What its sender calls it.
    pub(super) index: u32,
    pub(super) synapses: u32,
}

pub(super) enum Message {
    FlitAtRouter(usize, usize, Flit),
    FlitAtCore(usize, Flit),
    FlitOutside(Flit),
    CreditAtRouter(usize, usize),
    CreditAtCore(usize),
    CreditAtPort(usize),
}

/// What lies behind a port of a router.
pub(super) enum Side {
    Router(usize),
    /// A router of another chip.
    Linked(usize),
    Core,
    Outside(usize),
    Nothing,
}

#[derive(Clone, Default)]
pub(super) struct Router {
    pub(super) queues: [VecDeque<Flit>; PORTS],
    pub(super) credits: [u32; PORTS],
    /// Where each output's round robin begins, a position in the arbitration order.
    pointers: [usize; PORTS],
    /// The input whose packet each output is in the middle of.
    locks: [Option<usize>; PORTS],
    /// From when on each output can grant again.
    free: [u64; PORTS],
}

pub(super) struct Network {
    pub(super) spec: Noc,
    mesh: Mesh,
    pub(super) cores_per_node: usize,
    board: Board,
    pub(super) io: Vec<IoPort>,
    pub(super) routers: Vec<Router>,
    pub(super) core_credits: Vec<u32>,
    pub(super) port_credits: Vec<u32>,
    pub(super) receive_queues: Vec<VecDeque<Flit>>,
    /// Every packet that was ever sent.
    pub(super) packets: Vec<Packet>,
    /// By the cycle in which they arrive.
    pub(super) messages: BTreeMap<u64, Vec<Message>>,
    /// Packets whose tail has arrived in this cycle.
    arrived: Vec<usize>,
    pub(super) places: Places,
}

impl Network {
    /// Io ports are in global coordinates.
    pub(super) fn new(spec: &Noc, mesh: &Mesh, board: &Board, io: &[IoPort]) -> Self {
        let num_nodes = (mesh.width * board.chips_x * mesh.height * board.chips_y) as usize;
        let mut credits = [spec.queue_flits; PORTS];
        credits[LOCAL] = spec.receive_flits;
        Self {
            spec: spec.clone(),
            mesh: mesh.clone(),
            cores_per_node: mesh.cores_per_node.unwrap_or(1) as usize,
            board: board.clone(),
            io: io.to_vec(),
            routers: vec![Router { credits, ..Router::default() }; num_nodes],
            core_credits: vec![spec.queue_flits; num_nodes],
            port_credits: vec![spec.queue_flits; io.len()],
            receive_queues: vec![VecDeque::new(); num_nodes],
            packets: vec![],
            messages: BTreeMap::new(),
            arrived: vec![],
            places: Places::new(num_nodes as u32, num_nodes as u32 * mesh.cores_per_node.unwrap_or(1)),
        }
    }

    /// What is counted at a node.
    pub(super) fn at(&mut self, node: usize) -> &mut Counters {
        &mut self.places.nodes[node]
    }

    /// The node whose router has an io port.
    pub(super) fn node_at(&self, port: usize) -> usize {
        self.io[port].y as usize * self.width() + self.io[port].x as usize
    }

    /// Nodes in a row of the board.
    pub(super) fn width(&self) -> usize {
        (self.mesh.width * self.board.chips_x) as usize
    }

    pub(super) fn side(&self, node: usize, port: usize) -> Side {
        let (width, chip_width, chip_height) =
            (self.width(), self.mesh.width as usize, self.mesh.height as usize);
        let (x, y) = (node % width, node / width);
        let (x_on_chip, y_on_chip) = (x % chip_width, y % chip_height);
        let is_here = |io: &IoPort| (io.x as usize, io.y as usize, io.side as usize) == (x, y, port);
        let (neighbour, is_link) = match Port::ALL[port] {
            Port::PlusX if x + 1 < width => (node + 1, x_on_chip + 1 == chip_width),
            Port::MinusX if x > 0 => (node - 1, x_on_chip == 0),
            Port::PlusY if node + width < self.routers.len() => (node + width, y_on_chip + 1 == chip_height),
            Port::MinusY if y > 0 => (node - width, y_on_chip == 0),
            Port::Local => return Side::Core,
            _ => return self.io.iter().position(is_here).map_or(Side::Nothing, Side::Outside),
        };
        if is_link { Side::Linked(neighbour) } else { Side::Router(neighbour) }
    }

    /// The output that a packet takes at a router: x first.
    pub(super) fn route(&self, node: usize, packet: usize) -> usize {
        let (exit, exit_port) = match self.packets[packet].trace.destination {
            Destination::Core(core) => (core / self.cores_per_node as u32, LOCAL),
            Destination::Port(port) => {
                let io = &self.io[port as usize];
                (io.y * self.width() as u32 + io.x, io.side as usize)
            }
        };
        let (node, width) = (node as u32, self.width() as u32);
        let port = match ((exit % width).cmp(&(node % width)), (exit / width).cmp(&(node / width))) {
            (std::cmp::Ordering::Greater, _) => Port::PlusX,
            (std::cmp::Ordering::Less, _) => Port::MinusX,
            (_, std::cmp::Ordering::Greater) => Port::PlusY,
            (_, std::cmp::Ordering::Less) => Port::MinusY,
            _ => return exit_port,
        };
        port as usize
    }

    /// Cycles of a flit across a side of a router.
    fn hop_cycles(&self, side: usize) -> u64 {
        let along_x = self.spec.hop_cycles;
        let along_y = self.spec.hop_y_cycles.unwrap_or(along_x);
        u64::from(if side < Port::PlusY as usize { along_x } else { along_y })
    }

    pub(super) fn post(&mut self, cycle: u64, message: Message) {
        self.messages.entry(cycle).or_default().push(message);
    }

    /// Applies the messages that arrive in this cycle; returns whether there were any.
    pub(super) fn apply_messages(&mut self, now: u64) -> bool {
        let messages = self.messages.remove(&now).unwrap_or_default();
        let any = !messages.is_empty();
        for message in messages {
            match message {
                Message::FlitAtRouter(node, input, flit) => {
                    let queue = &mut self.routers[node].queues[input];
                    queue.push_back(flit);
                    let highest = &mut self.places.nodes[node].highest_queue_flits;
                    *highest = (*highest).max(queue.len() as u64);
                }
                Message::FlitAtCore(node, flit) => {
                    self.receive_queues[node].push_back(flit);
                    let highest = &mut self.places.nodes[node].highest_receive_flits;
                    *highest = (*highest).max(self.receive_queues[node].len() as u64);
                    self.arrived.extend(flit.is_tail.then_some(flit.packet));
                }
                Message::FlitOutside(flit) => self.arrived.extend(flit.is_tail.then_some(flit.packet)),
                Message::CreditAtRouter(node, output) => self.routers[node].credits[output] += 1,
                Message::CreditAtCore(node) => self.core_credits[node] += 1,
                Message::CreditAtPort(port) => self.port_credits[port] += 1,
            }
        }
        any
    }

    /// Packets whose tail has arrived, with the cycle of that.
    pub(super) fn take_arrived(&mut self, now: u64) -> Vec<usize> {
        let arrived = std::mem::take(&mut self.arrived);
        for &packet in &arrived {
            self.packets[packet].trace.received = now;
        }
        arrived
    }

    /// One cycle of one router; returns whether a flit moved.
    pub(super) fn step_router(&mut self, now: u64, node: usize) -> bool {
        // The output that the head-of-line flit of each input asks for.
        let head = |input: usize| self.routers[node].queues[input].front();
        let wanted: [_; PORTS] =
            std::array::from_fn(|input| head(input).map(|flit| self.route(node, flit.packet)));
        let mut moved = false;
        for output in 0..PORTS {
            let router = &mut self.routers[node];
            let first = router.pointers[output];
            let turns = (first..first + PORTS).map(|turn| self.spec.arbitration_order[turn % PORTS] as usize);
            let mut asking = turns.filter(|&input| wanted[input] == Some(output));
            let chosen = match router.locks[output] {
                Some(input) => asking.find(|&asking| asking == input),
                None => asking.next(),
            };
            let Some(input) = chosen else { continue };
            if router.credits[output] == 0 || now < router.free[output] {
                self.at(node).output_blocked_cycles += 1;
                self.places.outputs[node][output].blocked_cycles += 1;
                continue;
            }
            self.grant(now, node, input, output);
            moved = true;
        }
        moved
    }

    fn grant(&mut self, now: u64, node: usize, input: usize, output: usize) {
        let router = &mut self.routers[node];
        let flit = router.queues[input].pop_front().expect("an input that asks has a flit");
        if router.locks[output].is_none() {
            let order = self.spec.arbitration_order;
            let position = order.iter().position(|&port| port as usize == input);
            router.pointers[output] = (position.expect("the order has every port") + 1) % PORTS;
        }
        router.locks[output] = (!flit.is_tail).then_some(input);
        let hop = now + self.hop_cycles(output);
        let link = now + u64::from(self.board.link_cycles.unwrap_or_default());
        match self.side(node, output) {
            Side::Router(neighbour) => {
                self.at(node).flit_hops += 1;
                self.places.outputs[node][output].flits += 1;
                self.routers[node].credits[output] -= 1;
                self.post(hop, Message::FlitAtRouter(neighbour, output ^ 1, flit));
            }
            Side::Linked(neighbour) => {
                self.at(node).flit_hops += 1;
                self.at(node).link_flits += 1;
                self.places.outputs[node][output].flits += 1;
                let router = &mut self.routers[node];
                router.credits[output] -= 1;
                router.free[output] = now + u64::from(self.board.link_flit_cycles.unwrap_or_default());
                self.post(link, Message::FlitAtRouter(neighbour, output ^ 1, flit));
            }
            Side::Core => {
                self.places.outputs[node][output].flits += 1;
                self.routers[node].credits[output] -= 1;
                self.post(now + u64::from(self.spec.eject_cycles), Message::FlitAtCore(node, flit));
            }
            Side::Outside(_) => {
                self.at(node).io_flits += 1;
                self.post(hop, Message::FlitOutside(flit));
            }
            Side::Nothing => unreachable!("dimension order stays inside the mesh"),
        }
        let credited = now + u64::from(self.spec.credit_cycles);
        let (cycle, credit) = match self.side(node, input) {
            Side::Router(neighbour) => (credited, Message::CreditAtRouter(neighbour, input ^ 1)),
            Side::Linked(neighbour) => (link, Message::CreditAtRouter(neighbour, input ^ 1)),
            Side::Core => (credited, Message::CreditAtCore(node)),
            Side::Outside(port) => (credited, Message::CreditAtPort(port)),
            Side::Nothing => unreachable!("no flit comes from beyond the edge"),
        };
        self.post(cycle, credit);
    }

    /// Sends a flit of a stream that has one from the core of a node, which has a credit.
    pub(super) fn send_flit(&mut self, now: u64, node: usize, flit: Flit) {
        self.core_credits[node] -= 1;
        self.at(node).flits += 1;
        self.post(now + u64::from(self.spec.inject_cycles), Message::FlitAtRouter(node, LOCAL, flit));
    }

    /// Lets a flit enter through an io port, which has a credit.
    pub(super) fn enter_flit(&mut self, now: u64, port: usize, flit: Flit) {
        self.port_credits[port] -= 1;
        let node = self.node_at(port);
        self.at(node).io_flits += 1;
        let message = Message::FlitAtRouter(node, self.io[port].side as usize, flit);
        self.post(now + self.hop_cycles(self.io[port].side as usize), message);
    }

    pub(super) fn cores_of(&self, node: usize) -> Range<usize> {
        node * self.cores_per_node..(node + 1) * self.cores_per_node
    }

    /// Takes the first whole packet for a core from the receive queue of its node.
    pub(super) fn take_packet(&mut self, now: u64, core: usize) -> usize {
        let (node, packet) = (core / self.cores_per_node, self.packet_for(core));
        let packet = packet.expect("a whole packet is in the queue");
        self.receive_queues[node].retain(|flit| flit.packet != packet);
        for _ in 0..self.spec.packet_flits {
            let credit = Message::CreditAtRouter(node, LOCAL);
            self.post(now + u64::from(self.spec.credit_cycles), credit);
        }
        packet
    }

    pub(super) fn has_packet(&self, core: usize) -> bool {
        self.packet_for(core).is_some()
    }

    fn packet_for(&self, core: usize) -> Option<usize> {
        let to_core = |flit: &&Flit| {
            self.packets[flit.packet].trace.destination == Destination::Core(core as u32) && flit.is_tail
        };
        self.receive_queues[core / self.cores_per_node].iter().find(to_core).map(|flit| flit.packet)
    }
}
