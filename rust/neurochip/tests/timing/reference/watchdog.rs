//! The words of the watchdog (machine.md, section 8.6).

use neurochip::chip::Port;

use super::Machine;
use super::network::{PORTS, Side};

impl Machine<'_> {
    /// Who waits on whom when nothing can ever move.
    pub(super) fn waits(&self) -> Vec<String> {
        let nodes = 0..self.sends.len();
        let cores = nodes.clone().filter(|&node| !self.sends[node].is_done());
        let ports = (0..self.entrances.len()).filter(|&port| !self.entrances[port].0.is_empty());
        let inputs = nodes.clone().flat_map(|node| (0..PORTS).map(move |input| (node, input)));
        let partial = nodes.filter(|&node| !self.network.receive_queues[node].is_empty());
        let mut waits: Vec<_> =
            cores.map(|node| format!("core {node} waits on router {node} for a credit")).collect();
        waits.extend(ports.map(|port| format!("io port {port} waits on its router for a credit")));
        waits.extend(inputs.filter_map(|(node, input)| self.router_wait(node, input)));
        waits.extend(
            partial.map(|node| format!("core {node} waits on router {node} for the rest of a packet")),
        );
        let unnamed = waits.len().saturating_sub(8);
        waits.truncate(8);
        waits.extend((unnamed > 0).then(|| format!("and {unnamed} more")));
        waits
    }

    fn router_wait(&self, node: usize, input: usize) -> Option<String> {
        let packet = self.network.routers[node].queues[input].front()?.packet;
        let whom = match self.network.side(node, self.network.route(node, packet)) {
            Side::Router(neighbour) | Side::Linked(neighbour) => format!("router {neighbour}"),
            Side::Core => format!("core {node}"),
            Side::Outside(_) | Side::Nothing => "the chip's edge".to_owned(),
        };
        Some(format!("input {} of router {node} waits on {whom}", Port::ALL[input]))
    }
}
