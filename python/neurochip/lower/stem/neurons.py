"""Neurons: what a weighted layer computes on the chip, in NumPy, register by register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...layers import Layer, Weighted
from ...network import FixedRequantizer, Float32Requantizer, Readout, ScaledIntegration
from ..weighted import WeightedSum, along_channels


@dataclass(frozen=True, slots=True, eq=False)
class NeuronArithmetic:
    """A weighted layer as its neurons compute it: integrate, add the bias, requantize."""

    task: WeightedSum
    integration: ScaledIntegration | None
    """None where weight sums enter at their exact coefficients."""
    bias: NDArray[np.int64]
    """Added to membranes; broadcasts to the output's shape."""
    requantizer: FixedRequantizer | Float32Requantizer | None
    readout: Readout
    """How the host reads membranes, where nothing requantizes them."""
    proven: bool
    """Whether no register can overflow, so that the order of sums does not matter."""

    def __call__(self, layer: Layer, codes: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The output's codes, or its accumulators."""
        assert isinstance(layer, Weighted)
        registers = self.task.registers
        values = self.task.values(codes[0])
        held = layer.linear(values) if self._adds_up else self.integrated(layer, values)
        membrane = registers.store(held + self.bias, registers.membrane_bits)
        if self.requantizer is None:
            return self.readout.accumulators(membrane).astype(np.int32)
        return self.requantizer.codes(membrane, layer.output)

    @property
    def _adds_up(self) -> bool:
        """Whether the membrane holds the whole sum, cut to its width or not."""
        wraps = self.task.registers.wraps and self.task.sums_fit
        return self.integration is None and (self.proven or wraps)

    def integrated(self, layer: Weighted, values: NDArray[np.int16]) -> NDArray[np.int64]:
        """Membranes before the bias, timestep by timestep."""
        code, registers = self.task.source, self.task.registers
        membrane = np.zeros((len(values), *layer.output.shape), np.int64)
        for step in range(code.bits):
            sums = registers.store(layer.linear(code.plane(values, step)), registers.sum_bits)
            added = self.added(layer, sums, step)
            membrane = registers.store(membrane + added, registers.membrane_bits)
        return membrane

    def added(self, layer: Weighted, sums: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        """What weight sums add to membranes."""
        weight = self.task.source.weight(step)
        if self.integration is None:
            return sums * weight
        coefficient = along_channels(self.integration.coefficients[:, step], layer)
        shift = along_channels(self.integration.shift, layer)
        half = (np.int64(1) << shift) >> 1
        signed = -coefficient if weight < 0 else coefficient
        return np.asarray((sums * signed + half) >> shift)
