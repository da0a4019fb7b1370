"""Ramps on narrow registers: weights scaled down until membranes fit (quartz.md, section 2).

With the multiplier M and the strides c of the source and d of the target, each channel has

    w' = rne(s w)    bias' = rne(s B / c)    g = s d / (c M)
    offset = rne(g (1/2 + zero point - base + floor(d / 2)) / d)

The scale s is the largest that fits, lowered until the slope g is an integer: what is left of
errors is the rounding of weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import layers
from ...layers import Weighted
from ..builder import Unsupported
from ..weighted import Registers
from .ramps import LevelSum, Ramps, RampTask, Rows, by_channel, reach

CHUNK_SAMPLES = 32


def fit_scaled_ramps(
    task: RampTask, calibration: NDArray[Any] | None, headroom: float
) -> tuple[Ramps, NDArray[np.float64]]:
    """Ramps whose weights are scaled down, and the scale of each channel.

    Args:
        task: The weighted layer, which has weights.
        calibration: Codes of its input, (samples, *shape), whose largest membranes decide; without
            them those that are proven to be the largest do.
        headroom: Factor between the largest membrane seen and the largest that fits.

    Raises:
        Unsupported: If not even a slope of 1 fits.
    """
    layer, target, rows = task.layer, task.target, Rows.of(task)
    rise = target.stride / (task.source.stride * rows.multiplier.astype(np.float64))
    highest = _largest_scale(task, rise, largest_membranes(task, calibration), headroom)
    slope = np.floor(highest * rise)
    if isinstance(layer, layers.AveragePool) or slope.min() < 1:
        raise Unsupported(
            f"with {target.levels} levels a slope of {(highest * rise).min():.2g} is the steepest "
            f"that registers of {task.registers.membrane_bits} bits hold; take fewer (--t-max)"
        )
    scale = slope / rise
    dimensions = len(layer.output.shape)
    spread, climb = by_channel(scale, dimensions), by_channel(slope, dimensions)
    shift = layer.output.format.zero_point - target.base + target.stride // 2 + 0.5
    ramps = Ramps(
        weights=rounded(layer.weights * by_channel(scale, layer.weights.ndim)),
        bias=rounded(spread * task.total_bias / task.source.stride),
        offset=rounded(climb * shift / target.stride),
        slope=climb.astype(np.int64),
        proof=None,
    )
    return ramps, scale


def rounded(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """To the nearest integer, half to even."""
    return np.rint(values).astype(np.int64)


def read_scale(
    task: LevelSum, calibration: NDArray[Any] | None, headroom: float
) -> NDArray[np.float64]:
    """By channel: what weights are multiplied by where the host reads membranes; at most 1."""
    low, high = reach(task)
    largest = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    narrow = largest > task.registers.membrane_high
    if narrow.any():
        largest[narrow] = headroom * largest_membranes(task, calibration)[narrow]
    by_membrane = task.registers.membrane_high / np.maximum(largest, 1)
    by_weights = _largest_scale_of_weights(task.layer, task.registers)
    return np.asarray(np.minimum(np.minimum(by_membrane, by_weights), 1.0))


def _largest_scale_of_weights(layer: Weighted, registers: Registers) -> NDArray[np.float64]:
    """By channel: the largest factor with which weights and their sums fit, rounded as they are."""
    if isinstance(layer, layers.AveragePool):
        return np.ones(layer.output.shape[0])
    rows = np.abs(layer.weights.reshape(len(layer.weights), -1).astype(np.int64))
    weights = (1 << (registers.weight_bits - 1)) - 1
    sums = (1 << (registers.sum_bits - 1)) - 1
    by_sum = (sums - np.count_nonzero(rows, axis=1) / 2) / np.maximum(rows.sum(axis=1), 1)
    return np.asarray(np.minimum(by_sum, weights / max(1, int(rows.max(initial=1)))))


def largest_membranes(task: LevelSum, calibration: NDArray[Any] | None) -> NDArray[np.float64]:
    """By channel: the largest magnitude of a membrane or a current until the readout, unscaled."""
    if calibration is None:
        low, high = reach(task)
        return np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    channels = task.layer.output.shape[0]
    largest = np.ones(channels)
    for start in range(0, len(calibration), CHUNK_SAMPLES):
        levels = task.levels(calibration[start : start + CHUNK_SAMPLES])
        for left in range(task.source.levels):
            # With so many timesteps left, a spike of level u has been added u - left times.
            current = task.layer.linear((levels > left).astype(np.int16))
            membrane = task.layer.linear(np.maximum(levels - left, 0)) + task.bias
            for values in (current, membrane):
                by_sample = np.abs(values).reshape(len(values), channels, -1)
                largest = np.maximum(largest, by_sample.max(axis=(0, 2)))
    return largest


def _largest_scale(
    task: RampTask, rise: NDArray[np.float64], membranes: NDArray[np.float64], headroom: float
) -> NDArray[np.float64]:
    """By channel: the largest factor with which weights, sums, membranes and ramps fit.

    Args:
        task: The weighted layer.
        rise: The slope of each channel, unscaled.
        membranes: The largest membrane of each channel, unscaled.
        headroom: What membranes are multiplied by.
    """
    highest = task.registers.membrane_high
    by_membrane = highest / (headroom * membranes + rise)
    by_ramp = highest / ((task.target.steps + 1) * rise)
    by_weights = _largest_scale_of_weights(task.layer, task.registers)
    return np.asarray(np.minimum(np.minimum(by_membrane, by_ramp), by_weights))
