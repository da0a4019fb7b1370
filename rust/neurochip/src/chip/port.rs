//! The five ports of a router.

use serde::{Deserialize, Serialize};

/// A port of a router; output p of a router feeds input `p.opposite()` of the neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Port {
    /// Towards larger x.
    #[serde(rename = "+x")]
    PlusX,
    /// Towards smaller x.
    #[serde(rename = "-x")]
    MinusX,
    /// Towards larger y.
    #[serde(rename = "+y")]
    PlusY,
    /// Towards smaller y.
    #[serde(rename = "-y")]
    MinusY,
    /// The core.
    #[serde(rename = "local")]
    Local,
}

impl Port {
    /// Every port, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::PlusX, Self::MinusX, Self::PlusY, Self::MinusY, Self::Local];

    /// The neighbour's port at the other end of this port's link; the core's own for `Local`.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::PlusX => Self::MinusX,
            Self::MinusX => Self::PlusX,
            Self::PlusY => Self::MinusY,
            Self::MinusY => Self::PlusY,
            Self::Local => Self::Local,
        }
    }
}

impl std::fmt::Display for Port {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::PlusX => "+x",
            Self::MinusX => "-x",
            Self::PlusY => "+y",
            Self::MinusY => "-y",
            Self::Local => "local",
        })
    }
}
