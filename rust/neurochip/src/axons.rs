//! Axons: where a neuron's spikes go, and how many synapses wait there.
//!
//! A list of targets a neuron would be long; connectors say the same in a few numbers per tile. They are
//! looked up once a pixel: its neurons send to the same places, but for their channels.

use std::ops::Range;

use crate::chip::{ChipSpec, Grid};
use crate::image::Image;
use crate::image::arrays::read_i32;
use crate::image::blocks::reached_channels;
use crate::image::description::{Connector, Population, Projection, Tile, Window};
use crate::synapse::one_to_one_sources;
use crate::traffic::{Destination, Packet};
use crate::window::{Axis, Hit};

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
    /// For each row of the population, the routes that any of its neurons has, ascending: a large
    /// map has a thousand, of which a neuron's window meets a few.
    routes_of_row: Vec<Vec<u32>>,
    /// Whether the host reads this population's spikes.
    leaves: bool,
}

/// Where the neurons of one pixel send.
#[derive(Debug)]
pub(crate) struct PixelAxons<'a> {
    /// The tiles that any of them reaches.
    fans: Vec<(Destination, Fan<'a>)>,
    /// The io port through which the host reads them, if it does.
    outside: Option<Destination>,
}

/// Synapses of the neurons of a pixel on one tile, by channel.
#[derive(Debug, Clone, Copy)]
enum Fan<'a> {
    /// The product of the places in the tile that see the pixel and of a count by channel.
    Box { places: u32, channels: &'a [u32] },
    /// A count for each neuron that has any; `first` is the first neuron of the pixel.
    Each { first: u32, synapses: &'a [(u32, u32)] },
}

/// What one spike of a neuron causes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Packets sent.
    pub(crate) packets: u32,
    /// Routers that they go on to.
    pub(crate) hops: u32,
    /// Those of them that lie along y.
    pub(crate) hops_y: u32,
    /// Packets to a core at the sender's own router.
    pub(crate) node_packets: u32,
    /// Chips that they go on to.
    pub(crate) chip_hops: u32,
}

impl Cost {
    fn plus(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            hops: self.hops + other.hops,
            hops_y: self.hops_y + other.hops_y,
            node_packets: self.node_packets + other.node_packets,
            chip_hops: self.chip_hops + other.chip_hops,
        }
    }
}

/// Where packets start and end on a board.
#[derive(Debug)]
pub(crate) struct Places {
    grid: Grid,
    /// Column and row of the router of each io port.
    ports: Vec<[u32; 2]>,
    chip: ChipSpec,
}

impl Places {
    pub(crate) fn new(chip: &ChipSpec) -> Self {
        let ports = chip.ports().iter().map(|port| [port.x, port.y]).collect();
        Self { grid: chip.grid(), ports, chip: chip.clone() }
    }

    /// The router that a core or an io port is attached to, as x and y.
    fn router(&self, place: Destination) -> [u32; 2] {
        match place {
            Destination::Core(core) => self.grid.position(self.grid.node_of(core)),
            Destination::Port(port) => self.ports[port as usize],
        }
    }

    /// Channels between routers on the way, in dimension order.
    fn hops(&self, from: Destination, to: Destination) -> u32 {
        distances(self.router(from), self.router(to)).iter().sum()
    }

    /// What a packet from one place to another causes.
    fn cost(&self, from: Destination, to: Destination) -> Cost {
        let [start, stop] = [self.router(from), self.router(to)];
        let [hops_x, hops_y] = distances(start, stop);
        let between_cores = matches!((from, to), (Destination::Core(_), Destination::Core(_)));
        Cost {
            packets: 1,
            hops: hops_x + hops_y,
            hops_y,
            node_packets: u32::from(between_cores && start == stop),
            chip_hops: distances(self.grid.chip(start), self.grid.chip(stop)).iter().sum(),
        }
    }

    /// The io port with the fewest hops of those that can be addressed; of equals, the first.
    fn nearest_port(&self, from: Destination) -> Destination {
        let is_far = |port| !self.chip.can_address(self.router(from), self.router(port));
        let ports = (0..self.ports.len() as u32).map(Destination::Port);
        ports.min_by_key(|&port| (is_far(port), self.hops(from, port))).expect("the input has a port")
    }
}

/// Along x and along y.
fn distances([x, y]: [u32; 2], [to_x, to_y]: [u32; 2]) -> [u32; 2] {
    [x.abs_diff(to_x), y.abs_diff(to_y)]
}

impl Axons {
    pub(crate) fn new(image: &Image, population: usize) -> Self {
        let description = image.description();
        let outgoing =
            description.projections.iter().filter(|projection| projection.source as usize == population);
        let routes: Vec<Route> = outgoing.flat_map(|projection| routes(image, projection)).collect();
        let leaves = description.is_read(population);
        let shape = description.populations[population].shape;
        let mut routes_of_row = vec![vec![]; shape[0] as usize];
        for (number, route) in (0..).zip(&routes) {
            for row in route.rows(shape) {
                routes_of_row[row as usize].push(number);
            }
        }
        Self { shape, routes, routes_of_row, leaves }
    }

    /// Where the neurons of a pixel send, from a core or an io port; `first` is the first of them.
    pub(crate) fn of_pixel(&self, places: &Places, first: usize, from: Destination) -> PixelAxons<'_> {
        let [_, width, depth] = self.shape.map(|length| length as usize);
        let pixel = first / depth;
        let at = |&number: &u32| {
            let route = &self.routes[number as usize];
            let fan = route.reach.fan([pixel / width, pixel % width], pixel * depth, depth)?;
            Some((route.destination, fan))
        };
        PixelAxons {
            fans: self.routes_of_row[pixel / width].iter().filter_map(at).collect(),
            outside: self.leaves.then(|| places.nearest_port(from)),
        }
    }
}

impl PixelAxons<'_> {
    /// The packets of a spike of a channel, in the order of sending.
    pub(crate) fn packets(&self, channel: usize) -> impl Iterator<Item = Packet> {
        let to_tile = move |&(destination, fan): &(Destination, Fan<'_>)| {
            let synapses = fan.synapses(channel);
            (synapses > 0).then_some(Packet { destination, synapses })
        };
        let outside = self.outside.map(|destination| Packet { destination, synapses: 0 });
        self.fans.iter().filter_map(to_tile).chain(outside)
    }

    /// What a spike of each of these channels causes.
    pub(crate) fn costs(
        &self,
        places: &Places,
        from: Destination,
        channels: Range<usize>,
    ) -> impl Iterator<Item = Cost> {
        let ways: Vec<(Fan<'_>, Cost)> =
            self.fans.iter().map(|&(destination, fan)| (fan, places.cost(from, destination))).collect();
        let outside = self.outside.map_or(Cost::default(), |port| places.cost(from, port));
        channels.map(move |channel| {
            let taken = ways.iter().filter(|(fan, _)| fan.synapses(channel) > 0);
            taken.fold(outside, |sum, (_, cost)| sum.plus(*cost))
        })
    }
}

impl Reach {
    /// The synapses of the neurons of a pixel, if there are any; `first` is the first of the neurons.
    fn fan(&self, [row, column]: [usize; 2], first: usize, depth: usize) -> Option<Fan<'_>> {
        match self {
            Self::Box { rows, columns, channels } => {
                let places = rows[row] * columns[column];
                (places > 0).then_some(Fan::Box { places, channels })
            }
            Self::Each(synapses) => {
                let before = |end: usize| synapses.partition_point(|&(neuron, _)| (neuron as usize) < end);
                let synapses = &synapses[before(first)..before(first + depth)];
                (!synapses.is_empty()).then_some(Fan::Each { first: first as u32, synapses })
            }
        }
    }
}

impl Fan<'_> {
    #[inline]
    fn synapses(self, channel: usize) -> u32 {
        match self {
            Self::Box { places, channels } => places * channels[channel], // no more than the neurons of a tile
            Self::Each { first, synapses } => {
                let neuron = first + channel as u32;
                let found = synapses.binary_search_by_key(&neuron, |&(neuron, _)| neuron);
                found.map_or(0, |found| synapses[found].1)
            }
        }
    }
}

impl Route {
    /// The rows of the source population with a neuron that has synapses on the tile, ascending.
    fn rows(&self, shape: [u32; 3]) -> Vec<u32> {
        match &self.reach {
            Reach::Box { rows, .. } => {
                let reached = (0..).zip(rows).filter(|(_, count)| **count > 0);
                reached.map(|(row, _)| row).collect()
            }
            Reach::Each(synapses) => {
                let [_, width, depth] = shape;
                let mut rows: Vec<u32> =
                    synapses.iter().map(|(neuron, _)| neuron / (width * depth)).collect();
                rows.dedup();
                rows
            }
        }
    }
}

fn routes(image: &Image, projection: &Projection) -> Vec<Route> {
    let description = image.description();
    let index = match &projection.connector {
        Connector::OneToOne { index: Some(index) } => Some(read_i32(image.blob(), *index)),
        _ => None,
    };
    let ends = description.ends(projection);
    let route = |tile: &Tile| Route {
        destination: Destination::Core(tile.core),
        reach: reach(&projection.connector, ends, tile, index.as_deref()),
    };
    description.tiles.iter().filter(|tile| tile.population == projection.target).map(route).collect()
}

fn reach(connector: &Connector, ends: [&Population; 2], tile: &Tile, index: Option<&[i32]>) -> Reach {
    let [source, target] = ends;
    let [height, width, channels] = source.shape;
    match connector {
        Connector::Dense => Reach::Box {
            rows: vec![1; height as usize],
            columns: vec![1; width as usize],
            channels: vec![tile.num_neurons() as u32; channels as usize],
        },
        Connector::Convolution { window, groups } => {
            let reached = |channel| reached_channels(channel, *groups, ends, tile).len() as u32;
            reach_box(window, ends, tile, (0..channels).map(reached).collect())
        }
        Connector::Depthwise { window } | Connector::Pool { window } => {
            let held = |channel| u32::from((tile.channels[0]..tile.channels[1]).contains(&channel));
            reach_box(window, ends, tile, (0..channels).map(held).collect())
        }
        Connector::OneToOne { .. } => {
            let mut sources = one_to_one_sources(target, tile, index);
            sources.retain(|&source| source >= 0);
            sources.sort_unstable();
            let count = |same: &[i32]| (same[0] as u32, same.len() as u32);
            Reach::Each(sources.chunk_by(|a, b| a == b).map(count).collect())
        }
    }
}

fn reach_box(window: &Window, ends: [&Population; 2], tile: &Tile, channels: Vec<u32>) -> Reach {
    let [y, x] = Axis::pair(window, ends.map(|population| population.shape));
    let count = |hits: Vec<Vec<Hit>>| hits.iter().map(|hits| hits.len() as u32).collect();
    Reach::Box {
        rows: count(y.hits(tile.rows[0]..tile.rows[1])),
        columns: count(x.hits(tile.columns[0]..tile.columns[1])),
        channels,
    }
}
