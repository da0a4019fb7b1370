"""Calibrated bias (eq. 9-10): added behind the multiplier, rounded to the output's scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..requantize import Proof, compare, fit_scaled, thresholds
from .network import Fixed
from .weighted import WeightedSum, reference_staircase, signed_bits

OFFSET_BITS = 61
"""Bits of `q_b << shift`: with the product beside it, the sum stays inside 63."""

LARGEST_BASE = 512
"""More than any base of a code, which the target's neurons subtract."""


def calibrated_bias(task: WeightedSum, multiplier: NDArray[np.float32]) -> NDArray[np.int64]:
    """`q_b = rne(b M)`; broadcasts to the output's shape."""
    return np.asarray(np.rint(task.bias * multiplier.astype(np.float64)).astype(np.int64))


def bias_bits(task: WeightedSum, bias: str) -> int:
    """Bits of the narrowest register that holds every bias where it is added."""
    values = task.bias
    if bias == "calibrated" and task.multiplier is not None:
        values = calibrated_bias(task, task.multiplier)
    return signed_bits(int(values.min()), int(values.max()))


def fit_calibrated(
    task: WeightedSum, multiplier: NDArray[np.float32], s1: NDArray[np.float64]
) -> tuple[Fixed, Proof]:
    """Constants of `((H m + half) >> shift) + q_b + Z`, and at how many accumulators they differ.

    Args:
        task: The layer.
        multiplier: Its multiplier, broadcasting to the output's shape.
        s1: Scale of the membrane, 1 where it holds the accumulator; broadcasts likewise.
    """
    fixed = _constants(task, multiplier, s1)
    return fixed, _proof(task, multiplier, fixed, s1)


def _constants(
    task: WeightedSum, multiplier: NDArray[np.float32], s1: NDArray[np.float64]
) -> Fixed:
    q_b = calibrated_bias(task, multiplier) + task.layer.output.format.zero_point
    largest = int(np.abs(q_b).max()) + LARGEST_BASE
    max_shift = max(0, OFFSET_BITS - largest.bit_length())
    real = multiplier.astype(np.float64) / s1
    scaled = fit_scaled(real.ravel(), task.registers.multiplier_bits, max_shift)
    m, shift, half = (
        values.reshape(real.shape) for values in (scaled.multiplier, scaled.shift, scaled.rounding)
    )
    m, shift, half, q_b = np.broadcast_arrays(m, shift, half, q_b)
    return Fixed(m, half + (q_b << shift), shift)


def _proof(
    task: WeightedSum, multiplier: NDArray[np.float32], fixed: Fixed, s1: NDArray[np.float64]
) -> Proof:
    """Accumulator values whose code changes if the membrane is `round(s1 (acc - bias))`.

    The rounding of each step of a scaled sum comes on top: it depends on more than the
    accumulator. Where a channel's constants differ by position, those of its first position stand
    for all.
    """
    low, high = task.layer.bounds()
    output = task.layer.output

    def first(values: NDArray[Any]) -> NDArray[Any]:
        whole = np.broadcast_to(values, output.shape)
        return whole.reshape(len(whole), -1)[:, :1]

    bias, m, offset = first(task.bias), first(fixed.multiplier), first(fixed.offset)
    shift, scale = first(fixed.shift), first(s1)

    def codes(acc: NDArray[np.int64]) -> NDArray[np.int64]:
        membrane = np.floor(scale * (acc - bias) + 0.5).astype(np.int64)
        values: NDArray[np.int64] = (membrane * m + offset) >> shift
        return np.clip(values, output.low, output.high)

    chip = thresholds(codes, output.low, output.high, low, high)
    wanted = reference_staircase(task.layer, first(multiplier)[:, 0], low, high)
    return compare(wanted, chip)
