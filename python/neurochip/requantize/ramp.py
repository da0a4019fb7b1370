"""Requantization in time, `clamp((acc * m + offset) // slope)`: the ramp of a Quartz neuron.

The multiplier is in the weights and the bias already, the offset in the firing threshold, and the
division is the time that a current of `slope` needs to reach it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fixed import Corridor, best_offsets, bounds, corridor_of, search
from .staircase import Proof, Staircase, compare

_LINE_BITS = 28
"""Precision of the line that small fractions are held against; no ramp needs as much."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """Constants of one multiplication, addition and floor division for each channel."""

    multiplier: NDArray[np.int64]
    offset: NDArray[np.int64]
    slope: NDArray[np.int64]
    low: int
    high: int

    @property
    def threshold(self) -> NDArray[np.int64]:
        """The membrane at which the neuron fires, when its readout adds `slope` on every step.

        The top code fires on the readout's first step, so it needs `acc * m + slope` to be there.
        """
        return np.asarray((self.high + 1) * self.slope - self.offset)

    def evaluate(self, acc: NDArray[np.int64], axis: int = 1) -> NDArray[np.int64]:
        """Codes of accumulators (not yet multiplied) whose channels lie along `axis`."""
        shape = [1] * acc.ndim
        shape[axis] = -1
        multiplier, offset, slope = (
            constant.reshape(shape) for constant in (self.multiplier, self.offset, self.slope)
        )
        codes = (acc.astype(np.int64) * multiplier + offset) // slope
        return np.asarray(np.clip(codes, self.low, self.high))

    def staircase(self, acc_low: NDArray[np.int64], acc_high: NDArray[np.int64]) -> Staircase:
        """The thresholds of these constants inside an interval of accumulators."""
        levels = np.arange(self.low + 1, self.high + 1, dtype=np.int64)
        missing = levels * self.slope[:, None] - self.offset[:, None]
        steps = -(-missing // self.multiplier[:, None])
        steps = np.clip(steps, acc_low[:, None], acc_high[:, None] + 1)
        return Staircase(self.low, self.high, acc_low, acc_high, steps)


def fit_ramp(
    reference: Staircase, max_multiplier: int, min_multiplier: int = 1
) -> tuple[Ramp, Proof]:
    """Finds the ramp nearest to a staircase, and proves how near it is.

    Takes the smallest multiplier with which a slope and an offset without any error exist. Where
    there is none, takes the fraction `multiplier / slope` that leaves the thresholds the most
    room, with the offset that moves them least.

    Args:
        reference: The function to compute; its accumulators already contain the bias.
        max_multiplier: Largest factor by which the weights may be multiplied.
        min_multiplier: Smallest such factor.
    """
    if reference.low == reference.high:
        one = np.ones(len(reference.acc_low), dtype=np.int64)
        ramp = Ramp(min_multiplier * one, one - 1, one, reference.low, reference.high)
    else:
        line = corridor_of(reference)
        multiplier, slope = _smallest_fractions(line, range(min_multiplier, max_multiplier + 1))
        room = bounds(line, multiplier, slope)
        offset = np.where(room.exact, room.middle, best_offsets(line, multiplier, slope))
        ramp = Ramp(multiplier, offset, slope, reference.low, reference.high)
    return ramp, compare(reference, ramp.staircase(reference.acc_low, reference.acc_high))


def fit_ramps_together(reference: Staircase, max_multiplier: int) -> tuple[Ramp, Proof]:
    """As `fit_ramp`, with one multiplier for all channels: their neurons share stored weights.

    Takes the smallest multiplier without any error, or the one with the fewest differing values.
    """
    best: tuple[Ramp, Proof] | None = None
    for multiplier in range(1, max_multiplier + 1):
        found = fit_ramp(reference, multiplier, multiplier)
        if best is None or found[1].differing.sum() < best[1].differing.sum():
            best = found
        if best[1].exact:
            break
    assert best is not None, "there is a multiplier to try"
    return best


def _smallest_fractions(
    line: Corridor, multipliers: range
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The multiplier and slope of each channel: the first exact ones, or those with most room.

    Steepnesses that are exact form an interval around the line with the most room. If any slope
    puts a multiplier inside it, then one of the two slopes on either side of that line does.
    """
    numerator, _, shift = search(line, _LINE_BITS)
    multiplier, slope = np.ones_like(numerator), np.ones_like(numerator)
    least = np.full(len(numerator), np.inf)
    rest = np.arange(len(numerator))
    for factor in multipliers:
        part = line.select(rest)
        below = (np.int64(factor) << shift[rest]) // numerator[rest]
        for candidate in (np.maximum(below, 1), below + 1):
            factors = np.full_like(candidate, factor)
            room = bounds(part, factors, candidate)
            gap = (room.floor - room.ceiling) / factor
            # An exact fraction is only replaced by one with the same, smallest, multiplier.
            better = gap < least[rest]
            chosen = rest[better]
            least[chosen] = gap[better]
            multiplier[chosen], slope[chosen] = factor, candidate[better]
        rest = rest[least[rest] >= 0]
        if not len(rest):
            break
    return multiplier, slope
