//! Descent: every tile goes where its traffic pulls it, as long as packets cross fewer links for it.

use super::layout::Layout;

/// How far from the point that it is pulled to a tile looks for a core, along each axis.
const REACH: u32 = 3;
/// Rounds over all tiles: from a Hilbert curve it takes some ten.
const MAX_ROUNDS: u32 = 100;

/// Moves tiles until none finds a core nearby from which its packets cross fewer links.
pub fn descend(layout: &mut Layout) {
    for _ in 0..MAX_ROUNDS {
        let before = layout.packet_hops();
        for tile in 0..layout.nodes().len() {
            settle(layout, tile);
        }
        if layout.packet_hops() == before {
            break;
        }
    }
}

/// Moves one tile to the best of the nodes around the point that it is pulled to, or leaves it.
fn settle(layout: &mut Layout, tile: usize) {
    let Some(pull) = pull(layout, tile) else { return };
    let (here, size) = (layout.nodes()[tile], layout.problem().mesh.size);
    let around = |axis: usize| pull[axis].saturating_sub(REACH)..(pull[axis] + REACH + 1).min(size[axis]);
    let mut best = (layout.packet_hops(), here);
    for position in around(1).flat_map(|y| around(0).map(move |x| [x, y])) {
        let node = layout.problem().node(position);
        if layout.go(tile, node) {
            best = best.min((layout.packet_hops(), node));
            layout.go(tile, here);
        }
    }
    layout.go(tile, best.1);
}

/// The point from which a tile's packets would cross fewest links: along each axis the weighted median
/// of the places that it exchanges packets with. None if it exchanges none.
fn pull(layout: &Layout, tile: usize) -> Option<[u32; 2]> {
    let flows = layout.problem().flows_of(tile);
    let total: u64 = flows.iter().map(|flow| flow.packets).sum();
    let median = |axis: usize| {
        let end = |flow| layout.other_end(tile, flow)[axis];
        let mut ends: Vec<(u32, u64)> = flows.iter().map(|flow| (end(flow), flow.packets)).collect();
        ends.sort_unstable();
        let mut seen = 0;
        let is_half = |&&(_, packets): &&(u32, u64)| {
            seen += packets;
            2 * seen >= total
        };
        ends.iter().find(is_half).expect("all packets are more than half of them").0
    };
    (total > 0).then(|| [median(0), median(1)])
}
