"""Convolution and dense layers: exact sums in BLAS, the accumulator's interval, requantization.

A one-dimensional convolution has height 1. Average pools share the sums, and all pools the windows
that slide over a padded map.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Tensor

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]
"""Added rows and columns: top, left, bottom, right."""


def pad_map(values: Array, pads: Pads, fill: float) -> Array:
    """Surrounds each map of values (samples, channels, height, width) with `fill`."""
    if not any(pads):
        return values
    top, left, bottom, right = pads
    samples, channels, height, width = values.shape
    shape = (samples, channels, top + height + bottom, left + width + right)
    padded = np.full(shape, fill, values.dtype)
    padded[:, :, top : top + height, left : left + width] = values
    return padded


def output_size(size: int, kernel: int, stride: int, pads: int, dilation: int) -> int:
    """How many windows fit along one axis."""
    return (size + pads - dilation * (kernel - 1) - 1) // stride + 1


def taps(
    padded: Array, kernel: Pair, strides: Pair, dilations: Pair, size: Pair
) -> Iterator[tuple[int, int, Array]]:
    """For each kernel position, the view of the map that it meets, of the output's `size`."""
    for row, column in product(range(kernel[0]), range(kernel[1])):
        top, left = row * dilations[0], column * dilations[1]
        rows = slice(top, top + (size[0] - 1) * strides[0] + 1, strides[0])
        columns = slice(left, left + (size[1] - 1) * strides[1] + 1, strides[1])
        yield row, column, padded[:, :, rows, columns]


INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
FLOAT32_EXACT = 2**24
"""Every integer of at most this magnitude is a float32, so smaller partial sums are exact."""
FLOAT64_EXACT = 2**53

PART_WEIGHTS = 1 << 20
"""Weights whose sums are formed at once: their temporaries stay in a cache."""


def exact_float(weight_magnitude: int, values: Array) -> np.dtype[Any]:
    """The narrowest float in which sums of values, weighted by at most this in all, are exact."""
    peak = max(abs(int(values.max())), abs(int(values.min()))) if values.size else 0
    largest_sum = weight_magnitude * peak
    if largest_sum < FLOAT32_EXACT:
        return np.dtype(np.float32)
    if largest_sum >= FLOAT64_EXACT:
        raise AssertionError(f"sums of up to {largest_sum} are not exact in float64")
    return np.dtype(np.float64)


def to_integers(sums: Array) -> NDArray[np.int64]:
    """Exact float sums as the integers they are."""
    return np.asarray(sums.astype(np.int64))


def centred(codes: Array, tensor: Tensor) -> NDArray[np.float32]:
    """Codes minus their zero point, as floats for BLAS."""
    values = codes.astype(np.float32)
    values -= np.float32(tensor.format.zero_point)
    return values


def signed_sums(weights: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each row, the sum of its negative weights and that of its positive ones."""
    rows = weights.reshape(len(weights), -1)
    negative, positive = np.empty((2, len(rows)), np.int64)
    # A part at a time: a large layer has hundreds of millions of weights.
    length = max(1, PART_WEIGHTS // max(1, rows.shape[1]))
    for start in range(0, len(rows), length):
        part = slice(start, start + length)
        np.minimum(rows[part], 0).sum(axis=1, dtype=np.int64, out=negative[part])
        np.maximum(rows[part], 0).sum(axis=1, dtype=np.int64, out=positive[part])
    return negative, positive


class Weighted:
    """A layer with one row of weights for each output feature or channel."""

    weights: NDArray[np.int32]

    @cached_property
    def signed_sums(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Per row, the sum of its negative weights and that of its positive ones."""
        return signed_sums(self.weights)

    @property
    def largest_gain(self) -> int:
        """The largest sum of the magnitudes of weights into one output."""
        negative, positive = self.signed_sums
        return int((positive - negative).max(initial=0))


def interval(
    sums: tuple[NDArray[np.int64], NDArray[np.int64]], bias: NDArray[np.int64], low: int, high: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The accumulators reachable from values in [low, high], one per row of signed sums."""
    negative, positive = sums
    smallest = bias + positive * low + negative * high
    largest = bias + positive * high + negative * low
    wraps = (smallest < INT32_MIN) | (largest > INT32_MAX)
    return np.where(wraps, INT32_MIN, smallest), np.where(wraps, INT32_MAX, largest)


def requantize(
    sums: Array,
    bias: NDArray[np.int64],
    multiplier: NDArray[np.float32] | None,
    output: Tensor,
) -> Array:
    """Turns exact sums into the output's codes; without a multiplier they are accumulators.

    `bias` and `multiplier` broadcast against `sums`. The float32 product is clamped, rounded half
    to even, and only then offset by the zero point: onnxruntime's order.
    """
    accumulators = _accumulate(sums, bias)
    if multiplier is None:
        return accumulators.astype(output.format.dtype)
    scaled = accumulators.astype(np.float32, copy=False)
    scaled *= multiplier
    low, high = output.value_range
    np.clip(scaled, low, high, out=scaled)
    np.rint(scaled, out=scaled)
    scaled += np.float32(output.format.zero_point)
    return scaled.astype(output.format.dtype)


def _accumulate(sums: Array, bias: NDArray[np.int64]) -> Array:
    """Adds the bias exactly, modulo 2^32 as a 32-bit register does."""
    peak = max(abs(float(sums.max())), abs(float(sums.min()))) if sums.size else 0.0
    peak += float(np.abs(bias).max(initial=0))
    if peak < FLOAT32_EXACT and sums.dtype == np.float32:
        sums += bias.astype(np.float32)
        return sums
    if peak <= INT32_MAX:
        return np.asarray(sums.astype(np.float64) + bias.astype(np.float64))
    return (to_integers(sums) + bias).astype(np.int32)  # keeps the low 32 bits


COLUMNS_BYTES = 1 << 25
"""Upper limit of the unfolded input kept at a time."""


@dataclass(frozen=True, eq=False)
class Convolution(Weighted):
    """output = requantize(weights * (input - zero point) + bias); padding contributes 0."""

    name: str
    inputs: tuple[Tensor]
    output: Tensor
    weights: NDArray[np.int32]
    """(channels out, channels in / groups, height, width), zero point already subtracted."""
    bias: NDArray[np.int64]
    strides: Pair
    pads: Pads
    dilations: Pair
    groups: int
    multiplier: NDArray[np.float32] | None
    """One per channel; None when the output is the 32-bit accumulator itself."""

    def evaluate(self, *codes: Array) -> Array:
        """The output's codes."""
        (source,) = codes
        sums = self._sums(centred(source, self.inputs[0]))
        multiplier = None if self.multiplier is None else self.multiplier[:, None, None]
        return requantize(sums, self.bias[:, None, None], multiplier, self.output)

    def linear(self, *values: Array) -> NDArray[np.int64]:
        """The sums of weights times values, without the bias."""
        (source,) = values
        return to_integers(self._sums(source))

    def bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The accumulator's reachable interval, one per channel."""
        low, high = self.inputs[0].value_range
        if any(self.pads):
            low, high = min(low, 0), max(high, 0)
        return interval(self.signed_sums, self.bias, low, high)

    def _sums(self, values: Array) -> Array:
        dtype = exact_float(self.largest_gain, values)
        shape = (len(values), *self.output.shape)
        sums = np.empty(shape, dtype)
        window = self.weights[0].size * self.groups
        bytes_per_sample = window * dtype.itemsize * int(np.prod(shape[2:]))
        step = max(1, COLUMNS_BYTES // max(1, bytes_per_sample))
        part = self._depthwise if self.weights.shape[1] == 1 else self._unfolded
        for start in range(0, len(values), step):
            chunk = values[start : start + step].astype(dtype, copy=False)
            sums[start : start + step] = part(pad_map(chunk, self.pads, 0))
        return sums

    def _depthwise(self, padded: Array) -> Array:
        """One input channel a filter: too thin for BLAS, so taps are added one by one."""
        filters = self.weights[:, 0].astype(padded.dtype)[..., None, None]
        size = (self.output.shape[1], self.output.shape[2])
        sums = np.zeros((len(padded), *self.output.shape), padded.dtype)
        copies = len(self.weights) // self.groups
        kernel = (self.weights.shape[2], self.weights.shape[3])
        for row, column, view in taps(padded, kernel, self.strides, self.dilations, size):
            repeated = view if copies == 1 else np.repeat(view, copies, axis=1)
            sums += repeated * filters[:, row, column]
        return sums

    def _unfolded(self, padded: Array) -> Array:
        """One matrix product a group over the unfolded windows."""
        samples = len(padded)
        columns, row_length = self._columns(padded)
        columns = columns.reshape(samples, self.groups, -1, columns.shape[-1])
        filters = self.weights.reshape(self.groups, len(self.weights) // self.groups, -1)
        sums = np.matmul(filters.astype(padded.dtype), columns)
        channels, height, width = self.output.shape
        sums = sums.reshape(samples, channels, height, row_length)
        return np.asarray(sums[..., :width])

    def _columns(self, padded: Array) -> tuple[Array, int]:
        """Each window as a column, and how many columns one output row takes."""
        padded = np.ascontiguousarray(padded)
        samples, channels, _, padded_width = padded.shape
        _, height, width = self.output.shape
        kernel_height, kernel_width = self.weights.shape[2:]
        sample, channel, line, pixel = padded.strides
        shape = [samples, channels, kernel_height, kernel_width, height, width]
        steps = [sample, channel, line * self.dilations[0], pixel * self.dilations[1]]
        steps += [line * self.strides[0], pixel * self.strides[1]]
        row_length = width
        if self.strides == (1, 1):
            # Whole padded lines are copied, one run a tap, and the seams dropped after the product:
            # several times faster than runs of one output row. The last seam would leave the map.
            row_length = padded_width
            shape[4:] = [(height - 1) * padded_width + width]
            steps[4:] = [pixel]
        view = np.lib.stride_tricks.as_strided(padded, shape, steps, writeable=False)
        unfolded = (samples, channels * kernel_height * kernel_width)
        if self.strides != (1, 1):
            return view.reshape(*unfolded, height * width), row_length
        columns = np.empty((*unfolded, height * padded_width), padded.dtype)
        columns[..., shape[4] :] = 0
        taps_shape = (samples, channels, kernel_height, kernel_width, height * padded_width)
        columns.reshape(taps_shape)[..., : shape[4]] = view
        return columns, row_length


@dataclass(frozen=True, eq=False)
class Dense(Weighted):
    """output = requantize(weights (input - zero point) + bias)."""

    name: str
    inputs: tuple[Tensor]
    output: Tensor
    weights: NDArray[np.int32]
    """(features out, features in), zero point already subtracted."""
    bias: NDArray[np.int64]
    multiplier: NDArray[np.float32] | None
    """One a feature; None when the output is the 32-bit accumulator itself."""

    def evaluate(self, *codes: Array) -> Array:
        """The output's codes."""
        (source,) = codes
        sums = self._sums(centred(source, self.inputs[0]))
        return requantize(sums, self.bias, self.multiplier, self.output)

    def linear(self, *values: Array) -> NDArray[np.int64]:
        """The sums of weights times values, without the bias."""
        (source,) = values
        return to_integers(self._sums(source))

    def bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The accumulator's reachable interval, one a feature."""
        return interval(self.signed_sums, self.bias, *self.inputs[0].value_range)

    def _sums(self, values: Array) -> Array:
        dtype = exact_float(self.largest_gain, values)
        rows = values.astype(dtype, copy=False)
        return np.asarray(rows @ self.weights.T.astype(dtype))
