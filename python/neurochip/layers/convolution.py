"""Convolution in two dimensions; a one-dimensional one has height 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Tensor
from .accumulate import Weighted, centred, exact_float, interval, requantize, to_integers
from .windows import Pads, Pair, pad_map, taps

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
    """One a channel; None when the output is the 32-bit accumulator itself."""

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
        """The accumulator's reachable interval, one a channel."""
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
