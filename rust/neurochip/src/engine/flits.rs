//! The flits inside the chip, in one pool: queues, messages and lists hold their numbers.
//!
//! A packet has `packet_flits` numbers in a row, the last of which is its tail. A queue is a list of
//! flits linked through the pool, so that memory follows the flits in flight and not the depth of
//! the queues of a chip.

use crate::chip::{Grid, IoPort, Port};
use crate::traffic::Destination;

/// Where a flit leaves the mesh, and by which output, packed: 27 bits of coordinates (a mesh has up
/// to 2^20 nodes, so those of x and y add up to 21), a bit for the tail of a packet, 3 of the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target(u32);

const EXIT_SHIFT: u32 = 28;
const TAIL: u32 = 1 << 27;

impl Target {
    /// The output through which the flit leaves the router it ends at.
    #[inline(always)]
    pub(super) fn exit(self) -> u32 {
        self.0 >> EXIT_SHIFT
    }

    #[inline(always)]
    pub(super) fn is_tail(self) -> bool {
        self.0 & TAIL != 0
    }
}

/// How coordinates are packed for the mesh of a board.
#[derive(Debug, Clone)]
pub(super) struct Coordinates {
    grid: Grid,
    x_mask: u32,
    x_bits: u32,
    /// Packed place and output of each io port.
    ports: Vec<Target>,
}

impl Coordinates {
    pub(super) fn new(grid: &Grid, io: &[IoPort]) -> Self {
        let x_bits = grid.width.next_power_of_two().trailing_zeros();
        let mut coordinates =
            Self { grid: *grid, x_mask: (1 << x_bits) - 1, x_bits, ports: Vec::with_capacity(io.len()) };
        for port in io {
            let exit = (port.side as u32) << EXIT_SHIFT;
            coordinates.ports.push(Target(coordinates.packed(port.y * grid.width + port.x) | exit));
        }
        coordinates
    }

    /// Columns of the mesh.
    pub(super) fn width(&self) -> u32 {
        self.grid.width
    }

    /// The coordinates of a node, packed.
    pub(super) fn packed(&self, node: u32) -> u32 {
        (node / self.grid.width) << self.x_bits | (node % self.grid.width)
    }

    /// Where a packet for this destination leaves the mesh.
    pub(super) fn target(&self, destination: Destination) -> Target {
        match destination {
            Destination::Core(core) => {
                Target(self.packed(self.grid.node_of(core)) | (Port::Local as u32) << EXIT_SHIFT)
            }
            Destination::Port(port) => self.ports[port as usize],
        }
    }

    /// The output that a flit asks for at the router with these packed coordinates: x first.
    #[inline(always)]
    pub(super) fn route(&self, target: Target, router: u32) -> u32 {
        let (x, router_x) = (target.0 & self.x_mask, router & self.x_mask);
        let (y, router_y) = (target.0 & (TAIL - 1) & !self.x_mask, router & !self.x_mask);
        // One bit each for a way towards +x, -x, +y, -y: the lowest is the output. No branch, as
        // the next turn of a random packet cannot be predicted.
        let exit = 1 << target.exit();
        let ways = u32::from(x > router_x) | u32::from(x < router_x) << 1;
        let ways = ways | u32::from(y > router_y) << 2 | u32::from(y < router_y) << 3;
        (if ways == 0 { exit } else { ways }).trailing_zeros()
    }
}

/// A packet on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    /// What its sender calls it: its position in an array of packets.
    pub(super) index: u32,
    /// Where it came from.
    pub(super) source: Destination,
    /// Cycle in which its sender had it to send.
    pub(super) created: u64,
    /// Cycle in which its head flit was sent.
    pub(super) sent: u64,
}

#[derive(Debug, Clone, Copy)]
struct Flit {
    /// The flit after this one in a queue.
    next: u32,
    target: Target,
}

/// Every flit inside the chip.
#[derive(Debug)]
pub(super) struct Flits {
    /// Flits of a packet.
    length: u32,
    places: Vec<Flit>,
    packets: Vec<Packet>,
    vacant: Vec<u32>,
}

impl Flits {
    pub(super) fn new(packet_flits: u32) -> Self {
        Self { length: packet_flits, places: vec![], packets: vec![], vacant: vec![] }
    }

    /// Takes a packet in and returns the number of its head flit.
    pub(super) fn enter(&mut self, packet: Packet, target: Target) -> u32 {
        let place = match self.vacant.pop() {
            Some(place) => {
                self.packets[place as usize] = packet;
                place
            }
            None => self.grow(packet),
        };
        let head = place * self.length;
        let flits = &mut self.places[head as usize..(head + self.length) as usize];
        flits.fill(Flit { next: 0, target });
        flits[flits.len() - 1].target = Target(target.0 | TAIL);
        head
    }

    #[cold]
    fn grow(&mut self, packet: Packet) -> u32 {
        let num_flits = self.places.len() + self.length as usize;
        assert!(u32::try_from(num_flits).is_ok(), "more than 2^32 flits in flight");
        self.places.resize(num_flits, Flit { next: 0, target: Target(0) });
        self.packets.push(packet);
        self.packets.len() as u32 - 1
    }

    /// Lets the packet of a flit go.
    pub(super) fn leave(&mut self, flit: u32) -> Packet {
        let place = flit / self.length;
        self.vacant.push(place);
        self.packets[place as usize]
    }

    /// The packet of a flit.
    pub(super) fn packet(&self, flit: u32) -> &Packet {
        &self.packets[(flit / self.length) as usize]
    }

    #[inline(always)]
    pub(super) fn target(&self, flit: u32) -> Target {
        self.places[flit as usize].target
    }

    #[inline(always)]
    pub(super) fn next(&self, flit: u32) -> u32 {
        self.places[flit as usize].next
    }

    #[inline(always)]
    fn set_next(&mut self, flit: u32, next: u32) {
        self.places[flit as usize].next = next;
    }

    /// Whether no packet is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.packets.len() == self.vacant.len()
    }
}

/// Flits in a row; head and tail mean nothing while it is empty.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Queue {
    pub(super) head: u32,
    tail: u32,
    pub(super) length: u32,
}

impl Queue {
    #[inline(always)]
    pub(super) fn push(&mut self, flit: u32, flits: &mut Flits) {
        if self.length == 0 {
            self.head = flit;
        } else {
            flits.set_next(self.tail, flit);
        }
        self.tail = flit;
        self.length += 1;
    }

    /// Takes the head of a queue that is not empty.
    #[inline(always)]
    pub(super) fn pop(&mut self, flits: &Flits) -> u32 {
        let flit = self.head;
        self.head = flits.next(flit);
        self.length -= 1;
        flit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::{Board, Mesh};

    /// The outputs that a packet asks for on its way, of which there are at most `hops` and one.
    fn way(grid: &Grid, io: &[IoPort], source: u32, destination: Destination) -> Vec<Port> {
        let coordinates = Coordinates::new(grid, io);
        let (target, mut node, mut ports) = (coordinates.target(destination), source, vec![]);
        loop {
            let port = Port::ALL[coordinates.route(target, coordinates.packed(node)) as usize];
            ports.push(port);
            let Some(neighbour) = grid.neighbour(node, port) else { return ports };
            node = neighbour;
        }
    }

    fn grid(width: u32, height: u32) -> Grid {
        let mesh = Mesh {
            width,
            height,
            cores_per_node: None,
            reserved: vec![],
            max_hops_x: None,
            max_hops_y: None,
        };
        Grid::new(&mesh, &Board::default())
    }

    #[test]
    fn a_packet_goes_along_x_then_along_y_then_out() {
        let io = [IoPort { x: 2, y: 2, side: Port::PlusY, io_cycles: 1 }];
        let way = |source, destination| way(&grid(3, 3), &io, source, destination);
        assert_eq!(way(0, Destination::Core(4)), [Port::PlusX, Port::PlusY, Port::Local]);
        assert_eq!(way(8, Destination::Core(3)), [Port::MinusX, Port::MinusX, Port::MinusY, Port::Local]);
        assert_eq!(way(7, Destination::Port(0)), [Port::PlusX, Port::PlusY], "out at the side of the port");
    }

    #[test]
    fn the_longest_meshes_are_crossed_from_end_to_end() {
        const NODES: u32 = 1 << 20;
        for grid in [grid(NODES, 1), grid(1, NODES), grid(3, NODES / 3)] {
            let last = grid.num_nodes() - 1;
            let hops = (grid.width + grid.height - 2) as usize;
            assert_eq!(way(&grid, &[], 0, Destination::Core(last)).len(), hops + 1);
            assert_eq!(way(&grid, &[], last, Destination::Core(0)).len(), hops + 1);
        }
    }
}
