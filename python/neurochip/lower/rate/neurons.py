"""Integrate-and-fire neurons for weighted sums, residual adds and relays.

A source that spikes n times in T timesteps stands for the code `base + n * levels / T`. Scaled by
any factor, weights, bias a timestep and threshold say

    levels_y / M' * n_y = sum w levels_x n_x + T * bias          M' = S_x S_w / S_y

so with one source the threshold is `levels_y / (levels_x M')`: 1/M where both have as many levels.
Membranes start at half a threshold, which rounds the number of spikes to the nearest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ... import layers
from ...formats import Tensor
from ...layers import Layer, Weighted
from ...layers.add import add_constants
from ...network import (
    Code,
    Connector,
    IntegrateFireNeurons,
    OneToOneConnector,
    Population,
    PopulationFacts,
    Rate,
    Readout,
)
from ...network.populations import facts_of
from ..builder import Builder, Unsupported, connector_of, fold
from ..layout import NOWHERE, View, compressed, to_neurons
from ..weighted import Registers, along_channels, bias_of, weight_sums

FINE_THRESHOLD = 1024
"""A threshold of this is off by at most 0.05 % when it is rounded to an integer."""

HEADROOM = 1.3
"""Between the largest membrane of the calibration samples and the largest that fits."""

SEEN_SAMPLES = 64
"""Calibration samples whose sums are looked at."""


def rate_of(code: Code | None) -> Rate:
    """The code of a population of integrate-and-fire neurons that sends."""
    assert isinstance(code, Rate)
    return code


def lower_weighted(builder: Builder, layer: Weighted) -> None:
    """Adds the layer's population and its projection."""
    tensor = layer.inputs[0]
    view = builder.views[tensor.name]
    dense = isinstance(layer, layers.Dense)
    view = builder.single(view, tensor) if dense else builder.natural(tensor)
    source = rate_of(builder.sent_by(view.parts[0]))
    bias = bias_of(layer) + fold(builder, layer, view)
    if layer.multiplier is None:
        _add_reader(builder, layer, view, source, bias)
        return
    target = rate_of(builder.code_for(layer.output))
    if _holds_one_code(layer.output):
        silent = builder.add(layer.output, layer.name, target, _SILENT, _facts_of_one_code(layer))
        builder.connect(view.parts[0], silent.name, _scaled(connector_of(builder, layer, view), 0))
        return
    multiplier = _multiplier(layer)
    shift = (layer.output.format.zero_point - target.base) / multiplier
    threshold = target.levels / (source.levels * multiplier)
    sums = _seen(builder, layer, view, source) + bias + shift
    drive = Drive(sums.min() / source.levels, sums.max() / source.levels)
    factor = drive.factor(builder.registers, source.steps, threshold, _heaviest(layer))
    model = _neurons(
        builder.registers,
        layer.output,
        factor * threshold,
        factor * (bias + shift) / source.levels,
    )
    population = builder.add(layer.output, layer.name, target, model, _facts(layer, factor))
    connector = _scaled(connector_of(builder, layer, view), factor)
    builder.connect(view.parts[0], population.name, connector)


_SILENT = IntegrateFireNeurons(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1, np.int64))
"""Neurons that never spike, where every weight into them is 0."""


def _holds_one_code(tensor: Tensor) -> bool:
    """Whether a tensor's only code is its base, so that nothing is ever sent for it."""
    return tensor.low == tensor.high


@dataclass(frozen=True, slots=True)
class Drive:
    """What a membrane receives in a timestep on average, bias included: the least and the most."""

    low: float
    high: float

    def factor(
        self, registers: Registers, steps: int, threshold: NDArray[np.float64], heaviest: float
    ) -> float:
        """What weights and thresholds are multiplied by, so that they are fine and still fit.

        What is below zero, and what exceeds one threshold a timestep, stays in the membrane.

        Args:
            registers: The chip's.
            steps: Timesteps of a window.
            threshold: Of each neuron.
            heaviest: The largest weight.
        """
        left = max(-self.low, self.high - float(threshold.min()), 0.0)
        largest = registers.membrane_high / (HEADROOM * steps * left + 2 * float(threshold.max()))
        largest = min(largest, ((1 << (registers.weight_bits - 1)) - 1) / heaviest)
        if largest < 1:
            return largest
        fine = math.ceil(math.log2(FINE_THRESHOLD / float(threshold.min())))
        return float(1 << max(0, min(fine, math.floor(math.log2(largest)))))


def _seen(builder: Builder, layer: Weighted, view: View, source: Rate) -> NDArray[np.float64]:
    """Sums of weights times codes above the base: of the calibration samples, or the extremes."""
    if builder.calibration is None:
        negative, positive = weight_sums(layer)
        return (
            np.array([negative.min(), positive.max()], np.float64).reshape(
                -1, *(1,) * len(layer.output.shape)
            )
            * source.levels
        )
    codes = builder.calibration.of(layer.inputs[0])[:SEEN_SAMPLES]
    values = np.where(view.neuron == NOWHERE, np.int16(0), source.values(codes))
    return layer.linear(values).astype(np.float64)


def _facts(layer: Layer, factor: float) -> PopulationFacts:
    """Weights that were scaled down are no longer the layer's own."""
    s1 = (factor,) if factor < 1 else ()
    return facts_of(layer, "rate", "scaled", proven=False, s1=s1)


def _facts_of_one_code(layer: Layer) -> PopulationFacts:
    """Those of neurons that never spike: what that stands for, they always say."""
    return facts_of(layer, "rate", "exact", proven=True)


def _multiplier(layer: Weighted) -> NDArray[np.float64]:
    """The layer's multiplier, broadcasting to the output's shape."""
    assert layer.multiplier is not None, "the layer is requantized"
    multiplier = layer.multiplier.astype(np.float64)
    pooled = isinstance(layer, layers.AveragePool)
    return multiplier[None] if pooled else np.asarray(along_channels(multiplier, layer))


def _heaviest(layer: Weighted) -> int:
    return 1 if isinstance(layer, layers.AveragePool) else int(np.abs(layer.weights).max(initial=1))


def _neurons(
    registers: Registers,
    tensor: Tensor,
    threshold: NDArray[np.float64],
    bias: NDArray[np.float64],
) -> IntegrateFireNeurons:
    """Neurons of a tensor; arrays broadcast to its shape."""
    whole = np.maximum(np.rint(threshold), 1).astype(np.int64)
    added = np.rint(bias).astype(np.int64)
    largest = max(int(whole.max()), int(np.abs(added).max()))
    if largest > registers.membrane_high:
        raise Unsupported(
            f"thresholds and biases of up to {largest}; registers of {registers.membrane_bits} "
            f"bits hold {registers.membrane_high}"
        )
    shape = tensor.shape
    return IntegrateFireNeurons(*(compressed(each, shape) for each in (whole // 2, added, whole)))


def _scaled(connector: Connector, factor: float) -> Connector:
    """A connector with its weights multiplied, and rounded to integers."""
    assert not isinstance(connector, OneToOneConnector)
    return replace(connector, weights=np.rint(connector.weights * factor).astype(np.int32))


def _add_reader(
    builder: Builder, layer: Weighted, view: View, source: Rate, bias: NDArray[np.int64]
) -> None:
    """Neurons whose membranes the host reads: weights times numbers of spikes, and no bias."""
    nothing = np.zeros(1, np.int64)
    model = IntegrateFireNeurons(nothing, nothing, nothing + 1)
    sums = _seen(builder, layer, view, source)
    drive = Drive(sums.min() / source.levels, sums.max() / source.levels)
    factor = min(1.0, drive.factor(builder.registers, source.steps, np.ones(1), _heaviest(layer)))
    population = builder.add(layer.output, layer.name, None, model, _facts(layer, factor))
    connector = _scaled(connector_of(builder, layer, view), factor)
    builder.connect(view.parts[0], population.name, connector)
    of_neurons = np.ascontiguousarray(to_neurons(bias, layer.output.shape))
    builder.readouts[population.name] = Readout(
        np.array([factor * source.steps / source.levels]), of_neurons
    )


def lower_add(builder: Builder, layer: layers.Add) -> None:
    """Adds a population with one synapse from each branch."""
    views = [builder.single(builder.views[each.name], each) for each in layer.inputs]
    codes = [rate_of(builder.sent_by(view.parts[0])) for view in views]
    target = rate_of(builder.code_for(layer.output))
    if _holds_one_code(layer.output):
        silent = builder.add(layer.output, layer.name, target, _SILENT, _facts_of_one_code(layer))
        for view in views:
            builder.connect_values(view, silent.name, 0)
        return
    formats = [tensor.format for tensor in layer.inputs]
    ratios = add_constants(formats[0], formats[1], layer.output.format, layer.sign)[:2]
    worth = [float(ratio) * code.levels for ratio, code in zip(ratios, codes, strict=True)]
    bias = np.full(layer.output.shape, float(layer.output.format.zero_point - target.base))
    for view, code, ratio, each in zip(views, codes, ratios, formats, strict=True):
        bias += np.where(view.neuron == NOWHERE, 0.0, ratio * (code.base - each.zero_point))
    threshold = np.full((1,) * bias.ndim, float(target.levels))
    negative, positive = (sum(clamp(0.0, each) for each in worth) for clamp in (min, max))
    drive = Drive(min(bias.min() + negative, 0.0), bias.max() + positive)
    factor = drive.factor(builder.registers, target.steps, threshold, max(map(abs, worth)))
    model = _neurons(builder.registers, layer.output, factor * threshold, factor * bias)
    population = builder.add(layer.output, layer.name, target, model, _facts(layer, factor))
    for view, weight in zip(views, worth, strict=True):
        stored = max(1, round(factor * abs(weight)))
        builder.connect_values(view, population.name, stored if weight > 0 else -stored)


def relay(builder: Builder, view: View, tensor: Tensor) -> Population:
    """Neurons that send at the rate of their source, or at the zero point's where there is none."""
    target = rate_of(builder.code_for(tensor))
    bias = np.where(view.neuron == NOWHERE, tensor.format.zero_point - target.base, 0)
    for part, name in enumerate(view.parts):
        here = (view.part == part) & (view.neuron != NOWHERE)
        bias[here] = rate_of(builder.sent_by(name)).base - target.base
    threshold = np.full((1,) * bias.ndim, float(target.levels))
    model = _neurons(builder.registers, tensor, threshold, bias.astype(np.float64))
    facts = PopulationFacts("Relay", "exact")
    population = builder.add(tensor, f"relay of {tensor.name}", target, model, facts)
    for part, name in enumerate(view.parts):
        weight = rate_of(builder.sent_by(name)).levels
        builder.connect(name, population.name, OneToOneConnector(weight, view.sources_in(part)))
    return population
