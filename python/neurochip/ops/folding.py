"""Constants that a weighted sum absorbs, also where its values have been moved since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..formats import Array
from .expressions import Picked
from .pointwise import over_one_sample
from .values import Expression, Value
from .weighted_sum import ScaledAccumulator

Fold: TypeAlias = "Callable[[ScaledAccumulator, NDArray[np.float64]], ScaledAccumulator]"
"""From a sum and one number per channel to the sum with these numbers in it."""
Numbers: TypeAlias = "NDArray[np.float64]"


def folded(value: Value, array: Array, fold: Fold) -> Expression | None:
    """The value with a constant operand in its weighted sum.

    None if there is no sum, or the constant is not one number for each of its channels.
    """
    if not isinstance(value, (ScaledAccumulator, Picked)):
        return None
    own = over_one_sample(array, value.shape)
    if own is None:
        return None
    numbers = np.broadcast_to(array.reshape(own).astype(np.float64), value.shape)
    return _into(value, numbers, fold)


def _into(value: Expression, numbers: Numbers, fold: Fold) -> Expression | None:
    """Numbers at every position, NaN where none is wanted."""
    if isinstance(value, ScaledAccumulator):
        by_channel = numbers.reshape(value.shape[0], -1)
        known = np.where(np.isnan(by_channel), -np.inf, by_channel).max(axis=1)
        known = np.where(np.isfinite(known), known, 1.0)  # nobody reads such a channel
        differs = ~np.isnan(by_channel) & (by_channel != known[:, None])
        return None if differs.any() else fold(value, known)
    if not isinstance(value, Picked) or value.index is None or (value.index < 0).any():
        return None
    source = np.full(value.child.shape, np.nan)
    source.flat[value.index.ravel()] = numbers.ravel()
    if not np.array_equal(source.ravel()[value.index], numbers, equal_nan=True):
        return None  # one value stands at two positions, with two numbers
    child = _into(value.child, source, fold)
    return None if child is None else replace(value, child=child)
