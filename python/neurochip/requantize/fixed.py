"""Fixed-point requantization, `clamp((acc * m + offset) >> shift)`, and the search for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .corridor import Corridor, best_offsets, bounds, corridor_of
from .staircase import Proof, Staircase, compare

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
