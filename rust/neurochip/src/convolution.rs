//! Convolutions of codes: what many spikes add to a tile in which nothing can overflow.
//!
//! Where no register can overflow, the spikes of a window may be added in any order, so also as
//! `sum w * value`: an ordinary convolution of codes, many times faster than spike by spike. So may those
//! of a timestep, as a convolution of bits. The sums of a few pixels by [`LANES`] channels stay in
//! registers while the kernel passes; the loops are plain and of constant length, and the compiler
//! vectorises them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::image::Image;
use crate::image::arrays::{read_i16, view_i8};
use crate::image::description::{Blob, Connector, Projection, Tile, Window};
use crate::spikes::{Arrivals, Trains};
use crate::window::Axis;

/// Channels whose sums are formed together: one vector register of the widest instruction set.
const LANES: usize = 16;

/// Pixels whose sums are formed together, so that a weight is loaded once for all of them.
const PIXELS: usize = 8;

/// Values of the largest region that is copied: windows that reach far beyond their source have more,
/// and are added spike by spike.
const MAX_REGION: usize = 1 << 28;

/// Kernels by the block they were stored in: tiles of one population share theirs.
pub(crate) type Kernels = BTreeMap<(u64, u64), Arc<[i16]>>;

/// An ungrouped convolution into one tile.
#[derive(Debug)]
pub(crate) struct Convolution {
    y: Reach,
    x: Reach,
    source_channels: usize,
    tile_channels: usize,
    /// Weights, `[block of LANES channels][tap y][tap x][source channel][lane]`; 0 past the last channel.
    kernel: Arc<[i16]>,
    /// Where the taps that lie side by side begin in the source region, counted from the first tap.
    segments: Vec<usize>,
    /// Values in a segment.
    segment_length: usize,
    /// Where the first tap of each pixel of the tile lies in the source region.
    pixels: Vec<usize>,
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
}

impl Convolution {
    /// A projection into a tile, if it is an ungrouped convolution.
    pub(crate) fn new(
        image: &Image,
        projection: &Projection,
        tile: &Tile,
        block: Blob,
        kernels: &mut Kernels,
    ) -> Option<Self> {
        let Connector::Convolution { window, groups: 1 } = &projection.connector else { return None };
        let ends = image.description().ends(projection);
        let [source_channels, tile_channels] = [ends[0].shape[2] as usize, tile.lengths()[2]];
        let axes = Axis::pair(window, ends.map(|population| population.shape));
        let [y, x] = [(axes[0], tile.rows), (axes[1], tile.columns)]
            .map(|(axis, [start, stop])| Reach::new(axis, start..stop));
        let row = x.length.checked_mul(source_channels)?;
        if y.length.checked_mul(row)? > MAX_REGION {
            return None;
        }
        let packed = || match projection.weight_bits {
            8 => pack(view_i8(image.blob(), block), axes, source_channels, tile_channels),
            _ => pack(&read_i16(image.blob(), block), axes, source_channels, tile_channels),
        };
        let kernel = kernels.entry((block.offset, block.count)).or_insert_with(packed).clone();
        let [stride_y, stride_x] = window.stride.map(|stride| stride as usize);
        let [rows, columns, _] = tile.lengths();
        let pixel = move |row_index: usize| {
            (0..columns).map(move |column| row_index * stride_y * row + column * stride_x * source_channels)
        };
        let (segments, segment_length) = segments(window, row, source_channels);
        Some(Self {
            pixels: (0..rows).flat_map(pixel).collect(),
            y,
            x,
            source_channels,
            tile_channels,
            kernel,
            segments,
            segment_length,
        })
    }

    /// Adds weights times the values of the codes of the source population; modulo 2^32.
    #[inline(always)]
    pub(crate) fn add(&self, codes: &[u8], value: impl Fn(u8) -> i32, totals: &mut [i32]) {
        let region = self.region(codes, value);
        let kernel_length = self.segments.len() * self.segment_length * LANES;
        for (block, kernel) in self.kernel.chunks_exact(kernel_length).enumerate() {
            let first = block * LANES;
            let lanes = LANES.min(self.tile_channels - first);
            let rows = totals.chunks_mut(PIXELS * self.tile_channels);
            for (pixels, totals) in self.pixels.chunks(PIXELS).zip(rows) {
                let sums = self.sums(&region, pixels, kernel);
                for (pixel, sums) in sums.iter().enumerate() {
                    let start = pixel * self.tile_channels + first;
                    let Some(totals) = totals.get_mut(start..start + lanes) else { break };
                    add_lanes(totals, sums);
                }
            }
        }
    }

    /// The values of the source positions that the tile sees, zero where there is only padding.
    #[inline(always)]
    fn region(&self, codes: &[u8], value: impl Fn(u8) -> i32) -> Vec<i32> {
        let channels = self.source_channels;
        let mut region = vec![0; self.y.length * self.x.length * channels];
        for (row, y) in self.y.held.clone().enumerate() {
            let codes = &codes[(y * self.x.source + self.x.held.start) * channels..];
            let start = ((self.y.padding + row) * self.x.length + self.x.padding) * channels;
            let held = &mut region[start..][..self.x.held.len() * channels];
            for (held, &code) in held.iter_mut().zip(codes) {
                *held = value(code);
            }
        }
        region
    }

    /// The sums of up to [`PIXELS`] pixels for one block of channels.
    #[inline(always)]
    fn sums(&self, region: &[i32], pixels: &[usize], kernel: &[i16]) -> [[i32; LANES]; PIXELS] {
        let mut sums = [[0i32; LANES]; PIXELS];
        let last = pixels.len() - 1;
        let starts: [usize; PIXELS] = std::array::from_fn(|pixel| pixels[pixel.min(last)]);
        let (kernel, _) = kernel.as_chunks::<LANES>();
        let length = self.segment_length;
        for (number, &segment) in self.segments.iter().enumerate() {
            // All of one length, and `get`: a loop that cannot panic keeps its sums in registers.
            let weights = &kernel[number * length..][..length];
            let of = |pixel: usize| &region[starts[pixel] + segment..][..length];
            let values: [&[i32]; PIXELS] = [of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7)];
            for (position, weights) in weights.iter().enumerate() {
                for pixel in 0..PIXELS {
                    let Some(&value) = values[pixel].get(position) else { break };
                    for lane in 0..LANES {
                        let product = value.wrapping_mul(i32::from(weights[lane]));
                        sums[pixel][lane] = sums[pixel][lane].wrapping_add(product);
                    }
                }
            }
        }
        sums
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

/// Adds as many sums as there are totals.
///
/// Loops of constant length: sums that are indexed by a variable would not stay in registers.
#[inline(always)]
fn add_lanes(totals: &mut [i32], sums: &[i32; LANES]) {
    for (lane, sum) in sums.iter().enumerate() {
        let Some(total) = totals.get_mut(lane) else { break };
        *total = total.wrapping_add(*sum);
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

/// From `[source channel][tap y][slot x][channel]` to the order in which the sums read.
fn pack<W: Copy + Into<i16>>(
    weights: &[W],
    axes: [Axis; 2],
    source_channels: usize,
    channels: usize,
) -> Arc<[i16]> {
    let [kernel_y, kernel_x] = axes.map(|axis| axis.kernel as usize);
    let blocks = channels.div_ceil(LANES);
    let mut packed = vec![0; blocks * kernel_y * kernel_x * source_channels * LANES];
    let tap_order = axes[1].tap_order();
    let mut stored = weights.chunks_exact(channels);
    for source in 0..source_channels {
        for tap_y in 0..kernel_y {
            for &tap_x in &tap_order {
                let row = stored.next().expect("the image's door checked the length");
                for (channel, &weight) in row.iter().enumerate() {
                    let (block, lane) = (channel / LANES, channel % LANES);
                    let tap = (block * kernel_y + tap_y) * kernel_x + tap_x as usize;
                    packed[(tap * source_channels + source) * LANES + lane] = weight.into();
                }
            }
        }
    }
    packed.into()
}
