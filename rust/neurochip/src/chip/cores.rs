//! One core of a chip: limits, register widths, memories and timing.

use serde::{Deserialize, Serialize};

/// One core: limits, register widths, memories and timing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Core {
    /// Neurons a core can hold.
    pub max_neurons: u32,
    /// Widths a stored weight may have, bits, ascending.
    pub weight_bits: Vec<u32>,
    /// Width of the accumulator that sums a timestep's weights, bits.
    pub weight_sum_bits: u32,
    /// Width of a membrane register, bits.
    pub membrane_bits: u32,
    /// What accumulators and membranes do beyond their width.
    pub overflow: Overflow,
    /// Values a neuron can hold at once: 2 lets it send one sample while it receives the next.
    pub buffers: u32,
    /// A second word beside each membrane; absent: there is none.
    #[serde(default)]
    pub second_state_word: Option<SecondStateWord>,
    /// The arithmetic of the soma.
    pub soma: Soma,
    /// Synapses, dendrite tables and neuron state.
    pub dendrite_memory: DendriteMemory,
    /// The out-tables: where each neuron's spikes go.
    pub axon_memory: AxonMemory,
    /// Cycles of the core's engines.
    pub timing: CoreTiming,
}

/// A second word of `membrane_bits` beside each membrane, which can hold the upper half of a membrane
/// twice as wide. Double buffering takes the same word: a neuron has it for one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondStateWord {
    /// Words of the dendrite memory that a neuron with a double membrane takes beyond its other state.
    pub dendrite_words_per_neuron: u32,
    /// Width of such a neuron's multiplier constant, bits, as a program of its soma multiplies words;
    /// for `fixed` only.
    #[serde(default)]
    pub multiplier_bits: Option<u32>,
    /// Cycles of a STEM neuron with a double membrane.
    pub soma_cycles: StemCycles,
}

/// What a register does with a result wider than itself; either way it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overflow {
    /// Keeps the low bits (two's complement).
    Wrap,
    /// Stays at the nearest end of its range.
    Saturate,
}

/// The arithmetic that turns a membrane into an output value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Soma {
    /// How a membrane is scaled to the output format.
    pub requantizer: Requantizer,
    /// Width of the multiplier's constant, bits; for `fixed` only.
    #[serde(default)]
    pub multiplier_bits: Option<u32>,
    /// Width of the bias added at the end of a window, bits.
    pub bias_bits: u32,
    /// Whether the soma holds lookup tables (one output code per input code).
    pub table: bool,
}

/// How a membrane is scaled to the output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Requantizer {
    /// Multiplies and rounds as float32 does, in integers: equal to ONNX Runtime at every accumulator.
    Float32,
    /// `(accumulator * multiplier + offset) >> shift`.
    Fixed,
    /// Not at all: a chip for codes that need none.
    None,
}

/// The memory that holds synapses, dendrite tables and, at its top, neuron state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DendriteMemory {
    /// Width of a word, bits.
    pub word_bits: u32,
    /// Words of the core in column x, at index `x mod length`.
    pub depth_words_by_column: Vec<u32>,
    /// Neuron ids in a word of an id list; absent where ids stand beside their weights.
    #[serde(default)]
    pub ids_per_word: Option<u32>,
    /// How ids stand beside their weights instead.
    #[serde(default)]
    pub synapse_lists: Option<SynapseLists>,
    /// Dendrites a core can tell apart.
    pub max_dendrites: u32,
    /// Neurons of other cores that a core can receive from, each an entry of a table of its own;
    /// absent: any number.
    #[serde(default)]
    pub max_axons_in: Option<u32>,
    /// Whether ids may be relative to the packet's neuron index, so that a kernel is stored once.
    pub relative_ids: bool,
    /// Words at the top of the memory that each neuron's state takes.
    pub state_words_per_neuron: u32,
}

/// Lists of synapses, each a weight and the id of its neuron, in blocks that begin at a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynapseLists {
    /// Bits at the head of a block.
    pub head_bits: u32,
    /// Bits of an id.
    pub id_bits: u32,
    /// Synapses of a block at most.
    pub max_synapses: u32,
}

/// The memory that holds the out-tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxonMemory {
    /// Entries: those of the neurons, and one for each target.
    pub depth_entries: u32,
    /// Entries of a neuron beside its targets; absent: one.
    #[serde(default)]
    pub entries_per_neuron: Option<u32>,
}

/// Cycles of the three engines of a core: soma, send, receive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoreTiming {
    /// Neurons the soma issues together.
    pub soma_lanes: u32,
    /// Cycles from the issue of a neuron until its spike is visible to Send.
    pub soma_latency: u32,
    /// Cycles to look up the targets of a neuron that fired.
    pub axon_lookup_cycles: u32,
    /// Cycles to look up the synapses of a packet that arrived.
    pub decode_cycles: u32,
    /// Synapses added a cycle; absent where one takes longer.
    #[serde(default)]
    pub sops_per_cycle: Option<u32>,
    /// What one synapse takes instead, thousandths of a cycle: a row takes the sum, rounded up.
    #[serde(default)]
    pub sop_millicycles: Option<u32>,
    /// Cycles from the last synapse added until the accumulators hold it.
    pub accumulate_latency: u32,
    /// Cycles between groups of `soma_lanes` neurons, by neuron model and phase.
    pub soma_cycles: SomaCycles,
}

impl CoreTiming {
    /// Cycles in which the synapses of one packet are added.
    pub fn adding_cycles(&self, synapses: u32) -> u64 {
        match (self.sops_per_cycle, self.sop_millicycles) {
            (Some(rate), _) => u64::from(synapses.div_ceil(rate)),
            (None, Some(millicycles)) => (u64::from(synapses) * u64::from(millicycles)).div_ceil(1000),
            (None, None) => 0, // no checked chip has neither
        }
    }
}

/// Cycles between groups of neurons, by neuron model; a neuron in two phases takes both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SomaCycles {
    /// The STEM neuron.
    pub stem: StemCycles,
    /// The streaming maximum.
    pub max_pool: MaxPoolCycles,
    /// The Quartz neuron.
    pub quartz: QuartzCycles,
    /// The integrate-and-fire neuron.
    pub integrate_fire: IntegrateFireCycles,
    /// Any neuron with nothing to do in a timestep; none where such neurons are not updated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<u32>,
}

/// Cycles of a STEM neuron.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StemCycles {
    /// A timestep in which the membrane integrates.
    pub accumulate: u32,
    /// Added to the last timestep of a window, which scales the membrane to the output format.
    pub requantize: u32,
    /// A timestep in which the neuron sends a bit of its value.
    pub generate: u32,
}

/// Cycles of a streaming maximum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPoolCycles {
    /// A timestep in which the inputs still alive are compared.
    pub compare: u32,
}

/// Cycles of a Quartz neuron.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuartzCycles {
    /// A timestep of a window in which it receives: the current integrates, and the membrane integrates it.
    pub integrate: u32,
    /// A timestep in which it may fire; also what a neuron takes that counts timesteps until its own spike.
    pub ramp: u32,
}

/// Cycles of an integrate-and-fire neuron.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntegrateFireCycles {
    /// A timestep in which the membrane integrates.
    pub integrate: u32,
    /// A timestep in which it may fire.
    pub fire: u32,
}
