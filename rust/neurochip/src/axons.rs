//! Axons: where a neuron's spikes go, and how many synapses wait there.
//!
//! A list of targets a neuron would be long; connectors say the same in a few numbers a tile.

use crate::image::Image;
use crate::image::arrays::read_i32;
use crate::image::description::{Connector, Description, Population, Projection, Tile, Window};
use crate::synapse::{neurons_of, reached_channels};
use crate::traffic::{Destination, Packet};
use crate::window::Axis;

/// How a source population reaches one tile of one target.
#[derive(Debug)]
struct Route {
    destination: Destination,
    reach: Reach,
}

/// Synapses that wait on the tile, by source neuron.
#[derive(Debug)]
enum Reach {
    /// The product of three counts: by source row, column and channel.
    Box { rows: Vec<u32>, columns: Vec<u32>, channels: Vec<u32> },
    /// A count for each neuron that has any, as (neuron, count), neurons ascending.
    Each(Vec<(u32, u32)>),
}

/// The out-table of one population.
#[derive(Debug)]
pub(crate) struct Axons {
    shape: [u32; 3],
    routes: Vec<Route>,
    /// Whether the host reads this population's spikes.
    leaves: bool,
}

/// Packets and flit hops that one spike of a neuron causes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) packets: u32,
    pub(crate) hops: u32,
}

impl Axons {
    pub(crate) fn new(image: &Image, population: usize) -> Self {
        let description = image.description();
        let outgoing =
            description.projections.iter().filter(|projection| projection.source as usize == population);
        let routes = outgoing.flat_map(|projection| routes(image, projection)).collect();
        let leaves = description.output as usize == population;
        Self { shape: description.populations[population].shape, routes, leaves }
    }

    /// Appends the packets of a spike of `neuron`, sent from `node`.
    pub(crate) fn send(
        &self,
        description: &Description,
        neuron: usize,
        from: Place,
        packets: &mut Vec<Packet>,
    ) {
        for route in &self.routes {
            let synapses = route.synapses(self.shape, neuron);
            if synapses > 0 {
                packets.push(Packet { destination: route.destination, synapses });
            }
        }
        if let (true, Some(port)) = (self.leaves, nearest_port(description, from)) {
            packets.push(Packet { destination: Destination::Port(port), synapses: 0 });
        }
    }

    /// What one spike of each of the tile's neurons costs, in local order.
    pub(crate) fn costs(
        &self,
        description: &Description,
        from: Place,
        neurons: impl Iterator<Item = usize>,
    ) -> Vec<Cost> {
        let mut packets = vec![];
        let cost = |neuron| {
            packets.clear();
            self.send(description, neuron, from, &mut packets);
            let hops = packets.iter().map(|packet| hops(description, from, packet.destination)).sum();
            Cost { packets: packets.len() as u32, hops }
        };
        neurons.map(cost).collect()
    }
}

/// Where a packet starts: a core, or an io port.
pub(crate) type Place = Destination;

/// The router a place is attached to, as x and y.
fn router(description: &Description, place: Place) -> [u32; 2] {
    let chip = &description.chip;
    match place {
        Destination::Node(node) => [node % chip.mesh.width, node / chip.mesh.width],
        Destination::Port(port) => [chip.io[port as usize].x, chip.io[port as usize].y],
    }
}

/// Links between two routers, in dimension order.
fn hops(description: &Description, from: Place, to: Place) -> u32 {
    let ([x, y], [to_x, to_y]) = (router(description, from), router(description, to));
    x.abs_diff(to_x) + y.abs_diff(to_y)
}

/// The io port with the fewest hops; of equals, the first in the chip file.
fn nearest_port(description: &Description, from: Place) -> Option<u32> {
    (0..description.chip.io.len() as u32).min_by_key(|&port| hops(description, from, Destination::Port(port)))
}

impl Route {
    fn synapses(&self, shape: [u32; 3], neuron: usize) -> u32 {
        match &self.reach {
            Reach::Each(synapses) => synapses
                .binary_search_by_key(&(neuron as u32), |&(neuron, _)| neuron)
                .map_or(0, |found| synapses[found].1),
            Reach::Box { rows, columns, channels } => {
                let [_, width, depth] = shape.map(|length| length as usize);
                let (position, channel) = (neuron / depth, neuron % depth);
                rows[position / width] * columns[position % width] * channels[channel]
            }
        }
    }
}

fn routes(image: &Image, projection: &Projection) -> Vec<Route> {
    let description = image.description();
    let source = &description.populations[projection.source as usize];
    let target = &description.populations[projection.target as usize];
    let index = match &projection.connector {
        Connector::OneToOne { index: Some(index) } => Some(read_i32(image.blob(), *index)),
        _ => None,
    };
    let tiles = description.tiles.iter().filter(|tile| tile.population == projection.target);
    let route = |tile: &Tile| Route {
        destination: Destination::Node(tile.node),
        reach: reach(&projection.connector, source, target, tile, index.as_deref()),
    };
    tiles.map(route).collect()
}

fn reach(
    connector: &Connector,
    source: &Population,
    target: &Population,
    tile: &Tile,
    index: Option<&[i32]>,
) -> Reach {
    let [height, width, channels] = source.shape;
    let all = |length: u32, count: u32| vec![count; length as usize];
    match connector {
        Connector::Dense => Reach::Box {
            rows: all(height, 1),
            columns: all(width, 1),
            channels: all(channels, tile.channels[1] - tile.channels[0]),
        },
        Connector::Convolution { window, groups } => {
            let reached = |channel| reached_channels(channel, *groups, source, target, tile).len() as u32;
            box_of(window, source, target, tile, (0..channels).map(reached).collect())
        }
        Connector::Depthwise { window } | Connector::Pool { window } => {
            let held = |channel| u32::from((tile.channels[0]..tile.channels[1]).contains(&channel));
            box_of(window, source, target, tile, (0..channels).map(held).collect())
        }
        Connector::OneToOne { .. } => {
            let source_of = |neuron: usize| index.map_or(neuron as i32, |index| index[neuron]);
            let mut sources: Vec<i32> =
                neurons_of(target.shape, tile).map(source_of).filter(|&s| s >= 0).collect();
            sources.sort_unstable();
            Reach::Each(
                sources.chunk_by(|a, b| a == b).map(|same| (same[0] as u32, same.len() as u32)).collect(),
            )
        }
    }
}

fn box_of(
    window: &Window,
    source: &Population,
    target: &Population,
    tile: &Tile,
    channels: Vec<u32>,
) -> Reach {
    let [y, x] = Axis::pair(window, source.shape, target.shape);
    let count = |hits: Vec<Vec<(u32, u32)>>| hits.iter().map(|hits| hits.len() as u32).collect();
    Reach::Box {
        rows: count(y.hits(tile.rows[0]..tile.rows[1])),
        columns: count(x.hits(tile.columns[0]..tile.columns[1])),
        channels,
    }
}
