//! Every event that takes time on the chip, named once.
//!
//! Counters are integers; energy and rates are formed from them in reports, once. [`Counters`] are of
//! the whole chip. What a population did is in [`Counts`], where values are computed, and in
//! [`Activity`], which follows from them: a row there is a counter by population of every run.

/// Makes a struct of counts from a table of (name, how two counts combine).
macro_rules! counters {
    ($(#[$about:meta])+ $table:ident { $($(#[$doc:meta])+ $name:ident: $combine:path,)+ }) => {
        $(#[$about])+
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $table {
            $($(#[$doc])+ pub $name: u64,)+
        }

        impl $table {
            /// The name of every counter, in the order of `values`.
            pub const NAMES: &[&str] = &[$(stringify!($name),)+];

            /// The count of every counter, in the order of `NAMES`.
            pub fn values(&self) -> Vec<u64> {
                vec![$(self.$name,)+]
            }

            /// Adds what happened elsewhere: sums add up, the highest of two highest remains.
            pub fn add(&mut self, other: &Self) {
                $(self.$name = $combine(self.$name, other.$name);)+
            }
        }
    };
}

/// Counts of events: no run lasts 2^64 cycles.
fn sum(ours: u64, theirs: u64) -> u64 {
    ours + theirs
}

counters! {
    /// What happened, over one timestep or over many.
    Counters {
        /// Neurons that fired.
        spikes: sum,
        /// Packets that cores sent.
        packets: sum,
        /// Packets that entered through io ports.
        input_packets: sum,
        /// Packets that left through io ports.
        output_packets: sum,
        /// Flits that cores sent.
        flits: sum,
        /// Flits from router to router.
        flit_hops: sum,
        /// Those of them that went from chip to chip.
        link_flits: sum,
        /// Flits across the chip's edge, in and out.
        io_flits: sum,
        /// Synapses added because of packets.
        sops: sum,
        /// Neurons that somas updated.
        soma_updates: sum,
        /// Cycles of Send engines that look up targets or send a flit.
        send_busy_cycles: sum,
        /// Cycles of Send engines that have a flit to send and no credit.
        send_stalled_cycles: sum,
        /// Cycles of Receive engines that decode a packet or add its synapses.
        receive_busy_cycles: sum,
        /// Cycles of somas between the issue of their first group and the end of their last.
        soma_busy_cycles: sum,
        /// Cycles of router outputs that a flit asks for and that have no credit, or a link that is busy.
        output_blocked_cycles: sum,
        /// Most flits at once in an input queue of a router.
        highest_queue_flits: u64::max,
        /// Most flits at once in the receive queue of a core.
        highest_receive_flits: u64::max,
        /// Cycles from the first start to the last stop.
        timestep_cycles: sum,
        /// Cycles of barriers.
        barrier_cycles: sum,
        /// Cycles in which a quiet chip waits for the tick, after the barrier.
        waiting_cycles: sum,
        /// Timesteps whose work and barrier took longer than the tick.
        overruns: sum,
    }
}

counters! {
    /// What a population did for one sample.
    Counts {
        /// Spikes sent.
        spikes: sum,
        /// Weights added to its accumulators.
        sops: sum,
        /// Weight sums that left their register.
        sum_overflows: sum,
        /// Membranes that left their register.
        membrane_overflows: sum,
        /// Quartz neurons that fired before their readout.
        early_spikes: sum,
    }
}

counters! {
    /// What a sample makes one population do.
    Activity {
        /// Packets that its neurons send.
        packets: sum,
        /// Those of them to a core at the sender's own router.
        node_packets: sum,
        /// Flits of these packets across links between routers.
        flit_hops: sum,
        /// Those of them along y.
        flit_hops_y: sum,
        /// Those of them from chip to chip.
        link_flits: sum,
        /// Neurons updated in the timesteps of the sample's slot.
        soma_updates: sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_add_up_and_the_highest_remains() {
        let mut total = Counters { spikes: 3, highest_queue_flits: 4, ..Counters::default() };
        total.add(&Counters { spikes: 2, highest_queue_flits: 1, ..Counters::default() });
        assert_eq!(total, Counters { spikes: 5, highest_queue_flits: 4, ..Counters::default() });
    }

    #[test]
    fn every_counter_has_a_name_and_a_value() {
        let counters = Counters { overruns: 7, ..Counters::default() };
        assert_eq!(Counters::NAMES.len(), counters.values().len());
        let position = Counters::NAMES.iter().position(|name| *name == "overruns").unwrap();
        assert_eq!(counters.values()[position], 7);
    }
}
