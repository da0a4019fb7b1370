//! Values: which neuron spikes in which timestep, for one sample.
//!
//! Values do not depend on time, so a sample is computed population by population, tile by tile;
//! what a population sends is a record from which every spike follows (`image::spike_code`).

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::convolution::Kernels;
use crate::dot_product::Dot;
use crate::image::Image;
use crate::image::arrays::read_i32;
use crate::image::description::{
    Blob, Connector, Description, Model, Numbers, Population, Projection, SpikeCode, Tile,
};
use crate::instructions::Instructions;
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

/// Most samples that run together.
const MOST_TOGETHER: usize = 8;

/// An image, ready to run.
#[derive(Debug)]
pub struct Values {
    /// For each population, its tiles in the order of the image.
    tiles: Vec<Vec<(Tile, TileProgram)>>,
    instructions: Instructions,
    together: usize,
}

impl Values {
    /// Unpacks an image's tables, for loops that use these instructions.
    pub fn new(image: &Image, instructions: Instructions) -> Self {
        let description = image.description();
        let mut tiles: Vec<Vec<(Tile, TileProgram)>> =
            description.populations.iter().map(|_| vec![]).collect();
        let mut kernels = Kernels::new(instructions);
        for tile in &description.tiles {
            tiles[tile.population as usize].push((tile.clone(), program(image, tile, &mut kernels)));
        }
        let quads = Dot::new(instructions).quads();
        Self { tiles, instructions, together: if quads { samples_together(description) } else { 1 } }
    }

    /// How many samples should run together, at most.
    pub fn samples_together(&self) -> usize {
        self.together
    }

    /// Runs samples together; each holds the values of the input's neurons, in two's complement if they are
    /// signed; of bits only those that the input sends are looked at.
    pub fn run(&self, image: &Image, inputs: &[&[u8]]) -> Vec<Record> {
        let description = image.description();
        let mut records = vec![Record::default(); inputs.len()];
        let mut read = vec![vec![vec![]; description.outputs.len()]; inputs.len()];
        for (number, (population, tiles)) in description.populations.iter().zip(&self.tiles).enumerate() {
            let held: Vec<(Vec<u8>, Vec<i32>, Counts)> = if let Model::Input { .. } = population.model {
                let code = code_of(population);
                inputs.iter().map(|input| (code.record(input), vec![], Counts::default())).collect()
            } else {
                let sources: Vec<&[Vec<u8>]> = records.iter().map(|record| &record.codes[..]).collect();
                self.run_tiles(image, population, tiles, &sources)
            };
            let place = description.outputs.iter().position(|&output| output as usize == number);
            for ((record, read), (codes, membranes, counts)) in records.iter_mut().zip(&mut read).zip(held) {
                if let Some(place) = place {
                    read[place] = population.code.map_or(membranes, |code| code.values(&codes).collect());
                }
                let num_spikes = |code: SpikeCode| self.instructions.dispatch(|| code.count(&codes));
                record.counts.push(Counts { spikes: population.code.map_or(0, num_spikes), ..counts });
                record.codes.push(codes);
            }
        }
        for (record, read) in records.iter_mut().zip(read) {
            record.outputs = read.concat();
        }
        records
    }

    /// Runs the tiles of a population and puts together what they hold of each sample: codes, membranes and
    /// counts.
    fn run_tiles(
        &self,
        image: &Image,
        population: &Population,
        tiles: &[(Tile, TileProgram)],
        samples: &[&[Vec<u8>]],
    ) -> Vec<(Vec<u8>, Vec<i32>, Counts)> {
        let run = |(_, program): &(Tile, TileProgram)| {
            self.instructions.dispatch(RunTile { image, program, samples })
        };
        let held: Vec<Vec<(Held, Counts)>> = tiles.par_iter().with_max_len(1).map(run).collect();
        let neurons = population.num_neurons();
        let codes = vec![0; population.code.map_or(0, SpikeCode::bytes) * neurons];
        let membranes = vec![0; if population.code.is_none() { neurons } else { 0 }];
        let mut all = vec![(codes, membranes, Counts::default()); samples.len()];
        for ((tile, _), held) in tiles.iter().zip(held) {
            for ((codes, membranes, counts), (held, of_tile)) in all.iter_mut().zip(held) {
                counts.add(&of_tile);
                match held {
                    Held::Codes(held) => {
                        let parts =
                            codes.chunks_exact_mut(neurons).zip(held.chunks_exact(tile.num_neurons()));
                        parts.for_each(|(codes, held)| spread(tile, population, held, codes));
                    }
                    Held::Membranes(held) => spread(tile, population, &held, membranes),
                }
            }
        }
        all
    }
}

fn code_of(population: &Population) -> SpikeCode {
    population.code.expect("the image was checked: only what the host reads may send nothing")
}

/// Records of so many samples take as much memory as the weights that dense layers then read once.
fn samples_together(description: &Description) -> usize {
    let neurons = |number: u32| description.populations[number as usize].num_neurons();
    let dense = description.projections.iter().filter(|projection| projection.connector == Connector::Dense);
    let weights: usize =
        dense.map(|projection| neurons(projection.source) * neurons(projection.target)).sum();
    let all: usize = description.populations.iter().map(Population::num_neurons).sum();
    (weights / all).clamp(1, MOST_TOGETHER)
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

struct RunTile<'a> {
    image: &'a Image,
    program: &'a TileProgram,
    samples: &'a [&'a [Vec<u8>]],
}

impl WithSimd for RunTile<'_> {
    type Output = Vec<(Held, Counts)>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self { image, program, samples } = self;
        let mut counts = vec![Counts::default(); samples.len()];
        let held: Vec<Held> = match program {
            TileProgram::Stem(tile) => tile.run(image, samples, &mut counts),
            TileProgram::Quartz(tile) => tile.run(image, samples, &mut counts),
            TileProgram::MaxPool(tile) => {
                let mut held = vec![];
                for (codes, counts) in samples.iter().zip(&mut counts) {
                    held.push(Held::Codes(tile.run(codes, counts)));
                }
                held
            }
            TileProgram::IntegrateFire(tile) => {
                let mut held = vec![];
                for (codes, counts) in samples.iter().zip(&mut counts) {
                    held.push(tile.run(image, codes, counts));
                }
                held
            }
            TileProgram::Constant(record) => samples.iter().map(|_| Held::Codes(record.clone())).collect(),
        };
        held.into_iter().zip(counts).collect()
    }
}
