"""Constants of neurons, as few as say the same: one, one per channel or one per neuron."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats import Tensor
from ..network import (
    ExactIntegration,
    FixedRequantizer,
    Float32Requantizer,
    Integration,
    Requantizer,
    SpikeCode,
    StemNeurons,
)
from .layout import to_neurons


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
