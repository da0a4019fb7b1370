//! The naive machine of samples in flight: it steps the timesteps of a run through the registers that
//! neurons have, and says so when two samples want the same one.
//!
//! A neuron with two buffers has a membrane and, beside it, the value that it sends. With one buffer
//! both are one word, which belongs to a sample from the timestep in which its first spike may
//! arrive to that in which its last bit is sent.

use neurochip::image::description::{Integration, Model, Population, Stem};
use neurochip::values::{Counts, Record};

use crate::network::{Network, Synapse, Wires};
use crate::reference::{Train, add_weights, bits_of, integrate, membrane_bits, requantized, weighted};

/// Two samples wanted one register.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict;

/// A register of every neuron of a population, and the sample whose values it holds.
#[derive(Debug, Clone)]
struct Word {
    sample: Option<usize>,
    held: Vec<i64>,
}

impl Word {
    fn new(length: usize) -> Self {
        Self { sample: None, held: vec![0; length] }
    }

    /// The register, which must be free or already this sample's; free ones are cleared.
    fn of(&mut self, sample: usize) -> Result<&mut Vec<i64>, Conflict> {
        if self.sample.is_some_and(|other| other != sample) {
            return Err(Conflict);
        }
        if self.sample.replace(sample).is_none() {
            self.held.fill(0);
        }
        Ok(&mut self.held)
    }
}

/// What a population sends in a timestep.
#[derive(Debug)]
struct Sent {
    sample: usize,
    /// Of its code.
    step: u32,
    fired: Vec<bool>,
}

/// A population at work.
#[derive(Debug)]
struct Neurons {
    /// Where a sample is received and, the last of them, from where it is sent.
    words: Vec<Word>,
    /// What is left to be sent of what the last word held.
    trains: Vec<Train>,
    /// Of a maximum: for each synapse, whether its source may still be the largest.
    alive: Word,
    /// What was sent in this timestep.
    sent: Option<Sent>,
}

/// A run under way.
struct Machine<'a> {
    network: &'a Network,
    synapses: Vec<Vec<Synapse>>,
    neurons: Vec<Neurons>,
    records: Vec<Record>,
    /// By sample and population: membranes that the host reads.
    membranes: Vec<Vec<Vec<i32>>>,
    period: u32,
}

/// Runs samples that enter every `period` timesteps.
pub(crate) fn run(network: &Network, period: u32, samples: &[Vec<i64>]) -> Result<Vec<Record>, Conflict> {
    let mut machine = Machine::new(network, period, samples.len());
    for timestep in 0..(samples.len() as u32 - 1) * period + network.timesteps {
        machine.step(timestep, samples)?;
    }
    for (record, membranes) in machine.records.iter_mut().zip(&machine.membranes) {
        for output in network.outputs.iter().map(|&output| output as usize) {
            let population = &network.populations[output];
            let sent = record.codes[output].iter().map(|&code| value(population, code));
            record.outputs.extend(sent.chain(membranes[output].iter().copied()));
        }
    }
    Ok(machine.records)
}

/// What the bits of a code add up to.
fn value(population: &Population, code: u8) -> i32 {
    let (bits, signed) = bits_of(population);
    let weight = |bit: u32| if signed && bit + 1 == bits { -(1 << bit) } else { 1 << bit };
    (0..bits).filter(|bit| code >> bit & 1 == 1).map(weight).sum()
}

impl<'a> Machine<'a> {
    fn new(network: &'a Network, period: u32, samples: usize) -> Self {
        let synapses: Vec<_> = network.wires.iter().map(|wires| network.synapses(wires)).collect();
        let into = |number: usize| {
            let wires = network.wires.iter().zip(&synapses);
            wires.filter(|(wires, _)| is_into(wires, number)).map(|(_, synapses)| synapses.len()).sum()
        };
        let neurons = network.populations.iter().enumerate().map(|(number, population)| Neurons {
            words: vec![Word::new(population.num_neurons()); buffers(network, population)],
            trains: vec![],
            alive: Word::new(into(number)),
            sent: None,
        });
        let record = Record {
            codes: network.populations.iter().map(sent_of).collect(),
            outputs: vec![],
            counts: vec![Counts::default(); network.populations.len()],
        };
        let neurons = neurons.collect();
        let membranes = vec![vec![vec![]; network.populations.len()]; samples];
        Self { network, synapses, neurons, records: vec![record; samples], membranes, period }
    }

    fn step(&mut self, timestep: u32, samples: &[Vec<i64>]) -> Result<(), Conflict> {
        let sent: Vec<_> = self.neurons.iter_mut().map(|neurons| neurons.sent.take()).collect();
        for (number, population) in self.network.populations.iter().enumerate() {
            match &population.model {
                Model::Input { .. } => {
                    if let Some(sample) = self.starts_to_send(population, timestep, samples.len()) {
                        self.neurons[number]
                            .words
                            .last_mut()
                            .unwrap()
                            .of(sample)?
                            .clone_from(&samples[sample]);
                    }
                    self.send(number, timestep);
                }
                Model::Stem(stem) => {
                    self.receive(number, stem, &sent)?;
                    if let Some(sample) = self.starts_to_send(population, timestep, samples.len()) {
                        self.requantize(number, stem, sample)?;
                    }
                    self.send(number, timestep);
                }
                Model::MaxPool => self.compare(number, &sent)?,
                _ => unreachable!("this machine steps STEM neurons"),
            }
        }
        self.arrive()?;
        self.release(timestep);
        Ok(())
    }

    /// A sample's own timestep.
    fn own(&self, sample: usize, timestep: u32) -> u32 {
        timestep - sample as u32 * self.period
    }

    /// The sample whose first bit a population sends in this timestep.
    fn starts_to_send(&self, population: &Population, timestep: u32, samples: usize) -> Option<usize> {
        let since = timestep.checked_sub(population.send_start)?;
        let sample = (since / self.period) as usize;
        (since % self.period == 0 && sample < samples).then_some(sample)
    }

    /// Adds what was sent to a population in the last timestep to its membranes.
    fn receive(&mut self, number: usize, stem: &Stem, sent: &[Option<Sent>]) -> Result<(), Conflict> {
        let core = &self.network.chip.core;
        let word = &mut self.neurons[number].words[0];
        let mut sums = vec![0; word.held.len()];
        let mut arrived = None;
        for (wires, synapses) in self.network.wires.iter().zip(&self.synapses) {
            let source = wires.projection.source as usize;
            let (true, Some(Sent { sample, step, fired })) = (is_into(wires, number), &sent[source]) else {
                continue;
            };
            word.of(*sample)?;
            let counts = &mut self.records[*sample].counts[number];
            add_weights(&mut sums, synapses, fired, core, true, counts);
            arrived = Some((*sample, *step, &self.network.populations[source]));
        }
        if let Some((sample, step, source)) = arrived {
            let counts = &mut self.records[sample].counts[number];
            let channels = self.network.populations[number].shape[2] as usize;
            let by_step = |neuron, sum| weighted(self.network, stem, source, step, sum, neuron % channels);
            let bits = membrane_bits(self.network, stem);
            integrate(word.of(sample)?, &sums, by_step, bits, core, counts);
        }
        Ok(())
    }

    /// Turns membranes into values, in place or, where there is another word, into that.
    fn requantize(&mut self, number: usize, stem: &Stem, sample: usize) -> Result<(), Conflict> {
        let (network, words) = (self.network, &mut self.neurons[number].words);
        let population = &network.populations[number];
        let record = &mut self.records[sample];
        let mut membranes = words[0].of(sample)?.clone();
        let mut value = |(neuron, membrane)| {
            requantized(network, population, stem, neuron, membrane, &mut record.counts[number])
        };
        let values: Vec<i64> = membranes.iter_mut().enumerate().map(&mut value).collect();
        if population.code.is_none() {
            let held = membranes.iter().map(|&value| i32::try_from(value).unwrap());
            self.membranes[sample][number] = held.collect();
        }
        words[0].sample = None;
        words.last_mut().unwrap().of(sample)?.clone_from(&values);
        Ok(())
    }

    /// Sends one bit of what the last word holds.
    fn send(&mut self, number: usize, timestep: u32) {
        let population = &self.network.populations[number];
        let neurons = &mut self.neurons[number];
        let word = neurons.words.last().unwrap();
        let Some(sample) = word.sample else { return };
        let Some(step) = population.step(timestep - sample as u32 * self.period) else { return };
        if step == 0 {
            neurons.trains = word.held.iter().map(|&value| Train::new(value, population)).collect();
        }
        let fired = neurons.trains.iter_mut().map(|train| train.fires(population, step)).collect();
        self.tell(number, sample, step, fired);
    }

    /// Notes who fired.
    fn tell(&mut self, number: usize, sample: usize, step: u32, fired: Vec<bool>) {
        let record = &mut self.records[sample];
        for (code, &fires) in record.codes[number].iter_mut().zip(&fired) {
            *code = *code << 1 | u8::from(fires);
            record.counts[number].spikes += u64::from(fires);
        }
        self.neurons[number].sent = Some(Sent { sample, step, fired });
    }

    /// A maximum passes on the largest bit of those that are alive; who has a smaller one dies.
    fn compare(&mut self, number: usize, sent: &[Option<Sent>]) -> Result<(), Conflict> {
        let population = &self.network.populations[number];
        let pool = self.network.wires.iter().position(|wires| is_into(wires, number)).unwrap();
        let source = self.network.wires[pool].projection.source as usize;
        let Some(Sent { sample, step, fired }) = &sent[source] else { return Ok(()) };
        let dead = self.neurons[number].alive.of(*sample)?; // cleared for a new sample: nobody is dead
        // A sign bit makes a value smaller, all others make it larger.
        let larger = !(bits_of(population).1 && *step == 0);
        let mut found = vec![false; population.num_neurons()];
        let has_larger = |synapse: &Synapse| fired[synapse.source] == larger;
        for (synapse, dead) in self.synapses[pool].iter().zip(&*dead) {
            found[synapse.target] |= *dead == 0 && has_larger(synapse);
        }
        for (synapse, dead) in self.synapses[pool].iter().zip(dead) {
            *dead |= i64::from(found[synapse.target] && !has_larger(synapse));
        }
        let counts = &mut self.records[*sample].counts[number];
        counts.sops += self.synapses[pool].iter().filter(|synapse| fired[synapse.source]).count() as u64;
        let passed_on = found.into_iter().map(|found| found == larger).collect();
        self.tell(number, *sample, *step, passed_on);
        Ok(())
    }

    /// Spikes under way claim the only word that they can be added to.
    fn arrive(&mut self) -> Result<(), Conflict> {
        for wires in &self.network.wires {
            let [source, target] = [wires.projection.source, wires.projection.target].map(|end| end as usize);
            let Some(Sent { sample, .. }) = self.neurons[source].sent else { continue };
            let words = &mut self.neurons[target].words;
            if let (Model::Stem(_), [word]) = (&self.network.populations[target].model, &mut words[..]) {
                word.of(sample)?;
            }
        }
        Ok(())
    }

    /// Frees what has sent its last bit, or was read, and maxima that have seen their last step.
    fn release(&mut self, timestep: u32) {
        for (number, population) in self.network.populations.iter().enumerate() {
            let stop = population.send_start + population.steps().max(1);
            let over = |sample: usize| self.own(sample, timestep) + 1 >= stop;
            let [sent, compared] = [self.neurons[number].words.last().unwrap(), &self.neurons[number].alive]
                .map(|word| word.sample.is_some_and(over));
            if sent {
                self.neurons[number].words.last_mut().unwrap().sample = None;
            }
            if compared {
                self.neurons[number].alive.sample = None;
            }
        }
    }
}

/// Words of a neuron that hold a sample each: a double membrane takes two for one.
fn buffers(network: &Network, population: &Population) -> usize {
    match &population.model {
        Model::Stem(Stem { integration: Integration::Double, .. }) => 1,
        _ => network.chip.core.buffers as usize,
    }
}

/// A record in which nothing was sent yet.
fn sent_of(population: &Population) -> Vec<u8> {
    vec![0; if population.code.is_some() { population.num_neurons() } else { 0 }]
}

fn is_into(wires: &Wires, number: usize) -> bool {
    wires.projection.target as usize == number
}
