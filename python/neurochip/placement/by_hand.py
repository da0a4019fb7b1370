"""Placements made by hand: TOML with a box and a core for each tile, read and written.

    [[tile]]
    population = "conv1"
    rows = [0, 14]
    columns = [0, 28]
    channels = [0, 8]
    core = 276

Ranges are half open. A core is counted as everywhere: node `y * width + x` times the cores of a
node. The boxes of a population are a grid: they come from cutting each axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..chip import Chip
from ..errors import CapacityError, InputError
from ..files import reason
from ..network import InputNeurons, Network, Population
from ..plain import each, table, text, whole
from ..toml import parse
from .boxes import Limits
from .footprint import Footprints
from .nodes import Reach
from .place import Placement, places_of, require_a_way_out
from .tiles import Box, Grid, Range, Tile

AXES = ("rows", "columns", "channels")


class Placed(Protocol):
    """A core and the box of neurons on it: of an image, or of a placement."""

    @property
    def population(self) -> str:
        """Whose neurons they are."""

    @property
    def core(self) -> int:
        """Node times the cores of a node, and the core of the node."""

    @property
    def box(self) -> Box:
        """Rows, columns and channels."""


def to_toml(network: str, chip: str, tiles: Sequence[Placed]) -> str:
    """Where tiles are, as the text of a file that `read_placement` reads."""
    lines = [
        f"# {network} on {chip}: {len(tiles)} tiles",
        "# Ranges are half open; a core is y * width + x, times the cores of a node.",
    ]
    for tile in tiles:
        lines += ["", "[[tile]]", f"population = {_quoted(tile.population)}"]
        for axis, (start, stop) in zip(AXES, tile.box, strict=True):
            lines.append(f"{axis} = [{start}, {stop}]")
        lines.append(f"core = {tile.core}")
    return "\n".join(lines) + "\n"


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def read_placement(path: str | Path, network: Network, chip: Chip) -> Placement:
    """Reads a placement and checks it as the program's own are built.

    Args:
        path: A TOML file.
        network: Whose populations it places, every neuron once.
        chip: Whose cores it names, each once.

    Raises:
        InputError: If the file cannot be read, is not a placement, or is one of another network.
        CapacityError: If a box does not fit its core, or is out of reach.
    """
    said = _read(path)
    on_chip = {
        each.name: each for each in network.populations if not isinstance(each.model, InputNeurons)
    }
    for name in said:
        if name not in on_chip:
            raise InputError(
                f"{str(path)!r} places {name!r}, and the network has no such population on a core",
                hint=f"its populations are {', '.join(map(repr, on_chip))}",
            )
    grids = {name: _grid(path, each, said.get(name, {})) for name, each in on_chip.items()}
    _require_cores(path, said, chip)
    tiles = _tiles(network, chip, grids, said)
    _require_reach(network, chip, tiles)
    require_a_way_out(network, chip, tiles)
    return Placement(network, chip, tuple(tiles))


Cores = Mapping[Box, int]


def _read(path: str | Path) -> dict[str, dict[Box, int]]:
    """By population, the core of each box."""
    said: dict[str, dict[Box, int]] = {}
    try:
        tiles = parse(_text(Path(path))).get("tile", [])
        if not isinstance(tiles, list) or not tiles:
            raise ValueError("it has no [[tile]]")
        for number, tile in enumerate(tiles):
            name, box, core = _tile(table(tile, f"tile {number}"), f"tile {number}")
            if box in said.setdefault(name, {}):
                raise ValueError(f"tile {number} repeats a box of {name!r}")
            said[name][box] = core
    except ValueError as error:
        raise InputError(
            f"{str(path)!r} is no placement: {error}",
            hint="`neurochip compile --placement-out FILE` writes one",
        ) from error
    return said


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot read {str(path)!r}: {reason(error)}", hint="check the path"
        ) from error
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8 text") from None


def _tile(tile: Mapping[str, Any], what: str) -> tuple[str, Box, int]:
    unknown = tile.keys() - {"population", "core", *AXES}
    if unknown:
        raise ValueError(f"{what} has an unknown field {min(unknown)!r}")
    ranges = [_range(tile.get(axis), f"{what}.{axis}") for axis in AXES]
    return (
        text(tile.get("population"), f"{what}.population"),
        Box(*ranges),
        whole(tile.get("core"), f"{what}.core"),
    )


def _range(value: Any, what: str) -> Range:
    ends = each(value, what, whole)
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise ValueError(f"`{what}` is {list(ends)}, expected [start, stop]")
    return ends[0], ends[1]


def _grid(path: str | Path, population: Population, cores: Cores) -> Grid:
    """The grid that boxes form."""
    rows, columns, channels = (
        tuple(sorted({tuple(box)[axis] for box in cores})) for axis in range(len(AXES))
    )
    grid = Grid(rows, columns, channels)
    whole_axes = zip(grid.axes, population.shape, strict=True)
    if not all(_covers(cuts, length) for cuts, length in whole_axes) or len(grid.boxes) != len(
        cores
    ):
        shape = " x ".join(map(str, population.shape))
        raise InputError(
            f"{str(path)!r}: the boxes of {population.name!r} do not cut its {shape} neurons "
            "along rows, columns and channels, each neuron once",
            hint="`neurochip compile --placement-out FILE` writes a placement to start from",
        )
    return grid


def _covers(cuts: Sequence[Range], length: int) -> bool:
    """Whether ranges lead from 0 to the end, each from where the one before stops."""
    ends = [0, *(stop for _, stop in cuts)]
    return bool(cuts) and [start for start, _ in cuts] == ends[:-1] and ends[-1] == length


def _require_cores(path: str | Path, said: Mapping[str, Cores], chip: Chip) -> None:
    """Every core exists, can hold neurons, and is named once."""
    known, taken = set(chip.cores()), set[int]()
    for name, cores in said.items():
        for core in cores.values():
            if core not in known:
                problem = f"core {core}, which {chip.name!r} does not have or reserves"
            elif core in taken:
                problem = f"core {core} a second time"
            else:
                taken.add(core)
                continue
            raise InputError(
                f"{str(path)!r} gives {name!r} {problem}",
                hint="`neurochip inspect` of a compiled image lists cores",
            )


def _tiles(
    network: Network, chip: Chip, grids: Mapping[str, Grid], said: Mapping[str, Cores]
) -> list[Tile]:
    footprints, limits = Footprints(network, chip), Limits.of(chip)
    tiles: dict[str, list[Tile]] = {}
    for population in reversed(network.populations):
        if population.name not in grids:
            continue
        held = tiles[population.name] = []
        for box in grids[population.name].boxes:
            core, used = said[population.name][box], footprints.usage(population, box)
            too_much = limits.excess(used)
            if too_much is None and used.dendrite_words > chip.dendrite_words(core):
                field = "core.dendrite_memory.depth_words_by_column"
                words = chip.dendrite_words(core)
                too_much = ("dendrite memory words", field, used.dendrite_words, words)
            if too_much is not None:
                resource, field, needed, available = too_much
                raise CapacityError(
                    f"layer {population.layer!r} needs {needed} {resource} on core {core}; "
                    f"{chip.name!r} has {available} ({field})",
                    hint="cut the layer into smaller boxes",
                )
            held.append(Tile(population.name, core, box, used))
        footprints.settle(population, grids[population.name])
    return [tile for each in network.populations for tile in tiles.get(each.name, [])]


def _require_reach(network: Network, chip: Chip, tiles: Sequence[Tile]) -> None:
    """Every box is in reach of whoever sends to it."""
    places = places_of(network, chip, tiles)
    for projection in network.projections:
        reach = Reach(chip, places[projection.source])
        for place in places[projection.target]:
            too_far = reach.excess(place)
            if too_far is not None:
                layer = network.population(projection.target).layer
                raise CapacityError(
                    f"layer {layer!r} would sit {too_far} from a layer that sends to it; "
                    f"{chip.name!r} addresses {too_far.allowed} ({too_far.field})",
                    hint="move the two nearer to each other",
                )
