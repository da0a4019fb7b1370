"""The stage itself: cut every population, give every box a core, check every limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..chip import Chip
from ..errors import CapacityError
from ..lower.network import Input, Network, Population
from .boxes import Limits, cut
from .footprint import Footprints
from .gain import Gain
from .nodes import Distances, filling_order
from .tiles import Grid, Tile, Usage

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

    def tiles_of(self, population: str) -> list[Tile]:
        """A population's tiles."""
        return [tile for tile in self.tiles if tile.population == population]


def place(network: Network, chip: Chip) -> Placement:
    """Cuts populations into boxes that fit a core and lays them along the mesh.

    Raises:
        CapacityError: Naming the layer, the resource, what it needs and what the chip has.
    """
    on_chip = [p for p in network.populations if not isinstance(p.model, Input)]
    grids: dict[str, Grid] = {}
    usages: dict[str, list[Usage]] = {}
    footprints, limits = Footprints(network, chip), Limits.of(chip)
    # A box's out-tables depend on how its targets are cut: last layer first.
    for population in reversed(on_chip):
        grid, usages[population.name] = cut(footprints, population, limits)
        grids[population.name] = grid
        footprints.settle(population, grid)
    tiles = _Filling(network, chip).fill(on_chip, grids, usages)
    _require_a_way_out(network, chip, tiles)
    return Placement(network, chip, tuple(tiles))


def _io_position(chip: Chip, port: int) -> tuple[int, int]:
    ports = chip.spec["io"]
    if not ports:
        raise CapacityError(
            f"{chip.name!r} has no io port through which samples could enter (io)",
            hint="give the chip file an [[io]] table",
        )
    return ports[port]["x"], ports[port]["y"]


class _Filling:
    """Free cores, and who sits where so far."""

    def __init__(self, network: Network, chip: Chip) -> None:
        self.network, self.chip = network, chip
        self.distances = Distances.of(chip)
        self.entrance = _io_position(chip, INPUT_PORT)
        self.free = filling_order(chip, self.entrance)
        self.positions: dict[str, list[tuple[int, int]]] = {
            p.name: [self.entrance] for p in network.populations if isinstance(p.model, Input)
        }

    def fill(
        self,
        populations: Sequence[Population],
        grids: dict[str, Grid],
        usages: dict[str, list[Usage]],
    ) -> list[Tile]:
        needed = sum(grids[population.name].num_boxes for population in populations)
        if needed > len(self.free):
            largest = max(populations, key=lambda population: grids[population.name].num_boxes)
            raise CapacityError(
                f"the network needs {needed} cores, {grids[largest.name].num_boxes} of them for "
                f"layer {largest.layer!r}; {self.chip.name!r} has {len(self.free)} "
                "(mesh.width, mesh.height)",
                hint="choose a chip with more cores, or a smaller network",
            )
        tiles = []
        for population in populations:
            pairs = zip(grids[population.name].boxes, usages[population.name], strict=True)
            for box, used in pairs:
                node = self.take(population, used)
                tiles.append(Tile(population.name, node, box, used))
        return tiles

    def take(self, population: Population, used: Usage) -> int:
        """The next free core that is large enough and near enough to all that send to it."""
        sources = [p.source for p in self.network.projections if p.target == population.name]
        senders = [place for source in sources for place in self.positions[source]]
        too_small, too_far = 0, None
        for node in self.free:
            here = self.chip.position(node)
            if self.chip.dendrite_words(node) < used.dendrite_words:
                too_small += 1
                continue
            far = (self.distances.excess(sender, here) for sender in senders)
            excess = next((found for found in far if found is not None), None)
            if excess is None:
                self.free.remove(node)
                self.positions.setdefault(population.name, []).append(here)
                return node
            too_far = too_far or excess
        raise self._no_core(population, used, too_small, too_far)

    def _no_core(
        self,
        population: Population,
        used: Usage,
        too_small: int,
        too_far: tuple[str, int, int] | None,
    ) -> CapacityError:
        if too_far is not None:
            field, hops, limit = too_far
            return CapacityError(
                f"layer {population.layer!r} would sit {hops} hops from a layer that sends to it; "
                f"{self.chip.name!r} addresses {limit} ({field})",
                hint="choose a chip with a longer reach, or a smaller network",
            )
        return CapacityError(
            f"layer {population.layer!r} needs a core with {used.dendrite_words} dendrite memory "
            f"words; the {too_small} cores of {self.chip.name!r} that are left have fewer "
            "(core.dendrite_memory.depth_words_by_column)",
            hint="choose a chip with more memory a core, or a smaller network",
        )


def _require_a_way_out(network: Network, chip: Chip, tiles: Sequence[Tile]) -> None:
    output = network.population(network.output)
    if output.code is None:
        return  # the host reads membranes
    distances = Distances.of(chip)
    ports = [(port["x"], port["y"]) for port in chip.spec["io"]]
    for tile in tiles:
        here = chip.position(tile.node)
        if tile.population != output.name:
            continue
        nearest = min(ports, key=lambda port: abs(port[0] - here[0]) + abs(port[1] - here[1]))
        excess = distances.excess(here, nearest)
        if excess is not None:
            field, hops, limit = excess
            raise CapacityError(
                f"layer {output.layer!r} sits {hops} hops from the nearest io port; "
                f"{chip.name!r} addresses {limit} ({field})",
                hint="give the chip an io port nearer to the end of the network",
            )
