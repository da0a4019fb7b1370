"""Convolution, dense and average pooling as one population each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..layers import Weighted
from .builder import Builder
from .constants import compressed, stem
from .exact import integrate_exactly
from .modes import Mode, choose
from .network import Connector, Convolution, Dense, Depthwise, Pool, Readout, Window
from .partial_sums import largest_partial_sum, largest_partial_sums
from .scaled import integrate_scaled
from .views import NOWHERE, View
from .weighted import Integrated, WeightedSum, bias_of


def lower_weighted(builder: Builder, layer: Weighted) -> None:
    """Adds the layer's population and its projection."""
    tensor, output = layer.inputs[0], layer.output
    if isinstance(layer, layers.Dense):
        view = builder.single(builder.views[tensor.name], tensor)
    else:
        view = builder.natural(tensor)
    source = builder.code_of(view.parts[0])
    target = None if layer.multiplier is None else builder.choose_code(output)
    bias = bias_of(layer) + fold(builder, layer, view)
    if builder.registers.are_int32:
        bias = builder.registers.store(bias, 32)
    silent = view.neuron == NOWHERE
    task = WeightedSum(layer, source, target, bias, silent, builder.registers)
    computed = _integrate(builder, task)
    neurons = stem(output, target, computed.bias, computed.requantizer, computed.integration)
    population = builder.add(output, layer.name, type(layer).__name__, target, neurons)
    builder.connect(view.parts[0], population.name, connector_of(builder, layer, view))
    builder.lowerings.append(computed.lowering)
    if computed.arithmetic is not None:
        builder.arithmetic[layer.name] = computed.arithmetic
    if target is None:
        builder.readouts[population.name] = _readout(computed.readout, output.shape)


def fold(builder: Builder, layer: Weighted, view: View) -> NDArray[np.int64]:
    """What the bias must add because a train carries `v`, not `q - Z`; of or like the output.

    Nothing is sent for padding, so a border neuron makes up only for the taps inside the map.
    """
    offsets = builder.offsets(view, layer.inputs[0].format.zero_point)
    if not offsets.any():
        return np.zeros((1,) * len(layer.output.shape), np.int64)
    folded: NDArray[np.int64] = -layer.linear(offsets[None])[0]
    return folded


def _integrate(builder: Builder, task: WeightedSum) -> Integrated:
    """Constants of the mode that settings ask for, or that the chip's registers allow."""
    settings = builder.settings.of(task.layer.name)
    mode, task = choose(task, settings)
    values = _calibration_values(builder, task, mode)
    by_channel = mode.integration == "scaled" and settings.granularity == "per_channel"
    seen = None if values is None else _largest_seen(task, mode, values, by_channel)
    if mode.integration == "scaled":
        return integrate_scaled(task, mode, seen, settings)
    return integrate_exactly(task, mode, None if seen is None else int(seen.max()))


def _calibration_values(
    builder: Builder, task: WeightedSum, mode: Mode
) -> NDArray[np.int16] | None:
    """What the source sends for the calibration samples, where someone asks for its sums."""
    calibration = builder.calibration
    if calibration is None:
        return None
    if mode.integration == "exact" and mode.proven and not calibration.measures_all_sums:
        return None
    return task.values(calibration.of(task.layer.inputs[0]))


def _largest_seen(
    task: WeightedSum, mode: Mode, values: NDArray[np.int16], by_channel: bool
) -> NDArray[np.int64]:
    """The largest membrane of the calibration samples: one, or one a channel."""
    bias = task.bias if mode.holds_bias else np.zeros_like(task.bias)
    if by_channel:
        return largest_partial_sums(task.layer, task.source, values, bias)
    return np.array([largest_partial_sum(task.layer, task.source, values, bias)])


def _readout(readout: Readout, shape: tuple[int, ...]) -> Readout:
    """For an array of neurons what is for the output's shape."""
    s1, bias = (compressed(values, shape) for values in (readout.s1, readout.bias))
    return Readout(s1, bias)


def connector_of(builder: Builder, layer: Weighted, view: View) -> Connector:
    """The layer's weights, from the neurons that hold its input."""
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
    features = np.flatnonzero(view.neuron != NOWHERE)
    neurons = view.neuron.ravel()[features]
    is_held_once = len(np.unique(neurons)) == len(neurons)
    if is_held_once and len(neurons) == num_sources:
        feature_of_neuron = np.empty(num_sources, np.intp)
        feature_of_neuron[neurons] = features
        return np.asarray(layer.weights.T[feature_of_neuron])
    weights = np.zeros((num_sources, len(layer.weights)), np.int32)
    if is_held_once:
        weights[neurons] = layer.weights.T[features]
    else:
        np.add.at(weights, neurons, layer.weights.T[features])
    return weights
