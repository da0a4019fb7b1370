"""Wired: the network of an image file, read back from its description and its binary part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Host, Network, Population, Projection
from ..network.codec import Decoding, restored
from ..plain import each, table
from .blocks import Blocks, with_weights

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
