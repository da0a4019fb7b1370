"""The residual add of a fixed-point chip: two branch weights, one accumulator, one multiplier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import QuantizationError
from ..formats import Tensor
from ..layers import Add
from .fixed import Corridor, FixedPoint, bounds, search
from .offsets import Offsets
from .staircase import Proof

_WEIGHT_PAIRS = 6
"""Pairs of branch weights tried, nearest to the ratio of the scales first."""

_NEIGHBOURS = (0, -1, 1, -2, 2)
"""Multipliers tried for one pair of weights, from the one that leaves the most room."""


@dataclass(frozen=True, slots=True)
class FixedAdd:
    """Constants of `w_a (q_a - Z_a) + w_b (q_b - Z_b)`, requantized in fixed point."""

    weights: tuple[int, int]
    zero_points: tuple[int, int]
    requantizer: FixedPoint

    def accumulate(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.int64]:
        """The accumulators of two inputs' codes, which broadcast against each other."""
        (weight_a, weight_b), (zero_a, zero_b) = self.weights, self.zero_points
        first, second = a.astype(np.int64) - zero_a, b.astype(np.int64) - zero_b
        return np.asarray(weight_a * first + weight_b * second)

    def evaluate(self, a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.int64]:
        """The output's codes."""
        acc = self.accumulate(a, b)
        return self.requantizer.evaluate(acc.reshape(-1, 1)).reshape(acc.shape)


def fit_add(
    layer: Add,
    weight_bits: int,
    multiplier_bits: int,
    accumulator_bits: int,
    largest: tuple[int, int] | None = None,
) -> tuple[FixedAdd, Proof]:
    """Finds the integer weights and fixed-point constants nearest to an Add, with their proof.

    The proof counts pairs of input codes, all of them that can occur.

    Args:
        layer: The addition, as onnxruntime computes it.
        weight_bits: Width of a signed synaptic weight.
        multiplier_bits: Width of the requantizer's multiplier, unsigned.
        accumulator_bits: Width of the signed accumulator that both branches are added in.
        largest: Largest magnitude that a spike train of each branch ever puts on its weight;
            by default what the codes nearest to the branches' zero points put there.

    Raises:
        QuantizationError: If even weights of 1 can overflow the accumulator.
    """
    pairs = _Pairs.of(layer)
    first, second = (tensor.format.zero_point for tensor in layer.inputs)
    extents = largest or (_largest_value(layer.inputs[0]), _largest_value(layer.inputs[1]))
    fewest, best = pairs.codes.size + 1, None
    for weights in _branch_weights(layer, weight_bits, accumulator_bits, np.array(extents)):
        acc = pairs.accumulate(weights)
        for differing, requantizer in _better(pairs, acc, multiplier_bits, fewest):
            fewest, best = differing, FixedAdd(weights, (first, second), requantizer)
        if fewest == 0:
            break
    assert best is not None, "the first constants are better than none"
    return best, pairs.proof(best)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Every pair of input codes that can occur, flat, and the code that answers it."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    codes: NDArray[np.int64]
    low: int
    high: int

    @staticmethod
    def of(layer: Add) -> _Pairs:
        a, b = layer.inputs
        rows = np.arange(a.low, a.high + 1, dtype=np.int64)
        columns = np.arange(b.low, b.high + 1, dtype=np.int64)
        table = layer.table()[np.ix_(rows - a.format.qmin, columns - b.format.qmin)]
        first, second = np.meshgrid(
            rows - a.format.zero_point, columns - b.format.zero_point, indexing="ij"
        )
        codes = table.astype(np.int64).ravel()
        return _Pairs(first.ravel(), second.ravel(), codes, layer.output.low, layer.output.high)

    def accumulate(self, weights: tuple[int, int]) -> NDArray[np.int64]:
        return np.asarray(weights[0] * self.first + weights[1] * self.second)

    def proof(self, constants: FixedAdd) -> Proof:
        acc = self.accumulate(constants.weights)
        codes = constants.requantizer.evaluate(acc.reshape(-1, 1)).ravel()
        levels = abs(codes - self.codes)
        return Proof(
            np.array([np.count_nonzero(levels)]), np.array([levels.size]), np.array([levels.max()])
        )

    def corridor(self, acc: NDArray[np.int64]) -> Corridor:
        """Where a line over these accumulators may pass: nowhere, if they are out of order."""
        size = self.high - self.low + 1
        smallest, largest = np.full(size, np.iinfo(np.int64).max), np.full(size, -(2**62))
        np.minimum.at(smallest, self.codes - self.low, acc)
        np.maximum.at(largest, self.codes - self.low, acc)
        reach = np.minimum.accumulate(smallest[::-1])[::-1][None, 1:]
        miss = np.maximum.accumulate(largest)[None, :-1]
        reached, missed = reach < np.iinfo(np.int64).max, miss > -(2**62)
        levels = np.arange(self.low + 1, self.high + 1, dtype=np.int64)
        reach, miss = np.where(reached, reach, 0), np.where(missed, miss, 0)
        return Corridor(levels, reach, miss, reached, missed, abs(acc).max(keepdims=True))


def _branch_weights(
    layer: Add, weight_bits: int, accumulator_bits: int, extents: NDArray[np.int64]
) -> list[tuple[int, int]]:
    """The pairs of weights nearest to the ratio of the scales, the best first.

    Both are positive, but for the second of a difference.
    """
    a, b = layer.inputs
    scales = np.array([float(a.format.scale), float(b.format.scale)])
    major = int(scales.argmax())
    ratio = float(scales[1 - major] / scales[major])
    room = 2 ** (accumulator_bits - 1) - 1
    large = np.arange(1, 2 ** (weight_bits - 1), dtype=np.int64)
    small = np.maximum(np.rint(large * ratio).astype(np.int64), 1)
    fits = (large * extents[major] + small * extents[1 - major] <= room) & (
        np.gcd(large, small) == 1
    )
    if not fits.any():
        raise QuantizationError(
            f"adding {a.name!r} and {b.name!r} with weights of 1 needs sums up to "
            f"{int(extents.sum())}; an accumulator of {accumulator_bits} bits holds {room}"
        )
    large, small = large[fits], small[fits]
    order = np.lexsort((large, abs(small - large * ratio) / large))[:_WEIGHT_PAIRS]
    pairs = zip(large[order].tolist(), small[order].tolist(), strict=True)
    ordered = ((x, y) if major == 0 else (y, x) for x, y in pairs)
    return [(first, layer.sign * second) for first, second in ordered]


def _largest_value(tensor: Tensor) -> int:
    """The largest magnitude that a spike train of the tensor puts on a weight.

    A train carries `q - Z` up to the constant of its code, unsigned or signed, whichever is
    nearer (the constant itself is in the bias).
    """
    unsigned = tensor.format.zero_point - tensor.format.qmin
    signed = unsigned - 2 ** (tensor.format.bits - 1)
    furthest = max(abs(value) for value in tensor.value_range)
    return int(furthest + min(abs(unsigned), abs(signed)))


def _better(
    pairs: _Pairs, acc: NDArray[np.int64], multiplier_bits: int, fewest: int
) -> Iterator[tuple[int, FixedPoint]]:
    """Constants with which fewer pairs than `fewest` do not get their code, better and better.

    Those of one multiplier without any error, if there are any, else the best for each of a few.
    """
    if pairs.low == pairs.high:
        one = np.ones(1, dtype=np.int64)
        yield 0, FixedPoint(one, one - 1, one - 1, pairs.low, pairs.high)
        return
    corridor = pairs.corridor(acc)
    multiplier, offset, shift = search(corridor, multiplier_bits)
    if bounds(corridor, multiplier, np.int64(1) << shift).exact.all():
        yield 0, FixedPoint(multiplier, offset, shift, pairs.low, pairs.high)
        return
    limit = (np.int64(1) << corridor.multiplier_bits(multiplier_bits)) - 1
    candidates = np.clip(multiplier + np.array(_NEIGHBOURS), 1, limit)
    near = [int(bounds(corridor, m[None], np.int64(1) << shift).middle[0]) for m in candidates]
    offsets = Offsets.of(pairs.codes, acc, (pairs.low, pairs.high), int(shift[0]), candidates, near)
    for candidate, middle in zip(candidates, near, strict=True):
        found = offsets.best(candidate, middle, fewest)
        if found is not None:
            best, fewest = found
            constants = FixedPoint(candidate[None], np.array([best]), shift, pairs.low, pairs.high)
            yield fewest, constants
