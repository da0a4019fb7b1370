//! The silicon: everything a neuromorphic chip does, in integers, with no Python and no files.

mod axons;
pub mod chip;
pub mod counters;
pub mod image;
pub mod neuron;
pub mod reference;
mod register;
pub mod schedule;
pub mod simulator;
mod synapse;
pub mod timeline;
pub mod traffic;
pub mod values;
pub mod window;
