"""The stage itself: a placed network becomes an image, and the core checks every index of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..graph import Graph
from ..inputs import Normalization, refuse_other_types
from ..network.codec import Encoding, beside, described
from ..options import CompileOptions
from ..placement import Placement
from ..placement.tiles import Range
from .blocks import block
from .image import Image, usage_for_host


class Blob:
    """Collects arrays and says where each is."""

    def __init__(self) -> None:
        """Starts empty."""
        self._parts: list[bytes] = []
        self._length = 0
        self._offsets: dict[bytes, int] = {}

    def add_weights(self, weights: NDArray[Any], bits: int) -> dict[str, int]:
        """Stores weights of `bits`; returns their place as the image's schema says it."""
        return self._add(weights, bits // 8)

    def add_numbers(self, numbers: NDArray[np.integer]) -> dict[str, int]:
        """Stores integers as narrow as they are; returns their place and width."""
        # The complement of a positive number is negative, and as wide.
        furthest = min(int(numbers.min(initial=0)), ~int(numbers.max(initial=0)))
        width = np.min_scalar_type(furthest).itemsize
        return {**self._add(numbers, width), "bytes": width}

    def _add(self, values: NDArray[Any], width: int) -> dict[str, int]:
        data = np.ascontiguousarray(values, np.dtype(f"<i{width}")).tobytes()
        key = hashlib.sha256(data).digest()
        if key not in self._offsets:
            self._offsets[key] = self._length
            self._parts.append(data)
            self._length += len(data)
        return {"offset": self._offsets[key], "count": int(np.size(values))}

    def to_bytes(self) -> bytes:
        """Everything that was added."""
        return b"".join(self._parts)


def describe(placement: Placement, blob: Blob, host: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the chip is loaded with; arrays go into `blob`."""
    network = placement.network
    index = {population.name: n for n, population in enumerate(network.populations)}
    stored_bits = [8 if weights.bits <= 8 else 16 for weights in network.weight_ranges]
    known = described(network, Encoding(blob.add_numbers, index))
    for projection, bits in zip(known["projections"], stored_bits, strict=True):
        projection["weight_bits"] = bits
    return known | {
        "chip": placement.chip.spec,
        "tiles": _tiles(placement, stored_bits, index, blob),
        "host": {**host, "network": beside(network)},
    }


def _tiles(
    placement: Placement, stored_bits: Sequence[int], numbers: Mapping[str, int], blob: Blob
) -> list[dict[str, Any]]:
    projections = placement.network.projections
    incoming: dict[str, list[int]] = {}
    for number, projection in enumerate(projections):
        incoming.setdefault(projection.target, []).append(number)

    @cache
    def place_of(number: int, channels: Range) -> dict[str, int]:
        weights = block(projections[number].connector, channels)
        return blob.add_weights(weights, stored_bits[number])

    return [
        {
            "population": numbers[tile.population],
            "core": tile.core,
            "rows": list(tile.box.rows),
            "columns": list(tile.box.columns),
            "channels": list(tile.box.channels),
            "blocks": [
                place_of(number, tile.box.channels) for number in incoming.get(tile.population, ())
            ],
        }
        for tile in placement.tiles
    ]


def assemble(
    placement: Placement,
    normalization: Normalization | None = None,
    graph: Graph | None = None,
) -> Image:
    """Packs a placed network into an image.

    Args:
        placement: A network on its chip.
        normalization: What the host does to samples before they are the model's input.
        graph: What the network was lowered from, if runs are to be compared with it and to do the
            host's float work; a file does not keep it.

    Raises:
        InputError: If the normalization does not fit the model's input.
    """
    network = placement.network
    work = network.host
    refuse_other_types(normalization)
    if normalization is not None:
        work.check_normalization(normalization)
    blob = Blob()
    host: dict[str, Any] = {
        "work": replace(work, normalization=normalization).to_json(),
        "usage": [usage_for_host(tile) for tile in placement.tiles],
        "options": _decided(placement, normalization).to_json(),
    }
    if placement.gain is not None:
        host["gain"] = asdict(placement.gain)
    description = describe(placement, blob, host)
    return Image(_core.Image(json.dumps(description), blob.to_bytes()), graph, network)


def _decided(placement: Placement, normalization: Normalization | None) -> CompileOptions:
    """What was decided in all stages: lowering knows neither what came after, nor another chip."""
    return replace(
        placement.network.options,
        chip=placement.chip,
        overrides=placement.chip.overrides or None,
        objective=placement.objective,
        effort=placement.effort,
        optimize=0 if placement.gain is None else placement.gain.level,
        normalization=normalization,
    )
