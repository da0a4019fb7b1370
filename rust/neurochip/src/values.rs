//! Values: which neuron spikes in which timestep, for one sample.
//!
//! Values do not depend on time, so a sample is computed population by population, tile by tile;
//! the spike record is one code a neuron, whose bits are its spikes.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::convolution::Kernels;
use crate::image::Image;
use crate::image::description::{Blob, Connector, Model, Population, Projection, Tile};
pub use crate::neuron::Counts;
use crate::neuron::max_pool::MaxPoolTile;
use crate::neuron::stem::{Held, StemTile};

/// Everything the values machine says about one sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// For each population, the code of each neuron: its bits are its spikes, the first sent highest.
    pub codes: Vec<Vec<u8>>,
    /// The output's values: codes as they are sent, or the membranes that the host reads.
    pub outputs: Vec<i32>,
    /// For each population, what it did.
    pub counts: Vec<Counts>,
}

/// One tile, ready to run.
#[derive(Debug)]
enum TileProgram {
    Stem(Box<StemTile>),
    MaxPool(MaxPoolTile),
}

/// An image, ready to run.
#[derive(Debug)]
pub struct Values {
    /// For each population, its tiles in the order of the image.
    tiles: Vec<Vec<(Tile, TileProgram)>>,
}

impl Values {
    /// Unpacks an image's tables.
    pub fn new(image: &Image) -> Self {
        let description = image.description();
        let mut tiles: Vec<Vec<(Tile, TileProgram)>> =
            description.populations.iter().map(|_| vec![]).collect();
        let mut kernels = Kernels::new();
        for tile in &description.tiles {
            tiles[tile.population as usize].push((tile.clone(), program(image, tile, &mut kernels)));
        }
        Self { tiles }
    }

    /// Runs one sample: `input` holds the codes of the input's neurons, in two's complement if they are
    /// signed; only the bits that the input sends are looked at.
    pub fn run(&self, image: &Image, input: &[u8]) -> Record {
        let description = image.description();
        let mut record = Record::default();
        for (number, (population, tiles)) in description.populations.iter().zip(&self.tiles).enumerate() {
            let (codes, membranes, counts) = match population.model {
                Model::Input { .. } => (sent_bits(population, input), vec![], Counts::default()),
                _ => run_tiles(image, population, tiles, &record.codes),
            };
            if number == description.output as usize {
                let decoded = || codes.iter().map(|&code| decode(population, code)).collect();
                record.outputs = if population.reads_membrane() { membranes } else { decoded() };
            }
            record.counts.push(Counts { spikes: count_spikes(&codes), ..counts });
            record.codes.push(codes);
        }
        record
    }
}

fn sent_bits(population: &Population, input: &[u8]) -> Vec<u8> {
    let sent = u8::MAX >> (8 - population.bits);
    input.iter().map(|code| code & sent).collect()
}

/// The value that a code's bits stand for.
fn decode(population: &Population, code: u8) -> i32 {
    let sign = 1 << (population.bits - 1);
    if population.signed { (i32::from(code) ^ sign) - sign } else { code.into() }
}

fn count_spikes(codes: &[u8]) -> u64 {
    codes.iter().map(|code| u64::from(code.count_ones())).sum()
}

/// Runs the tiles of a population and puts together what they hold: codes, membranes and counts.
fn run_tiles(
    image: &Image,
    population: &Population,
    tiles: &[(Tile, TileProgram)],
    sources: &[Vec<u8>],
) -> (Vec<u8>, Vec<i32>, Counts) {
    let run = |(_, program): &(Tile, TileProgram)| run_tile(image, program, sources);
    let held: Vec<(Held, Counts)> = tiles.par_iter().with_max_len(1).map(run).collect();
    let mut codes = vec![0; population.num_neurons()];
    let mut membranes = vec![0; if population.reads_membrane() { codes.len() } else { 0 }];
    let mut counts = Counts::default();
    for ((tile, _), (held, of_tile)) in tiles.iter().zip(held) {
        counts.add(&of_tile);
        match held {
            Held::Codes(held) => spread(tile, population, &held, &mut codes),
            Held::Membranes(held) => spread(tile, population, &held, &mut membranes),
        }
    }
    (codes, membranes, counts)
}

/// Puts what a tile's neurons hold where they stand in their population.
fn spread<T: Copy>(tile: &Tile, population: &Population, held: &[T], all: &mut [T]) {
    let channels = tile.lengths()[2];
    for (first, held) in tile.pixels(population.shape).zip(held.chunks_exact(channels)) {
        all[first..first + channels].copy_from_slice(held);
    }
}

fn program(image: &Image, tile: &Tile, kernels: &mut Kernels) -> TileProgram {
    let description = image.description();
    let target = &description.populations[tile.population as usize];
    let projections =
        description.projections.iter().filter(|projection| projection.target == tile.population);
    let incoming: Vec<(&Projection, Blob)> = projections.zip(tile.blocks.iter().copied()).collect();
    match (&target.model, &incoming[..]) {
        (Model::Stem(stem), _) => {
            TileProgram::Stem(Box::new(StemTile::new(image, target, stem, tile, &incoming, kernels)))
        }
        (Model::MaxPool, &[(projection @ Projection { connector: Connector::Pool { window }, .. }, _)]) => {
            let ends = description.ends(projection);
            TileProgram::MaxPool(MaxPoolTile::new(projection, window, ends, tile))
        }
        _ => unreachable!("the image was checked: the input has no tiles, a maximum has one pool"),
    }
}

/// Runs a tile compiled for the widest instruction set of this machine.
fn run_tile(image: &Image, program: &TileProgram, codes: &[Vec<u8>]) -> (Held, Counts) {
    pulp::Arch::new().dispatch(RunTile { image, program, codes })
}

struct RunTile<'a> {
    image: &'a Image,
    program: &'a TileProgram,
    codes: &'a [Vec<u8>],
}

impl WithSimd for RunTile<'_> {
    type Output = (Held, Counts);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let mut counts = Counts::default();
        let held = match self.program {
            TileProgram::Stem(tile) => tile.run(self.image, self.codes, &mut counts),
            TileProgram::MaxPool(tile) => Held::Codes(tile.run(self.codes, &mut counts)),
        };
        (held, counts)
    }
}
