//! Nothing is lost and nothing is made: what holds at the end of every cycle (machine.md, section 8).

use super::network::{LOCAL, Message, Network, PORTS, Side};

impl Network {
    /// Asserts of every channel: flits in its queue, flits and credits on their way, and credits held
    /// add up to its depth.
    pub(super) fn assert_conservation(&self) {
        let mut inputs = vec![[0; PORTS]; self.routers.len()];
        let mut cores = vec![0; self.routers.len()];
        let mut credits = |node: usize, port: usize, count: u32| match self.side(node, port) {
            Side::Router(neighbour) | Side::Linked(neighbour) => inputs[neighbour][port ^ 1] += count,
            Side::Core => cores[node] += count,
            Side::Outside(_) | Side::Nothing => {}
        };
        for (node, router) in self.routers.iter().enumerate() {
            (0..PORTS).for_each(|port| credits(node, port, router.credits[port]));
        }
        for message in self.messages.values().flatten() {
            match *message {
                Message::CreditAtRouter(node, output) => credits(node, output, 1),
                Message::FlitAtCore(node, _) => credits(node, LOCAL, 1),
                _ => {}
            }
        }
        for message in self.messages.values().flatten() {
            match *message {
                Message::FlitAtRouter(node, input, _) => inputs[node][input] += 1,
                Message::CreditAtCore(node) => inputs[node][LOCAL] += 1,
                Message::CreditAtPort(port) => *self.outward(&mut inputs, port) += 1,
                _ => {}
            }
        }
        for (port, held) in self.port_credits.iter().enumerate() {
            *self.outward(&mut inputs, port) += held;
        }
        for (node, router) in self.routers.iter().enumerate() {
            inputs[node][LOCAL] += self.core_credits[node];
            cores[node] += self.receive_queues[node].len() as u32;
            assert_eq!(cores[node], self.spec.receive_flits, "receive queue {node} lost or made a flit");
            for port in (0..PORTS).filter(|&port| !matches!(self.side(node, port), Side::Nothing)) {
                let sum = inputs[node][port] + router.queues[port].len() as u32;
                assert_eq!(sum, self.spec.queue_flits, "queue {port} of router {node} lost or made a flit");
            }
        }
    }

    fn outward<'a>(&self, inputs: &'a mut [[u32; PORTS]], port: usize) -> &'a mut u32 {
        let io = &self.io[port];
        &mut inputs[io.y as usize * self.width() + io.x as usize][io.side as usize]
    }
}
