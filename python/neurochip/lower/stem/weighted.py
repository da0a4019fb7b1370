"""Convolution, dense and average pooling as one population each.

- exact, double: the membrane, of one word or two, is the accumulator;
- scaled: what fits a narrow membrane is a fraction of the accumulator (eq. 15-19).
"""

from __future__ import annotations

from typing import Any

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
    ScaledIntegration,
    SpikeCode,
)
from ...network.populations import facts_of
from ...requantize import Proof, fit_fixed
from ...settings import LayerSettings
from ..builder import Builder, connector_of, fold
from ..layout import NOWHERE, compressed, stem
from ..weighted import (
    BY_INTERVAL,
    Integrated,
    WeightedSum,
    along_channels,
    bias_of,
    largest_of_channels,
    reference_staircase,
)
from .modes import Bias, Mode, choose, fit_second_scaling
from .partial_sums import largest_partial_sum, largest_partial_sums


def lower_weighted(builder: Builder, layer: Weighted) -> None:
    """Adds the layer's population and its projection."""
    tensor, output = layer.inputs[0], layer.output
    if isinstance(layer, layers.Dense):
        view = builder.single(builder.views[tensor.name], tensor)
    else:
        view = builder.natural(tensor)
    source = builder.code_of(view.parts[0])
    target = None if layer.multiplier is None else builder.choose_code(output)
    bias = bias_of(layer) + fold(builder, layer, view)
    if builder.registers.are_int32:
        bias = builder.registers.store(bias, 32)
    silent = view.neuron == NOWHERE
    task = WeightedSum(layer, source, target, bias, silent, builder.registers)
    computed = _integrate(builder, task)
    neurons = stem(output, target, computed.bias, computed.requantizer, computed.integration)
    population = builder.add(output, layer.name, target, neurons, computed.facts)
    builder.connect(view.parts[0], population.name, connector_of(builder, layer, view))
    if target is None:
        builder.readouts[population.name] = _readout(computed.readout, output.shape)


def _integrate(builder: Builder, task: WeightedSum) -> Integrated:
    """Constants of the mode that settings ask for, or that the chip's registers allow."""
    settings = builder.settings.of(task.layer.name)
    mode, task = choose(task, settings)
    values = _calibration_values(builder, task, mode)
    by_channel = mode.integration == "scaled" and settings.granularity == "per_channel"
    seen = None if values is None else _largest_seen(task, mode, values, by_channel)
    if mode.integration == "scaled":
        return integrate_scaled(task, mode, seen, settings)
    return integrate_exactly(task, mode, None if seen is None else int(seen.max()))


def _calibration_values(
    builder: Builder, task: WeightedSum, mode: Mode
) -> NDArray[np.int16] | None:
    """What the source sends for the calibration samples, where someone asks for its sums."""
    calibration = builder.calibration
    if calibration is None:
        return None
    if mode.integration == "exact" and mode.proven and not calibration.measures_all_sums:
        return None
    return task.values(calibration.of(task.layer.inputs[0]))


def _largest_seen(
    task: WeightedSum, mode: Mode, values: NDArray[np.int16], by_channel: bool
) -> NDArray[np.int64]:
    """The largest membrane of the calibration samples: one, or one per channel."""
    bias = task.bias if mode.holds_bias else np.zeros_like(task.bias)
    if by_channel:
        return largest_partial_sums(task.layer, task.source, values, bias)
    return np.array([largest_partial_sum(task.layer, task.source, values, bias)])


def _readout(readout: Readout, shape: tuple[int, ...]) -> Readout:
    """For an array of neurons what is for the output's shape."""
    s1, bias = (compressed(values, shape) for values in (readout.s1, readout.bias))
    return Readout(s1, bias)


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
        settings: One scale per layer or one per channel, whether it fills the membrane, and the
            factor between the largest membrane seen and the largest that fits.
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
    """The largest scale with which membranes and biases fit: one, or one per channel."""
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
