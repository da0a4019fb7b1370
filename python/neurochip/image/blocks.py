"""Blocks: the weights that one core stores for one projection, in the order the core reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..network import (
    Connector,
    ConvolutionConnector,
    DenseConnector,
    DepthwiseConnector,
    OneToOneConnector,
    PoolConnector,
    Population,
)
from ..placement.tiles import Range


def tap_order(kernel: int, stride: int, dilation: int) -> list[int]:
    """Taps of one axis in the order in which neighbours reach neighbouring targets."""
    return sorted(range(kernel), key=lambda tap: (tap * dilation % stride, -tap))


def block(connector: Connector, channels: Range) -> NDArray[np.int32]:
    """The weights of a box that holds these channels, flat."""
    held = slice(*channels)
    if isinstance(connector, DenseConnector):
        return connector.weights[:, held].ravel()
    if isinstance(connector, DepthwiseConnector):
        return connector.weights[..., held].ravel()
    if isinstance(connector, PoolConnector):
        return connector.weights.ravel()
    if isinstance(connector, OneToOneConnector):
        return np.array([connector.weight], np.int32)
    return _kernel(connector, channels)


def _kernel(connector: ConvolutionConnector, channels: Range) -> NDArray[np.int32]:
    """[source channel][tap y][slot x][channel of the box that it reaches]."""
    window = connector.window
    order = tap_order(window.kernel[1], window.stride[1], window.dilation[1])
    weights = connector.weights[..., order]
    width = len(weights) // connector.groups
    parts = []
    for group in range(connector.groups):
        start = max(group * width, channels[0])
        stop = min((group + 1) * width, channels[1])
        if start < stop:
            parts.append(weights[start:stop].transpose(1, 2, 3, 0).ravel())
    return np.concatenate(parts)


Blocks: TypeAlias = Mapping[tuple[int, ...], NDArray[Any]]
"""For each range of the target's channels that a core holds, its weights, flat."""


def with_weights(
    connector: Connector, source: Population, target: Population, blocks: Blocks
) -> Connector:
    """A connector with the weights of its blocks, which stay as narrow as they are stored."""
    any_block, channels = next(iter(blocks.values())), target.shape[2]
    if isinstance(connector, OneToOneConnector):
        return replace(connector, weight=int(any_block[0]))
    if isinstance(connector, PoolConnector):
        return replace(connector, weights=any_block.reshape(connector.window.kernel))
    if isinstance(connector, ConvolutionConnector):
        shape = (channels, source.shape[2] // connector.groups, *connector.window.kernel)
        return replace(connector, weights=_joined_kernel(connector, shape, blocks))
    each = connector.window.kernel if isinstance(connector, DepthwiseConnector) else ()
    first = each or (source.num_neurons,)
    weights = np.empty((*first, channels), any_block.dtype)
    for (start, stop), held in blocks.items():
        weights[..., start:stop] = held.reshape(*first, -1)
    return replace(connector, weights=weights)


def _joined_kernel(
    connector: ConvolutionConnector, shape: tuple[int, ...], blocks: Blocks
) -> NDArray[Any]:
    """(channels out, channels in / groups, height, width), as `_kernel` took it apart."""
    window = connector.window
    order = tap_order(window.kernel[1], window.stride[1], window.dilation[1])
    weights = np.empty(shape, next(iter(blocks.values())).dtype)
    width = shape[0] // connector.groups
    for (first, last), held in blocks.items():
        taken = 0
        for group in range(connector.groups):
            start, stop = max(group * width, first), min((group + 1) * width, last)
            if start < stop:
                size = (stop - start) * int(np.prod(shape[1:]))
                part = held[taken : taken + size].reshape(*shape[1:], stop - start)
                weights[start:stop, :, :, order] = part.transpose(3, 0, 1, 2)
                taken += size
    return weights
