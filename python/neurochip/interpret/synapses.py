"""Synapses: the weights of one projection, summed for all its targets in exact floats.

Values are rows (samples, neurons), neurons in the order of their population: channels last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
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
    Shape,
    Window,
)

COLUMNS_BYTES = 1 << 22
"""Upper limit of the unfolded windows kept at a time: they stay in a cache."""


@dataclass(frozen=True, eq=False)
class Synapses:
    """All synapses from one population to another."""

    connector: Connector
    source: Shape
    target: Shape
    _weights: dict[np.dtype[Any], NDArray[Any]] = field(default_factory=dict)
    """Those of the connector as floats, made once."""

    @cached_property
    def gains(self) -> tuple[int, int]:
        """The smallest and the largest sum that some set of spikes brings a neuron, or less."""
        connector = self.connector
        if isinstance(connector, OneToOneConnector):
            return min(connector.weight, 0), max(connector.weight, 0)
        axes = {
            DenseConnector: (0,),
            ConvolutionConnector: (1, 2, 3),
            DepthwiseConnector: (0, 1),
            PoolConnector: (0, 1),
        }
        along = axes[type(connector)]
        negative = np.minimum(connector.weights, 0).sum(axis=along, dtype=np.int64)
        positive = np.maximum(connector.weights, 0).sum(axis=along, dtype=np.int64)
        return int(negative.min(initial=0)), int(positive.max(initial=0))

    def positive(self) -> Synapses:
        """The same without negative weights."""
        connector: Connector = self.connector
        if isinstance(connector, OneToOneConnector):
            connector = replace(connector, weight=max(connector.weight, 0))
        else:
            connector = replace(connector, weights=np.maximum(connector.weights, 0))
        return Synapses(connector, self.source, self.target)

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """Weights times values, for each target: (samples, targets), in the values' own float."""
        if isinstance(self.connector, DenseConnector):
            return self._dense(values)
        if isinstance(self.connector, OneToOneConnector):
            return _one_to_one(self.connector, values)
        sums = np.empty((len(values), *self.target), values.dtype)
        length = max(1, COLUMNS_BYTES // max(1, self._bytes_of_a_sample(values.itemsize)))
        of_window = (
            self._convolution if isinstance(self.connector, ConvolutionConnector) else self._tapwise
        )
        for start in range(0, len(values), length):
            part = slice(start, start + length)
            sums[part] = of_window(values[part].reshape(-1, *self.source))
        return sums.reshape(len(values), -1)

    def _bytes_of_a_sample(self, itemsize: int) -> int:
        assert not isinstance(self.connector, DenseConnector | OneToOneConnector)
        height, width, _ = self.target
        kernel = self.connector.window.kernel
        return itemsize * height * width * kernel[0] * kernel[1] * self.source[2]

    def _float_weights(
        self, dtype: np.dtype[Any], arranged: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> NDArray[Any]:
        if dtype not in self._weights:
            assert not isinstance(self.connector, OneToOneConnector)
            weights = arranged(self.connector.weights)
            self._weights[dtype] = np.ascontiguousarray(weights, dtype)
        return self._weights[dtype]

    def _dense(self, values: NDArray[Any]) -> NDArray[Any]:
        sums = values @ self._float_weights(values.dtype, lambda weights: weights)
        height, width, channels = self.target
        repeats = height * width * channels // max(1, sums.shape[1])
        return np.asarray(sums if repeats == 1 else np.tile(sums, (1, repeats)))

    def _convolution(self, maps: NDArray[Any]) -> NDArray[Any]:
        """One matrix product a group over the unfolded windows."""
        connector = self.connector
        assert isinstance(connector, ConvolutionConnector)
        height, width, channels = self.target
        (down, right), groups = connector.window.kernel, connector.groups
        view = _windows(maps, connector.window, self.target)
        filters = self._float_weights(maps.dtype, lambda weights: _filters(weights, groups))
        if groups == 1:
            sums = view.reshape(len(maps) * height * width, -1) @ filters[0]
            return np.asarray(sums.reshape(len(maps), *self.target))
        view = view.reshape(len(maps) * height * width, down, right, groups, -1)
        columns = view.transpose(3, 0, 1, 2, 4).reshape(groups, len(view), -1)
        sums = np.matmul(columns, filters).transpose(1, 0, 2)
        return np.asarray(sums.reshape(len(maps), height, width, channels))

    def _tapwise(self, maps: NDArray[Any]) -> NDArray[Any]:
        """Each channel by itself: taps are added one by one."""
        connector = self.connector
        assert isinstance(connector, DepthwiseConnector | PoolConnector)
        weights = self._float_weights(maps.dtype, lambda weights: weights)
        sums = np.zeros((len(maps), *self.target), maps.dtype)
        for y, x, view in taps(maps, connector.window, self.target, 0):
            sums += view * weights[y, x]
        return sums

    def into(self, targets: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """The synapses of some targets, each with sources in ascending order.

        Returns:
            Sources, -1 for none, and weights: (targets, synapses) each.
        """
        connector, channels = self.connector, self.target[2]
        if isinstance(connector, OneToOneConnector):
            sources = targets if connector.index is None else connector.index[targets]
            return sources[:, None].astype(np.intp), np.full((len(targets), 1), connector.weight)
        if isinstance(connector, DenseConnector):
            all_sources, columns = connector.weights.shape
            sources = np.broadcast_to(np.arange(all_sources), (len(targets), all_sources))
            return sources, connector.weights[:, targets % columns].T.astype(np.int64)
        channel = targets % channels
        position = self._positions(connector.window, targets // channels)
        if isinstance(connector, ConvolutionConnector):
            out, width = connector.weights.shape[:2]
            first = channel // (out // connector.groups) * width
            seen = first[:, None] + np.arange(width)
            weights = connector.weights[channel].transpose(0, 2, 3, 1)
        else:
            seen = channel[:, None]
            own = isinstance(connector, DepthwiseConnector)
            weights = connector.weights[..., channel] if own else connector.weights[..., None]
            weights = np.broadcast_to(np.moveaxis(weights, 2, 0), position.shape)[..., None]
        sources = position[..., None] * self.source[2] + seen[:, None, None]
        sources = np.where(position[..., None] < 0, -1, sources)
        flat = (len(targets), -1)
        return sources.reshape(flat), weights.reshape(flat).astype(np.int64)

    def _positions(self, window: Window, pixels: NDArray[Any]) -> NDArray[Any]:
        """(pixels, taps down, taps right): the source pixel that each tap meets, -1 for none."""
        height, width, _ = self.source
        at = (pixels // self.target[1], pixels % self.target[1])
        rows, columns = (
            at[axis][:, None] * window.stride[axis]
            - window.pad[axis]
            + np.arange(window.kernel[axis]) * window.dilation[axis]
            for axis in (0, 1)
        )
        inside = ((rows >= 0) & (rows < height))[:, :, None]
        inside = inside & ((columns >= 0) & (columns < width))[:, None, :]
        return np.where(inside, rows[:, :, None] * width + columns[:, None, :], -1)


def _one_to_one(connector: OneToOneConnector, values: NDArray[Any]) -> NDArray[Any]:
    weight = values.dtype.type(connector.weight)
    if connector.index is None:
        return np.asarray(values * weight)
    sums = values[:, connector.index] * weight
    sums[:, connector.index < 0] = 0
    return np.asarray(sums)


def _filters(weights: NDArray[Any], groups: int) -> NDArray[Any]:
    """(groups, taps * channels in, channels out), as `_windows` unfolds."""
    out, width, height, length = weights.shape
    by_group = weights.reshape(groups, out // groups, width, height, length)
    return by_group.transpose(0, 3, 4, 2, 1).reshape(groups, -1, out // groups)


def _padded(maps: NDArray[Any], window: Window, target: Shape, fill: float) -> NDArray[Any]:
    """Maps (samples, height, width, channels) as large as all windows together reach."""
    samples, height, width, channels = maps.shape
    reach = [
        (target[axis] - 1) * window.stride[axis]
        + (window.kernel[axis] - 1) * window.dilation[axis]
        + 1
        for axis in (0, 1)
    ]
    top, left = window.pad
    padded = np.full((samples, *reach, channels), fill, maps.dtype)
    inside = padded[:, top : top + height, left : left + width]
    inside[...] = maps[:, : inside.shape[1], : inside.shape[2]]
    return padded


def _windows(maps: NDArray[Any], window: Window, target: Shape) -> NDArray[Any]:
    """(samples, height, width, taps down, taps right, channels): a view of every window."""
    padded = _padded(maps, window, target, 0)
    sample, row, column, channel = padded.strides
    shape = (len(maps), *target[:2], *window.kernel, maps.shape[3])
    step = [row * window.stride[0], column * window.stride[1]]
    step += [row * window.dilation[0], column * window.dilation[1]]
    return np.lib.stride_tricks.as_strided(padded, shape, (sample, *step, channel), writeable=False)


def taps(
    maps: NDArray[Any], window: Window, target: Shape, fill: float
) -> Iterator[tuple[int, int, NDArray[Any]]]:
    """For each tap what it meets at all targets: (samples, height, width, channels).

    Args:
        maps: (samples, height, width, channels) of the source.
        window: The window.
        target: The target's shape.
        fill: What a tap meets outside the map.
    """
    padded = _padded(maps, window, target, fill)
    for y, x in product(range(window.kernel[0]), range(window.kernel[1])):
        at = [y * window.dilation[0], x * window.dilation[1]]
        rows, columns = (
            slice(
                at[axis],
                at[axis] + (target[axis] - 1) * window.stride[axis] + 1,
                window.stride[axis],
            )
            for axis in (0, 1)
        )
        yield y, x, padded[:, rows, columns]
