//! Spikes: what arrives from a population, in one timestep or, as whole trains, in a window.

/// What arrives from a population.
pub(crate) trait Arrivals: Copy {
    /// What the weights of a source are multiplied by.
    type Factor: Copy;

    /// Those of some of the sources, counted from the first of them.
    fn of(self, start: usize, length: usize) -> Self;

    /// What each source that sends does, in ascending order.
    ///
    /// An iterator and not a call with a closure: a closure would be compiled for the oldest
    /// instruction set, and the loop that adds weights with it.
    fn all(self) -> impl Iterator<Item = Arrival<Self::Factor>>;

    /// Writes what masked weights are combined with, zero where a source is silent; returns the spikes.
    fn masks(self, masks: &mut [i16]) -> u64;
}

/// What one source sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival<Factor> {
    /// Who sends.
    pub(crate) source: usize,
    /// What its weights are multiplied by.
    pub(crate) factor: Factor,
    /// How often it spikes.
    pub(crate) spikes: u64,
}

/// The spikes of one timestep: a source spikes if some bits of its byte are the wanted ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spikes<'a> {
    /// A byte of the record of each neuron of the source population, or of some of them.
    bytes: &'a [u8],
    mask: u8,
    wanted: u8,
}

impl<'a> Spikes<'a> {
    /// Whoever has a bit set spikes.
    #[inline(always)]
    pub(crate) fn of_bit(bytes: &'a [u8], bit: u32) -> Self {
        Self { bytes, mask: 1 << bit, wanted: 1 << bit }
    }

    /// Whoever has a level spikes.
    #[inline(always)]
    pub(crate) fn of_level(bytes: &'a [u8], level: u8) -> Self {
        Self { bytes, mask: u8::MAX, wanted: level }
    }

    /// Nobody spikes.
    #[inline(always)]
    pub(crate) fn none(bytes: &'a [u8]) -> Self {
        Self { bytes, mask: 0, wanted: 1 }
    }

    /// Whether a source spikes.
    #[inline(always)]
    pub(crate) fn has(self, source: usize) -> bool {
        self.bytes[source] & self.mask == self.wanted
    }

    /// One bit for each byte of a word that is a spike, its lowest.
    #[inline(always)]
    fn of_word(self, word: u64) -> u64 {
        const LOWEST: u64 = 0x0101_0101_0101_0101;
        let [mask, wanted] = [self.mask, self.wanted].map(|byte| u64::from(byte) * LOWEST);
        let other = (word & mask) ^ wanted;
        // The highest bit of a byte becomes set where any of the lower ones is.
        let carried = (other & (LOWEST * 0x7f)) + LOWEST * 0x7f;
        (!(carried | other) >> 7) & LOWEST
    }
}

impl Arrivals for Spikes<'_> {
    type Factor = ();

    #[inline(always)]
    fn of(self, start: usize, length: usize) -> Self {
        Self { bytes: &self.bytes[start..][..length], ..self }
    }

    #[inline(always)]
    fn all(self) -> impl Iterator<Item = Arrival<()>> {
        let bytes = self.bytes.chunks_exact(8);
        Spiking { spikes: self, rest: bytes.remainder(), bytes, word: 0, stop: 0 }
    }

    /// All ones where a source spikes.
    #[inline(always)]
    fn masks(self, masks: &mut [i16]) -> u64 {
        let mut spikes = 0;
        for (mask, byte) in masks.iter_mut().zip(self.bytes) {
            let spike = i16::from(byte & self.mask == self.wanted);
            *mask = -spike;
            spikes += spike as u64;
        }
        spikes
    }
}

/// See [`Spikes::all`].
struct Spiking<'a> {
    spikes: Spikes<'a>,
    bytes: std::slice::ChunksExact<'a, u8>,
    rest: &'a [u8],
    /// One bit per byte: those of the current eight that are still to come.
    word: u64,
    /// Index of the byte after the current eight.
    stop: usize,
}

impl Spiking<'_> {
    /// Which of the next eight bytes are spikes, the first lowest; fewer at the end.
    #[inline(always)]
    fn load(&mut self) -> Option<u64> {
        if let Some(chunk) = self.bytes.next() {
            let word = u64::from_le_bytes(chunk.try_into().expect("chunks are exact"));
            return Some(self.spikes.of_word(word));
        }
        if self.rest.is_empty() {
            return None;
        }
        let word = self.rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        let there = (1 << (8 * self.rest.len())) - 1; // fewer than eight
        self.rest = &[];
        Some(self.spikes.of_word(word) & there)
    }
}

impl Iterator for Spiking<'_> {
    type Item = Arrival<()>;

    #[inline(always)]
    fn next(&mut self) -> Option<Arrival<()>> {
        while self.word == 0 {
            self.word = self.load()?;
            self.stop += 8;
        }
        let source = self.stop - 8 + self.word.trailing_zeros() as usize / 8;
        self.word &= self.word - 1;
        Some(Arrival { source, factor: (), spikes: 1 })
    }
}

/// All spikes of a window: each source's byte, as the value that it stands for.
///
/// A train of bits adds each spike's weight times its coefficient, a first spike its weight in as many
/// timesteps as its level says: both add weights times values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trains<'a> {
    /// Codes of the source population, or of some of its neurons.
    pub(crate) codes: &'a [u8],
    /// What the first bit stands for if it is set, where that is negative; else 0.
    sign: i16,
    /// Spikes of a code: as many as it has bits, or `silent` for 0 and one for all others.
    spikes: Option<Silent>,
}

/// Spikes of a neuron of level 0.
type Silent = u32;

impl<'a> Trains<'a> {
    /// Trains of so many bits.
    pub(crate) fn new(codes: &'a [u8], bits: u32, signed: bool) -> Self {
        Self { codes, sign: if signed { 1 << (bits - 1) } else { 0 }, spikes: None }
    }

    /// First spikes; `zeros`: also of level 0.
    pub(crate) fn of_levels(codes: &'a [u8], zeros: bool) -> Self {
        Self { codes, sign: 0, spikes: Some(zeros.into()) }
    }

    /// What the first bit takes away if it is set; else 0.
    #[inline(always)]
    pub(crate) fn sign(self) -> i16 {
        self.sign
    }

    /// The value that a train stands for.
    #[inline(always)]
    pub(crate) fn value(self, code: u8) -> i16 {
        (i16::from(code) ^ self.sign) - self.sign
    }

    /// Spikes of a train.
    #[inline(always)]
    pub(crate) fn spikes(self, code: u8) -> u32 {
        match self.spikes {
            None => code.count_ones(),
            Some(silent) => u32::from(code > 0) | silent,
        }
    }
}

impl Trains<'_> {
    /// Spikes of all trains.
    #[inline(always)]
    pub(crate) fn num_spikes(self) -> u64 {
        match self.spikes {
            None => count_bits(self.codes),
            Some(_) => self.codes.iter().map(|&code| u64::from(self.spikes(code))).sum(),
        }
    }
}

impl Arrivals for Trains<'_> {
    type Factor = i16;

    #[inline(always)]
    fn of(self, start: usize, length: usize) -> Self {
        Self { codes: &self.codes[start..][..length], ..self }
    }

    #[inline(always)]
    fn all(self) -> impl Iterator<Item = Arrival<i16>> {
        self.codes.iter().enumerate().filter_map(move |(source, &code)| {
            let spikes = self.spikes(code);
            (spikes != 0).then_some(Arrival { source, factor: self.value(code), spikes: spikes.into() })
        })
    }

    /// The values of the trains.
    #[inline(always)]
    fn masks(self, masks: &mut [i16]) -> u64 {
        let mut spikes = 0;
        for (mask, &code) in masks.iter_mut().zip(self.codes) {
            *mask = self.value(code);
            spikes += self.spikes(code);
        }
        spikes.into()
    }
}

/// Bits that are set.
#[inline(always)]
pub(crate) fn count_bits(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks();
    let in_words: u64 = words.iter().map(|&word| u64::from(u64::from_le_bytes(word).count_ones())).sum();
    let in_rest: u64 = rest.iter().map(|byte| u64::from(byte.count_ones())).sum();
    in_words + in_rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sources<A: Arrivals>(arrivals: A) -> Vec<usize> {
        arrivals.all().map(|arrival| arrival.source).collect()
    }

    #[test]
    fn of_83_and_3_both_spike_in_the_last_timestep_and_one_in_the_second() {
        let codes = [83, 3];
        assert_eq!(sources(Spikes::of_bit(&codes, 0)), [0, 1]);
        assert_eq!(sources(Spikes::of_bit(&codes, 6)), [0]);
    }

    #[test]
    fn first_spikes_are_one_of_each_level_but_of_zeros_only_if_they_spike() {
        let codes = [0, 7, 0, 255];
        assert_eq!(sources(Trains::of_levels(&codes, false)), [1, 3]);
        assert_eq!(sources(Trains::of_levels(&codes, true)), [0, 1, 2, 3]);
        let mut masks = [9; 4];
        assert_eq!(Trains::of_levels(&codes, true).masks(&mut masks), 4);
        assert_eq!(masks, [0, 7, 0, 255]);
    }

    #[test]
    fn a_signed_train_of_three_bits_goes_from_minus_four_to_three() {
        let trains = Trains::new(&[0, 1, 3, 4, 7], 3, true);
        let values: Vec<i16> = trains.codes.iter().map(|&code| trains.value(code)).collect();
        assert_eq!(values, [0, 1, 3, -4, -1]);
        assert_eq!(sources(trains), [1, 2, 3, 4]);
    }

    fn check(spikes: Spikes<'_>, fires: impl Fn(usize) -> bool) -> Result<(), TestCaseError> {
        let length = spikes.bytes.len();
        let expected: Vec<usize> = (0..length).filter(|&source| fires(source)).collect();
        prop_assert_eq!(sources(spikes), expected.clone());
        let mut masks = vec![7; length];
        prop_assert_eq!(spikes.masks(&mut masks), expected.len() as u64);
        for (source, mask) in masks.into_iter().enumerate() {
            prop_assert_eq!(mask, if fires(source) { -1 } else { 0 });
            prop_assert_eq!(spikes.has(source), fires(source));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn arrivals_and_masks_are_those_whose_byte_is_a_spike(
            codes in prop::collection::vec(prop_oneof![any::<u8>(), 0..3u8], 0..40),
            (bit, level) in (0..8u32, 0..3u8),
            start in 0..40usize,
        ) {
            let start = start.min(codes.len());
            let (part, length) = (&codes[start..], codes.len() - start);
            check(Spikes::of_bit(&codes, bit).of(start, length), |source| part[source] & 1 << bit != 0)?;
            check(Spikes::of_level(&codes, level).of(start, length), |source| part[source] == level)?;
            check(Spikes::none(&codes).of(start, length), |_| false)?;
        }

        #[test]
        fn a_train_is_the_sum_of_its_spikes_by_their_coefficients(
            codes in prop::collection::vec(any::<u8>(), 1..20),
            signed: bool,
        ) {
            let trains = Trains::new(&codes, 8, signed);
            let mut masks = vec![0; codes.len()];
            let spikes = trains.masks(&mut masks);
            let coefficient = |bit| if signed && bit == 7 { -128i16 } else { 1i16 << bit };
            for (source, value) in masks.into_iter().enumerate() {
                let of_bit = |bit: u32| if codes[source] >> bit & 1 == 1 { coefficient(bit) } else { 0 };
                prop_assert_eq!(value, (0..8).map(of_bit).sum::<i16>());
                let arrival = trains.all().find(|arrival| arrival.source == source);
                prop_assert_eq!(arrival.map_or(0, |arrival| arrival.factor), value);
            }
            prop_assert_eq!(spikes, trains.all().map(|arrival| arrival.spikes).sum::<u64>());
        }
    }
}
