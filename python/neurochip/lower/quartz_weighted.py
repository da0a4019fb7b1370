"""Convolution, dense, average and max pooling as one population of Quartz neurons each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..layers import Layer, Weighted
from . import pooling
from .builder import Builder
from .constants import compressed
from .network import Connector, Lowering, Pool, Quartz, Readout
from .ramps import RampArithmetic, Ramps, RampTask, fit_ramps
from .spike_codes import Code, FirstSpike
from .views import NOWHERE, View, to_neurons
from .weighted import bias_of
from .weighted_populations import connector_of, fold


def first_spikes(code: Code | None) -> FirstSpike:
    """The code of a population of Quartz neurons that sends."""
    assert isinstance(code, FirstSpike)
    return code


def lower_weighted(builder: Builder, layer: Weighted) -> None:
    """Adds the layer's population and its projection."""
    tensor = layer.inputs[0]
    dense = isinstance(layer, layers.Dense)
    view = builder.views[tensor.name]
    view = builder.single(view, tensor) if dense else builder.natural(tensor)
    source = first_spikes(builder.sent_by(view.parts[0]))
    bias = bias_of(layer) + fold(builder, layer, view)
    if layer.multiplier is None:
        _add_reader(builder, layer, view, source, bias)
        return
    target = first_spikes(builder.code_for(layer.output))
    silent = view.neuron == NOWHERE
    task = RampTask(layer, source, target, bias, silent, builder.registers)
    ramps = fit_ramps(task)
    membrane = ramps.multiplier * task.bias
    shape = layer.output.shape
    model = Quartz(
        compressed(membrane, shape),
        compressed(ramps.slope, shape),
        compressed(ramps.threshold(target), shape),
    )
    population = builder.add(layer.output, layer.name, type(layer).__name__, target, model)
    builder.connect(view.parts[0], population.name, _connector(builder, layer, view, ramps))
    builder.lowerings.append(Lowering(layer.name, "ramp", "exact", ramps.proof))
    if not (ramps.proof.exact and source.stride == target.stride == 1):
        builder.arithmetic[layer.name] = RampArithmetic(task, ramps, membrane)


def _connector(builder: Builder, layer: Weighted, view: View, ramps: Ramps) -> Connector:
    """The layer's weights times each channel's multiplier."""
    if isinstance(layer, layers.AveragePool):
        pool = connector_of(builder, layer, view)
        assert isinstance(pool, Pool)
        return Pool(pool.window, pool.weights * np.int32(ramps.multiplier.flat[0]))
    multiplier = ramps.multiplier.reshape(-1, *(1,) * (layer.weights.ndim - 1))
    scaled = replace(layer, weights=(layer.weights * multiplier).astype(np.int32))
    return connector_of(builder, scaled, view)


def _add_reader(
    builder: Builder,
    layer: Weighted,
    view: View,
    source: FirstSpike,
    bias: NDArray[np.int64],
) -> None:
    """Neurons whose membranes the host reads: sums of weights times levels."""
    nothing = np.zeros(1, np.int64)
    model = Quartz(nothing, nothing, nothing)
    population = builder.add(layer.output, layer.name, type(layer).__name__, None, model)
    builder.connect(view.parts[0], population.name, connector_of(builder, layer, view))
    builder.lowerings.append(Lowering(layer.name, "exact", "exact", None))
    of_neurons = np.ascontiguousarray(to_neurons(bias, layer.output.shape))
    builder.readouts[population.name] = Readout(np.array([1 / source.stride]), of_neurons)
    if source.stride > 1:
        arithmetic = ReadArithmetic(source, bias, view.neuron == NOWHERE)
        builder.arithmetic[layer.name] = arithmetic


@dataclass(frozen=True, slots=True, eq=False)
class ReadArithmetic:
    """A weighted layer whose accumulators the host forms from membranes."""

    source: FirstSpike
    bias: NDArray[np.int64]
    """Broadcasts to the output's shape."""
    silent: NDArray[np.bool_]
    """Of the input's shape: values that no neuron holds."""

    def __call__(self, layer: Layer, codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The output's accumulators."""
        assert isinstance(layer, Weighted)
        levels = np.where(self.silent, np.int16(0), self.source.values(codes[0]))
        sums = self.source.stride * layer.linear(levels) + self.bias
        return np.asarray(sums.astype(layer.output.format.dtype))


def lower_max_pool(builder: Builder, layer: layers.MaxPool) -> None:
    """The first spike of a window wins: of the largest level."""
    pooling.lower_max_pool(builder, layer)
    code = first_spikes(builder.sent_by(builder.views[layer.output.name].parts[0]))
    if code.stride > 1:
        builder.arithmetic[layer.name] = MaximumArithmetic(code)


@dataclass(frozen=True, slots=True)
class MaximumArithmetic:
    """The largest level, as a code."""

    code: FirstSpike

    def __call__(self, layer: Layer, codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The output's codes."""
        levels = self.code.values(layer.evaluate(*codes))
        return self.code.codes(levels.astype(np.int64)).astype(layer.output.format.dtype)
