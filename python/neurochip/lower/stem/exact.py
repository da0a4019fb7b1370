"""Exact integration: the membrane, of one word or two, is the accumulator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ... import layers
from ...layers import Weighted
from ...network import (
    DoubleIntegration,
    FixedRequantizer,
    Float32Requantizer,
    PopulationFacts,
    Readout,
)
from ...requantize import Proof, fit_fixed
from ..facts import facts_of
from ..weighted import Integrated, WeightedSum, reference_staircase
from .modes import Mode
from .second_scaling import Bias, fit_second_scaling


def integrate_exactly(task: WeightedSum, mode: Mode, seen: int | None) -> Integrated:
    """Constants of a weighted sum whose weight sums enter the membrane as they are.

    Args:
        task: The weighted sum.
        mode: What was decided for it.
        seen: Largest membrane over the calibration samples, where it was asked for.
    """
    bias = Bias.of(task, mode, np.ones(1))
    requantizer, proof = _requantizer(task, mode, bias)
    readout = Readout(np.ones(1), np.zeros_like(task.bias) if mode.holds_bias else task.bias)
    reference = mode.proven and mode.holds_bias and not isinstance(requantizer, FixedRequantizer)
    lowered = requantizer.lowered(task.target.base) if requantizer and task.target else None
    return Integrated(
        integration=DoubleIntegration() if mode.integration == "double" else None,
        bias=bias.held,
        requantizer=lowered,
        readout=readout,
        facts=_facts(task, mode, proof, seen, bias, reference),
    )


def nothing_differs(reachable: NDArray[np.int64]) -> Proof:
    """The proof of what computes the reference itself."""
    nothing = np.zeros_like(reachable)
    return Proof(nothing, reachable, nothing)


def _requantizer(
    task: WeightedSum, mode: Mode, bias: Bias
) -> tuple[FixedRequantizer | Float32Requantizer | None, Proof | None]:
    """What makes the output's codes of membranes; nothing where the host reads them."""
    layer = task.layer
    if task.multiplier is None:
        return None, None
    if not mode.holds_bias:
        return fit_second_scaling(task, task.multiplier, np.ones(1), bias, np.zeros(1))
    if task.registers.float32:
        low, high = layer.bounds()
        zero_point = layer.output.format.zero_point
        return Float32Requantizer.of(task.multiplier, zero_point), nothing_differs(high - low + 1)
    return _fit(layer, task.multiplier, task.registers.multiplier_bits)


def _fit(
    layer: Weighted, multiplier: NDArray[np.float32], multiplier_bits: int
) -> tuple[FixedRequantizer, Proof]:
    """Fixed-point constants for each channel, or for each distinct multiplier of a pool."""
    low, high = layer.bounds()
    rows, row = multiplier.ravel(), np.arange(multiplier.size)
    if isinstance(layer, layers.AveragePool):
        rows, row = np.unique(rows, return_inverse=True)
        low, high = np.repeat(low[:1], len(rows)), np.repeat(high[:1], len(rows))
    constants, proof = fit_fixed(reference_staircase(layer, rows, low, high), multiplier_bits)
    found = (constants.multiplier, constants.offset, constants.shift)
    return FixedRequantizer(*(values[row].reshape(multiplier.shape) for values in found)), proof


def _facts(
    task: WeightedSum,
    mode: Mode,
    proof: Proof | None,
    seen: int | None,
    bias: Bias,
    proven: bool,
) -> PopulationFacts:
    possible = int(task.largest_membranes(mode.holds_bias).max())
    largest = possible if seen is None else seen
    return facts_of(
        task.layer,
        mode.integration,
        mode.bias,
        proof,
        proven=proven,
        note="" if mode.proven else task.what_may_overflow,
        largest_seen=seen,
        largest_possible=possible,
        membrane_bits=task.registers.membrane_bits,
        headroom_bits=task.registers.headroom_bits(largest),
        bias_bits=bias.bits,
    )
