"""The second scaling of scaled integration: `clamp(((H * m + rounding) >> shift) + bias)`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_SHIFT = 62
"""Beyond this, every 64-bit product is zero after the shift."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """Constants of one multiplication and rounding shift for each channel."""

    multiplier: NDArray[np.int64]
    shift: NDArray[np.int64]

    @property
    def rounding(self) -> NDArray[np.int64]:
        """Half of the divisor: added before the shift, it rounds to nearest, half up."""
        return np.asarray((np.int64(1) << self.shift) >> 1)

    @property
    def scale(self) -> NDArray[np.float64]:
        """The factor that these constants multiply by."""
        return np.ldexp(self.multiplier.astype(np.float64), -self.shift.astype(np.intc))

    def evaluate(
        self,
        membrane: NDArray[np.int64],
        bias: NDArray[np.int64],
        low: int,
        high: int,
        axis: int = 1,
    ) -> NDArray[np.int64]:
        """Codes of membranes whose channels lie along `axis`; `bias` is at the output's scale."""
        shape = [1] * membrane.ndim
        shape[axis] = -1
        multiplier, rounding, shift, addend = (
            constant.reshape(shape)
            for constant in (self.multiplier, self.rounding, self.shift, bias)
        )
        scaled = (membrane.astype(np.int64) * multiplier + rounding) >> shift
        return np.asarray(np.clip(scaled + addend, low, high))


def fit_scaled(scale: ArrayLike, multiplier_bits: int, max_shift: int = MAX_SHIFT) -> Scaled:
    """The fractions `m / 2**shift` nearest to positive scales, with `m < 2**multiplier_bits`.

    Every multiplier has all its bits unless its shift would pass `max_shift` (a scale too small)
    or fall below zero (too large: the multiplier then stays at its maximum).
    """
    value = np.atleast_1d(np.asarray(scale, dtype=np.float64))
    exponent = np.frexp(value)[1]
    largest = (1 << multiplier_bits) - 1
    shift = np.clip(multiplier_bits - exponent, 0, max_shift)
    # Rounding can carry into one bit more; then the shift is one less and the fraction the same.
    carried = (np.rint(np.ldexp(value, shift)) > largest) & (shift > 0)
    shift = shift - carried
    multiplier = np.minimum(np.rint(np.ldexp(value, shift)), largest).astype(np.int64)
    return Scaled(multiplier, shift.astype(np.int64))
