//! Layout: who sits where and what crosses each link, kept up to date move by move.

use super::problem::{Error, Flow, Problem};

/// No tile is on a node.
const FREE: u32 = u32::MAX;

/// A placement of a problem's tiles. Valid by construction and after every move.
#[derive(Debug)]
pub struct Layout<'a> {
    problem: &'a Problem,
    /// For each tile, its node.
    nodes: Vec<u32>,
    /// For each node, its tile or `FREE`.
    tiles: Vec<u32>,
    /// Packets across each link, by direction: +x and -x row by row, +y and -y column by column, so
    /// that the links of a straight way are neighbours.
    loads: [Vec<u64>; 4],
    /// The sum of `loads`.
    packet_hops: u64,
    /// The sum of the squares of `loads`.
    squares: i128,
}

impl<'a> Layout<'a> {
    /// Puts each tile on its node.
    ///
    /// # Errors
    /// Tiles without a node, on one that does not exist or is too small, two on one; flows that are
    /// longer than packets can be addressed.
    pub fn new(problem: &'a Problem, nodes: &[u32]) -> Result<Self, Error> {
        let (found, expected) = (nodes.len(), problem.num_tiles());
        if found != expected {
            return Err(Error::Count { what: "nodes of tiles", found, expected });
        }
        let cores = problem.mesh.words.len();
        let mut tiles = vec![FREE; cores];
        for (tile, &node) in nodes.iter().enumerate() {
            if node as usize >= cores {
                return Err(Error::NoSuchPlace { what: "tile", index: tile });
            }
            if tiles[node as usize] != FREE || !problem.fits(tile, node) {
                return Err(Error::NoRoom { tile, node });
            }
            tiles[node as usize] = tile as u32;
        }
        let loads = std::array::from_fn(|_| vec![0; cores]);
        let mut layout = Self { problem, nodes: nodes.to_vec(), tiles, loads, packet_hops: 0, squares: 0 };
        for flow in problem.flows() {
            if !problem.reaches(layout.ends(flow)) {
                return Err(Error::OutOfReach { from: flow.from, to: flow.to });
            }
            layout.load(layout.ends(flow), flow.packets as i64);
        }
        Ok(layout)
    }

    /// For each tile, its node.
    pub fn nodes(&self) -> &[u32] {
        &self.nodes
    }

    /// Links crossed by packets, each as often as it is crossed.
    pub fn packet_hops(&self) -> u64 {
        self.packet_hops
    }

    /// Packets across the link that most cross.
    pub fn hottest_link(&self) -> u64 {
        self.loads.iter().flatten().copied().max().unwrap_or(0)
    }

    /// The sum over all links of the square of the packets that cross it: of two ways with equally many
    /// links, the less crowded one has less.
    pub fn squares(&self) -> i128 {
        self.squares
    }

    pub(super) fn problem(&self) -> &'a Problem {
        self.problem
    }

    pub(super) fn position(&self, tile: usize) -> [u32; 2] {
        self.problem.position(self.nodes[tile])
    }

    /// Where a tile's flow comes from or goes to.
    pub(super) fn other_end(&self, tile: usize, flow: &Flow) -> [u32; 2] {
        let [from, to] = self.ends(flow);
        if flow.from as usize == tile { to } else { from }
    }

    /// Moves a tile to another node; what was there takes its place. Says whether it may: otherwise
    /// nothing moves.
    pub(super) fn go(&mut self, tile: usize, node: u32) -> bool {
        let here = self.nodes[tile];
        let other = self.tiles[node as usize];
        let other = (other != FREE).then_some(other as usize);
        let fits = self.problem.fits(tile, node) && other.is_none_or(|other| self.problem.fits(other, here));
        if here == node || !fits {
            return false;
        }
        self.load_all(tile, other, -1);
        self.exchange(here, node);
        let reachable =
            moved_flows(self.problem, tile, other).all(|flow| self.problem.reaches(self.ends(flow)));
        if !reachable {
            self.exchange(here, node);
        }
        self.load_all(tile, other, 1);
        reachable
    }

    /// Swaps what is on two nodes.
    fn exchange(&mut self, a: u32, b: u32) {
        self.tiles.swap(a as usize, b as usize);
        for node in [a, b] {
            let tile = self.tiles[node as usize];
            if tile != FREE {
                self.nodes[tile as usize] = node;
            }
        }
    }

    /// The routers at which a flow starts and ends.
    fn ends(&self, flow: &Flow) -> [[u32; 2]; 2] {
        let at = |place: u32| self.nodes.get(place as usize).map(|&node| self.problem.position(node));
        let from = at(flow.from).unwrap_or(self.problem.mesh.entrance);
        [from, at(flow.to).unwrap_or_else(|| self.problem.exit_from(from))]
    }

    fn load_all(&mut self, tile: usize, other: Option<usize>, sign: i64) {
        for flow in moved_flows(self.problem, tile, other) {
            self.load(self.ends(flow), sign * flow.packets as i64);
        }
    }

    /// Adds packets to every link from one router to another, x first; takes them away if negative.
    fn load(&mut self, [from, to]: [[u32; 2]; 2], packets: i64) {
        let [width, height] = self.problem.mesh.size;
        self.load_straight(0, from[1] * width, [from[0], to[0]], packets);
        self.load_straight(2, to[0] * height, [from[1], to[1]], packets);
    }

    /// Adds packets to the links along one axis. A link is kept at the lower of its two routers.
    fn load_straight(&mut self, axis: usize, line: u32, [from, to]: [u32; 2], packets: i64) {
        let direction = axis + usize::from(to < from);
        let links = (line + from.min(to)) as usize..(line + from.max(to)) as usize;
        let count = links.len() as i64;
        let mut before = 0;
        for load in &mut self.loads[direction][links] {
            before += *load;
            *load = load.wrapping_add_signed(packets); // never below 0: only what was added is taken away
        }
        self.packet_hops = self.packet_hops.wrapping_add_signed(count * packets);
        // (load + packets)^2 - load^2, over all of them.
        self.squares += i128::from(packets) * (2 * i128::from(before) + i128::from(count * packets));
    }
}

/// The flows of one tile, or of two, each once.
fn moved_flows(problem: &Problem, tile: usize, other: Option<usize>) -> impl Iterator<Item = &Flow> {
    let of_other = other.map_or(&[][..], |other| problem.flows_of(other));
    let is_new = move |flow: &&Flow| flow.from as usize != tile && flow.to as usize != tile;
    problem.flows_of(tile).iter().chain(of_other.iter().filter(is_new))
}
