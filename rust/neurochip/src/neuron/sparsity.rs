//! Sparsity: fewer spikes in a train (neurons.md, section 3.10).
//!
//! `RoT` rounds a value to a multiple of `2^rot`: the neuron adds `2^(rot - 1)` to what it is about to
//! send and stays silent in the last `rot` steps. DRLO sends the first `drlo` spikes of a train and no
//! more. Both rise with the value, so a neuron clamped to levels that they leave alone sends nothing
//! beyond these.

use crate::image::description::Sparsity;

impl Sparsity {
    /// The train that is sent for the train of a clamped value; `bits` of either are looked at.
    pub(crate) fn sent(self, code: u8, bits: u32) -> u8 {
        let all = u8::MAX >> (8 - bits);
        let half = (1_u8 << self.rot) >> 1;
        let rounded = code.wrapping_add(half) >> self.rot << self.rot; // -1 rounds to 0
        first_spikes(rounded & all, self.drlo)
    }
}

/// The train up to its spike of this number: bits are sent from the highest on.
fn first_spikes(mut code: u8, spikes: u32) -> u8 {
    while code.count_ones() > spikes {
        code &= code - 1;
    }
    code
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: u32 = 8;

    #[test]
    fn of_83_two_bits_rounded_leave_84_and_its_first_two_spikes_80() {
        assert_eq!(Sparsity { rot: 2, drlo: ALL }.sent(83, 8), 0b0101_0100);
        assert_eq!(Sparsity { rot: 2, drlo: 2 }.sent(83, 8), 0b0101_0000);
        assert_eq!(Sparsity { rot: 0, drlo: 2 }.sent(83, 8), 0b0101_0000);
    }

    #[test]
    fn minus_1_rounds_to_0_but_its_first_spike_alone_is_minus_128() {
        assert_eq!(Sparsity { rot: 1, drlo: ALL }.sent(0xff, 8), 0);
        assert_eq!(Sparsity { rot: 0, drlo: 1 }.sent(0xff, 8), 0x80);
        assert_eq!(Sparsity { rot: 1, drlo: ALL }.sent(0x0f, 4), 0, "in four bits too");
    }

    proptest! {
        #[test]
        fn rounding_is_to_the_nearest_multiple_halves_up(value in 0..=128_u8, rot in 1..8_u32) {
            let step = 1 << rot;
            let wanted = (u32::from(value) + step / 2) / step * step;
            prop_assert_eq!(u32::from(Sparsity { rot, drlo: ALL }.sent(value, 8)), wanted);
        }

        #[test]
        fn more_is_never_sent_as_less(a in any::<i8>(), b in any::<i8>(), rot in 0..8_u32, drlo in 1..=8_u32) {
            let highest = i8::MAX >> rot << rot;
            let sent = |value: i8| Sparsity { rot, drlo }.sent(value.min(highest) as u8, 8) as i8;
            prop_assert!(sent(a.min(b)) <= sent(a.max(b)));
        }
    }
}
