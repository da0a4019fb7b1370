//! The engines of the cores: soma, Send and Receive (machine.md, section 4).
//!
//! An engine acts at most once a cycle, on the state at its start. It is visited only in cycles in
//! which it acts: until then it is on a list for the next cycle, waits for an alarm, or waits for a
//! message that puts it back on the list.

mod alarms;
mod receive;
mod send;
mod shared_ports;
mod soma;

pub(super) use receive::ReceiveEngines;
pub(super) use send::SendEngines;
pub(super) use soma::update;
