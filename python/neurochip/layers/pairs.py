"""Functions of two codes, as tables over every pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Format, Tensor


def all_codes(format: Format) -> NDArray[np.float32]:
    """Every code of a format in ascending order."""
    return np.arange(format.qmin, format.qmax + 1).astype(np.float32)


def look_up_pairs(
    table: NDArray[np.int32],
    codes: tuple[Array, ...],
    inputs: tuple[Tensor, Tensor],
    output: Tensor,
) -> Array:
    """Reads the table at each pair of codes; a size of 1 in one shape spreads along the other."""
    first, second = codes
    rows = first.astype(np.int32) - inputs[0].format.qmin
    columns = second.astype(np.int32) - inputs[1].format.qmin
    entries = table.astype(output.format.dtype).ravel()
    return np.asarray(entries[rows * table.shape[1] + columns])


def fused_multiply_add(
    factor: Array | np.float32, multiplier: np.float32, addend: Array | np.float32
) -> NDArray[np.float32]:
    """Adds factor * multiplier to addend in float32 with one rounding, as an FMA does.

    The product of two float32 is exact in float64. The sum is rounded to odd, which keeps the
    information that a second rounding to the nearest float32 needs.
    """
    product = np.asarray(factor, np.float64) * np.float64(multiplier)
    other = np.asarray(addend, np.float64)
    total = product + other
    back = total - product
    lost = (product - (total - back)) + (other - back)
    even = (np.atleast_1d(total).view(np.int64) & 1).reshape(total.shape) == 0
    odd = np.where((lost != 0) & even, np.nextafter(total, np.copysign(np.inf, lost)), total)
    return np.asarray(odd, np.float32)
