"""The Quartz neuron in plain loops, one timestep after the other (quartz.md, section 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from neurochip.network import (
    ConstantNeurons,
    DenseConnector,
    InputNeurons,
    Network,
    Projection,
)


def level_sent(
    weights: Sequence[int],
    levels: Sequence[int],
    *,
    top: int,
    bias: int = 0,
    slope: int,
    threshold: int,
    gated: bool = True,
) -> int:
    """The level at which one neuron fires; 0 if it does not before its window ends.

    Args:
        weights: One a synapse.
        levels: What each synapse's source sends: level u spikes at local step `top - u`.
        top: The top level N: the neuron lives for the local steps 0 to 2N.
        bias: Its membrane at first.
        slope: Its current from the readout on.
        threshold: The membrane at which it fires.
        gated: Whether it cannot fire before the step of its top level.
    """
    current, membrane = 0, bias
    for step in range(2 * top + 1):
        for weight, level in zip(weights, levels, strict=True):
            if step == top - level:
                current += weight
        if step == top:
            current = slope
        membrane += current
        if membrane >= threshold and (step >= top or not gated):
            return 2 * top - step
    return 0


def spike_times(network: Network, input_levels: Sequence[int]) -> dict[str, list[int]]:
    """When each neuron of dense layers spikes, if every neuron is at work from the first timestep.

    No neuron is told when its window starts: it fires as soon as its membrane meets the threshold,
    or with the rectifier. Membranes have no width. Neurons that are read do not spike.
    """
    times: dict[str, list[int]] = {}
    for population in network.populations:
        model, code, start = population.model, population.code, population.send_start
        if isinstance(model, InputNeurons | ConstantNeurons):
            levels = input_levels if isinstance(model, InputNeurons) else model.values
            times[population.name] = [start + code.steps - 1 - int(level) for level in levels]
        else:
            into = [each for each in network.projections if each.target == population.name]
            times[population.name] = [
                _spike_time(network, into, neuron, times)
                for neuron in range(population.num_neurons)
            ]
    return times


def _spike_time(
    network: Network, into: Sequence[Projection], neuron: int, times: dict[str, list[int]]
) -> int:
    """When one neuron fires; a timestep that never comes if it does not."""
    (target,) = {each.target for each in into}
    model = network.population(target).model
    slope, threshold, membrane = (
        int(values[neuron % len(values)]) for values in (model.slope, model.threshold, model.bias)
    )
    arriving, readout, rectifier = Counter[int](), set[int](), set[int]()
    for each in into:
        arrivals = [time + 1 for time in times[each.source]]
        kind = network.population(each.source).kind
        if kind in ("Readout", "Rectifier"):
            (readout if kind == "Readout" else rectifier).update(arrivals)
            continue
        for arrival, weight in zip(arrivals, _weights(each, neuron, len(arrivals)), strict=True):
            arriving[arrival] += weight
    current = 0
    for timestep in range(network.timesteps):
        current += arriving[timestep]
        if timestep in readout:
            current = slope + (current if model.added_by else 0)
        membrane += current
        if membrane >= threshold or timestep in rectifier:
            return timestep
    return network.timesteps


def _weights(projection: Projection, neuron: int, sources: int) -> list[int]:
    """Of the synapses into one neuron, one from each source."""
    connector = projection.connector
    if isinstance(connector, DenseConnector):
        return [int(weight) for weight in connector.weights.reshape(sources, -1)[:, neuron]]
    index = range(sources) if connector.index is None else connector.index
    return [connector.weight * int(source == index[neuron]) for source in range(sources)]
