"""Layout: where the values of a tensor live, and the constants of the neurons there.

Reshape, concat and their like move no spikes: they are views. Constants are as few as say the same:
one, one per channel or one per neuron.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats import Tensor
from ..network import NOWHERE as NOWHERE
from ..network import (
    ExactIntegration,
    FixedRequantizer,
    Float32Requantizer,
    Integration,
    Requantizer,
    Shape,
    SpikeCode,
    StemNeurons,
)


def neuron_shape(shape: tuple[int, ...]) -> Shape:
    """Height, width and channels of the population that holds a tensor."""
    if len(shape) == 3:
        channels, height, width = shape
        return height, width, channels
    return 1, 1, int(np.prod(shape))


def to_neurons(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Values in a tensor's order (or broadcasting to it) in the order of its neurons, flat."""
    whole = np.broadcast_to(values, shape)
    return whole.transpose(1, 2, 0).ravel() if len(shape) == 3 else whole.ravel()


def channels_last(codes: NDArray[Any]) -> NDArray[Any]:
    """A tensor's codes, samples first, in the order of its neurons: one row per sample."""
    moved = codes.transpose(0, 2, 3, 1) if codes.ndim == 4 else codes
    return moved.reshape(len(codes), -1)


def natural_index(shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Of a tensor's shape: the neuron that holds each value when the population is the tensor."""
    height, width, channels = neuron_shape(shape)
    neurons = np.arange(height * width * channels, dtype=np.int32)
    if len(shape) == 3:
        return neurons.reshape(height, width, channels).transpose(2, 0, 1)
    return neurons.reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A tensor as neurons of one or more populations."""

    parts: tuple[str, ...]
    """The populations, each once."""
    part: NDArray[np.int16]
    """Of the tensor's shape: which of `parts`."""
    neuron: NDArray[np.int32]
    """Of the tensor's shape: which of its neurons, or `NOWHERE`."""

    @staticmethod
    def of(population: str, shape: tuple[int, ...]) -> View:
        """A tensor that is a population."""
        return View((population,), np.zeros(shape, np.int16), natural_index(shape))

    def rearranged(self, index: NDArray[np.int32]) -> View:
        """The view of a tensor that takes each value from a flat position of this one."""
        inside = index >= 0
        part = np.where(inside, self.part.ravel()[index], 0).astype(np.int16)
        neuron = np.where(inside, self.neuron.ravel()[index], NOWHERE).astype(np.int32)
        return View(self.parts, part, neuron)

    def is_natural(self, population_shape: Shape) -> bool:
        """Whether the tensor is its one population, value by value."""
        shape = self.neuron.shape
        return (
            len(self.parts) == 1
            and neuron_shape(shape) == population_shape
            and bool(np.array_equal(self.neuron, natural_index(shape)))
        )

    def sources_in(self, part: int) -> NDArray[np.int32]:
        """For each of the tensor's neurons in order: its neuron in one part, or `NOWHERE`."""
        neuron = np.where(self.part == part, self.neuron, NOWHERE)
        return to_neurons(neuron, neuron.shape).astype(np.int32)


def concatenated(views: list[View], index: NDArray[np.int32]) -> View:
    """The view of a tensor that takes each value from the flattened views, one after the other."""
    parts: list[str] = []
    part, neuron = [], []
    for view in views:
        for name in view.parts:
            if name not in parts:
                parts.append(name)
        renumbered = np.array([parts.index(name) for name in view.parts], np.int16)
        part.append(renumbered[view.part.ravel()])
        neuron.append(view.neuron.ravel())
    whole = View(tuple(parts), np.concatenate(part), np.concatenate(neuron))
    return whole.rearranged(index)


def stem(
    tensor: Tensor,
    code: SpikeCode | None,
    bias: NDArray[np.int64],
    requantizer: Requantizer | None,
    integration: Integration | None = None,
) -> StemNeurons:
    """The neurons of a tensor.

    Args:
        tensor: What they hold.
        code: What they send; None where the host reads their membranes.
        bias: Broadcasts to the tensor's shape.
        requantizer: Its arrays broadcast to the tensor's shape.
        integration: How weight sums enter membranes; None for exactly.
    """
    low, high = (tensor.low - code.base, tensor.high - code.base) if code else (0, 0)
    shape = tensor.shape
    return StemNeurons(
        integration or ExactIntegration(),
        compressed(bias, shape),
        _compressed(requantizer, shape),
        low,
        high,
    )


def compressed(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Values that broadcast to a tensor, as one, one per channel or one per neuron."""
    if values.size and bool((values == values.flat[0]).all()):
        return np.array([values.flat[0]], values.dtype)
    if len(shape) == 3:
        whole = np.broadcast_to(values, shape)
        if bool((whole == whole[:, :1, :1]).all()):
            return np.ascontiguousarray(whole[:, 0, 0])
    return np.ascontiguousarray(to_neurons(values, shape))


def _compressed(requantizer: Requantizer | None, shape: tuple[int, ...]) -> Requantizer | None:
    if isinstance(requantizer, Float32Requantizer):
        return Float32Requantizer.of(compressed(requantizer.multiplier, shape), requantizer.zero)
    if isinstance(requantizer, FixedRequantizer):
        values = (requantizer.multiplier, requantizer.offset, requantizer.shift)
        small = [compressed(value, shape) for value in values]
        count = max(len(value) for value in small)  # the core wants three of one length
        return FixedRequantizer(*(np.resize(value, count) for value in small))
    return requantizer
