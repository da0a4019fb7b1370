//! Neuron models: one file a model, what each does to one tile's neurons.
//!
//! Adding one: its file here, its parameters in `image::description::Model` and their ranges in
//! `image::check`, its cycles in `chip::SomaCycles`. The compiler then names what is left: an arm where
//! `values` runs a tile, and one where `schedule` adds up its phases.

pub(crate) mod dendrites;
pub mod float32;
mod float_lanes;
pub mod integrate_fire;
pub mod max_pool;
mod pair_sum;
pub mod quartz;
pub mod requantizer;
mod sparsity;
pub mod stem;

/// What a population did for one sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Spikes sent.
    pub spikes: u64,
    /// Weights added to its accumulators.
    pub sops: u64,
    /// Weight sums that left their register.
    pub sum_overflows: u64,
    /// Membranes that left their register.
    pub membrane_overflows: u64,
    /// Quartz neurons that fired before their readout.
    pub early_spikes: u64,
}

impl Counts {
    /// Adds what was counted elsewhere.
    pub(crate) fn add(&mut self, other: &Self) {
        self.spikes += other.spikes;
        self.sops += other.sops;
        self.sum_overflows += other.sum_overflows;
        self.membrane_overflows += other.membrane_overflows;
        self.early_spikes += other.early_spikes;
    }
}
