//! Blocks: how many weights a core stores for a projection, and how large their sums can become.

use std::ops::Range;

use super::arrays::{read_i16, view_i8};
use super::description::{Connector, Description, Population, Projection, Tile};

/// The weight sums of one timestep that some set of spikes makes into a neuron: none lies outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SumBounds {
    /// Sum of the negative weights, 0 or less.
    pub(crate) low: i64,
    /// Sum of the positive weights, 0 or more.
    pub(crate) high: i64,
}

impl SumBounds {
    /// Sum of the weights' magnitudes.
    pub(crate) fn magnitude(self) -> i64 {
        self.high - self.low
    }

    /// Bounds that hold wherever either does.
    pub(crate) fn union(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    fn add(&mut self, weight: i64) {
        self.low += weight.min(0);
        self.high += weight.max(0);
    }
}

/// The bounds of each channel of a tile, over all projections into it; neurons at a border may have less.
pub(crate) fn sum_bounds(image: &Description, blob: &[u8], tile: &Tile) -> Vec<SumBounds> {
    let mut bounds = vec![SumBounds::default(); tile.lengths()[2]];
    let incoming = image.projections.iter().filter(|projection| projection.target == tile.population);
    for (projection, &block) in incoming.zip(&tile.blocks) {
        match projection.weight_bits {
            8 => add_block(&mut bounds, image, projection, tile, view_i8(blob, block)),
            _ => add_block(&mut bounds, image, projection, tile, &read_i16(blob, block)),
        }
    }
    bounds
}

fn add_block<W: Copy + Into<i64>>(
    bounds: &mut [SumBounds],
    image: &Description,
    projection: &Projection,
    tile: &Tile,
    weights: &[W],
) {
    match &projection.connector {
        Connector::Dense | Connector::Depthwise { .. } => add_rows(bounds, weights),
        Connector::Convolution { window, groups } => {
            let ends = image.ends(projection);
            let mut rest = weights;
            for channel in 0..ends[0].shape[2] {
                let Range { start, end } = reached_channels(channel, *groups, ends, tile);
                let (kernel, after) = rest.split_at(window.num_taps() * (end - start) as usize);
                add_rows(&mut bounds[start as usize..end as usize], kernel);
                rest = after;
            }
        }
        Connector::Pool { .. } | Connector::OneToOne { .. } => {
            for bound in bounds {
                for &weight in weights {
                    bound.add(weight.into());
                }
            }
        }
    }
}

/// Adds rows of one weight per channel; there are none where there are no channels.
fn add_rows<W: Copy + Into<i64>>(bounds: &mut [SumBounds], weights: &[W]) {
    for row in weights.chunks_exact(bounds.len().max(1)) {
        for (bound, &weight) in bounds.iter_mut().zip(row) {
            bound.add(weight.into());
        }
    }
}

/// Number of weights that a tile's core stores for a projection.
pub(super) fn block_length(image: &Description, projection: &Projection, tile: &Tile) -> u128 {
    let [source, _] = image.ends(projection);
    let channels = u128::from(tile.channels[1] - tile.channels[0]);
    match &projection.connector {
        Connector::Dense => source.num_neurons() as u128 * channels,
        Connector::Convolution { window, groups } => {
            channels * u128::from(source.shape[2] / groups) * window.num_taps() as u128
        }
        Connector::Depthwise { window } => window.num_taps() as u128 * channels,
        Connector::Pool { window } => window.num_taps() as u128,
        Connector::OneToOne { .. } => 1,
    }
}

/// The tile's channels, counted from its first, that a source channel of a grouped convolution reaches.
pub(crate) fn reached_channels(channel: u32, groups: u32, ends: [&Population; 2], tile: &Tile) -> Range<u32> {
    let [group_in, width] = ends.map(|population| population.shape[2] / groups);
    let group = channel / group_in;
    let within = |channel: u32| channel.clamp(tile.channels[0], tile.channels[1]) - tile.channels[0];
    within(group * width)..within((group + 1) * width)
}
