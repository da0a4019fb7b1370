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
