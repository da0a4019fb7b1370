"""Convolution, dense and average pooling as one population each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..layers import Weighted
from .builder import Builder, compressed
from .codes import choose_code
from .network import (
    Connector,
    Convolution,
    Dense,
    Depthwise,
    Fixed,
    Float32,
    Pool,
    Requantizer,
    Stem,
    Window,
)
from .views import NOWHERE, View
from .weighted import Source, integrate, largest_partial_sum


def lower_weighted(builder: Builder, layer: Weighted) -> None:
    """Adds the layer's population and its projections."""
    tensor = layer.inputs[0]
    if isinstance(layer, layers.Dense):
        view = builder.single(builder.views[tensor.name], tensor)
    else:
        view = builder.natural(tensor)
    target = None if layer.multiplier is None else choose_code(layer.output)
    offsets = builder.offsets(view, tensor.format.zero_point)
    fold = -layer.linear(offsets[None])[0] if offsets.any() else np.zeros(1, np.int64)
    fold = fold.reshape(layer.output.shape if fold.size > 1 else (1,) * len(layer.output.shape))
    source = _source(builder, layer, view)
    computed = integrate(layer, source, target, fold, builder.registers, builder.headroom)
    output = layer.output
    base = target.base if target else 0
    model = Stem(
        computed.integration,
        compressed(computed.bias, output.shape),
        compressed_requantizer(computed.requantizer, output.shape),
        output.low - base if target else 0,
        output.high - base if target else 0,
    )
    kind = type(layer).__name__
    population = builder.add(output, layer.name, kind, target, model)
    _connect(builder, layer, view, population.name)
    builder.lowerings.append(computed.lowering)
    if computed.arithmetic is not None:
        builder.arithmetic[layer.name] = computed.arithmetic
    if target is None and computed.integration is not None:
        whole = np.broadcast_to(computed.bias_for_host, output.shape)
        builder.readout_bias[population.name] = np.ascontiguousarray(whole)


def compressed_requantizer(
    requantizer: Requantizer | None, shape: tuple[int, ...]
) -> Requantizer | None:
    """The requantizer with its arrays as one, one a channel or one a neuron, all alike."""
    if isinstance(requantizer, Float32):
        return Float32(compressed(requantizer.multiplier, shape), requantizer.zero)
    if isinstance(requantizer, Fixed):
        values = (requantizer.multiplier, requantizer.offset, requantizer.shift)
        small = [compressed(value, shape) for value in values]
        count = max(len(value) for value in small)
        return Fixed(*(np.resize(value, count) for value in small))
    return requantizer


def _source(builder: Builder, layer: Weighted, view: View) -> Source:
    """The layer's input as spikes."""
    code = builder.code_of(view.parts[0])
    tensor = layer.inputs[0]
    seen = None
    if builder.seen is not None:
        seen = largest_partial_sum(layer, code, builder.seen[tensor.name])
    return Source(code, tensor.high - code.base, seen)


def _connect(builder: Builder, layer: Weighted, view: View, target: str) -> None:
    if isinstance(layer, layers.Dense):
        sources = builder.population(view.parts[0]).num_neurons
        builder.connect(view.parts[0], target, Dense(_dense_weights(layer, view, sources)))
        return
    builder.connect(view.parts[0], target, _windowed(layer))


def _dense_weights(layer: layers.Dense, view: View, num_sources: int) -> NDArray[np.int32]:
    """(source neurons, targets): each feature's weights at the neuron that holds it."""
    held = (view.neuron != NOWHERE).ravel()
    weights = np.zeros((num_sources, len(layer.weights)), np.int32)
    np.add.at(weights, view.neuron.ravel()[held], layer.weights.T[held])
    return weights


def _windowed(layer: layers.Convolution | layers.AveragePool) -> Connector:
    kernel = layer.kernel if isinstance(layer, layers.AveragePool) else layer.weights.shape[2:]
    pad = (layer.pads[0], layer.pads[1])
    window = Window((kernel[0], kernel[1]), layer.strides, pad, layer.dilations)
    if isinstance(layer, layers.AveragePool):
        return Pool(window, np.ones(window.kernel, np.int32))
    channels_out, channels_in = layer.weights.shape[:2]
    if channels_in == 1 and layer.groups == channels_out:
        return Depthwise(window, layer.weights[:, 0].transpose(1, 2, 0))
    return Convolution(window, layer.groups, layer.weights)
