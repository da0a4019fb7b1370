//! Flows: how many packets go from each tile to each other, given how often each neuron fires.

use std::collections::BTreeMap;

use super::{Pixel, Schedule, pixels};
use crate::image::description::Description;
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
        for Pixel { tile, population, first, channels, from } in pixels(description) {
            let place = tile.map_or(entrance, |tile| tile as u32);
            let axons = self.axons[population].of_pixel(&self.places, first, from);
            for (channel, &spikes) in channels.zip(&spikes[population][first..]) {
                for packet in axons.packets(channel) {
                    let to = match packet.destination {
                        Destination::Core(core) => places[&core],
                        Destination::Port(_) => entrance + 1,
                    };
                    *packets.entry((place, to)).or_insert(0) += spikes;
                }
            }
        }
        packets.into_iter().map(|((from, to), packets)| Flow { from, to, packets }).collect()
    }
}
