//! Random integrate-and-fire populations.

use neurochip::image::description::{IntegrateFire, Model, Population, SpikeCode};

use super::{Choices, any_source, connect, shape};
use crate::network::Network;

/// What the input sends.
pub(super) fn input(choices: &mut Choices) -> SpikeCode {
    SpikeCode::Rate { steps: choices.one_of(&[16, 1, 7, 8, 9, 40]), levels: choices.one_of(&[255, 1, 15]) }
}

/// Adds a population behind one or two sources.
pub(super) fn add(network: &mut Network, choices: &mut Choices, is_last: bool) {
    let sources = [any_source(network, choices), any_source(network, choices)];
    let sources = if choices.once_in(2) { &sources[..] } else { &sources[..1] };
    let from = |source: &u32| &network.populations[*source as usize];
    let send_start = sources.iter().map(|source| from(source).send_start).max().unwrap() + 1;
    let stop = sources.iter().map(|source| from(source).send_stop()).max().unwrap() + 1;
    let steps = stop - send_start;
    let sends = !is_last || !choices.once_in(4);
    let code = sends.then(|| SpikeCode::Rate { steps, levels: choices.length(1, 255) });
    let send_start = if sends { send_start } else { stop - 1 };
    let shape = if choices.once_in(3) { [1, 1, choices.length(1, 6)] } else { shape(choices) };
    let weights = choices.one_of(&[(-3, 3), (-128, 127), (-32_768, 32_767), (-40, 90), (0, 2)]);
    let highest = ((1i64 << (network.chip.core.membrane_bits - 1)) - 1) as i32;
    let mut array = |low: i32, high: i32| {
        let count = choices.one_of(&[1, shape[2], shape.iter().product()]);
        let values = choices.many(count as usize, low, high);
        network.add_i32(&values)
    };
    let usual = (4 * weights.1).min(highest);
    let model = IntegrateFire {
        start: array(-usual, usual),
        bias: array(-usual / 4, usual / 2),
        threshold: array(1, usual),
    };
    let model = Model::IntegrateFire(model);
    let target = network.add(Population { name: "rate".into(), shape, send_start, code, model });
    for &source in sources {
        connect(network, choices, [source, target], weights);
    }
}
