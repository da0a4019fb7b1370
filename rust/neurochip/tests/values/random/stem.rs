//! Random STEM populations, with parameters of a size at which the values that are sent differ.

use neurochip::image::description::{
    Integration, Model, Numbers, Population, Requantizer, Sparsity, SpikeCode, Stem,
};

use super::{Choices, connect, shape};
use crate::network::{Network, binary};

/// What a population's weight sums are made of.
#[derive(Debug, Clone, Copy)]
struct Sums {
    /// Smallest and largest weight.
    weights: (i32, i32),
    /// Timesteps of the longest source code.
    steps: u32,
}

/// Draws constants for one population.
struct Draw<'a> {
    network: &'a mut Network,
    choices: &'a mut Choices,
    shape: [u32; 3],
    /// Bits of the values sent, and of the magnitude of a usual membrane.
    bits: u32,
    membrane_bits: u32,
}

/// What the input sends.
pub(super) fn input(choices: &mut Choices) -> SpikeCode {
    SpikeCode::Binary { bits: choices.length(1, 8), signed: choices.once_in(2) }
}

pub(super) fn add(network: &mut Network, choices: &mut Choices, is_last: bool) {
    let sources = sources(network, choices);
    let from = |source: &u32| &network.populations[*source as usize];
    let ready = sources.iter().map(|source| from(source).send_stop()).max().unwrap();
    let steps = sources.iter().map(|source| from(source).steps()).max().unwrap();
    let mut shape = if choices.once_in(3) { [1, 1, choices.length(1, 6)] } else { shape(choices) };
    if choices.once_in(2) {
        shape[2] = from(&sources[0]).shape[2];
    }
    let sends = !is_last || !choices.once_in(4);
    let (send_start, code) = code(network, choices, ready);
    let code = code.filter(|_| sends);
    let weights = choices.one_of(&[(-3, 3), (-128, 127), (-32_768, 32_767), (-40, 90), (0, 2)]);
    let name = "stem".into();
    let model = Model::Input { port: 0 }; // until it is known
    let target = network.add(Population { name, shape, send_start, code, model });
    let model = Model::Stem(stem(network, choices, target, Sums { weights, steps }));
    network.populations[target as usize].model = model;
    for source in sources {
        connect(network, choices, [source, target], weights);
    }
}

/// A new code, or where one can be in time for it, another population's: then both may meet.
fn code(network: &Network, choices: &mut Choices, ready: u32) -> (u32, Option<SpikeCode>) {
    let start = ready + u32::from(choices.once_in(4));
    let bits = choices.one_of(&[8, 8, 4, 1, 2, 3, 5, 6, 7]);
    let mut codes = vec![(start, binary(bits, choices.once_in(2)))];
    codes.extend(
        network.populations.iter().map(sent).filter(|&(start, code)| start >= ready && code.is_some()),
    );
    let last = codes.len() - 1;
    codes[last]
}

/// When and what a population sends.
fn sent(population: &Population) -> (u32, Option<SpikeCode>) {
    (population.send_start, population.code)
}

/// One source, or two that send the same code together or do not meet.
fn sources(network: &Network, choices: &mut Choices) -> Vec<u32> {
    let count = network.populations.len() as u32;
    let first = choices.length(0, count - 1).abs_diff(count - 1);
    if !choices.once_in(2) {
        return vec![first];
    }
    let fits = |&second: &u32| {
        let [a, b] = [first, second].map(|number| &network.populations[number as usize]);
        let apart = a.send_stop() <= b.send_start || b.send_stop() <= a.send_start;
        sent(a) == sent(b) || apart
    };
    let mut seconds: Vec<u32> = (0..count).filter(fits).collect();
    if seconds.len() > 1 {
        seconds.retain(|&second| second != first);
    }
    let together = |second: &u32| {
        let [a, b] = [first, *second].map(|number| &network.populations[number as usize]);
        sent(a) == sent(b)
    };
    if seconds.iter().any(together) {
        seconds.retain(together);
    }
    vec![first, choices.one_of(&seconds)]
}

fn stem(network: &mut Network, choices: &mut Choices, population: u32, sums: Sums) -> Stem {
    let population = &network.populations[population as usize];
    let shape = population.shape;
    let (bits, signed) = match population.code {
        Some(SpikeCode::Binary { bits, signed }) => (bits, signed),
        _ => (0, false),
    };
    let (integration, membrane_bits) = integration(network, choices, sums, shape[2]);
    let words = if integration == Integration::Double { 2 } else { 1 };
    let membrane_bits = membrane_bits.min(words * network.chip.core.membrane_bits - 1);
    let mut draw = Draw { network, choices, shape, bits, membrane_bits };
    let added = draw.bias();
    let lowest = if signed && bits > 0 { -(1 << (bits - 1)) } else { 0 };
    let highest = lowest + (1 << bits) - 1;
    let requantizer = (bits > 0).then(|| draw.requantizer(lowest, highest));
    let (mut low, mut high) = (lowest, highest);
    if draw.choices.once_in(4) {
        low = draw.choices.pick(low.into(), high.into()) as i32;
        high = draw.choices.pick(low.into(), high.into()) as i32;
    }
    let sparsity = (bits > 0 && draw.choices.once_in(3)).then(|| draw.sparsity());
    if let Some(sparsity) = sparsity {
        [low, high] = levels(sparsity, bits, low, high).unwrap_or([0, 0]);
    }
    Stem { integration, bias: added, requantizer, low, high, sparsity }
}

/// The smallest and the largest value of a range that a sparsity leaves alone.
fn levels(Sparsity { rot, drlo }: Sparsity, bits: u32, low: i32, high: i32) -> Option<[i32; 2]> {
    let all = (1_u32 << bits) - 1;
    let is_level = |value: &i32| value % (1 << rot) == 0 && (*value as u32 & all).count_ones() <= drlo;
    let mut levels = (low..=high).filter(is_level);
    let first = levels.next()?;
    Some([first, levels.next_back().unwrap_or(first)])
}

/// How sums enter the membrane, and the bits of a usual membrane.
fn integration(
    network: &mut Network,
    choices: &mut Choices,
    sums: Sums,
    channels: u32,
) -> (Integration, u32) {
    let sum_bits = sums.weights.1.ilog2() + 2;
    if !choices.once_in(3) {
        let double = network.chip.core.membrane_bits == 16 && choices.once_in(2);
        let mode = if double { Integration::Double } else { Integration::Exact };
        return (mode, sum_bits + sums.steps);
    }
    let largest_bits = choices.length(1, 30);
    let shift = choices.length(0, largest_bits.min(29));
    let rows = choices.one_of(&[1, channels]) as usize;
    let halved = (0..rows).flat_map(|_| (0..sums.steps).map(|step| (1 << largest_bits) >> step));
    let noise = choices.many(rows * sums.steps as usize, 0, 2);
    let coefficients: Vec<i32> = halved.zip(noise).map(|(value, noise)| (value - noise).max(0)).collect();
    let shifts = choices.many(rows, shift as i32, shift as i32 + 1);
    let (coefficients, shift_of_rows) = (network.add_i32(&coefficients), network.add_i32(&shifts));
    (Integration::Scaled { coefficients, shift: shift_of_rows }, sum_bits + largest_bits - shift)
}

impl Draw<'_> {
    fn bias(&mut self) -> Numbers {
        let usual = 1 << self.membrane_bits.min(30);
        let magnitude = self.choices.one_of(&[usual / 2, usual, 10, i32::MAX]);
        self.constants(-magnitude, magnitude)
    }

    /// One constant for all neurons, one a channel or one a neuron.
    fn constants(&mut self, low: i32, high: i32) -> Numbers {
        let count = self.choices.one_of(&[1, self.shape[2], self.shape.iter().product()]);
        self.array(count.into(), low, high)
    }

    fn array(&mut self, count: u64, low: i32, high: i32) -> Numbers {
        let values = self.choices.many(count as usize, low, high);
        self.network.add_i32(&values)
    }

    fn requantizer(&mut self, lowest: i32, highest: i32) -> Requantizer {
        match self.choices.pick(0, 3) {
            0 => self.fixed(lowest),
            1 => self.table(lowest, highest),
            2 => self.float32(lowest),
            _ => self.float32_add(lowest),
        }
    }

    fn sparsity(&mut self) -> Sparsity {
        let rot = self.choices.length(0, self.bits - 1);
        let drlo = self.choices.length(1, self.bits);
        Sparsity { rot, drlo }
    }

    /// Binary places that membranes have more than the values that are sent.
    fn excess(&self) -> i32 {
        self.membrane_bits as i32 + 1 - self.bits as i32
    }

    fn fixed(&mut self, lowest: i32) -> Requantizer {
        let multiplier_bits = self.choices.pick(1, 30) as i32;
        let largest = 1 << multiplier_bits;
        let lowest_multiplier = self.choices.one_of(&[largest / 2, 1, -largest]);
        let multiplier = self.constants(lowest_multiplier, largest);
        let places = (multiplier_bits + self.excess()).clamp(0, 61);
        let shift = self.array(multiplier.count, places, places + 1);
        let middle = i64::from(lowest + (1 << (self.bits - 1))) << places;
        let rounding = self.choices.many(multiplier.count as usize, 0, i32::MAX);
        let offsets: Vec<i64> =
            rounding.iter().map(|&rounding| middle + i64::from(rounding % largest)).collect();
        let offset = self.network.add_i64(&offsets);
        Requantizer::Fixed { multiplier, offset, shift }
    }

    fn table(&mut self, lowest: i32, highest: i32) -> Requantizer {
        let tables = self.choices.one_of(&[1, self.shape[2]]);
        let length = self.choices.pick(1, 500);
        let first = self.choices.pick(-length, 5) as i32;
        let entries = self.array(u64::from(tables) * length as u64, lowest - 3, highest + 3);
        Requantizer::Table { entries, tables, first }
    }

    fn float32(&mut self, lowest: i32) -> Requantizer {
        let mantissa = self.constants(1 << 23, (1 << 24) - 1);
        let places = (24 + self.excess()).clamp(-7, 60);
        let shift = self.array(mantissa.count, places - 1, places + 1);
        Requantizer::Float32 { mantissa, shift, zero: lowest + (1 << (self.bits - 1)) }
    }

    fn float32_add(&mut self, lowest: i32) -> Requantizer {
        // From the 9 bits of each value, and what the second has more, to those that are sent.
        let second_bits = self.membrane_bits.max(10) - 9;
        let bases = [8, second_bits.min(8)].map(|bits| self.choices.pick(-(1 << bits), 1 << bits) as i32);
        let scales = [8, second_bits].map(|from| {
            let exponent = 127 + self.bits - 1 - from;
            (exponent << 23) + self.choices.length(0, (1 << 23) - 1)
        });
        let offset = self.choices.one_of(&[0, 0x3f00_0000, 0xc120_0000]); // 0, 0.5, -10
        Requantizer::Float32Add { bases, scales, offset, zero: lowest + (1 << (self.bits - 1)) }
    }
}
