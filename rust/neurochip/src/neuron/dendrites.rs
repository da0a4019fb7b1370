//! The weight sums of a tile, timestep by timestep: for neurons whose every timestep is computed.

use crate::image::Image;
use crate::image::blocks::{SumBounds, sum_bounds};
use crate::image::description::{Blob, Projection, Tile};
use crate::neuron::Counts;
use crate::register::{Narrow, Register, Rule, Saturating, Wide};
use crate::synapse::Synapses;

/// Which accumulators a tile needs: the narrowest whose sums are proven to be the chip's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sums {
    /// Every possible sum fits 16 bits.
    Narrow,
    /// Sums fit 32 bits, and the chip's register is as wide or is checked after each timestep.
    Wide { checked: bool },
    /// The chip cuts each addition at the ends of its register.
    Saturating,
}

impl Sums {
    /// The accumulators for sums within bounds.
    pub(crate) fn choose(bounds: SumBounds, register: Register) -> Self {
        let SumBounds { low, high } = bounds;
        if low >= i16::MIN.into() && high <= i16::MAX.into() {
            Self::Narrow // registers have at least 16 bits
        } else if register.holds(low, high) {
            Self::Wide { checked: false }
        } else if register.saturates() {
            Self::Saturating
        } else {
            Self::Wide { checked: true }
        }
    }

    /// Whether no spikes of a timestep can take a weight sum out of its register.
    pub(crate) fn fit(self) -> bool {
        matches!(self, Self::Narrow | Self::Wide { checked: false })
    }
}

/// What arrives at a tile.
#[derive(Debug)]
pub(crate) struct Dendrites {
    synapses: Vec<Synapses>,
    sums: Sums,
    register: Register,
}

/// Accumulators, used again in every timestep.
#[derive(Debug)]
pub(crate) struct Accumulators {
    narrow: Vec<i16>,
    wide: Vec<i32>,
}

impl Accumulators {
    pub(crate) fn new(neurons: usize) -> Self {
        Self { narrow: vec![0; neurons], wide: vec![0; neurons] }
    }
}

impl Dendrites {
    pub(crate) fn new(image: &Image, tile: &Tile, incoming: &[(&Projection, Blob)]) -> Self {
        let of = |&(projection, block): &(&Projection, Blob)| Synapses::new(image, projection, tile, block);
        let synapses = incoming.iter().map(of).collect();
        let core = &image.description().chip.core;
        let register = Register::new(core.weight_sum_bits, core.overflow);
        Self { synapses, sums: Sums::choose(bounds(image, tile), register), register }
    }

    /// The weight sums of the spikes sent in a timestep, as their register holds them.
    #[inline(always)]
    pub(crate) fn receive<'a>(
        &self,
        image: &Image,
        records: &[Vec<u8>],
        sent: u32,
        accumulators: &'a mut Accumulators,
        counts: &mut Counts,
    ) -> &'a [i32] {
        let Accumulators { narrow, wide } = accumulators;
        match self.sums {
            Sums::Narrow => {
                self.add(image, records, sent, &mut Narrow, narrow, counts);
                for (wide, &mut narrow) in wide.iter_mut().zip(narrow) {
                    *wide = narrow.into();
                }
            }
            Sums::Wide { checked } => {
                self.add(image, records, sent, &mut Wide, wide, counts);
                if checked {
                    for sum in wide.iter_mut() {
                        *sum = self.register.store((*sum).into(), &mut counts.sum_overflows);
                    }
                }
            }
            Sums::Saturating => {
                let mut rule = Saturating { register: self.register, overflows: 0 };
                self.add(image, records, sent, &mut rule, wide, counts);
                counts.sum_overflows += rule.overflows;
            }
        }
        wide
    }

    #[inline(always)]
    fn add<R: Rule<Factor = ()>>(
        &self,
        image: &Image,
        records: &[Vec<u8>],
        sent: u32,
        rule: &mut R,
        sums: &mut [R::Sum],
        counts: &mut Counts,
    ) {
        sums.fill(R::Sum::default());
        for synapses in &self.synapses {
            let source = &image.description().populations[synapses.source];
            if let Some(spikes) = source.spikes(&records[synapses.source], sent) {
                counts.sops += synapses.accumulate(image, spikes, rule, sums);
            }
        }
    }
}

/// The weight sums of one timestep that some set of spikes makes into a neuron of a tile.
pub(crate) fn bounds(image: &Image, tile: &Tile) -> SumBounds {
    let bounds = sum_bounds(image.description(), image.blob(), tile);
    bounds.into_iter().fold(SumBounds::default(), SumBounds::union)
}
