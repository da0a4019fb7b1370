//! The schedule: what every neuron does in each timestep of a sample, and the traffic that makes.

use crate::axons::{Axons, Cost, Places};
use crate::image::Image;
use crate::image::description::{Description, Model, Tile};
use crate::traffic::{CoreWork, Destination, Injection, Spike, Traffic, Update};

/// Who does what when, for one image.
#[derive(Debug)]
pub struct Schedule {
    /// The out-table of each population.
    axons: Vec<Axons>,
    places: Places,
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
    /// Times that packets went from router to router.
    pub packet_hops: u64,
    /// Times that packets went from chip to chip.
    pub packet_chip_hops: u64,
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
            places: Places::new(&description.chip),
            tiles,
            sources: (0..count).map(sources_of).collect(),
        }
    }

    /// Cycles between groups of neurons of a population in `timestep`; 0 where it is idle.
    fn soma_cycles(&self, description: &Description, population: usize, timestep: u32) -> u32 {
        let cycles = &description.chip.core.timing.soma_cycles;
        let sent_before =
            |source: &usize| timestep > 0 && description.populations[*source].step(timestep - 1).is_some();
        let receives = self.sources[population].iter().any(sent_before);
        let when = |active: bool, cycles: u32| if active { cycles } else { 0 };
        let neurons = &description.populations[population];
        match neurons.model {
            Model::Input { .. } => 0,
            Model::MaxPool => when(receives, cycles.max_pool.compare),
            Model::Stem(_) => {
                when(receives, cycles.stem.accumulate)
                    + when(timestep == neurons.send_start, cycles.stem.requantize)
                    + when(neurons.step(timestep).is_some(), cycles.stem.generate)
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
        self.inject(description, &codes[0], timestep, &mut traffic);
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
        let Some(step) = population.step(timestep) else { return };
        let bit = population.bits - 1 - step;
        let axons = &self.axons[tile.population as usize];
        let from = Destination::Node(tile.node);
        for (local, neuron) in tile.neurons(population.shape).enumerate() {
            if codes[neuron] >> bit & 1 == 1 {
                let start = traffic.packets.len() as u32;
                traffic.packets.extend(axons.packets(&self.places, neuron, from));
                let packets = start..traffic.packets.len() as u32;
                traffic.spikes.push(Spike { neuron: local as u32, packets });
            }
        }
    }

    /// Appends the spikes of the input, which is the first population.
    fn inject(&self, description: &Description, codes: &[u8], timestep: u32, traffic: &mut Traffic) {
        let input = &description.populations[0];
        let (Model::Input { port }, Some(step)) = (&input.model, input.step(timestep)) else { return };
        let bit = input.bits - 1 - step;
        let start = traffic.packets.len() as u32;
        for neuron in (0..codes.len()).filter(|&neuron| codes[neuron] >> bit & 1 == 1) {
            let from = Destination::Port(*port);
            traffic.packets.extend(self.axons[0].packets(&self.places, neuron, from));
        }
        let packets = start..traffic.packets.len() as u32;
        if !packets.is_empty() {
            traffic.inputs.push(Injection { port: *port, packets });
        }
    }

    /// Timesteps in which a population's neurons update, for one sample.
    fn active_timesteps(&self, description: &Description, population: usize) -> u64 {
        let active = |timestep: &u32| self.soma_cycles(description, population, *timestep) > 0;
        (0..description.timesteps).filter(active).count() as u64
    }

    /// What spikes and timesteps cost, once for all samples.
    pub fn costs(&self, description: &Description) -> Costs {
        let count = description.populations.len();
        let active: Vec<u64> = (0..count).map(|number| self.active_timesteps(description, number)).collect();
        let mut soma_updates = 0;
        let mut by_population: Vec<Vec<Cost>> = vec![vec![]; count];
        if let Model::Input { port } = description.populations[0].model {
            let cost = |neuron| self.axons[0].cost(&self.places, neuron, Destination::Port(port));
            by_population[0] = (0..description.populations[0].num_neurons()).map(cost).collect();
        }
        for tile in &self.tiles {
            let population = &description.populations[tile.population as usize];
            let axons = &self.axons[tile.population as usize];
            let costs = &mut by_population[tile.population as usize];
            costs.resize(population.num_neurons(), Cost::default());
            for neuron in tile.neurons(population.shape) {
                costs[neuron] = axons.cost(&self.places, neuron, Destination::Node(tile.node));
            }
            soma_updates += tile.num_neurons() as u64 * active[tile.population as usize];
        }
        Costs { by_population, soma_updates }
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
            let (mut spikes, mut packets) = (0, 0);
            for (&code, cost) in codes.iter().zip(costs).filter(|&(&code, _)| code != 0) {
                let sent = u64::from(code.count_ones());
                spikes += sent;
                packets += sent * u64::from(cost.packets);
                untimed.packet_hops += sent * u64::from(cost.hops);
                untimed.packet_chip_hops += sent * u64::from(cost.chip_hops);
            }
            if number == description.output as usize {
                untimed.output_packets = spikes;
            }
            match description.populations[number].model {
                Model::Input { .. } => untimed.input_packets = packets,
                _ => untimed.packets += packets,
            }
        }
        untimed
    }
}
