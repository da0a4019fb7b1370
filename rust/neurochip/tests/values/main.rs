//! Does the machine of values compute what neurons.md says, and does the door of an image hold?

mod detail;
mod differential;
mod early_spikes;
mod examples;
mod image_file;
mod independence;
mod network;
mod phases;
mod pipeline;
mod random;
mod reference;
mod refusals;
mod stepping;
