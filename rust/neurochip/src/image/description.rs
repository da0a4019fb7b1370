//! What an image says, as serde types: the one schema of an image's description.
//!
//! The description is small (names, shapes, placements); every long list of numbers is a range of the
//! image's binary part: [`Numbers`], or a [`Blob`] of weights. Python writes it as JSON, `Image` checks it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chip::{ChipSpec, Core};
pub use crate::image::spike_code::SpikeCode;
use crate::spikes::Spikes;

/// Weights in the binary part; their projection says how wide they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// First byte.
    pub offset: u64,
    /// Number of elements.
    pub count: u64,
}

/// Integers in the binary part, signed, each of as many bytes as the widest of them needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// First byte.
    pub offset: u64,
    /// Number of integers.
    pub count: u64,
    /// Bytes of each: 1, 2, 4 or 8.
    pub bytes: u64,
}

impl Numbers {
    /// Where they are.
    pub fn range(self) -> Blob {
        Blob { offset: self.offset, count: self.count }
    }
}

/// A network placed on a chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The network's name.
    pub name: String,
    /// Which spike code the network was lowered to.
    pub code: String,
    /// The chip it was placed on, whole, so that an image runs without its chip file.
    #[schemars(with = "serde_json::Value")]
    pub chip: ChipSpec,
    /// Timesteps from the first input spike of a sample to its last output spike.
    pub timesteps: u32,
    /// Timesteps between the entries of two samples; all `timesteps` where they do not overlap.
    pub period: u32,
    /// Populations, sources before targets.
    pub populations: Vec<Population>,
    /// Projections between them, in the order in which their spikes are summed.
    pub projections: Vec<Projection>,
    /// Which neurons live on which core.
    pub tiles: Vec<Tile>,
    /// Indices of the populations that the host reads, each once, in the order in which a run hands them over.
    pub outputs: Vec<u32>,
    /// What only the host needs (formats, proofs, float tail): kept, not read, by the silicon.
    pub host: serde_json::Value,
}

impl Description {
    /// Whether the host reads a population.
    pub fn is_read(&self, population: usize) -> bool {
        self.outputs.iter().any(|&output| output as usize == population)
    }

    /// The source and the target of a projection.
    pub fn ends(&self, projection: &Projection) -> [&Population; 2] {
        [projection.source, projection.target].map(|population| &self.populations[population as usize])
    }
}

/// Neurons of one model with one schedule.
///
/// A neuron's index is `(y * width + x) * channels + channel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Name of the layer it came from.
    pub name: String,
    /// Height, width, channels.
    pub shape: [u32; 3],
    /// First timestep of the window in which it sends.
    pub send_start: u32,
    /// How its values become spikes; absent where the host reads membranes.
    pub code: Option<SpikeCode>,
    /// What its neurons do.
    pub model: Model,
}

impl Population {
    /// Number of neurons.
    pub fn num_neurons(&self) -> usize {
        self.shape.iter().map(|&length| length as usize).product()
    }

    /// Timesteps in which it sends.
    pub fn steps(&self) -> u32 {
        self.code.map_or(0, SpikeCode::steps)
    }

    /// The timestep after the last in which it sends.
    pub fn send_stop(&self) -> u32 {
        self.send_start + self.steps() // checked: within a sample
    }

    /// The step of this population's window that is sent in `timestep`, if one is.
    pub fn step(&self, timestep: u32) -> Option<u32> {
        let step = timestep.checked_sub(self.send_start)?;
        (step < self.steps()).then_some(step)
    }

    /// Whether its spikes tell a Quartz population what to do in a timestep, and are no input.
    pub fn is_trigger(&self) -> bool {
        matches!(self.model, Model::Constant { .. }) && self.steps() == 1
    }

    /// Who spikes in a timestep in which it sends, given its record of the sample.
    #[inline(always)]
    pub(crate) fn spikes<'a>(&self, record: &'a [u8], timestep: u32) -> Option<Spikes<'a>> {
        Some(self.code?.spikes(record, self.step(timestep)?))
    }
}

/// The neuron model of a population, with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "model", rename_all = "snake_case", deny_unknown_fields)]
pub enum Model {
    /// Spikes come from outside, through an io port.
    Input {
        /// Which of the chip's io ports.
        port: u32,
    },
    /// Accumulates, scales and generates: see [`crate::neuron::stem`].
    Stem(Stem),
    /// Passes the largest of its inputs on: see [`crate::neuron::max_pool`].
    MaxPool,
    /// Integrates twice and fires on a ramp: see [`crate::neuron::quartz`].
    Quartz(Quartz),
    /// Integrates and fires, and keeps what is left: see [`crate::neuron::integrate_fire`].
    IntegrateFire(IntegrateFire),
    /// Sends the same value in every sample, whatever it receives: see [`crate::neuron::quartz`].
    Constant {
        /// The value of each neuron, i32.
        values: Numbers,
    },
}

/// Parameters of a STEM population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stem {
    /// How weight sums enter the membrane.
    pub integration: Integration,
    /// Added to the membrane after the last step: i32, one, one per channel or one per neuron.
    pub bias: Numbers,
    /// How the membrane becomes the code that is sent; absent where the host reads the membrane.
    pub requantizer: Option<Requantizer>,
    /// Smallest value sent.
    pub low: i32,
    /// Largest value sent.
    pub high: i32,
    /// Which spikes are left out; absent where all are sent.
    pub sparsity: Option<Sparsity>,
}

/// Which spikes of its train a neuron leaves out: see [`crate::neuron::stem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sparsity {
    /// Values are rounded to multiples of `2^rot` (`RoT`).
    pub rot: u32,
    /// Only so many spikes are sent, the first ones (DRLO).
    pub drlo: u32,
}

impl Stem {
    /// Width of a neuron's membrane, bits.
    pub fn membrane_bits(&self, core: &Core) -> u32 {
        match self.integration {
            Integration::Double => 2 * core.membrane_bits, // checked: 32
            Integration::Exact | Integration::Scaled { .. } => core.membrane_bits,
        }
    }
}

/// Parameters of a Quartz population. Arrays hold one, one per channel or one per neuron.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quartz {
    /// Membrane before the first spike, i32.
    pub bias: Numbers,
    /// What the readout brings, i32: where it sets the current at least 1, or 0 where the host reads the
    /// membrane.
    pub slope: Numbers,
    /// Membrane at which a neuron fires, i32.
    pub threshold: Numbers,
    /// What the readout does.
    #[serde(default)]
    pub readout: Readout,
}

/// What a readout does with the current of a Quartz neuron.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Readout {
    /// The current becomes the slope.
    #[default]
    Set,
    /// The slope is added to the current, as a synapse adds its weight.
    Add,
}

/// Parameters of an integrate-and-fire population. Arrays hold one, one per channel or one per neuron.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntegrateFire {
    /// Membrane before the first timestep, i32.
    pub start: Numbers,
    /// Added in every timestep of the window, i32.
    pub bias: Numbers,
    /// Membrane at which a neuron fires, and what it then loses, i32: at least 1.
    pub threshold: Numbers,
}

/// How the weight sum of a timestep enters the membrane (neurons.md, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Integration {
    /// By its exact coefficient, `2^(bits - 1 - step)`.
    Exact,
    /// By its exact coefficient, into a membrane of two state words.
    Double,
    /// By `coefficient * 2^-shift`, rounded half up.
    Scaled {
        /// Magnitudes, i32: one a step of the longest source code, most significant first; one such row
        /// for all neurons, or one per channel.
        coefficients: Numbers,
        /// Binary places of each row's coefficients, i32.
        shift: Numbers,
    },
}

/// From a membrane to the value that is sent. Arrays hold one, one per channel or one per neuron.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Requantizer {
    /// `rne(f32(acc) * f32(mantissa * 2^-shift)) + zero`, in float32 arithmetic done with integers.
    Float32 {
        /// Mantissas, i32: 24 bits with the highest set, or 0.
        mantissa: Numbers,
        /// Binary places, i32.
        shift: Numbers,
        /// Added after rounding.
        zero: i32,
    },
    /// `(acc * multiplier + offset) >> shift`, rounding down.
    Fixed {
        /// Multipliers, i32.
        multiplier: Numbers,
        /// Offsets, i64.
        offset: Numbers,
        /// Binary places, i32.
        shift: Numbers,
    },
    /// `table[acc - first]`, i32; one table, or one per channel.
    Table {
        /// All tables, one after the other.
        entries: Numbers,
        /// Number of tables: 1, or one per channel.
        tables: u32,
        /// Accumulator value of the first entry.
        first: i32,
    },
    /// A residual sum: the membrane holds two codes side by side, `a + 512 b`, and the result is
    /// `rne(fma(a, scale_a, fma(b, scale_b, offset)))` in float32 arithmetic done with integers.
    Float32Add {
        /// What is added to the two values to give the source's integers.
        bases: [i32; 2],
        /// Bits of the two float32 ratios of source scale to target scale.
        scales: [u32; 2],
        /// Bits of the float32 constant that holds all three zero points.
        offset: u32,
        /// Added after rounding.
        zero: i32,
    },
}

/// All synapses from one population to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// Index of the source population.
    pub source: u32,
    /// Index of the target population, larger than the source's.
    pub target: u32,
    /// Which neuron reaches which.
    pub connector: Connector,
    /// Bits a stored weight takes in the image: 8 or 16.
    pub weight_bits: u32,
}

/// A sliding window: kernel, stride, leading padding and dilation, each y then x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Taps.
    pub kernel: [u32; 2],
    /// Source positions between neighbouring targets.
    pub stride: [u32; 2],
    /// Padding before the first source position.
    pub pad: [u32; 2],
    /// Source positions between neighbouring taps.
    pub dilation: [u32; 2],
}

impl Window {
    /// Number of taps.
    pub fn num_taps(&self) -> usize {
        self.kernel[0] as usize * self.kernel[1] as usize
    }
}

/// Which source neuron reaches which target neuron, and how a core stores the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Connector {
    /// Every source to every target. Block: `[source][channel]`, the same for every position.
    Dense,
    /// Block: `[source channel][tap y][slot x][channel]`, slots in [`crate::window::Axis::tap_order`].
    Convolution {
        /// Its window.
        window: Window,
        /// Channel groups that do not see each other.
        groups: u32,
    },
    /// Each channel sees itself. Block: `[tap y][tap x][channel]`.
    Depthwise {
        /// Its window.
        window: Window,
    },
    /// Each channel sees itself, with one weight a tap. Block: `[tap y][tap x]`, the same on every core.
    Pool {
        /// Its window.
        window: Window,
    },
    /// One source a target, with one weight. Block: that weight, the same on every core.
    OneToOne {
        /// Source neuron of each target neuron, i32; -1 for none. Absent where it is the same neuron.
        index: Option<Numbers>,
    },
}

/// A box of a population's neurons on one core.
///
/// A neuron's local index is `((y - y0) * (x1 - x0) + (x - x0)) * (c1 - c0) + (c - c0)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tile {
    /// Index of the population.
    pub population: u32,
    /// The core; those of a node count from its number times `mesh.cores_per_node`.
    pub core: u32,
    /// Rows, half open.
    pub rows: [u32; 2],
    /// Columns, half open.
    pub columns: [u32; 2],
    /// Channels, half open.
    pub channels: [u32; 2],
    /// One weight block for each projection into the population, in their order.
    pub blocks: Vec<Blob>,
}

impl Tile {
    /// Rows, columns and channels it holds.
    pub fn lengths(&self) -> [usize; 3] {
        [self.rows, self.columns, self.channels].map(|[start, stop]| (stop - start) as usize)
    }

    /// Number of neurons it holds.
    pub fn num_neurons(&self) -> usize {
        self.lengths().iter().product()
    }

    /// The neurons it holds, in local order, as indices of a population of this shape.
    pub fn neurons(&self, shape: [u32; 3]) -> impl Iterator<Item = usize> + use<> {
        let channels = self.lengths()[2];
        self.pixels(shape).flat_map(move |first| first..first + channels)
    }

    /// The first neuron of each of its pixels: those of its channels follow each other.
    pub fn pixels(&self, shape: [u32; 3]) -> impl Iterator<Item = usize> + use<> {
        let [_, width, channels] = shape.map(|length| length as usize);
        let [rows, columns, held] =
            [self.rows, self.columns, self.channels].map(|[start, stop]| start as usize..stop as usize);
        rows.flat_map(move |y| columns.clone().map(move |x| (y * width + x) * channels + held.start))
    }
}
