//! The Quartz neuron: time to first spike (quartz.md, section 2).
//!
//! In one window spikes enter a current that does not decay, and in every timestep the current enters the
//! membrane: a spike that comes `q` timesteps before the readout has been added `q` times by then. The
//! readout makes the current a slope; the membrane climbs, and the sooner it meets the threshold, the larger
//! the level.
//!
//! Where registers are proven to hold whatever happens, no timestep is computed: the membrane at the readout
//! is a weighted sum of levels, and the timestep of the spike one division. Elsewhere all of them are: where
//! registers may overflow, where a neuron may fire before its readout, and where readouts add.

use crate::convolution::Kernels;
use crate::image::Image;
use crate::image::description::{Blob, Population, Projection, Quartz, Readout, SpikeCode, Tile};
use crate::neuron::Counts;
use crate::neuron::dendrites::{Accumulators, Dendrites, Sums, bounds};
use crate::neuron::requantizer::{Constants, constants_i32};
use crate::neuron::stem::Held;
use crate::register::Register;
use crate::spikes::Trains;
use crate::synapse::Synapses;

/// One tile of a Quartz population, ready to run.
#[derive(Debug)]
pub(crate) struct QuartzTile {
    way: Way,
    /// Populations that send readouts and rectifiers: each of their spikes reaches every neuron.
    triggers: Vec<usize>,
    windows: Windows,
    neurons: Vec<Neuron>,
    /// What is sent; absent where the host reads membranes after the readout.
    code: Option<SpikeCode>,
}

/// How membranes are found.
#[derive(Debug)]
enum Way {
    /// Level by level: no input can take a sum, a current or a membrane out of its register.
    AtOnce(Vec<Synapses>),
    /// Timestep by timestep, as the chip does it, with registers for currents and membranes.
    Stepwise(Dendrites, Register),
}

/// When a population does what, in timesteps.
#[derive(Debug, Clone, Copy)]
struct Windows {
    /// The first in which spikes may arrive.
    start: u32,
    /// Where slopes enter currents.
    readout: u32,
    /// What happens there.
    effect: Readout,
    /// The first in which a neuron may fire.
    gate: u32,
    /// The one after the last.
    stop: u32,
}

/// Constants of one neuron.
#[derive(Debug, Clone, Copy)]
struct Neuron {
    bias: i32,
    slope: i32,
    threshold: i32,
}

impl QuartzTile {
    pub(crate) fn new(
        image: &Image,
        population: &Population,
        quartz: &Quartz,
        tile: &Tile,
        incoming: &[(&Projection, Blob)],
        kernels: &mut Kernels,
    ) -> Self {
        let populations = &image.description().populations;
        let source = |projection: &Projection| &populations[projection.source as usize];
        let is_trigger = |&&(projection, _): &&(&Projection, Blob)| source(projection).is_trigger();
        let (triggers, incoming): (Vec<_>, Vec<_>) = incoming.iter().partition(is_trigger);
        let sources: Vec<&Population> = incoming.iter().map(|(projection, _)| source(projection)).collect();
        let windows = Windows::of(population, quartz, &sources);
        let constants = [quartz.bias, quartz.slope, quartz.threshold]
            .map(|blob| constants_i32(image, blob, tile, population.shape));
        let core = &image.description().chip.core;
        let register = Register::new(core.membrane_bits, core.overflow);
        let sum_register = Register::new(core.weight_sum_bits, core.overflow);
        let levels = sources.iter().map(|source| source.steps() - 1).max().unwrap_or(0);
        let reach = reach(image, tile, levels, &windows, &constants);
        let fits = register.holds(-reach, reach) && Sums::choose(bounds(image, tile), sum_register).fit();
        let waits = windows.gate >= windows.readout && windows.effect == Readout::Set;
        let in_bytes = sources.iter().all(|source| source.code.is_some_and(|code| code.bytes() == 1));
        Self {
            way: if fits && waits && in_bytes {
                let synapses =
                    |(projection, block)| Synapses::in_any_order(image, projection, tile, block, kernels);
                Way::AtOnce(incoming.into_iter().map(synapses).collect())
            } else {
                Way::Stepwise(Dendrites::new(image, tile, &incoming), register)
            },
            triggers: triggers.iter().map(|(projection, _)| projection.source as usize).collect(),
            windows,
            neurons: neurons(&constants, tile.num_neurons()),
            code: population.code,
        }
    }

    /// Runs the windows of some samples, given what each makes every population send.
    #[inline(always)]
    pub(crate) fn run(&self, image: &Image, samples: &[&[Vec<u8>]], counts: &mut [Counts]) -> Vec<Held> {
        for &trigger in &self.triggers {
            let code = image.description().populations[trigger].code.expect("a trigger spikes");
            for (records, counts) in samples.iter().zip(&mut *counts) {
                let spikes: u32 = code.num_spikes(&records[trigger]).sum();
                counts.sops += u64::from(spikes) * self.neurons.len() as u64;
            }
        }
        match &self.way {
            Way::AtOnce(synapses) => self.run_at_once(image, synapses, samples, counts),
            Way::Stepwise(dendrites, register) => {
                let mut held = vec![];
                for (records, counts) in samples.iter().zip(counts) {
                    held.push(self.run_stepwise(image, dendrites, *register, records, counts));
                }
                held
            }
        }
    }

    /// What the timesteps would add up to.
    #[inline(always)]
    fn run_at_once(
        &self,
        image: &Image,
        synapses: &[Synapses],
        samples: &[&[Vec<u8>]],
        counts: &mut [Counts],
    ) -> Vec<Held> {
        let biases: Vec<i32> = self.neurons.iter().map(|neuron| neuron.bias).collect();
        let mut membranes = biases.repeat(samples.len());
        for synapses in synapses {
            let source = &image.description().populations[synapses.source];
            let Some(SpikeCode::FirstSpike { zeros, .. }) = source.code else { continue };
            let levels: Vec<Trains<'_>> =
                samples.iter().map(|records| Trains::of_levels(&records[synapses.source], zeros)).collect();
            let sops = synapses.add_trains(image, &levels, &mut membranes);
            counts.iter_mut().zip(sops).for_each(|(counts, sops)| counts.sops += sops);
        }
        let held = membranes.chunks_exact(self.neurons.len()).map(|membranes| {
            let Some(code) = self.code else { return Held::Membranes(membranes.to_vec()) };
            let level = |(neuron, &membrane): (&Neuron, &i32)| self.windows.level_on_ramp(neuron, membrane);
            let levels: Vec<u32> = self.neurons.iter().zip(membranes).map(level).collect();
            Held::Codes(code.record_of_levels(&levels))
        });
        held.collect()
    }

    #[inline(always)]
    fn run_stepwise(
        &self,
        image: &Image,
        dendrites: &Dendrites,
        register: Register,
        records: &[Vec<u8>],
        counts: &mut Counts,
    ) -> Held {
        let mut accumulators = Accumulators::new(self.neurons.len());
        let mut states: Vec<State> = self.neurons.iter().map(State::new).collect();
        for timestep in self.windows.start..self.windows.stop {
            let sums = dendrites.receive(image, records, timestep - 1, &mut accumulators, counts);
            for ((state, neuron), &sum) in states.iter_mut().zip(&self.neurons).zip(sums) {
                state.update(timestep, sum, neuron, &self.windows, register, counts);
            }
        }
        let Some(code) = self.code else {
            return Held::Membranes(states.iter().map(|state| state.membrane).collect());
        };
        let levels: Vec<u32> = states.iter().map(|state| self.windows.level_of(state.fired)).collect();
        Held::Codes(code.record_of_levels(&levels))
    }
}

/// The constants of each neuron of a tile.
fn neurons([bias, slope, threshold]: &[Constants<i32>; 3], count: usize) -> Vec<Neuron> {
    let all = |constants: &Constants<i32>| constants.all().take(count).collect();
    let [biases, slopes, thresholds]: [Vec<i32>; 3] = [bias, slope, threshold].map(all);
    let pairs = biases.into_iter().zip(slopes).zip(thresholds);
    pairs.map(|((bias, slope), threshold)| Neuron { bias, slope, threshold }).collect()
}

/// One neuron at work.
#[derive(Debug, Clone, Copy)]
struct State {
    current: i32,
    membrane: i32,
    /// The timestep in which it fired.
    fired: Option<u32>,
}

impl State {
    fn new(neuron: &Neuron) -> Self {
        Self { current: 0, membrane: neuron.bias, fired: None }
    }

    /// One soma update. A neuron that has fired waits for the next sample.
    #[inline(always)]
    fn update(
        &mut self,
        timestep: u32,
        sum: i32,
        neuron: &Neuron,
        windows: &Windows,
        register: Register,
        counts: &mut Counts,
    ) {
        if self.fired.is_some() {
            return;
        }
        let overflows = &mut counts.membrane_overflows;
        let integrated = i64::from(self.current) + i64::from(sum);
        let current = match windows.effect {
            _ if timestep != windows.readout => integrated,
            Readout::Set => neuron.slope.into(),
            Readout::Add => integrated + i64::from(neuron.slope),
        };
        self.current = register.store(current, overflows);
        self.membrane = register.store(i64::from(self.membrane) + i64::from(self.current), overflows);
        if timestep >= windows.gate && self.membrane >= neuron.threshold {
            self.fired = Some(timestep);
            counts.early_spikes += u64::from(timestep < windows.readout);
        }
    }
}

impl Windows {
    fn of(population: &Population, quartz: &Quartz, sources: &[&Population]) -> Self {
        let start = sources.iter().map(|source| source.send_start + 1).min().unwrap_or(0);
        let readout = sources.iter().map(|source| source.send_stop()).max().unwrap_or(0);
        let (gate, stop) = match population.code {
            Some(SpikeCode::FirstSpike { levels, .. }) => {
                (population.send_stop() - 1 - levels, population.send_stop())
            }
            _ => (u32::MAX, readout + 1),
        };
        Self { start, readout, effect: quartz.readout, gate, stop }
    }

    /// The level of a neuron that fired in a timestep, or in none.
    fn level_of(&self, fired: Option<u32>) -> u32 {
        fired.map_or(0, |timestep| self.stop - 1 - timestep)
    }

    /// The level at which a membrane, as it is before the readout, meets the threshold on its ramp.
    ///
    /// After `k + 1` timesteps it is `membrane + (k + 1) slope`, and the level is `steps - 1 - k`: it is
    /// reached where `level * slope <= membrane + steps * slope - threshold`.
    #[inline(always)]
    fn level_on_ramp(&self, neuron: &Neuron, membrane: i32) -> u32 {
        let steps = i64::from(self.stop - self.readout);
        let slope = i64::from(neuron.slope);
        let climbed = i64::from(membrane) + steps * slope - i64::from(neuron.threshold);
        let top = i64::from(self.stop - 1 - self.gate);
        climbed.div_euclid(slope).clamp(0, top) as u32
    }
}

/// No membrane or current of a tile is larger in magnitude, whatever arrives.
///
/// A membrane climbs from what it received until the gate opens, and from there on to the threshold.
fn reach(image: &Image, tile: &Tile, levels: u32, windows: &Windows, constants: &[Constants<i32>; 3]) -> i64 {
    let [bias, slope, threshold] =
        constants.each_ref().map(|constants| i64::from(constants.largest_magnitude()));
    let received = bounds(image, tile).magnitude() * i64::from(levels) + bias;
    let reads = windows.gate == u32::MAX;
    let closed = if reads { 0 } else { windows.gate.saturating_sub(windows.readout) };
    (received + i64::from(closed) * slope).max(threshold) + slope
}
