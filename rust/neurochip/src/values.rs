//! Values: which neuron spikes in which timestep, for one sample.
//!
//! Values do not depend on time, so a sample is computed population by population, tile by tile;
//! what a population sends is a record from which every spike follows (`image::spike_code`).

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::convolution::Kernels;
use crate::image::Image;
use crate::image::arrays::read_i32;
use crate::image::description::{Blob, Connector, Model, Numbers, Population, Projection, SpikeCode, Tile};
pub use crate::neuron::Counts;
use crate::neuron::integrate_fire::IntegrateFireTile;
use crate::neuron::max_pool::MaxPoolTile;
use crate::neuron::quartz::QuartzTile;
use crate::neuron::stem::{Held, StemTile};

/// Everything the values machine says about one sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// For each population, the record of its spikes, as its code writes it (`image::spike_code`).
    pub codes: Vec<Vec<u8>>,
    /// Values of the outputs, one after the other: those that were sent, or the membranes that the host reads.
    pub outputs: Vec<i32>,
    /// For each population, what it did.
    pub counts: Vec<Counts>,
}

/// One tile, ready to run.
#[derive(Debug)]
enum TileProgram {
    Stem(Box<StemTile>),
    MaxPool(MaxPoolTile),
    Quartz(QuartzTile),
    IntegrateFire(IntegrateFireTile),
    /// Sends this record in every sample.
    Constant(Vec<u8>),
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

    /// Runs one sample: `input` holds the values of the input's neurons, in two's complement if they are
    /// signed; of bits only those that the input sends are looked at.
    pub fn run(&self, image: &Image, input: &[u8]) -> Record {
        let description = image.description();
        let mut record = Record::default();
        let mut read = vec![vec![]; description.outputs.len()];
        for (number, (population, tiles)) in description.populations.iter().zip(&self.tiles).enumerate() {
            let (codes, membranes, counts) = match population.model {
                Model::Input { .. } => (code_of(population).record(input), vec![], Counts::default()),
                _ => run_tiles(image, population, tiles, &record.codes),
            };
            if let Some(place) = description.outputs.iter().position(|&output| output as usize == number) {
                read[place] = population.code.map_or(membranes, |code| code.values(&codes).collect());
            }
            let num_spikes = |code: SpikeCode| pulp::Arch::new().dispatch(|| code.count(&codes));
            record.counts.push(Counts { spikes: population.code.map_or(0, num_spikes), ..counts });
            record.codes.push(codes);
        }
        record.outputs = read.concat();
        record
    }
}

fn code_of(population: &Population) -> SpikeCode {
    population.code.expect("the image was checked: only what the host reads may send nothing")
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
    let neurons = population.num_neurons();
    let mut codes = vec![0; population.code.map_or(0, SpikeCode::bytes) * neurons];
    let mut membranes = vec![0; if population.code.is_none() { neurons } else { 0 }];
    let mut counts = Counts::default();
    for ((tile, _), (held, of_tile)) in tiles.iter().zip(held) {
        counts.add(&of_tile);
        match held {
            Held::Codes(held) => {
                let parts = codes.chunks_exact_mut(neurons).zip(held.chunks_exact(tile.num_neurons()));
                parts.for_each(|(codes, held)| spread(tile, population, held, codes));
            }
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
        (Model::Quartz(quartz), _) => {
            TileProgram::Quartz(QuartzTile::new(image, target, quartz, tile, &incoming, kernels))
        }
        (Model::IntegrateFire(model), _) => {
            TileProgram::IntegrateFire(IntegrateFireTile::new(image, target, model, tile, &incoming))
        }
        (Model::Constant { values }, _) => {
            TileProgram::Constant(constant_record(image, target, *values, tile))
        }
        _ => unreachable!("the image was checked: the input has no tiles, a maximum has one pool"),
    }
}

/// The record of neurons that send the same in every sample.
fn constant_record(image: &Image, population: &Population, values: Numbers, tile: &Tile) -> Vec<u8> {
    let values = read_i32(image.blob(), values);
    let held: Vec<u8> = tile.neurons(population.shape).map(|neuron| values[neuron] as u8).collect();
    code_of(population).record(&held)
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
            TileProgram::Quartz(tile) => tile.run(self.image, self.codes, &mut counts),
            TileProgram::IntegrateFire(tile) => tile.run(self.image, self.codes, &mut counts),
            TileProgram::Constant(record) => Held::Codes(record.clone()),
        };
        (held, counts)
    }
}
