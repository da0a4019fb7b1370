//! What one sample took, with other samples in flight or without.

pub use crate::counters::Activity;
use crate::counters::Counters;
use crate::engine::StepTiming;
use crate::image::description::Description;
use crate::timeline::Timeline;
use crate::values::{Counts, Record};

/// What one sample took.
///
/// Its *slot* is the timesteps from its entry to that of the next sample, or to its own end if it is
/// the last. Without samples in flight beside it these are the timesteps in which it is on the chip.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampleRun {
    /// Spikes and outputs.
    pub record: Record,
    /// For each population, what it sent and how often it was updated.
    pub activity: Vec<Activity>,
    /// Everything counted: what the sample's spikes cause is the sample's, wherever in the run it
    /// happens; all else is that of its slot. So the samples add up to the run. The cycles are 0
    /// without timing.
    pub counters: Counters,
    /// Cycles that the own work of each timestep of its slot takes; empty without timing.
    pub work_cycles: Vec<u64>,
    /// Cycles from the start of each timestep of its slot to that of the next; empty without timing.
    pub timestep_cycles: Vec<u64>,
    /// What the chip counted in each timestep of its slot; empty without
    /// [`Timing::Detailed`](super::Timing::Detailed). Spikes are those of cores: the input's come from
    /// outside.
    pub timesteps: Vec<Counters>,
}

/// The counters that need no time.
pub(super) fn counted(counts: &[Counts], activity: &[Activity], description: &Description) -> Counters {
    let flits = u64::from(description.chip.noc.packet_flits);
    // The input is the first population; its spikes come from outside.
    let input_packets = activity[0].packets;
    let packets = activity[1..].iter().map(|activity| activity.packets).sum();
    let output_packets = description.outputs.iter().map(|&output| counts[output as usize].spikes).sum();
    Counters {
        spikes: counts.iter().map(|counts| counts.spikes).sum(),
        sops: counts.iter().map(|counts| counts.sops).sum(),
        packets,
        input_packets,
        output_packets,
        flits: packets * flits,
        flit_hops: activity.iter().map(|activity| activity.flit_hops).sum(),
        link_flits: activity.iter().map(|activity| activity.link_flits).sum(),
        io_flits: (input_packets + output_packets) * flits,
        soma_updates: activity.iter().map(|activity| activity.soma_updates).sum(),
        ..Counters::default()
    }
}

/// What a sample's spikes cause, and the cycles of its slot.
pub(super) fn with_cycles(caused: &Counters, timed: &Counters) -> Counters {
    let Counters { spikes, packets, input_packets, output_packets, .. } = *caused;
    let Counters { flits, flit_hops, link_flits, io_flits, sops, .. } = *caused;
    Counters {
        spikes,
        packets,
        input_packets,
        output_packets,
        flits,
        flit_hops,
        link_flits,
        io_flits,
        sops,
        ..*timed
    }
}

/// What the chip counts in each of some timesteps.
pub(super) fn counted_each(steps: &[StepTiming], timeline: impl Fn(&[u64]) -> Timeline) -> Vec<Counters> {
    let counters = steps.iter().map(|step| {
        let mut counters = timeline(&[step.quiet_cycle]).counters;
        counters.add(&step.counters);
        counters
    });
    counters.collect()
}
