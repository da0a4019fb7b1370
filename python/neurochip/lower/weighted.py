"""Weighted layers of every spike code: what their neurons sum, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import layers
from ..arithmetic import reference
from ..layers import Weighted
from ..network import (
    Connector,
    ConvolutionConnector,
    DenseConnector,
    DepthwiseConnector,
    DoubleIntegration,
    PoolConnector,
    PopulationFacts,
    Readout,
    Requantizer,
    ScaledIntegration,
    SpikeCode,
    Window,
)
from ..requantize import Staircase, thresholds
from .builder import Builder
from .layout import NOWHERE, View
from .registers import Registers, SumReach, fits

BY_INTERVAL = "scaled by the proven interval: no calibration samples"

ONE_LEVEL = 1
"""A multiplication that errs by more is another function, not a rounding of it."""


@dataclass(frozen=True, slots=True, eq=False)
class WeightedSum:
    """A weighted layer between two spike codes, on a chip."""

    layer: Weighted
    source: SpikeCode
    target: SpikeCode | None
    """None where the host reads the membrane."""
    bias: NDArray[np.int64]
    """Broadcasts to the output's shape; makes up for trains that carry `v`, not `q - Z`."""
    silent: NDArray[np.bool_]
    """Of the input's shape: zero points that no neuron holds."""
    registers: Registers

    def values(self, codes: NDArray[Any]) -> NDArray[np.int16]:
        """What the source's neurons send for codes of the input."""
        return np.where(self.silent, np.int16(0), self.source.values(codes))

    @property
    def reach(self) -> SumReach:
        """What no input can make its registers leave."""
        negative, positive = weight_sums(self.layer)
        return SumReach.of(int(negative.min()), int(positive.max()), self.source, self._highest)

    def largest_membranes(self, with_bias: bool) -> NDArray[np.int64]:
        """The largest magnitude of each channel's membrane that any input can lead to.

        Args:
            with_bias: Whether the membrane holds the bias after the last step.
        """
        if not with_bias:
            return self._largest_partials
        low, high = (np.abs(ends) for ends in self.layer.bounds())
        return np.maximum(self._largest_partials, np.maximum(low, high))

    @property
    def _largest_partials(self) -> NDArray[np.int64]:
        reaches = (
            SumReach.of(int(negative), int(positive), self.source, self._highest)
            for negative, positive in zip(*weight_sums(self.layer), strict=True)
        )
        return np.array([reach.largest_partial for reach in reaches], np.int64)

    @property
    def _highest(self) -> int:
        return self.layer.inputs[0].high - self.source.base

    @property
    def bias_range(self) -> tuple[int, int]:
        """The smallest and the largest bias."""
        return int(self.bias.min()), int(self.bias.max())

    @property
    def sums_fit(self) -> bool:
        """Whether the weight sums of one timestep fit their register."""
        return fits(*self.reach.sums, self.registers.sum_bits)

    @property
    def what_may_overflow(self) -> str:
        """A remark on registers that are not proven wide enough."""
        if not self.sums_fit:
            return "weight sums of a timestep may overflow: counted"
        return "sums are not proven to fit their membranes: overflows are counted"

    @property
    def multiplier(self) -> NDArray[np.float32] | None:
        """The layer's multiplier, broadcasting to the output's shape."""
        if self.layer.multiplier is None:
            return None
        if isinstance(self.layer, layers.AveragePool):
            return self.layer.multiplier[None]
        return np.asarray(along_channels(self.layer.multiplier, self.layer))


@dataclass(frozen=True, slots=True, eq=False)
class Integrated:
    """Constants of a weighted sum's neurons, and what is proven about them."""

    integration: DoubleIntegration | ScaledIntegration | None
    bias: NDArray[np.int64]
    """Broadcasts to the output's shape; added to the membrane."""
    requantizer: Requantizer | None
    readout: Readout
    """How the host reads membranes; broadcasts to the output's shape."""
    facts: PopulationFacts


def weight_sums(layer: Weighted) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each channel: the sum of its negative and of its positive weights into one neuron."""
    if isinstance(layer, layers.AveragePool):
        positive = np.full(layer.output.shape[0], layer.kernel[0] * layer.kernel[1], np.int64)
        return np.zeros_like(positive), positive
    return layer.signed_sums


def signed_bits(low: int, high: int) -> int:
    """Bits of the narrowest two's complement register that holds an interval."""
    return next(bits for bits in count(1) if fits(low, high, bits))


def register_bits(*values: NDArray[np.int64]) -> int | None:
    """Bits of the narrowest register that holds all of these; None if all are 0."""
    if not any(each.any() for each in values):
        return None
    low, high = min(each.min() for each in values), max(each.max() for each in values)
    return signed_bits(int(low), int(high))


def along_channels(values: NDArray[Any], layer: Weighted) -> NDArray[Any]:
    """One value a channel, shaped to broadcast to the output."""
    return values.reshape((-1,) + (1,) * (len(layer.output.shape) - 1))


def largest_of_channels(values: NDArray[np.int64], layer: Weighted) -> NDArray[np.int64]:
    """The largest magnitude of each channel, of what broadcasts to the output's shape."""
    whole = np.broadcast_to(values, layer.output.shape)
    return np.asarray(np.abs(whole).reshape(len(whole), -1).max(axis=1))


def bias_of(layer: Weighted) -> NDArray[np.int64]:
    """The layer's own bias, broadcasting to the output's shape."""
    if isinstance(layer, layers.AveragePool):
        return np.zeros((1,) * len(layer.output.shape), np.int64)
    return along_channels(layer.bias, layer)


def reference_staircase(
    layer: Weighted,
    multiplier: NDArray[np.float32],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> Staircase:
    """The thresholds of onnxruntime, for one multiplier and one interval of accumulators a row."""
    output = layer.output

    def codes(acc: NDArray[np.int64]) -> NDArray[np.int64]:
        zero = output.format.zero_point
        return reference(acc, multiplier[:, None], zero, output.low, output.high)

    with np.errstate(divide="ignore"):  # a multiplier of 0 reaches no level
        levels = np.arange(output.low + 1, output.high + 1) - output.format.zero_point
        near = (levels - 0.5) / multiplier[:, None].astype(np.float64)
    return thresholds(codes, output.low, output.high, low, high, near)


def fold(builder: Builder, layer: Weighted, view: View) -> NDArray[np.int64]:
    """What the bias must add because a train carries `v`, not `q - Z`; of or like the output.

    Nothing is sent for padding, so a border neuron makes up only for the taps inside the map.
    """
    offsets = builder.offsets(view, layer.inputs[0].format.zero_point)
    if not offsets.any():
        return np.zeros((1,) * len(layer.output.shape), np.int64)
    folded: NDArray[np.int64] = -layer.linear(offsets[None])[0]
    return folded


def connector_of(builder: Builder, layer: Weighted, view: View) -> Connector:
    """The layer's weights, from the neurons that hold its input."""
    if isinstance(layer, layers.Dense):
        sources = builder.population(view.parts[0]).num_neurons
        return DenseConnector(_dense_weights(layer, view, sources))
    kernel = layer.kernel if isinstance(layer, layers.AveragePool) else layer.weights.shape[2:]
    pad = (layer.pads[0], layer.pads[1])
    window = Window((kernel[0], kernel[1]), layer.strides, pad, layer.dilations)
    if isinstance(layer, layers.AveragePool):
        return PoolConnector(window, np.ones(window.kernel, np.int32))
    channels_out, channels_in = layer.weights.shape[:2]
    if channels_in == 1 and layer.groups == channels_out:
        return DepthwiseConnector(window, layer.weights[:, 0].transpose(1, 2, 0))
    return ConvolutionConnector(window, layer.groups, layer.weights)


def _dense_weights(layer: layers.Dense, view: View, num_sources: int) -> NDArray[np.int32]:
    """(source neurons, targets): each feature's weights at the neuron that holds it."""
    features = np.flatnonzero(view.neuron != NOWHERE)
    neurons = view.neuron.ravel()[features]
    is_held_once = len(np.unique(neurons)) == len(neurons)
    if is_held_once and len(neurons) == num_sources:
        feature_of_neuron = np.empty(num_sources, np.intp)
        feature_of_neuron[neurons] = features
        return np.asarray(layer.weights.T[feature_of_neuron])
    weights = np.zeros((num_sources, len(layer.weights)), np.int32)
    if is_held_once:
        weights[neurons] = layer.weights.T[features]
    else:
        np.add.at(weights, neurons, layer.weights.T[features])
    return weights
