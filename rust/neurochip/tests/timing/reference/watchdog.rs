//! The words of the watchdog (machine.md, section 8.6).

use neurochip::chip::Port;

use super::Machine;
use super::network::{PORTS, Side};

impl Machine<'_> {
    /// Who waits on whom when nothing can ever move.
    pub(super) fn waits(&self) -> Vec<String> {
        let nodes = 0..self.network.routers.len();
        let cores = (0..self.sends.len()).filter(|&core| !self.sends[core].is_done());
        let (per_node, what) = (self.network.cores_per_node, self.receiver());
        let ports = (0..self.entrances.len()).filter(|&port| !self.entrances[port].0.is_empty());
        let inputs = nodes.clone().flat_map(|node| (0..PORTS).map(move |input| (node, input)));
        let partial = nodes.filter(|&node| !self.network.receive_queues[node].is_empty());
        let mut waits: Vec<_> = cores
            .map(|core| format!("core {core} waits on router {} for a credit", core / per_node))
            .collect();
        waits.extend(ports.map(|port| format!("io port {port} waits on its router for a credit")));
        waits.extend(inputs.filter_map(|(node, input)| self.router_wait(node, input)));
        waits.extend(
            partial.map(|node| format!("{what} {node} waits on router {node} for the rest of a packet")),
        );
        let unnamed = waits.len().saturating_sub(8);
        waits.truncate(8);
        waits.extend((unnamed > 0).then(|| format!("and {unnamed} more")));
        waits
    }

    /// What has a receive queue.
    fn receiver(&self) -> &'static str {
        if self.network.cores_per_node == 1 { "core" } else { "node" }
    }

    fn router_wait(&self, node: usize, input: usize) -> Option<String> {
        let packet = self.network.routers[node].queues[input].front()?.packet;
        let whom = match self.network.side(node, self.network.route(node, packet)) {
            Side::Router(neighbour) | Side::Linked(neighbour) => format!("router {neighbour}"),
            Side::Core => format!("{} {node}", self.receiver()),
            Side::Outside(_) | Side::Nothing => "the chip's edge".to_owned(),
        };
        Some(format!("input {} of router {node} waits on {whom}", Port::ALL[input]))
    }
}
