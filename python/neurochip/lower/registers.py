"""What the chip's registers allow: widths, and the intervals that must fit them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..network import SpikeCode

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
