//! Dot products of codes and weights: the loop in which convolutions and dense layers spend their time.
//!
//! One file for the kernels that need an instruction by its name, and so the one file of the core with
//! unsafe code. Each forms `sum codes[i] * weights[i]` modulo 2^32, so all of them give the same bits:
//!
//! | kernel | a step | where |
//! |---|---|---|
//! | [`Quads`] | `vpdpbusd`: four codes of 8 bits, four weights of 8, 16 channels | AVX-512 VNNI |
//! | [`Pairs16`], [`Pairs8`], [`Pairs4`] | `pmaddwd`: two of 16 bits each, 16, 8 or 4 channels | AVX-512, AVX2, SSE2 |
//! | [`Plain`] | the same in plain loops | elsewhere |
//!
//! What makes it sound: [`Work::check`] holds every address that the loop forms against the lengths of
//! the slices, once a call; and a kernel runs only where its instructions were found
//! ([`Dot::new`], [`Instructions`]).
#![expect(unsafe_code, reason = "instructions by name, and loads without a check each")]
#![cfg_attr(not(target_arch = "x86_64"), expect(unused, reason = "kernels of another architecture"))]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_add_epi32, _mm_loadu_si128, _mm_madd_epi16, _mm_set1_epi32,
    _mm_setzero_si128, _mm_storeu_si128, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256, _mm512_add_epi32, _mm512_dpbusd_epi32,
    _mm512_loadu_si512, _mm512_madd_epi16, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_storeu_si512,
};

use crate::instructions::Instructions;

/// Channels whose weights are stored together: those past the last channel are 0.
pub(crate) const BLOCK: usize = 16;

/// Which codes and weights are multiplied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work<'a, Code, Weight> {
    /// Codes that any pixel sees.
    pub(crate) region: &'a [Code],
    /// Where in them each pixel begins.
    pub(crate) pixels: &'a [usize],
    /// Where its codes that lie side by side begin, counted from there.
    pub(crate) segments: &'a [usize],
    /// Codes of a segment: a whole number of dot products.
    pub(crate) length: usize,
    /// `[block of channels][segment][dot product][channel][code]`.
    pub(crate) kernel: &'a [Weight],
    pub(crate) channels: usize,
}

impl<Code, Weight> Work<'_, Code, Weight> {
    /// Weights of a block of channels.
    fn block_length(&self) -> usize {
        self.segments.len() * self.length * BLOCK
    }

    /// Panics unless all that the loops read and write is there.
    fn check(&self, group: usize, totals: &[i32]) {
        let [pixel, segment] = [self.pixels, self.segments].map(|starts| starts.iter().max().copied());
        let last = pixel.zip(segment).map_or(0, |(pixel, segment)| pixel + segment + self.length);
        assert!(self.length.is_multiple_of(group) && last <= self.region.len());
        assert_eq!(self.kernel.len(), self.channels.div_ceil(BLOCK) * self.block_length());
        assert_eq!(totals.len(), self.pixels.len() * self.channels);
    }
}

/// What the widest kernels of a machine can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dot {
    instructions: Instructions,
    quads: bool,
}

impl Dot {
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn new(instructions: Instructions) -> Self {
        let instructions = instructions.min(Instructions::widest());
        let quads = instructions == Instructions::Avx512 && is_x86_feature_detected!("avx512vnni");
        Self { instructions, quads }
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn new(_: Instructions) -> Self {
        Self { instructions: Instructions::Baseline, quads: false }
    }

    /// Whether codes and weights of 8 bits are multiplied four at a time.
    pub(crate) fn quads(self) -> bool {
        self.quads
    }

    /// Adds to totals `[pixel][channel]`; only where there are [`Dot::quads`].
    pub(crate) fn add_quads(self, work: &Work<'_, u8, i8>, totals: &mut [i32]) {
        assert!(self.quads);
        work.check(4, totals);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: checked above, and VNNI was detected.
        unsafe {
            with_quads(work, totals);
        }
    }

    /// Adds to totals `[pixel][channel]`.
    pub(crate) fn add_pairs(self, work: &Work<'_, i16, i16>, totals: &mut [i32]) {
        work.check(2, totals);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: checked above, and no more than the machine has was chosen.
        unsafe {
            match self.instructions {
                Instructions::Avx512 => with_pairs_16(work, totals),
                Instructions::Avx2 => with_pairs_8(work, totals),
                Instructions::Baseline => with_pairs_4(work, totals),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: checked above.
        unsafe {
            add::<Plain, 4, 1>(work, totals);
        }
    }
}

/// The vectors of an instruction set.
///
/// # Safety
/// Methods run only where the instructions exist, with pointers to as many values as they read or write.
unsafe trait Lanes {
    type Code: Copy;
    type Weight: Copy;
    type Codes: Copy;
    type Weights: Copy;
    type Sums: Copy;
    /// Channels of a vector: divides [`BLOCK`].
    const LANES: usize;
    /// Codes of a dot product.
    const GROUP: usize;

    unsafe fn zero() -> Self::Sums;
    /// The codes of one dot product, for all lanes.
    unsafe fn codes(at: *const Self::Code) -> Self::Codes;
    /// The weights of one dot product, of each lane its own.
    unsafe fn weights(at: *const Self::Weight) -> Self::Weights;
    unsafe fn step(sums: Self::Sums, codes: Self::Codes, weights: Self::Weights) -> Self::Sums;
    unsafe fn store(sums: Self::Sums, at: *mut i32);
    /// Adds to what is there.
    unsafe fn add_to(sums: Self::Sums, at: *mut i32);
}

/// All pixels and channels: `PIXELS` by `VECTORS` sums stay in registers while the kernel passes.
///
/// # Safety
/// [`Work::check`] passed, and the instructions exist.
#[inline(always)]
unsafe fn add<L: Lanes, const PIXELS: usize, const VECTORS: usize>(
    work: &Work<'_, L::Code, L::Weight>,
    totals: &mut [i32],
) {
    let vectors = work.channels.div_ceil(L::LANES);
    for first in (0..vectors).step_by(VECTORS) {
        // SAFETY: as for this function.
        unsafe {
            match vectors - first {
                1 => add_vectors::<L, PIXELS, 1>(work, first, totals),
                2 if VECTORS > 2 => add_vectors::<L, PIXELS, 2>(work, first, totals),
                _ => add_vectors::<L, PIXELS, VECTORS>(work, first, totals),
            }
        }
    }
}

/// All pixels, and the channels of a few vectors.
///
/// # Safety
/// As for [`add`]; the vectors have channels.
#[inline(always)]
unsafe fn add_vectors<L: Lanes, const PIXELS: usize, const VECTORS: usize>(
    work: &Work<'_, L::Code, L::Weight>,
    vector: usize,
    totals: &mut [i32],
) {
    let mut pixel = 0;
    // SAFETY: as for this function; so many pixels are left.
    unsafe {
        while work.pixels.len() - pixel >= PIXELS {
            add_pixels::<L, PIXELS, VECTORS>(work, pixel, vector, totals);
            pixel += PIXELS;
        }
        if PIXELS > 4 && work.pixels.len() - pixel >= 4 {
            add_pixels::<L, 4, VECTORS>(work, pixel, vector, totals);
            pixel += 4;
        }
        if work.pixels.len() - pixel >= 2 {
            add_pixels::<L, 2, VECTORS>(work, pixel, vector, totals);
            pixel += 2;
        }
        if work.pixels.len() > pixel {
            add_pixels::<L, 1, VECTORS>(work, pixel, vector, totals);
        }
    }
}

/// # Safety
/// As for [`add`]; there are so many pixels and vectors.
#[inline(always)]
unsafe fn add_pixels<L: Lanes, const PIXELS: usize, const VECTORS: usize>(
    work: &Work<'_, L::Code, L::Weight>,
    pixel: usize,
    vector: usize,
    totals: &mut [i32],
) {
    let groups = work.length / L::GROUP;
    let step = BLOCK * L::GROUP; // from the weights of a dot product to those of the next
    // SAFETY: a pixel, a segment and its length lie in the region, and block and lane in the kernel: that is
    // what `check` compared.
    unsafe {
        let mut sums = [[L::zero(); VECTORS]; PIXELS];
        let starts: [usize; PIXELS] = std::array::from_fn(|number| work.pixels[pixel + number]);
        let mut kernels: [*const L::Weight; VECTORS] = std::array::from_fn(|number| {
            let channel = (vector + number) * L::LANES;
            let start = channel / BLOCK * work.block_length() + channel % BLOCK * L::GROUP;
            work.kernel.as_ptr().add(start)
        });
        for &segment in work.segments {
            let mut codes = starts.map(|start| work.region.as_ptr().add(start + segment));
            for _ in 0..groups {
                // Loops, not closures: those would be compiled for the oldest instruction set.
                let mut weights = [L::weights(kernels[0]); VECTORS];
                for number in 1..VECTORS {
                    weights[number] = L::weights(kernels[number]);
                }
                for number in 0..PIXELS {
                    let code = L::codes(codes[number]);
                    for vector in 0..VECTORS {
                        sums[number][vector] = L::step(sums[number][vector], code, weights[vector]);
                    }
                }
                codes = codes.map(|codes| codes.add(L::GROUP));
                // The last step leads to the end of a block, or from a later lane past it: never read there.
                kernels = kernels.map(|kernel| kernel.wrapping_add(step));
            }
        }
        for number in 0..PIXELS {
            for offset in 0..VECTORS {
                let sums = sums[number][offset];
                let channel = (vector + offset) * L::LANES;
                let start = (pixel + number) * work.channels + channel;
                let totals = &mut totals[start..][..L::LANES.min(work.channels - channel)];
                if totals.len() == L::LANES {
                    L::add_to(sums, totals.as_mut_ptr());
                } else {
                    let mut held = [0; BLOCK];
                    L::store(sums, held.as_mut_ptr());
                    for (total, sum) in totals.iter_mut().zip(held) {
                        *total = total.wrapping_add(sum);
                    }
                }
            }
        }
    }
}

/// Plain loops.
#[cfg(any(test, not(target_arch = "x86_64")))]
struct Plain;

// SAFETY: no instructions by name.
#[cfg(any(test, not(target_arch = "x86_64")))]
unsafe impl Lanes for Plain {
    type Code = i16;
    type Weight = i16;
    type Codes = [i16; 2];
    type Weights = [[i16; 2]; BLOCK];
    type Sums = [i32; BLOCK];
    const LANES: usize = BLOCK;
    const GROUP: usize = 2;

    #[inline(always)]
    unsafe fn zero() -> Self::Sums {
        [0; BLOCK]
    }
    #[inline(always)]
    unsafe fn codes(at: *const i16) -> Self::Codes {
        // SAFETY: the caller's.
        unsafe { at.cast::<Self::Codes>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn weights(at: *const i16) -> Self::Weights {
        // SAFETY: the caller's.
        unsafe { at.cast::<Self::Weights>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn step(sums: Self::Sums, codes: Self::Codes, weights: Self::Weights) -> Self::Sums {
        std::array::from_fn(|lane| {
            let product = |code: usize| i32::from(codes[code]) * i32::from(weights[lane][code]);
            sums[lane].wrapping_add(product(0)).wrapping_add(product(1))
        })
    }
    #[inline(always)]
    unsafe fn store(sums: Self::Sums, at: *mut i32) {
        // SAFETY: the caller's.
        unsafe { at.cast::<Self::Sums>().write_unaligned(sums) }
    }
    #[inline(always)]
    unsafe fn add_to(sums: Self::Sums, at: *mut i32) {
        // SAFETY: the caller's.
        unsafe {
            let there = at.cast::<Self::Sums>().read_unaligned();
            Self::store(std::array::from_fn(|lane| sums[lane].wrapping_add(there[lane])), at);
        }
    }
}

/// Lanes of one x86 register: the intrinsics are named in the order of the methods of [`Lanes`].
#[cfg(target_arch = "x86_64")]
macro_rules! x86 {
    ($(#[$doc:meta])+ $name:ident: [$code:ty; $group:literal] by $weight:ident in $lanes:literal of $vector:ty,
     $zero:ident, $broadcast:ident, $load:ident, $store:ident, $add:ident, |$sums:ident, $codes:ident, $weights:ident| $step:expr) => {
        $(#[$doc])+
        struct $name;

        // SAFETY: the caller's, for each: the loads and stores are those for unaligned addresses.
        unsafe impl Lanes for $name {
            type Code = $code;
            type Weight = $weight;
            type Codes = $vector;
            type Weights = $vector;
            type Sums = $vector;
            const LANES: usize = $lanes;
            const GROUP: usize = $group;

            #[inline(always)]
            unsafe fn zero() -> $vector {
                unsafe { $zero() }
            }
            #[inline(always)]
            unsafe fn codes(at: *const $code) -> $vector {
                unsafe { $broadcast(at.cast::<i32>().read_unaligned()) }
            }
            #[inline(always)]
            unsafe fn weights(at: *const $weight) -> $vector {
                unsafe { $load(at.cast()) }
            }
            #[inline(always)]
            unsafe fn step($sums: $vector, $codes: $vector, $weights: $vector) -> $vector {
                unsafe { $step }
            }
            #[inline(always)]
            unsafe fn store(sums: $vector, at: *mut i32) {
                unsafe { $store(at.cast(), sums) }
            }
            #[inline(always)]
            unsafe fn add_to(sums: $vector, at: *mut i32) {
                unsafe { $store(at.cast(), $add($load(at.cast_const().cast()), sums)) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
x86! {
    /// AVX-512 VNNI.
    Quads: [u8; 4] by i8 in 16 of __m512i,
    _mm512_setzero_si512, _mm512_set1_epi32, _mm512_loadu_si512, _mm512_storeu_si512, _mm512_add_epi32,
    |sums, codes, weights| _mm512_dpbusd_epi32(sums, codes, weights)
}
#[cfg(target_arch = "x86_64")]
x86! {
    /// AVX-512.
    Pairs16: [i16; 2] by i16 in 16 of __m512i,
    _mm512_setzero_si512, _mm512_set1_epi32, _mm512_loadu_si512, _mm512_storeu_si512, _mm512_add_epi32,
    |sums, codes, weights| _mm512_add_epi32(sums, _mm512_madd_epi16(codes, weights))
}
#[cfg(target_arch = "x86_64")]
x86! {
    /// AVX2.
    Pairs8: [i16; 2] by i16 in 8 of __m256i,
    _mm256_setzero_si256, _mm256_set1_epi32, _mm256_loadu_si256, _mm256_storeu_si256, _mm256_add_epi32,
    |sums, codes, weights| _mm256_add_epi32(sums, _mm256_madd_epi16(codes, weights))
}
#[cfg(target_arch = "x86_64")]
x86! {
    /// SSE2.
    Pairs4: [i16; 2] by i16 in 4 of __m128i,
    _mm_setzero_si128, _mm_set1_epi32, _mm_loadu_si128, _mm_storeu_si128, _mm_add_epi32,
    |sums, codes, weights| _mm_add_epi32(sums, _mm_madd_epi16(codes, weights))
}

/// A kernel compiled for its instructions; sums take half of the registers or more.
#[cfg(target_arch = "x86_64")]
macro_rules! compiled {
    ($name:ident, $lanes:ident, $features:literal, $pixels:literal, $vectors:literal, $code:ty, $weight:ty) => {
        #[target_feature(enable = $features)]
        unsafe fn $name(work: &Work<'_, $code, $weight>, totals: &mut [i32]) {
            // SAFETY: the caller's.
            unsafe { add::<$lanes, $pixels, $vectors>(work, totals) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
compiled!(with_quads, Quads, "avx512f,avx512bw,avx512vnni", 8, 3, u8, i8);
#[cfg(target_arch = "x86_64")]
compiled!(with_pairs_16, Pairs16, "avx512f,avx512bw", 8, 3, i16, i16);
#[cfg(target_arch = "x86_64")]
compiled!(with_pairs_8, Pairs8, "avx2", 4, 2, i16, i16);
#[cfg(target_arch = "x86_64")]
compiled!(with_pairs_4, Pairs4, "sse2", 4, 2, i16, i16);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the sums are, weight by weight in 64 bits.
    fn expected<C: Copy + Into<i64>, W: Copy + Into<i64>>(work: &Work<'_, C, W>, group: usize) -> Vec<i32> {
        let weight = |number: usize, channel: usize| {
            let (block, lane) = (channel / BLOCK, channel % BLOCK);
            let start = block * work.block_length() + number / group * BLOCK * group;
            work.kernel[start + lane * group + number % group].into()
        };
        let sum = |pixel: usize, channel: usize| -> i64 {
            let seen =
                work.segments.iter().flat_map(|&segment| &work.region[pixel + segment..][..work.length]);
            seen.enumerate().map(|(number, &code)| code.into() * weight(number, channel)).sum()
        };
        let of_pixel = |&pixel: &usize| (0..work.channels).map(move |channel| sum(pixel, channel) as i32);
        work.pixels.iter().flat_map(of_pixel).collect()
    }

    fn numbers<T: Copy>(seed: u64, count: usize, of: impl Fn(u64) -> T) -> Vec<T> {
        let next = |state: &mut u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Some(of(*state >> 40))
        };
        std::iter::repeat_with({
            let mut state = seed;
            move || next(&mut state).expect("it never ends")
        })
        .take(count)
        .collect()
    }

    proptest! {
        #[test]
        fn every_kernel_forms_the_sums_of_products(
            (pixels, channels) in (1..20usize, 1..70usize),
            groups in 1..6usize,
            num_segments in 1..4usize,
            seed: u64,
        ) {
            let length = 4 * groups;
            let segments: Vec<usize> = (0..num_segments).map(|segment| segment * (length + 3)).collect();
            let pixels: Vec<usize> = (0..pixels).map(|pixel| 5 * pixel).collect();
            let count = pixels.last().unwrap() + segments.last().unwrap() + length;
            let weights = channels.div_ceil(BLOCK) * num_segments * length * BLOCK;
            let before = numbers(!seed, pixels.len() * channels, |number| number as i32);

            let [region, kernel] = [(seed, count), (seed ^ 1, weights)]
                .map(|(seed, count)| numbers(seed, count, |number| number as i16));
            let work = Work { region: &region, pixels: &pixels, segments: &segments, length, kernel: &kernel, channels };
            let sums: Vec<i32> = expected(&work, 2).iter().zip(&before).map(|(sum, before)| sum.wrapping_add(*before)).collect();
            for instructions in Instructions::ALL {
                let mut totals = before.clone();
                Dot::new(instructions).add_pairs(&work, &mut totals);
                prop_assert_eq!(&totals, &sums);
            }
            let mut totals = before.clone();
            work.check(2, &totals);
            // SAFETY: checked.
            unsafe { add::<Plain, 4, 1>(&work, &mut totals) };
            prop_assert_eq!(&totals, &sums);

            if Dot::new(Instructions::Avx512).quads() {
                let region = numbers(seed, count, |number| number as u8);
                let kernel = numbers(seed ^ 1, weights, |number| number as i8);
                let work = Work { region: &region, pixels: &pixels, segments: &segments, length, kernel: &kernel, channels };
                let mut totals = vec![0; before.len()];
                Dot::new(Instructions::Avx512).add_quads(&work, &mut totals);
                prop_assert_eq!(totals, expected(&work, 4));
            }
        }
    }

    #[test]
    #[should_panic(expected = "last <= self.region.len()")]
    fn a_pixel_that_reaches_beyond_its_region_is_never_read() {
        let (region, kernel) = ([0i16; 5], [0i16; 4 * BLOCK]);
        let work =
            Work { region: &region, pixels: &[2], segments: &[0], length: 4, kernel: &kernel, channels: 1 };
        Dot::new(Instructions::Baseline).add_pairs(&work, &mut [0]);
    }
}
