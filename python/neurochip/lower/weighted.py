"""Weighted sums: convolution, dense and average pooling as their neurons compute them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..arithmetic import reference
from ..layers import Weighted
from ..layers.accumulate import signed_sums
from ..requantize import Staircase, thresholds
from .network import Arithmetic, Lowering, Requantizer, Scaled, SpikeCode
from .registers import Reach, Registers


@dataclass(frozen=True, slots=True, eq=False)
class WeightedSum:
    """A weighted layer between two spike codes, on a chip."""

    layer: Weighted
    source: SpikeCode
    target: SpikeCode | None
    """None where the host reads the membrane."""
    bias: NDArray[np.int64]
    """Broadcasts to the output's shape; makes up for trains that carry `v`, not `q - Z`."""
    silent: NDArray[np.bool_]
    """Of the input's shape: zero points that no neuron holds."""
    registers: Registers

    def values(self, codes: NDArray[Any]) -> NDArray[np.int16]:
        """What the source's neurons send for codes of the input."""
        return np.where(self.silent, np.int16(0), self.source.values(codes))

    @property
    def reach(self) -> Reach:
        """What no input can make its registers leave."""
        highest = self.layer.inputs[0].high - self.source.base
        return Reach.of(*weight_sums(self.layer), self.source, highest)

    @property
    def multiplier(self) -> NDArray[np.float32] | None:
        """The layer's multiplier, broadcasting to the output's shape."""
        if self.layer.multiplier is None:
            return None
        if isinstance(self.layer, layers.AveragePool):
            return self.layer.multiplier[None]
        return np.asarray(along_channels(self.layer.multiplier, self.layer))


@dataclass(frozen=True, slots=True, eq=False)
class Integrated:
    """Constants of a weighted sum's neurons, what is proven about them, and the same in NumPy."""

    integration: Scaled | None
    bias: NDArray[np.int64]
    """Broadcasts to the output's shape; added to the membrane."""
    requantizer: Requantizer | None
    lowering: Lowering
    arithmetic: Arithmetic | None
    """None where it is the reference itself."""


def weight_sums(layer: Weighted) -> tuple[int, int]:
    """The most negative and the most positive sum of weights of one sign into one neuron."""
    if isinstance(layer, layers.AveragePool):
        return 0, layer.kernel[0] * layer.kernel[1]
    negative, positive = signed_sums(layer.weights)
    return int(negative.min()), int(positive.max())


def along_channels(values: NDArray[Any], layer: Weighted) -> NDArray[Any]:
    """One value a channel, shaped to broadcast to the output."""
    return values.reshape((-1,) + (1,) * (len(layer.output.shape) - 1))


def bias_of(layer: Weighted) -> NDArray[np.int64]:
    """The layer's own bias, broadcasting to the output's shape."""
    if isinstance(layer, layers.AveragePool):
        return np.zeros((1,) * len(layer.output.shape), np.int64)
    return along_channels(layer.bias, layer)


def reference_staircase(
    layer: Weighted,
    multiplier: NDArray[np.float32],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> Staircase:
    """The thresholds of onnxruntime, for one multiplier and one interval of accumulators a row."""
    output = layer.output

    def codes(acc: NDArray[np.int64]) -> NDArray[np.int64]:
        zero = output.format.zero_point
        return reference(acc, multiplier[:, None], zero, output.low, output.high)

    return thresholds(codes, output.low, output.high, low, high)
