//! Io ports: where spikes enter and leave, as a chip file places them and as routers have them.

use serde::{Deserialize, Serialize};

use super::{Mesh, Port};

/// The outward side of a router at the chip's edge, as a chip file places it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacedPort {
    /// Column of the router; absent where `at` says where it is.
    #[serde(default)]
    pub x: Option<u32>,
    /// Row of the router; absent where `at` says where it is.
    #[serde(default)]
    pub y: Option<u32>,
    /// Where along its side the router is, whatever the size of the mesh; absent: at `x` and `y`.
    #[serde(default)]
    pub at: Option<Place>,
    /// The side that faces outward.
    pub side: Port,
    /// Cycles between flits that enter.
    pub io_cycles: u32,
}

/// A place along a side of a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The first router of the side.
    Start,
    /// The router in the middle; of an even number, the one after it.
    Middle,
    /// The last router of the side.
    End,
}

/// The outward side of a router at the edge of a chip or of a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoPort {
    /// Column of the router.
    pub x: u32,
    /// Row of the router.
    pub y: u32,
    /// The side that faces outward.
    pub side: Port,
    /// Cycles between flits that enter.
    pub io_cycles: u32,
}

impl PlacedPort {
    /// Column and row of its router; none if the file says neither where it is, or both.
    pub fn position(&self, mesh: &Mesh) -> Option<[u32; 2]> {
        match (self.x, self.y, self.at) {
            (Some(x), Some(y), None) => Some([x, y]),
            (None, None, Some(place)) => {
                let [last_x, last_y] = [mesh.width, mesh.height].map(|length| length.saturating_sub(1));
                match self.side {
                    Port::PlusX => Some([last_x, place.along(mesh.height)]),
                    Port::MinusX => Some([0, place.along(mesh.height)]),
                    Port::PlusY => Some([place.along(mesh.width), last_y]),
                    Port::MinusY => Some([place.along(mesh.width), 0]),
                    Port::Local => None,
                }
            }
            _ => None,
        }
    }

    /// The port on its chip. Checked: it has a position.
    pub(super) fn on(&self, mesh: &Mesh) -> IoPort {
        let [x, y] = self.position(mesh).expect("a port of a checked chip has a place");
        IoPort { x, y, side: self.side, io_cycles: self.io_cycles }
    }
}

impl From<IoPort> for PlacedPort {
    fn from(IoPort { x, y, side, io_cycles }: IoPort) -> Self {
        Self { x: Some(x), y: Some(y), at: None, side, io_cycles }
    }
}

impl Place {
    /// The router of a side that has so many.
    fn along(self, routers: u32) -> u32 {
        match self {
            Self::Start => 0,
            Self::Middle => routers / 2,
            Self::End => routers.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(at: Option<Place>, side: Port) -> PlacedPort {
        PlacedPort { x: None, y: None, at, side, io_cycles: 1 }
    }

    #[test]
    fn a_port_moves_with_the_mesh() {
        let mesh = |width, height| Mesh {
            width,
            height,
            cores_per_node: None,
            reserved: vec![],
            max_hops_x: None,
            max_hops_y: None,
        };
        let middle = |side, mesh: &Mesh| port(Some(Place::Middle), side).position(mesh).unwrap();
        let sides = [Port::PlusX, Port::MinusX, Port::PlusY, Port::MinusY];
        assert_eq!(sides.map(|side| middle(side, &mesh(24, 24))), [[23, 12], [0, 12], [12, 23], [12, 0]]);
        assert_eq!(sides.map(|side| middle(side, &mesh(8, 5))), [[7, 2], [0, 2], [4, 4], [4, 0]]);
        let ends = |place| port(Some(place), Port::PlusX).position(&mesh(4, 3)).unwrap();
        assert_eq!([Place::Start, Place::End].map(ends), [[3, 0], [3, 2]]);
        assert_eq!(port(None, Port::PlusX).position(&mesh(4, 3)), None);
        assert_eq!(port(Some(Place::End), Port::Local).position(&mesh(4, 3)), None);
    }
}
