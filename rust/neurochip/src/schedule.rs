//! The schedule: what every neuron does in each timestep of a sample, and the traffic that makes.

mod flows;

use std::ops::Range;

use crate::axons::{Axons, Cost, Places};
use crate::chip::{Core, SomaCycles, StemCycles};
use crate::image::Image;
use crate::image::description::{Description, Integration, Model, Population, SpikeCode, Stem, Tile};
use crate::instructions::Instructions;
use crate::spikes::{Arrival, Arrivals};
use crate::traffic::{CoreWork, Destination, Injection, Spike, Traffic, Update};

/// Who does what when, for one image.
#[derive(Debug)]
pub struct Schedule {
    /// The out-table of each population.
    axons: Vec<Axons>,
    places: Places,
    /// Tiles in ascending order of their cores.
    tiles: Vec<Tile>,
    /// For each population, the populations it receives from.
    sources: Vec<Vec<usize>>,
}

/// A sample on the chip.
#[derive(Debug, Clone, Copy)]
pub struct InFlight<'a> {
    /// What it makes the neurons of each population send.
    pub codes: &'a [Vec<u8>],
    /// Its own timestep, counted from its entry.
    pub timestep: u32,
}

/// What a sample makes a population send, whatever the timing: known from its spikes alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets, to cores and out of the chip.
    pub packets: u64,
    /// Packets to a core at the sender's own router.
    pub node_packets: u64,
    /// Times that packets went from router to router.
    pub packet_hops: u64,
    /// Those of them along y.
    pub packet_hops_y: u64,
    /// Times that packets went from chip to chip.
    pub packet_chip_hops: u64,
}

/// Cycles between groups of neurons in each phase of their windows; a neuron in two phases takes both.
#[derive(Debug, Clone, Copy, Default)]
struct Phases {
    /// A timestep in which spikes may arrive.
    receive: u32,
    /// The first timestep in which it may spike.
    decide: u32,
    /// A timestep in which it may spike.
    send: u32,
    /// None of these; 0 where the chip leaves such neurons alone.
    idle: u32,
}

impl Phases {
    fn of(model: &Model, core: &Core) -> Self {
        let SomaCycles { max_pool, quartz, integrate_fire, idle, .. } = &core.timing.soma_cycles;
        let nothing = Self { idle: idle.unwrap_or(0), ..Self::default() };
        match model {
            Model::Input { .. } => Self::default(),
            Model::Stem(stem) => {
                let StemCycles { accumulate, requantize, generate } = *stem_cycles(core, stem);
                Self { receive: accumulate, decide: requantize, send: generate, ..nothing }
            }
            Model::MaxPool => Self { receive: max_pool.compare, ..nothing },
            Model::Quartz(_) => Self { receive: quartz.integrate, send: quartz.ramp, ..nothing },
            Model::IntegrateFire(_) => {
                Self { receive: integrate_fire.integrate, send: integrate_fire.fire, ..nothing }
            }
            Model::Constant { .. } => Self { send: quartz.ramp, ..nothing },
        }
    }
}

impl Schedule {
    /// Reads an image's connectors and placement.
    pub fn new(image: &Image) -> Self {
        let description = image.description();
        let count = description.populations.len();
        let mut tiles = description.tiles.clone();
        tiles.sort_by_key(|tile| tile.core);
        let sources_of = |target: usize| {
            let incoming = description.projections.iter().filter(|p| p.target as usize == target);
            incoming.map(|projection| projection.source as usize).collect()
        };
        Self {
            axons: (0..count).map(|population| Axons::new(image, population)).collect(),
            places: Places::new(&description.chip),
            tiles,
            sources: (0..count).map(sources_of).collect(),
        }
    }

    /// Cycles between groups of neurons of a population, given the timesteps of the samples in flight; 0
    /// where it does not update.
    fn soma_cycles(
        &self,
        description: &Description,
        population: usize,
        timesteps: impl Iterator<Item = u32>,
    ) -> u32 {
        let neurons = &description.populations[population];
        let phases = Phases::of(&neurons.model, &description.chip.core);
        let when = |active: bool, cycles: u32| if active { cycles } else { 0 };
        let cycles = |timestep: u32| {
            let sent_before = |source: &usize| {
                timestep > 0 && description.populations[*source].step(timestep - 1).is_some()
            };
            let receives = self.sources[population].iter().any(sent_before);
            when(receives, phases.receive)
                + when(timestep == neurons.send_start, phases.decide)
                + when(neurons.step(timestep).is_some(), phases.send)
        };
        match timesteps.map(cycles).sum() {
            0 => phases.idle,
            busy => busy,
        }
    }

    /// The work of one timestep: the union over the samples in flight.
    ///
    /// Neurons that integrate one sample while they send another update once, in both phases. No
    /// neuron sends two samples at once: the period of an image is checked.
    pub fn traffic(&self, description: &Description, samples: &[InFlight<'_>]) -> Traffic {
        let mut traffic = Traffic::default();
        for tile in &self.tiles {
            let number = tile.population as usize;
            let timesteps = samples.iter().map(|sample| sample.timestep);
            let soma_cycles = self.soma_cycles(description, number, timesteps);
            if soma_cycles == 0 {
                continue;
            }
            let (updates, spikes) = (traffic.updates.len() as u32, traffic.spikes.len() as u32);
            traffic.updates.push(Update { neurons: tile.num_neurons() as u32, soma_cycles });
            for sample in samples {
                self.fire(description, tile, &sample.codes[number], sample.timestep, &mut traffic);
            }
            traffic.cores.push(CoreWork {
                core: tile.core,
                updates: updates..updates + 1,
                spikes: spikes..traffic.spikes.len() as u32,
            });
        }
        for sample in samples {
            self.inject(description, &sample.codes[0], sample.timestep, &mut traffic);
        }
        traffic
    }

    /// Appends the spikes of a tile's neurons.
    fn fire(
        &self,
        description: &Description,
        tile: &Tile,
        codes: &[u8],
        timestep: u32,
        traffic: &mut Traffic,
    ) {
        let population = &description.populations[tile.population as usize];
        let Some(spikes) = population.spikes(codes, timestep) else { return };
        let axons = &self.axons[tile.population as usize];
        let from = Destination::Core(tile.core);
        let channels = tile.lengths()[2];
        for (pixel, first) in tile.pixels(population.shape).enumerate() {
            let mut spikes = spikes.of(first, channels).all().peekable();
            if spikes.peek().is_none() {
                continue;
            }
            let axons = axons.of_pixel(&self.places, first, from);
            for Arrival { source: channel, .. } in spikes {
                let start = traffic.packets.len() as u32;
                traffic.packets.extend(axons.packets(tile.channels[0] as usize + channel));
                let packets = start..traffic.packets.len() as u32;
                traffic.spikes.push(Spike { neuron: (pixel * channels + channel) as u32, packets });
            }
        }
    }

    /// Appends the spikes of the input, which is the first population.
    fn inject(&self, description: &Description, codes: &[u8], timestep: u32, traffic: &mut Traffic) {
        let input = &description.populations[0];
        let (Model::Input { port }, Some(spikes)) = (&input.model, input.spikes(codes, timestep)) else {
            return;
        };
        let start = traffic.packets.len() as u32;
        let channels = input.shape[2] as usize;
        for first in (0..input.num_neurons()).step_by(channels) {
            let axons = self.axons[0].of_pixel(&self.places, first, Destination::Port(*port));
            for Arrival { source: channel, .. } in spikes.of(first, channels).all() {
                traffic.packets.extend(axons.packets(channel));
            }
        }
        let packets = start..traffic.packets.len() as u32;
        if !packets.is_empty() {
            traffic.inputs.push(Injection { port: *port, packets });
        }
    }

    /// Neurons of each population that update in a timestep, given the timesteps of the samples in
    /// flight: each once.
    pub fn soma_updates(&self, description: &Description, timesteps: &[u32]) -> Vec<u64> {
        let updates = |(number, population): (usize, &Population)| {
            let cycles = self.soma_cycles(description, number, timesteps.iter().copied());
            if cycles > 0 { population.num_neurons() as u64 } else { 0 }
        };
        description.populations.iter().enumerate().map(updates).collect()
    }

    /// What a spike of each neuron costs.
    pub fn costs(&self, description: &Description) -> Costs {
        let neurons = description.populations.iter().map(Population::num_neurons);
        let mut by_population: Vec<Vec<Cost>> =
            neurons.map(|neurons| vec![Cost::default(); neurons]).collect();
        for Pixel { population, first, channels, from, .. } in pixels(description) {
            let axons = self.axons[population].of_pixel(&self.places, first, from);
            let costs = axons.costs(&self.places, from, channels);
            by_population[population][first..].iter_mut().zip(costs).for_each(|(to, cost)| *to = cost);
        }
        let runs = |costs: &Vec<Cost>| {
            let runs = costs.chunk_by(|a, b| a == b);
            runs.map(|same| (same.len(), same[0])).collect()
        };
        Costs(by_population.iter().map(runs).collect())
    }
}

/// The neurons of one pixel that one place holds.
struct Pixel {
    /// The tile that holds them, in the order of the image; none holds the input.
    tile: Option<usize>,
    population: usize,
    /// The first of them.
    first: usize,
    channels: Range<usize>,
    /// Where their packets start.
    from: Destination,
}

/// Every pixel of the input and of every tile.
fn pixels(description: &Description) -> impl Iterator<Item = Pixel> {
    let input = &description.populations[0];
    let depth = input.shape[2] as usize;
    let port = if let Model::Input { port } = input.model { Some(port) } else { None };
    let outside = port.into_iter().flat_map(move |port| {
        let from = Destination::Port(port);
        let firsts = (0..input.num_neurons()).step_by(depth);
        firsts.map(move |first| Pixel { tile: None, population: 0, first, channels: 0..depth, from })
    });
    let held = description.tiles.iter().enumerate().flat_map(|(number, tile)| {
        let population = tile.population as usize;
        let channels = tile.channels[0] as usize..tile.channels[1] as usize;
        let from = Destination::Core(tile.core);
        let firsts = tile.pixels(description.populations[population].shape);
        firsts.map(move |first| Pixel {
            tile: Some(number),
            population,
            first,
            channels: channels.clone(),
            from,
        })
    });
    outside.chain(held)
}

/// What the phases of these neurons take.
fn stem_cycles<'a>(core: &'a Core, stem: &Stem) -> &'a StemCycles {
    match (&stem.integration, &core.second_state_word) {
        (Integration::Double, Some(word)) => &word.soma_cycles,
        _ => &core.timing.soma_cycles.stem, // the door admits no double membrane without a second word
    }
}

/// What one spike of each neuron costs, by population: runs of so many neurons that cost the same.
#[derive(Debug)]
pub struct Costs(Vec<Vec<(usize, Cost)>>);

impl Costs {
    /// What a sample makes each population send, given each population's codes.
    pub fn of(&self, description: &Description, codes: &[Vec<u8>], instructions: Instructions) -> Vec<Sent> {
        let of_each = || {
            let populations = description.populations.iter().zip(codes).zip(&self.0);
            populations.map(|((population, record), costs)| sent(population, record, costs)).collect()
        };
        instructions.dispatch(of_each)
    }
}

#[inline(always)]
fn sent(population: &Population, record: &[u8], costs: &[(usize, Cost)]) -> Sent {
    let mut sent = Sent::default();
    let Some(code) = population.code else { return sent };
    // One byte of every neuron, then the next of every neuron.
    let bytes = record.chunks_exact(population.num_neurons());
    for (spikes, cost) in bytes.flat_map(|bytes| spikes_of_runs(code, bytes, costs)) {
        sent.packets += spikes * u64::from(cost.packets);
        sent.node_packets += spikes * u64::from(cost.node_packets);
        sent.packet_hops += spikes * u64::from(cost.hops);
        sent.packet_hops_y += spikes * u64::from(cost.hops_y);
        sent.packet_chip_hops += spikes * u64::from(cost.chip_hops);
    }
    sent
}

/// How often the neurons of each run spike, as far as one byte of theirs says; and what a spike costs.
#[inline(always)]
fn spikes_of_runs(
    code: SpikeCode,
    mut bytes: &[u8],
    costs: &[(usize, Cost)],
) -> impl Iterator<Item = (u64, Cost)> {
    costs.iter().filter_map(move |&(neurons, cost)| Some((code.count(bytes.split_off(..neurons)?), cost)))
}
