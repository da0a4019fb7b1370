"""The stage itself: cut every population, give every box a core, check every limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..errors import CapacityError
from ..network import InputNeurons, Network, Population
from ..options import Objective
from ..reprs import counted, named
from .boxes import Limits, cut
from .footprint import Footprints
from .gain import Gain
from .nodes import FillingOrder, Place, Reach
from .tiles import Grid, Tile, Usage

Order: TypeAlias = Literal["curve", "nearest", "clusters"] | int
"""In which order a population takes cores: along the curve; nearest to the middle of those that
send to it; nearest to the one core that is nearest to it; in bands of so many rows."""

INPUT_PORT = 0
"""The io port through which samples enter: the first of the chip file."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Every neuron of a network on exactly one core."""

    network: Network
    chip: Chip
    tiles: tuple[Tile, ...]
    """Populations in the network's order."""
    gain: Gain | None = None
    """What moving tiles about was worth; None where they lie along the curve."""
    objective: Objective = "cores"
    """What the cuts and cores were chosen for."""
    effort: int = 0
    """How many placements were timed for it: 0 none."""

    def tiles_of(self, population: str) -> list[Tile]:
        """A population's tiles."""
        return [tile for tile in self.tiles if tile.population == population]

    def __repr__(self) -> str:
        cores = len({tile.core for tile in self.tiles})
        return (
            f"Placement({named(self.network.name)} on {named(self.chip.name)}, "
            f"{counted(len(self.tiles), 'tile')} on {counted(cores, 'core')})"
        )


@dataclass(frozen=True, slots=True)
class Cuts:
    """Into which boxes each population is cut, and what each box takes of its core.

    They depend on the cores of a chip, not on how many there are: boards of a chip share them.
    """

    grids: Mapping[str, Grid]
    usages: Mapping[str, Sequence[Usage]]

    @property
    def num_boxes(self) -> int:
        """How many cores they need."""
        return sum(grid.num_boxes for grid in self.grids.values())


def cut_all(network: Network, chip: Chip) -> Cuts:
    """Cuts populations into boxes that fit a core.

    Raises:
        CapacityError: Naming the layer, the resource, what it needs and what the chip has.
    """
    grids: dict[str, Grid] = {}
    usages: dict[str, Sequence[Usage]] = {}
    footprints, limits = Footprints(network, chip), Limits.of(chip)
    # A box's out-tables depend on how its targets are cut: last layer first.
    for population in reversed(_on_chip(network)):
        grid, usages[population.name] = cut(footprints, population, limits)
        grids[population.name] = grid
        footprints.settle(population, grid)
    return Cuts(grids, usages)


def place(
    network: Network, chip: Chip, cuts: Cuts | None = None, max_cores: int | None = None
) -> Placement:
    """Cuts populations into boxes that fit a core and lays them along the mesh.

    Args:
        network: What is placed.
        chip: The chip, or the board of chips.
        cuts: Those of `cut_all` for this chip or another board of it, where they are known.
        max_cores: Cores to use at most; None for all that the chip has.

    Raises:
        CapacityError: Naming the layer, the resource, what it needs and what the chip has.
    """
    cuts = cuts or cut_all(network, chip)
    if max_cores is not None and cuts.num_boxes > max_cores:
        raise CapacityError(
            f"the network needs {cuts.num_boxes} cores; `max_cores` allows {max_cores}",
            hint=f"allow {cuts.num_boxes} cores or more, or choose a smaller network",
        )
    refusals = []
    for order in orders_of(chip):
        placement, refusal = attempt(network, chip, cuts, order)
        if placement is not None:
            return placement
        refusals.append(refusal)
    assert refusals[0] is not None, "the first order either works or is refused"
    raise refusals[0].error


def orders_of(chip: Chip) -> tuple[Order, ...]:
    """The orders in which cores can be filled, the usual one first.

    Two populations within a band as high as the reach are in reach of each other while they take
    no more columns than that.
    """
    mesh = chip.spec["mesh"]
    limits = [limit for limit in (mesh["max_hops_x"], mesh["max_hops_y"]) if limit is not None]
    reach = min(limits, default=max(chip.chip_size)) + 1
    bands = dict.fromkeys((reach, -(-reach // 2), max(1, reach // 4)))
    return "curve", "nearest", "clusters", *bands


@dataclass(frozen=True, slots=True)
class NoPlacement:
    """Why there is no placement along an order of cores."""

    error: CapacityError
    population: Population | None
    """Which found no core; None if no output reaches a port."""


def attempt(
    network: Network, chip: Chip, cuts: Cuts, order: Order
) -> tuple[Placement | None, NoPlacement | None]:
    """The placement along one order of cores, or why there is none."""
    filling = _Filling(network, chip, order)
    try:
        tiles = filling.fill(cuts)
        require_a_way_out(network, chip, tiles)
    except CapacityError as error:
        return None, NoPlacement(error, filling.stuck)
    return Placement(network, chip, tuple(tiles)), None


def places_of(network: Network, chip: Chip, tiles: Sequence[Tile]) -> dict[str, list[Place]]:
    """By population: where its tiles are, or the port through which samples enter."""
    entrance = chip.ports()[INPUT_PORT]
    places = {p.name: [entrance] for p in network.populations if isinstance(p.model, InputNeurons)}
    for tile in tiles:
        places.setdefault(tile.population, []).append(chip.position_of(tile.core))
    return places


def _on_chip(network: Network) -> list[Population]:
    return [each for each in network.populations if not isinstance(each.model, InputNeurons)]


def _io_position(chip: Chip, port: int) -> Place:
    ports = chip.ports()
    if not ports:
        raise CapacityError(
            f"{chip.name!r} has no io port through which samples could enter (io)",
            hint="give the chip file an [[io]] table",
        )
    return ports[port]


class _Filling:
    """Free cores, and who sits where so far."""

    def __init__(self, network: Network, chip: Chip, order: Order) -> None:
        self.order_name = order if isinstance(order, str) else "curve"
        band = order if isinstance(order, int) else None
        self.network, self.chip = network, chip
        entrance = _io_position(chip, INPUT_PORT)
        self.order = FillingOrder.of(chip, entrance, band)
        self.words = chip.dendrite_words_of_column[self.order.x]
        self.free = np.ones(len(self.words), np.bool_)
        self.stuck: Population | None = None
        self.positions: dict[str, list[Place]] = {
            p.name: [entrance] for p in network.populations if isinstance(p.model, InputNeurons)
        }

    def fill(self, cuts: Cuts) -> list[Tile]:
        populations = _on_chip(self.network)
        if cuts.num_boxes > len(self.free):
            largest = max(populations, key=lambda each: cuts.grids[each.name].num_boxes)
            raise CapacityError(
                f"the network needs {cuts.num_boxes} cores, "
                f"{cuts.grids[largest.name].num_boxes} of them for layer {largest.layer!r}; "
                f"{self._has(len(self.free))}",
                hint=self._way_out(cuts.num_boxes, "a chip with more cores"),
            )
        tiles = []
        for population in populations:
            usages = cuts.usages[population.name]
            cores = self.take(population, usages)
            boxes = zip(cores, cuts.grids[population.name].boxes, usages, strict=True)
            tiles += [Tile(population.name, core, box, used) for core, box, used in boxes]
        return tiles

    def take(self, population: Population, usages: Sequence[Usage]) -> list[int]:
        """For each box the next free core that is large enough, and near enough to all senders.

        What earlier layers left free on chips before that of the first sender comes last.
        """
        senders = [
            place for source in self._sources(population) for place in self.positions[source]
        ]
        reach = Reach(self.chip, senders)
        near = np.flatnonzero(self.free & reach.allows(self.order))
        first = min(self.order.chips[self.chip.chip_at(place)].start for place in senders)
        near = np.roll(near, -int(np.searchsorted(near, first)))
        if self.order_name != "curve":
            near = self._nearest_first(near, senders)
        # One walk along the candidates for each size of box: cores are only ever taken.
        walks: dict[int, Iterator[int]] = {}
        chosen: list[int] = []
        for used in usages:
            words = used.dendrite_words
            if words not in walks:
                walks[words] = iter(near[self.words[near] >= words].tolist())
            at = next((at for at in walks[words] if self.free[at]), None)
            if at is None:
                self.stuck = population
                raise self._no_core(population, used, reach)
            self.free[at] = False
            chosen.append(at)
        self.positions[population.name] = [self._position(at) for at in chosen]
        return [int(self.order.cores[at]) for at in chosen]

    def _nearest_first(
        self, near: NDArray[np.int64], senders: Sequence[Place]
    ) -> NDArray[np.int64]:
        """Cores by their distance from the middle of the senders, or from the one nearest to it."""
        at = np.stack([self.order.x[near], self.order.y[near]], axis=1).astype(np.float64)
        order = np.argsort(_distance(at, np.mean(senders, axis=0)), kind="stable")
        if self.order_name == "clusters" and len(order):
            order = np.argsort(_distance(at, at[order[0]]), kind="stable")
        return np.asarray(near[order])

    def _position(self, at: int) -> Place:
        return int(self.order.x[at]), int(self.order.y[at])

    def _sources(self, population: Population) -> list[str]:
        """Who sends to a population; if nobody does, who else sends to its targets."""
        projections = self.network.projections
        sources = [each.source for each in projections if each.target == population.name]
        if sources:
            return sources
        targets = {each.target for each in projections if each.source == population.name}
        rivals = [each.source for each in projections if each.target in targets]
        return [source for source in rivals if source in self.positions]

    def _no_core(self, population: Population, used: Usage, reach: Reach) -> CapacityError:
        large = np.flatnonzero(self.free & (self.words >= used.dendrite_words))
        too_far = reach.excess(self._position(int(large[0]))) if len(large) else None
        if too_far is not None:
            return CapacityError(
                f"layer {population.layer!r} would sit {too_far} from a layer that sends to it; "
                f"{self.chip.name!r} addresses {too_far.allowed} ({too_far.field})",
                hint=self._way_out(len(self.free) + 1, "a chip with a longer reach"),
            )
        left = int(self.free.sum())
        return CapacityError(
            f"layer {population.layer!r} needs a core with {used.dendrite_words} dendrite memory "
            f"words; the {left} cores of {self.chip.name!r} that are left have fewer "
            "(core.dendrite_memory.depth_words_by_column)",
            hint=self._way_out(len(self.free) + 1, "a chip with more memory a core"),
        )

    def _has(self, cores: int) -> str:
        """How many cores the chip or board has, and what that comes from."""
        if self.chip.num_chips == 1:
            return f"{self.chip.name!r} has {cores} (mesh.width, mesh.height)"
        return (
            f"a board of {self.chip.num_chips} {self.chip.name!r} has {cores} "
            "(board.chips_x, board.chips_y)"
        )

    def _way_out(self, cores: int, other: str) -> str:
        """The board that has this many cores, if the chip can be on one, and another way out."""
        if self.chip.spec["board"]["link_cycles"] is None:
            return f"choose {other}, or a smaller network"
        row = len(self.free) // self.chip.board[0]
        return (
            f"choose a board with more chips (`--set board.chips_x={ceil(cores / row)}`), "
            f"{other}, or a smaller network"
        )


def _distance(places: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far places are from one, along the longer axis first."""
    dx, dy = np.abs(places - place).T
    return np.asarray(np.maximum(dx, dy) + (dx + dy) / 1e6)


def require_a_way_out(network: Network, chip: Chip, tiles: Sequence[Tile]) -> None:
    """Checks that the spikes of every output reach an io port."""
    for name in network.outputs:
        output = network.population(name)
        if output.code is not None:  # else the host reads membranes
            _require_a_port(output, chip, tiles)


def _require_a_port(output: Population, chip: Chip, tiles: Sequence[Tile]) -> None:
    ports = chip.ports()
    reaches = [Reach(chip, [port]) for port in ports]
    for tile in tiles:
        if tile.population != output.name:
            continue
        x, y = chip.position_of(tile.core)
        too_far = [found for found in (reach.excess((x, y)) for reach in reaches) if found]
        if len(too_far) == len(ports):
            distances = [abs(port_x - x) + abs(port_y - y) for port_x, port_y in ports]
            nearest = too_far[distances.index(min(distances))]
            raise CapacityError(
                f"layer {output.layer!r} sits {nearest} from the nearest io port; "
                f"{chip.name!r} addresses {nearest.allowed} ({nearest.field})",
                hint="give the chip an io port nearer to the end of the network",
            )
