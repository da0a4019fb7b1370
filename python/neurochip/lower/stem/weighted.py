"""Convolution, dense and average pooling as one population each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ... import layers
from ...layers import Weighted
from ...network import Readout
from ..builder import Builder
from ..layout import NOWHERE, compressed, stem
from ..weighted import Integrated, WeightedSum, bias_of, connector_of, fold
from .integration import integrate_exactly, integrate_scaled
from .modes import Mode, choose
from .partial_sums import largest_partial_sum, largest_partial_sums


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
    population = builder.add(output, layer.name, target, neurons, computed.facts)
    builder.connect(view.parts[0], population.name, connector_of(builder, layer, view))
    if target is None:
        builder.readouts[population.name] = _readout(computed.readout, output.shape)


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
    """The largest membrane of the calibration samples: one, or one per channel."""
    bias = task.bias if mode.holds_bias else np.zeros_like(task.bias)
    if by_channel:
        return largest_partial_sums(task.layer, task.source, values, bias)
    return np.array([largest_partial_sum(task.layer, task.source, values, bias)])


def _readout(readout: Readout, shape: tuple[int, ...]) -> Readout:
    """For an array of neurons what is for the output's shape."""
    s1, bias = (compressed(values, shape) for values in (readout.s1, readout.bias))
    return Readout(s1, bias)
