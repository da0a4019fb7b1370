"""Partial sums: the largest magnitude that a membrane holds, over all samples and steps.

A bias that the membrane holds is added after the last step.

A convolution is summed whole for the last step alone. For each step before it, Cauchy and Schwarz
bound the sum of a window twice: by the norms of the weights and of what has been sent, and by the
last sum and the norms of the weights and of what is still to come. Only windows for which neither
bound stays below the largest sum found so far are summed: one to four windows' worth in place of
eight for trained networks. The result is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import layers
from ...layers import Weighted
from ...layers.weighted import exact_float, pad_map, taps
from ...network import SpikeCode

CHUNK_SUMS = 1 << 19
"""Sums that are held at a time."""

ROUNDING = 1 + 1e-9
"""More than a bound computed in float64 can be too small by."""


def largest_partial_sum(
    layer: Weighted, code: SpikeCode, values: NDArray[np.int16], bias: NDArray[np.int64]
) -> int:
    """The largest magnitude of a sum after any step of any of the trains sent, or with the bias."""
    largest = 0
    for part in _chunks(values, int(np.prod(layer.output.shape))):
        last = layer.linear(part)
        largest = max(largest, _magnitude(last), _magnitude(last + bias))
        if isinstance(layer, layers.Convolution) and layer.weights.shape[1] > 1:
            largest = _in_windows(layer, code, part, last, largest)
            continue
        for step in range(code.bits - 1):
            largest = max(largest, _magnitude(layer.linear(code.sent_by(part, step))))
    return largest


def largest_partial_sums(
    layer: Weighted, code: SpikeCode, values: NDArray[np.int16], bias: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The same of each channel; every window is summed after every step."""
    largest = np.zeros(layer.output.shape[0], np.int64)
    for part in _chunks(values, int(np.prod(layer.output.shape))):
        for step in range(code.bits):
            sums = layer.linear(code.sent_by(part, step))
            largest = np.maximum(largest, _by_channel(sums))
        largest = np.maximum(largest, _by_channel(sums + bias))
    return largest


def _by_channel(sums: NDArray[Any]) -> NDArray[np.int64]:
    """The largest magnitude of each channel."""
    channels = np.moveaxis(sums, 1, 0).reshape(sums.shape[1], -1)
    return np.asarray(np.abs(channels).max(axis=1).astype(np.int64))


def _chunks(values: NDArray[Any], sums_per_sample: int) -> Iterator[NDArray[Any]]:
    count = max(1, CHUNK_SUMS // sums_per_sample)
    yield from (values[start : start + count] for start in range(0, len(values), count))


def _magnitude(sums: NDArray[Any]) -> int:
    return max(int(sums.max(initial=0)), -int(sums.min(initial=0)))


def _in_windows(
    layer: layers.Convolution,
    code: SpikeCode,
    values: NDArray[np.int16],
    last: NDArray[Any],
    largest: int,
) -> int:
    """The largest sum of these samples before their last, or `largest` if that is larger."""
    grouped = np.abs(last).reshape(len(last), layer.groups, -1, *last.shape[2:])
    last_of_window = grouped.max(axis=2)
    for step in reversed(range(code.bits - 1)):
        sent = code.sent_by(values, step)
        rest = last_of_window + _bound(layer, values - sent)
        bound = np.minimum(_bound(layer, sent), rest) * ROUNDING
        found = np.nonzero(bound > largest)
        largest = max(largest, _largest_of(layer, sent, found))
    return largest


def _bound(layer: layers.Convolution, values: NDArray[np.int16]) -> NDArray[np.float64]:
    """(samples, groups, height, width): no sum of the window is larger in magnitude."""
    by_group = values.reshape(len(values), layer.groups, -1, *values.shape[2:])
    squares = np.square(by_group, dtype=np.int32).sum(axis=2, dtype=np.int64)
    padded = pad_map(squares, layer.pads, 0)
    height, width = layer.output.shape[1:]
    sums = np.zeros((*squares.shape[:2], height, width), np.int64)
    for *_, view in taps(padded, _kernel(layer), layer.strides, layer.dilations, (height, width)):
        sums += view
    weights = np.square(layer.weights, dtype=np.int64).reshape(len(layer.weights), -1).sum(axis=1)
    largest = weights.reshape(layer.groups, -1).max(axis=1)
    return np.asarray(np.sqrt(sums * largest[:, None, None].astype(np.float64)))


def _largest_of(
    layer: layers.Convolution, values: NDArray[np.int16], found: tuple[NDArray[np.intp], ...]
) -> int:
    """The largest magnitude of a sum over some windows: samples, groups, rows and columns."""
    windows = _windows(layer, values)
    weights = layer.weights.reshape(layer.groups, len(layer.weights) // layer.groups, -1)
    dtype = exact_float(int(np.abs(weights).sum(axis=2, dtype=np.int64).max()), values)
    largest = 0
    for group in range(layer.groups):
        samples, _, rows, columns = (places[found[1] == group] for places in found)
        picked = windows[samples, group, :, rows, columns].reshape(len(samples), weights.shape[2])
        largest = max(largest, _magnitude(picked.astype(dtype) @ weights[group].T.astype(dtype)))
    return largest


def _windows(layer: layers.Convolution, values: NDArray[np.int16]) -> NDArray[np.int16]:
    """(samples, groups, channels of a group, rows, columns, kernel rows, kernel columns)."""
    padded = pad_map(values, layer.pads, 0)
    by_group = padded.reshape(len(padded), layer.groups, -1, *padded.shape[2:])
    reach = tuple(
        (taps - 1) * dilation + 1
        for taps, dilation in zip(_kernel(layer), layer.dilations, strict=True)
    )
    windows = np.lib.stride_tricks.sliding_window_view(by_group, reach, axis=(3, 4))
    (step_y, step_x), (tap_y, tap_x) = layer.strides, layer.dilations
    return windows[:, :, :, ::step_y, ::step_x, ::tap_y, ::tap_x]


def _kernel(layer: layers.Convolution) -> tuple[int, int]:
    return layer.weights.shape[2], layer.weights.shape[3]
