"""The description of an image: a placement in the words of the core's schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ..network.codec import Encoding, beside, described
from ..placement import Placement
from ..placement.tiles import Range
from .blob import Blob
from .blocks import block


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
