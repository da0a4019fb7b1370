"""The residual add in time: two branch weights, one membrane, one slope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import QuantizationError
from .staircase import Proof

_SLOPES = 12
"""Slopes that are tried: those at which both weights come nearest to the ratios of the scales."""


@dataclass(frozen=True, slots=True)
class RampAdd:
    """Constants of `clamp((w_a a + w_b b + offset) // slope)`."""

    weights: tuple[int, int]
    offset: int
    slope: int
    high: int

    @property
    def threshold(self) -> int:
        """The membrane at which the neuron fires."""
        return (self.high + 1) * self.slope - self.offset

    def evaluate(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.int64]:
        """The levels for two branches' levels, which broadcast against each other."""
        sums = self.weights[0] * a.astype(np.int64) + self.weights[1] * b.astype(np.int64)
        return np.asarray(np.clip((sums + self.offset) // self.slope, 0, self.high))


def fit_ramp_add(
    table: NDArray[np.integer],
    high: int,
    ratios: tuple[float, float],
    max_weight: int,
    max_membrane: int,
) -> tuple[RampAdd, Proof]:
    """Finds the weights, slope and offset with the fewest differing pairs of levels.

    Args:
        table: (levels of the first branch, of the second): the wanted level of every pair.
        high: The top level, at which the ramp clamps.
        ratios: How many levels of the sum one level of each branch is worth; negative where it is
            subtracted.
        max_weight: Largest weight that a synapse can hold.
        max_membrane: Largest value that the membrane can hold, ramp included.

    Raises:
        QuantizationError: If not even a slope of 1 leaves the membrane within its register.
    """
    best: tuple[int, RampAdd] | None = None
    table = table.astype(np.int64)
    first, second = (np.arange(length, dtype=np.int64) for length in table.shape)
    extents = (table.shape[0] - 1, table.shape[1] - 1)
    for slope, weights in _candidates(ratios, extents, high, max_weight, max_membrane):
        sums = weights[0] * first[:, None] + weights[1] * second
        climb = (high + 1) * slope
        allowed = (climb + slope - max_membrane, climb + max_membrane)
        offset = _best_offset(sums.ravel(), table.ravel(), slope, high, allowed)
        found = RampAdd(weights, offset, slope, high)
        wrong = int(np.count_nonzero(found.evaluate(first[:, None], second) != table))
        if best is None or wrong < best[0]:
            best = wrong, found
    if best is None:
        raise QuantizationError(
            f"sums of {extents[0]} and {extents[1]} levels, and the ramp to {high}, leave a "
            f"membrane of up to {max_membrane}",
            hint="use fewer timesteps (`--t-max`), or a chip with wider membranes",
        )
    differ = abs(best[1].evaluate(first[:, None], second) - table)
    return best[1], Proof(
        np.array([np.count_nonzero(differ)]), np.array([table.size]), np.array([differ.max()])
    )


def _candidates(
    ratios: tuple[float, float],
    extents: tuple[int, int],
    high: int,
    max_weight: int,
    max_membrane: int,
) -> list[tuple[int, tuple[int, int]]]:
    """Slopes with their weights, those first that miss the ratios least over all levels."""
    steepest = int(max_weight / max(map(abs, ratios))) + 1
    slopes = np.arange(1, min(steepest, max_membrane // (high + 2)) + 1)
    weights = [np.rint(ratio * slopes).astype(np.int64) for ratio in ratios]
    largest = abs(weights[0]) * extents[0] + abs(weights[1]) * extents[1]
    fits = np.maximum(largest, (high + 1) * slopes) + slopes <= max_membrane
    for each in weights:
        fits &= (abs(each) <= max_weight) & (each != 0)
    slopes, weights = slopes[fits], [each[fits] for each in weights]
    missed = sum(
        abs(each / slopes - ratio) * extent
        for each, ratio, extent in zip(weights, ratios, extents, strict=True)
    )
    order = np.argsort(missed, kind="stable")[:_SLOPES]
    return [(int(slopes[i]), (int(weights[0][i]), int(weights[1][i]))) for i in order]


def _best_offset(
    sums: NDArray[np.int64],
    levels: NDArray[np.integer],
    slope: int,
    high: int,
    allowed: tuple[int, int],
) -> int:
    """The offset that is right for the most pairs: each is right for one interval of offsets.

    Args:
        sums: Of the branches' weighted levels.
        levels: What each sum is to become.
        slope: What the sums are divided by.
        high: The top level.
        allowed: The smallest and the largest offset whose threshold a register holds.
    """
    least, most = allowed
    start = np.where(levels > 0, levels * slope - sums, least).clip(least, most)
    stop = np.where(levels < high, (levels + 1) * slope - sums, most + 1).clip(least, most + 1)
    places = np.concatenate([start, stop])
    order = np.argsort(places, kind="stable")
    right = np.repeat([1, -1], len(sums))[order].cumsum()
    places = places[order]
    complete = np.append(places[1:] != places[:-1], False)
    return int(places[np.where(complete, right, 0).argmax()])
