//! The watchdog's report: who waits on whom when nothing can ever move.

use super::router::{LOCAL, PORTS};
use super::{Error, Machine};
use crate::chip::Port;

/// How many waits an error names before it only counts them.
const NAMED: usize = 8;

/// The error of a chip in which work remains and nothing can ever move.
pub(super) fn error(cycle: u64, machine: &Machine) -> Error {
    let grid = &machine.grid;
    let cores = machine.sends.waiting();
    let cores = cores.map(|core| format!("core {core} waits on router {} for a credit", grid.node_of(core)));
    let ports = machine.edge.waiting().map(|port| format!("io port {port} waits on its router for a credit"));
    let (receives, what) = (machine.receives.waiting(), receiver(machine));
    let receives =
        receives.map(|node| format!("{what} {node} waits on router {node} for the rest of a packet"));
    let mut waits: Vec<_> = cores.chain(ports).chain(routers(machine)).chain(receives).collect();
    let unnamed = waits.len().saturating_sub(NAMED);
    waits.truncate(NAMED);
    if unnamed > 0 {
        waits.push(format!("and {unnamed} more"));
    }
    Error::Deadlock { cycle, waits }
}

/// What has a receive queue.
fn receiver(machine: &Machine) -> &'static str {
    if machine.grid.cores_per_node == 1 { "core" } else { "node" }
}

fn routers(machine: &Machine) -> impl Iterator<Item = String> {
    let nodes = 0..machine.noc.routers.len() as u32;
    let inputs = nodes.flat_map(|node| (0..PORTS).map(move |input| (node, input)));
    inputs.filter_map(|(node, input)| {
        let output = machine.noc.routers[node as usize].wanted(input)?;
        let whom = if output == LOCAL {
            format!("{} {node}", receiver(machine))
        } else {
            let neighbour = machine.noc.neighbour(node, output);
            neighbour.map_or("the chip's edge".to_owned(), |neighbour| format!("router {neighbour}"))
        };
        Some(format!("input {} of router {node} waits on {whom}", Port::ALL[input]))
    })
}
