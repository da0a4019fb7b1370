//! Registers: what happens to a weight sum when it meets the width of its register.

use crate::chip::Overflow;

/// A stored weight.
pub(crate) trait Weight: Copy {
    /// As an accumulator of 16 bits adds it.
    fn narrow(self) -> i16;
    /// As an accumulator of 32 bits adds it.
    fn wide(self) -> i32;
}

impl Weight for i8 {
    #[inline(always)]
    fn narrow(self) -> i16 {
        self.into()
    }
    #[inline(always)]
    fn wide(self) -> i32 {
        self.into()
    }
}

impl Weight for i16 {
    #[inline(always)]
    fn narrow(self) -> i16 {
        self
    }
    #[inline(always)]
    fn wide(self) -> i32 {
        self.into()
    }
}

/// How accumulators add. Everything is inlined into loops that are compiled for several instruction sets.
pub(crate) trait Rule {
    /// An accumulator.
    type Sum: Copy + Default + Into<i32>;
    /// What a weight is multiplied by.
    type Factor: Copy;

    /// Adds one weight.
    fn add_one<W: Weight>(&mut self, sum: &mut Self::Sum, weight: W, factor: Self::Factor);

    /// Adds a weight by its source's mask ([`Arrivals::masks`](crate::spikes::Arrivals::masks)).
    fn add_masked<W: Weight>(&mut self, sum: &mut Self::Sum, weight: W, mask: i16);

    /// Adds a row of weights to a row of accumulators.
    #[inline(always)]
    fn add<W: Weight>(&mut self, sums: &mut [Self::Sum], weights: &[W], factor: Self::Factor) {
        for (sum, &weight) in sums.iter_mut().zip(weights) {
            self.add_one(sum, weight, factor);
        }
    }

    /// Adds a row of weights, each by its own mask.
    #[inline(always)]
    fn add_where<W: Weight>(&mut self, sums: &mut [Self::Sum], weights: &[W], mask: &[i16]) {
        for ((sum, &weight), &mask) in sums.iter_mut().zip(weights).zip(mask) {
            self.add_masked(sum, weight, mask);
        }
    }

    /// Adds one weight to a row of accumulators, each by its own mask.
    #[inline(always)]
    fn add_shared<W: Weight>(&mut self, sums: &mut [Self::Sum], weight: W, mask: &[i16]) {
        for (sum, &mask) in sums.iter_mut().zip(mask) {
            self.add_masked(sum, weight, mask);
        }
    }
}

/// 16-bit accumulators whose sums were proven to fit.
pub(crate) struct Narrow;

impl Rule for Narrow {
    type Sum = i16;
    type Factor = ();

    #[inline(always)]
    fn add_one<W: Weight>(&mut self, sum: &mut i16, weight: W, (): ()) {
        *sum = sum.wrapping_add(weight.narrow()); // proven to fit, so it never wraps
    }

    #[inline(always)]
    fn add_masked<W: Weight>(&mut self, sum: &mut i16, weight: W, mask: i16) {
        *sum = sum.wrapping_add(weight.narrow() & mask);
    }
}

/// 32-bit accumulators whose sums were proven to fit.
pub(crate) struct Wide;

impl Rule for Wide {
    type Sum = i32;
    type Factor = ();

    #[inline(always)]
    fn add_one<W: Weight>(&mut self, sum: &mut i32, weight: W, (): ()) {
        *sum = sum.wrapping_add(weight.wide()); // proven to fit, so it never wraps
    }

    #[inline(always)]
    fn add_masked<W: Weight>(&mut self, sum: &mut i32, weight: W, mask: i16) {
        *sum = sum.wrapping_add(weight.wide() & i32::from(mask));
    }
}

/// Membranes that whole trains are added to: products of weights and values, proven to fit.
pub(crate) struct Products;

impl Rule for Products {
    type Sum = i32;
    type Factor = i16;

    #[inline(always)]
    fn add_one<W: Weight>(&mut self, sum: &mut i32, weight: W, factor: i16) {
        *sum = sum.wrapping_add(weight.wide() * i32::from(factor)); // proven to fit, so it never wraps
    }

    #[inline(always)]
    fn add_masked<W: Weight>(&mut self, sum: &mut i32, weight: W, mask: i16) {
        self.add_one(sum, weight, mask);
    }
}

/// Accumulators that stop at the ends of their register, after every addition.
pub(crate) struct Saturating {
    /// The register.
    pub(crate) register: Register,
    /// Additions that were cut.
    pub(crate) overflows: u64,
}

impl Rule for Saturating {
    type Sum = i32;
    type Factor = ();

    #[inline(always)]
    fn add_one<W: Weight>(&mut self, sum: &mut i32, weight: W, (): ()) {
        let exact = *sum + weight.wide(); // 16 bits each: sums of 32-bit registers were proven to fit
        *sum = exact.clamp(self.register.low as i32, self.register.high as i32);
        self.overflows += u64::from(*sum != exact);
    }

    #[inline(always)]
    fn add_masked<W: Weight>(&mut self, sum: &mut i32, weight: W, mask: i16) {
        if mask != 0 {
            self.add_one(sum, weight, ());
        }
    }
}

/// A register of the chip: its width and what it does with what does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Register {
    /// Smallest value it holds.
    pub(crate) low: i64,
    /// Largest value it holds.
    pub(crate) high: i64,
    overflow: Overflow,
}

impl Register {
    pub(crate) fn new(bits: u32, overflow: Overflow) -> Self {
        Self { low: -(1 << (bits - 1)), high: (1 << (bits - 1)) - 1, overflow }
    }

    /// Whether it holds every value of an interval.
    pub(crate) fn holds(self, low: i64, high: i64) -> bool {
        self.low <= low && high <= self.high
    }

    /// Whether what does not fit is cut at the ends.
    pub(crate) fn saturates(self) -> bool {
        self.overflow == Overflow::Saturate
    }

    /// Whether the sum of what it holds and of a number of 31 bits fits 32.
    pub(crate) fn is_narrow(self) -> bool {
        self.high < 1 << 30
    }

    /// The same in 32 bits, for a register that [`Register::is_narrow`].
    pub(crate) fn narrow(self) -> NarrowRegister {
        let high = self.high as i32;
        NarrowRegister { low: self.low as i32, high, unused: high.leading_zeros() - 1 }
    }

    /// What it holds after `exact` was written, counting in `overflows` if that did not fit.
    #[inline(always)]
    pub(crate) fn store(self, exact: i64, overflows: &mut u64) -> i32 {
        let fits = self.low <= exact && exact <= self.high;
        *overflows += u64::from(!fits);
        if fits {
            exact as i32
        } else if self.saturates() {
            exact.clamp(self.low, self.high) as i32
        } else {
            let span = self.high - self.low + 1;
            (self.low + (exact - self.low).rem_euclid(span)) as i32
        }
    }
}

/// A [`Register`] in 32 bits, for loops over many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NarrowRegister {
    low: i32,
    high: i32,
    unused: u32,
}

impl NarrowRegister {
    /// [`Register::store`]: what it holds, and 1 if that is not `exact`. A constant says what the register does, so
    /// that loops have no branch.
    #[inline(always)]
    pub(crate) fn store<const SATURATES: bool>(self, exact: i32) -> (i32, u32) {
        let held =
            if SATURATES { exact.clamp(self.low, self.high) } else { exact << self.unused >> self.unused };
        (held, u32::from(held != exact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_16_bit_register_wraps_past_32767_to_minus_32768_and_counts_it() {
        let mut overflows = 0;
        let register = Register::new(16, Overflow::Wrap);
        assert_eq!(register.store(32_767, &mut overflows), 32_767);
        assert_eq!(overflows, 0);
        assert_eq!(register.store(32_768, &mut overflows), -32_768);
        assert_eq!(register.store(-32_769, &mut overflows), 32_767);
        assert_eq!(overflows, 2);
    }

    #[test]
    fn a_saturating_register_stops_at_its_ends() {
        let mut overflows = 0;
        let register = Register::new(16, Overflow::Saturate);
        assert_eq!(register.store(1 << 40, &mut overflows), 32_767);
        assert_eq!(register.store(-(1 << 40), &mut overflows), -32_768);
        assert_eq!(overflows, 2);
    }

    #[test]
    fn in_32_bits_a_register_stores_the_same() {
        for overflow in [Overflow::Wrap, Overflow::Saturate] {
            for bits in 16..=31 {
                let register = Register::new(bits, overflow);
                assert!(register.is_narrow());
                for near in [register.low, 0, register.high, 1 << 30, -(1 << 30)] {
                    for exact in (near - 2..=near + 2).map(|exact| exact as i32) {
                        let mut overflows = 0;
                        let held = register.store(exact.into(), &mut overflows);
                        let narrow = register.narrow();
                        let stored = if register.saturates() {
                            narrow.store::<true>(exact)
                        } else {
                            narrow.store::<false>(exact)
                        };
                        assert_eq!(stored, (held, overflows as u32));
                    }
                }
            }
        }
        assert!(!Register::new(32, Overflow::Wrap).is_narrow());
    }

    #[test]
    fn a_saturating_sum_depends_on_order_and_counts_each_cut() {
        let mut rule = Saturating { register: Register::new(16, Overflow::Saturate), overflows: 0 };
        let mut sum = 32_000;
        for weight in [1_000i16, -1_000] {
            rule.add_one(&mut sum, weight, ());
        }
        assert_eq!((sum, rule.overflows), (31_767, 1));
    }
}
