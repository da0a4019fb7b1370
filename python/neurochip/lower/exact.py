"""Exact integration: registers are proven to hold every sum, so the membrane is the accumulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..layers import Layer, Weighted
from ..requantize import Proof, fit_fixed
from .network import Arithmetic, Fixed, Float32, Lowering, Requantizer
from .registers import Registers, fits
from .weighted import Integrated, WeightedSum, bias_of, reference_staircase

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def is_exact(task: WeightedSum) -> bool:
    """Whether the chip's registers give every accumulator as 32-bit arithmetic does.

    Registers of 32 bits that wrap are that arithmetic; others must never be left.
    """
    registers, reach = task.registers, task.reach
    if registers.membrane_bits == 32 and registers.sum_bits == 32 and registers.wraps:
        return True
    low, high = task.layer.bounds()
    wraps = bool(((low == INT32_MIN) & (high == INT32_MAX)).any())
    return (
        not wraps
        and fits(*reach.sums, registers.sum_bits)
        and fits(*reach.partial, registers.membrane_bits)
        and fits(int(low.min()), int(high.max()), registers.membrane_bits)
        and fits(int(task.bias.min()), int(task.bias.max()), registers.bias_bits)
    )


def integrate_exactly(task: WeightedSum) -> Integrated:
    """Constants of a weighted sum that `is_exact`."""
    layer, target = task.layer, task.target
    requantizer: Requantizer | None = None
    arithmetic: Arithmetic | None = None
    proof: Proof | None = None
    if task.multiplier is not None and target is not None:
        if task.registers.float32:
            zero = layer.output.format.zero_point - target.base
            requantizer = Float32(task.multiplier, zero)
            low, high = layer.bounds()
            proof = nothing_differs(high - low + 1)
        else:
            fixed, proof = _fit(layer, task.multiplier, task.registers.multiplier_bits)
            arithmetic = FixedArithmetic(fixed, task.registers)
            requantizer = fixed.lowered(target.base)
    possible = task.reach.largest_partial
    lowering = Lowering(layer.name, "exact", "exact", proof, largest_possible=possible)
    return Integrated(None, task.bias, requantizer, lowering, arithmetic)


def nothing_differs(reachable: NDArray[np.int64]) -> Proof:
    """The proof of what computes the reference itself."""
    nothing = np.zeros_like(reachable)
    return Proof(nothing, reachable, nothing)


def _fit(
    layer: Weighted, multiplier: NDArray[np.float32], multiplier_bits: int
) -> tuple[Fixed, Proof]:
    """Fixed-point constants for each channel, or for each distinct multiplier of a pool."""
    low, high = layer.bounds()
    rows, row = multiplier.ravel(), np.arange(multiplier.size)
    if isinstance(layer, layers.AveragePool):
        rows, row = np.unique(rows, return_inverse=True)
        low, high = np.repeat(low[:1], len(rows)), np.repeat(high[:1], len(rows))
    constants, proof = fit_fixed(reference_staircase(layer, rows, low, high), multiplier_bits)
    found = (constants.multiplier, constants.offset, constants.shift)
    return Fixed(*(values[row].reshape(multiplier.shape) for values in found)), proof


@dataclass(frozen=True, slots=True, eq=False)
class FixedArithmetic:
    """A weighted layer whose exact accumulator meets fixed-point constants."""

    constants: Fixed
    registers: Registers

    def __call__(self, layer: Layer, codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The output's codes."""
        assert isinstance(layer, Weighted)
        zero = layer.inputs[0].format.zero_point
        acc = layer.linear(codes[0].astype(np.int16) - np.int16(zero)) + bias_of(layer)
        held = self.registers.store(acc, self.registers.membrane_bits)
        return self.constants.codes(held, layer.output)
