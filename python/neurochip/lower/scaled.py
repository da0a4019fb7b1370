"""Scaled integration: what fits a narrow membrane is a fraction of the accumulator (eq. 15-19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..layers import Layer, Weighted
from ..requantize import Proof, compare, fit_scaled, thresholds
from .network import Fixed, Lowering, Readout, Scaled, SpikeCode
from .registers import fits
from .weighted import Integrated, WeightedSum, reference_staircase

MAX_COEFFICIENT = 1 << 30
MAX_COEFFICIENT_SHIFT = 30
OFFSET_BITS = 61
"""Bits of `q_b << shift`: with the product beside it, the sum stays inside 63."""

LARGEST_BASE = 512
"""More than any base of a code, which the target's neurons subtract."""


def integrate_scaled(task: WeightedSum, seen: int | None, headroom: float) -> Integrated:
    """Constants of a weighted sum whose membrane is scaled down.

    Args:
        task: The weighted sum.
        seen: Largest partial sum over the calibration samples; None takes the proven interval.
        headroom: Factor between the largest partial sum seen and the largest that fits.
    """
    possible = task.reach.largest_partial
    largest = possible if seen is None else max(1.0, seen * headroom)
    s1 = task.registers.membrane_high / largest
    highest = min(task.registers.membrane_high, MAX_COEFFICIENT)
    integration = _coefficients(task.source, s1, highest)
    requantizer: Fixed | None = None
    proof: Proof | None = None
    if task.multiplier is not None and task.target is not None:
        requantizer = _scale_back(task, task.multiplier, s1)
        proof = _proof(task, task.multiplier, requantizer, s1)
    arithmetic = ScaledArithmetic(task, integration, requantizer)
    lowering = Lowering(
        task.layer.name, "scaled", "calibrated", proof, _note(task, seen), s1, seen, possible
    )
    lowered = requantizer.lowered(task.target.base) if requantizer and task.target else None
    nothing = np.zeros((1,) * task.bias.ndim, np.int64)  # the bias waits behind the second scaling
    return Integrated(integration, nothing, lowered, lowering, arithmetic)


def _note(task: WeightedSum, seen: int | None) -> str:
    notes = []
    if seen is None:
        notes.append("scaled by the proven interval: no calibration samples")
    if not fits(*task.reach.sums, task.registers.sum_bits):
        notes.append("weight sums of a timestep may overflow: counted")
    return "; ".join(notes)


def _coefficients(code: SpikeCode, s1: float, highest: int) -> Scaled:
    """`k_t = round(s1 c_t 2^f)` with the largest f whose constants fit a register."""
    first = s1 * (1 << (code.bits - 1))
    shift = 0
    while shift < MAX_COEFFICIENT_SHIFT and first * (1 << (shift + 1)) + 0.5 <= highest:
        shift += 1
    weights = [abs(code.weight(step)) for step in range(code.bits)]
    coefficients = [min(round(s1 * weight * (1 << shift)), highest) for weight in weights]
    return Scaled(tuple(coefficients), shift, s1)


def _scale_back(task: WeightedSum, multiplier: NDArray[np.float32], s1: float) -> Fixed:
    """Constants of `((H m + half) >> shift) + q_b + Z`."""
    real = multiplier.astype(np.float64)
    q_b = np.rint(task.bias * real).astype(np.int64) + task.layer.output.format.zero_point
    largest = int(np.abs(q_b).max()) + LARGEST_BASE
    max_shift = max(0, OFFSET_BITS - largest.bit_length())
    scaled = fit_scaled(real.ravel() / s1, task.registers.multiplier_bits, max_shift)
    m, shift, half = (
        values.reshape(real.shape) for values in (scaled.multiplier, scaled.shift, scaled.rounding)
    )
    m, shift, half, q_b = np.broadcast_arrays(m, shift, half, q_b)
    return Fixed(m, half + (q_b << shift), shift)


def _proof(task: WeightedSum, multiplier: NDArray[np.float32], fixed: Fixed, s1: float) -> Proof:
    """Accumulator values whose code changes if the membrane is `round(s1 (acc - bias))`.

    The rounding of each step comes on top: it depends on more than the accumulator. Where a
    channel's constants differ by position, those of its first position stand for all.
    """
    low, high = task.layer.bounds()
    output = task.layer.output

    def first(values: NDArray[Any]) -> NDArray[Any]:
        whole = np.broadcast_to(values, output.shape)
        return whole.reshape(len(whole), -1)[:, :1]

    bias, m, offset = first(task.bias), first(fixed.multiplier), first(fixed.offset)
    shift = first(fixed.shift)

    def codes(acc: NDArray[np.int64]) -> NDArray[np.int64]:
        membrane = np.floor(s1 * (acc - bias) + 0.5).astype(np.int64)
        values: NDArray[np.int64] = (membrane * m + offset) >> shift
        return np.clip(values, output.low, output.high)

    chip = thresholds(codes, output.low, output.high, low, high)
    wanted = reference_staircase(task.layer, first(multiplier)[:, 0], low, high)
    return compare(wanted, chip)


@dataclass(frozen=True, slots=True, eq=False)
class ScaledArithmetic:
    """A weighted layer integrated step by step, as the neuron does it."""

    task: WeightedSum
    integration: Scaled
    requantizer: Fixed | None

    def __call__(self, layer: Layer, codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The output's codes, or its accumulators."""
        assert isinstance(layer, Weighted)
        code, registers = self.task.source, self.task.registers
        values = self.task.values(codes[0])
        membrane = np.zeros((len(values), *layer.output.shape), np.int64)
        for step in range(code.bits):
            sums = layer.linear(code.plane(values, step))
            membrane = registers.store(membrane + self.added(sums, step), registers.membrane_bits)
        if self.requantizer is None:
            readout = Readout(self.integration.s1, self.task.bias)
            return readout.accumulators(membrane).astype(np.int32)
        return self.requantizer.codes(membrane, layer.output)

    def added(self, sums: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        """What a weight sum adds to the membrane."""
        stored = self.task.registers.store(sums, self.task.registers.sum_bits)
        coefficient = self.integration.coefficients[step]
        coefficient = -coefficient if self.task.source.weight(step) < 0 else coefficient
        half = (1 << self.integration.shift) >> 1
        return np.asarray((stored * coefficient + half) >> self.integration.shift)
