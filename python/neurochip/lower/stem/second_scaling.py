"""The second scaling: what makes codes of membranes that do not hold the accumulator itself.

The bias is not in the accumulator's scale then. It is held by the membrane at the membrane's scale,
or calibrated (eq. 9-10): added after the multiplier, at the output's scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...network import FixedRequantizer
from ...requantize import Proof, compare, fit_scaled, thresholds
from ..weighted import WeightedSum, reference_staircase, register_bits
from .modes import Mode

OFFSET_BITS = 61
"""Bits of `q_b << shift`: with the product beside it, the sum stays inside 63."""

LARGEST_BASE = 512
"""More than any base of a code, which the target's neurons subtract."""


@dataclass(frozen=True, slots=True, eq=False)
class Bias:
    """A layer's bias, rounded where it is added. Arrays broadcast to the output's shape."""

    held: NDArray[np.int64]
    """Added to the membrane."""
    after: NDArray[np.int64]
    """Added after the multiplier."""

    @staticmethod
    def of(task: WeightedSum, mode: Mode, s1: NDArray[np.float64]) -> Bias:
        """Where its mode adds it: `rne(s1 b)`, or `q_b = rne(b M)`, or nothing if the host does.

        Args:
            task: The layer.
            mode: What was decided for it.
            s1: Scale of the membrane, 1 where it holds the accumulator.
        """
        nothing = np.zeros((1,) * task.bias.ndim, np.int64)
        if mode.holds_bias:
            return Bias(np.rint(task.bias * s1).astype(np.int64), nothing)
        if task.multiplier is None:
            return Bias(nothing, nothing)
        q_b = np.rint(task.bias * task.multiplier.astype(np.float64)).astype(np.int64)
        return Bias(nothing, q_b)

    @property
    def bits(self) -> int | None:
        """Of the narrowest register that holds it, wherever it is added; None if nowhere."""
        return register_bits(self.held, self.after)


def fit_second_scaling(
    task: WeightedSum,
    multiplier: NDArray[np.float32],
    s1: NDArray[np.float64],
    bias: Bias,
    excess: NDArray[np.float64],
) -> tuple[FixedRequantizer, Proof]:
    """Constants of `((H m + half) >> shift) + after + Z`, and accumulators at which they differ.

    Args:
        task: The layer.
        multiplier: Its multiplier, broadcasting to the output's shape.
        s1: Scale of the membrane, 1 where it holds the accumulator; broadcasts likewise.
        bias: The layer's, as it is added.
        excess: What the rounding of steps adds to membranes on average, taken off again.
    """
    fixed = _constants(task, multiplier, s1, bias.after, excess)
    return fixed, _proof(task, multiplier, fixed, s1, bias.held + excess)


def _constants(
    task: WeightedSum,
    multiplier: NDArray[np.float32],
    s1: NDArray[np.float64],
    after: NDArray[np.int64],
    excess: NDArray[np.float64],
) -> FixedRequantizer:
    added = after + task.layer.output.format.zero_point
    largest = int(np.abs(added).max()) + LARGEST_BASE
    max_shift = max(0, OFFSET_BITS - largest.bit_length())
    real = multiplier.astype(np.float64) / s1
    scaled = fit_scaled(real.ravel(), task.registers.multiplier_bits, max_shift)
    m, shift, half = (
        values.reshape(real.shape) for values in (scaled.multiplier, scaled.shift, scaled.rounding)
    )
    half = half - np.rint(excess * m).astype(np.int64)
    m, shift, half, added = np.broadcast_arrays(m, shift, half, added)
    return FixedRequantizer(m, half + (added << shift), shift)


def _proof(
    task: WeightedSum,
    multiplier: NDArray[np.float32],
    fixed: FixedRequantizer,
    s1: NDArray[np.float64],
    gained: NDArray[np.float64],
) -> Proof:
    """Accumulator values whose code changes if the membrane is `round(s1 (acc - b) + gained)`.

    What it gains besides are the bias and the average of what steps round up.

    The rounding of each step of a scaled sum comes on top: it depends on more than the
    accumulator. Where a channel's constants differ by position, those of its first position stand
    for all.
    """
    low, high = task.layer.bounds()
    output = task.layer.output

    def first(values: NDArray[Any]) -> NDArray[Any]:
        whole = np.broadcast_to(values, output.shape)
        return whole.reshape(len(whole), -1)[:, :1]

    bias, in_membrane, scale = first(task.bias), first(gained), first(s1)
    m, offset, shift = (first(each) for each in (fixed.multiplier, fixed.offset, fixed.shift))

    def codes(acc: NDArray[np.int64]) -> NDArray[np.int64]:
        membrane = np.floor(scale * (acc - bias) + in_membrane + 0.5).astype(np.int64)
        values: NDArray[np.int64] = (membrane * m + offset) >> shift
        return np.clip(values, output.low, output.high)

    with np.errstate(divide="ignore", invalid="ignore"):  # a multiplier of 0 reaches no level
        levels = np.arange(output.low + 1, output.high + 1)
        membranes = np.ceil((levels * 2.0**shift - offset) / m)
        near = (membranes - in_membrane - 0.5) / scale + bias
    chip = thresholds(codes, output.low, output.high, low, high, near)
    wanted = reference_staircase(task.layer, first(multiplier)[:, 0], low, high)
    return compare(wanted, chip)
