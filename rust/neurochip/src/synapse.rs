//! Synapses: one projection into one tile, and the loops that add its weights.
//!
//! A spike adds contiguous rows of weights to contiguous accumulators, so these loops are plain and
//! the compiler vectorises them; `values` runs them for the widest instruction set of the machine.

use std::ops::Range;

use crate::image::Image;
use crate::image::arrays::{read_i16, read_i32, view_i8};
use crate::image::description::{Blob, Connector, Population, Projection, Tile, Window};
use crate::register::{Rule, Weight};
use crate::window::{Axis, Run};

/// One projection into one tile, ready to run.
#[derive(Debug)]
pub(crate) struct Synapses {
    /// Index of the source population.
    pub(crate) source: usize,
    weights: Weights,
    wiring: Wiring,
}

/// Where a block's weights are.
#[derive(Debug)]
enum Weights {
    /// In the image.
    Narrow(Blob),
    /// Copied out, for alignment.
    Wide(Vec<i16>),
}

/// Which weights a spike adds to which accumulators.
#[derive(Debug)]
enum Wiring {
    Dense { channels: usize },
    Convolution(Convolution),
    Depthwise(Depthwise),
    OneToOne { sources: Vec<i32> },
}

/// A convolution's reach into one tile.
#[derive(Debug)]
struct Convolution {
    /// Source channels.
    channels: usize,
    /// Taps along x.
    slots: usize,
    /// Row length of the tile, and its channels.
    row: usize,
    tile_channels: usize,
    /// For each source y: (row of the tile, tap).
    hits_y: Vec<Vec<(u32, u32)>>,
    /// For each source x: runs over columns of the tile.
    runs_x: Vec<Vec<Run>>,
    /// For each source channel: its weights and the tile's channels that it reaches.
    fans: Vec<Fan>,
}

#[derive(Debug, Clone, Copy)]
struct Fan {
    offset: usize,
    start: usize,
    width: usize,
}

/// Channels that each see themselves, through a window.
#[derive(Debug)]
struct Depthwise {
    channels: usize,
    held: Range<usize>,
    row: usize,
    slots: usize,
    hits_y: Vec<Vec<(u32, u32)>>,
    hits_x: Vec<Vec<(u32, u32)>>,
    /// One weight a tap for all channels (pooling) or one a tap and channel.
    shared: bool,
}

impl Synapses {
    pub(crate) fn new(image: &Image, projection: &Projection, tile: &Tile, block: Blob) -> Self {
        let populations = &image.description().populations;
        let source = &populations[projection.source as usize];
        let target = &populations[projection.target as usize];
        let weights = match projection.weight_bits {
            8 => Weights::Narrow(block),
            _ => Weights::Wide(read_i16(image.blob(), block)),
        };
        let wiring = match &projection.connector {
            Connector::Dense => Wiring::Dense { channels: tile.lengths()[2] },
            Connector::Convolution { window, groups } => {
                Wiring::Convolution(Convolution::new(window, *groups, source, target, tile))
            }
            Connector::Depthwise { window } => {
                Wiring::Depthwise(Depthwise::new(window, source, target, tile, false))
            }
            Connector::Pool { window } => {
                Wiring::Depthwise(Depthwise::new(window, source, target, tile, true))
            }
            Connector::OneToOne { index } => {
                let index = index.map(|index| read_i32(image.blob(), index));
                Wiring::OneToOne { sources: one_to_one_sources(target, tile, index.as_deref()) }
            }
        };
        Self { source: projection.source as usize, weights, wiring }
    }

    /// Adds the weights of every source whose code has `bit` set; returns the SOPs.
    #[inline(always)]
    pub(crate) fn accumulate<R: Rule>(
        &self,
        image: &Image,
        codes: &[u8],
        bit: u32,
        rule: &mut R,
        sums: &mut [R::Sum],
    ) -> u64 {
        match &self.weights {
            Weights::Narrow(block) => {
                self.wiring.accumulate(view_i8(image.blob(), *block), codes, bit, rule, sums)
            }
            Weights::Wide(weights) => self.wiring.accumulate(weights, codes, bit, rule, sums),
        }
    }

    /// Sums of the negative and of the positive weights into each local channel: no timestep exceeds them.
    pub(crate) fn bounds(&self, image: &Image, channels: usize) -> Vec<(i64, i64)> {
        match &self.weights {
            Weights::Narrow(block) => self.wiring.bounds(view_i8(image.blob(), *block), channels),
            Weights::Wide(weights) => self.wiring.bounds(weights, channels),
        }
    }
}

/// The tile's neurons in local order, as indices of the population.
pub(crate) fn neurons_of(shape: [u32; 3], tile: &Tile) -> impl Iterator<Item = usize> {
    let [_, width, channels] = shape.map(|length| length as usize);
    let [rows, columns, held] = [tile.rows, tile.columns, tile.channels].map(|[a, b]| a as usize..b as usize);
    rows.flat_map(move |y| {
        let held = held.clone();
        columns.clone().flat_map(move |x| held.clone().map(move |c| (y * width + x) * channels + c))
    })
}

fn one_to_one_sources(target: &Population, tile: &Tile, index: Option<&[i32]>) -> Vec<i32> {
    neurons_of(target.shape, tile).map(|neuron| index.map_or(neuron as i32, |index| index[neuron])).collect()
}

impl Wiring {
    #[inline(always)]
    fn accumulate<R: Rule, W: Weight>(
        &self,
        weights: &[W],
        codes: &[u8],
        bit: u32,
        rule: &mut R,
        sums: &mut [R::Sum],
    ) -> u64 {
        match self {
            Self::Dense { channels } => {
                let mut sops = 0;
                for source in spiking(codes, bit) {
                    rule.add(sums, &weights[source * channels..][..*channels]);
                    sops += *channels as u64;
                }
                sops
            }
            Self::Convolution(wiring) => wiring.accumulate(weights, codes, bit, rule, sums),
            Self::Depthwise(wiring) => wiring.accumulate(weights, codes, bit, rule, sums),
            Self::OneToOne { sources } => {
                let mut sops = 0;
                for (sum, &source) in sums.iter_mut().zip(sources) {
                    if source >= 0 && codes[source as usize] >> bit & 1 == 1 {
                        rule.add(std::slice::from_mut(sum), &weights[..1]);
                        sops += 1;
                    }
                }
                sops
            }
        }
    }

    fn bounds<W: Weight>(&self, weights: &[W], channels: usize) -> Vec<(i64, i64)> {
        let mut bounds = vec![(0, 0); channels];
        match self {
            Self::Dense { .. } => add_bounds(&mut bounds, weights),
            Self::Convolution(wiring) => wiring.bounds(&mut bounds, weights),
            Self::Depthwise(Depthwise { shared: false, .. }) => add_bounds(&mut bounds, weights),
            Self::Depthwise(_) | Self::OneToOne { .. } => {
                for &weight in weights {
                    add_bounds(&mut bounds, &vec![weight; channels]);
                }
            }
        }
        bounds
    }
}

fn add_bounds<W: Weight>(bounds: &mut [(i64, i64)], weights: &[W]) {
    for row in weights.chunks_exact(bounds.len()) {
        for (bound, weight) in bounds.iter_mut().zip(row) {
            let weight = i64::from(weight.wide());
            bound.0 += weight.min(0);
            bound.1 += weight.max(0);
        }
    }
}

/// The index of each code that has a bit set, in ascending order.
///
/// An iterator and not a call with a closure: a closure would be compiled for the oldest
/// instruction set, and the loop that adds weights with it.
struct Spiking<'a> {
    codes: std::slice::ChunksExact<'a, u8>,
    rest: &'a [u8],
    bit: u32,
    /// One bit a byte: the codes of the current eight that are still to come.
    word: u64,
    /// Index of the code after the current eight.
    stop: usize,
}

/// The indices of the codes that have `bit` set.
#[inline(always)]
fn spiking(codes: &[u8], bit: u32) -> Spiking<'_> {
    let chunks = codes.chunks_exact(8);
    Spiking { rest: chunks.remainder(), codes: chunks, bit, word: 0, stop: 0 }
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
        let index = self.stop - 8 + self.word.trailing_zeros() as usize / 8;
        self.word &= self.word - 1;
        Some(index)
    }
}

impl Convolution {
    fn new(window: &Window, groups: u32, source: &Population, target: &Population, tile: &Tile) -> Self {
        let [y, x] = Axis::pair(window, source.shape, target.shape);
        let [_, columns, channels] = tile.lengths();
        let taps = (window.kernel[0] * window.kernel[1]) as usize;
        let mut offset = 0;
        let fan = |channel| {
            let reached = reached_channels(channel, groups, source, target, tile);
            let fan = Fan { offset, start: reached.start as usize, width: reached.len() };
            offset += fan.width * taps;
            fan
        };
        Self {
            channels: source.shape[2] as usize,
            slots: window.kernel[1] as usize,
            row: columns * channels,
            tile_channels: channels,
            hits_y: relative(y.hits(tile.rows[0]..tile.rows[1]), tile.rows[0]),
            runs_x: relative_runs(x.runs(tile.columns[0]..tile.columns[1]), tile.columns[0]),
            fans: (0..source.shape[2]).map(fan).collect(),
        }
    }

    #[inline(always)]
    fn accumulate<R: Rule, W: Weight>(
        &self,
        weights: &[W],
        codes: &[u8],
        bit: u32,
        rule: &mut R,
        sums: &mut [R::Sum],
    ) -> u64 {
        let width = self.runs_x.len();
        let mut sops = 0;
        for (y, hits) in self.hits_y.iter().enumerate().filter(|(_, hits)| !hits.is_empty()) {
            for (x, runs) in self.runs_x.iter().enumerate().filter(|(_, runs)| !runs.is_empty()) {
                let position = &codes[(y * width + x) * self.channels..][..self.channels];
                for channel in spiking(position, bit) {
                    sops += self.add_spike(self.fans[channel], hits, runs, weights, rule, sums);
                }
            }
        }
        sops
    }

    #[inline(always)]
    fn add_spike<R: Rule, W: Weight>(
        &self,
        fan: Fan,
        hits: &[(u32, u32)],
        runs: &[Run],
        weights: &[W],
        rule: &mut R,
        sums: &mut [R::Sum],
    ) -> u64 {
        let mut sops = 0;
        for &(row, tap) in hits {
            for run in runs {
                let slot = tap as usize * self.slots + run.slot as usize;
                let added = &weights[fan.offset + slot * fan.width..][..run.length as usize * fan.width];
                let start = row as usize * self.row + run.target as usize * self.tile_channels + fan.start;
                if fan.width == self.tile_channels {
                    rule.add(&mut sums[start..][..added.len()], added);
                } else if fan.width > 0 {
                    for (target, added) in added.chunks_exact(fan.width).enumerate() {
                        rule.add(&mut sums[start + target * self.tile_channels..][..fan.width], added);
                    }
                }
                sops += added.len() as u64;
            }
        }
        sops
    }

    fn bounds<W: Weight>(&self, bounds: &mut [(i64, i64)], weights: &[W]) {
        for (number, fan) in self.fans.iter().enumerate().filter(|(_, fan)| fan.width > 0) {
            let stop = self.fans.get(number + 1).map_or(weights.len(), |next| next.offset);
            add_bounds(&mut bounds[fan.start..][..fan.width], &weights[fan.offset..stop]);
        }
    }
}

/// The tile's channels, counted from its first, that a source channel of a grouped convolution reaches.
pub(crate) fn reached_channels(
    channel: u32,
    groups: u32,
    source: &Population,
    target: &Population,
    tile: &Tile,
) -> Range<u32> {
    let group = channel / (source.shape[2] / groups);
    let width = target.shape[2] / groups;
    let start = (group * width).clamp(tile.channels[0], tile.channels[1]);
    let stop = ((group + 1) * width).clamp(tile.channels[0], tile.channels[1]);
    start - tile.channels[0]..stop - tile.channels[0]
}

fn relative(mut hits: Vec<Vec<(u32, u32)>>, start: u32) -> Vec<Vec<(u32, u32)>> {
    hits.iter_mut().flatten().for_each(|hit| hit.0 -= start);
    hits
}

fn relative_runs(mut runs: Vec<Vec<Run>>, start: u32) -> Vec<Vec<Run>> {
    runs.iter_mut().flatten().for_each(|run| run.target -= start);
    runs
}

impl Depthwise {
    fn new(window: &Window, source: &Population, target: &Population, tile: &Tile, shared: bool) -> Self {
        let [y, x] = Axis::pair(window, source.shape, target.shape);
        let [_, columns, channels] = tile.lengths();
        Self {
            channels: source.shape[2] as usize,
            held: tile.channels[0] as usize..tile.channels[1] as usize,
            row: columns * channels,
            slots: window.kernel[1] as usize,
            hits_y: relative(y.hits(tile.rows[0]..tile.rows[1]), tile.rows[0]),
            hits_x: relative(x.hits(tile.columns[0]..tile.columns[1]), tile.columns[0]),
            shared,
        }
    }

    #[inline(always)]
    fn accumulate<R: Rule, W: Weight>(
        &self,
        weights: &[W],
        codes: &[u8],
        bit: u32,
        rule: &mut R,
        sums: &mut [R::Sum],
    ) -> u64 {
        let (width, channels) = (self.hits_x.len(), self.held.len());
        let mut mask = vec![0i16; channels];
        let mut sops = 0;
        for (y, hits_y) in self.hits_y.iter().enumerate().filter(|(_, hits)| !hits.is_empty()) {
            for (x, hits_x) in self.hits_x.iter().enumerate().filter(|(_, hits)| !hits.is_empty()) {
                let position = &codes[(y * width + x) * self.channels..][self.held.clone()];
                let spikes = mask_spikes(position, bit, &mut mask);
                if spikes == 0 {
                    continue;
                }
                sops += spikes * (hits_y.len() * hits_x.len()) as u64;
                for &(row, tap_y) in hits_y {
                    for &(column, tap_x) in hits_x {
                        let tap = tap_y as usize * self.slots + tap_x as usize;
                        let sums =
                            &mut sums[row as usize * self.row + column as usize * channels..][..channels];
                        if self.shared {
                            rule.add_shared(sums, weights[tap], &mask);
                        } else {
                            rule.add_where(sums, &weights[tap * channels..][..channels], &mask);
                        }
                    }
                }
            }
        }
        sops
    }
}

/// Sets `mask` to all ones where `bit` is set; returns how many are.
#[inline(always)]
fn mask_spikes(codes: &[u8], bit: u32, mask: &mut [i16]) -> u64 {
    let mut spikes = 0;
    for (mask, code) in mask.iter_mut().zip(codes) {
        let spike = i16::from(code >> bit & 1);
        *mask = -spike;
        spikes += spike as u64;
    }
    spikes
}
