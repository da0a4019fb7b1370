//! What is to be placed: a mesh, what its cores have room for, and the packets between tiles.

use thiserror::Error;

/// Routers and what sits at them. A position is x, then y; a node is `y * width + x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mesh {
    /// Number of columns and of rows.
    pub size: [u32; 2],
    /// Most hops of a packet along each axis; None: any number.
    pub max_hops: [Option<u32>; 2],
    /// For each node the words of its core's dendrite memory; -1 where no neurons can be.
    pub words: Vec<i64>,
    /// Where packets enter.
    pub entrance: [u32; 2],
    /// Where packets can leave: each takes the nearest, of equals the first.
    pub exits: Vec<[u32; 2]>,
}

/// Packets from one place to another. Tiles are places 0 to n - 1, n is the entrance and n + 1 outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// A tile, or the entrance.
    pub from: u32,
    /// A tile, or outside.
    pub to: u32,
    /// How many; 0 where there could be some, but none were seen.
    pub packets: u64,
}

/// Tiles to be placed on a mesh. Valid by construction.
#[derive(Debug)]
pub struct Problem {
    pub(super) mesh: Mesh,
    /// For each tile, the words that it takes of its core's dendrite memory.
    words: Vec<i64>,
    flows: Vec<Flow>,
    /// For each tile, the flows that start or end there.
    flows_of: Vec<Vec<Flow>>,
    /// For each node, the port through which packets leave from there.
    exit_of: Vec<[u32; 2]>,
}

/// Why something cannot be placed, or is not a placement.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// An array has not one entry for each of what it is about.
    #[error("there are {found} {what}, expected {expected}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A port, a tile or the end of a flow is where nothing is.
    #[error("{what} {index} is at a place that does not exist")]
    NoSuchPlace {
        /// What kind of entry.
        what: &'static str,
        /// Which of them.
        index: usize,
    },
    /// Two tiles are on one core, or a tile is on a core that is too small.
    #[error("tile {tile} has no room on node {node}")]
    NoRoom {
        /// Which tile.
        tile: usize,
        /// Where it was put.
        node: u32,
    },
    /// A packet would have to go further than it can be addressed.
    #[error("place {to} is out of reach of place {from}")]
    OutOfReach {
        /// The place that sends.
        from: u32,
        /// The place that receives.
        to: u32,
    },
}

impl Problem {
    /// Checks a mesh, the dendrite memory words of each tile, and the flows between tiles.
    ///
    /// # Errors
    /// Arrays of the wrong length, and places that do not exist.
    pub fn new(mesh: Mesh, words: Vec<i64>, flows: Vec<Flow>) -> Result<Self, Error> {
        let [width, height] = mesh.size;
        let (found, expected) = (mesh.words.len(), width as usize * height as usize);
        if found != expected {
            return Err(Error::Count { what: "cores", found, expected });
        }
        let outside = |&[x, y]: &[u32; 2]| x >= width || y >= height;
        if let Some(index) = mesh.exits.iter().chain([&mesh.entrance]).position(outside) {
            return Err(Error::NoSuchPlace { what: "port", index });
        }
        let tiles = words.len() as u32;
        let exists = |flow: &Flow| {
            flow.from <= tiles && (flow.to < tiles || flow.to == tiles + 1 && !mesh.exits.is_empty())
        };
        if let Some(index) = flows.iter().position(|flow| !exists(flow)) {
            return Err(Error::NoSuchPlace { what: "flow", index });
        }
        let mut flows_of = vec![vec![]; words.len()];
        for &flow in flows.iter().filter(|flow| flow.from != flow.to) {
            for place in [flow.from, flow.to].into_iter().filter(|&place| place < tiles) {
                flows_of[place as usize].push(flow);
            }
        }
        Ok(Self { exit_of: exits(&mesh), mesh, words, flows, flows_of })
    }

    /// Number of tiles.
    pub fn num_tiles(&self) -> usize {
        self.words.len()
    }

    pub(super) fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// The flows that start or end at a tile, but for those that do both.
    pub(super) fn flows_of(&self, tile: usize) -> &[Flow] {
        &self.flows_of[tile]
    }

    pub(super) fn position(&self, node: u32) -> [u32; 2] {
        [node % self.mesh.size[0], node / self.mesh.size[0]]
    }

    pub(super) fn node(&self, [x, y]: [u32; 2]) -> u32 {
        y * self.mesh.size[0] + x
    }

    /// The port through which packets leave from a router.
    pub(super) fn exit_from(&self, position: [u32; 2]) -> [u32; 2] {
        self.exit_of[self.node(position) as usize]
    }

    pub(super) fn fits(&self, tile: usize, node: u32) -> bool {
        // -1 is no core at all, whatever a tile takes.
        let words = self.mesh.words[node as usize];
        words >= 0 && words >= self.words[tile]
    }

    pub(super) fn reaches(&self, [from, to]: [[u32; 2]; 2]) -> bool {
        let mut axes = self.mesh.max_hops.iter().zip(from.iter().zip(to));
        axes.all(|(most, (from, to))| most.is_none_or(|most| from.abs_diff(to) <= most))
    }
}

/// For each node, the nearest port; the node itself where the chip has none, as nothing leaves then.
fn exits(mesh: &Mesh) -> Vec<[u32; 2]> {
    let [width, height] = mesh.size;
    let hops = |[x, y]: [u32; 2], port: [u32; 2]| x.abs_diff(port[0]) + y.abs_diff(port[1]);
    let nearest = |from| mesh.exits.iter().copied().min_by_key(|&port| hops(from, port)).unwrap_or(from);
    (0..width * height).map(|node| nearest([node % width, node / width])).collect()
}
