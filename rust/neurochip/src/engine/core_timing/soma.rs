//! The soma: when each neuron that fires becomes visible to Send (machine.md, section 4).

use crate::chip::CoreTiming;
use crate::engine::places::Tally;
use crate::traffic::{CoreWork, Traffic};

/// Writes the cycle in which each spike of a core becomes visible, counts at its node, and returns the cycle in
/// which the last group becomes visible.
pub(in crate::engine) fn update(
    core: &CoreWork,
    node: u32,
    traffic: &Traffic,
    timing: &CoreTiming,
    visible: &mut [u64],
    tally: &mut Tally,
) -> u64 {
    let (lanes, latency) = (u64::from(timing.soma_lanes), u64::from(timing.soma_latency));
    let mut spikes = core.spikes.clone().peekable();
    // Of the current update: its first neuron and the cycle in which its first group issues.
    let (mut first_neuron, mut issue) = (0_u64, 0_u64);
    let mut last_visible = 0;
    for update in traffic.updates_of(core).iter().filter(|update| update.neurons > 0) {
        let (neurons, cycles) = (u64::from(update.neurons), u64::from(update.soma_cycles));
        let is_updated =
            |&spike: &u32| u64::from(traffic.spikes[spike as usize].neuron) < first_neuron + neurons;
        while let Some(spike) = spikes.next_if(is_updated) {
            let group = (u64::from(traffic.spikes[spike as usize].neuron) - first_neuron) / lanes;
            visible[spike as usize] = issue + group * cycles + latency;
        }
        if cycles > 0 {
            let groups = neurons.div_ceil(lanes);
            last_visible = issue + (groups - 1) * cycles + latency;
            issue += groups * cycles;
            tally.at(node, |counters| counters.soma_updates += neurons);
        }
        first_neuron += neurons;
    }
    tally.at(node, |counters| counters.soma_busy_cycles += issue);
    tally.at_core(core.core, |cycles| cycles.soma += issue);
    last_visible
}
