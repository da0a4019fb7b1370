//! Synapses: one projection into one tile, and the loops that add its weights.
//!
//! A spike, or a whole train, adds contiguous rows of weights to contiguous accumulators, so these loops are plain and
//! the compiler vectorises them; `values` runs them for the widest instruction set of the machine.
//! Sources come in ascending order, whatever the connector: that is the canonical order of a
//! saturating sum.

use std::ops::Range;

use crate::convolution::{self, Kernels, Read};
use crate::image::Image;
use crate::image::arrays::{read_i16, read_i32, view_i8};
use crate::image::blocks::reached_channels;
use crate::image::description::{Blob, Connector, Population, Projection, Tile, Window};
use crate::register::{Products, Rule, Weight};
use crate::spikes::{Arrival, Arrivals, Trains};
use crate::window::{Axis, Hit, Run};

/// One projection into one tile, ready to run.
#[derive(Debug)]
pub(crate) struct Synapses {
    /// Index of the source population.
    pub(crate) source: usize,
    weights: Weights,
    wiring: Wiring,
    /// A faster way where the order of spikes does not matter, if there is one.
    pub(crate) convolution: Option<convolution::Convolution>,
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
    OneToOne { runs: Vec<SourceRun> },
}

/// A convolution's reach into one tile.
#[derive(Debug)]
struct Convolution {
    source_channels: usize,
    tile_channels: usize,
    /// Taps along x.
    slots: usize,
    /// Accumulators of one row of the tile.
    row: usize,
    /// For each source y: rows of the tile.
    rows: Vec<Vec<Hit>>,
    /// For each source x: runs over columns of the tile.
    columns: Vec<Vec<Run>>,
    /// For each source channel: its weights and the tile's channels that it reaches.
    fans: Vec<Fan>,
}

/// Neighbouring neurons of the tile, each with one of neighbouring sources.
#[derive(Debug)]
struct SourceRun {
    target: usize,
    source: usize,
    length: usize,
}

/// The weights of one source channel: rows of `width`, from `offset` on, into channels from `start` on.
#[derive(Debug, Clone, Copy)]
struct Fan {
    offset: usize,
    start: usize,
    width: usize,
}

/// Channels that each see themselves, through a window.
#[derive(Debug)]
struct Depthwise {
    source_channels: usize,
    /// The tile's channels.
    held: Range<usize>,
    /// Taps along x.
    slots: usize,
    /// Accumulators of one row of the tile.
    row: usize,
    /// For each source y: rows of the tile.
    rows: Vec<Vec<Hit>>,
    /// For each source x: columns of the tile.
    columns: Vec<Vec<Hit>>,
    sharing: Sharing,
}

/// Who has a weight of a tap.
#[derive(Debug, Clone, Copy)]
enum Sharing {
    /// Each channel.
    Own,
    /// All channels together (pooling).
    Shared,
}

impl Synapses {
    pub(crate) fn new(image: &Image, projection: &Projection, tile: &Tile, block: Blob) -> Self {
        let ends = image.description().ends(projection);
        let weights = match projection.weight_bits {
            8 => Weights::Narrow(block),
            _ => Weights::Wide(read_i16(image.blob(), block)),
        };
        let wiring = match &projection.connector {
            Connector::Dense => Wiring::Dense { channels: tile.lengths()[2] },
            Connector::Convolution { window, groups } => {
                Wiring::Convolution(Convolution::new(window, *groups, ends, tile))
            }
            Connector::Depthwise { window } => {
                Wiring::Depthwise(Depthwise::new(window, ends, tile, Sharing::Own))
            }
            Connector::Pool { window } => {
                Wiring::Depthwise(Depthwise::new(window, ends, tile, Sharing::Shared))
            }
            Connector::OneToOne { index } => {
                let index = index.map(|index| read_i32(image.blob(), index));
                let sources = one_to_one_sources(ends[1], tile, index.as_deref());
                Wiring::OneToOne { runs: source_runs(&sources) }
            }
        };
        Self { source: projection.source as usize, weights, wiring, convolution: None }
    }

    /// The same, for a tile in which the order of spikes does not matter.
    pub(crate) fn in_any_order(
        image: &Image,
        projection: &Projection,
        tile: &Tile,
        block: Blob,
        kernels: &mut Kernels,
    ) -> Self {
        let convolution = convolution::Convolution::new(image, projection, tile, block, kernels);
        Self { convolution, ..Self::new(image, projection, tile, block) }
    }

    /// Adds whole trains of some samples to their membranes, one after the other, that nothing can take out
    /// of their register; returns the SOPs of each.
    #[inline(always)]
    pub(crate) fn add_trains(&self, image: &Image, trains: &[Trains<'_>], membranes: &mut [i32]) -> Vec<u64> {
        if let Some(convolution) = &self.convolution {
            let reads: Vec<Read<'_>> = trains.iter().copied().map(Read::Values).collect();
            convolution.add(&reads, membranes);
        }
        let mut sops = vec![];
        let samples = membranes.chunks_exact_mut(membranes.len() / trains.len());
        for (&trains, membranes) in trains.iter().zip(samples) {
            sops.push(match &self.convolution {
                Some(convolution) => convolution.sops(trains),
                None => self.accumulate(image, trains, &mut Products, membranes),
            });
        }
        sops
    }

    /// Adds the weights of everything that arrives; returns the SOPs.
    #[inline(always)]
    pub(crate) fn accumulate<R: Rule, A: Arrivals<Factor = R::Factor>>(
        &self,
        image: &Image,
        arrivals: A,
        rule: &mut R,
        sums: &mut [R::Sum],
    ) -> u64 {
        match &self.weights {
            Weights::Narrow(block) => {
                self.wiring.accumulate(view_i8(image.blob(), *block), arrivals, rule, sums)
            }
            Weights::Wide(weights) => self.wiring.accumulate(weights, arrivals, rule, sums),
        }
    }
}

/// The source of each of the tile's neurons, in local order; -1 for none.
pub(crate) fn one_to_one_sources(target: &Population, tile: &Tile, index: Option<&[i32]>) -> Vec<i32> {
    let source_of = |neuron: usize| index.map_or(neuron as i32, |index| index[neuron]);
    tile.neurons(target.shape).map(source_of).collect()
}

/// Gathers the sources of neurons in local order; -1 is none.
fn source_runs(sources: &[i32]) -> Vec<SourceRun> {
    let mut runs: Vec<SourceRun> = vec![];
    for (target, &source) in sources.iter().enumerate().filter(|&(_, &source)| source >= 0) {
        let source = source as usize;
        match runs.last_mut() {
            Some(run) if (run.target + run.length, run.source + run.length) == (target, source) => {
                run.length += 1;
            }
            _ => runs.push(SourceRun { target, source, length: 1 }),
        }
    }
    runs
}

impl Wiring {
    #[inline(always)]
    fn accumulate<R: Rule, A: Arrivals<Factor = R::Factor>, W: Weight>(
        &self,
        weights: &[W],
        arrivals: A,
        rule: &mut R,
        sums: &mut [R::Sum],
    ) -> u64 {
        let mut sops = 0;
        match self {
            Self::Dense { channels } => {
                for Arrival { source, factor, spikes } in arrivals.all() {
                    let row = &weights[source * channels..][..*channels];
                    for sums in sums.chunks_exact_mut(*channels) {
                        rule.add(sums, row, factor);
                    }
                    sops += spikes * sums.len() as u64;
                }
            }
            Self::Convolution(wiring) => sops = wiring.accumulate(weights, arrivals, rule, sums),
            Self::Depthwise(wiring) => sops = wiring.accumulate(weights, arrivals, rule, sums),
            Self::OneToOne { runs } => {
                let mut masks = vec![0i16; runs.iter().map(|run| run.length).max().unwrap_or(0)];
                for &SourceRun { target, source, length } in runs {
                    let masks = &mut masks[..length];
                    sops += arrivals.of(source, length).masks(masks);
                    rule.add_shared(&mut sums[target..][..length], weights[0], masks);
                }
            }
        }
        sops
    }
}

impl Convolution {
    fn new(window: &Window, groups: u32, ends: [&Population; 2], tile: &Tile) -> Self {
        let [y, x] = Axis::pair(window, ends.map(|population| population.shape));
        let source_channels = ends[0].shape[2];
        let [_, columns, channels] = tile.lengths();
        let mut offset = 0;
        let fan = |channel| {
            let reached = reached_channels(channel, groups, ends, tile);
            let fan = Fan { offset, start: reached.start as usize, width: reached.len() };
            offset += fan.width * window.num_taps();
            fan
        };
        Self {
            source_channels: source_channels as usize,
            tile_channels: channels,
            slots: window.kernel[1] as usize,
            row: columns * channels,
            rows: y.hits(tile.rows[0]..tile.rows[1]),
            columns: x.runs(tile.columns[0]..tile.columns[1]),
            fans: (0..source_channels).map(fan).collect(),
        }
    }

    #[inline(always)]
    fn accumulate<R: Rule, A: Arrivals<Factor = R::Factor>, W: Weight>(
        &self,
        weights: &[W],
        arrivals: A,
        rule: &mut R,
        sums: &mut [R::Sum],
    ) -> u64 {
        let width = self.columns.len();
        let mut sops = 0;
        for (y, rows) in self.rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            for (x, runs) in self.columns.iter().enumerate().filter(|(_, runs)| !runs.is_empty()) {
                let here = arrivals.of((y * width + x) * self.source_channels, self.source_channels);
                for Arrival { source: channel, factor, spikes } in here.all() {
                    for &row in rows {
                        let fan = self.fans[channel];
                        sops += spikes * self.add_row(fan, row, runs, weights, factor, rule, sums);
                    }
                }
            }
        }
        sops
    }

    /// Adds the weights of one source into one row of the tile; returns how many.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a loop that was taken out of its loop")]
    fn add_row<R: Rule, W: Weight>(
        &self,
        fan: Fan,
        row: Hit,
        runs: &[Run],
        weights: &[W],
        factor: R::Factor,
        rule: &mut R,
        sums: &mut [R::Sum],
    ) -> u64 {
        let mut num_added = 0;
        for run in runs {
            let slot = row.tap as usize * self.slots + run.slot as usize;
            let added = &weights[fan.offset + slot * fan.width..][..run.length as usize * fan.width];
            let start = row.target as usize * self.row + run.target as usize * self.tile_channels + fan.start;
            if fan.width == self.tile_channels {
                rule.add(&mut sums[start..][..added.len()], added, factor);
            } else if fan.width > 0 {
                for (target, added) in added.chunks_exact(fan.width).enumerate() {
                    rule.add(&mut sums[start + target * self.tile_channels..][..fan.width], added, factor);
                }
            }
            num_added += added.len() as u64;
        }
        num_added
    }
}

impl Depthwise {
    fn new(window: &Window, ends: [&Population; 2], tile: &Tile, sharing: Sharing) -> Self {
        let [y, x] = Axis::pair(window, ends.map(|population| population.shape));
        let [_, columns, channels] = tile.lengths();
        Self {
            source_channels: ends[0].shape[2] as usize,
            held: tile.channels[0] as usize..tile.channels[1] as usize,
            slots: window.kernel[1] as usize,
            row: columns * channels,
            rows: y.hits(tile.rows[0]..tile.rows[1]),
            columns: x.hits(tile.columns[0]..tile.columns[1]),
            sharing,
        }
    }

    #[inline(always)]
    fn accumulate<R: Rule, A: Arrivals<Factor = R::Factor>, W: Weight>(
        &self,
        weights: &[W],
        arrivals: A,
        rule: &mut R,
        sums: &mut [R::Sum],
    ) -> u64 {
        let (width, channels) = (self.columns.len(), self.held.len());
        let mut masks = vec![0i16; channels];
        let mut sops = 0;
        for (y, rows) in self.rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            for (x, columns) in self.columns.iter().enumerate().filter(|(_, hits)| !hits.is_empty()) {
                let start = (y * width + x) * self.source_channels + self.held.start;
                let spikes = arrivals.of(start, channels).masks(&mut masks);
                if spikes == 0 {
                    continue;
                }
                sops += spikes * (rows.len() * columns.len()) as u64;
                for row in rows {
                    for column in columns {
                        let tap = row.tap as usize * self.slots + column.tap as usize;
                        let start = row.target as usize * self.row + column.target as usize * channels;
                        let sums = &mut sums[start..][..channels];
                        if let Sharing::Shared = self.sharing {
                            rule.add_shared(sums, weights[tap], &masks);
                        } else {
                            rule.add_where(sums, &weights[tap * channels..][..channels], &masks);
                        }
                    }
                }
            }
        }
        sops
    }
}
