"""Convolution, dense and average pooling: weighted sums, integrated exactly or scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..arithmetic import reference
from ..layers import Layer, Weighted
from ..requantize import Proof, Staircase, compare, fit_fixed, fit_scaled, thresholds
from .network import Arithmetic, Fixed, Float32, Lowering, Requantizer, Scaled, SpikeCode
from .registers import Reach, Registers, fits


@dataclass(frozen=True, slots=True, eq=False)
class Integrated:
    """How a weighted layer is computed: constants of its neurons, proof, and the same in NumPy."""

    integration: Scaled | None
    bias: NDArray[np.int64]
    """Broadcasts to the output's shape; added to the membrane."""
    requantizer: Requantizer | None
    lowering: Lowering
    arithmetic: Arithmetic | None
    """None where it is the reference itself."""
    bias_for_host: NDArray[np.int64]
    """The whole bias, for a host that reads scaled membranes; broadcasts to the output's shape."""


@dataclass(frozen=True, slots=True)
class Source:
    """The input of a weighted layer, as spikes."""

    code: SpikeCode
    high: int
    """The largest value sent."""
    largest_seen: int | None
    """Largest partial sum over the calibration samples, if there are any."""


def integrate(
    layer: Weighted,
    source: Source,
    target: SpikeCode | None,
    fold: NDArray[np.int64],
    registers: Registers,
    headroom: float,
) -> Integrated:
    """Chooses exact integration where it is proven to fit, scaled integration elsewhere.

    Args:
        layer: The layer.
        source: What it receives.
        target: The code it sends; None where the host reads the membrane.
        fold: What the bias must add because a spike train carries `v`, not `q - Z`; broadcasts
            to the output's shape.
        registers: What the chip has.
        headroom: Factor between the largest partial sum seen and the largest that fits.
    """
    reach = Reach.of(*weight_sums(layer), source.code, source.high)
    bias = bias_of(layer) + fold
    low, high = layer.bounds()
    exact = fits(*reach.sums, registers.sum_bits) and fits(*reach.partial, registers.membrane_bits)
    room = fits(int(low.min()), int(high.max()), registers.membrane_bits)
    bias_fits = fits(int(bias.min()), int(bias.max()), registers.bias_bits)
    modulo = registers.membrane_bits == 32 and registers.wraps
    if modulo or (exact and room and bias_fits):
        return _exact(layer, bias, target, registers, reach)
    return _scaled(layer, bias, source, target, registers, reach, headroom)


def weight_sums(layer: Weighted) -> tuple[int, int]:
    """The most negative and the most positive sum of weights of one sign into one neuron."""
    if isinstance(layer, layers.AveragePool):
        return 0, layer.kernel[0] * layer.kernel[1]
    rows = layer.weights.reshape(len(layer.weights), -1).astype(np.int64)
    return int(np.minimum(rows, 0).sum(axis=1).min()), int(np.maximum(rows, 0).sum(axis=1).max())


def along_channels(values: NDArray[Any], layer: Weighted) -> NDArray[Any]:
    """One value a channel, shaped to broadcast to the output."""
    return values.reshape((-1,) + (1,) * (len(layer.output.shape) - 1))


def bias_of(layer: Weighted) -> NDArray[np.int64]:
    """The layer's bias, broadcasting to the output's shape."""
    if isinstance(layer, layers.AveragePool):
        return np.zeros((1,) * len(layer.output.shape), np.int64)
    return along_channels(layer.bias, layer)


def multiplier_of(layer: Weighted) -> NDArray[np.float32] | None:
    """The layer's multiplier, broadcasting to the output's shape."""
    if layer.multiplier is None:
        return None
    if isinstance(layer, layers.AveragePool):
        return layer.multiplier[None]
    return np.asarray(along_channels(layer.multiplier, layer))


def _exact(
    layer: Weighted,
    bias: NDArray[np.int64],
    target: SpikeCode | None,
    registers: Registers,
    reach: Reach,
) -> Integrated:
    requantizer: Requantizer | None = None
    arithmetic: Arithmetic | None = None
    proof: Proof | None = None
    multiplier = multiplier_of(layer)
    if multiplier is not None and target is not None:
        if registers.float32:
            requantizer = Float32(multiplier, layer.output.format.zero_point - target.base)
            proof = _nothing_differs(layer)
        else:
            fixed, proof = _fit(layer, multiplier, registers)
            arithmetic = FixedArithmetic(fixed)
            requantizer = rebase(fixed, target.base)
    lowering = Lowering(
        layer.name, "exact", "exact", proof, largest_possible=reach.largest_partial
    )
    return Integrated(None, bias, requantizer, lowering, arithmetic, bias)


def _nothing_differs(layer: Weighted) -> Proof:
    low, high = layer.bounds()
    zero = np.zeros(len(low), np.int64)
    return Proof(zero, high - low + 1, zero)


def _fit(
    layer: Weighted, multiplier: NDArray[np.float32], registers: Registers
) -> tuple[Fixed, Proof]:
    """Fixed-point constants for each channel, or for each distinct multiplier of a pool."""
    low, high = layer.bounds()
    distinct, place = np.unique(multiplier.ravel(), return_inverse=True)
    if isinstance(layer, layers.AveragePool):
        low, high = np.repeat(low[:1], len(distinct)), np.repeat(high[:1], len(distinct))
    else:
        distinct, place = multiplier.ravel(), np.arange(multiplier.size)
    constants, proof = fit_fixed(_staircase(layer, distinct, low, high), registers.multiplier_bits)
    spread = [
        values[place].reshape(multiplier.shape)
        for values in (constants.multiplier, constants.offset, constants.shift)
    ]
    return Fixed(*spread), proof


def _staircase(
    layer: Weighted,
    multiplier: NDArray[np.float32],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> Staircase:
    output = layer.output

    def codes(acc: NDArray[np.int64]) -> NDArray[np.int64]:
        zero = output.format.zero_point
        return reference(acc, multiplier[:, None], zero, output.low, output.high)

    return thresholds(codes, output.low, output.high, low, high)


def rebase(fixed: Fixed, base: int) -> Fixed:
    """Constants whose result is smaller by `base`."""
    return Fixed(fixed.multiplier, fixed.offset - (base << fixed.shift), fixed.shift)


@dataclass(frozen=True, slots=True, eq=False)
class FixedArithmetic:
    """A weighted layer whose exact accumulator meets fixed-point constants."""

    constants: Fixed

    def __call__(self, layer: Layer, codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The output's codes."""
        assert isinstance(layer, (layers.Convolution, layers.Dense, layers.AveragePool))
        zero = layer.inputs[0].format.zero_point
        acc = layer.linear(codes[0].astype(np.int64) - zero) + bias_of(layer)
        return apply_fixed(self.constants, acc, layer)


def apply_fixed(constants: Fixed, acc: NDArray[np.int64], layer: Layer) -> NDArray[Any]:
    """`(acc * multiplier + offset) >> shift`, clamped to the layer's output."""
    codes = (acc * constants.multiplier + constants.offset) >> constants.shift
    clamped = np.clip(codes, layer.output.low, layer.output.high)
    return np.asarray(clamped.astype(layer.output.format.dtype))


def _scaled(
    layer: Weighted,
    bias: NDArray[np.int64],
    source: Source,
    target: SpikeCode | None,
    registers: Registers,
    reach: Reach,
    headroom: float,
) -> Integrated:
    seen = source.largest_seen
    limit = registers.membrane_high
    largest = reach.largest_partial if seen is None else max(1.0, seen * headroom)
    s1 = limit / largest
    integration = _coefficients(source.code, s1, registers)
    multiplier = multiplier_of(layer)
    requantizer: Fixed | None = None
    proof: Proof | None = None
    if multiplier is not None and target is not None:
        requantizer, proof = _scale_back(layer, multiplier, bias, s1, target, registers)
    note = "" if seen is not None else "scaled by the proven interval: no calibration samples"
    if not fits(*reach.sums, registers.sum_bits):
        note = "; ".join(filter(None, [note, "weight sums of a timestep may overflow: counted"]))
    lowering = Lowering(
        layer.name,
        "scaled",
        "calibrated",
        proof,
        note,
        s1,
        seen,
        reach.largest_partial,
    )
    arithmetic = ScaledArithmetic(integration, source.code, requantizer, target, registers, bias)
    nothing = np.zeros((1,) * bias.ndim, np.int64)  # the bias waits behind the second scaling
    return Integrated(integration, nothing, requantizer, lowering, arithmetic, bias)


def _coefficients(code: SpikeCode, s1: float, registers: Registers) -> Scaled:
    """`k_t = round(s1 c_t 2^f)` with the largest f whose constants fit a register."""
    first = s1 * (1 << (code.bits - 1))
    shift = 0
    while shift < 30 and first * (1 << (shift + 1)) + 0.5 <= registers.membrane_high:
        shift += 1
    coefficients = tuple(
        min(round(s1 * abs(code.weight(step)) * (1 << shift)), registers.membrane_high)
        for step in range(code.bits)
    )
    return Scaled(coefficients, shift, s1)


def _scale_back(
    layer: Weighted,
    multiplier: NDArray[np.float32],
    bias: NDArray[np.int64],
    s1: float,
    target: SpikeCode,
    registers: Registers,
) -> tuple[Fixed, Proof]:
    """Constants of `((H m + half) >> shift) + q_b`, and how they treat an ideal membrane."""
    real = multiplier.astype(np.float64)
    scaled = fit_scaled(real.ravel() / s1, registers.multiplier_bits)
    m, shift = (values.reshape(real.shape) for values in (scaled.multiplier, scaled.shift))
    half = scaled.rounding.reshape(real.shape)
    zero = layer.output.format.zero_point - target.base
    q_b = np.rint(bias * real).astype(np.int64) + zero
    m, shift, half, q_b = np.broadcast_arrays(m, shift, half, q_b)
    fixed = Fixed(m, half + (q_b << shift), shift)
    return fixed, _proof_of_scaled(layer, multiplier, bias, s1, fixed, target)


def _proof_of_scaled(
    layer: Weighted,
    multiplier: NDArray[np.float32],
    bias: NDArray[np.int64],
    s1: float,
    fixed: Fixed,
    target: SpikeCode,
) -> Proof:
    """Accumulator values whose code changes if the membrane is `round(s1 (acc - bias))`.

    The rounding of each step comes on top: it depends on more than the accumulator.
    """
    low, high = layer.bounds()
    channel = tuple(slice(None) if axis == 0 else 0 for axis in range(bias.ndim))
    rows = [np.broadcast_to(a, np.broadcast_shapes(a.shape, bias.shape))[channel][:, None]
            for a in (fixed.multiplier, fixed.offset, fixed.shift, bias, multiplier)]
    m, offset, shift, b, real = rows
    count = max(len(low), len(m))
    low, high = np.broadcast_to(low, (count,)), np.broadcast_to(high, (count,))

    def codes(acc: NDArray[np.int64]) -> NDArray[np.int64]:
        membrane = np.floor(s1 * (acc - b) + 0.5).astype(np.int64)
        value = ((membrane * m + offset) >> shift) + target.base
        return np.clip(value, layer.output.low, layer.output.high)

    chip = thresholds(codes, layer.output.low, layer.output.high, low, high)
    wanted = np.broadcast_to(real[:, 0], (count,))
    return compare(_staircase(layer, wanted, low, high), chip)


@dataclass(frozen=True, slots=True, eq=False)
class ScaledArithmetic:
    """A weighted layer integrated step by step, as the neuron does it."""

    integration: Scaled
    code: SpikeCode
    requantizer: Fixed | None
    target: SpikeCode | None
    registers: Registers
    bias: NDArray[np.int64]

    def __call__(self, layer: Layer, codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The output's codes, or its accumulators."""
        assert isinstance(layer, (layers.Convolution, layers.Dense, layers.AveragePool))
        values = codes[0].astype(np.int64) - self.code.base
        membrane = np.zeros((len(values), *layer.output.shape), np.int64)
        for step in range(self.code.bits):
            sums = layer.linear(self.code.plane(values, step))
            membrane += self.added(sums, step)
            membrane = self.registers.store(membrane, self.registers.membrane_bits)
        if self.requantizer is None or self.target is None:
            return read_membranes(membrane, self.integration.s1, self.bias)
        rebased = rebase(self.requantizer, -self.target.base)
        return apply_fixed(rebased, membrane, layer)

    def added(self, sums: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        """What a weight sum adds to the membrane."""
        stored = self.registers.store(sums, self.registers.sum_bits)
        coefficient = self.integration.coefficients[step]
        coefficient = -coefficient if self.code.weight(step) < 0 else coefficient
        half = (1 << self.integration.shift) >> 1
        return np.asarray((stored * coefficient + half) >> self.integration.shift)


def read_membranes(
    membrane: NDArray[np.int64], s1: float, bias: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Accumulators from the membranes the host read."""
    return (np.rint(membrane / s1).astype(np.int64) + bias).astype(np.int32)


def largest_partial_sum(layer: Weighted, code: SpikeCode, codes: NDArray[Any]) -> int:
    """The largest magnitude of a membrane, before the bias, after any step of any sample."""
    values = codes.astype(np.int64) - code.base
    membrane: NDArray[np.int64] | None = None
    largest = 0
    for step in range(code.bits):
        added = code.weight(step) * layer.linear(code.plane(values, step))
        membrane = added if membrane is None else membrane + added
        largest = max(largest, int(np.abs(membrane).max(initial=0)))
    return largest
