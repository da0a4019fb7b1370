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

pub use crate::counters::Counts;
