"""Corridors: the straight lines that pass between the steps of a staircase.

`floor((acc * m + offset) / step)` reaches level q exactly where `acc * m + offset >= q * step`. So
a line is right if it is up there at the smallest accumulator value that has level q (`reach`) and
still below at the largest that has not (`miss`). For a given m and step these are bounds on the
offset: `q * step - reach * m <= offset < q * step - miss * m` for every q. Their distance

    gap(m) = max_q(q * step - reach * m) - min_q(q * step - miss * m)

is convex in m, so bisection on its slope finds the m that leaves the most room; constants without
any error exist if and only if the smallest gap is negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .staircase import Staircase

FAR = 1 << 62
"""Stands for a bound that is not there."""

MAX_TERM_BITS = 60
"""Neither `q * step` nor `acc * m` reaches 2^60, so that their sums stay well inside 64 bits."""


@dataclass(frozen=True, slots=True)
class Corridor:
    """What constrains the line of each channel, for levels along the last axis.

    Attributes:
        levels: The code that each column is about.
        reach: Smallest accumulator value that has the level, if there is one.
        miss: Largest accumulator value that has not, if there is one.
        reached: Whether there is a value that has the level.
        missed: Whether there is a value that has not.
        furthest: Largest magnitude of an accumulator value, or a little more.
    """

    levels: NDArray[np.int64]
    reach: NDArray[np.int64]
    miss: NDArray[np.int64]
    reached: NDArray[np.bool_]
    missed: NDArray[np.bool_]
    furthest: NDArray[np.int64]

    def select(self, channels: NDArray[np.intp]) -> Corridor:
        """The corridors of some of the channels."""
        return Corridor(
            self.levels,
            self.reach[channels],
            self.miss[channels],
            self.reached[channels],
            self.missed[channels],
            self.furthest[channels],
        )

    def multiplier_bits(self, wanted: int) -> NDArray[np.int64]:
        """Width of each channel's multiplier: `wanted`, or less where it could overflow."""
        bits = np.frexp(self.furthest.astype(np.float64))[1].astype(np.int64)
        return np.asarray(np.clip(MAX_TERM_BITS - bits, 1, wanted))

    def max_shift(self) -> int:
        """The largest shift for which no level overflows."""
        return MAX_TERM_BITS - int(abs(self.levels).max() + 1).bit_length()


def corridor_of(staircase: Staircase) -> Corridor:
    """Where a line may pass, so that it has the thresholds of the staircase."""
    reached = staircase.steps <= staircase.acc_high[:, None]
    missed = staircase.steps > staircase.acc_low[:, None]
    furthest = np.maximum(abs(staircase.acc_low), abs(staircase.acc_high)) + 1
    steps = staircase.steps
    return Corridor(staircase.levels, steps, steps - 1, reached, missed, furthest)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The offsets that one multiplier and one step allow in each channel.

    Attributes:
        floor: Smallest offset that reaches every level where it must be reached.
        ceiling: Smallest offset that is too large.
        slope: How `floor - ceiling` changes with the multiplier.
        step_slope: How `floor - ceiling` changes with the step.
    """

    floor: NDArray[np.int64]
    ceiling: NDArray[np.int64]
    slope: NDArray[np.int64]
    step_slope: NDArray[np.int64]

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Whether there is an offset without any error."""
        return self.floor < self.ceiling

    @property
    def middle(self) -> NDArray[np.int64]:
        """The offset half way: no level is nearer than this to going wrong."""
        floor = np.where(self.floor == -FAR, self.ceiling - 1, self.floor)
        ceiling = np.where(self.ceiling == FAR, floor + 1, self.ceiling)
        return np.asarray(floor + ((ceiling - 1 - floor) >> 1))


def bounds(corridor: Corridor, multiplier: NDArray[np.int64], step: NDArray[np.int64]) -> Bounds:
    """Intersects the bounds that all levels put on the offset."""
    level = corridor.levels * step[:, None]
    floors = np.where(corridor.reached, level - corridor.reach * multiplier[:, None], -FAR)
    ceilings = np.where(corridor.missed, level - corridor.miss * multiplier[:, None], FAR)
    channel = np.arange(len(multiplier))
    highest, lowest = floors.argmax(axis=1), ceilings.argmin(axis=1)
    floor, ceiling = floors[channel, highest], ceilings[channel, lowest]
    bounded = (floor > -FAR) & (ceiling < FAR)
    slope = corridor.miss[channel, lowest] - corridor.reach[channel, highest]
    step_slope = corridor.levels[highest] - corridor.levels[lowest]
    return Bounds(floor, ceiling, np.where(bounded, slope, 0), np.where(bounded, step_slope, 0))


def best_offsets(
    corridor: Corridor, multiplier: NDArray[np.int64], step: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The offset of each channel with which the thresholds move least in total.

    With `base = q * step - reach * m`, an offset in `[base + j m, base + (j + 1) m)` moves the
    threshold of level q by |j|. Raising the offset by m raises the total by the number of levels
    with `base <= offset`, less the number of the others: so the best offset lies less than m
    above the median of the bases, where every level changes exactly once.
    """
    base = corridor.levels * step[:, None] - corridor.reach * multiplier[:, None]
    width = multiplier[:, None]
    median = _weighted_median(base, corridor)
    change_at = median + (base - median) % width
    moved = (change_at - base) // width
    up = corridor.missed & (moved >= 1)  # the threshold leaves its place downwards
    down = corridor.reached & (moved <= 0)  # or comes back to it
    change = np.where(change_at == median, 0, up.astype(np.int64) - down)
    order = np.argsort(change_at, axis=1, kind="stable")
    offsets = np.take_along_axis(change_at, order, axis=1)
    total = np.take_along_axis(change, order, axis=1).cumsum(axis=1)
    complete = np.append(np.diff(offsets, axis=1) > 0, np.full((len(offsets), 1), True), axis=1)
    best = np.where(complete, total, FAR).argmin(axis=1)
    return np.asarray(offsets[np.arange(len(offsets)), best])


def _weighted_median(base: NDArray[np.int64], corridor: Corridor) -> NDArray[np.int64]:
    """The smallest base from which raising the offset by one multiplier does not help.

    A level that is always reached only resists lowering, one that is never reached only raising:
    they weigh half of the others.
    """
    order = np.argsort(base, axis=1, kind="stable")
    weight = corridor.reached.astype(np.int64) + corridor.missed
    balance = np.take_along_axis(weight, order, axis=1).cumsum(axis=1)
    at = (balance >= corridor.reached.sum(axis=1, keepdims=True)).argmax(axis=1)
    return np.take_along_axis(base, np.take_along_axis(order, at[:, None], axis=1), axis=1)
