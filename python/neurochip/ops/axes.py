"""Axes that a node names: they count from the end where they are negative."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import SupportsIndex

from .values import Refusal


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
