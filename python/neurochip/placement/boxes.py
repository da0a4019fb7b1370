"""Boxes: into which pieces a population is cut so that each fits a core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, inf

from ..chip import Chip
from ..errors import CapacityError
from ..network import InputNeurons, OneToOneConnector, PoolConnector, Population, Shape
from .footprint import Footprints
from .formats import META_WEIGHT_BITS
from .tiles import Grid, Usage


@dataclass(frozen=True, slots=True)
class Limits:
    """What the roomiest core of a chip has."""

    chip: str
    neurons: int
    dendrite_words: int
    dendrites: int
    axon_entries: int
    axons_in: float
    """Infinite where a core has no table of them."""
    weight_bits: int

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
            core["dendrite_memory"]["max_axons_in"] or inf,
            max(core["weight_bits"]),
        )

    def excess(self, used: Usage) -> tuple[str, str, int, float] | None:
        """The first resource that is not enough: its name, field, how much is used and there."""
        return next((check for check in self._checks(used) if check[2] > check[3]), None)

    def fullest(self, used: Usage) -> tuple[float, str]:
        """The resource of which the largest share is used: that share, and its name."""
        return max((needed / available, name) for name, _, needed, available in self._checks(used))

    def _checks(self, used: Usage) -> tuple[tuple[str, str, int, float], ...]:
        """Of each resource: its name, field, how much is used and there."""
        memory = "core.dendrite_memory"
        return (
            ("neurons", "core.max_neurons", used.neurons, self.neurons),
            (
                "dendrite memory words",
                f"{memory}.depth_words_by_column",
                used.dendrite_words,
                self.dendrite_words,
            ),
            ("dendrites", f"{memory}.max_dendrites", used.dendrites, self.dendrites),
            (
                "axon entries",
                "core.axon_memory.depth_entries",
                used.axon_entries,
                self.axon_entries,
            ),
            ("axons in", f"{memory}.max_axons_in", used.axons_in, self.axons_in),
        )


def cut(footprints: Footprints, population: Population, limits: Limits) -> tuple[Grid, list[Usage]]:
    """The boxes that fit and cost the fewest cores, and what each takes.

    Raises:
        CapacityError: If not even a single neuron of the population fits a core.
    """
    _require_weights_that_fit(footprints, population, limits)
    best: tuple[Grid, list[Usage]] | None = None
    least = inf
    for lengths in _candidates(population.shape, limits.neurons):
        grid = Grid.of(population.shape, lengths)
        if grid.num_boxes >= least:
            continue
        cores = grid.num_boxes + _more_cores(footprints, population, limits, grid)
        if cores >= least:
            continue
        usages = usages_of(footprints, population, limits, grid)
        if usages is not None:
            best, least = (grid, usages), cores
    if best is None:
        raise _too_large(footprints, population, limits)
    return best


def _more_cores(footprints: Footprints, population: Population, limits: Limits, grid: Grid) -> int:
    """How many more cores the sources need because of their targets in these boxes.

    A neuron has an axon entry for every core that its spikes go to. A population that is cut along
    its channels costs every source neuron an entry a cut: with few boxes of its own it could leave
    those that send to it hardly a neuron a core.
    """
    more = 0
    for name, entries in footprints.axon_entries_into(population, grid).items():
        neurons = footprints.population(name).num_neurons
        if not isinstance(footprints.population(name).model, InputNeurons):
            held = ceil(neurons / limits.neurons)
            more += max(0, ceil(entries / limits.axon_entries) - held)
    return more


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


def usages_of(
    footprints: Footprints, population: Population, limits: Limits, grid: Grid
) -> list[Usage] | None:
    """What every box takes; None as soon as one does not fit."""
    usages = []
    for box in grid.boxes:
        used = footprints.usage(population, box)
        if limits.excess(used) is not None:
            return None
        usages.append(used)
    return usages


def _require_weights_that_fit(
    footprints: Footprints, population: Population, limits: Limits
) -> None:
    for link in footprints.into(population):
        shared = isinstance(link.connector, OneToOneConnector | PoolConnector)
        widest = META_WEIGHT_BITS if shared else limits.weight_bits
        if link.weights.bits > max(widest, limits.weight_bits):
            raise CapacityError(
                f"layer {population.layer!r} needs weights of {link.weights.bits} bits; "
                f"{limits.chip!r} stores up to {limits.weight_bits} (core.weight_bits)",
                hint="quantize the weights symmetrically (zero point 0), or to fewer bits",
            )


def _too_large(footprints: Footprints, population: Population, limits: Limits) -> CapacityError:
    """Says what even one neuron has too much of."""
    used = (footprints.usage(population, box) for box in Grid.of(population.shape, (1, 1, 1)).boxes)
    found = (limits.excess(usage) for usage in used)
    resource, field, needed, available = next(excess for excess in found if excess is not None)
    return CapacityError(
        f"layer {population.layer!r} needs {needed} {resource} for one neuron on one core; "
        f"{limits.chip!r} has {available} ({field})",
        hint="choose a chip with more memory a core, such as 'ideal', or a smaller layer",
    )
