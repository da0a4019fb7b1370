//! The network on chip in cycles: routers, links, and both ends of every way through them.

use super::active::ActiveSet;
use super::flits::{Coordinates, Flits, Packet};
use super::places::Tally;
use super::router::{LOCAL, Look, PORTS, Router, Turns};
use super::wheel::{Arrival, Kind, NEVER, Wheel};
use crate::chip::{Board, Grid, IoPort, Noc as NocSpec, Port};
use crate::counters::Counters;
use crate::traffic::Destination;

/// A port of a router in one number.
pub(super) fn slot(node: u32, port: usize) -> u32 {
    node << 3 | port as u32
}

/// The packets that leave one sender, one after the other, in flits.
#[derive(Debug, Clone, Default)]
pub(super) struct FlitStream {
    /// Packets of which no flit has left.
    packets: std::ops::Range<u32>,
    /// The next flit of the packet that is leaving, and how many of them have not left.
    flit: u32,
    flits_left: u32,
}

impl FlitStream {
    pub(super) fn new(packets: std::ops::Range<u32>) -> Self {
        Self { packets, flit: 0, flits_left: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flits_left == 0 && self.packets.is_empty()
    }

    /// Whether no packet has left in part.
    pub(super) fn is_between_packets(&self) -> bool {
        self.flits_left == 0
    }

    /// The packet that the next flit is the head of, if it is a head.
    pub(super) fn next_packet(&mut self) -> Option<u32> {
        if self.flits_left == 0 { self.packets.next() } else { None }
    }
}

/// After how many cycles a message arrives.
#[derive(Debug)]
struct Latencies {
    /// By the side that a flit crosses.
    hop: [u32; LOCAL],
    inject: u32,
    eject: u32,
    credit: u32,
    /// Across a link between chips, for a flit and for a credit; 1 where there is none.
    link: u32,
    /// Until a link takes the next flit.
    link_flit: u32,
}

impl Latencies {
    fn new(spec: &NocSpec, board: &Board) -> Self {
        Self {
            hop: std::array::from_fn(|side| spec.hop_cycles_to(Port::ALL[side])),
            inject: spec.inject_cycles,
            eject: spec.eject_cycles,
            credit: spec.credit_cycles,
            link: board.link_cycles.unwrap_or(1),
            link_flit: board.link_flit_cycles.unwrap_or(1),
        }
    }

    fn longest(&self) -> u32 {
        let Self { hop, inject, eject, credit, link, link_flit } = *self;
        hop.into_iter().chain([inject, eject, credit, link, link_flit]).fold(1, u32::max)
    }
}

/// Routers, links and queues; whoever posts a message through this decides when it arrives.
#[derive(Debug)]
pub(super) struct Noc {
    pub(super) packet_flits: u32,
    pub(super) coordinates: Coordinates,
    turns: Turns,
    /// What to add to the slot of a port to reach the port at the other end of its channel.
    channels: [u32; LOCAL],
    /// Slot of the router's side and number of each io port, ascending.
    ports: Vec<(u32, u32)>,
    pub(super) routers: Vec<Router>,
    pub(super) flits: Flits,
    /// Routers to look at.
    active: ActiveSet,
    /// Routers whose round robins may have moved in this timestep.
    turned: Vec<u32>,
    pub(super) wheel: Wheel,
    latencies: Latencies,
    /// Outputs that are asked for and have no credit, or a busy link.
    pub(super) blocked_outputs: i64,
    pub(super) tally: Tally,
}

impl Noc {
    /// The routers of a board; io ports are in global coordinates.
    pub(super) fn new(spec: &NocSpec, grid: &Grid, board: &Board, io: &[IoPort]) -> Self {
        let (coordinates, latencies) = (Coordinates::new(grid, io), Latencies::new(spec, board));
        let mut ports: Vec<_> = (0..)
            .zip(io)
            .map(|(port, at)| (slot(at.y * grid.width + at.x, at.side as usize), port))
            .collect();
        ports.sort_unstable();
        let router =
            |node| Router::new(coordinates.packed(node), credits(node, spec, grid), linked(node, grid));
        let mut routers: Vec<_> = (0..grid.num_nodes()).map(router).collect();
        for &(slot, _) in &ports {
            routers[(slot >> 3) as usize].open((slot & 7) as usize);
        }
        Self {
            packet_flits: spec.packet_flits,
            turns: Turns::new(spec.arbitration_order),
            channels: [8, 8_u32.wrapping_neg(), 8 * grid.width, (8 * grid.width).wrapping_neg()],
            ports,
            routers,
            flits: Flits::new(spec.packet_flits),
            active: ActiveSet::new(grid.num_nodes()),
            turned: vec![],
            wheel: Wheel::new(latencies.longest()),
            latencies,
            blocked_outputs: 0,
            tally: Tally::default(),
            coordinates,
        }
    }

    /// Prepares a network that the last timestep left empty for the next.
    pub(super) fn start_timestep(&mut self) {
        self.tally.total = Counters::default();
        for node in self.turned.drain(..) {
            self.routers[node as usize].reset_round_robins();
        }
    }

    /// The next flit of a stream that is not empty, and whether it is a head; `packet` describes the
    /// packet that it is the head of.
    #[inline]
    pub(super) fn next_flit(
        &mut self,
        stream: &mut FlitStream,
        packet: impl FnOnce(u32) -> (Packet, Destination),
    ) -> (u32, bool) {
        let head = stream.next_packet();
        if let Some(index) = head {
            let (packet, destination) = packet(index);
            stream.flit = self.flits.enter(packet, self.coordinates.target(destination));
            stream.flits_left = self.packet_flits;
        }
        stream.flits_left -= 1;
        stream.flit += 1;
        (stream.flit - 1, head.is_some())
    }

    /// Sends a flit from the core of a node, which has a credit.
    #[inline]
    pub(super) fn send(&mut self, node: u32, flit: u32) {
        self.tally.at(node, |counters| counters.flits += 1);
        let arrival = Arrival { place: slot(node, LOCAL), flit };
        self.wheel.post(Kind::RouterFlit, self.latencies.inject, arrival);
    }

    /// The node whose router has an io port.
    pub(super) fn node_at(&self, port: &IoPort) -> u32 {
        port.y * self.coordinates.width() + port.x
    }

    /// Lets a flit enter at an io port, which has a credit.
    pub(super) fn enter(&mut self, port: &IoPort, flit: u32) {
        let node = self.node_at(port);
        self.tally.at(node, |counters| counters.io_flits += 1);
        let side = port.side as usize;
        let arrival = Arrival { place: slot(node, side), flit };
        self.wheel.post(Kind::RouterFlit, self.latencies.hop[side], arrival);
    }

    /// The core of a node has taken a whole packet.
    #[inline]
    pub(super) fn take(&mut self, node: u32) {
        for _ in 0..self.packet_flits {
            let arrival = Arrival { place: slot(node, LOCAL), flit: 0 };
            self.wheel.post(Kind::RouterCredit, self.latencies.credit, arrival);
        }
    }

    /// Takes to the routers what arrives there in this cycle.
    pub(super) fn deliver(&mut self) {
        self.take_all(Kind::RouterCredit, |noc, credit| noc.tell(credit.place, Router::add_credit));
        self.take_all(Kind::LinkCredit, |noc, credit| noc.tell(credit.place, Router::add_link_credit));
        self.take_all(Kind::LinkFreed, |noc, link| noc.tell(link.place, Router::free_link));
        let Some(arrivals) = self.wheel.take(Kind::RouterFlit) else { return };
        let Self { routers, flits, coordinates, active, tally, .. } = self;
        let mut highest = tally.total.highest_queue_flits as u32;
        for &Arrival { place, flit } in &arrivals {
            let router = &mut routers[(place >> 3) as usize];
            let length = router.arrive((place & 7) as usize, flit, flits, coordinates);
            highest = highest.max(length);
            tally.only_at(place >> 3, |counters| {
                counters.highest_queue_flits = counters.highest_queue_flits.max(u64::from(length));
            });
            active.insert(place >> 3);
        }
        tally.total.highest_queue_flits = u64::from(highest);
        self.wheel.put_back(Kind::RouterFlit, arrivals);
    }

    #[inline(always)]
    fn take_all(&mut self, kind: Kind, mut take: impl FnMut(&mut Self, Arrival)) {
        if let Some(arrivals) = self.wheel.take(kind) {
            for &arrival in &arrivals {
                take(self, arrival);
            }
            self.wheel.put_back(kind, arrivals);
        }
    }

    /// Tells the output in a slot something; its router is looked at if the output is asked for.
    #[inline(always)]
    fn tell(&mut self, slot: u32, what: impl Fn(&mut Router, usize) -> bool) {
        if what(&mut self.routers[(slot >> 3) as usize], (slot & 7) as usize) {
            self.active.insert(slot >> 3);
        }
    }

    /// One cycle of every router with something to do.
    pub(super) fn look(&mut self, now: u64) {
        match (self.packet_flits == 1, self.tally.counts_outputs()) {
            (true, false) => self.look_at_all::<true, false>(now),
            (true, true) => self.look_at_all::<true, true>(now),
            (false, false) => self.look_at_all::<false, false>(now),
            (false, true) => self.look_at_all::<false, true>(now),
        }
    }

    fn look_at_all<const SINGLE_FLITS: bool, const COUNTED: bool>(&mut self, now: u64) {
        let mut active = std::mem::take(&mut self.active);
        active.retain(|node| {
            let look = self.look_at::<SINGLE_FLITS, COUNTED>(node);
            self.blocked_outputs += look.newly_blocked();
            if COUNTED {
                self.tally.change_blocked(node, now, look.was_blocked, look.blocked);
            }
            look.stays_active
        });
        self.active = active;
    }

    #[inline(always)]
    fn look_at<const SINGLE_FLITS: bool, const COUNTED: bool>(&mut self, node: u32) -> Look {
        let Self {
            routers, flits, coordinates, turns, channels, ports, turned, tally, wheel, latencies, ..
        } = self;
        let router = &mut routers[node as usize];
        if !router.has_turned {
            router.has_turned = true;
            turned.push(node);
        }
        let (outside, linked) = (router.outside, router.linked);
        router.look::<SINGLE_FLITS>(flits, coordinates, turns, |input, output, flit| {
            let beyond = |port: usize| (slot(node, port) ^ 1).wrapping_add(channels[port]);
            let (is_leaving, crosses) = (outside >> output & 1 == 1, linked >> output & 1 == 1);
            if COUNTED && !is_leaving {
                tally.count_flit(node, output);
            }
            let mut post = |kind, latency, place, flit| wheel.post(kind, latency, Arrival { place, flit });
            if output == LOCAL {
                post(Kind::CoreFlit, latencies.eject, node, flit);
            } else if !(is_leaving || crosses) {
                tally.total.flit_hops += 1;
                post(Kind::RouterFlit, latencies.hop[output], beyond(output), flit);
            } else if crosses {
                tally.total.flit_hops += 1;
                tally.at(node, |counters| counters.link_flits += 1);
                post(Kind::RouterFlit, latencies.link, beyond(output), flit);
                post(Kind::LinkFreed, latencies.link_flit, slot(node, output), 0);
            } else {
                tally.at(node, |counters| counters.io_flits += 1);
                post(Kind::OutsideFlit, latencies.hop[output], node, flit);
            }
            if input == LOCAL {
                post(Kind::CoreCredit, latencies.credit, node, 0);
            } else if (outside | linked) >> input & 1 == 0 {
                post(Kind::RouterCredit, latencies.credit, beyond(input), 0);
            } else if linked >> input & 1 == 1 {
                post(Kind::LinkCredit, latencies.link, beyond(input), 0);
            } else {
                post(Kind::PortCredit, latencies.credit, port_at(ports, slot(node, input)), 0);
            }
        })
    }

    /// Whether a router must be looked at in the next cycle.
    pub(super) fn is_active(&self) -> bool {
        !self.active.is_empty()
    }

    /// Whether neither a packet nor a credit is anywhere in the network.
    pub(super) fn is_empty(&self) -> bool {
        self.flits.is_empty() && self.wheel.next() == NEVER
    }

    /// Who is beyond a side of a router: another router, or the world outside an io port.
    pub(super) fn neighbour(&self, node: u32, side: usize) -> Option<u32> {
        let is_outside = self.routers[node as usize].outside >> side & 1 == 1;
        (!is_outside).then(|| slot(node, side).wrapping_add(self.channels[side]) >> 3)
    }
}

fn port_at(ports: &[(u32, u32)], slot: u32) -> u32 {
    let found = ports.binary_search_by_key(&slot, |&(slot, _)| slot);
    ports[found.expect("a side marked as outside is an io port")].1
}

/// The free slots after each output of a router of an empty network.
fn credits(node: u32, spec: &NocSpec, grid: &Grid) -> [u32; PORTS] {
    Port::ALL.map(|port| match (port, grid.neighbour(node, port)) {
        (Port::Local, _) => spec.receive_flits,
        (_, Some(_)) => spec.queue_flits,
        (_, None) => 0,
    })
}

/// Bits of the sides of a router that are links to another chip.
fn linked(node: u32, grid: &Grid) -> u8 {
    let bit = |port| u8::from(grid.is_link(node, port)) << port as u8;
    Port::ALL.into_iter().map(bit).sum()
}
