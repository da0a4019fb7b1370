"""Branches: the two inputs of a residual add in one membrane, and how large their sum gets.

A branch puts `weight * v` on the membrane, bit by bit. The two trains may arrive together or one
after the other, as the schedule has it: what is said of sums holds in either order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...formats import Tensor
from ...network import SpikeCode
from ..builder import Builder
from ..layout import NOWHERE, View
from .partial_sums import CHUNK_SUMS


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """One input on its way into the membrane."""

    tensor: Tensor
    view: View
    codes: tuple[SpikeCode, ...]
    """What each part of the view sends."""
    weight: int
    """Negative where the branch is subtracted."""
    zero: int
    """The code that the requantizer takes for 0."""
    offsets: NDArray[np.int64]
    """By how much the value sent for a code exceeds `code - zero`; of the tensor's shape."""

    @staticmethod
    def of(builder: Builder, tensor: Tensor, view: View, weight: int, zero: int) -> Branch:
        """The branch of a tensor that lives where `view` says."""
        zero_point = tensor.format.zero_point
        offsets = builder.offsets(view, zero_point) - (zero_point - zero)
        codes = tuple(builder.code_of(part) for part in view.parts)
        return Branch(tensor, view, codes, weight, zero, offsets)

    @property
    def ends(self) -> tuple[int, int, int, int]:
        """The least and the most that it puts on the membrane, after any step and after the last.

        After the last step its part of the bias is on the membrane, too.
        """
        low = min(code.low for code in self.codes)
        high = max(self.tensor.high - code.base for code in self.codes)
        last_low, last_high = self.tensor.low - self.zero, self.tensor.high - self.zero
        least, most = sorted((self.weight * low, self.weight * max(high, 0)))
        last_least, last_most = sorted((self.weight * last_low, self.weight * last_high))
        return least, most, last_least, last_most

    def values(self, codes: NDArray[Any]) -> NDArray[np.int64]:
        """What is sent for codes of the tensor, (samples, *shape); nothing where no neuron is."""
        values = np.zeros(codes.shape, np.int64)
        for part, code in enumerate(self.codes):
            here = (self.view.part == part) & (self.view.neuron != NOWHERE)
            values += here * code.values(codes)
        return values

    def lowest(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """The least that has been sent of values: a negative one starts with its sign bit."""
        ends = np.array([code.low for code in self.codes])[self.view.part]
        return np.where(values < 0, ends, 0)


Branches: TypeAlias = tuple[Branch, Branch]


def bias_of_branches(branches: Branches) -> NDArray[np.int64]:
    """What makes up for the offsets."""
    first, second = (branch.weight * branch.offsets for branch in branches)
    return np.asarray(-(first + second))


def largest_possible(branches: Branches) -> int:
    """The largest magnitude of the membrane that any input can lead to."""
    first, second = (branch.ends for branch in branches)
    return max(abs(one + other) for one, other in zip(first, second, strict=True))


def largest_seen(branches: Branches, bias: NDArray[np.int64], codes: Sequence[NDArray[Any]]) -> int:
    """The largest magnitude of the membrane over samples, given as the codes of both inputs."""
    samples = len(codes[0])
    count = max(1, CHUNK_SUMS * samples // max(1, codes[0].size))
    parts = ([each[start : start + count] for each in codes] for start in range(0, samples, count))
    return max((_largest_of(branches, bias, part) for part in parts), default=0)


def _largest_of(branches: Branches, bias: NDArray[np.int64], codes: Sequence[NDArray[Any]]) -> int:
    """The same of a part of the samples, which is held whole."""
    sent = [branch.values(each) for branch, each in zip(branches, codes, strict=True)]
    pairs = list(zip(branches, sent, strict=True))
    ends = [
        (branch.weight * branch.lowest(values), branch.weight * np.maximum(values, 0))
        for branch, values in pairs
    ]
    low, high = (sum(bound(*each) for each in ends) for bound in (np.minimum, np.maximum))
    last = bias + sum(branch.weight * values for branch, values in pairs)
    return max(int(np.abs(sums).max()) for sums in (low, high, last))
