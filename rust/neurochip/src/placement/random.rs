//! Random numbers from a seed, and the patience of annealing, in integers.

/// `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014): one addition and three mixing steps a number.
#[derive(Debug)]
pub(super) struct Random(u64);

/// Binary places of [`Random::patience`].
pub(super) const PATIENCE_BITS: u32 = 16;

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; the bias of at most `bound / 2^64` does not matter here.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// `-log2` of a uniform number in (0, 1), to [`PATIENCE_BITS`] binary places.
    ///
    /// Leading zeros are the integer part; the mantissa, taken as its own logarithm, is at most 0.09
    /// off. Metropolis' rule "accept with probability `2^(-delta / temperature)`" is then
    /// `delta <= temperature * patience`, without an exponential.
    pub(super) fn patience(&mut self) -> u64 {
        let uniform = self.next() | 1;
        let zeros = uniform.leading_zeros();
        // Below the leading one: 2^-zeros * (1 + mantissa) / 2.
        let mantissa = (uniform << zeros << 1) >> (64 - PATIENCE_BITS);
        (u64::from(zeros + 1) << PATIENCE_BITS) - mantissa
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_has_the_mean_of_an_exponential_law() {
        let mut random = Random::new(7);
        let sum: u64 = (0..100_000).map(|_| random.patience()).sum();
        // 1 / ln 2 = 1.443; the straight mantissa adds 0.057 in the mean.
        let thousandths = (sum / 100) >> PATIENCE_BITS;
        assert!((1490..=1510).contains(&thousandths), "{thousandths}");
    }

    #[test]
    fn half_of_all_are_less_patient_than_one() {
        let mut random = Random::new(7);
        let short = (0..100_000).filter(|_| random.patience() < 1 << PATIENCE_BITS).count();
        assert!((49_000..=51_000).contains(&short), "{short}");
    }

    #[test]
    fn every_number_below_a_bound_is_drawn() {
        let mut random = Random::new(7);
        let mut drawn: Vec<usize> = (0..1000).map(|_| random.below(5)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [0, 1, 2, 3, 4]);
    }
}
