"""Blocks: the weights of a core for one projection, in the order the core reads them, and back.

The network of an image file is read from its description and its binary part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..network import (
    Connector,
    ConvolutionConnector,
    DenseConnector,
    DepthwiseConnector,
    Host,
    Network,
    OneToOneConnector,
    PoolConnector,
    Population,
    Projection,
)
from ..network.codec import Decoding, restored
from ..placement.tiles import Range
from ..plain import each, table


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


Told = Mapping[str, Any]
"""A part of a description."""


def populations_of(description: Told, blob: bytes) -> tuple[Population, ...]:
    """The populations of an image that the core has checked.

    Raises:
        ValueError: If what the host's part says of them is something else, or does not fit; a
            `KeyError` names a field that is missing.
    """
    told, decoding = description["populations"], _decoding(description, blob)
    beside = each(_host_part(description)["populations"], "populations", table)
    if len(beside) != len(told):
        raise ValueError(f"{len(beside)} of {len(told)} populations are described for the host")
    pairs = zip(told, beside, strict=True)
    return tuple(restored(Population, ours, theirs, decoding) for ours, theirs in pairs)


def unwired(description: Told, populations: Sequence[Population], host: Host) -> Network:
    """The network of an image as it was before it was placed, but for its projections.

    Args:
        description: What the image says; the core has checked it.
        populations: Those of `populations_of`.
        host: What the host does, without a normalization: that came with the image.

    Raises:
        ValueError: As `populations_of`.
    """
    told = {name: part for name, part in _host_part(description).items() if name != "populations"}
    return restored(
        Network,
        description,
        told,
        _decoding(description, b""),
        populations=tuple(populations),
        projections=(),
        host=host,
    )


def _host_part(description: Told) -> Told:
    return table(table(description["host"], "host")["network"], "network")


def _decoding(description: Told, blob: bytes) -> Decoding:
    def numbers(told: Told) -> NDArray[np.int64]:
        kind = f"<i{told['bytes']}"
        return np.frombuffer(blob, kind, told["count"], told["offset"]).astype(np.int64)

    return Decoding(numbers, [population["name"] for population in description["populations"]])


def projections_of(
    description: Told, populations: Sequence[Population], blob: bytes
) -> tuple[Projection, ...]:
    """The projections between them, in the order in which spikes of one timestep are added."""
    decoding = _decoding(description, blob)
    tiles: dict[int, list[Told]] = {}
    for tile in description["tiles"]:
        tiles.setdefault(tile["population"], []).append(tile)
    before = [0] * len(populations)
    projections = []
    for told in description["projections"]:
        source, target = populations[told["source"]], populations[told["target"]]
        place = before[told["target"]]
        before[told["target"]] += 1
        blocks = _blocks(tiles[told["target"]], place, told["weight_bits"], blob)
        projection = restored(Projection, told, {}, decoding)
        connector = with_weights(projection.connector, source, target, blocks)
        projections.append(replace(projection, connector=connector))
    return tuple(projections)


def _blocks(tiles: Sequence[Told], place: int, bits: int, blob: bytes) -> Blocks:
    """Of a projection: the weights of each range of channels."""
    ranges = {tuple(tile["channels"]): tile["blocks"][place] for tile in tiles}
    return {
        channels: np.frombuffer(blob, f"<i{bits // 8}", at["count"], at["offset"])
        for channels, at in ranges.items()
    }
