"""Average pooling, as sums and one multiplier a position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Tensor
from .weighted import Pads, Pair, centred, exact_float, pad_map, requantize, taps, to_integers


@dataclass(frozen=True, slots=True, eq=False)
class AveragePool:
    """output = requantize(sum of input - zero point over each window)."""

    name: str
    inputs: tuple[Tensor]
    output: Tensor
    kernel: Pair
    strides: Pair
    pads: Pads
    dilations: Pair
    counts: NDArray[np.int64]
    """(height, width) of the output: by how much each sum is divided."""
    multiplier: NDArray[np.float32]
    """(height, width) of the output: input scale / (output scale * count)."""
    global_: bool
    """Whether one window covers the whole map: there onnxruntime itself is integer."""

    def evaluate(self, *codes: Array) -> Array:
        """The output's codes."""
        (source,) = codes
        sums = self._sums(centred(source, self.inputs[0]))
        return requantize(sums, np.zeros(1, np.int64), self.multiplier, self.output)

    def linear(self, *values: Array) -> NDArray[np.int64]:
        """The sum of values in each window."""
        (source,) = values
        return to_integers(self._sums(source))

    def bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The sum's reachable interval, one per channel."""
        low, high = self.inputs[0].value_range
        if any(self.pads):
            low, high = min(low, 0), max(high, 0)
        size = self.kernel[0] * self.kernel[1]
        channels = self.output.shape[0]
        return np.full(channels, size * low, np.int64), np.full(channels, size * high, np.int64)

    def _sums(self, values: Array) -> Array:
        values = values.astype(exact_float(self.kernel[0] * self.kernel[1], values), copy=False)
        if self.global_:
            return np.asarray(values.sum(axis=(2, 3), keepdims=True))
        padded = pad_map(values, self.pads, 0)
        size = (self.output.shape[1], self.output.shape[2])
        sums = np.zeros((len(values), *self.output.shape), values.dtype)
        for _, _, view in taps(padded, self.kernel, self.strides, self.dilations, size):
            sums += view
        return sums
