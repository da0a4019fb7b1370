"""Axes that a node names, and those along which a constant varies."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import SupportsIndex

import numpy as np
from numpy.typing import NDArray

from .values import Refusal, Shape


def counted(axes: Iterable[SupportsIndex], rank: int) -> list[int]:
    """The axes counted from the front, samples first.

    Raises:
        Refusal: If one of them is none of a value with `rank` axes.
    """
    given = [index(axis) for axis in axes]
    wrong = [axis for axis in given if not -rank <= axis < rank]
    if wrong:
        raise Refusal(f"its input has {rank} axes; {wrong[0]} is none of them")
    return [axis % rank for axis in given]


def over_one_sample(array: NDArray[np.generic], shape: Shape) -> Shape | None:
    """The shape of a constant with as many axes as one sample of a value, to which it broadcasts.

    None if it does not, or differs between samples.
    """
    full = (1,) * (len(shape) + 1 - array.ndim) + array.shape
    fits = len(full) == len(shape) + 1 and full[0] == 1
    if not fits or any(n not in (1, whole) for n, whole in zip(full[1:], shape, strict=True)):
        return None
    return full[1:]
