"""Axons: the targets in the out-tables of a population, one for each core a spike must reach."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from ..network import ConvolutionConnector, DenseConnector, OneToOneConnector, Shape, Window
from .links import ResolvedProjection
from .tiles import Box, Grid, Range


def targets(link: ResolvedProjection, grid: Grid) -> NDArray[np.int64]:
    """Broadcasting to the source's shape: how many boxes of the target each neuron reaches."""
    connector = link.connector
    if isinstance(connector, DenseConnector):
        return np.full((1, 1, 1), grid.num_boxes, np.int64)
    if isinstance(connector, OneToOneConnector):
        if connector.index is None:
            return np.ones((1, 1, 1), np.int64)
        return _by_index(connector.index, link, grid)
    rows = cuts_reached(link, connector.window, 0, grid.rows)
    columns = cuts_reached(link, connector.window, 1, grid.columns)
    channels = np.ones(link.source.shape[2], np.int64)
    if isinstance(connector, ConvolutionConnector):
        channels = _channel_cuts(connector, link, grid.channels)
    return np.asarray(rows[:, None, None] * columns[:, None] * channels)


def reaches_all(link: ResolvedProjection) -> bool:
    """Whether every neuron of a source reaches some neuron of the target."""
    connector = link.connector
    if isinstance(connector, DenseConnector):
        return True
    if isinstance(connector, OneToOneConnector):
        return connector.index is None
    whole = [((0, length),) for length in link.target.shape]
    return all(
        bool(cuts_reached(link, connector.window, axis, whole[axis]).all()) for axis in (0, 1)
    )


def cuts_reached(
    link: ResolvedProjection, window: Window, axis: int, cuts: tuple[Range, ...]
) -> NDArray[np.int64]:
    """For each source row (axis 0) or column (axis 1): how many cuts of the target it reaches."""
    length = link.source.shape[axis]
    targets = np.arange(link.target.shape[axis])[:, None]
    taps = np.arange(window.kernel[axis]) * window.dilation[axis]
    sources = targets * window.stride[axis] - window.pad[axis] + taps
    cut_of_target = np.searchsorted([start for start, _ in cuts], targets, side="right") - 1
    inside = (sources >= 0) & (sources < length)
    pairs = np.unique((sources * len(cuts) + cut_of_target)[inside])
    return np.bincount(pairs // len(cuts), minlength=length)


def _channel_cuts(
    connector: ConvolutionConnector, link: ResolvedProjection, cuts: tuple[Range, ...]
) -> NDArray[np.int64]:
    """For each source channel: how many cuts of the target's channels its group meets."""
    sources, width = (
        shape[2] // connector.groups for shape in (link.source.shape, link.target.shape)
    )
    met = [
        sum(start < (group + 1) * width and group * width < stop for start, stop in cuts)
        for group in range(connector.groups)
    ]
    return np.repeat(np.array(met, np.int64), sources)


def _by_index(index: NDArray[np.int32], link: ResolvedProjection, grid: Grid) -> NDArray[np.int64]:
    box_of_target = np.empty(link.target.shape, np.int64)
    for number, box in enumerate(grid.boxes):
        box_of_target[box.slices] = number
    pairs = np.stack([index.astype(np.int64), box_of_target.ravel()])
    sources = np.unique(pairs[:, index >= 0], axis=1)[0]
    counts = np.bincount(sources, minlength=link.source.num_neurons)
    return counts.reshape(link.source.shape)


def total_of_all(targets: NDArray[np.int64], shape: Shape) -> int:
    """Targets of all neurons of a population of this shape."""
    return int(targets.sum()) * (prod(shape) // targets.size)


def total(targets: NDArray[np.int64], shape: Shape, box: Box) -> int:
    """Targets of all neurons of a box of a population of this shape."""
    return int(np.broadcast_to(targets, shape)[box.slices].sum())
