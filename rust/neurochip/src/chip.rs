//! The chip description: the one schema of a chip file, parsed and checked once.
//!
//! A [`ChipSpec`] that exists is possible hardware: everything after it reads its fields without
//! asking again. A new chip is a new file in `chips/`; a new field is a field here, a range in
//! `check.rs` if it has one, and a line in every chip file.

mod board;
mod check;
mod cores;
mod energy;
mod error;
mod io;
mod overrides;
mod port;
mod profile;
mod provenance;
mod reading;
mod sync;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use board::{Board, Grid};
pub use cores::{
    AxonMemory, Core, CoreTiming, DendriteMemory, IntegrateFireCycles, MaxPoolCycles, Overflow, QuartzCycles,
    Requantizer, SecondStateWord, Soma, SomaCycles, StemCycles, SynapseLists,
};
pub use energy::{Energy, EnergyScope};
pub use error::{Error, OutOfRange, Problem};
pub use io::{IoPort, Place, PlacedPort};
pub use port::Port;
pub use profile::Profile;
pub use provenance::{Entry, Grade, Stated};
pub use reading::MAX_BYTES as MAX_FILE_BYTES;
pub use sync::Synchronization;

/// The chip files that travel inside the program, by name: (name, TOML text).
pub const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// Everything the simulator knows about a chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChipSpec {
    /// What reports call the chip; for a built-in chip, the name of its file.
    pub name: String,
    /// One line: where the numbers come from.
    pub source: String,
    /// Which set of numbers these are, of a chip that has several.
    #[serde(default)]
    pub profile: Option<String>,
    /// The other sets, by name: what they change.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
    /// Which spike codes its neurons can compute; absent: all.
    #[serde(default)]
    pub codes: Option<Codes>,
    /// The silicon process and its operating point.
    pub process: Process,
    /// The 2-D mesh of cores, one router each.
    pub mesh: Mesh,
    /// Chips side by side, and the links between them; absent: one chip by itself.
    #[serde(default)]
    pub board: Board,
    /// What every core holds and how wide its registers are.
    pub core: Core,
    /// Routers, links and the interfaces between a core and its router.
    pub noc: Noc,
    /// How timesteps follow each other.
    pub sync: Synchronization,
    /// Ports at the chip's edge, where spikes enter and leave.
    #[serde(default)]
    pub io: Vec<PlacedPort>,
    /// Energies of the counted events.
    pub energy: Energy,
    /// What runs the chip, where its time is known; no machine simulates it.
    #[serde(default)]
    pub host: Option<Host>,
    /// Where each field's value comes from: dotted field (or its table, or `*`) to a graded source.
    pub provenance: BTreeMap<String, Entry>,
}

/// Which spike codes the neurons of a chip can compute. That a chip takes none is no mistake: it is
/// described to be looked at, and not a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Codes {
    /// Their names, the one that is meant where none is given first.
    pub accepted: Vec<String>,
    /// The others, each with the reason.
    pub refused: BTreeMap<String, String>,
}

/// The silicon process and its operating point; reports use it, the core does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Feature size, nm.
    pub nm: u32,
    /// Supply voltage, V.
    pub vdd_v: f64,
    /// Clock frequency, MHz: turns cycles into seconds; absent for a chip without a clock.
    #[serde(default)]
    pub clock_mhz: Option<f64>,
    /// For a chip without a clock what a cycle is instead, ns: its latencies are rounded to that.
    #[serde(default)]
    pub time_base_ns: Option<f64>,
}

/// What a host adds to the time of a sample; reports use it, the core does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Time of a sample whatever its timesteps, us.
    pub us_per_sample: f64,
    /// Time of each timestep, us.
    pub us_per_timestep: f64,
    /// Whether reports have it.
    pub is_counted: bool,
}

/// The 2-D mesh of one chip, origin at the lower left. Nodes are counted over the board ([`Grid`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mesh {
    /// Routers along x.
    pub width: u32,
    /// Routers along y.
    pub height: u32,
    /// Cores at each router, which share its local port; absent: one.
    #[serde(default)]
    pub cores_per_node: Option<u32>,
    /// Nodes `[x, y]` whose router works but whose cores hold no neurons (a manager processor).
    #[serde(default)]
    pub reserved: Vec<[u32; 2]>,
    /// Farthest a packet can be addressed along x, hops; absent: anywhere.
    #[serde(default)]
    pub max_hops_x: Option<u32>,
    /// Farthest a packet can be addressed along y, hops; absent: anywhere.
    #[serde(default)]
    pub max_hops_y: Option<u32>,
}

/// The network on chip: one five-port router a node, wormhole, dimension order (x first).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noc {
    /// Flits of a spike packet.
    pub packet_flits: u32,
    /// Flits each input queue of a router holds.
    pub queue_flits: u32,
    /// Flits the receive queue of a core holds.
    pub receive_flits: u32,
    /// Cycles from a core that sends a flit to its router's local queue.
    pub inject_cycles: u32,
    /// Cycles from a router to the queue of its neighbour: one router and one link.
    pub hop_cycles: u32,
    /// The same along y, where it differs; absent: as along x.
    #[serde(default)]
    pub hop_y_cycles: Option<u32>,
    /// Cycles from a router to the receive queue of its core.
    pub eject_cycles: u32,
    /// Cycles from the departure of a flit until whoever sent it may use the freed slot.
    pub credit_cycles: u32,
    /// The order in which an output's round robin visits the inputs.
    pub arbitration_order: [Port; 5],
}

impl Noc {
    /// Cycles from a router to the queue of its neighbour on this side.
    pub fn hop_cycles_to(&self, side: Port) -> u32 {
        let is_along_y = matches!(side, Port::PlusY | Port::MinusY);
        self.hop_y_cycles.filter(|_| is_along_y).unwrap_or(self.hop_cycles)
    }
}

impl ChipSpec {
    /// Parses and checks a chip description.
    ///
    /// # Errors
    /// Text that is not TOML (with line, column and caret), fields that are unknown, missing or of another
    /// type (all of them, with their lines), values that no hardware can have, fields without provenance.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let spec = reading::read(text)?;
        spec.check()?;
        Ok(spec)
    }

    /// Parses and checks a chip description, then sets fields of it for one run.
    ///
    /// An override is a dotted field and a TOML value, as in `("noc.hop_cycles", "3")`; a bare word
    /// is a string, and `io.0.io_cycles` names the first element of a list. The field `profile` chooses
    /// another set of numbers, which the others then change.
    ///
    /// # Errors
    /// What [`ChipSpec::from_toml`] refuses, an unknown field, a value of the wrong type.
    pub fn from_toml_with(text: &str, overrides: &[(String, String)]) -> Result<Self, Error> {
        let mut spec = Self::from_toml(text)?;
        let (profiles, others): (Vec<_>, Vec<_>) =
            overrides.iter().partition(|(field, _)| field == profile::FIELD);
        for (_, name) in profiles {
            spec = profile::choose(&spec, name.trim_matches('"'))?;
        }
        for (field, value) in others {
            spec = overrides::set(&spec, field, value)?;
        }
        spec.check()?;
        Ok(spec)
    }

    /// Parses and checks the description that an image carries (what serde writes, as JSON).
    ///
    /// # Errors
    /// As [`ChipSpec::from_toml`].
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let spec: Self = serde_json::from_str(text)?;
        spec.check()?;
        Ok(spec)
    }

    /// What [`ChipSpec::from_json`] reads.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a chip is plain data")
    }

    /// SHA-256 of everything that is neither provenance nor another profile, in hexadecimal: equal chips, equal fingerprints.
    pub fn fingerprint(&self) -> String {
        let mut value = serde_json::to_value(self).expect("a chip is plain data");
        let fields = value.as_object_mut().expect("a chip is a table");
        fields.retain(|field, _| !["provenance", "profiles"].contains(&field.as_str()));
        // Objects are sorted by key, so the text is canonical.
        let digest = Sha256::digest(value.to_string().as_bytes());
        digest.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    /// Shortest timestep, cycles; 0: none.
    pub fn tick_cycles(&self) -> u64 {
        self.sync.tick_cycles(&self.process)
    }

    /// The mesh of the whole board.
    pub fn grid(&self) -> Grid {
        Grid::new(&self.mesh, &self.board)
    }

    /// The io ports of the whole board, in global coordinates.
    pub fn ports(&self) -> Vec<IoPort> {
        let io: Vec<_> = self.io.iter().map(|port| port.on(&self.mesh)).collect();
        self.grid().ports(&io)
    }

    /// How many [`ChipSpec::ports`] there are.
    pub fn num_ports(&self) -> u32 {
        let Board { chips_x, chips_y, .. } = self.board;
        let outward = |port: &PlacedPort| {
            if matches!(port.side, Port::PlusX | Port::MinusX) { chips_y } else { chips_x }
        };
        self.io.iter().map(outward).sum()
    }

    /// Whether a packet can be addressed from one column and row of the board to another: by hops
    /// within a chip, by chips to another.
    pub fn can_address(&self, from: [u32; 2], to: [u32; 2]) -> bool {
        let (grid, mesh, board) = (self.grid(), &self.mesh, &self.board);
        let within = |[x, y]: [u32; 2], [to_x, to_y]: [u32; 2], [max_x, max_y]: [Option<u32>; 2]| {
            max_x.is_none_or(|max| x.abs_diff(to_x) <= max) && max_y.is_none_or(|max| y.abs_diff(to_y) <= max)
        };
        let chips = [from, to].map(|position| grid.chip(position));
        if chips[0] == chips[1] {
            within(from, to, [mesh.max_hops_x, mesh.max_hops_y])
        } else {
            within(chips[0], chips[1], [board.max_chip_hops; 2])
        }
    }

    /// Nodes of the board, reserved ones included.
    pub fn num_nodes(&self) -> u32 {
        self.grid().num_nodes()
    }

    /// The node at column x, row y of the board.
    pub fn node(&self, x: u32, y: u32) -> u32 {
        y * self.grid().width + x
    }

    /// Cores of the board, those of reserved nodes included.
    pub fn num_cores(&self) -> u32 {
        self.grid().num_cores()
    }

    /// Whether this core holds no neurons, as its node is reserved.
    pub fn is_reserved(&self, core: u32) -> bool {
        let (grid, reserved) = (self.grid(), &self.mesh.reserved);
        !reserved.is_empty() && reserved.contains(&grid.position_on_chip(grid.node_of(core)))
    }

    /// Words of the dendrite memory of this core.
    pub fn dendrite_words(&self, core: u32) -> u32 {
        let (grid, by_column) = (self.grid(), &self.core.dendrite_memory.depth_words_by_column);
        by_column[grid.position_on_chip(grid.node_of(core))[0] as usize % by_column.len()]
    }
}

#[cfg(test)]
mod tests;
