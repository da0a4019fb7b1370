//! Random networks, drawn from a list of numbers so that proptest can shrink them.

mod stem;

use neurochip::image::description::{Connector, Model, Population, Tile, Window};
use proptest::prelude::*;
use stem::Sums;

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
const FOUR_CHIPS: [(&str, &str); 5] = [
    ("mesh.width", "4"),
    ("mesh.height", "4"),
    ("board.chips_x", "2"),
    ("board.chips_y", "2"),
    ("io.1.x", "3"),
];

/// A network of up to four populations behind its input, in boxes on up to 33 cores.
pub(crate) fn network(choices: &mut Choices) -> Network {
    let chips: &[_] = if choices.once_in(2) { &FOUR_CHIPS } else { &[] };
    let fields = [
        ("core.weight_sum_bits", choices.one_of(&["32", "16"])),
        ("core.membrane_bits", choices.one_of(&["32", "16"])),
        ("core.overflow", choices.one_of(&["wrap", "saturate"])),
        ("core.second_state_word", SECOND_STATE_WORD),
        ("noc.packet_flits", choices.one_of(&["1", "2"])),
    ];
    let chip = tiny(&[&fields, chips].concat());
    let (shape, signed) = (shape(choices), choices.once_in(2));
    let mut network = Network::new(chip, input(shape, choices.length(1, 8), signed));
    for last in (0..choices.pick(1, 4)).rev() {
        if choices.once_in(4) {
            add_max_pool(&mut network, choices);
        } else {
            add_stem(&mut network, choices, last == 0);
        }
    }
    network.timesteps += choices.length(0, 1);
    cut(&mut network, choices);
    network
}

/// Values of the input's neurons.
pub(crate) fn sample(network: &Network, choices: &mut Choices) -> Vec<i64> {
    let Population { bits, signed, .. } = network.populations[0];
    let low = if signed { -(1 << (bits - 1)) } else { 0 };
    let values = choices.many(network.populations[0].num_neurons(), low, low + (1 << bits) - 1);
    values.into_iter().map(i64::from).collect()
}

fn shape(choices: &mut Choices) -> [u32; 3] {
    [choices.length(1, 5), choices.length(1, 5), choices.length(1, 6)]
}

fn add_max_pool(network: &mut Network, choices: &mut Choices) {
    let source = choices.pick(0, network.populations.len() as i64 - 1) as u32;
    let streamed = network.populations[source as usize].clone();
    let shape = [choices.length(1, 4), choices.length(1, 4), streamed.shape[2]];
    let mut window = window(choices);
    window.kernel = choices.one_of(&[[2, 2], [3, 3], [3, 5], [1, 2], [7, 1]]);
    let send_start = streamed.send_start + 1;
    let target =
        network.add(Population { name: "pool".into(), shape, send_start, model: Model::MaxPool, ..streamed });
    let bits = (0..window.num_taps()).map(|tap| 1 << tap).collect();
    network.connect(source, target, Connector::Pool { window }, bits);
}

fn add_stem(network: &mut Network, choices: &mut Choices, is_last: bool) {
    let sources = sources(network, choices);
    let from = |source: &u32| &network.populations[*source as usize];
    let ready = sources.iter().map(|source| from(source).send_start + from(source).bits).max().unwrap();
    let steps = sources.iter().map(|source| from(source).bits).max().unwrap();
    let mut shape = if choices.once_in(3) { [1, 1, choices.length(1, 6)] } else { shape(choices) };
    if choices.once_in(2) {
        shape[2] = from(&sources[0]).shape[2];
    }
    let sends = !is_last || !choices.once_in(4);
    let (send_start, bits, signed) = code(network, choices, ready);
    let bits = if sends { bits } else { 0 };
    let weights = choices.one_of(&[(-3, 3), (-128, 127), (-32_768, 32_767), (-40, 90), (0, 2)]);
    let name = "stem".into();
    let model = Model::Input { port: 0 }; // until it is known
    let target = network.add(Population { name, shape, send_start, bits, signed, model });
    let model = Model::Stem(stem::stem(network, choices, target, Sums { weights, steps }));
    network.populations[target as usize].model = model;
    for source in sources {
        connect(network, choices, [source, target], weights);
    }
}

/// A new code, or where one can be in time for it, another population's: then both may meet.
fn code(network: &Network, choices: &mut Choices, ready: u32) -> (u32, u32, bool) {
    let start = ready + u32::from(choices.once_in(4));
    let bits = choices.one_of(&[8, 8, 4, 1, 2, 3, 5, 6, 7]);
    let mut codes = vec![(start, bits, choices.once_in(2))];
    codes.extend(network.populations.iter().map(sent).filter(|&(start, bits, _)| start >= ready && bits > 0));
    let last = codes.len() - 1;
    codes[last]
}

/// When and what a population sends.
fn sent(population: &Population) -> (u32, u32, bool) {
    (population.send_start, population.bits, population.signed)
}

/// One source, or two that send the same code together or do not meet.
fn sources(network: &Network, choices: &mut Choices) -> Vec<u32> {
    let count = network.populations.len() as u32;
    let first = choices.length(0, count - 1).abs_diff(count - 1);
    if !choices.once_in(2) {
        return vec![first];
    }
    let fits = |&second: &u32| {
        let [a, b] = [first, second].map(|number| &network.populations[number as usize]);
        let apart = a.send_start + a.bits <= b.send_start || b.send_start + b.bits <= a.send_start;
        sent(a) == sent(b) || apart
    };
    let mut seconds: Vec<u32> = (0..count).filter(fits).collect();
    if seconds.len() > 1 {
        seconds.retain(|&second| second != first);
    }
    let together = |second: &u32| {
        let [a, b] = [first, *second].map(|number| &network.populations[number as usize]);
        sent(a) == sent(b)
    };
    if seconds.iter().any(together) {
        seconds.retain(together);
    }
    vec![first, choices.one_of(&seconds)]
}

fn connect(network: &mut Network, choices: &mut Choices, ends: [u32; 2], (low, high): (i32, i32)) {
    let [from, to] = ends.map(|number| network.populations[number as usize].shape);
    let (sources, targets) = (from.iter().product::<u32>() as usize, to.iter().product::<u32>() as usize);
    let window = window(choices);
    let divides = |groups: &u32| from[2] % groups == 0 && to[2] % groups == 0;
    let groups: Vec<u32> = (1..=6).filter(divides).collect();
    let groups = choices.one_of(&groups);
    let mut kinds = vec![Connector::Convolution { window, groups }, Connector::OneToOne { index: None }];
    if to[..2] == [1, 1] {
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
        Connector::Dense => sources * targets,
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
    let mut free: Vec<u32> = (0..network.chip.num_nodes()).collect();
    network.tiles.clear();
    for (population, number) in network.populations.iter().zip(0..).skip(1) {
        let [rows, columns, channels] = population.shape.map(|length| halves(choices, length));
        for &rows in &rows {
            for &columns in &columns {
                for &channels in &channels {
                    let node = free.swap_remove(choices.pick(0, free.len() as i64 - 1) as usize);
                    let blocks = vec![];
                    network.tiles.push(Tile { population: number, node, rows, columns, channels, blocks });
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
