//! The watchdog's report: who waits on whom when nothing can ever move.

use super::router::{LOCAL, PORTS, Side};
use super::{Error, Machine};
use crate::chip::Port;

/// How many waits an error names before it only counts them.
const NAMED: usize = 8;

/// The error of a chip in which work remains and nothing can ever move.
pub(super) fn error(cycle: u64, machine: &Machine) -> Error {
    let mut waits: Vec<_> = sends(machine).chain(entrances(machine)).chain(routers(machine)).collect();
    waits.extend(receives(machine));
    let unnamed = waits.len().saturating_sub(NAMED);
    waits.truncate(NAMED);
    if unnamed > 0 {
        waits.push(format!("and {unnamed} more"));
    }
    Error::Deadlock { cycle, waits }
}

fn sends(machine: &Machine) -> impl Iterator<Item = String> {
    machine.sending.iter().map(|node| format!("core {node} waits on router {node} for a credit"))
}

fn entrances(machine: &Machine) -> impl Iterator<Item = String> {
    let ports = machine.entrances.iter().map(|entrance| entrance.port);
    ports.map(|port| format!("io port {port} waits on its router for a credit"))
}

fn receives(machine: &Machine) -> impl Iterator<Item = String> {
    let queues = machine.noc.receive_queues.iter().enumerate().filter(|(_, queue)| !queue.is_empty());
    queues.map(|(node, _)| format!("core {node} waits on router {node} for the rest of a packet"))
}

fn routers(machine: &Machine) -> impl Iterator<Item = String> {
    let inputs = machine.noc.active.iter().flat_map(|&node| (0..PORTS).map(move |input| (node, input)));
    inputs.filter_map(|(node, input)| {
        let router = &machine.noc.routers[node as usize];
        let output = router.wanted(input, &machine.noc.packets)?;
        let whom = match router.sides[output] {
            Side::Router(neighbour) => format!("router {neighbour}"),
            _ if output == LOCAL => format!("core {node}"),
            _ => "the chip's edge".to_owned(),
        };
        Some(format!("input {} of router {node} waits on {whom}", Port::ALL[input]))
    })
}
