"""The synapses of a Network, one by one, in plain loops: what SOPs are counted against."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from neurochip import _core
from neurochip.image import Image
from neurochip.network import (
    Connector,
    ConvolutionConnector,
    DenseConnector,
    Network,
    OneToOneConnector,
    Population,
)


def fanout(connector: Connector, source: Population, target: Population) -> NDArray[np.int64]:
    """How many synapses each source neuron has onto a target."""
    synapses = np.zeros(source.num_neurons, np.int64)
    if isinstance(connector, DenseConnector):
        return synapses + target.num_neurons
    if isinstance(connector, OneToOneConnector):
        if connector.index is None:
            return synapses + 1
        for neuron in connector.index:
            synapses[neuron] += neuron >= 0
        return synapses
    height, width, channels = source.shape
    window = connector.window
    groups = connector.groups if isinstance(connector, ConvolutionConnector) else channels
    into, out_of = channels // groups, target.shape[2] // groups
    for row, column, *tap in product(*map(range, (*target.shape[:2], *window.kernel))):
        y, x = (
            position * window.stride[axis] - window.pad[axis] + tap[axis] * window.dilation[axis]
            for axis, position in enumerate((row, column))
        )
        if 0 <= y < height and 0 <= x < width:
            for group, channel in product(range(groups), range(into)):
                synapses[(y * width + x) * channels + group * into + channel] += out_of
    return synapses


def sent(image: Image, samples: NDArray[np.float32]) -> dict[str, NDArray[np.uint8]]:
    """What each neuron of each population sends, bit by bit, as the core recorded it."""
    codes = np.ascontiguousarray(image.codes(samples))
    job = _core.Simulator(image.core).start(codes, cycles=False, record=True, threads=1)
    while not job.wait(1.0):
        pass
    record = job.result()["codes"]
    return {layer.name: part for layer, part in image.by_population(record)}


def sops(network: Network, codes: dict[str, NDArray[np.uint8]]) -> NDArray[np.int64]:
    """(samples, populations): each spike, times the synapses it has."""
    samples = len(next(iter(codes.values())))
    counts = {population.name: np.zeros(samples, np.int64) for population in network.populations}
    for projection in network.projections:
        source = network.population(projection.source)
        target = network.population(projection.target)
        spikes = np.unpackbits(codes[source.name][..., None], axis=2).sum(axis=2, dtype=np.int64)
        counts[target.name] += spikes @ fanout(projection.connector, source, target)
    return np.stack(list(counts.values()), axis=1)
