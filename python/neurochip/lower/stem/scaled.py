"""Scaled integration: what fits a narrow membrane is a fraction of the accumulator (eq. 15-19)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...network import Readout, ScaledIntegration, SpikeCode
from ...settings import LayerSettings
from ..facts import facts_of
from ..weighted import BY_INTERVAL, Integrated, WeightedSum, along_channels, largest_of_channels
from .modes import Mode
from .second_scaling import Bias, fit_second_scaling

MAX_COEFFICIENT = 1 << 30
MAX_COEFFICIENT_SHIFT = 30


def integrate_scaled(
    task: WeightedSum, mode: Mode, seen: NDArray[np.int64] | None, settings: LayerSettings
) -> Integrated:
    """Constants of a weighted sum whose membrane is scaled down.

    Args:
        task: The weighted sum.
        mode: What was decided for it.
        seen: Largest membrane of each channel over the calibration samples; None takes the proven
            interval.
        settings: One scale a layer or one a channel, whether it fills the membrane, and the factor
            between the largest membrane seen and the largest that fits.
    """
    possible = task.largest_membranes(mode.holds_bias)
    room = _room(task, mode, possible if seen is None else seen * settings.headroom, settings)
    integration = _integration(task, room, settings.s1 == "largest")
    s1 = along_channels(integration.s1, task.layer)
    excess = along_channels(_excess(integration.s1, task.source), task.layer)
    bias = Bias.of(task, mode, s1)
    requantizer, proof = None, None
    if task.multiplier is not None:
        requantizer, proof = fit_second_scaling(task, task.multiplier, s1, bias, excess)
    readout = Readout(s1, task.bias - np.rint(excess / s1).astype(np.int64))
    lowered = requantizer.lowered(task.target.base) if requantizer and task.target else None
    return Integrated(
        integration=integration,
        bias=bias.held,
        requantizer=lowered,
        readout=readout,
        facts=facts_of(
            task.layer,
            "scaled",
            mode.bias,
            proof,
            proven=False,
            note=_note(task, seen is None),
            s1=integration.s1,
            largest_seen=None if seen is None else int(seen.max()),
            largest_possible=int(possible.max()),
            membrane_bits=task.registers.membrane_bits,
            headroom_bits=task.registers.headroom_bits(
                ((possible if seen is None else seen) * integration.s1).max()
            ),
            bias_bits=bias.bits,
        ),
    )


def _room(
    task: WeightedSum, mode: Mode, largest: NDArray[Any], settings: LayerSettings
) -> NDArray[np.float64]:
    """The largest scale with which membranes and biases fit: one, or one a channel."""
    if mode.holds_bias:
        largest = np.maximum(largest, largest_of_channels(task.bias, task.layer))
    if settings.granularity == "per_layer":
        largest = largest.max(keepdims=True)
    return np.asarray(task.registers.membrane_high / np.maximum(largest, 1.0))


def _note(task: WeightedSum, by_interval: bool) -> str:
    notes = [BY_INTERVAL] if by_interval else []
    if not task.sums_fit:
        notes.append(task.what_may_overflow)
    return "; ".join(notes)


def _integration(task: WeightedSum, s1: NDArray[np.float64], fill: bool) -> ScaledIntegration:
    """`k_t = round(s1 c_t 2^f)` with the largest f whose constants fit a register.

    Args:
        task: The weighted sum.
        s1: The largest scale that membranes have room for.
        fill: Whether that is taken. Else it is one that loses less to the rounding of steps.
    """
    code = task.source
    highest = min(task.registers.membrane_high, MAX_COEFFICIENT)
    # Where sums are so small that k_0 would not fit, the membrane need not be filled.
    s1 = np.minimum(s1, highest / (1 << (code.bits - 1)))
    if not fill:
        s1 = _rounding_least(s1, code)
    shift = np.array([_places(float(scale), code, highest) for scale in s1], np.int64)
    coefficients = np.rint(s1[:, None] * _weights(code) * np.exp2(shift)[:, None]).astype(np.int64)
    return ScaledIntegration(np.minimum(coefficients, highest), shift, s1)


def _rounding_least(s1: NDArray[np.float64], code: SpikeCode) -> NDArray[np.float64]:
    """At most 1, with which nothing is rounded, and a power of two where that is more accurate."""
    s1 = np.minimum(s1, 1.0)
    power = _power_below(s1)
    return np.where(_error_of_power(power, code) < _error(s1, code), power, s1)


def _weights(code: SpikeCode) -> NDArray[np.int64]:
    """Magnitudes of what the steps of a train are worth."""
    return np.array([abs(code.weight(step)) for step in range(code.bits)])


def _error(s1: NDArray[np.float64], code: SpikeCode) -> NDArray[np.float64]:
    """Standard deviation of a sum, in its own units, if every step rounds a fraction."""
    return np.asarray(np.sqrt(code.bits / 12) / s1)


def _error_of_power(s1: NDArray[np.float64], code: SpikeCode) -> NDArray[np.float64]:
    """The same of a power of two: steps worth a whole number are exact, others round fewer places.

    A fraction of j binary places, all equally frequent, has a variance of (1 - 4^-j) / 12 after
    rounding; here 2^-j is what the step is worth.
    """
    worth = np.minimum(1.0, s1[:, None] * _weights(code))
    return np.asarray(np.sqrt(((1 - worth**2) / 12).sum(axis=1)) / s1)


def _excess(s1: NDArray[np.float64], code: SpikeCode) -> NDArray[np.float64]:
    """What rounding halves up adds to a membrane on average: 2^-(j+1) a step of j binary places."""
    worth = s1[:, None] * _weights(code)
    of_powers = np.where(worth < 1, worth / 2, 0.0).sum(axis=1)
    return np.asarray(np.where(_power_below(s1) == s1, of_powers, 0.0))


def _power_below(s1: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest power of two that is not larger."""
    return np.asarray(np.exp2(np.floor(np.log2(s1))))


def _places(s1: float, code: SpikeCode, highest: int) -> int:
    """The most binary places with which the first coefficient fits."""
    first = s1 * (1 << (code.bits - 1))
    shift = 0
    while shift < MAX_COEFFICIENT_SHIFT and first * (1 << (shift + 1)) + 0.5 <= highest:
        shift += 1
    return shift
