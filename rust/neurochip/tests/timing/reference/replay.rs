//! The network alone, on recorded packets (machine.md, section 9).

use neurochip::chip::{Board, Mesh, Noc};
use neurochip::engine::{Consume, PacketTrace, RecordedPacket, Replayed};
use neurochip::traffic::Destination;

use super::cores::Stream;
use super::network::{Network, Packet};

/// As [`neurochip::engine::replay`].
pub(crate) fn replay(
    spec: &Noc,
    mesh: &Mesh,
    board: &Board,
    consume: Consume<'_>,
    packets: &[RecordedPacket],
) -> Replayed {
    let mut network = Network::new(spec, &Mesh { cores_per_node: None, ..mesh.clone() }, board, &[]);
    let num_nodes = network.routers.len();
    let mut sources: Vec<Stream> = (0..num_nodes).map(|_| Stream::default()).collect();
    let mut free = vec![0; num_nodes];
    let mut traces = vec![None; packets.len()];
    let mut created = 0;
    for now in 0.. {
        network.apply_messages(now);
        for packet in network.take_arrived(now) {
            let Packet { trace, index, .. } = network.packets[packet];
            traces[index as usize] = Some(trace);
        }
        while created < packets.len() && packets[created].created <= now {
            sources[packets[created].source as usize].packets.push_back(created as u32);
            created += 1;
        }
        for node in 0..num_nodes {
            while network.has_packet(node) && free[node] <= now {
                network.take_packet(now, node);
                if let Consume::Decoded(timing) = consume {
                    free[node] = now + u64::from(timing.decode_cycles);
                }
            }
            if !sources[node].is_empty() && network.core_credits[node] > 0 {
                let (flit, _) = sources[node].next_flit(&mut network, |index| {
                    let RecordedPacket { created, source, destination } = packets[index as usize];
                    let [source, destination] = [source, destination].map(Destination::Core);
                    let trace = PacketTrace { source, destination, created, sent: now, received: 0 };
                    Packet { trace, index, synapses: 0 }
                });
                network.send_flit(now, node, flit);
            }
            network.step_router(now, node);
        }
        network.assert_conservation();
        if traces.iter().all(Option::is_some) {
            break;
        }
    }
    Replayed { traces: traces.into_iter().flatten().collect(), outputs: network.places.outputs }
}
