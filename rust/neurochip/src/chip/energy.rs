//! Energies of counted events; only reports multiply with them.

use serde::{Deserialize, Serialize};

/// Energies of counted events; only reports multiply with them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Energy {
    /// Whether `sop_pj` is one term among others or already holds all of them.
    pub scope: EnergyScope,
    /// One SOP, pJ.
    pub sop_pj: f64,
    /// One soma update, pJ.
    pub soma_update_pj: f64,
    /// One spike of a neuron on a core, beside its update, pJ; absent: nothing.
    #[serde(default)]
    pub spike_pj: Option<f64>,
    /// One packet sent by a core, pJ.
    pub packet_pj: f64,
    /// One packet between cores of one node, which crosses no link, beside that, pJ; absent: nothing.
    #[serde(default)]
    pub node_packet_pj: Option<f64>,
    /// One flit from router to router, pJ.
    pub flit_hop_pj: f64,
    /// The same along y, where it differs, pJ; absent: as along x.
    #[serde(default)]
    pub flit_hop_y_pj: Option<f64>,
    /// One flit from chip to chip, beside its hop, pJ; absent only on a board of one chip.
    #[serde(default)]
    pub link_flit_pj: Option<f64>,
    /// One flit across the chip's edge, pJ.
    pub io_flit_pj: f64,
    /// Power of one idle chip, mW.
    pub static_mw: f64,
}

/// What `energy.sop_pj` contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnergyScope {
    /// The SOP alone: hops, updates and packets have energies of their own.
    PerTerm,
    /// Everything, the idle chip included: every other energy is 0, so that nothing is charged twice.
    AllIn,
}
