"""Scaled integration: what fits a narrow membrane is a fraction of the accumulator (eq. 15-19)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .calibrated import bias_bits, fit_calibrated
from .network import Lowering, Readout, Scaled, SpikeCode
from .neurons import NeuronArithmetic
from .settings import LayerSettings
from .weighted import Integrated, WeightedSum, along_channels

BY_INTERVAL = "scaled by the proven interval: no calibration samples"
MAX_COEFFICIENT = 1 << 30
MAX_COEFFICIENT_SHIFT = 30


def integrate_scaled(
    task: WeightedSum, seen: NDArray[np.int64] | None, settings: LayerSettings
) -> Integrated:
    """Constants of a weighted sum whose membrane is scaled down.

    Args:
        task: The weighted sum.
        seen: Largest partial sum of each channel over the calibration samples; None takes the
            proven interval.
        settings: One scale a layer or one a channel, and the factor between the largest partial
            sum seen and the largest that fits.
    """
    largest = task.largest_partials.astype(np.float64)
    if seen is not None:
        largest = np.maximum(seen * settings.headroom, 1.0)
    if settings.granularity == "per_layer":
        largest = largest.max(keepdims=True)
    integration = _integration(task, task.registers.membrane_high / np.maximum(largest, 1.0))
    s1 = along_channels(integration.s1, task.layer)
    requantizer, proof = None, None
    if task.multiplier is not None:
        requantizer, proof = fit_calibrated(task, task.multiplier, s1)
    nothing = np.zeros((1,) * task.bias.ndim, np.int64)  # the bias waits behind the second scaling
    readout = Readout(s1, task.bias)
    lowered = requantizer.lowered(task.target.base) if requantizer and task.target else None
    return Integrated(
        integration=integration,
        bias=nothing,
        requantizer=lowered,
        readout=readout,
        lowering=Lowering(
            task.layer.name,
            "scaled",
            "calibrated",
            proof,
            _note(task, seen is None),
            s1=tuple(float(scale) for scale in integration.s1),
            largest_seen=None if seen is None else int(seen.max()),
            largest_possible=task.reach.largest_partial,
            membrane_bits=task.registers.membrane_bits,
            headroom_bits=_headroom_bits(task, seen, integration.s1),
            bias_bits=bias_bits(task, "calibrated"),
        ),
        arithmetic=NeuronArithmetic(task, integration, nothing, requantizer, readout, proven=False),
    )


def _note(task: WeightedSum, by_interval: bool) -> str:
    notes = [BY_INTERVAL] if by_interval else []
    if not task.sums_fit:
        notes.append(task.what_may_overflow)
    return "; ".join(notes)


def _integration(task: WeightedSum, s1: NDArray[np.float64]) -> Scaled:
    """`k_t = round(s1 c_t 2^f)` with the largest f whose constants fit a register."""
    code = task.source
    highest = min(task.registers.membrane_high, MAX_COEFFICIENT)
    # Where sums are so small that k_0 would not fit, the membrane need not be filled.
    s1 = np.minimum(s1, highest / (1 << (code.bits - 1)))
    shift = np.array([_places(float(scale), code, highest) for scale in s1], np.int64)
    weights = np.array([abs(code.weight(step)) for step in range(code.bits)])
    coefficients = np.rint(s1[:, None] * weights * np.exp2(shift)[:, None]).astype(np.int64)
    return Scaled(np.minimum(coefficients, highest), shift, s1)


def _places(s1: float, code: SpikeCode, highest: int) -> int:
    """The most binary places with which the first coefficient fits."""
    first = s1 * (1 << (code.bits - 1))
    shift = 0
    while shift < MAX_COEFFICIENT_SHIFT and first * (1 << (shift + 1)) + 0.5 <= highest:
        shift += 1
    return shift


def _headroom_bits(
    task: WeightedSum, seen: NDArray[np.int64] | None, s1: NDArray[np.float64]
) -> float:
    """How far the largest membrane stays below the end of its register, in bits."""
    largest = task.largest_partials if seen is None else seen
    return float(np.log2(task.registers.membrane_high / max((largest * s1).max(), 1.0)))
