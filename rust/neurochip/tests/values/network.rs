//! Networks under construction: connectors with their weights by definition, and the image made of them.

use neurochip::chip::{BUILT_IN, ChipSpec};
use neurochip::image::Image;
use neurochip::image::description::{
    Blob, Connector, Description, Integration, Model, Numbers, Population, Projection, Requantizer,
    SpikeCode, Stem, Tile, Window,
};
use neurochip::simulator::Simulator;

/// What an image is assembled from; tiles have no blocks yet.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) chip: ChipSpec,
    pub(crate) populations: Vec<Population>,
    pub(crate) wires: Vec<Wires>,
    pub(crate) tiles: Vec<Tile>,
    pub(crate) outputs: Vec<u32>,
    pub(crate) timesteps: u32,
    /// Timesteps between samples; None where they do not overlap.
    pub(crate) period: Option<u32>,
    pub(crate) blob: Vec<u8>,
}

/// A projection with its weights.
#[derive(Debug, Clone)]
pub(crate) struct Wires {
    pub(crate) projection: Projection,
    /// Dense: `[target][source]`; convolution: `[target channel][source channel of its group][y][x]`;
    /// depthwise: `[channel][y][x]`; pool: `[y][x]`; one-to-one: one.
    pub(crate) weights: Vec<i32>,
    /// Source of each target of a one-to-one connector that has an index; -1 for none.
    pub(crate) index: Option<Vec<i32>>,
}

/// One synapse, written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Synapse {
    pub(crate) source: usize,
    pub(crate) target: usize,
    pub(crate) weight: i32,
}

/// A second state word for a chip that has none.
pub(crate) const SECOND_STATE_WORD: &str = "{dendrite_words_per_neuron = 1, multiplier_bits = 30, \
     soma_cycles = {accumulate = 3, requantize = 7, generate = 2}}";

/// The chip `tiny` on 8 x 8 nodes, with fields set.
pub(crate) fn tiny(fields: &[(&str, &str)]) -> ChipSpec {
    let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == "tiny").unwrap();
    let larger = [("mesh.width", "8"), ("mesh.height", "8"), ("core.max_neurons", "100000")];
    let overrides: Vec<_> = larger
        .iter()
        .chain(fields)
        .map(|(field, value)| ((*field).to_owned(), (*value).to_owned()))
        .collect();
    ChipSpec::from_toml_with(text, &overrides).unwrap()
}

/// The bits of a value; none for a population whose membranes are read.
pub(crate) fn binary(bits: u32, signed: bool) -> Option<SpikeCode> {
    (bits > 0).then_some(SpikeCode::Binary { bits, signed })
}

/// A population of the input.
pub(crate) fn input(shape: [u32; 3], code: SpikeCode) -> Population {
    Population {
        name: "input".into(),
        shape,
        send_start: 0,
        code: Some(code),
        model: Model::Input { port: 0 },
    }
}

impl Network {
    /// A network of its input alone.
    pub(crate) fn new(chip: ChipSpec, input: Population) -> Self {
        let timesteps = input.send_stop();
        let (wires, tiles, blob) = (vec![], vec![], vec![]);
        Self { chip, populations: vec![input], wires, tiles, outputs: vec![0], timesteps, period: None, blob }
    }

    /// Appends a population on one core; it becomes the only output.
    pub(crate) fn add(&mut self, population: Population) -> u32 {
        let number = self.populations.len() as u32;
        let [rows, columns, channels] = population.shape.map(|length| [0, length]);
        self.tiles.push(Tile { population: number, core: number, rows, columns, channels, blocks: vec![] });
        self.timesteps = self.timesteps.max(population.send_start + population.steps().max(1));
        self.populations.push(population);
        self.outputs = vec![number];
        number
    }

    pub(crate) fn connect(&mut self, source: u32, target: u32, connector: Connector, weights: Vec<i32>) {
        self.connect_index(source, target, connector, weights, None);
    }

    /// The same, for a one-to-one connector that may have an index.
    pub(crate) fn connect_index(
        &mut self,
        source: u32,
        target: u32,
        connector: Connector,
        weights: Vec<i32>,
        index: Option<Vec<i32>>,
    ) {
        let narrow = weights.iter().all(|&weight| i8::try_from(weight).is_ok());
        let weight_bits = if narrow { 8 } else { 16 };
        let projection = Projection { source, target, connector, weight_bits };
        self.wires.push(Wires { projection, weights, index });
    }

    pub(crate) fn add_i32(&mut self, values: &[i32]) -> Numbers {
        let values: Vec<i64> = values.iter().map(|&value| value.into()).collect();
        self.add_i64(&values)
    }

    /// As narrow as they are: two's complement, so the low bytes.
    pub(crate) fn add_i64(&mut self, values: &[i64]) -> Numbers {
        let fits = |bytes: &u32| {
            let half = 1 << (8 * bytes - 1);
            values.iter().all(|value| (-half..half).contains(&i128::from(*value)))
        };
        let bytes = [1, 2, 4, 8].into_iter().find(fits).unwrap();
        let low = |value: &i64| value.to_le_bytes().into_iter().take(bytes as usize);
        let Blob { offset, count } = add(&mut self.blob, values.iter().flat_map(low), bytes.into());
        Numbers { offset, count, bytes: bytes.into() }
    }

    /// A STEM model that integrates exactly and sends its membrane plus `bias`, clamped.
    pub(crate) fn plain_stem(&mut self, bias: i32, [low, high]: [i32; 2]) -> Stem {
        let bias = self.add_i32(&[bias]);
        let multiplier = self.add_i32(&[1]);
        let offset = self.add_i64(&[0]);
        let shift = self.add_i32(&[0]);
        let requantizer = Some(Requantizer::Fixed { multiplier, offset, shift });
        Stem { integration: Integration::Exact, bias, requantizer, low, high, sparsity: None }
    }

    /// The description, with every tile's blocks in the binary part.
    pub(crate) fn describe(&self) -> (Description, Vec<u8>) {
        let mut blob = self.blob.clone();
        let mut tiles = self.tiles.clone();
        for tile in &mut tiles {
            for wires in self.wires.iter().filter(|wires| wires.projection.target == tile.population) {
                let weights = self.block(wires, tile);
                tile.blocks.push(match wires.projection.weight_bits {
                    8 => add(&mut blob, weights.iter().flat_map(|&weight| (weight as i8).to_le_bytes()), 1),
                    _ => add(&mut blob, weights.iter().flat_map(|&weight| (weight as i16).to_le_bytes()), 2),
                });
            }
        }
        let description = Description {
            name: "network".into(),
            code: "stem".into(),
            chip: self.chip.clone(),
            timesteps: self.timesteps,
            period: self.period.unwrap_or(self.timesteps),
            populations: self.populations.clone(),
            projections: self.wires.iter().map(|wires| wires.projection.clone()).collect(),
            tiles,
            outputs: self.outputs.clone(),
            host: serde_json::json!({"scale": 0.1}),
        };
        (description, blob)
    }

    pub(crate) fn image(&self) -> Image {
        let (description, blob) = self.describe();
        let text = serde_json::to_string(&description).unwrap();
        Image::new(&text, blob).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    pub(crate) fn simulator(&self) -> Simulator {
        Simulator::new(self.image())
    }

    fn ends(&self, wires: &Wires) -> [[usize; 3]; 2] {
        [wires.projection.source, wires.projection.target]
            .map(|number| self.populations[number as usize].shape.map(|length| length as usize))
    }

    /// The weights that a tile's core stores, in the order that `image::description` says.
    fn block(&self, wires: &Wires, tile: &Tile) -> Vec<i32> {
        let [[height, width, channels_in], [.., channels_out]] = self.ends(wires);
        let held = tile.channels[0] as usize..tile.channels[1] as usize;
        let weights = &wires.weights;
        let mut block = vec![];
        match &wires.projection.connector {
            Connector::Dense => {
                let sources = height * width * channels_in;
                for source in 0..sources {
                    block.extend(held.clone().map(|channel| weights[channel * sources + source]));
                }
            }
            Connector::Convolution { window, groups } => {
                let [taps_y, taps_x] = window.kernel.map(|length| length as usize);
                let (group_in, group_out) = (channels_in / *groups as usize, channels_out / *groups as usize);
                for channel in 0..channels_in {
                    for (y, x) in (0..taps_y).flat_map(|y| slots(window).into_iter().map(move |x| (y, x))) {
                        let reached = held.clone().filter(|target| target / group_out == channel / group_in);
                        block.extend(reached.map(|target| {
                            let kernel = target * group_in + channel % group_in;
                            weights[(kernel * taps_y + y) * taps_x + x]
                        }));
                    }
                }
            }
            Connector::Depthwise { window } => {
                let taps = (window.kernel[0] * window.kernel[1]) as usize;
                for tap in 0..taps {
                    block.extend(held.clone().map(|channel| weights[channel * taps + tap]));
                }
            }
            Connector::Pool { .. } | Connector::OneToOne { .. } => block.clone_from(weights),
        }
        block
    }

    /// Every synapse of a projection, by the definition of its connector; sources ascend.
    pub(crate) fn synapses(&self, wires: &Wires) -> Vec<Synapse> {
        let [from, to] = self.ends(wires);
        let mut synapses = match &wires.projection.connector {
            Connector::OneToOne { .. } => {
                let own: Vec<i32> = (0..to.iter().product::<usize>() as i32).collect();
                let sources = wires.index.as_ref().unwrap_or(&own).iter().enumerate();
                let weight = wires.weights[0];
                sources
                    .filter(|&(_, &source)| source >= 0)
                    .map(|(target, &source)| Synapse { source: source as usize, target, weight })
                    .collect()
            }
            connector => windowed(connector, &wires.weights, from, to),
        };
        synapses.sort_unstable();
        synapses
    }
}

/// Taps along x in stored order: by their phase within the stride, the last first.
fn slots(window: &Window) -> Vec<usize> {
    let mut slots: Vec<usize> = (0..window.kernel[1] as usize).rev().collect();
    slots.sort_by_key(|slot| slot * window.dilation[1] as usize % window.stride[1] as usize);
    slots
}

fn windowed(connector: &Connector, weights: &[i32], from: [usize; 3], to: [usize; 3]) -> Vec<Synapse> {
    let mut synapses = vec![];
    for (target, [ty, tx, tc]) in positions(to).enumerate() {
        for (source, [sy, sx, sc]) in positions(from).enumerate() {
            let weight = match connector {
                Connector::Dense => Some(tc * from.iter().product::<usize>() + source),
                Connector::Convolution { window, groups } => {
                    let [group_in, group_out] = [from[2], to[2]].map(|channels| channels / *groups as usize);
                    let kernel = tc * group_in + sc % group_in;
                    let together = tc / group_out == sc / group_in;
                    together.then(|| tap(window, [sy, sx], [ty, tx], kernel)).flatten()
                }
                Connector::Depthwise { window } => {
                    (sc == tc).then(|| tap(window, [sy, sx], [ty, tx], tc)).flatten()
                }
                Connector::Pool { window } => {
                    (sc == tc).then(|| tap(window, [sy, sx], [ty, tx], 0)).flatten()
                }
                Connector::OneToOne { .. } => unreachable!("has no window"),
            };
            synapses.extend(weight.map(|weight| Synapse { source, target, weight: weights[weight] }));
        }
    }
    synapses
}

fn positions([height, width, channels]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..height * width * channels)
        .map(move |neuron| [neuron / channels / width, neuron / channels % width, neuron % channels])
}

/// The weight through which a source position reaches a target position: tap of a kernel, if there is one.
fn tap(window: &Window, source: [usize; 2], target: [usize; 2], kernel: usize) -> Option<usize> {
    let [taps_y, taps_x] = window.kernel.map(|length| length as usize);
    let taps = (0..taps_y).flat_map(|y| (0..taps_x).map(move |x| [y, x]));
    let mut hits = taps.filter(|tap| {
        (0..2).all(|axis| {
            let [stride, pad, dilation] =
                [window.stride, window.pad, window.dilation].map(|lengths| lengths[axis] as usize);
            target[axis] * stride + tap[axis] * dilation == source[axis] + pad
        })
    });
    hits.next().map(|[y, x]| (kernel * taps_y + y) * taps_x + x)
}

fn add(blob: &mut Vec<u8>, bytes: impl Iterator<Item = u8>, width: u64) -> Blob {
    let offset = blob.len() as u64;
    blob.extend(bytes);
    Blob { offset, count: (blob.len() as u64 - offset) / width }
}
