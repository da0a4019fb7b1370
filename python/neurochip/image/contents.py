"""Contents: what an image holds, read from its description.

What the silicon needs is in the description's own tables; `host` adds what only people ask for:
facts of populations, how full memories are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

from ..chip import Chip
from ..network import (
    MEANING,
    Code,
    Population,
    PopulationFacts,
    code_meaning,
    code_of,
)
from ..placement import Tile
from ..plain import MAX_COUNT, each, optional, real, table, text, truth, whole


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


def facts_for_host(population: Population) -> dict[str, Any]:
    """What the description's own tables do not say of a population; nothing that is a default."""
    defaults = {field.name: field.default for field in fields(PopulationFacts)}
    known = asdict(population.facts)
    told = {name: value for name, value in known.items() if value != defaults[name]}
    return told | (code_meaning(population.code) if population.code else {})


MAX_MEANING = 1 << 14
"""Of the numbers that say what a code means: values are computed with in 16 bits."""

READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "str": text,
    "bool": truth,
    "str | None": optional(text),
    "int | None": optional(partial(whole, low=-MAX_COUNT)),
    "float | None": optional(real),
    "tuple[float, ...]": partial(each, read=real),
}
"""How a field of `PopulationFacts` is read, by its type."""


def facts_of(description: Mapping[str, Any]) -> tuple[PopulationFacts, ...]:
    """What is known of the populations of an image.

    Raises:
        ValueError: If the part for the host holds something else; a `TypeError` or `KeyError` names
            a field that is unknown or missing.
    """
    return tuple(map(_facts, _told(description), description["populations"]))


def codes_of(description: Mapping[str, Any]) -> tuple[Code | None, ...]:
    """What the populations of an image send; None where the host reads membranes.

    Raises:
        ValueError: If what codes mean to the host does not fit what the core says of them.
    """
    pairs = zip(description["populations"], _told(description), strict=True)
    return tuple(_code(population["code"], told) for population, told in pairs)


def _told(description: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """What the host is told of each population."""
    told = each(_part(description, "layers"), "layers", table)
    if len(told) != len(description["populations"]):
        raise ValueError("the host is told of more populations or fewer than the core")
    return told


def _part(description: Mapping[str, Any], name: str) -> Any:
    return table(description["host"], "host")[name]


def _facts(told: Mapping[str, Any], population: Mapping[str, Any]) -> PopulationFacts:
    readers = {field.name: READERS[str(field.type)] for field in fields(PopulationFacts)}
    known = {name: value for name, value in told.items() if name not in MEANING}
    for name in known.keys() & readers.keys():
        known[name] = readers[name](known[name], name)
    facts = PopulationFacts(**known)
    proven = (facts.differing, facts.reachable, facts.worst_levels)
    if facts.differing is not None and None in proven:
        raise ValueError(f"of the proof of {population['name']!r} a number is missing")
    return facts


def _code(spikes: Mapping[str, Any] | None, told: Mapping[str, Any]) -> Code | None:
    """What a population sends, if the numbers that say what it means are possible."""
    if spikes is None:
        return None
    for name, least in MEANING.items():
        low = -MAX_MEANING if name == "base" else least
        whole(told.get(name, least), name, low, MAX_MEANING)
    code = code_of(spikes, told)
    if code.steps != spikes.get("steps", code.steps):
        raise ValueError(f"a code of {code.steps} steps is sent in {spikes['steps']}")
    return code


def notes_of(description: Mapping[str, Any]) -> tuple[str, ...]:
    """What a user should know about how the network was compiled.

    Raises:
        ValueError: If they are no text.
    """
    return each(_part(description, "notes"), "notes", text)


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
