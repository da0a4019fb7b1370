//! Placement: on which core each tile should sit, so that its packets cross few links.
//!
//! Both searches start from any placement, and swap tiles or move them to free cores. [`descend`] lets
//! every tile fall to where its traffic pulls it; [`anneal`] also takes moves that cost something, and
//! can spread the traffic over the links. What they minimise is counted packets, no cycles: those
//! depend on queues, and the second machine says what they are.
//!
//! Integers and a seed: the result is the same on any machine.

mod annealing;
mod descent;
mod layout;
mod problem;
mod random;
#[cfg(test)]
mod tests;

pub use annealing::{MAX_SPREAD, Search, anneal};
pub use descent::descend;
pub use layout::Layout;
pub use problem::{Error, Flow, Mesh, Problem};
