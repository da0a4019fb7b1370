"""Weighted sums: convolution, dense and average pooling as their neurons compute them.

With the chip's registers: their widths, and the intervals that must fit them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..arithmetic import reference
from ..chip import Chip
from ..layers import Weighted
from ..network import (
    DoubleIntegration,
    PopulationFacts,
    Readout,
    Requantizer,
    ScaledIntegration,
    SpikeCode,
)
from ..requantize import Staircase, thresholds

FLOAT32_BITS = 24
"""Of the significand that a chip multiplies by whose requantizer is float32."""


@dataclass(frozen=True, slots=True)
class Registers:
    """The arithmetic of a chip's core."""

    sum_bits: int
    membrane_bits: int
    bias_bits: int
    wraps: bool
    float32: bool
    """Whether the soma's requantizer rounds as float32 does."""
    multiplier_bits: int
    doubled_multiplier_bits: int | None
    """The same for a membrane that takes a second state word; None where no neuron has one."""
    tables: bool
    weight_bits: int

    @staticmethod
    def of(chip: Chip) -> Registers:
        """Reads a chip's description."""
        core = chip.spec["core"]
        soma, second_word = core["soma"], core["second_state_word"]
        return Registers(
            sum_bits=core["weight_sum_bits"],
            membrane_bits=core["membrane_bits"],
            bias_bits=soma["bias_bits"],
            wraps=core["overflow"] == "wrap",
            float32=soma["requantizer"] == "float32",
            multiplier_bits=_multiplier_bits(soma),
            doubled_multiplier_bits=second_word and _multiplier_bits(second_word),
            tables=soma["table"],
            weight_bits=max(core["weight_bits"]),
        )

    @property
    def are_int32(self) -> bool:
        """Whether sums in these registers are those of 32-bit arithmetic, modulo 2^32."""
        return self.membrane_bits == 32 and self.sum_bits == 32 and self.wraps

    @property
    def membrane_high(self) -> int:
        """The largest membrane."""
        return (1 << (self.membrane_bits - 1)) - 1

    def headroom_bits(self, largest: float) -> float:
        """How far a magnitude stays below the end of a membrane."""
        return float(np.log2(self.membrane_high / max(largest, 1)))

    @property
    def weight_high(self) -> int:
        """The largest weight of one synapse."""
        return (1 << (self.weight_bits - 1)) - 1

    def store(self, values: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
        """What a register of `bits` holds after values were written: wrapped or saturated."""
        half = np.int64(1) << (bits - 1)
        if self.wraps:
            return np.asarray(((values + half) & (2 * half - 1)) - half)
        return np.clip(values, -half, half - 1)


def _multiplier_bits(described: Mapping[str, Any]) -> int:
    return int(described["multiplier_bits"] or FLOAT32_BITS)


def fits(low: int, high: int, bits: int) -> bool:
    """Whether a two's complement register of `bits` holds every value of an interval."""
    return -(1 << (bits - 1)) <= low and high < 1 << (bits - 1)


@dataclass(frozen=True, slots=True)
class SumReach:
    """Intervals that no input can leave, over all neurons of a layer."""

    sums: tuple[int, int]
    """The weight sum of one timestep."""
    partial: tuple[int, int]
    """The membrane after any step, before the bias."""

    @staticmethod
    def of(negative: int, positive: int, code: SpikeCode, high: int) -> SumReach:
        """From the extreme sums of negative and of positive weights into one neuron.

        Args:
            negative: Sum of the negative weights, at most 0.
            positive: Sum of the positive weights, at least 0.
            code: The source's code.
            high: The largest value the source sends; what has been sent of a value never
                exceeds the value.
        """
        low, high = code.low, max(high, 0)
        return SumReach(
            (negative, positive),
            (negative * high + positive * low, positive * high + negative * low),
        )

    @property
    def largest_partial(self) -> int:
        """The largest magnitude of a membrane before the bias."""
        return max(abs(value) for value in self.partial)


BY_INTERVAL = "scaled by the proven interval: no calibration samples"

ONE_LEVEL = 1
"""A multiplication that errs by more is another function, not a rounding of it."""


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
    def reach(self) -> SumReach:
        """What no input can make its registers leave."""
        negative, positive = weight_sums(self.layer)
        return SumReach.of(int(negative.min()), int(positive.max()), self.source, self._highest)

    def largest_membranes(self, with_bias: bool) -> NDArray[np.int64]:
        """The largest magnitude of each channel's membrane that any input can lead to.

        Args:
            with_bias: Whether the membrane holds the bias after the last step.
        """
        if not with_bias:
            return self._largest_partials
        low, high = (np.abs(ends) for ends in self.layer.bounds())
        return np.maximum(self._largest_partials, np.maximum(low, high))

    @property
    def _largest_partials(self) -> NDArray[np.int64]:
        reaches = (
            SumReach.of(int(negative), int(positive), self.source, self._highest)
            for negative, positive in zip(*weight_sums(self.layer), strict=True)
        )
        return np.array([reach.largest_partial for reach in reaches], np.int64)

    @property
    def _highest(self) -> int:
        return self.layer.inputs[0].high - self.source.base

    @property
    def bias_range(self) -> tuple[int, int]:
        """The smallest and the largest bias."""
        return int(self.bias.min()), int(self.bias.max())

    @property
    def sums_fit(self) -> bool:
        """Whether the weight sums of one timestep fit their register."""
        return fits(*self.reach.sums, self.registers.sum_bits)

    @property
    def what_may_overflow(self) -> str:
        """A remark on registers that are not proven wide enough."""
        if not self.sums_fit:
            return "weight sums of a timestep may overflow: counted"
        return "sums are not proven to fit their membranes: overflows are counted"

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
    """Constants of a weighted sum's neurons, and what is proven about them."""

    integration: DoubleIntegration | ScaledIntegration | None
    bias: NDArray[np.int64]
    """Broadcasts to the output's shape; added to the membrane."""
    requantizer: Requantizer | None
    readout: Readout
    """How the host reads membranes; broadcasts to the output's shape."""
    facts: PopulationFacts


def weight_sums(layer: Weighted) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each channel: the sum of its negative and of its positive weights into one neuron."""
    if isinstance(layer, layers.AveragePool):
        positive = np.full(layer.output.shape[0], layer.kernel[0] * layer.kernel[1], np.int64)
        return np.zeros_like(positive), positive
    return layer.signed_sums


def signed_bits(low: int, high: int) -> int:
    """Bits of the narrowest two's complement register that holds an interval."""
    return next(bits for bits in count(1) if fits(low, high, bits))


def register_bits(*values: NDArray[np.int64]) -> int | None:
    """Bits of the narrowest register that holds all of these; None if all are 0."""
    if not any(each.any() for each in values):
        return None
    low, high = min(each.min() for each in values), max(each.max() for each in values)
    return signed_bits(int(low), int(high))


def along_channels(values: NDArray[Any], layer: Weighted) -> NDArray[Any]:
    """One value a channel, shaped to broadcast to the output."""
    return values.reshape((-1,) + (1,) * (len(layer.output.shape) - 1))


def largest_of_channels(values: NDArray[np.int64], layer: Weighted) -> NDArray[np.int64]:
    """The largest magnitude of each channel, of what broadcasts to the output's shape."""
    whole = np.broadcast_to(values, layer.output.shape)
    return np.asarray(np.abs(whole).reshape(len(whole), -1).max(axis=1))


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

    with np.errstate(divide="ignore"):  # a multiplier of 0 reaches no level
        levels = np.arange(output.low + 1, output.high + 1) - output.format.zero_point
        near = (levels - 0.5) / multiplier[:, None].astype(np.float64)
    return thresholds(codes, output.low, output.high, low, high, near)
