"""Staircases: monotone functions of an accumulator, held by their thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import QuantizationError


@dataclass(frozen=True, slots=True)
class Staircase:
    """A monotone function from accumulators to codes, one for each channel.

    Attributes:
        low: The code before the first threshold.
        high: The code after the last threshold.
        acc_low: Smallest reachable accumulator value of each channel.
        acc_high: Largest reachable accumulator value of each channel.
        steps: `steps[channel, q - low - 1]` is the smallest reachable accumulator value whose code
            is at least `q`: `acc_low` if all of them are, `acc_high + 1` if none is.
    """

    low: int
    high: int
    acc_low: NDArray[np.int64]
    acc_high: NDArray[np.int64]
    steps: NDArray[np.int64]

    @property
    def levels(self) -> NDArray[np.int64]:
        """The code that each step reaches: `low + 1` to `high`."""
        return np.arange(self.low + 1, self.high + 1, dtype=np.int64)

    @property
    def reachable(self) -> NDArray[np.int64]:
        """Number of reachable accumulator values of each channel."""
        return self.acc_high - self.acc_low + 1

    def codes(self, acc: NDArray[np.int64]) -> NDArray[np.int64]:
        """Codes of reachable accumulators, given as one row for each channel."""
        rows = [
            np.searchsorted(steps, row, side="right")
            for steps, row in zip(self.steps, acc, strict=True)
        ]
        return np.asarray(self.low + np.array(rows, dtype=np.int64))

    def select(self, channels: NDArray[np.intp]) -> Staircase:
        """The same functions for some of the channels."""
        return Staircase(
            self.low,
            self.high,
            self.acc_low[channels],
            self.acc_high[channels],
            self.steps[channels],
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """What an exhaustive comparison of a chip's arithmetic with the reference found.

    Attributes:
        differing: Number of reachable inputs of each channel for which the codes differ.
        reachable: Number of reachable inputs of each channel.
        worst_levels: Largest difference of two codes in each channel.
    """

    differing: NDArray[np.int64]
    reachable: NDArray[np.int64]
    worst_levels: NDArray[np.int64]

    @property
    def exact(self) -> bool:
        """Whether the codes are equal for every reachable input of every channel."""
        return not self.differing.any()

    def __str__(self) -> str:
        worst = int(self.worst_levels.max(initial=0))
        return proof_in_words(int(self.differing.sum()), int(self.reachable.sum()), worst)


def proof_in_words(differing: int, reachable: int, worst_levels: int) -> str:
    """What a comparison found: how many reachable values differ, and by how many codes."""
    if differing == 0:
        return f"exact: 0 of {reachable} reachable values differ"
    return f"{differing} of {reachable} reachable values differ, by at most {worst_levels}"


def thresholds(
    function: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    low: int,
    high: int,
    acc_low: NDArray[np.int64],
    acc_high: NDArray[np.int64],
    near: NDArray[np.float64] | None = None,
) -> Staircase:
    """Finds the thresholds of a monotone function by bisection, all channels and levels at once.

    A large layer has a million thresholds and intervals of 2^25 values: a guess that is right but
    for rounding saves four of five evaluations.

    Args:
        function: Takes reachable accumulators of shape (channels, levels), returns their codes.
        low: Smallest code of the function.
        high: Largest code of the function.
        acc_low: Smallest reachable accumulator value of each channel.
        acc_high: Largest reachable accumulator value of each channel.
        near: A guess of each threshold, (channels, levels); a wrong one costs time only.
    """
    levels = np.arange(low + 1, high + 1, dtype=np.int64)
    last = np.asarray(acc_high, dtype=np.int64)[:, None]
    start = np.repeat(np.asarray(acc_low, dtype=np.int64)[:, None], len(levels), axis=1)
    stop = np.repeat(last + 1, len(levels), axis=1)
    if near is not None:
        # Products in float32 or fixed point are off by a few units of their last place.
        near = np.nan_to_num(np.clip(near, start, stop))
        margin = 2 + np.abs(near) * 2.0**-21
        for guess in (near - margin, near + margin):
            middle = np.minimum(np.clip(guess.astype(np.int64), start, stop), last)
            reached = function(middle) >= levels
            start, stop = np.where(reached, start, middle + 1), np.where(reached, middle, stop)
    while (start < stop).any():
        # Where the search has ended, `middle` lands on the threshold again and nothing moves.
        middle = np.minimum((start + stop) >> 1, last)
        reached = function(middle) >= levels
        start, stop = np.where(reached, start, middle + 1), np.where(reached, middle, stop)
    return Staircase(low, high, np.asarray(acc_low, np.int64), last[:, 0], stop)


def from_table(
    table: NDArray[np.integer], acc_low: int, span: tuple[int, int] | None = None
) -> Staircase:
    """Reads the thresholds of a lookup table off its rows.

    Args:
        table: Codes; row c is channel c, column i is the accumulator value `acc_low + i`.
        acc_low: Accumulator value of the first column.
        span: The codes at which whoever computes it clamps; those of the table unless given.

    Raises:
        QuantizationError: If a row descends: no staircase, hence no multiplication, is that table.
    """
    descends = np.argwhere(np.diff(table.astype(np.int64), axis=1) < 0)
    if len(descends):
        channel, index = (int(i) for i in descends[0])
        raise QuantizationError(
            f"a table of {table.shape[1]} codes falls from {table[channel, index]} to "
            f"{table[channel, index + 1]} after input {acc_low + index} (channel {channel}); "
            "a neuron without a table computes only what rises",
            hint="use a chip whose soma holds tables, such as 'ideal'",
        )
    low, high = (int(table.min()), int(table.max())) if span is None else span
    levels = np.arange(low + 1, high + 1)
    steps = np.array([np.searchsorted(row, levels) for row in table], dtype=np.int64) + acc_low
    first = np.full(len(table), acc_low, dtype=np.int64)
    return Staircase(low, high, first, first + table.shape[1] - 1, steps)


def compare(reference: Staircase, chip: Staircase) -> Proof:
    """Counts the reachable accumulator values at which two staircases of one interval differ.

    Level q tells the two apart exactly between its two thresholds; the values that differ are the
    union of these intervals, and the difference of the codes is the number of intervals that
    overlap there (they never cancel: a value above both thresholds of q is above those of q - 1).
    """
    start = np.minimum(reference.steps, chip.steps)
    stop = np.maximum(reference.steps, chip.steps)
    if not start.size:
        nothing = np.zeros(len(reference.acc_low), dtype=np.int64)
        return Proof(nothing, reference.reachable, nothing)
    # Both ends rise with the level, so what level q adds begins where level q - 1 stops.
    covered = np.concatenate([start[:, :1], stop[:, :-1]], axis=1)
    differing = np.maximum(stop - np.maximum(start, covered), 0).sum(axis=1)
    worst = np.array(
        [
            (np.arange(1, len(first) + 1) - np.searchsorted(last, first, side="right")).max()
            if total
            else 0
            for first, last, total in zip(start, stop, differing, strict=True)
        ],
        dtype=np.int64,
    )
    return Proof(differing, reference.reachable, worst)
