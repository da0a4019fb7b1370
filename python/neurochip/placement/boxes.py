"""Boxes: into which pieces a population is cut so that each fits a core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from ..chip import Chip
from ..errors import CapacityError
from ..lower.network import Dense, Network, OneToOne, Population, Shape
from .footprint import Formats, usage, weight_bits
from .tiles import Box, Grid, Usage


@dataclass(frozen=True, slots=True)
class Limits:
    """What the roomiest core of a chip has."""

    chip: str
    neurons: int
    dendrite_words: int
    dendrites: int
    axon_entries: int

    @staticmethod
    def of(chip: Chip) -> Limits:
        """Reads a chip's description."""
        core = chip.spec["core"]
        return Limits(
            chip.name,
            core["max_neurons"],
            max(core["dendrite_memory"]["depth_words_by_column"]),
            core["dendrite_memory"]["max_dendrites"],
            core["axon_memory"]["depth_entries"],
        )

    def excess(self, used: Usage) -> tuple[str, str, int, int] | None:
        """The first resource that is not enough: its name, field, how much is used and there."""
        checks = (
            ("neurons", "core.max_neurons", used.neurons, self.neurons),
            (
                "dendrite memory words",
                "core.dendrite_memory.depth_words_by_column",
                used.dendrite_words,
                self.dendrite_words,
            ),
            ("dendrites", "core.dendrite_memory.max_dendrites", used.dendrites, self.dendrites),
            ("axon entries", "core.axon_memory.depth_entries", used.axon_entries, self.axon_entries),
        )
        return next((check for check in checks if check[2] > check[3]), None)


def cut(
    network: Network, population: Population, chip: Chip, grids: dict[str, Grid]
) -> tuple[Grid, list[Usage]]:
    """The fewest boxes that fit, and what each takes.

    Raises:
        CapacityError: If not even a single neuron of the population fits a core.
    """
    formats, limits = Formats.of(chip), Limits.of(chip)
    _require_weights_that_fit(network, population, chip)
    best: tuple[Grid, list[Usage]] | None = None
    for lengths in _candidates(population.shape, limits.neurons):
        grid = Grid.of(population.shape, lengths)
        if best is not None and grid.num_boxes >= best[0].num_boxes:
            continue
        usages = _usages(formats, limits, network, population, grid, grids)
        if usages is not None:
            best = grid, usages
    if best is None:
        _refuse(formats, limits, network, population, grids)
        raise AssertionError("a single neuron fits, so some candidate does")
    return best


def _candidates(shape: Shape, max_neurons: int) -> Iterator[Shape]:
    """Lengths of boxes: channels first shared out evenly, then as many whole rows as fit."""
    height, width, channels = shape
    seen = set()
    for parts in range(1, channels + 1):
        depth = ceil(channels / parts)
        if depth in seen or depth > max_neurons:
            continue
        seen.add(depth)
        columns = min(width, max_neurons // depth)
        rows = max(1, min(height, max_neurons // (depth * columns)))
        columns = ceil(width / ceil(width / columns))
        while True:
            yield ceil(height / ceil(height / rows)), columns, depth
            if rows > 1:
                rows //= 2
            elif columns > 1:
                columns = ceil(columns / 2)
            else:
                break


def _usages(
    formats: Formats,
    limits: Limits,
    network: Network,
    population: Population,
    grid: Grid,
    grids: dict[str, Grid],
) -> list[Usage] | None:
    """What every box takes; None as soon as one does not fit."""
    usages = []
    for box in grid.boxes:
        used = usage(formats, network, population, box, grids)
        if limits.excess(used) is not None:
            return None
        usages.append(used)
    return usages


def _require_weights_that_fit(network: Network, population: Population, chip: Chip) -> None:
    widest = max(chip.spec["core"]["weight_bits"])
    for projection in network.projections:
        shared = isinstance(projection.connector, OneToOne) or (
            not isinstance(projection.connector, Dense) and projection.connector.weights.ndim == 2
        )
        bits = weight_bits(projection.connector)
        if projection.target == population.name and bits > widest and not (shared and bits <= 16):
            raise CapacityError(
                f"layer {population.layer!r} needs weights of {bits} bits; "
                f"{chip.name!r} stores up to {widest} (core.weight_bits)",
                hint="quantize the weights symmetrically (zero point 0), or to fewer bits",
            )


def _refuse(
    formats: Formats,
    limits: Limits,
    network: Network,
    population: Population,
    grids: dict[str, Grid],
) -> None:
    """Says what even one neuron has too much of."""
    for box in Grid.of(population.shape, (1, 1, 1)).boxes:
        found = limits.excess(usage(formats, network, population, box, grids))
        if found is not None:
            resource, field, needed, available = found
            raise CapacityError(
                f"layer {population.layer!r} needs {needed} {resource} for one neuron on one core; "
                f"{limits.chip!r} has {available} ({field})",
                hint="choose a chip with more memory a core, such as 'ideal', or a smaller layer",
            )


__all__ = ["Box", "Limits", "cut"]
