//! Spikes: who fires in one timestep, as one bit of each neuron's code.

/// The spikes of one timestep: one bit of each source's code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spikes<'a> {
    /// Codes of the source population, or of some of its neurons.
    pub(crate) codes: &'a [u8],
    /// The bit that is sent now.
    pub(crate) bit: u32,
}

impl<'a> Spikes<'a> {
    /// Whether a source spikes.
    #[inline(always)]
    pub(crate) fn has(self, source: usize) -> bool {
        self.codes[source] >> self.bit & 1 == 1
    }

    /// Those of some of the sources, counted from the first of them.
    #[inline(always)]
    pub(crate) fn of(self, start: usize, length: usize) -> Self {
        Self { codes: &self.codes[start..][..length], ..self }
    }

    /// Each source that spikes, ascending.
    #[inline(always)]
    pub(crate) fn sources(self) -> Spiking<'a> {
        let codes = self.codes.chunks_exact(8);
        Spiking { rest: codes.remainder(), codes, bit: self.bit, word: 0, stop: 0 }
    }

    /// Sets `mask` to all ones where a source spikes; returns how many do.
    #[inline(always)]
    pub(crate) fn mask(self, mask: &mut [i16]) -> u64 {
        let mut spikes = 0;
        for (mask, code) in mask.iter_mut().zip(self.codes) {
            let spike = i16::from(code >> self.bit & 1);
            *mask = -spike;
            spikes += spike as u64;
        }
        spikes
    }
}

/// See [`Spikes::sources`].
///
/// An iterator and not a call with a closure: a closure would be compiled for the oldest
/// instruction set, and the loop that adds weights with it.
pub(crate) struct Spiking<'a> {
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
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.word == 0 {
            self.word = self.load()? >> self.bit & 0x0101_0101_0101_0101;
            self.stop += 8;
        }
        let source = self.stop - 8 + self.word.trailing_zeros() as usize / 8;
        self.word &= self.word - 1;
        Some(source)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_83_and_3_both_spike_in_the_last_timestep_and_one_in_the_second() {
        let codes = [83, 3];
        assert_eq!(Spikes { codes: &codes, bit: 0 }.sources().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(Spikes { codes: &codes, bit: 6 }.sources().collect::<Vec<_>>(), [0]);
    }

    proptest! {
        #[test]
        fn sources_and_mask_are_those_whose_bit_is_set(
            codes in prop::collection::vec(any::<u8>(), 0..40),
            bit in 0..8u32,
            start in 0..40usize,
        ) {
            let start = start.min(codes.len());
            let spikes = Spikes { codes: &codes, bit }.of(start, codes.len() - start);
            let fires = |source: usize| codes[start + source] & 1 << bit != 0;
            let expected: Vec<usize> = (0..codes.len() - start).filter(|&source| fires(source)).collect();
            prop_assert_eq!(spikes.sources().collect::<Vec<_>>(), expected.clone());
            let mut mask = vec![7; codes.len() - start];
            prop_assert_eq!(spikes.mask(&mut mask), expected.len() as u64);
            for (source, mask) in mask.into_iter().enumerate() {
                prop_assert_eq!(mask, if fires(source) { -1 } else { 0 });
                prop_assert_eq!(spikes.has(source), fires(source));
            }
        }
    }
}
