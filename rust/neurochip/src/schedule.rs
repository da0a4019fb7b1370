//! The schedule: what every neuron does in each timestep of a sample, and the traffic that makes.

use crate::axons::{Axons, Cost, Place};
use crate::image::Image;
use crate::image::description::{Description, Model, Population, Tile};
use crate::synapse::neurons_of;
use crate::traffic::{CoreWork, Destination, Injection, Spike, Traffic, Update};

/// Who does what when, for one image.
#[derive(Debug)]
pub struct Schedule {
    /// The out-table of each population.
    axons: Vec<Axons>,
    /// Tiles in ascending order of their nodes.
    tiles: Vec<Tile>,
    /// For each population, the populations it receives from.
    sources: Vec<Vec<usize>>,
}

/// What a sample costs whatever the timing: known from its spikes alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Untimed {
    /// Packets that cores send.
    pub packets: u64,
    /// Packets that enter through io ports.
    pub input_packets: u64,
    /// Packets that leave through io ports.
    pub output_packets: u64,
    /// Links between routers crossed by packets.
    pub packet_hops: u64,
    /// Neurons updated, each in each of its timesteps.
    pub soma_updates: u64,
}

impl Schedule {
    /// Reads an image's connectors and placement.
    pub fn new(image: &Image) -> Self {
        let description = image.description();
        let count = description.populations.len();
        let mut tiles = description.tiles.clone();
        tiles.sort_by_key(|tile| tile.node);
        let sources_of = |target: usize| {
            let incoming = description.projections.iter().filter(|p| p.target as usize == target);
            incoming.map(|projection| projection.source as usize).collect()
        };
        Self {
            axons: (0..count).map(|population| Axons::new(image, population)).collect(),
            tiles,
            sources: (0..count).map(sources_of).collect(),
        }
    }

    /// Cycles between groups of neurons of a population in `timestep`; 0 where it is idle.
    fn soma_cycles(&self, description: &Description, population: usize, timestep: u32) -> u32 {
        let cycles = &description.chip.core.timing.soma_cycles;
        let receives =
            |&source: &usize| timestep > 0 && description.populations[source].step(timestep - 1).is_some();
        let receives = self.sources[population].iter().any(receives);
        let neurons = &description.populations[population];
        match neurons.model {
            Model::Input { .. } => 0,
            Model::MaxPool => {
                if receives {
                    cycles.max_pool.compare
                } else {
                    0
                }
            }
            Model::Stem(_) => {
                let phases = [
                    (receives, cycles.stem.accumulate),
                    (timestep == neurons.send_start, cycles.stem.requantize),
                    (neurons.step(timestep).is_some(), cycles.stem.generate),
                ];
                phases.iter().filter(|(active, _)| *active).map(|(_, cycles)| cycles).sum()
            }
        }
    }

    /// The work of one timestep, given each population's codes.
    pub fn traffic(&self, description: &Description, codes: &[Vec<u8>], timestep: u32) -> Traffic {
        let mut traffic = Traffic::default();
        for tile in &self.tiles {
            let number = tile.population as usize;
            let soma_cycles = self.soma_cycles(description, number, timestep);
            if soma_cycles == 0 {
                continue;
            }
            let (updates, spikes) = (traffic.updates.len() as u32, traffic.spikes.len() as u32);
            traffic.updates.push(Update { neurons: tile.num_neurons() as u32, soma_cycles });
            self.fire(description, tile, &codes[number], timestep, &mut traffic);
            traffic.cores.push(CoreWork {
                node: tile.node,
                updates: updates..updates + 1,
                spikes: spikes..traffic.spikes.len() as u32,
            });
        }
        for (number, population) in description.populations.iter().enumerate() {
            self.inject(description, number, population, &codes[number], timestep, &mut traffic);
        }
        traffic.inputs.sort_by_key(|input| input.port);
        traffic
    }

    fn fire(
        &self,
        description: &Description,
        tile: &Tile,
        codes: &[u8],
        timestep: u32,
        traffic: &mut Traffic,
    ) {
        let population = &description.populations[tile.population as usize];
        let Some(step) = population.step(timestep) else { return };
        let bit = population.bits - 1 - step;
        let from = Destination::Node(tile.node);
        for (local, neuron) in neurons_of(population.shape, tile).enumerate() {
            if codes[neuron] >> bit & 1 == 1 {
                let start = traffic.packets.len() as u32;
                self.axons[tile.population as usize].send(description, neuron, from, &mut traffic.packets);
                let packets = start..traffic.packets.len() as u32;
                traffic.spikes.push(Spike { neuron: local as u32, packets });
            }
        }
    }

    fn inject(
        &self,
        description: &Description,
        number: usize,
        population: &Population,
        codes: &[u8],
        timestep: u32,
        traffic: &mut Traffic,
    ) {
        let (Model::Input { port }, Some(step)) = (&population.model, population.step(timestep)) else {
            return;
        };
        let bit = population.bits - 1 - step;
        let start = traffic.packets.len() as u32;
        for neuron in (0..codes.len()).filter(|&neuron| codes[neuron] >> bit & 1 == 1) {
            self.axons[number].send(description, neuron, Destination::Port(*port), &mut traffic.packets);
        }
        if traffic.packets.len() as u32 > start {
            traffic.inputs.push(Injection { port: *port, packets: start..traffic.packets.len() as u32 });
        }
    }

    /// Timesteps in which a population's neurons update, for one sample.
    fn active_timesteps(&self, description: &Description, population: usize) -> u64 {
        let active = |timestep: &u32| self.soma_cycles(description, population, *timestep) > 0;
        (0..description.timesteps).filter(active).count() as u64
    }

    /// Tables from which [`Costs::of`] reads what a sample costs.
    pub fn costs(&self, description: &Description) -> Costs {
        let tile_costs = |tile: &Tile| {
            let population = &description.populations[tile.population as usize];
            let neurons = || neurons_of(population.shape, tile);
            self.costs_from(description, tile.population as usize, Destination::Node(tile.node), neurons)
        };
        let mut costs: Vec<Vec<(usize, Cost)>> = self.tiles.iter().map(tile_costs).collect();
        let mut by_population: Vec<Vec<Cost>> =
            description.populations.iter().map(|p| vec![Cost::default(); p.num_neurons()]).collect();
        for (tile, costs) in self.tiles.iter().zip(&mut costs) {
            for (neuron, cost) in costs.drain(..) {
                by_population[tile.population as usize][neuron] = cost;
            }
        }
        for (number, population) in description.populations.iter().enumerate() {
            if let Model::Input { port } = population.model {
                let neurons = || 0..population.num_neurons();
                for (neuron, cost) in self.costs_from(description, number, Destination::Port(port), neurons) {
                    by_population[number][neuron] = cost;
                }
            }
        }
        let updates = |tile: &Tile| {
            tile.num_neurons() as u64 * self.active_timesteps(description, tile.population as usize)
        };
        Costs { by_population, soma_updates: self.tiles.iter().map(updates).sum() }
    }

    fn costs_from<I: Iterator<Item = usize>>(
        &self,
        description: &Description,
        population: usize,
        from: Place,
        neurons: impl Fn() -> I,
    ) -> Vec<(usize, Cost)> {
        neurons().zip(self.axons[population].costs(description, from, neurons())).collect()
    }
}

/// What one spike of each neuron costs, and what a sample costs without any.
#[derive(Debug)]
pub struct Costs {
    by_population: Vec<Vec<Cost>>,
    soma_updates: u64,
}

impl Costs {
    /// What a sample costs, given each population's codes.
    pub fn of(&self, description: &Description, codes: &[Vec<u8>]) -> Untimed {
        let mut untimed = Untimed { soma_updates: self.soma_updates, ..Untimed::default() };
        for (number, (codes, costs)) in codes.iter().zip(&self.by_population).enumerate() {
            let mut packets = 0;
            for (&code, cost) in codes.iter().zip(costs).filter(|&(&code, _)| code != 0) {
                let spikes = u64::from(code.count_ones());
                packets += spikes * u64::from(cost.packets);
                untimed.packet_hops += spikes * u64::from(cost.hops);
                if description.output as usize == number && !description.chip.io.is_empty() {
                    untimed.output_packets += spikes;
                }
            }
            match description.populations[number].model {
                Model::Input { .. } => untimed.input_packets += packets,
                _ => untimed.packets += packets,
            }
        }
        untimed
    }
}
