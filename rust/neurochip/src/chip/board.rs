//! A board: equal chips side by side, whose routers are one mesh with global coordinates.
//!
//! Chip `(a, b)` of a board holds the nodes from `(a * width, b * height)` on, and every fact about a
//! node of a chip (reserved, depth of its memory) holds for the same node of every chip.

use serde::{Deserialize, Serialize};

use super::{IoPort, Mesh, Port};

/// How many chips there are, and the links between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Board {
    /// Chips along x.
    pub chips_x: u32,
    /// Chips along y.
    pub chips_y: u32,
    /// Farthest chip a packet can be addressed to, chips along x and along y; absent: any.
    pub max_chip_hops: Option<u32>,
    /// Cycles that a flit, or a credit, takes from chip to chip; absent only on a board of one chip.
    pub link_cycles: Option<u32>,
    /// Cycles between flits on one link; absent only on a board of one chip.
    pub link_flit_cycles: Option<u32>,
}

impl Default for Board {
    /// One chip by itself.
    fn default() -> Self {
        Self { chips_x: 1, chips_y: 1, max_chip_hops: None, link_cycles: None, link_flit_cycles: None }
    }
}

impl Board {
    /// Chips on the board.
    pub fn num_chips(&self) -> u32 {
        self.chips_x * self.chips_y // checked: at most as many as nodes
    }
}

/// The mesh of a whole board; node `n` is at `x = n % width`, `y = n / width`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Routers along x.
    pub width: u32,
    /// Routers along y.
    pub height: u32,
    /// Cores at each router.
    pub cores_per_node: u32,
    /// Routers of one chip along x.
    chip_width: u32,
    /// Routers of one chip along y.
    chip_height: u32,
}

impl Grid {
    /// The mesh of a board of chips with this mesh.
    pub fn new(mesh: &Mesh, board: &Board) -> Self {
        Self {
            width: mesh.width * board.chips_x,
            height: mesh.height * board.chips_y,
            cores_per_node: mesh.cores_per_node.unwrap_or(1),
            chip_width: mesh.width,
            chip_height: mesh.height,
        }
    }

    /// Nodes of the board, reserved ones included.
    pub fn num_nodes(&self) -> u32 {
        self.width * self.height // checked: at most MAX_NODES
    }

    /// Cores of the board, those of reserved nodes included.
    pub fn num_cores(&self) -> u32 {
        self.num_nodes() * self.cores_per_node // checked: at most MAX_NODES * MAX_CORES_PER_NODE
    }

    /// The node of a core.
    #[inline(always)]
    pub fn node_of(&self, core: u32) -> u32 {
        // Most chips have one core a node, and a branch is cheaper than a division.
        if self.cores_per_node == 1 { core } else { core / self.cores_per_node }
    }

    /// The first core of a node.
    #[inline(always)]
    pub fn first_core(&self, node: u32) -> u32 {
        node * self.cores_per_node // checked, as above
    }

    /// Column and row of a node.
    pub fn position(&self, node: u32) -> [u32; 2] {
        [node % self.width, node / self.width]
    }

    /// The chip that a column and row are on, as chips along x and along y.
    pub fn chip(&self, [x, y]: [u32; 2]) -> [u32; 2] {
        [x / self.chip_width, y / self.chip_height]
    }

    /// Column and row of a node within its chip.
    pub fn position_on_chip(&self, node: u32) -> [u32; 2] {
        let [x, y] = self.position(node);
        [x % self.chip_width, y % self.chip_height]
    }

    /// The node beyond a side of a node; none at the edge of the board, and none beyond `local`.
    pub fn neighbour(&self, node: u32, side: Port) -> Option<u32> {
        let [x, y] = self.position(node);
        match side {
            Port::PlusX if x + 1 < self.width => Some(node + 1),
            Port::MinusX if x > 0 => Some(node - 1),
            Port::PlusY if y + 1 < self.height => Some(node + self.width),
            Port::MinusY if y > 0 => Some(node - self.width),
            _ => None,
        }
    }

    /// Whether another chip lies beyond a side of a node.
    pub fn is_link(&self, node: u32, side: Port) -> bool {
        let chip = |node| self.chip(self.position(node));
        self.neighbour(node, side).is_some_and(|neighbour| chip(neighbour) != chip(node))
    }

    /// The io ports of a board, in global coordinates: each port of the chip file, on every chip
    /// whose side faces the outside of the board there; chips row by row.
    pub fn ports(&self, io: &[IoPort]) -> Vec<IoPort> {
        let corners = (0..self.height)
            .step_by(self.chip_height as usize)
            .flat_map(|y| (0..self.width).step_by(self.chip_width as usize).map(move |x| [x, y]));
        let on_board = |port: &IoPort, [x, y]: [u32; 2]| IoPort { x: x + port.x, y: y + port.y, ..*port };
        let everywhere = io.iter().flat_map(|port| corners.clone().map(move |corner| on_board(port, corner)));
        let is_outward = |port: &IoPort| self.neighbour(port.y * self.width + port.x, port.side).is_none();
        everywhere.filter(is_outward).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two chips of 3 x 2 beside each other, and two above them.
    fn four_chips() -> Grid {
        let mesh = Mesh {
            width: 3,
            height: 2,
            cores_per_node: None,
            reserved: vec![],
            max_hops_x: None,
            max_hops_y: None,
        };
        Grid::new(&mesh, &Board { chips_x: 2, chips_y: 2, ..Board::default() })
    }

    #[test]
    fn nodes_are_counted_along_the_rows_of_the_whole_board() {
        let grid = four_chips();
        assert_eq!((grid.width, grid.height, grid.num_nodes()), (6, 4, 24));
        assert_eq!(grid.position(16), [4, 2]);
        assert_eq!(grid.chip([4, 2]), [1, 1]);
        assert_eq!(grid.position_on_chip(16), [1, 0]);
    }

    #[test]
    fn a_link_is_where_two_chips_meet_and_nowhere_else() {
        let grid = four_chips();
        let links = |node| Port::ALL.into_iter().filter(|&side| grid.is_link(node, side)).collect::<Vec<_>>();
        assert_eq!(links(2), [Port::PlusX], "at its -y side is the edge of the board");
        assert_eq!(links(3), [Port::MinusX]);
        assert_eq!(links(8), [Port::PlusX, Port::PlusY]);
        assert_eq!(links(7), [Port::PlusY]);
        assert_eq!(links(1), []);
        assert_eq!(grid.neighbour(5, Port::PlusX), None, "the next row begins on the other side");
    }

    #[test]
    fn a_port_is_on_every_chip_whose_side_faces_outward() {
        let port = |x, y, side| IoPort { x, y, side, io_cycles: 7 };
        let ports = four_chips().ports(&[port(2, 1, Port::PlusX), port(0, 0, Port::MinusY)]);
        let expected = [
            port(5, 1, Port::PlusX),
            port(5, 3, Port::PlusX),
            port(0, 0, Port::MinusY),
            port(3, 0, Port::MinusY),
        ];
        assert_eq!(ports, expected);
    }
}
