//! Random networks, drawn from a list of numbers so that proptest can shrink them.

mod quartz;
mod rate;
mod stem;

use neurochip::image::description::{Connector, Model, Population, SpikeCode, Tile, Window};
use proptest::prelude::*;

use crate::network::{Network, SECOND_STATE_WORD, input, tiny};

/// Numbers to draw from; 0 for ever once they are used up, so that shorter lists are simpler networks.
#[derive(Debug)]
pub(crate) struct Choices(std::vec::IntoIter<u32>);

/// Lists of numbers that networks are drawn from.
pub(crate) fn choices() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(any::<u32>(), 50..400)
}

impl Choices {
    pub(crate) fn new(numbers: Vec<u32>) -> Self {
        Self(numbers.into_iter())
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn pick(&mut self, low: i64, high: i64) -> i64 {
        low + i64::from(self.0.next().unwrap_or(0)) % (high - low + 1)
    }

    fn length(&mut self, low: u32, high: u32) -> u32 {
        self.pick(low.into(), high.into()) as u32
    }

    /// True once in `times`.
    fn once_in(&mut self, times: i64) -> bool {
        self.pick(1, times) == times
    }

    fn one_of<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.pick(0, values.len() as i64 - 1) as usize].clone()
    }

    /// Many numbers from `low` to `high` for one.
    fn many(&mut self, count: usize, low: i32, high: i32) -> Vec<i32> {
        let mut state = self.pick(0, u32::MAX.into()) as u64;
        let span = (i64::from(high) - i64::from(low) + 1) as u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (i64::from(low) + ((state >> 33) % span) as i64) as i32
        };
        (0..count).map(|_| next()).collect()
    }
}

/// The nodes of the chip as a board of four.
const FOUR_CHIPS: [(&str, &str); 4] =
    [("mesh.width", "4"), ("mesh.height", "4"), ("board.chips_x", "2"), ("board.chips_y", "2")];

/// A network of up to four populations after its input, all of one code, in boxes on up to 33 cores.
pub(crate) fn network(choices: &mut Choices) -> Network {
    match choices.pick(0, 3) {
        0 | 1 => stem_network(choices),
        2 => network_of(choices, quartz::input, quartz::add),
        _ => network_of(choices, rate::input, rate::add),
    }
}

/// A network of STEM neurons.
pub(crate) fn stem_network(choices: &mut Choices) -> Network {
    network_of(choices, stem::input, stem::add)
}

/// Adds a population; the last one may be one whose membranes are read.
type Add = fn(&mut Network, &mut Choices, bool);

fn network_of(choices: &mut Choices, code: fn(&mut Choices) -> SpikeCode, add: Add) -> Network {
    let chips: &[_] = if choices.once_in(2) { &FOUR_CHIPS } else { &[] };
    let fields = [
        ("core.weight_sum_bits", choices.one_of(&["32", "16", "21"])),
        ("core.membrane_bits", choices.one_of(&["32", "16", "24"])),
        ("core.overflow", choices.one_of(&["wrap", "saturate"])),
        ("core.second_state_word", SECOND_STATE_WORD),
        ("noc.packet_flits", choices.one_of(&["1", "2"])),
        ("mesh.cores_per_node", choices.one_of(&["1", "1", "4"])),
    ];
    let chip = tiny(&[&fields, chips].concat());
    let shape = shape(choices);
    let mut network = Network::new(chip, input(shape, code(choices)));
    for last in (0..choices.pick(1, 4)).rev() {
        if choices.once_in(4) {
            add_max_pool(&mut network, choices);
        } else {
            add(&mut network, choices, last == 0);
        }
    }
    read_others(&mut network, choices);
    network.timesteps += choices.length(0, 1);
    cut(&mut network, choices);
    network
}

/// Lets the host read populations in the middle as well, before and after the last one.
fn read_others(network: &mut Network, choices: &mut Choices) {
    let last = network.outputs[0];
    for number in 1..last {
        if choices.once_in(4) {
            let place = choices.pick(0, network.outputs.len() as i64) as usize;
            network.outputs.insert(place, number);
        }
    }
}

/// Values of the input's neurons.
pub(crate) fn sample(network: &Network, choices: &mut Choices) -> Vec<i64> {
    let (low, high) = match network.populations[0].code.unwrap() {
        SpikeCode::Binary { bits, signed: true } => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        SpikeCode::Binary { bits, signed: false } => (0, (1 << bits) - 1),
        SpikeCode::FirstSpike { levels, .. } | SpikeCode::Rate { levels, .. } => (0, levels as i32),
    };
    let values = choices.many(network.populations[0].num_neurons(), low, high);
    values.into_iter().map(i64::from).collect()
}

fn shape(choices: &mut Choices) -> [u32; 3] {
    [choices.length(1, 5), choices.length(1, 5), choices.length(1, 6)]
}

fn add_max_pool(network: &mut Network, choices: &mut Choices) {
    let source = any_source(network, choices);
    let streamed = network.populations[source as usize].clone();
    let mut shape = [choices.length(1, 4), choices.length(1, 4), streamed.shape[2]];
    let mut window = window(choices);
    window.kernel = choices.one_of(&[[2, 2], [3, 3], [3, 5], [1, 2], [7, 1]]);
    if let Some(SpikeCode::FirstSpike { zeros: true, .. }) = streamed.code {
        window = Window { kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };
        window.kernel = [0, 1].map(|axis| choices.length(1, streamed.shape[axis].min(3)));
        let [rows, columns] = [0, 1].map(|axis| streamed.shape[axis] - window.kernel[axis] + 1);
        shape = [rows, columns, streamed.shape[2]]; // every neuron has inputs
    }
    let send_start = streamed.send_start + 1;
    let target =
        network.add(Population { name: "pool".into(), shape, send_start, model: Model::MaxPool, ..streamed });
    let bits = (0..window.num_taps()).map(|tap| 1 << tap).collect();
    network.connect(source, target, Connector::Pool { window }, bits);
}

/// Any population but a trigger.
fn any_source(network: &Network, choices: &mut Choices) -> u32 {
    let sends = |number: &u32| !matches!(network.populations[*number as usize].model, Model::Constant { .. });
    let sources: Vec<u32> = (0..network.populations.len() as u32).filter(sends).collect();
    choices.one_of(&sources)
}

fn connect(network: &mut Network, choices: &mut Choices, ends: [u32; 2], (low, high): (i32, i32)) {
    let [from, to] = ends.map(|number| network.populations[number as usize].shape);
    let (sources, targets) = (from.iter().product::<u32>() as usize, to.iter().product::<u32>() as usize);
    let window = window(choices);
    let divides = |groups: &u32| from[2] % groups == 0 && to[2] % groups == 0;
    let groups: Vec<u32> = (1..=6).filter(divides).collect();
    let groups = choices.one_of(&groups);
    let mut kinds = vec![Connector::Convolution { window, groups }, Connector::OneToOne { index: None }];
    if to[..2] == [1, 1] || choices.once_in(4) {
        kinds.push(Connector::Dense);
    }
    if from[2] == to[2] {
        kinds.extend([Connector::Depthwise { window }, Connector::Pool { window }]);
    }
    let mut connector = choices.one_of(&kinds);
    let mut index = None;
    if let Connector::OneToOne { index: stored } = &mut connector
        && (from != to || choices.once_in(2))
    {
        let sources = choices.many(targets, -1, sources as i32 - 1);
        *stored = Some(network.add_i32(&sources));
        index = Some(sources);
    }
    let count = match &connector {
        Connector::Dense => sources * to[2] as usize,
        Connector::Convolution { groups, .. } => (to[2] * (from[2] / groups)) as usize * window.num_taps(),
        Connector::Depthwise { .. } => from[2] as usize * window.num_taps(),
        Connector::Pool { .. } => window.num_taps(),
        Connector::OneToOne { .. } => 1,
    };
    let [source, target] = ends;
    network.connect_index(source, target, connector, choices.many(count, low, high), index);
}

fn window(choices: &mut Choices) -> Window {
    let mut pair = |low, high| [choices.length(low, high), choices.length(low, high)];
    Window { kernel: pair(1, 3), stride: pair(1, 3), pad: pair(0, 2), dilation: pair(1, 2) }
}

/// Cuts every population into boxes and deals them out to the cores.
pub(crate) fn cut(network: &mut Network, choices: &mut Choices) {
    let mut free: Vec<u32> = (0..network.chip.num_cores()).collect();
    network.tiles.clear();
    for (population, number) in network.populations.iter().zip(0..).skip(1) {
        let [rows, columns, channels] = population.shape.map(|length| halves(choices, length));
        for &rows in &rows {
            for &columns in &columns {
                for &channels in &channels {
                    let core = free.swap_remove(choices.pick(0, free.len() as i64 - 1) as usize);
                    let blocks = vec![];
                    network.tiles.push(Tile { population: number, core, rows, columns, channels, blocks });
                }
            }
        }
    }
}

fn halves(choices: &mut Choices, length: u32) -> Vec<[u32; 2]> {
    if length == 1 || choices.once_in(2) {
        return vec![[0, length]];
    }
    let cut = choices.length(1, length - 1);
    vec![[0, cut], [cut, length]]
}
