//! Local ports that several cores share: one of them sends in a cycle (machine.md, section 4.1).

/// The way from the cores of a node into the local queue of their router.
#[derive(Debug, Clone)]
struct SharedPort {
    /// Free slots in the queue.
    credits: u32,
    /// A bit for each core of the node that has a flit to send.
    asking: u64,
    /// The core whose packet is under way.
    locked: Option<u32>,
    /// The core that the round robin begins with.
    first_turn: u32,
    /// Whether it is on the list of those that grant in the next cycle.
    is_open: bool,
    /// Whether it is on the list of those that granted in this timestep.
    has_turned: bool,
}

impl SharedPort {
    /// The core whose turn it is, counted within the node.
    fn turn(&self) -> u32 {
        let behind = self.asking >> self.first_turn;
        let next = if behind == 0 { self.asking } else { behind << self.first_turn };
        self.locked.unwrap_or(next.trailing_zeros())
    }

    fn can_grant(&self) -> bool {
        self.asking != 0 && self.credits > 0
    }
}

/// The local ports of all nodes; none where every core has one of its own.
#[derive(Debug, Default)]
pub(super) struct SharedPorts {
    cores_per_node: u32,
    ports: Vec<SharedPort>,
    /// Nodes whose port grants in the next cycle.
    open: Vec<u32>,
    /// Nodes whose port granted in this timestep.
    turned: Vec<u32>,
}

impl SharedPorts {
    pub(super) fn new(cores_per_node: u32, queue_flits: u32, num_nodes: u32) -> Self {
        let port = SharedPort {
            credits: queue_flits,
            asking: 0,
            locked: None,
            first_turn: 0,
            is_open: false,
            has_turned: false,
        };
        let num_ports = if cores_per_node == 1 { 0 } else { num_nodes as usize };
        Self { cores_per_node, ports: vec![port; num_ports], open: vec![], turned: vec![] }
    }

    /// Every round robin begins anew, as at the start of a timestep.
    pub(super) fn start_timestep(&mut self) {
        for node in self.turned.drain(..) {
            let port = &mut self.ports[node as usize];
            (port.first_turn, port.has_turned) = (0, false);
        }
    }

    /// Whether no port grants in the next cycle.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// A core has a flit to send from this cycle on.
    pub(super) fn ask(&mut self, core: u32) {
        let (node, place) = (core / self.cores_per_node, core % self.cores_per_node);
        self.ports[node as usize].asking |= 1 << place;
        self.list(node);
    }

    /// A slot in the queue of a router is free again.
    pub(super) fn add_credit(&mut self, node: u32) {
        self.ports[node as usize].credits += 1;
        self.list(node);
    }

    fn list(&mut self, node: u32) {
        let port = &mut self.ports[node as usize];
        if port.can_grant() && !port.is_open {
            port.is_open = true;
            self.open.push(node);
        }
    }

    /// One cycle of every port: `send` sends a flit of the core whose turn it is, and returns whether
    /// that was the tail of its packet.
    pub(super) fn grant(&mut self, mut send: impl FnMut(u32) -> bool) {
        let Self { cores_per_node, ports, open, turned } = self;
        open.retain(|&node| {
            let port = &mut ports[node as usize];
            let place = port.turn();
            port.credits -= 1;
            port.asking &= !(1 << place);
            let is_tail = send(node * *cores_per_node + place);
            if port.locked.is_none() {
                port.first_turn = (place + 1) % *cores_per_node;
            }
            port.locked = (!is_tail).then_some(place);
            if !std::mem::replace(&mut port.has_turned, true) {
                turned.push(node);
            }
            // The core of a packet under way asks again in the next cycle, and lists its port then.
            port.is_open = port.can_grant() && is_tail;
            port.is_open
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cores that send in a cycle.
    fn granted(ports: &mut SharedPorts, is_tail: bool) -> Vec<u32> {
        let mut cores = vec![];
        ports.grant(|core| {
            cores.push(core);
            is_tail
        });
        cores
    }

    #[test]
    fn cores_of_a_node_take_turns_and_other_nodes_do_not_wait() {
        let mut ports = SharedPorts::new(4, 8, 2);
        for core in [3, 1, 2, 6] {
            ports.ask(core);
        }
        assert_eq!(granted(&mut ports, true), [1, 6]);
        ports.ask(1);
        assert_eq!(granted(&mut ports, true), [2]);
        assert_eq!(granted(&mut ports, true), [3]);
        assert_eq!(granted(&mut ports, true), [1], "behind the last core comes the first");
        assert!(ports.is_idle());
        ports.start_timestep();
        ports.ask(3);
        ports.ask(0);
        assert_eq!(granted(&mut ports, true), [0], "the round robin began anew");
    }

    #[test]
    fn a_packet_under_way_keeps_its_port() {
        let mut ports = SharedPorts::new(2, 8, 1);
        ports.ask(0);
        ports.ask(1);
        assert_eq!(granted(&mut ports, false), [0]);
        ports.ask(0);
        assert_eq!(granted(&mut ports, true), [0]);
        assert_eq!(granted(&mut ports, true), [1]);
    }

    #[test]
    fn a_port_without_a_credit_waits_for_one() {
        let mut ports = SharedPorts::new(64, 1, 1);
        ports.ask(63);
        ports.ask(0);
        assert_eq!(granted(&mut ports, true), [0]);
        assert!(granted(&mut ports, true).is_empty());
        ports.add_credit(0);
        assert_eq!(granted(&mut ports, true), [63]);
    }
}
