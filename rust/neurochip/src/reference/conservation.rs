//! Nothing is lost and nothing is made: what must hold at the end of every cycle.

use super::calendar::Message;
use super::noc::{Noc, opposite};
use super::router::{LOCAL, PORTS, Side};

/// Flits and credits on their way, by node and port.
struct OnTheirWay {
    flits_to_input: Vec<[u32; PORTS]>,
    credits_to_output: Vec<[u32; PORTS]>,
    flits_to_core: Vec<u32>,
    credits_to_core: Vec<u32>,
    credits_to_port: Vec<u32>,
}

/// Asserts of every channel: flits in its queue, flits and credits on their way and credits held
/// add up to its depth.
pub(super) fn check(noc: &Noc) {
    let on_their_way = count(noc);
    for node in 0..noc.routers.len() {
        for port in 0..PORTS {
            let held = held_by_sender(noc, &on_their_way, node, port);
            let Some(held) = held else { continue };
            let inside =
                noc.routers[node].queues[port].len() as u32 + on_their_way.flits_to_input[node][port];
            let depth = noc.spec.queue_flits;
            assert_eq!(held + inside, depth, "input queue {port} of router {node} lost or made a flit");
        }
        let queue = noc.receive_queues[node].len() as u32 + on_their_way.flits_to_core[node];
        let credits = noc.routers[node].credits[LOCAL] + on_their_way.credits_to_output[node][LOCAL];
        assert_eq!(queue + credits, noc.spec.receive_flits, "receive queue {node} lost or made a flit");
    }
}

/// Credits for an input queue, at its sender or on their way there; `None` where nobody sends.
fn held_by_sender(noc: &Noc, on_their_way: &OnTheirWay, node: usize, port: usize) -> Option<u32> {
    Some(match noc.routers[node].sides[port] {
        Side::Router(sender) => {
            let (sender, output) = (sender as usize, opposite(port));
            noc.routers[sender].credits[output] + on_their_way.credits_to_output[sender][output]
        }
        Side::Core => noc.send_credits[node] + on_their_way.credits_to_core[node],
        Side::Outside(io) => noc.port_credits[io as usize] + on_their_way.credits_to_port[io as usize],
        Side::Nothing => return None,
    })
}

fn count(noc: &Noc) -> OnTheirWay {
    let num_nodes = noc.routers.len();
    let mut counts = OnTheirWay {
        flits_to_input: vec![[0; PORTS]; num_nodes],
        credits_to_output: vec![[0; PORTS]; num_nodes],
        flits_to_core: vec![0; num_nodes],
        credits_to_core: vec![0; num_nodes],
        credits_to_port: vec![0; noc.port_credits.len()],
    };
    for message in noc.calendar.messages() {
        *match *message {
            Message::FlitAtRouter { router, input, .. } => &mut counts.flits_to_input[router as usize][input],
            Message::CreditAtRouter { router, output } => {
                &mut counts.credits_to_output[router as usize][output]
            }
            Message::FlitAtCore { node, .. } => &mut counts.flits_to_core[node as usize],
            Message::CreditAtCore { node } => &mut counts.credits_to_core[node as usize],
            Message::CreditAtPort { port } => &mut counts.credits_to_port[port as usize],
            Message::FlitOutside { .. } => continue,
        } += 1;
    }
    counts
}
