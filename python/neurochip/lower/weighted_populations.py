"""Convolution, dense and average pooling as one population each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..layers import Weighted
from .builder import Builder
from .codes import choose_code
from .constants import stem
from .exact import integrate_exactly, is_exact
from .network import Connector, Convolution, Dense, Depthwise, Pool, Readout, Window
from .partial_sums import largest_partial_sum
from .scaled import integrate_scaled
from .views import NOWHERE, View, to_neurons
from .weighted import Integrated, WeightedSum, bias_of


def lower_weighted(builder: Builder, layer: Weighted) -> None:
    """Adds the layer's population and its projection."""
    tensor, output = layer.inputs[0], layer.output
    if isinstance(layer, layers.Dense):
        view = builder.single(builder.views[tensor.name], tensor)
    else:
        view = builder.natural(tensor)
    source = builder.code_of(view.parts[0])
    target = None if layer.multiplier is None else choose_code(output)
    bias = bias_of(layer) + _fold(builder, layer, view)
    silent = view.neuron == NOWHERE
    task = WeightedSum(layer, source, target, bias, silent, builder.registers)
    computed = _integrate(builder, task)
    neurons = stem(output, target, computed.bias, computed.requantizer, computed.integration)
    population = builder.add(output, layer.name, type(layer).__name__, target, neurons)
    builder.connect(view.parts[0], population.name, _connector(builder, layer, view))
    builder.lowerings.append(computed.lowering)
    if computed.arithmetic is not None:
        builder.arithmetic[layer.name] = computed.arithmetic
    if target is None:
        builder.readouts[population.name] = _readout(task, computed)


def _fold(builder: Builder, layer: Weighted, view: View) -> NDArray[np.int64]:
    """What the bias must add because a train carries `v`, not `q - Z`; of or like the output.

    Nothing is sent for padding, so a border neuron makes up only for the taps inside the map.
    """
    offsets = builder.offsets(view, layer.inputs[0].format.zero_point)
    if not offsets.any():
        return np.zeros((1,) * len(layer.output.shape), np.int64)
    folded: NDArray[np.int64] = -layer.linear(offsets[None])[0]
    return folded


def _integrate(builder: Builder, task: WeightedSum) -> Integrated:
    """Exact integration where it is proven to fit, scaled integration elsewhere."""
    if is_exact(task):
        return integrate_exactly(task)
    seen = None
    if builder.calibration is not None:
        values = task.values(builder.calibration.of(task.layer.inputs[0]))
        seen = largest_partial_sum(task.layer, task.source, values)
    return integrate_scaled(task, seen, builder.headroom)


def _readout(task: WeightedSum, computed: Integrated) -> Readout:
    """How the host reads membranes: integrated exactly they hold the bias, scaled they do not."""
    if computed.integration is None:
        return Readout(1.0, np.zeros(1, np.int64))
    bias = to_neurons(task.bias, task.layer.output.shape)
    return Readout(computed.integration.s1, np.ascontiguousarray(bias))


def _connector(builder: Builder, layer: Weighted, view: View) -> Connector:
    if isinstance(layer, layers.Dense):
        sources = builder.population(view.parts[0]).num_neurons
        return Dense(_dense_weights(layer, view, sources))
    kernel = layer.kernel if isinstance(layer, layers.AveragePool) else layer.weights.shape[2:]
    pad = (layer.pads[0], layer.pads[1])
    window = Window((kernel[0], kernel[1]), layer.strides, pad, layer.dilations)
    if isinstance(layer, layers.AveragePool):
        return Pool(window, np.ones(window.kernel, np.int32))
    channels_out, channels_in = layer.weights.shape[:2]
    if channels_in == 1 and layer.groups == channels_out:
        return Depthwise(window, layer.weights[:, 0].transpose(1, 2, 0))
    return Convolution(window, layer.groups, layer.weights)


def _dense_weights(layer: layers.Dense, view: View, num_sources: int) -> NDArray[np.int32]:
    """(source neurons, targets): each feature's weights at the neuron that holds it."""
    held = (view.neuron != NOWHERE).ravel()
    neurons = view.neuron.ravel()[held]
    weights = np.zeros((num_sources, len(layer.weights)), np.int32)
    if len(np.unique(neurons)) == len(neurons):
        weights[neurons] = layer.weights.T[held]
    else:
        np.add.at(weights, neurons, layer.weights.T[held])
    return weights
