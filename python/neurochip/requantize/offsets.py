"""Offsets: with which one a multiplication and a shift give most pairs of inputs their code.

A pair gets its code in one interval of offsets; the best offset lies in the most intervals. Pairs
are not in order of their accumulators, as the channels of a staircase are, so all are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

_HISTOGRAM_BITS = 10
"""Ends of intervals are counted in so many bits' worth of bins before any are sorted."""


@dataclass(frozen=True, slots=True)
class _Ends:
    """Ends of intervals of offsets, of those pairs whose end is near enough to matter.

    An end lies at `level - acc * multiplier`.
    """

    level: NDArray[np.int64]
    acc: NDArray[np.int64]
    below: int
    """How many other ends lie below every offset that is asked about."""

    @staticmethod
    def of(
        level: NDArray[np.int64],
        acc: NDArray[np.int64],
        end: NDArray[np.int64],
        exists: NDArray[np.bool_],
        span: tuple[int, int],
    ) -> _Ends:
        """Keeps those that exist and lie above the first offset, up to the last."""
        below = exists & (end <= span[0])
        inside = (exists & (end <= span[1])) ^ below
        return _Ends(level[inside], acc[inside], int(np.count_nonzero(below)))

    def within(self, multiplier: np.int64, first: int, last: int) -> tuple[NDArray[np.int64], int]:
        """The ends above `first` up to `last`, and how many lie below these."""
        end = self.level - self.acc * multiplier
        below = self.below + int(np.count_nonzero(end <= first))
        return end[(end > first) & (end <= last)], below


@dataclass(frozen=True, slots=True)
class Offsets:
    """The offsets at which pairs get their codes: from where they open to where they close."""

    pairs: int
    reach: int
    """How far from the middle offsets are tried: an eighth of a level."""
    opens: _Ends
    closes: _Ends

    @staticmethod
    def of(
        codes: NDArray[np.int64],
        acc: NDArray[np.int64],
        limits: tuple[int, int],
        shift: int,
        multipliers: NDArray[np.int64],
        near: Sequence[int],
    ) -> Offsets:
        """Looks at every pair once; what is asked about are a few multipliers next to each other.

        Args:
            codes: The code that each pair should get.
            acc: The accumulator of each pair.
            limits: The codes at which the requantizer clamps.
            shift: Its shift.
            multipliers: Those that are tried.
            near: For each of them the offset around which others are tried.
        """
        reach, step = 1 << shift >> 3, 1 << shift
        # What another multiplier moves an end by.
        moved = int(abs(acc).max()) * int(np.ptp(multipliers))
        span = (min(near) - reach - moved, max(near) + reach + moved)
        rises, falls = codes > limits[0], codes < limits[1]
        level = codes << shift
        end = level - acc * multipliers[0]
        opens = _Ends.of(level, acc, end, rises, span)
        closes = _Ends.of(level + step, acc, end + step, falls, span)
        always = int(np.count_nonzero(~rises))
        return Offsets(len(acc), reach, replace(opens, below=opens.below + always), closes)

    def best(self, multiplier: np.int64, near: int, fewest: int) -> tuple[int, int] | None:
        """The offset within reach of `near` with which most pairs get their code, the smallest.

        And how many pairs do not get it; None where there are not less than `fewest`.
        """
        first, last = near - self.reach, near + self.reach
        opens, opened = self.opens.within(multiplier, first, last)
        closes, closed = self.closes.within(multiplier, first, last)
        # A histogram bounds what sorting could find, at a quarter of its cost.
        shift = max(0, (last - first).bit_length() - _HISTOGRAM_BITS)
        opening, closing = (
            np.bincount(ends - first >> shift, minlength=(last - first >> shift) + 1)
            for ends in (opens, closes)
        )
        before = np.append(0, (opening - closing).cumsum()[:-1])
        if self.pairs - (opened - closed + int((before + opening).max())) >= fewest:
            return None
        # The last bit tells what closes from what opens.
        events = np.concatenate([opens - first << 1, closes - first << 1 | 1])
        events.sort()
        offsets = np.append(0, events >> 1)
        right = opened - closed + np.append(0, 1 - 2 * (events & 1)).cumsum()
        complete = np.append(offsets[1:] > offsets[:-1], True)  # count an offset's events together
        best = int(np.where(complete, right, -1).argmax())
        differing = self.pairs - int(right[best])
        return (first + int(offsets[best]), differing) if differing < fewest else None
