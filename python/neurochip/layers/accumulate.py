"""What weighted layers share: exact sums in BLAS, the accumulator's interval, requantization."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Tensor

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
