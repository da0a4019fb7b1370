//! Spike codes: in which timesteps of its window a neuron spikes (neurons.md, section 2).
//!
//! What a population sends in one sample is its *record*: for each neuron one byte from which every spike
//! follows, or one bit per timestep, eight of them a byte: where spikes are nobody's function, and where there
//! are more levels than a byte holds. A record of several bytes a neuron holds the first byte of every neuron,
//! then the second of every neuron, and so on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spikes::{Spikes, Trains, count_bits};

/// The highest level that a record of one byte holds.
const MOST_OF_A_BYTE: u32 = 255;

/// How a value becomes spikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SpikeCode {
    /// A spike for each bit of the value that is set, the most significant first.
    Binary {
        /// Timesteps, one per bit: 1 to 8.
        bits: u32,
        /// Whether the first bit weighs `-2^(bits - 1)` (two's complement).
        signed: bool,
    },
    /// One spike, the larger the value the earlier: `level` spikes at step `steps - 1 - level`.
    FirstSpike {
        /// Timesteps; those before the top level's are for waiting.
        steps: u32,
        /// The top level.
        levels: u32,
        /// Whether level 0 spikes as well, in the last step.
        zeros: bool,
    },
    /// As many spikes as the value says, whenever they come.
    Rate {
        /// Timesteps: at most as many spikes.
        steps: u32,
        /// The value that spikes in every timestep: 1 to 255.
        levels: u32,
    },
}

impl SpikeCode {
    /// Timesteps of a window.
    pub fn steps(self) -> u32 {
        match self {
            Self::Binary { bits: steps, .. } | Self::FirstSpike { steps, .. } | Self::Rate { steps, .. } => {
                steps
            }
        }
    }

    /// Bytes of the record for each neuron.
    pub fn bytes(self) -> usize {
        match self {
            Self::Binary { .. } | Self::FirstSpike { levels: 0..=MOST_OF_A_BYTE, .. } => 1,
            Self::FirstSpike { steps, .. } | Self::Rate { steps, .. } => steps.div_ceil(8) as usize,
        }
    }

    /// Who spikes at a step of the window.
    #[inline(always)]
    pub(crate) fn spikes(self, record: &[u8], step: u32) -> Spikes<'_> {
        match self {
            Self::Binary { bits, .. } => Spikes::of_bit(record, bits - 1 - step),
            Self::FirstSpike { steps, levels: 0..=MOST_OF_A_BYTE, zeros } => {
                match u8::try_from(steps - 1 - step) {
                    Ok(level) if level > 0 || zeros => Spikes::of_level(record, level),
                    _ => Spikes::none(record),
                }
            }
            Self::FirstSpike { .. } | Self::Rate { .. } => {
                let neurons = record.len() / self.bytes();
                Spikes::of_bit(&record[step as usize / 8 * neurons..][..neurons], 7 - step % 8)
            }
        }
    }

    /// Spikes of neurons, as far as these bytes of their record say.
    #[inline(always)]
    pub(crate) fn count(self, bytes: &[u8]) -> u64 {
        match self {
            Self::FirstSpike { levels: 0..=MOST_OF_A_BYTE, zeros, .. } => {
                Trains::of_levels(bytes, zeros).num_spikes()
            }
            Self::Binary { .. } | Self::FirstSpike { .. } | Self::Rate { .. } => count_bits(bytes),
        }
    }

    /// How often each neuron spikes in its window.
    pub(crate) fn num_spikes(self, record: &[u8]) -> impl Iterator<Item = u32> + '_ {
        let neurons = record.len() / self.bytes();
        let of_byte = move |byte: u8| match self {
            Self::FirstSpike { levels: 0..=MOST_OF_A_BYTE, zeros, .. } => u32::from(zeros || byte > 0),
            Self::Binary { .. } | Self::FirstSpike { .. } | Self::Rate { .. } => byte.count_ones(),
        };
        (0..neurons)
            .map(move |neuron| record[neuron..].iter().step_by(neurons).map(|&byte| of_byte(byte)).sum())
    }

    /// The value that each neuron sent; of a rate, the number of its spikes.
    pub(crate) fn values(self, record: &[u8]) -> impl Iterator<Item = i32> + '_ {
        let neurons = record.len() / self.bytes();
        (0..neurons).zip(self.num_spikes(record)).map(move |(neuron, spikes)| match self {
            Self::Binary { bits, signed: true } => {
                let sign = 1 << (bits - 1);
                (i32::from(record[neuron]) ^ sign) - sign
            }
            Self::Binary { signed: false, .. } | Self::FirstSpike { levels: 0..=MOST_OF_A_BYTE, .. } => {
                record[neuron].into()
            }
            Self::FirstSpike { steps, .. } => {
                let mut bytes = record[neuron..].iter().step_by(neurons).zip((0..).step_by(8));
                let spike = bytes.find_map(|(byte, first)| (*byte > 0).then(|| first + byte.leading_zeros()));
                spike.map_or(0, |step| (steps - 1 - step) as i32)
            }
            Self::Rate { .. } => spikes as i32,
        })
    }

    /// The record of a population that sends these values, one byte each.
    ///
    /// The spikes of a rate are spread evenly: the first `t` steps hold `value * t / levels` of them, rounded
    /// to the nearest, halves up.
    pub(crate) fn record(self, values: &[u8]) -> Vec<u8> {
        match self {
            Self::Binary { bits, .. } => values.iter().map(|value| value & (u8::MAX >> (8 - bits))).collect(),
            Self::FirstSpike { levels, .. } => {
                let levels: Vec<u32> = values.iter().map(|&value| levels.min(value.into())).collect();
                self.record_of_levels(&levels)
            }
            Self::Rate { steps, levels } => {
                let sent = |value: u8, step: u32| (2 * u32::from(value) * step + levels) / (2 * levels);
                let spikes = |value: u8, step: u32| u8::from(sent(value, step + 1) > sent(value, step));
                let byte = |first: u32, value: u8| {
                    (first..first + 8)
                        .fold(0, |byte, step| byte << 1 | if step < steps { spikes(value, step) } else { 0 })
                };
                let firsts = (0..self.bytes() as u32).map(|number| 8 * number);
                firsts
                    .flat_map(|first| values.iter().map(move |&value| byte(first, value.min(levels as u8))))
                    .collect()
            }
        }
    }

    /// The record of a population that sends first spikes of these levels, the top one at most.
    pub(crate) fn record_of_levels(self, levels: &[u32]) -> Vec<u8> {
        if self.bytes() == 1 {
            return levels.iter().map(|&level| level as u8).collect(); // checked: at most 255
        }
        let mut record = vec![0; self.bytes() * levels.len()];
        for (neuron, &level) in levels.iter().enumerate() {
            let step = self.steps() - 1 - level;
            let silent = level == 0 && matches!(self, Self::FirstSpike { zeros: false, .. });
            record[step as usize / 8 * levels.len() + neuron] |= u8::from(!silent) << (7 - step % 8);
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Who of a record's neurons spikes in which step.
    fn trains(code: SpikeCode, record: &[u8]) -> Vec<Vec<bool>> {
        let neurons = record.len() / code.bytes();
        let spikes = |neuron| (0..code.steps()).map(|step| code.spikes(record, step).has(neuron)).collect();
        (0..neurons).map(spikes).collect()
    }

    fn train(code: SpikeCode, value: u8) -> String {
        let [train] = &trains(code, &code.record(&[value]))[..] else { panic!("one neuron, one train") };
        train.iter().map(|&spike| if spike { '1' } else { '0' }).collect()
    }

    #[test]
    fn the_value_83_is_01010011_in_bits_and_255_less_83_steps_of_silence_as_a_first_spike() {
        assert_eq!(train(SpikeCode::Binary { bits: 8, signed: false }, 83), "01010011");
        let first = train(SpikeCode::FirstSpike { steps: 256, levels: 255, zeros: false }, 83);
        assert_eq!((first.find('1'), first.matches('1').count()), (Some(172), 1));
    }

    #[test]
    fn a_first_spike_comes_the_earlier_the_larger_its_level_and_zeros_last_or_never() {
        let code = |zeros| SpikeCode::FirstSpike { steps: 4, levels: 3, zeros };
        assert_eq!([3, 2, 1, 0].map(|level| train(code(true), level)), ["1000", "0100", "0010", "0001"]);
        assert_eq!(train(code(false), 0), "0000");
        assert_eq!(train(SpikeCode::FirstSpike { steps: 6, levels: 3, zeros: true }, 3), "001000");
    }

    #[test]
    fn of_more_levels_than_a_byte_holds_the_record_is_a_bit_a_timestep() {
        let code = |zeros| SpikeCode::FirstSpike { steps: 511, levels: 510, zeros };
        let record = code(true).record_of_levels(&[304, 0, 510]);
        assert_eq!(record.len(), 64 * 3);
        assert_eq!(code(true).values(&record).collect::<Vec<_>>(), [304, 0, 510]);
        let of_304: Vec<bool> = trains(code(true), &record).swap_remove(0);
        assert_eq!(of_304.iter().position(|&spike| spike), Some(206));
        assert_eq!(
            code(false).num_spikes(&code(false).record_of_levels(&[304, 0])).collect::<Vec<_>>(),
            [1, 0]
        );
    }

    #[test]
    fn the_spikes_of_a_rate_are_spread_evenly() {
        let code = SpikeCode::Rate { steps: 10, levels: 5 };
        assert_eq!(
            [0, 1, 2, 5].map(|value| train(code, value)),
            ["0000000000", "0010000100", "0101001010", "1111111111"]
        );
    }

    #[test]
    fn after_any_step_of_a_rate_as_many_spikes_were_sent_as_its_share_rounded_halves_up() {
        for (steps, levels) in [(16, 16), (64, 255), (10, 4), (300, 7)] {
            let code = SpikeCode::Rate { steps, levels };
            let values: Vec<u8> = (0..=levels as u8).collect();
            for (train, &value) in trains(code, &code.record(&values)).iter().zip(&values) {
                let mut sent = 0;
                for (t, &spike) in (1..).zip(train) {
                    sent += u32::from(spike);
                    // sent - 1/2 <= t u / L < sent + 1/2, times 2 L.
                    let twice_share = 2 * t * u32::from(value);
                    assert!(2 * sent * levels <= twice_share + levels, "{value} of {levels}, {t} steps");
                    assert!(twice_share < (2 * sent + 1) * levels, "{value} of {levels}, {t} steps");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn spikes_are_as_many_as_are_counted_and_say_the_value(
            values in prop::collection::vec(any::<u8>(), 1..20),
            (bits, signed, zeros) in (1..9u32, any::<bool>(), any::<bool>()),
            (levels, waiting) in (1..600u32, 0..20u32),
        ) {
            let values: Vec<u8> = values.iter().map(|&value| (u32::from(value) % (levels + 1)) as u8).collect();
            for code in [
                SpikeCode::Binary { bits, signed },
                SpikeCode::FirstSpike { steps: levels + 1 + waiting, levels, zeros },
                SpikeCode::Rate { steps: levels + waiting, levels: levels.min(255) },
            ] {
                let record = code.record(&values);
                let counted: Vec<u32> = code.num_spikes(&record).collect();
                prop_assert_eq!(code.count(&record), counted.iter().copied().map(u64::from).sum::<u64>());
                let seen = trains(code, &record);
                for ((train, &count), (said, &value)) in
                    seen.iter().zip(&counted).zip(code.values(&record).zip(&values))
                {
                    prop_assert_eq!(train.iter().filter(|&&spike| spike).count() as u32, count);
                    match code {
                        SpikeCode::Binary { bits, .. } => prop_assert_eq!(said & ((1 << bits) - 1), i32::from(value) & ((1 << bits) - 1)),
                        SpikeCode::FirstSpike { .. } => prop_assert_eq!(said, i32::from(value)),
                        SpikeCode::Rate { steps, levels } => {
                            let even = (2 * u32::from(value) * steps + levels) / (2 * levels);
                            prop_assert_eq!(said, even as i32);
                        }
                    }
                }
            }
        }
    }
}
