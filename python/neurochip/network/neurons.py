"""Neuron models and their parameters: what a population's neurons compute."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import float32_parts, reference
from ..formats import Tensor
from .codec import ByValue, host, rows
from .spike_codes import SpikeCode

MIN_S1, MAX_S1 = 2.0**-31, 2.0**63
"""Scales of a membrane that leave every accumulator in 64 bits."""

MIN_SHIFT = -8
"""Of a float32 requantizer: what is larger than `2^31` takes any sum beyond every code."""


@dataclass(frozen=True, slots=True)
class ExactIntegration:
    """Each weight sum enters a membrane of one word exactly."""

    VARIANT: ClassVar = {"mode": "exact"}


@dataclass(frozen=True, slots=True)
class DoubleIntegration:
    """Exact integration into a membrane of two state words."""

    VARIANT: ClassVar = {"mode": "double"}


@dataclass(frozen=True, slots=True, eq=False)
class ScaledIntegration(ByValue):
    """Scaled integration: each weight sum enters as `(sum * k_t + half) >> shift` (eq. 15-19).

    Rows are one for the layer, or one per channel.
    """

    VARIANT: ClassVar = {"mode": "scaled"}

    coefficients: NDArray[np.int64] = field(metadata=rows("shift"))
    """(rows, steps)."""
    shift: NDArray[np.int64]
    """(rows,)."""
    s1: NDArray[np.float64] = field(metadata=host(MIN_S1, MAX_S1))
    """(rows,): the membrane's scale, as a factor of the accumulator."""


Integration: TypeAlias = ExactIntegration | DoubleIntegration | ScaledIntegration


@dataclass(frozen=True, slots=True, eq=False)
class Float32Requantizer(ByValue):
    """`rne(f32(acc) * f32(M)) + zero`, where `M = mantissa * 2^-shift`."""

    VARIANT: ClassVar = {"kind": "float32"}

    mantissa: NDArray[np.int64]
    """Of 24 bits, the highest of them set, or 0."""
    shift: NDArray[np.int64]
    zero: int

    @staticmethod
    def of(multiplier: NDArray[np.float32], zero: int) -> Float32Requantizer:
        """From M; where it is too large for any sum to be a code, it is a smaller such number."""
        mantissa, shift = float32_parts(multiplier)
        return Float32Requantizer(mantissa, np.maximum(shift, MIN_SHIFT), zero)

    @property
    def multiplier(self) -> NDArray[np.float32]:
        """M."""
        parts = self.mantissa.astype(np.float64), -self.shift.astype(np.intc)
        return np.asarray(np.ldexp(*parts), np.float32)

    def lowered(self, base: int) -> Float32Requantizer:
        """Constants whose result is smaller by `base`."""
        return replace(self, zero=self.zero - base)

    def codes(self, acc: NDArray[np.int64], output: Tensor) -> NDArray[Any]:
        """The codes of a tensor for its accumulators; the constants broadcast against them."""
        codes = reference(acc, self.multiplier, self.zero, output.low, output.high)
        return codes.astype(output.format.dtype)


@dataclass(frozen=True, slots=True, eq=False)
class FixedRequantizer(ByValue):
    """`(acc * multiplier + offset) >> shift`."""

    VARIANT: ClassVar = {"kind": "fixed"}

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
class TableRequantizer(ByValue):
    """`entries[channel, acc - first]`."""

    VARIANT: ClassVar = {"kind": "table"}
    COMPUTED: ClassVar = {"tables": "tables"}

    entries: NDArray[np.int32] = field(metadata=rows("tables"))
    """(tables, accumulators)."""
    first: int

    @property
    def tables(self) -> int:
        """1, or one per channel."""
        return len(self.entries)


@dataclass(frozen=True, slots=True)
class AddRequantizer:
    """`rne(fma(a, scale_a, fma(b, scale_b, offset))) + zero` of a membrane `a + 512 b`."""

    VARIANT: ClassVar = {"kind": "float32_add"}

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
class StemNeurons(ByValue):
    """Accumulates, scales and generates. Arrays hold one, one per channel or one per neuron."""

    VARIANT: ClassVar = {"model": "stem"}

    integration: Integration
    """How weight sums enter the membrane."""
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

    VARIANT: ClassVar = {"model": "max_pool"}


@dataclass(frozen=True, slots=True, eq=False)
class QuartzNeurons(ByValue):
    """Integrates twice, then climbs until it fires. Arrays as in `StemNeurons`."""

    VARIANT: ClassVar = {"model": "quartz"}
    COMPUTED: ClassVar = {"readout": "readout"}

    bias: NDArray[np.int64]
    """The membrane before the first spike."""
    slope: NDArray[np.int64]
    """What the membrane climbs in a timestep, or what it takes for that; 0 where it is read."""
    threshold: NDArray[np.int64]
    added_by: int = field(default=0, metadata=host(0))
    """Synapses by which the readout adds the slope to the current; 0 if it sets it."""

    @property
    def readout(self) -> Literal["set", "add"]:
        """What the readout does with the current."""
        return "add" if self.added_by else "set"


@dataclass(frozen=True, slots=True, eq=False)
class IntegrateFireNeurons(ByValue):
    """Integrates, fires and keeps the rest. Arrays as in `StemNeurons`."""

    VARIANT: ClassVar = {"model": "integrate_fire"}

    start: NDArray[np.int64]
    """The membrane before the first spike."""
    bias: NDArray[np.int64]
    """Added in every timestep."""
    threshold: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ConstantNeurons(ByValue):
    """Sends the same in every sample."""

    VARIANT: ClassVar = {"model": "constant"}

    values: NDArray[np.int64]
    """One per neuron."""


@dataclass(frozen=True, slots=True)
class InputNeurons:
    """Spikes come from outside."""

    VARIANT: ClassVar = {"model": "input"}

    port: int = 0
    """The chip's io port through which samples enter: the first of the chip file."""


Model: TypeAlias = (
    InputNeurons
    | StemNeurons
    | MaxPoolNeurons
    | QuartzNeurons
    | IntegrateFireNeurons
    | ConstantNeurons
)
