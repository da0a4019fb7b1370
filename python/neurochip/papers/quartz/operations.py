"""Operations as the Quartz paper counts them: spikes that arrive together are one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import layers
from ...graph import Graph
from ...image import Image
from ...interpret import interpret
from ...layers import Layer
from ...lower.layout import channels_last, natural_index
from ...lower.quartz.levels import choose_levels

Codes = NDArray[Any]


def operations(image: Image, graph: Graph, timesteps: int, samples: NDArray[np.float32]) -> float:
    """Additions of a sample: `n_synops + 2 N T`, the mean over samples.

    Each neuron adds its current to its membrane, and its input to its current, in every timestep.

    Args:
        image: Of Quartz neurons.
        graph: What it was compiled from.
        timesteps: Of a window.
        samples: Of the model's input.
    """
    neurons = sum(
        population.num_neurons for population in image.populations if population.kind in _COUNTED
    )
    return merged_arrivals(image, graph, timesteps, samples) + 2.0 * neurons * timesteps


_SUMS = (layers.Convolution, layers.Dense, layers.AveragePool, layers.Add)
_COUNTED = frozenset(kind.__name__ for kind in _SUMS)


def merged_arrivals(
    image: Image, graph: Graph, timesteps: int, samples: NDArray[np.float32]
) -> float:
    """`n_synops` of a sample: neurons and timesteps at which at least one spike arrives."""
    codes = _codes(image, graph, samples)
    total = sum(
        sum(_arrivals(layer, timesteps, codes))
        for layer in graph.layers
        if all(tensor.name in codes for tensor in layer.inputs)
    )
    return total / len(samples)


def _codes(image: Image, graph: Graph, samples: NDArray[np.float32]) -> dict[str, Codes]:
    """(samples, *shape) by name: the tensors that neurons send, and those that are moved ones."""
    network = image.network
    input_code = network.populations[0].code
    assert input_code is not None, "the input sends what it is given"
    given = input_code.values(channels_last(graph.quantize(samples))).astype(np.uint8)
    sent = interpret(network, image.chip, given)
    held = {each.facts.tensor: each for each in network.populations if each.code is not None}
    codes: dict[str, Codes] = {}
    for tensor, layer in ((graph.input, None), *((each.output, each) for each in graph.layers)):
        if tensor.name in held:
            population = held[tensor.name]
            assert population.code is not None
            own = population.code.codes(sent[population.name].values.astype(np.int64))
            codes[tensor.name] = own[:, natural_index(tensor.shape)]
        elif isinstance(layer, (layers.Rearrange, layers.Concat)):
            sources = [codes[each.name] for each in layer.inputs if each.name in codes]
            if len(sources) == len(layer.inputs):
                codes[tensor.name] = layer.evaluate(*sources)
    return codes


def _arrivals(layer: Layer, timesteps: int, codes: dict[str, Codes]) -> Iterator[int]:
    """Of each source of a layer, all samples together."""
    if not isinstance(layer, _SUMS):
        return
    for tensor in layer.inputs:
        code = choose_levels(tensor, timesteps, zeros=False)
        levels = code.values(codes[tensor.name])
        for level in range(1, code.levels + 1):
            yield _reached(layer, levels == level)


def _reached(layer: Layer, spikes: NDArray[np.bool_]) -> int:
    """How many neurons of a layer at least one of the spikes (samples, *shape) reaches."""
    if isinstance(layer, layers.Add):
        return int(np.count_nonzero(spikes))
    if isinstance(layer, layers.Dense):
        return int(np.count_nonzero(spikes.any(axis=1))) * layer.output.shape[0]
    channels = layer.output.shape[0]
    if isinstance(layer, layers.Convolution) and layer.groups == 1:
        any_channel = np.asarray(spikes.any(axis=1, keepdims=True), np.int16)
        return int(np.count_nonzero(_one_channel(layer).linear(any_channel))) * channels
    ones = layer
    if isinstance(layer, layers.Convolution):
        ones = replace(layer, weights=np.ones_like(layer.weights))
    assert isinstance(ones, (layers.Convolution, layers.AveragePool))
    return int(np.count_nonzero(ones.linear(spikes.astype(np.int16))))


def _one_channel(layer: layers.Convolution) -> layers.Convolution:
    """The layer from one channel to one, weights of 1."""
    ones = np.ones((1, 1, *layer.weights.shape[2:]), np.int32)
    output = replace(layer.output, shape=(1, *layer.output.shape[1:]))
    return replace(layer, weights=ones, bias=np.zeros(1, np.int64), groups=1, output=output)
