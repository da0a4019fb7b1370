//! Neuron models: one file a model, what each does to one tile's neurons.
//!
//! Adding one: its file here, its parameters in `image::description::Model`, and one arm in `values`.

pub mod float32;
pub mod max_pool;
pub mod requantizer;
pub mod stem;
