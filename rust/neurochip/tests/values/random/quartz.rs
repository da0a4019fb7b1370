//! Random Quartz populations, each with its triggers, of a size at which the levels differ.

use neurochip::image::description::{Connector, Model, Numbers, Population, Quartz, Readout, SpikeCode};

use super::{Choices, any_source, connect, shape};
use crate::network::Network;

/// What the input sends.
pub(super) fn input(choices: &mut Choices) -> SpikeCode {
    let levels = choices.one_of(&[15, 255, 1, 7, 40]);
    let steps = levels + 1 + choices.one_of(&[0, 0, 3]);
    SpikeCode::FirstSpike { steps, levels, zeros: choices.once_in(2) }
}

/// Adds a population behind one source, or behind two that end together.
pub(super) fn add(network: &mut Network, choices: &mut Choices, is_last: bool) {
    let first = any_source(network, choices);
    let readout = network.populations[first as usize].send_stop();
    let mut sources = vec![first];
    let second = any_source(network, choices);
    if network.populations[second as usize].send_stop() == readout {
        sources.push(second);
    }
    if choices.once_in(3) {
        sources.push(add_constant(network, choices, readout));
    }
    let earliest = sources.iter().map(|&source| network.populations[source as usize].send_start + 1).min();
    let mut code = (!is_last || !choices.once_in(4)).then(|| input(choices));
    let mut send_start = readout;
    if choices.once_in(2)
        && let Some(gated) = code
    {
        send_start = choices.length(earliest.unwrap(), readout);
        code = Some(opened_at(send_start, readout, gated));
    }
    let shape = if choices.once_in(3) { [1, 1, choices.length(1, 6)] } else { shape(choices) };
    let weights = choices.one_of(&[(-3, 3), (-128, 127), (-32_768, 32_767), (-40, 90), (0, 2)]);
    let steps = network.populations[first as usize].steps();
    let model = Model::Quartz(constants(network, choices, shape, code, weights.1 * steps as i32));
    let triggers = triggers(network, readout, send_start, code);
    let name = "quartz".into();
    let target = network.add(Population { name, shape, send_start, code, model });
    for trigger in triggers {
        network.connect(trigger, target, Connector::Dense, vec![1; shape[2] as usize]);
    }
    for source in sources {
        connect(network, choices, [source, target], weights);
    }
}

/// A code whose window starts at a timestep before the readout, with all the levels that gives.
fn opened_at(start: u32, readout: u32, code: SpikeCode) -> SpikeCode {
    let SpikeCode::FirstSpike { steps, levels, zeros } = code else { panic!("not a first spike") };
    let early = readout - start;
    SpikeCode::FirstSpike { steps: steps + early, levels: levels + early, zeros }
}

/// Neurons that send the same levels in every sample, and end with the sources of a population.
fn add_constant(network: &mut Network, choices: &mut Choices, stop: u32) -> u32 {
    let levels = choices.length(1, stop.min(256) - 1);
    let neurons = choices.length(1, 4);
    let drawn = choices.many(neurons as usize, 0, levels as i32);
    let values = network.add_i32(&drawn);
    network.add(Population {
        name: "constant".into(),
        shape: [1, 1, neurons],
        send_start: stop - levels - 1,
        code: Some(SpikeCode::FirstSpike { steps: levels + 1, levels, zeros: true }),
        model: Model::Constant { values },
    })
}

/// A readout, and where zeros spike a rectifier.
fn triggers(network: &mut Network, readout: u32, send_start: u32, code: Option<SpikeCode>) -> Vec<u32> {
    let mut timesteps = vec![readout];
    if let Some(SpikeCode::FirstSpike { steps, zeros: true, .. }) = code {
        timesteps.push(send_start + steps - 1);
    }
    let values = network.add_i32(&[0]);
    let code = Some(SpikeCode::FirstSpike { steps: 1, levels: 0, zeros: true });
    let trigger = |arrives: u32| Population {
        name: "trigger".into(),
        shape: [1, 1, 1],
        send_start: arrives - 1,
        code,
        model: Model::Constant { values },
    };
    timesteps.into_iter().map(|arrives| network.add(trigger(arrives))).collect()
}

/// A slope that climbs over the usual membranes in a window, and a threshold somewhere near its end.
fn constants(
    network: &mut Network,
    choices: &mut Choices,
    shape: [u32; 3],
    code: Option<SpikeCode>,
    usual: i32,
) -> Quartz {
    let Some(SpikeCode::FirstSpike { steps, .. }) = code else {
        let [bias, slope, threshold] =
            [choices.pick(-100, 100) as i32, 0, 0].map(|value| network.add_i32(&[value]));
        return Quartz { bias, slope, threshold, readout: Readout::Set };
    };
    let highest = (1i64 << (network.chip.core.membrane_bits - 1)) - 1;
    let steepest = (highest / (i64::from(steps) + 3)).min(i64::from(usual / steps as i32 + 1)) as i32;
    let mut array = |low: i32, high: i32| {
        let count = choices.one_of(&[1, shape[2], shape.iter().product()]);
        let values = choices.many(count as usize, low, high);
        network.add_i32(&values)
    };
    let magnitude = usual.min(highest as i32);
    let bias: Numbers = array(-magnitude, magnitude);
    let slope = array(1, steepest);
    let threshold = array(0, steps as i32 * steepest);
    let readout = choices.one_of(&[Readout::Set, Readout::Add]);
    Quartz { bias, slope, threshold, readout }
}
