//! The door: every index, length and range of a description, checked once.

use std::collections::BTreeSet;

use super::Error;
use super::arrays::{bytes_of, read_i32, read_i64};
use super::description::{
    Blob, Connector, Description, Integration, Model, Population, Projection, Requantizer, Stem, Tile, Window,
};

type Check = Result<(), Error>;

/// Neurons of one population: bounds every product of a shape.
const MAX_NEURONS: u64 = 1 << 28;
const MAX_LENGTH: u32 = 1 << 20;

fn require(holds: bool, message: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Error::Invalid(message())) }
}

pub(super) fn check(image: &Description, blob: &[u8]) -> Check {
    image.chip.check().map_err(|error| Error::Invalid(format!("its chip: {error}")))?;
    for population in &image.populations {
        check_population(image, population, blob)?;
    }
    for (number, projection) in image.projections.iter().enumerate() {
        check_projection(image, projection, blob)
            .map_err(|error| Error::Invalid(format!("projection {number}: {error}")))?;
    }
    for target in 0..image.populations.len() {
        check_schedule(image, target)?;
    }
    require((image.output as usize) < image.populations.len(), || format!("no population {}", image.output))?;
    check_tiles(image, blob)
}

fn check_population(image: &Description, population: &Population, blob: &[u8]) -> Check {
    let name = &population.name;
    let neurons: u64 = population.shape.iter().map(|&length| u64::from(length.min(MAX_LENGTH))).product();
    require(
        (1..=MAX_NEURONS).contains(&neurons) && population.shape.iter().all(|&l| l <= MAX_LENGTH),
        || format!("population {name:?} has shape {:?}", population.shape),
    )?;
    let reads_membrane = matches!(&population.model, Model::Stem(Stem { requantizer: None, .. }));
    let bits = if reads_membrane { 0..=0 } else { 1..=8 };
    require(bits.contains(&population.bits), || {
        format!("population {name:?} sends {} bits", population.bits)
    })?;
    let last = population.send_start.checked_add(population.bits);
    require(last.is_some_and(|last| last <= image.timesteps), || {
        format!("population {name:?} sends after the end")
    })?;
    match &population.model {
        Model::Input { port } => {
            let ports = image.chip.io.len();
            require((*port as usize) < ports, || {
                format!("population {name:?} enters at port {port} of {ports}")
            })
        }
        Model::Stem(stem) => check_stem(population, stem, blob),
        Model::MaxPool => Ok(()),
    }
}

fn check_stem(population: &Population, stem: &Stem, blob: &[u8]) -> Check {
    let name = &population.name;
    let levels = 1 << population.bits;
    let (lowest, highest) = if population.signed { (-levels / 2, levels / 2 - 1) } else { (0, levels - 1) };
    let reads_membrane = stem.requantizer.is_none();
    require(reads_membrane || (lowest <= stem.low && stem.low <= stem.high && stem.high <= highest), || {
        format!("population {name:?} sends {} to {} in {} bits", stem.low, stem.high, population.bits)
    })?;
    check_array(population, stem.bias, 4, blob)?;
    match &stem.requantizer {
        None | Some(Requantizer::Float32Add { .. }) => Ok(()),
        Some(Requantizer::Float32 { mantissa, shift, .. }) => {
            check_array(population, *mantissa, 4, blob)?;
            check_array(population, *shift, 4, blob)?;
            require(mantissa.count == shift.count, || format!("population {name:?} has unequal constants"))?;
            check_values(population, &read_i32(blob, *mantissa), 0, 1 << 24)?;
            check_values(population, &read_i32(blob, *shift), -8, 256)
        }
        Some(Requantizer::Fixed { multiplier, offset, shift }) => {
            check_array(population, *multiplier, 4, blob)?;
            check_array(population, *offset, 8, blob)?;
            check_array(population, *shift, 4, blob)?;
            let equal = multiplier.count == offset.count && offset.count == shift.count;
            require(equal, || format!("population {name:?} has unequal constants"))?;
            let offsets = read_i64(blob, *offset);
            require(offsets.iter().all(|&offset| offset.unsigned_abs() < 1 << 62), || {
                format!("population {name:?} has an offset of more than 62 bits")
            })?;
            check_values(population, &read_i32(blob, *multiplier), -(1 << 30), 1 << 30)?;
            check_values(population, &read_i32(blob, *shift), 0, 62)
        }
        Some(Requantizer::Table { entries, tables, .. }) => {
            let counted = [1, population.shape[2]].contains(tables);
            let whole = counted && entries.count > 0 && entries.count % u64::from(*tables) == 0;
            require(whole && bytes_of(blob, *entries, 4).is_some(), || {
                format!("population {name:?} has no whole table")
            })
        }
    }
}

fn check_array(population: &Population, range: Blob, width: u64, blob: &[u8]) -> Check {
    let allowed = [1, u64::from(population.shape[2]), population.num_neurons() as u64];
    require(allowed.contains(&range.count) && bytes_of(blob, range, width).is_some(), || {
        format!("population {:?} has {} constants at byte {}", population.name, range.count, range.offset)
    })
}

fn check_values(population: &Population, values: &[i32], low: i32, high: i32) -> Check {
    require(values.iter().all(|value| (low..=high).contains(value)), || {
        format!("population {:?} has a constant outside {low} to {high}", population.name)
    })
}

fn check_projection(image: &Description, projection: &Projection, blob: &[u8]) -> Check {
    let count = image.populations.len();
    let ordered = projection.source < projection.target && (projection.target as usize) < count;
    require(ordered, || format!("goes from {} to {} of {count}", projection.source, projection.target))?;
    require([8, 16].contains(&projection.weight_bits), || {
        format!("weights of {} bits", projection.weight_bits)
    })?;
    let source = &image.populations[projection.source as usize];
    let target = &image.populations[projection.target as usize];
    let channels = [source.shape[2], target.shape[2]];
    match &projection.connector {
        Connector::Dense => require(target.shape[..2] == [1, 1], || "a dense target has positions".into()),
        Connector::Convolution { window, groups } => {
            let divides = *groups > 0 && channels.iter().all(|channels| channels % groups == 0);
            require(divides, || format!("{groups} groups of {channels:?} channels"))?;
            check_window(window)
        }
        Connector::Depthwise { window } | Connector::Pool { window } => {
            require(channels[0] == channels[1], || format!("{channels:?} channels"))?;
            check_window(window)
        }
        Connector::OneToOne { index: None } => {
            require(source.shape == target.shape, || "one-to-one between different shapes".into())
        }
        Connector::OneToOne { index: Some(index) } => {
            let whole = index.count == target.num_neurons() as u64 && bytes_of(blob, *index, 4).is_some();
            require(whole, || format!("an index of {} entries", index.count))?;
            let sources = source.num_neurons() as i32;
            require(read_i32(blob, *index).iter().all(|&source| (-1..sources).contains(&source)), || {
                format!("an index outside -1 to {sources}")
            })
        }
    }
}

fn check_window(window: &Window) -> Check {
    let lengths = [window.kernel, window.stride, window.dilation];
    let sane = lengths.iter().flatten().all(|length| (1..=MAX_LENGTH).contains(length));
    let padded = window.pad.iter().all(|&pad| pad <= MAX_LENGTH);
    let reach = (0..2).all(|axis| {
        u64::from(window.kernel[axis]) * u64::from(window.dilation[axis]) < u64::from(MAX_LENGTH)
    });
    require(sane && padded && reach, || format!("a window {window:?}"))
}

/// What a population receives must be there before it sends, one coefficient a timestep.
fn check_schedule(image: &Description, target: usize) -> Check {
    let population = &image.populations[target];
    let name = &population.name;
    let into = |projection: &&Projection| projection.target as usize == target;
    let incoming: Vec<&Projection> = image.projections.iter().filter(into).collect();
    let sources: Vec<&Population> = incoming.iter().map(|p| &image.populations[p.source as usize]).collect();
    match &population.model {
        Model::Input { .. } => require(sources.is_empty(), || format!("input {name:?} has a source")),
        Model::MaxPool => {
            let pools = matches!(incoming[..], [Projection { connector: Connector::Pool { .. }, .. }]);
            let streams = sources.iter().all(|source| {
                source.send_start.checked_add(1) == Some(population.send_start)
                    && (source.bits, source.signed) == (population.bits, population.signed)
            });
            require(pools && streams, || format!("max pool {name:?} does not stream from one pool"))
        }
        Model::Stem(stem) => {
            let ready = sources.iter().all(|source| source.send_start + source.bits <= population.send_start);
            require(!sources.is_empty() && ready, || {
                format!("population {name:?} sends before it has received")
            })?;
            let code = |source: &Population| (source.send_start, source.bits, source.signed);
            let apart = |a: &Population, b: &Population| a.send_start + a.bits <= b.send_start;
            let fit = |a, b| code(a) == code(b) || apart(a, b) || apart(b, a);
            require(sources.iter().all(|a| sources.iter().all(|b| fit(a, b))), || {
                format!("population {name:?} receives two codes in one timestep")
            })?;
            check_integration(name, &stem.integration, &sources)
        }
    }
}

fn check_integration(name: &str, integration: &Integration, sources: &[&Population]) -> Check {
    let Integration::Scaled { coefficients, shift } = integration else { return Ok(()) };
    let steps = sources.iter().map(|source| source.bits as usize).max().unwrap_or(0);
    let bounded = coefficients.iter().all(|coefficient| (0..=1 << 30).contains(coefficient));
    require(coefficients.len() >= steps && bounded && *shift <= 30, || {
        format!("population {name:?} has {} coefficients for {steps} steps", coefficients.len())
    })
}

fn check_tiles(image: &Description, blob: &[u8]) -> Check {
    let mut nodes = BTreeSet::new();
    let mut held: Vec<Vec<bool>> = image.populations.iter().map(|p| vec![false; p.num_neurons()]).collect();
    for (number, tile) in image.tiles.iter().enumerate() {
        let wrong = |what: &str| Error::Invalid(format!("tile {number} {what}"));
        let population =
            image.populations.get(tile.population as usize).ok_or_else(|| wrong("has no population"))?;
        let ranges = [tile.rows, tile.columns, tile.channels];
        let inside = ranges
            .iter()
            .zip(population.shape)
            .all(|(range, length)| range[0] < range[1] && range[1] <= length);
        require(inside, || format!("tile {number} lies outside population {:?}", population.name))?;
        require(!matches!(population.model, Model::Input { .. }), || {
            format!("tile {number} holds input neurons")
        })?;
        let core = tile.node < image.chip.num_nodes() && !image.chip.is_reserved(tile.node);
        require(core && nodes.insert(tile.node), || {
            format!("tile {number} is on node {}, which is no free core", tile.node)
        })?;
        let capacity = image.chip.core.max_neurons as usize;
        require(tile.num_neurons() <= capacity, || {
            format!("tile {number} has {} neurons", tile.num_neurons())
        })?;
        check_blocks(image, number, tile, blob)?;
        mark(&mut held[tile.population as usize], population, tile)
            .map_err(|()| wrong("holds a neuron that another tile holds"))?;
    }
    for (population, held) in image.populations.iter().zip(&held) {
        let input = matches!(population.model, Model::Input { .. });
        require(input || held.iter().all(|&held| held), || {
            format!("population {:?} is not whole", population.name)
        })?;
    }
    Ok(())
}

fn mark(held: &mut [bool], population: &Population, tile: &Tile) -> Result<(), ()> {
    let [_, width, channels] = population.shape.map(|length| length as usize);
    for y in tile.rows[0]..tile.rows[1] {
        for x in tile.columns[0]..tile.columns[1] {
            let start = (y as usize * width + x as usize) * channels;
            for held in &mut held[start + tile.channels[0] as usize..start + tile.channels[1] as usize] {
                if std::mem::replace(held, true) {
                    return Err(());
                }
            }
        }
    }
    Ok(())
}

fn check_blocks(image: &Description, number: usize, tile: &Tile, blob: &[u8]) -> Check {
    let incoming: Vec<&Projection> =
        image.projections.iter().filter(|p| p.target == tile.population).collect();
    require(incoming.len() == tile.blocks.len(), || {
        format!("tile {number} has {} blocks for {} projections", tile.blocks.len(), incoming.len())
    })?;
    for (projection, block) in incoming.iter().zip(&tile.blocks) {
        let source = &image.populations[projection.source as usize];
        let target = &image.populations[projection.target as usize];
        let expected = block_length(&projection.connector, source, target, tile);
        let there = bytes_of(blob, *block, u64::from(projection.weight_bits / 8)).is_some();
        require(there && block.count == expected, || {
            format!("tile {number} has a block of {} weights, expected {expected}", block.count)
        })?;
    }
    Ok(())
}

/// Number of weights that a core stores for a connector.
fn block_length(connector: &Connector, source: &Population, target: &Population, tile: &Tile) -> u64 {
    let channels = u64::from(tile.channels[1] - tile.channels[0]);
    let taps = |window: &Window| u64::from(window.kernel[0]) * u64::from(window.kernel[1]);
    match connector {
        Connector::Dense => source.num_neurons() as u64 * channels,
        Connector::Convolution { window, groups } => {
            let into_group = u64::from(source.shape[2] / groups);
            let group = target.shape[2] / groups;
            debug_assert!(group > 0);
            channels * into_group * taps(window)
        }
        Connector::Depthwise { window } => taps(window) * channels,
        Connector::Pool { window } => taps(window),
        Connector::OneToOne { .. } => 1,
    }
}
