//! The STEM neuron: accumulate, scale, generate (neurons.md, section 3).
//!
//! One window receives a code bit by bit into the membrane, `H += c_t I(t)` with
//! `c_t = 2^(bits - 1 - t)`: the Horner form `H = 2 H + I` with the doubling moved to the sum, so that
//! sources that send in different windows can share a membrane. The next window sends the
//! requantized value, most significant bit first.

mod integration;
mod planes;

use crate::convolution::Kernels;
use crate::image::Image;
use crate::image::blocks::SumBounds;
use crate::image::description::{Blob, Population, Projection, Sparsity, SpikeCode, Stem, Tile};
use crate::neuron::Counts;
use crate::neuron::dendrites::{Sums, bounds};
use crate::neuron::requantizer::{Constants, Requantizer, constants_i32};
use crate::register::{Narrow, NarrowRegister, Register, Rule, Saturating, Wide};
use crate::spikes::{Spikes, Trains};
use crate::synapse::Synapses;
use integration::{Coefficients, Factor, Lanes};

/// Sources that send the same steps in the same timesteps.
#[derive(Debug)]
struct ReceiveWindow {
    bits: u32,
    signed: bool,
    synapses: Vec<Synapses>,
}

/// One timestep of a receive window.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Counted from the start of the window.
    number: u32,
    /// The bit that arrives.
    bit: u32,
    /// Whether it weighs less than nothing.
    negative: bool,
}

impl ReceiveWindow {
    fn trains<'a>(&self, codes: &'a [u8]) -> Trains<'a> {
        Trains::new(codes, self.bits, self.signed)
    }

    #[inline(always)]
    fn steps(&self) -> impl Iterator<Item = Step> + use<> {
        let (bits, signed) = (self.bits, self.signed);
        (0..bits).map(move |number| Step { number, bit: bits - 1 - number, negative: signed && number == 0 })
    }
}

/// One tile of a STEM population, ready to run.
#[derive(Debug)]
pub(crate) struct StemTile {
    windows: Vec<ReceiveWindow>,
    sums: Sums,
    sum_register: Register,
    membrane_register: Register,
    coefficients: Coefficients,
    /// The same, where weight sums have 16 bits and membranes fewer than 32.
    lanes: Option<Lanes>,
    /// Whether integration is exact and no input can take a sum or a membrane out of its register.
    proven: bool,
    bias: Constants<i32>,
    /// Whether all biases have at most 31 bits.
    has_small_bias: bool,
    requantizer: Option<Requantizer>,
    /// For each train the one that is sent in its place; absent where all spikes are.
    sent: Option<Box<[u8; 256]>>,
    num_neurons: usize,
    channels: usize,
}

/// What a tile's neurons hold at the end of their window.
pub(crate) enum Held {
    /// The codes they send.
    Codes(Vec<u8>),
    /// The membranes that the host reads.
    Membranes(Vec<i32>),
}

impl StemTile {
    pub(crate) fn new(
        image: &Image,
        population: &Population,
        stem: &Stem,
        tile: &Tile,
        incoming: &[(&Projection, Blob)],
        kernels: &mut Kernels,
    ) -> Self {
        let core = &image.description().chip.core;
        let sum_register = Register::new(core.weight_sum_bits, core.overflow);
        let membrane_register = Register::new(stem.membrane_bits(core), core.overflow);
        let bias = constants_i32(image, stem.bias, tile, population.shape);
        let bounds = bounds(image, tile);
        let sums = Sums::choose(bounds, sum_register);
        let coefficients = Coefficients::new(image, population, stem, tile);
        let exact = matches!(coefficients, Coefficients::Exact) && sums.fit();
        let proven = exact && membranes_fit(bounds, bias.largest_magnitude(), membrane_register);
        let synapses = incoming.iter().map(|&(projection, block)| {
            if proven || sums == Sums::Narrow {
                Synapses::in_any_order(image, projection, tile, block, kernels)
            } else {
                Synapses::new(image, projection, tile, block)
            }
        });
        let mask = population.code.map_or(0, |code| u8::MAX >> (8 - code.steps()));
        let values = (stem.low.into(), stem.high.into(), mask);
        let requantizer = |requantizer| Requantizer::new(image, requantizer, tile, population.shape, values);
        Self {
            windows: receive_windows(image, synapses),
            sums,
            sum_register,
            membrane_register,
            lanes: if sums == Sums::Narrow && membrane_register.is_narrow() {
                coefficients.lanes()
            } else {
                None
            },
            coefficients,
            proven,
            has_small_bias: bias.largest_magnitude() <= 1 << 30,
            bias,
            requantizer: stem.requantizer.as_ref().map(requantizer),
            sent: stem.sparsity.map(|sparsity| sent_for_each(sparsity, population.steps())),
            num_neurons: tile.num_neurons(),
            channels: tile.lengths()[2],
        }
    }

    /// Runs the windows of some samples, given what each makes every population send.
    #[inline(always)]
    pub(crate) fn run(&self, image: &Image, samples: &[&[Vec<u8>]], counts: &mut [Counts]) -> Vec<Held> {
        let mut membranes = vec![0; samples.len() * self.num_neurons];
        if self.proven {
            self.add_trains(image, samples, &mut membranes, counts);
        } else {
            let of_each = membranes.chunks_exact_mut(self.num_neurons);
            for ((codes, membranes), counts) in samples.iter().zip(of_each).zip(&mut *counts) {
                for window in &self.windows {
                    self.integrate_window(image, window, codes, membranes, counts);
                }
            }
        }
        for (membranes, counts) in membranes.chunks_exact_mut(self.num_neurons).zip(counts) {
            self.add_bias(membranes, counts);
        }
        // A loop, not a closure: that would be compiled for the oldest instruction set.
        let mut held = Vec::with_capacity(samples.len());
        for membranes in membranes.chunks_exact(self.num_neurons) {
            held.push(match &self.requantizer {
                None => Held::Membranes(membranes.to_vec()),
                Some(requantizer) => Held::Codes(self.requantize(requantizer, membranes)),
            });
        }
        held
    }

    /// All windows at once: where nothing can overflow, the order of spikes does not matter.
    #[inline(always)]
    fn add_trains(
        &self,
        image: &Image,
        samples: &[&[Vec<u8>]],
        membranes: &mut [i32],
        counts: &mut [Counts],
    ) {
        for window in &self.windows {
            for synapses in &window.synapses {
                let trains: Vec<Trains<'_>> =
                    samples.iter().map(|codes| window.trains(&codes[synapses.source])).collect();
                let sops = synapses.add_trains(image, &trains, membranes);
                counts.iter_mut().zip(sops).for_each(|(counts, sops)| counts.sops += sops);
            }
        }
    }

    #[inline(always)]
    fn integrate_window(
        &self,
        image: &Image,
        window: &ReceiveWindow,
        codes: &[Vec<u8>],
        membranes: &mut [i32],
        counts: &mut Counts,
    ) {
        match (self.sums, window.convolutions()) {
            (Sums::Narrow, Some(convolutions)) => {
                self.integrate_planes(window, &convolutions, codes, membranes, counts);
            }
            (Sums::Narrow, None) => self.integrate(image, window, codes, &mut Narrow, membranes, counts),
            (Sums::Wide { .. }, _) => self.integrate(image, window, codes, &mut Wide, membranes, counts),
            (Sums::Saturating, _) => {
                let mut rule = Saturating { register: self.sum_register, overflows: 0 };
                self.integrate(image, window, codes, &mut rule, membranes, counts);
                counts.sum_overflows += rule.overflows;
            }
        }
    }

    #[inline(always)]
    fn integrate<R: Rule<Factor = ()>>(
        &self,
        image: &Image,
        window: &ReceiveWindow,
        codes: &[Vec<u8>],
        rule: &mut R,
        membranes: &mut [i32],
        counts: &mut Counts,
    ) {
        let mut sums = vec![R::Sum::default(); membranes.len()];
        for step in window.steps() {
            let mut sops = 0;
            for synapses in &window.synapses {
                let spikes = Spikes::of_bit(&codes[synapses.source], step.bit);
                sops += synapses.accumulate(image, spikes, rule, &mut sums);
            }
            if sops > 0 {
                self.update(step, &sums, membranes, counts);
                sums.fill(R::Sum::default());
            }
            counts.sops += sops;
        }
    }

    /// One soma update of every neuron: the weight sum enters the membrane.
    #[inline(always)]
    fn update<S: Copy + Into<i32>>(
        &self,
        step: Step,
        sums: &[S],
        membranes: &mut [i32],
        counts: &mut Counts,
    ) {
        if let Some(lanes) = &self.lanes {
            counts.membrane_overflows += lanes.add(step, sums, self.membrane_register, membranes);
            return;
        }
        let factors = self.coefficients.factors(step);
        if let [factor] = factors[..] {
            for (membrane, &sum) in membranes.iter_mut().zip(sums) {
                self.add(membrane, sum.into(), factor, counts);
            }
            return;
        }
        // One a channel, and channels are the innermost axis of a tile.
        let positions = membranes.chunks_exact_mut(factors.len()).zip(sums.chunks_exact(factors.len()));
        for (membranes, sums) in positions {
            for ((membrane, &sum), &factor) in membranes.iter_mut().zip(sums).zip(&factors) {
                self.add(membrane, sum.into(), factor, counts);
            }
        }
    }

    #[inline(always)]
    fn add(&self, membrane: &mut i32, sum: i32, factor: Factor, counts: &mut Counts) {
        let sum = self.sum_register.store(sum.into(), &mut counts.sum_overflows);
        let exact = i64::from(*membrane) + factor.times(sum);
        *membrane = self.membrane_register.store(exact, &mut counts.membrane_overflows);
    }

    #[inline(always)]
    fn add_bias(&self, membranes: &mut [i32], counts: &mut Counts) {
        let biases = self.bias.row();
        let (register, overflows) = (self.membrane_register, &mut counts.membrane_overflows);
        for membranes in membranes.chunks_mut(biases.len()) {
            if self.proven {
                for (membrane, &bias) in membranes.iter_mut().zip(biases) {
                    *membrane = membrane.wrapping_add(bias); // proven to fit, so it never wraps
                }
            } else if register.is_narrow() && self.has_small_bias {
                *overflows += if register.saturates() {
                    add_row::<true>(register.narrow(), membranes, biases)
                } else {
                    add_row::<false>(register.narrow(), membranes, biases)
                };
            } else {
                for (membrane, &bias) in membranes.iter_mut().zip(biases) {
                    let sum = i64::from(*membrane) + i64::from(bias);
                    *membrane = register.store(sum, overflows);
                }
            }
        }
    }

    #[inline(always)]
    fn requantize(&self, requantizer: &Requantizer, membranes: &[i32]) -> Vec<u8> {
        let mut codes = vec![0; membranes.len()];
        requantizer.apply(membranes, &mut codes);
        if let Some(sent) = &self.sent {
            for code in &mut codes {
                *code = sent[usize::from(*code)];
            }
        }
        codes
    }
}

/// Adds biases of at most 31 bits; returns how many membranes left their register.
#[inline(always)]
fn add_row<const SATURATES: bool>(register: NarrowRegister, membranes: &mut [i32], biases: &[i32]) -> u64 {
    let mut overflows = 0;
    for (membrane, &bias) in membranes.iter_mut().zip(biases) {
        let (held, overflow) = register.store::<SATURATES>(*membrane + bias);
        *membrane = held;
        overflows += overflow;
    }
    overflows.into()
}

fn sent_for_each(sparsity: Sparsity, bits: u32) -> Box<[u8; 256]> {
    Box::new(std::array::from_fn(|code| sparsity.sent(code as u8, bits)))
}

fn receive_windows(image: &Image, synapses: impl Iterator<Item = Synapses>) -> Vec<ReceiveWindow> {
    let populations = &image.description().populations;
    let mut windows: Vec<(u32, ReceiveWindow)> = vec![];
    for synapses in synapses {
        let source = &populations[synapses.source];
        let Some(SpikeCode::Binary { bits, signed }) = source.code else {
            unreachable!("the image was checked: STEM neurons receive bits")
        };
        if let Some((_, window)) = windows.iter_mut().find(|(start, _)| *start == source.send_start) {
            window.synapses.push(synapses);
        } else {
            windows.push((source.send_start, ReceiveWindow { bits, signed, synapses: vec![synapses] }));
        }
    }
    windows.sort_by_key(|(start, _)| *start);
    windows.into_iter().map(|(_, window)| window).collect()
}

/// Whether no partial sum of any code leaves the register: |H| <= sum |w| (2^8 - 1) + |b|.
fn membranes_fit(bounds: SumBounds, largest_bias: u32, register: Register) -> bool {
    let largest = bounds.magnitude() * 255 + i64::from(largest_bias);
    register.holds(-largest, largest)
}
