//! Convolutions of codes: what many spikes add to a tile in which nothing can overflow.
//!
//! Where no register can overflow, the spikes of a window may be added in any order, so also as
//! `sum w * value`: an ordinary convolution of codes, many times faster than spike by spike. So may those
//! of a timestep, as a convolution of bits. A dense layer is a convolution whose one window is all of its
//! source; its weights are read once for several samples, or timesteps.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::dot_product::{BLOCK, Dot, Work};
use crate::image::Image;
use crate::image::arrays::{read_i16, view_i8};
use crate::image::description::{Blob, Connector, Projection, Tile, Window};
use crate::instructions::Instructions;
use crate::spikes::{Arrivals, Trains};
use crate::window::Axis;

/// Values of the largest region that is copied: windows that reach far beyond their source have more,
/// and are added spike by spike.
const MAX_REGION: usize = 1 << 28;

/// A tile of fewer pixels reads its weights once for several samples or timesteps.
pub(crate) const FEW_PIXELS: usize = 8;

/// Kernels by the block they were stored in, and by how it is read: tiles of one population share theirs.
#[derive(Debug)]
pub(crate) struct Kernels {
    packed: BTreeMap<(u64, u64, Vec<u32>), Arc<Kernel>>,
    dot: Dot,
}

impl Kernels {
    /// For the dot products of an instruction set.
    pub(crate) fn new(instructions: Instructions) -> Self {
        Self { packed: BTreeMap::new(), dot: Dot::new(instructions) }
    }
}

/// Weights in the order of [`Work::kernel`].
#[derive(Debug)]
enum Kernel {
    /// Of 8 bits, for codes of 8 bits; and their sum for each channel.
    Quads { weights: Vec<i8>, sums: Vec<i32> },
    /// Of 16 bits, for values of 16 bits.
    Pairs(Vec<i16>),
}

/// What is read of the codes of some sources.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Read<'a> {
    /// The values of their trains.
    Values(Trains<'a>),
    /// One of their bits.
    Bit(&'a [u8], u32),
}

/// An ungrouped convolution into one tile, or a dense layer.
#[derive(Debug)]
pub(crate) struct Convolution {
    y: Reach,
    x: Reach,
    source_channels: usize,
    tile_channels: usize,
    kernel: Arc<Kernel>,
    dot: Dot,
    /// Where the taps that lie side by side begin in the source region, counted from the first tap.
    segments: Vec<usize>,
    /// Values in a segment, whole dot products: the weights of those past its end are 0.
    segment_length: usize,
    /// Where the first tap of each pixel of the tile lies in the source region.
    pixels: Vec<usize>,
    /// Values of the source region, and of those past its end that are multiplied by 0.
    region_length: usize,
}

/// The source positions of one axis that a tile's targets see.
#[derive(Debug)]
struct Reach {
    /// Positions from the first tap of the first target to the last tap of the last one.
    length: usize,
    /// Source positions among them.
    held: Range<usize>,
    /// Positions of padding before those.
    padding: usize,
    /// Source positions in all.
    source: usize,
    /// For each source position: the tile's targets that see it.
    targets: Vec<u64>,
}

impl Reach {
    fn new(axis: Axis, targets: Range<u32>) -> Self {
        let hits = axis.hits(targets.clone());
        let first = i64::from(targets.start) * i64::from(axis.stride) - i64::from(axis.pad);
        let taps = (axis.kernel - 1) * axis.dilation + 1;
        let length = ((targets.len() - 1) * axis.stride as usize) + taps as usize;
        let within = |position: i64| position.clamp(0, axis.source.into()) as usize;
        let held = within(first)..within(first + length as i64);
        Self {
            length,
            padding: (held.start as i64 - first).clamp(0, length as i64) as usize,
            held,
            source: axis.source as usize,
            targets: hits.iter().map(|hits| hits.len() as u64).collect(),
        }
    }

    /// Of a window that is all of its source, in a tile of so many targets.
    fn all(targets: usize) -> Self {
        Self { length: 1, held: 0..1, padding: 0, source: 1, targets: vec![targets as u64] }
    }
}

impl Convolution {
    /// A projection into a tile, if it is an ungrouped convolution or a dense layer that is faster so.
    pub(crate) fn new(
        image: &Image,
        projection: &Projection,
        tile: &Tile,
        block: Blob,
        kernels: &mut Kernels,
    ) -> Option<Self> {
        let ends = image.description().ends(projection);
        let [rows, columns, channels] = tile.lengths();
        let dense;
        let (window, y, x, source_channels, axes) = match &projection.connector {
            Connector::Convolution { window, groups: 1 } => {
                let axes = Axis::pair(window, ends.map(|population| population.shape));
                let [y, x] = [(axes[0], tile.rows), (axes[1], tile.columns)]
                    .map(|(axis, [start, stop])| Reach::new(axis, start..stop));
                (window, y, x, ends[0].shape[2] as usize, Some(axes))
            }
            // Without dot products of four codes it is faster to pass over those that are silent.
            Connector::Dense if kernels.dot.quads() && projection.weight_bits == 8 => {
                dense = Window { kernel: [1, 1], stride: [0, 0], pad: [0, 0], dilation: [1, 1] };
                (&dense, Reach::all(rows), Reach::all(columns), ends[0].num_neurons(), None)
            }
            _ => return None,
        };
        let row = x.length.checked_mul(source_channels)?;
        if y.length.checked_mul(row)? > MAX_REGION {
            return None;
        }
        let group = if kernels.dot.quads() && projection.weight_bits == 8 { 4 } else { 2 };
        let (segments, taps) = segments(window, row, source_channels);
        let segment_length = taps.next_multiple_of(group);
        let layout = Layout { axes, source_channels, channels, taps, group };
        let packed = || Arc::new(layout.pack(image, projection, block));
        let reading =
            [window.kernel, window.stride, window.dilation, [source_channels as u32, channels as u32]];
        let key = (block.offset, block.count, reading.concat());
        let kernel = kernels.packed.entry(key).or_insert_with(packed).clone();
        let [stride_y, stride_x] = window.stride.map(|stride| stride as usize);
        let pixel = move |row_index: usize| {
            (0..columns).map(move |column| row_index * stride_y * row + column * stride_x * source_channels)
        };
        Some(Self {
            pixels: (0..rows).flat_map(pixel).collect(),
            region_length: y.length * row + segment_length - taps,
            y,
            x,
            source_channels,
            tile_channels: channels,
            kernel,
            dot: kernels.dot,
            segments,
            segment_length,
        })
    }

    /// Adds weights times what is read, modulo 2^32, to totals `[read][neuron of the tile]`.
    #[inline(always)]
    pub(crate) fn add(&self, reads: &[Read<'_>], totals: &mut [i32]) {
        let together = if self.pixels.len() < FEW_PIXELS { reads.len() } else { 1 };
        let totals = totals.chunks_exact_mut(together * self.pixels.len() * self.tile_channels);
        for (reads, totals) in reads.chunks(together).zip(totals) {
            self.add_together(reads, totals);
        }
    }

    #[inline(always)]
    fn add_together(&self, reads: &[Read<'_>], totals: &mut [i32]) {
        let starts = (0..reads.len()).map(|number| number * self.region_length);
        let pixels: Vec<usize> =
            starts.flat_map(|start| self.pixels.iter().map(move |pixel| start + pixel)).collect();
        let (segments, length, channels) = (&self.segments, self.segment_length, self.tile_channels);
        match &*self.kernel {
            Kernel::Quads { weights, sums } => {
                let mut region = vec![0; reads.len() * self.region_length];
                for (read, region) in reads.iter().zip(region.chunks_exact_mut(self.region_length)) {
                    match *read {
                        Read::Values(trains) if trains.sign() == 0 => {
                            self.fill(region, trains.codes, 0, |code| code);
                        }
                        // Shifted by the sign to where no code is negative, and the sums back again.
                        Read::Values(trains) => {
                            let sign = trains.sign() as u8;
                            self.fill(region, trains.codes, sign, |code| code ^ sign);
                        }
                        Read::Bit(codes, bit) => self.fill(region, codes, 0, |code| code >> bit & 1),
                    }
                }
                let work =
                    Work { region: &region, pixels: &pixels, segments, length, kernel: weights, channels };
                self.dot.add_quads(&work, totals);
                let neurons = self.pixels.len() * channels;
                for (read, totals) in reads.iter().zip(totals.chunks_exact_mut(neurons)) {
                    if let Read::Values(trains) = read
                        && trains.sign() != 0
                    {
                        shift_back(totals, sums, trains.sign().into());
                    }
                }
            }
            Kernel::Pairs(weights) => {
                let mut region = vec![0; reads.len() * self.region_length];
                for (read, region) in reads.iter().zip(region.chunks_exact_mut(self.region_length)) {
                    match *read {
                        Read::Values(trains) => {
                            self.fill(region, trains.codes, 0, |code| trains.value(code));
                        }
                        Read::Bit(codes, bit) => {
                            self.fill(region, codes, 0, |code| i16::from(code >> bit & 1));
                        }
                    }
                }
                let work =
                    Work { region: &region, pixels: &pixels, segments, length, kernel: weights, channels };
                self.dot.add_pairs(&work, totals);
            }
        }
    }

    /// The values of the source positions that the tile sees, and another one where there is only padding.
    #[inline(always)]
    fn fill<T: Copy>(&self, region: &mut [T], codes: &[u8], padding: T, value: impl Fn(u8) -> T) {
        let channels = self.source_channels;
        if self.y.held.len() < self.y.length || self.x.held.len() < self.x.length {
            region.fill(padding);
        }
        for (row, y) in self.y.held.clone().enumerate() {
            let codes = &codes[(y * self.x.source + self.x.held.start) * channels..];
            let start = ((self.y.padding + row) * self.x.length + self.x.padding) * channels;
            let held = &mut region[start..][..self.x.held.len() * channels];
            for (held, &code) in held.iter_mut().zip(codes) {
                *held = value(code);
            }
        }
    }

    /// The SOPs of the trains of the source population: spikes times fan-out.
    #[inline(always)]
    pub(crate) fn sops(&self, trains: Trains<'_>) -> u64 {
        let channels = self.source_channels;
        let mut sops = 0;
        for y in self.y.held.clone() {
            for x in self.x.held.clone() {
                let start = (y * self.x.source + x) * channels;
                let spikes = trains.of(start, channels).num_spikes();
                sops += spikes * self.y.targets[y] * self.x.targets[x];
            }
        }
        sops * self.tile_channels as u64
    }
}

/// Takes away what codes that are larger by `sign` add.
#[inline(always)]
fn shift_back(totals: &mut [i32], sums: &[i32], sign: i32) {
    for totals in totals.chunks_exact_mut(sums.len()) {
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = total.wrapping_sub(sum.wrapping_mul(sign));
        }
    }
}

/// Where taps that lie side by side begin, and how many values they hold together.
fn segments(window: &Window, row: usize, source_channels: usize) -> (Vec<usize>, usize) {
    let [kernel_y, kernel_x] = window.kernel.map(|taps| taps as usize);
    let [dilation_y, dilation_x] = window.dilation.map(|dilation| dilation as usize);
    let rows = (0..kernel_y).map(|tap| tap * dilation_y * row);
    if dilation_x == 1 {
        return (rows.collect(), kernel_x * source_channels);
    }
    let columns = move |start| (0..kernel_x).map(move |tap| start + tap * dilation_x * source_channels);
    (rows.flat_map(columns).collect(), source_channels)
}

/// How the weights of a block lie in the image and in a kernel.
#[derive(Debug, Clone, Copy)]
struct Layout {
    /// Those of the window; absent where it is all of the source.
    axes: Option<[Axis; 2]>,
    source_channels: usize,
    channels: usize,
    /// Values in a segment.
    taps: usize,
    /// Values in a dot product.
    group: usize,
}

impl Layout {
    fn pack(self, image: &Image, projection: &Projection, block: Blob) -> Kernel {
        if projection.weight_bits != 8 {
            return Kernel::Pairs(self.packed(&read_i16(image.blob(), block)));
        }
        let weights = view_i8(image.blob(), block);
        if self.group == 2 {
            return Kernel::Pairs(self.packed(weights));
        }
        let mut sums = vec![0; self.channels];
        for row in weights.chunks_exact(self.channels) {
            for (sum, &weight) in sums.iter_mut().zip(row) {
                *sum += i32::from(weight);
            }
        }
        Kernel::Quads { weights: self.packed(weights), sums }
    }

    /// From `[source channel][tap y][slot x][channel]` to the order of [`Work::kernel`].
    fn packed<W: Copy, V: Copy + Default + From<W>>(self, weights: &[W]) -> Vec<V> {
        let [kernel_y, kernel_x] = self.axes.map_or([1; 2], |axes| axes.map(|axis| axis.kernel as usize));
        let tap_order = self.axes.map_or(vec![0], |axes| axes[1].tap_order());
        let segment_length = self.taps.next_multiple_of(self.group);
        let block_length = kernel_y * kernel_x * self.source_channels / self.taps * segment_length * BLOCK;
        let mut packed = vec![V::default(); self.channels.div_ceil(BLOCK) * block_length];
        let mut stored = weights.chunks_exact(self.channels);
        for source in 0..self.source_channels {
            for tap_y in 0..kernel_y {
                for &tap_x in &tap_order {
                    let row = stored.next().expect("the image's door checked the length");
                    let tap = (tap_y * kernel_x + tap_x as usize) * self.source_channels + source;
                    let (segment, offset) = (tap / self.taps, tap % self.taps);
                    let start = (segment * segment_length + offset / self.group * self.group) * BLOCK;
                    for (channel, &weight) in row.iter().enumerate() {
                        let (block, lane) = (channel / BLOCK, channel % BLOCK);
                        let place = start + lane * self.group + offset % self.group;
                        packed[block * block_length + place] = weight.into();
                    }
                }
            }
        }
        packed
    }
}
