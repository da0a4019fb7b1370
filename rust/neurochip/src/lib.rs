//! The silicon: everything a neuromorphic chip does, in integers, with no Python and no files.
//!
//! In the order in which data flow; each module uses only those above it:
//!
//! | module | what it is |
//! |---|---|
//! | [`instructions`] | for which instruction sets loops are compiled, and which one runs |
//! | [`chip`] | a chip's numbers: parsed and checked from TOML |
//! | [`image`] | a network loaded for a chip: bytes to checked tables; nothing after that checks an index |
//! | [`window`] | which targets a source of a sliding window reaches, one axis at a time |
//! | `register` | what a weight sum does at the width of its register |
//! | `spikes` | what arrives: one bit of each neuron's code in a timestep, or whole trains |
//! | `dot_product` | codes times weights with the instructions made for it; the one file with unsafe code |
//! | `convolution` | whole trains, or the bits of a timestep, through a kernel, where nothing can overflow |
//! | `synapse` | the loops that add weights to accumulators |
//! | [`neuron`] | the neuron models, one per file |
//! | [`values`] | the first machine: which neuron spikes in which timestep |
//! | [`pipeline`] | which samples are in flight in which timestep |
//! | [`traffic`] | the work of one timestep, in flat arrays: what the first machine hands to the second |
//! | [`placement`] | on which core each tile should sit, so that its packets cross few links |
//! | `axons`, [`schedule`] | from spikes to traffic: who updates when, and where spikes go |
//! | [`progress`] | long work, seen and steered from another thread |
//! | [`counters`] | every countable event, named once |
//! | [`engine`] | the second machine: in which cycle everything happens |
//! | [`timeline`] | from the cycles of each timestep to those of a sample: ticks and barriers |
//! | [`simulator`] | samples through both machines, on any number of threads |
//!
//! Two machines, because spikes do not depend on time: values alone are fast, and timesteps, which
//! start with an empty network, can be timed in any order.

pub mod instructions;

pub mod chip;
pub mod image;

mod convolution;
mod dot_product;
mod register;
mod spikes;
mod synapse;
pub mod window;

pub mod neuron;
pub mod values;

pub mod placement;

mod axons;
pub mod pipeline;
pub mod schedule;
pub mod traffic;

pub mod progress;

pub mod counters;
pub mod engine;
pub mod timeline;

pub mod simulator;
