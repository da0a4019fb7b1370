"""Blocks: the weights that one core stores for one projection, in the order the core reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import (
    Connector,
    ConvolutionConnector,
    DenseConnector,
    DepthwiseConnector,
    OneToOneConnector,
    PoolConnector,
    Window,
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


def connector_description(connector: Connector, index: Any) -> dict[str, Any]:
    """A connector as the image's schema says it; `index` is where a one-to-one index is stored."""
    if isinstance(connector, DenseConnector):
        return {"kind": "dense"}
    if isinstance(connector, OneToOneConnector):
        return {"kind": "one_to_one", "index": index}
    described: dict[str, Any] = {"window": _window(connector.window)}
    if isinstance(connector, ConvolutionConnector):
        return {"kind": "convolution", "groups": connector.groups, **described}
    return {"kind": "pool" if isinstance(connector, PoolConnector) else "depthwise", **described}


def _window(window: Window) -> dict[str, list[int]]:
    return {
        "kernel": [int(length) for length in window.kernel],
        "stride": [int(length) for length in window.stride],
        "pad": [int(length) for length in window.pad],
        "dilation": [int(length) for length in window.dilation],
    }
