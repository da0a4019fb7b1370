//! Spikes: what arrives from a population, as one bit of each neuron's code, or as whole trains.

/// What arrives from a population.
pub(crate) trait Arrivals: Copy {
    /// What the weights of a source are multiplied by.
    type Factor: Copy;

    /// Those of some of the sources, counted from the first of them.
    fn of(self, start: usize, length: usize) -> Self;

    /// What a source sends, if it sends.
    fn from(self, source: usize) -> Option<Arrival<Self::Factor>>;

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

/// The spikes of one timestep: one bit of each source's code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spikes<'a> {
    /// Codes of the source population, or of some of its neurons.
    pub(crate) codes: &'a [u8],
    /// The bit that is sent now.
    pub(crate) bit: u32,
}

impl Arrivals for Spikes<'_> {
    type Factor = ();

    #[inline(always)]
    fn of(self, start: usize, length: usize) -> Self {
        Self { codes: &self.codes[start..][..length], ..self }
    }

    #[inline(always)]
    fn from(self, source: usize) -> Option<Arrival<()>> {
        (self.codes[source] >> self.bit & 1 == 1).then_some(Arrival { source, factor: (), spikes: 1 })
    }

    #[inline(always)]
    fn all(self) -> impl Iterator<Item = Arrival<()>> {
        let codes = self.codes.chunks_exact(8);
        Spiking { rest: codes.remainder(), codes, bit: self.bit, word: 0, stop: 0 }
    }

    /// All ones where a source spikes.
    #[inline(always)]
    fn masks(self, masks: &mut [i16]) -> u64 {
        let mut spikes = 0;
        for (mask, code) in masks.iter_mut().zip(self.codes) {
            let spike = i16::from(code >> self.bit & 1);
            *mask = -spike;
            spikes += spike as u64;
        }
        spikes
    }
}

/// See [`Spikes::all`].
struct Spiking<'a> {
    codes: std::slice::ChunksExact<'a, u8>,
    rest: &'a [u8],
    bit: u32,
    /// One bit a byte: the codes of the current eight that are still to come.
    word: u64,
    /// Index of the code after the current eight.
    stop: usize,
}

impl Spiking<'_> {
    /// The next eight codes as a word, the first lowest; fewer at the end.
    #[inline(always)]
    fn load(&mut self) -> Option<u64> {
        if let Some(chunk) = self.codes.next() {
            return Some(u64::from_le_bytes(chunk.try_into().expect("chunks are exact")));
        }
        if self.rest.is_empty() {
            return None;
        }
        let word = self.rest.iter().rev().fold(0, |word, &code| word << 8 | u64::from(code));
        self.rest = &[];
        Some(word)
    }
}

impl Iterator for Spiking<'_> {
    type Item = Arrival<()>;

    #[inline(always)]
    fn next(&mut self) -> Option<Arrival<()>> {
        while self.word == 0 {
            self.word = self.load()? >> self.bit & 0x0101_0101_0101_0101;
            self.stop += 8;
        }
        let source = self.stop - 8 + self.word.trailing_zeros() as usize / 8;
        self.word &= self.word - 1;
        Some(Arrival { source, factor: (), spikes: 1 })
    }
}

/// All spikes of a window: each source's whole code, as the value that it stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trains<'a> {
    /// Codes of the source population, or of some of its neurons.
    pub(crate) codes: &'a [u8],
    /// What the first bit stands for if it is set, where that is less than nothing; else 0.
    pub(crate) sign: i16,
}

impl<'a> Trains<'a> {
    /// Trains of so many bits.
    pub(crate) fn new(codes: &'a [u8], bits: u32, signed: bool) -> Self {
        Self { codes, sign: if signed { 1 << (bits - 1) } else { 0 } }
    }

    /// The value that a train stands for.
    #[inline(always)]
    pub(crate) fn value(self, code: u8) -> i16 {
        (i16::from(code) ^ self.sign) - self.sign
    }
}

impl Arrivals for Trains<'_> {
    type Factor = i16;

    #[inline(always)]
    fn of(self, start: usize, length: usize) -> Self {
        Self { codes: &self.codes[start..][..length], ..self }
    }

    #[inline(always)]
    fn from(self, source: usize) -> Option<Arrival<i16>> {
        let code = self.codes[source];
        (code != 0).then_some(Arrival { source, factor: self.value(code), spikes: code.count_ones().into() })
    }

    #[inline(always)]
    fn all(self) -> impl Iterator<Item = Arrival<i16>> {
        (0..self.codes.len()).filter_map(move |source| self.from(source))
    }

    /// The values of the trains.
    #[inline(always)]
    fn masks(self, masks: &mut [i16]) -> u64 {
        let mut spikes = 0;
        for (mask, &code) in masks.iter_mut().zip(self.codes) {
            *mask = self.value(code);
            spikes += code.count_ones();
        }
        spikes.into()
    }
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
        assert_eq!(sources(Spikes { codes: &codes, bit: 0 }), [0, 1]);
        assert_eq!(sources(Spikes { codes: &codes, bit: 6 }), [0]);
    }

    #[test]
    fn a_signed_train_of_three_bits_goes_from_minus_four_to_three() {
        let trains = Trains::new(&[0, 1, 3, 4, 7], 3, true);
        let values: Vec<i16> = trains.codes.iter().map(|&code| trains.value(code)).collect();
        assert_eq!(values, [0, 1, 3, -4, -1]);
        assert_eq!(sources(trains), [1, 2, 3, 4]);
    }

    proptest! {
        #[test]
        fn arrivals_and_masks_are_those_whose_bit_is_set(
            codes in prop::collection::vec(any::<u8>(), 0..40),
            bit in 0..8u32,
            start in 0..40usize,
        ) {
            let start = start.min(codes.len());
            let spikes = Spikes { codes: &codes, bit }.of(start, codes.len() - start);
            let fires = |source: usize| codes[start + source] & 1 << bit != 0;
            let expected: Vec<usize> = (0..codes.len() - start).filter(|&source| fires(source)).collect();
            prop_assert_eq!(sources(spikes), expected.clone());
            let mut masks = vec![7; codes.len() - start];
            prop_assert_eq!(spikes.masks(&mut masks), expected.len() as u64);
            for (source, mask) in masks.into_iter().enumerate() {
                prop_assert_eq!(mask, if fires(source) { -1 } else { 0 });
                prop_assert_eq!(spikes.from(source).is_some(), fires(source));
            }
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
                let of_bit = |bit| Spikes { codes: &codes, bit }.from(source).map_or(0, |_| coefficient(bit));
                prop_assert_eq!(value, (0..8).map(of_bit).sum::<i16>());
                prop_assert_eq!(trains.from(source).map_or(0, |arrival| arrival.factor), value);
            }
            prop_assert_eq!(spikes, trains.all().map(|arrival| arrival.spikes).sum::<u64>());
        }
    }
}
