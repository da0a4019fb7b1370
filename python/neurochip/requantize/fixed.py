"""Fixed-point requantization, `clamp((acc * m + offset) >> shift)`, and the search for it.

The search is for straight lines that pass between the steps of a staircase: its corridor.
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

from .staircase import Proof, Staircase, compare

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


_ROUNDS = 3
"""Passes over neighbouring multipliers where no line is exact, each four times finer."""

_NEIGHBOURS = np.arange(-4, 5)
"""Multipliers tried in one pass, in units of that pass."""


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """Constants of one multiplication, addition and arithmetic shift for each channel."""

    multiplier: NDArray[np.int64]
    offset: NDArray[np.int64]
    shift: NDArray[np.int64]
    low: int
    high: int

    @property
    def multiplier_bits(self) -> int:
        """Width of the widest multiplier, unsigned."""
        return int(self.multiplier.max()).bit_length()

    @property
    def offset_bits(self) -> int:
        """Width of the widest offset, in two's complement."""
        return max(int(max(o, ~o)).bit_length() for o in self.offset) + 1

    def evaluate(self, acc: NDArray[np.int64], axis: int = 1) -> NDArray[np.int64]:
        """Codes of accumulators whose channels lie along `axis`."""
        shape = [1] * acc.ndim
        shape[axis] = -1
        multiplier, offset, shift = (
            constant.reshape(shape) for constant in (self.multiplier, self.offset, self.shift)
        )
        codes = (acc.astype(np.int64) * multiplier + offset) >> shift
        return np.asarray(np.clip(codes, self.low, self.high))

    def staircase(self, acc_low: NDArray[np.int64], acc_high: NDArray[np.int64]) -> Staircase:
        """The thresholds of these constants inside an interval of accumulators."""
        levels = np.arange(self.low + 1, self.high + 1, dtype=np.int64)
        missing = (levels << self.shift[:, None]) - self.offset[:, None]
        steps = -(-missing // self.multiplier[:, None])
        steps = np.clip(steps, acc_low[:, None], acc_high[:, None] + 1)
        return Staircase(self.low, self.high, acc_low, acc_high, steps)


def fit_fixed(reference: Staircase, multiplier_bits: int) -> tuple[FixedPoint, Proof]:
    """Finds the fixed-point constants nearest to a staircase, and proves how near they are.

    Where constants without any error exist, they are found: powers of two first, which need no
    multiplier at all, then the multiplier of `multiplier_bits` that leaves the offset the most
    room. Elsewhere the neighbours of that multiplier are tried, each with its best offset, and
    the constants with the fewest differing accumulator values are kept. `acc * m + offset` stays
    inside 63 bits for every reachable accumulator; multipliers are narrower where it would not.

    Args:
        reference: The function to compute; its accumulators already contain the bias.
        multiplier_bits: Width of the chip's multiplier, unsigned.
    """
    if reference.low == reference.high:
        zero = np.zeros(len(reference.acc_low), dtype=np.int64)
        constants = FixedPoint(zero + 1, zero, zero, reference.low, reference.high)
    else:
        multiplier, offset, shift = search(corridor_of(reference), multiplier_bits)
        constants = FixedPoint(multiplier, offset, shift, reference.low, reference.high)
    proof = compare(reference, constants.staircase(reference.acc_low, reference.acc_high))
    (inexact,) = np.nonzero(proof.differing)
    if not len(inexact):
        return constants, proof
    constants = _with_fewest_differing(reference, constants, inexact, multiplier_bits)
    return constants, compare(reference, constants.staircase(reference.acc_low, reference.acc_high))


def search(
    corridor: Corridor, multiplier_bits: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The multiplier, offset and shift of each channel that leave its thresholds the most room.

    They are without error wherever constants without error exist: doubling all three changes
    nothing, so it is enough to look where the multiplier has all its bits.
    """
    bits = corridor.multiplier_bits(multiplier_bits)
    max_shift = corridor.max_shift()
    exponent, found = _power_of_two(corridor, bits, max_shift)
    multiplier, shift = np.int64(1) << np.maximum(exponent, 0), np.maximum(-exponent, 0)
    (rest,) = np.nonzero(~found)
    if len(rest):
        shift[rest] = np.minimum(bits[rest] - 1 - exponent[rest], max_shift)
        multiplier[rest] = _roomiest(corridor.select(rest), bits[rest], np.int64(1) << shift[rest])
    offset = bounds(corridor, multiplier, np.int64(1) << shift).middle
    return multiplier, offset, shift


def _power_of_two(
    corridor: Corridor, bits: NDArray[np.int64], max_shift: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The exponent of the steepest power of two that is exact, and whether there is one.

    Without one, it is the power of two at or below the slope that leaves the most room.
    """
    start, stop = np.full_like(bits, -max_shift), bits - 1
    exact = np.full_like(bits, -max_shift)
    found = np.zeros(len(bits), dtype=np.bool_)
    while (start <= stop).any():
        active = start <= stop
        middle = (start + stop) >> 1
        multiplier = np.int64(1) << np.maximum(middle, 0)
        room = bounds(corridor, multiplier, np.int64(1) << np.maximum(-middle, 0))
        hit = active & room.exact
        exact, found = np.where(hit, middle, exact), found | hit
        steeper = room.exact | (room.slope < 0)
        start = np.where(active & steeper, middle + 1, start)
        stop = np.where(active & ~steeper, middle - 1, stop)
    return np.where(found, exact, np.maximum(stop, -max_shift)), found


def _roomiest(
    corridor: Corridor, bits: NDArray[np.int64], step: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The multiplier of each channel with the smallest gap, by bisection on its slope."""
    start, stop = np.ones_like(bits), (np.int64(1) << bits) - 1
    best, smallest = start, np.full_like(bits, np.iinfo(np.int64).max)
    while (start <= stop).any():
        active = start <= stop
        middle = (start + stop) >> 1
        room = bounds(corridor, middle, step)
        gap = room.floor - room.ceiling
        better = active & (gap < smallest)
        best, smallest = np.where(better, middle, best), np.where(better, gap, smallest)
        steeper = room.slope < 0
        start = np.where(active & steeper, middle + 1, start)
        stop = np.where(active & ~steeper, middle - 1, stop)
    return best


def _with_fewest_differing(
    reference: Staircase, constants: FixedPoint, channels: NDArray[np.intp], multiplier_bits: int
) -> FixedPoint:
    """Replaces the constants of some channels by the best found in their neighbourhood."""
    part = reference.select(channels)
    line = corridor_of(part)
    shift = constants.shift[channels]
    limit = (np.int64(1) << line.multiplier_bits(multiplier_bits)) - 1
    best = multiplier = constants.multiplier[channels]
    offset = constants.offset[channels]
    fewest = np.full_like(shift, np.iinfo(np.int64).max)
    spacing = _spacing(line, multiplier)
    for _ in range(_ROUNDS):
        for neighbour in _NEIGHBOURS:
            candidate = np.clip(multiplier + neighbour * spacing, 1, limit)
            candidate_offset = best_offsets(line, candidate, np.int64(1) << shift)
            trial = FixedPoint(candidate, candidate_offset, shift, part.low, part.high)
            differing = compare(part, trial.staircase(part.acc_low, part.acc_high)).differing
            better = differing < fewest
            best = np.where(better, candidate, best)
            offset = np.where(better, candidate_offset, offset)
            fewest = np.where(better, differing, fewest)
        if (spacing == 1).all():
            break
        multiplier, spacing = best, np.maximum(spacing // 4, 1)
    return _replace(constants, channels, best, offset)


def _spacing(line: Corridor, multiplier: NDArray[np.int64]) -> NDArray[np.int64]:
    """The change of multiplier that moves the outermost thresholds apart by one value."""
    inside = line.reached & line.missed
    first = np.where(inside, line.reach, np.iinfo(np.int64).max).min(axis=1)
    last = np.where(inside, line.reach, np.iinfo(np.int64).min).max(axis=1)
    extent = np.where(inside.any(axis=1), last - first, 1)
    return np.maximum(multiplier // np.maximum(extent, 1), 1)


def _replace(
    constants: FixedPoint,
    channels: NDArray[np.intp],
    multiplier: NDArray[np.int64],
    offset: NDArray[np.int64],
) -> FixedPoint:
    """The constants with some of the channels changed."""
    multipliers, offsets = constants.multiplier.copy(), constants.offset.copy()
    multipliers[channels], offsets[channels] = multiplier, offset
    return FixedPoint(multipliers, offsets, constants.shift, constants.low, constants.high)
