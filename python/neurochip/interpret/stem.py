"""STEM neurons: accumulate, scale, generate (neurons.md, section 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import fma32, reference
from ..lower.weighted import Registers, fits
from ..network import (
    AddRequantizer,
    DoubleIntegration,
    FixedRequantizer,
    Float32Requantizer,
    Requantizer,
    ScaledIntegration,
    SpikeCode,
    StemNeurons,
    TableRequantizer,
)
from .spikes import Arrivals, Neurons, Sent


def stem(neurons: Neurons, sent: Sequence[Sent]) -> Sent:
    """What STEM neurons send for what their sources send, or their membranes."""
    model, registers = neurons.model, neurons.registers
    assert isinstance(model, StemNeurons)
    bits = registers.membrane_bits * (2 if isinstance(model.integration, DoubleIntegration) else 1)
    bias = neurons.constants(model.bias)
    if _adds_up(neurons, model, bits, int(np.abs(bias).max())):
        membranes = neurons.arrivals.whole(sent)
    else:
        membranes = _integrated(neurons, model, sent, bits)
    membranes = _held(registers, membranes + bias, bits)
    if model.requantizer is None:
        return Sent(None, membranes)
    code = neurons.population.code
    assert isinstance(code, SpikeCode)
    values = _requantized(neurons, model.requantizer, membranes, model.low, model.high)
    if model.sparsity is not None:
        kept = model.sparsity.sent(np.arange(model.low, model.high + 1), code)
        values = kept[values - model.low]
    return Sent(code, values.astype(np.int16))


def _adds_up(neurons: Neurons, model: StemNeurons, bits: int, largest_bias: int) -> bool:
    """Whether membranes are whole sums, as their registers hold them at the end.

    What wraps at every step is what wraps once, if weight sums lose nothing that membranes hold.
    """
    if isinstance(model.integration, ScaledIntegration):
        return False
    arrivals, registers = neurons.arrivals, neurons.registers
    if registers.wraps:
        return arrivals.sums_fit or registers.sum_bits >= bits
    windows = {branch.source.send_start: branch.source.steps for branch in arrivals.branches}
    gain = max(map(abs, arrivals.gains)) * sum(1 << steps for steps in windows.values())
    return arrivals.sums_fit and fits(-gain - largest_bias, gain + largest_bias, bits)


def _integrated(
    neurons: Neurons, model: StemNeurons, sent: Sequence[Sent], bits: int
) -> NDArray[np.int64]:
    """Membranes before the bias, timestep by timestep."""
    branches, registers = neurons.arrivals.branches, neurons.registers
    shape = (len(sent[0].values), neurons.population.num_neurons)
    membranes = np.zeros(shape, np.int64)
    for start in sorted({branch.source.send_start for branch in branches}):
        here = [n for n, branch in enumerate(branches) if branch.source.send_start == start]
        code = branches[here[0]].source.code
        assert isinstance(code, SpikeCode)
        together = Arrivals([branches[n] for n in here], registers, shape[1])
        arrive = range(start + 1, start + 1 + code.steps)
        for step, sums in enumerate(together.by_timestep([sent[n] for n in here], arrive)):
            membranes += _added(neurons, model, sums, step, code)
            membranes = _held(registers, membranes, bits)
    return membranes


def _added(
    neurons: Neurons, model: StemNeurons, sums: NDArray[np.int64], step: int, code: SpikeCode
) -> NDArray[np.int64]:
    """What the weight sums of a step add to membranes."""
    weight = code.weight(step)
    if not isinstance(model.integration, ScaledIntegration):
        return sums * weight
    coefficient = neurons.constants(model.integration.coefficients[:, step])
    shift = neurons.constants(model.integration.shift)
    sums = sums * (-coefficient if weight < 0 else coefficient)
    sums += (np.int64(1) << shift) >> 1
    sums >>= shift
    return sums


def _held(registers: Registers, values: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """What registers hold after values were written; few ever leave them."""
    if fits(int(values.min(initial=0)), int(values.max(initial=0)), bits):
        return values
    return registers.store(values, bits)


def _requantized(
    neurons: Neurons, requantizer: Requantizer, membranes: NDArray[np.int64], low: int, high: int
) -> NDArray[np.int64]:
    """The values of membranes, clamped."""
    if isinstance(requantizer, Float32Requantizer):
        multiplier = neurons.constants(requantizer.multiplier)
        return reference(membranes, multiplier, requantizer.zero, low, high)
    if isinstance(requantizer, FixedRequantizer):
        product = membranes * neurons.constants(requantizer.multiplier)
        product += neurons.constants(requantizer.offset)
        product >>= neurons.constants(requantizer.shift)
        return np.asarray(np.clip(product, low, high))
    if isinstance(requantizer, TableRequantizer):
        tables, length = requantizer.entries.shape
        entries = np.clip(membranes - requantizer.first, 0, length - 1)
        table = neurons.constants(np.arange(tables))
        codes = np.clip(requantizer.entries[table, entries], low, high)
        return np.asarray(codes.astype(np.int64))
    return _sum_of_pair(requantizer, membranes, low, high)


def _sum_of_pair(
    requantizer: AddRequantizer, membranes: NDArray[np.int64], low: int, high: int
) -> NDArray[np.int64]:
    """The residual sum of two codes that a membrane holds side by side, `a + 512 b`."""
    first, last = int(membranes.min(initial=0)), int(membranes.max(initial=0))
    if last - first >= membranes.size:
        return _sum_of_each_pair(requantizer, membranes, low, high)
    known = _sum_of_each_pair(requantizer, np.arange(first, last + 1), low, high)
    return np.asarray(known[membranes - first])


def _sum_of_each_pair(
    requantizer: AddRequantizer, membranes: NDArray[np.int64], low: int, high: int
) -> NDArray[np.int64]:
    a = ((membranes + 256) & 511) - 256
    b = (membranes - a) >> 9
    (base_a, base_b), (scale_a, scale_b) = requantizer.bases, requantizer.scales
    inner = fma32(b + base_b, scale_b, requantizer.offset)
    total = fma32(a + base_a, scale_a, inner)
    zero = requantizer.zero
    clamped = np.clip(total, np.float32(low - zero), np.float32(high - zero))
    return np.rint(clamped).astype(np.int64) + zero
