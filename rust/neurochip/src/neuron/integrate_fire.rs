//! The integrate-and-fire neuron of rate coding (neurons.md, section 5).
//!
//! Its membrane integrates weight sums as they come. In every timestep of its window it also integrates a
//! bias, and fires if it has reached the threshold, which it then loses: what is left counts for the next
//! spike.

use crate::image::Image;
use crate::image::description::{Blob, IntegrateFire, Population, Projection, Tile};
use crate::neuron::Counts;
use crate::neuron::dendrites::{Accumulators, Dendrites};
use crate::neuron::requantizer::constants_i32;
use crate::neuron::stem::Held;
use crate::register::Register;

/// One tile of an integrate-and-fire population, ready to run.
#[derive(Debug)]
pub(crate) struct IntegrateFireTile {
    dendrites: Dendrites,
    register: Register,
    /// The first timestep in which spikes may arrive.
    start: u32,
    /// The first and the one after the last in which a neuron may fire.
    window: [u32; 2],
    reads: bool,
    neurons: Vec<Neuron>,
}

/// Constants of one neuron.
#[derive(Debug, Clone, Copy)]
struct Neuron {
    start: i32,
    bias: i32,
    threshold: i32,
}

impl IntegrateFireTile {
    pub(crate) fn new(
        image: &Image,
        population: &Population,
        model: &IntegrateFire,
        tile: &Tile,
        incoming: &[(&Projection, Blob)],
    ) -> Self {
        let core = &image.description().chip.core;
        let populations = &image.description().populations;
        let source = |(projection, _): &(&Projection, Blob)| &populations[projection.source as usize];
        let starts = incoming.iter().map(|incoming| source(incoming).send_start + 1);
        let reads = population.code.is_none();
        let all = |blob| {
            let constants = constants_i32(image, blob, tile, population.shape);
            constants.all().take(tile.num_neurons()).collect::<Vec<_>>()
        };
        let pairs = all(model.start).into_iter().zip(all(model.bias)).zip(all(model.threshold));
        Self {
            start: starts.clone().min().unwrap_or(0),
            window: if reads {
                [starts.max().unwrap_or(0), population.send_start + 1]
            } else {
                [population.send_start, population.send_stop()]
            },
            reads,
            dendrites: Dendrites::new(image, tile, incoming),
            register: Register::new(core.membrane_bits, core.overflow),
            neurons: pairs.map(|((start, bias), threshold)| Neuron { start, bias, threshold }).collect(),
        }
    }

    /// Runs one sample, timestep by timestep.
    #[inline(always)]
    pub(crate) fn run(&self, image: &Image, records: &[Vec<u8>], counts: &mut Counts) -> Held {
        let neurons = self.neurons.len();
        let mut accumulators = Accumulators::new(neurons);
        let mut membranes: Vec<i32> = self.neurons.iter().map(|neuron| neuron.start).collect();
        let [opens, closes] = self.window;
        let mut record = vec![0; (closes - opens).div_ceil(8) as usize * neurons];
        for timestep in self.start..closes {
            let sums = self.dendrites.receive(image, records, timestep - 1, &mut accumulators, counts);
            let Some(step) = timestep.checked_sub(opens) else {
                for (membrane, &sum) in membranes.iter_mut().zip(sums) {
                    let exact = i64::from(*membrane) + i64::from(sum);
                    *membrane = self.register.store(exact, &mut counts.membrane_overflows);
                }
                continue;
            };
            let bytes = &mut record[step as usize / 8 * neurons..][..neurons];
            for (((membrane, neuron), &sum), byte) in
                membranes.iter_mut().zip(&self.neurons).zip(sums).zip(bytes)
            {
                let fires = self.update(membrane, neuron, sum, counts);
                *byte |= u8::from(fires) << (7 - step % 8);
            }
        }
        if self.reads { Held::Membranes(membranes) } else { Held::Codes(record) }
    }

    /// One soma update inside the window; says whether the neuron fires.
    #[inline(always)]
    fn update(&self, membrane: &mut i32, neuron: &Neuron, sum: i32, counts: &mut Counts) -> bool {
        let exact = i64::from(*membrane) + i64::from(sum) + i64::from(neuron.bias);
        *membrane = self.register.store(exact, &mut counts.membrane_overflows);
        let fires = !self.reads && *membrane >= neuron.threshold;
        if fires {
            *membrane -= neuron.threshold; // both positive: cannot leave the register
        }
        fires
    }
}
