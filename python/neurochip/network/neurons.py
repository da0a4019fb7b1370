"""Neuron models and their parameters: what a population's neurons compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import reference
from ..formats import Tensor
from .spike_codes import SpikeCode


@dataclass(frozen=True, slots=True)
class DoubleIntegration:
    """Exact integration into a membrane of two state words."""


@dataclass(frozen=True, slots=True, eq=False)
class ScaledIntegration:
    """Scaled integration: each weight sum enters as `(sum * k_t + half) >> shift` (eq. 15-19).

    Rows are one for the layer, or one per channel.
    """

    coefficients: NDArray[np.int64]
    """(rows, steps)."""
    shift: NDArray[np.int64]
    """(rows,)."""
    s1: NDArray[np.float64]
    """(rows,): the membrane's scale, as a factor of the accumulator."""


@dataclass(frozen=True, slots=True, eq=False)
class Float32Requantizer:
    """`rne(f32(acc) * f32(M)) + zero`."""

    multiplier: NDArray[np.float32]
    zero: int

    def lowered(self, base: int) -> Float32Requantizer:
        """Constants whose result is smaller by `base`."""
        return Float32Requantizer(self.multiplier, self.zero - base)

    def codes(self, acc: NDArray[np.int64], output: Tensor) -> NDArray[Any]:
        """The codes of a tensor for its accumulators; the constants broadcast against them."""
        codes = reference(acc, self.multiplier, self.zero, output.low, output.high)
        return codes.astype(output.format.dtype)


@dataclass(frozen=True, slots=True, eq=False)
class FixedRequantizer:
    """`(acc * multiplier + offset) >> shift`."""

    multiplier: NDArray[np.int64]
    offset: NDArray[np.int64]
    shift: NDArray[np.int64]

    def lowered(self, base: int) -> FixedRequantizer:
        """Constants whose result is smaller by `base`."""
        return FixedRequantizer(self.multiplier, self.offset - (base << self.shift), self.shift)

    def codes(self, acc: NDArray[np.int64], output: Tensor) -> NDArray[Any]:
        """The codes of a tensor for its accumulators; the constants broadcast against them."""
        codes = (acc * self.multiplier + self.offset) >> self.shift
        clamped: NDArray[np.int64] = np.clip(codes, output.low, output.high)
        return clamped.astype(output.format.dtype)


@dataclass(frozen=True, slots=True, eq=False)
class TableRequantizer:
    """`entries[channel, acc - first]`."""

    entries: NDArray[np.int32]
    first: int


@dataclass(frozen=True, slots=True)
class AddRequantizer:
    """`rne(fma(a, scale_a, fma(b, scale_b, offset))) + zero` of a membrane `a + 512 b`."""

    bases: tuple[int, int]
    scales: tuple[np.float32, np.float32]
    offset: np.float32
    zero: int


Requantizer: TypeAlias = Float32Requantizer | FixedRequantizer | TableRequantizer | AddRequantizer


@dataclass(frozen=True, slots=True)
class Sparsity:
    """Which spikes of a train are left out (SDANN, section 3.3)."""

    rot: int
    """RoT: values are rounded to multiples of `2^rot`."""
    drlo: int
    """DRLO: only so many spikes are sent, the first ones."""

    def sent(self, values: NDArray[np.int64], code: SpikeCode) -> NDArray[np.int64]:
        """What is sent for values that do not round beyond the code's largest."""
        half = (1 << self.rot) >> 1
        rounded = (values + half) >> self.rot << self.rot
        sent = np.zeros(values.shape, np.int64)
        spikes = np.zeros(values.shape, np.int64)
        for step in range(code.bits):
            spike = (rounded >> (code.bits - 1 - step)) & (spikes < self.drlo)
            sent += spike * code.weight(step)
            spikes += spike
        return sent


@dataclass(frozen=True, slots=True, eq=False)
class StemNeurons:
    """Accumulates, scales and generates. Arrays hold one, one per channel or one per neuron."""

    integration: DoubleIntegration | ScaledIntegration | None
    """None where each weight sum enters a membrane of one word exactly."""
    bias: NDArray[np.int64]
    requantizer: Requantizer | None
    """None where the host reads the membrane."""
    low: int
    high: int
    sparsity: Sparsity | None = None
    """None where all spikes are sent; else `low` and `high` are values it sends as they are."""


@dataclass(frozen=True, slots=True)
class MaxPoolNeurons:
    """Passes the largest input on, bit by bit."""


@dataclass(frozen=True, slots=True, eq=False)
class QuartzNeurons:
    """Integrates twice, then climbs until it fires. Arrays as in `Stem`."""

    bias: NDArray[np.int64]
    """The membrane before the first spike."""
    slope: NDArray[np.int64]
    """What the membrane climbs in a timestep, or what it takes for that; 0 where it is read."""
    threshold: NDArray[np.int64]
    added_by: int = 0
    """Synapses by which the readout adds the slope to the current; 0 if it sets it."""


@dataclass(frozen=True, slots=True, eq=False)
class IntegrateFireNeurons:
    """Integrates, fires and keeps the rest. Arrays as in `Stem`."""

    start: NDArray[np.int64]
    """The membrane before the first spike."""
    bias: NDArray[np.int64]
    """Added in every timestep."""
    threshold: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ConstantNeurons:
    """Sends the same in every sample."""

    values: NDArray[np.int64]
    """One per neuron."""


@dataclass(frozen=True, slots=True)
class InputNeurons:
    """Spikes come from outside."""


MODEL_NAMES: Mapping[type[Any], str] = {
    InputNeurons: "input",
    StemNeurons: "stem",
    MaxPoolNeurons: "max_pool",
    QuartzNeurons: "quartz",
    IntegrateFireNeurons: "integrate_fire",
    ConstantNeurons: "constant",
}
"""What a model is called in an image."""

Model: TypeAlias = (
    InputNeurons
    | StemNeurons
    | MaxPoolNeurons
    | QuartzNeurons
    | IntegrateFireNeurons
    | ConstantNeurons
)
