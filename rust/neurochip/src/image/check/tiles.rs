//! Tiles: every neuron on exactly one core, with all its weights and sums that fit 32 bits.

use std::collections::BTreeSet;

use super::{Check, require};
use crate::image::arrays::{bytes_of, read_i16, view_i8};
use crate::image::blocks::{block_length, sum_bounds};
use crate::image::description::{Description, Model, Population, Projection, Tile};

pub(super) fn check(image: &Description, blob: &[u8]) -> Check {
    let mut cores = BTreeSet::new();
    for (number, tile) in image.tiles.iter().enumerate() {
        check_box(image, number, tile)?;
        check_core(image, number, tile, &mut cores)?;
        check_blocks(image, number, tile, blob)?;
        check_sums(image, number, tile, blob)?;
    }
    for (number, population) in image.populations.iter().enumerate() {
        if !matches!(population.model, Model::Input { .. }) {
            let tiles = image.tiles.iter().filter(|tile| tile.population as usize == number);
            check_whole(population, &tiles.collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

fn check_box(image: &Description, number: usize, tile: &Tile) -> Check {
    let (index, count) = (tile.population as usize, image.populations.len());
    require(index < count, || format!("tile {number} holds population {index}, there are {count}"))?;
    let population = &image.populations[index];
    let (name, shape) = (&population.name, population.shape);
    let ranges = [tile.rows, tile.columns, tile.channels];
    let mut axes = ranges.iter().zip(shape);
    require(axes.all(|([start, stop], length)| start < stop && *stop <= length), || {
        format!("tile {number} holds {ranges:?} of population '{name}', which has shape {shape:?}")
    })?;
    require(!matches!(population.model, Model::Input { .. }), || {
        format!("tile {number} holds neurons of '{name}', which is the input")
    })
}

fn check_core(image: &Description, number: usize, tile: &Tile, cores: &mut BTreeSet<u32>) -> Check {
    let (core, chip) = (tile.core, &image.chip);
    require(core < chip.num_cores(), || {
        format!("tile {number} is on core {core}, the chip has {}", chip.num_cores())
    })?;
    require(!chip.is_reserved(core), || format!("tile {number} is on core {core}, which is reserved"))?;
    require(cores.insert(core), || format!("tile {number} is on core {core}, which holds another"))?;
    let (neurons, capacity) = (tile.num_neurons(), chip.core.max_neurons);
    require(neurons <= capacity as usize, || {
        format!("tile {number} has {neurons} neurons, a core holds {capacity}")
    })
}

fn check_blocks(image: &Description, number: usize, tile: &Tile, blob: &[u8]) -> Check {
    let incoming: Vec<&Projection> =
        image.projections.iter().filter(|projection| projection.target == tile.population).collect();
    let (blocks, projections) = (tile.blocks.len(), incoming.len());
    require(blocks == projections, || {
        format!("tile {number} has {blocks} blocks for {projections} projections")
    })?;
    for (projection, block) in incoming.iter().zip(&tile.blocks) {
        let expected = block_length(image, projection, tile);
        require(u128::from(block.count) == expected, || {
            format!("tile {number} has a block of {} weights, expected {expected}", block.count)
        })?;
        require(bytes_of(blob, *block, u64::from(projection.weight_bits / 8)).is_some(), || {
            let (count, offset, bytes) = (block.count, block.offset, blob.len());
            format!("tile {number} has a block of {count} weights at byte {offset} of {bytes}")
        })?;
    }
    Ok(())
}

/// Weight sums fit an accumulator; those of a maximum are sets, one bit per input.
fn check_sums(image: &Description, number: usize, tile: &Tile, blob: &[u8]) -> Check {
    if matches!(image.populations[tile.population as usize].model, Model::MaxPool) {
        let weights = max_pool_weights(image, tile, blob);
        let bits = (0..weights.len()).map(|tap| 1 << tap).collect::<Vec<i16>>();
        return require(weights == bits, || {
            format!("tile {number} has weights {weights:?}, expected {bits:?}: a bit for each input")
        });
    }
    let largest = sum_bounds(image, blob, tile).iter().map(|bounds| bounds.magnitude()).max();
    let largest = largest.unwrap_or(0);
    require(largest <= i32::MAX.into(), || {
        format!("tile {number} has weight sums of up to {largest}, expected up to {}", i32::MAX)
    })
}

/// The weights of the one pool into a maximum; the schedule was checked.
fn max_pool_weights(image: &Description, tile: &Tile, blob: &[u8]) -> Vec<i16> {
    let mut incoming = image.projections.iter().filter(|projection| projection.target == tile.population);
    match incoming.next().map(|projection| projection.weight_bits) {
        Some(8) => view_i8(blob, tile.blocks[0]).iter().map(|&weight| weight.into()).collect(),
        _ => read_i16(blob, tile.blocks[0]),
    }
}

fn check_whole(population: &Population, tiles: &[&Tile]) -> Check {
    let (name, neurons) = (&population.name, population.num_neurons());
    let held: usize = tiles.iter().map(|tile| tile.num_neurons()).sum();
    require(held == neurons, || {
        format!("tiles hold {held} of the {neurons} neurons of population '{name}'")
    })?;
    let mut taken = vec![false; neurons];
    let alone = tiles
        .iter()
        .all(|tile| tile.neurons(population.shape).all(|n| !std::mem::replace(&mut taken[n], true)));
    require(alone, || format!("population '{name}' has a neuron on two tiles"))
}
