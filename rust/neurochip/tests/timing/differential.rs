//! Is the engine the naive reference, on anything? (machine.md, section 8.1)

use proptest::prelude::*;

use super::random::{any_chip, any_recording_for, any_traffic_for};
use super::*;

/// Timesteps in a row, as a machine remembers what it must not.
fn any_run() -> impl Strategy<Value = (ChipSpec, Vec<Traffic>)> {
    any_chip().prop_flat_map(|spec| {
        let timesteps = prop::collection::vec(any_traffic_for(&spec), 1..4);
        (Just(spec), timesteps)
    })
}

/// Every count, in all and in its place, and the cycles in which every packet is created, sent and received.
fn check((spec, timesteps): (ChipSpec, Vec<Traffic>)) -> Result<(), TestCaseError> {
    let (mut plain, mut counting) = (Machine::new(&spec), Machine::new(&spec).counting_places());
    for traffic in &timesteps {
        prop_assert_eq!(by_engine(&mut plain, traffic), naively(&spec, traffic));
        prop_assert_eq!(by_place(&mut counting, traffic), naively_by_place(&spec, traffic));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_cycle_and_every_count_of_random_timesteps_equals_the_reference(run in any_run()) {
        check(run)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Receive queues that a packet does not fit: most of these timesteps end in a deadlock.
    #[test]
    fn every_deadlock_is_found_in_the_same_cycle_and_told_in_the_same_words((mut spec, timesteps) in any_run()) {
        spec.noc.packet_flits = spec.noc.packet_flits.max(2);
        spec.noc.receive_flits = spec.noc.packet_flits - 1;
        check((spec, timesteps))?;
    }

    #[test]
    fn every_packet_of_random_recordings_equals_the_reference(
        (spec, packets, is_decoded) in any_chip().prop_flat_map(|spec| {
            let packets = any_recording_for(&spec);
            (Just(spec), packets, any::<bool>())
        })
    ) {
        let consume = if is_decoded { Consume::Decoded(&spec.core.timing) } else { Consume::OnArrival };
        replayed_to(consume, &spec.noc, &spec.mesh, &spec.board, &packets);
    }
}
