"""Contents: what an image holds, read from its description.

What the silicon needs is in the description's own tables; `host` adds how full memories are,
which only people ask for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..chip import Chip
from ..placement import Box, Tile
from ..plain import each, table, whole


@dataclass(frozen=True, slots=True)
class Core:
    """What one core holds, and how full its memories are."""

    core: int
    """Those of a node count from its number times the cores of a node."""
    node: int
    """Of its router, `y * width + x`."""
    x: int
    y: int
    population: str
    rows: tuple[int, int]
    columns: tuple[int, int]
    channels: tuple[int, int]
    neurons: int
    dendrite_words: int
    dendrite_words_available: int
    dendrites: int
    axon_entries: int

    @property
    def box(self) -> Box:
        """Its neurons, of its population."""
        return Box(self.rows, self.columns, self.channels)


def _part(description: Mapping[str, Any], name: str) -> Any:
    return table(description["host"], "host")[name]


def usage_for_host(tile: Tile) -> list[int]:
    """How much of its core a tile takes, as `cores_of` reads it."""
    return [tile.usage.dendrite_words, tile.usage.dendrites, tile.usage.axon_entries]


def cores_of(description: Mapping[str, Any], chip: Chip) -> tuple[Core, ...]:
    """The cores of an image that hold neurons."""
    names = [population["name"] for population in description["populations"]]
    usage = each(_part(description, "usage"), "usage", partial(each, read=whole))
    pairs = zip(description["tiles"], usage, strict=True)
    return tuple(_core(tile, numbers, names, chip) for tile, numbers in pairs)


def _core(tile: Mapping[str, Any], usage: Sequence[int], names: list[str], chip: Chip) -> Core:
    rows, columns, channels = (
        (tile[axis][0], tile[axis][1]) for axis in ("rows", "columns", "channels")
    )
    x, y = chip.position_of(tile["core"])
    dendrite_words, dendrites, axon_entries = usage
    return Core(
        core=tile["core"],
        node=chip.node_of(tile["core"]),
        x=x,
        y=y,
        population=names[tile["population"]],
        rows=rows,
        columns=columns,
        channels=channels,
        neurons=(rows[1] - rows[0]) * (columns[1] - columns[0]) * (channels[1] - channels[0]),
        dendrite_words=dendrite_words,
        dendrite_words_available=chip.dendrite_words(tile["core"]),
        dendrites=dendrites,
        axon_entries=axon_entries,
    )
