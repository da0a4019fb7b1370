//! Flows: how many packets go from each tile to each other, given how often each neuron fires.

use std::collections::BTreeMap;

use super::Schedule;
use crate::image::description::{Description, Model};
use crate::placement::Flow;
use crate::traffic::Destination;

impl Schedule {
    /// Packets between places, given how often each neuron of each population fires.
    ///
    /// Tiles are places in the order of the image. Where there are synapses but no packets, there is a
    /// flow of 0.
    pub fn flows(&self, description: &Description, spikes: &[Vec<u64>]) -> Vec<Flow> {
        let entrance = description.tiles.len() as u32;
        let places: BTreeMap<u32, u32> = description.tiles.iter().map(|tile| tile.core).zip(0..).collect();
        let mut packets = BTreeMap::new();
        let mut send = |place: u32, from: Destination, population: usize, neuron: usize| {
            for packet in self.axons[population].packets(&self.places, neuron, from) {
                let to = match packet.destination {
                    Destination::Core(core) => places[&core],
                    Destination::Port(_) => entrance + 1,
                };
                *packets.entry((place, to)).or_insert(0) += spikes[population][neuron];
            }
        };
        if let Model::Input { port } = description.populations[0].model {
            for neuron in 0..description.populations[0].num_neurons() {
                send(entrance, Destination::Port(port), 0, neuron);
            }
        }
        for (place, tile) in (0..).zip(&description.tiles) {
            let population = tile.population as usize;
            for neuron in tile.neurons(description.populations[population].shape) {
                send(place, Destination::Core(tile.core), population, neuron);
            }
        }
        packets.into_iter().map(|((from, to), packets)| Flow { from, to, packets }).collect()
    }
}
