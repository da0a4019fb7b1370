"""Weighted sums whose codes are found on a ramp: the constants of Quartz neurons.

With levels `u` of stride `c` the accumulator is `c * sum w u + B`, where B holds the layer's bias
and what it takes that level 0 is not the real zero. B is rounded to `c * e + rest`; neurons hold
`a = sum w u + e` times a multiplier `m`, and requantize it with slope g:

    level = clamp(floor((m a + offset) / g))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import layers
from ...arithmetic import reference
from ...layers import Weighted
from ...network import FirstSpike
from ...requantize import Proof, Staircase, fit_ramp, fit_ramps_together, thresholds
from ..weighted import Registers

MAX_MULTIPLIER = 255
"""No exact ramp of 255 levels needs a larger one."""


@dataclass(frozen=True, slots=True, eq=False)
class LevelSum:
    """A weighted layer that receives first spikes, on a chip."""

    layer: Weighted
    source: FirstSpike
    total_bias: NDArray[np.int64]
    """Broadcasts to the output's shape: B."""
    silent: NDArray[np.bool_]
    """Of the input's shape: values that no neuron holds."""
    registers: Registers

    @property
    def bias(self) -> NDArray[np.int64]:
        """Broadcasts to the output's shape: e, of two nearest the upper one."""
        stride = self.source.stride
        return np.asarray((2 * self.total_bias + stride) // (2 * stride))

    def levels(self, codes: NDArray[Any]) -> NDArray[np.int16]:
        """What arrives for codes of the input."""
        return np.where(self.silent, np.int16(0), self.source.values(codes))


@dataclass(frozen=True, slots=True, eq=False)
class RampTask(LevelSum):
    """The same, and first spikes that it sends."""

    target: FirstSpike


@dataclass(frozen=True, slots=True, eq=False)
class Ramps:
    """Constants of a layer's neurons; arrays broadcast to the output's shape."""

    weights: NDArray[np.int64]
    """Of the layer's weights, or the one weight of a pool."""
    bias: NDArray[np.int64]
    """The membrane before the first spike."""
    offset: NDArray[np.int64]
    slope: NDArray[np.int64]
    proof: Proof | None
    """None where weights are rounded: then they are no longer a function of the accumulator."""

    def threshold(self, target: FirstSpike) -> NDArray[np.int64]:
        """The membrane at which a neuron fires."""
        return np.asarray(target.steps * self.slope - self.offset)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The staircases of a layer: one per channel, or one for each multiplier of an average pool."""

    multiplier: NDArray[np.float32]
    rest: NDArray[np.int64]
    low: NDArray[np.int64]
    """Smallest and largest `a` that can be reached."""
    high: NDArray[np.int64]
    row: NDArray[np.intp]
    """Broadcasts to the output's shape."""

    @staticmethod
    def of(task: RampTask) -> Rows:
        """Where biases differ within a channel, the rest of its first neuron stands for all."""
        layer = task.layer
        assert layer.multiplier is not None, "the layer is requantized"
        channels = layer.output.shape[0]
        rest = task.total_bias - task.source.stride * task.bias
        rest = np.broadcast_to(rest, layer.output.shape).reshape(channels, -1)[:, 0]
        low, high = reach(task)
        if isinstance(layer, layers.AveragePool):
            multiplier, row = np.unique(layer.multiplier, return_inverse=True)
            one = np.zeros(len(multiplier), np.intp)
            row = row.reshape(1, *layer.multiplier.shape)
            return Rows(multiplier, rest[one], low[one], high[one], row)
        row = by_channel(np.arange(channels), len(layer.output.shape))
        return Rows(np.broadcast_to(layer.multiplier, rest.shape), rest, low, high, row)


def fit_ramps(task: RampTask) -> Ramps | None:
    """The ramp of every channel that is nearest to the reference, and how near it is.

    None where registers are too narrow for the layer's weights.
    """
    rows = Rows.of(task)
    if task.target.levels == 0:
        return _constant_ramps(task, rows)
    largest = _max_multiplier(task, rows)
    if largest < 1:
        return None
    wanted = _staircase(task, rows)
    # A pool stores one weight for all positions, whatever their multipliers.
    together = isinstance(task.layer, layers.AveragePool)
    ramp, proof = fit_ramps_together(wanted, largest) if together else fit_ramp(wanted, largest)
    multiplier, offset, slope = (
        constants[rows.row] for constants in (ramp.multiplier, ramp.offset, ramp.slope)
    )
    weights = ramp.multiplier[:1]
    if not isinstance(task.layer, layers.AveragePool):
        weights = task.layer.weights * by_channel(ramp.multiplier, task.layer.weights.ndim)
    return Ramps(weights.astype(np.int64), multiplier * task.bias, offset, slope, proof)


def _constant_ramps(task: RampTask, rows: Rows) -> Ramps:
    """Of a tensor that holds one code, whatever its inputs: no weight has to be added for it."""
    weights = np.zeros(1, np.int64)
    if not isinstance(task.layer, layers.AveragePool):
        weights = np.zeros_like(task.layer.weights, np.int64)
    nothing = np.zeros((1,) * len(task.layer.output.shape), np.int64)
    none = np.zeros_like(rows.low)
    proof = Proof(none, rows.high - rows.low + 1, none)
    return Ramps(weights, bias=nothing, offset=nothing, slope=nothing + 1, proof=proof)


def by_channel(values: NDArray[Any], dimensions: int) -> NDArray[Any]:
    """One value a channel, along the first of so many axes."""
    return values.reshape(-1, *(1,) * (dimensions - 1))


def reach(task: LevelSum) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The smallest and the largest `a` of each channel."""
    layer, levels = task.layer, task.source.levels
    channels = layer.output.shape[0]
    bias = np.broadcast_to(task.bias, layer.output.shape).reshape(channels, -1)
    if isinstance(layer, layers.AveragePool):
        negative, positive = np.int64(0), np.int64(layer.kernel[0] * layer.kernel[1])
    else:
        rows = layer.weights.reshape(channels, -1).astype(np.int64)
        negative, positive = np.minimum(rows, 0).sum(axis=1), np.maximum(rows, 0).sum(axis=1)
    return bias.min(axis=1) + negative * levels, bias.max(axis=1) + positive * levels


def _staircase(task: RampTask, rows: Rows) -> Staircase:
    """The levels of onnxruntime's codes, over `a`."""
    output, stride = task.layer.output, task.source.stride

    def levels(a: NDArray[np.int64]) -> NDArray[np.int64]:
        acc = a * stride + rows.rest[:, None]
        zero = output.format.zero_point
        codes = reference(acc, rows.multiplier[:, None], zero, output.low, output.high)
        return task.target.values(codes).astype(np.int64)

    return thresholds(levels, 0, task.target.levels, rows.low, rows.high)


def _max_multiplier(task: RampTask, rows: Rows) -> int:
    """The largest factor with which weights, membranes and ramps still fit their registers."""
    registers, source, target = task.registers, task.source, task.target
    heaviest = 1
    if not isinstance(task.layer, layers.AveragePool):
        heaviest = int(np.abs(task.layer.weights).max(initial=1))
    slope = target.stride / (source.stride * rows.multiplier.astype(np.float64))
    climbed = np.maximum(np.abs(rows.low), np.abs(rows.high)) + slope * (target.steps + 2)
    by_weight = ((1 << (registers.weight_bits - 1)) - 1) // heaviest
    by_membrane = int(registers.membrane_high / float(climbed.max()))
    by_sum = ((1 << (registers.sum_bits - 1)) - 1) // _largest_sum(task.layer)
    return min(by_weight, by_membrane, by_sum, MAX_MULTIPLIER)


def _largest_sum(layer: Weighted) -> int:
    """The largest magnitude of a weight sum of one timestep."""
    if isinstance(layer, layers.AveragePool):
        return layer.kernel[0] * layer.kernel[1]
    rows = layer.weights.reshape(len(layer.weights), -1).astype(np.int64)
    return max(1, int(np.abs(rows).sum(axis=1).max()))


def with_weights(
    layer: Weighted, weights: NDArray[np.int64]
) -> Callable[[NDArray[Any]], NDArray[np.int64]]:
    """What a layer sums with other weights, of its own or of a pool."""
    if isinstance(layer, layers.AveragePool):
        return lambda values: weights[0] * layer.linear(values)
    return replace(layer, weights=weights.astype(np.int32)).linear
