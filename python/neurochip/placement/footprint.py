"""Footprint: what a box of neurons takes of its core's memories, in the chip's own formats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..network import Network, Population
from . import axons
from .dendrites import NONE, dendrites
from .formats import Formats
from .links import ResolvedProjection, links_of
from .synapse_lists import axons_in
from .tiles import Box, Grid, Usage


class Footprints:
    """Counts words and entries of one network on one chip; last layers are cut first."""

    def __init__(self, network: Network, chip: Chip) -> None:
        """Reads both."""
        self.formats = Formats.of(chip)
        own = chip.spec["core"]["axon_memory"]["entries_per_neuron"]
        self.own_entries = 1 if own is None else int(own)
        self.outputs = frozenset(network.outputs)
        self.links = links_of(network)
        self.population = network.population
        self._targets: dict[str, list[NDArray[np.int64]]] = {
            population.name: [] for population in network.populations
        }

    def into(self, population: Population) -> list[ResolvedProjection]:
        """The links that a population receives from."""
        return [link for link in self.links if link.target.name == population.name]

    def settle(self, population: Population, grid: Grid) -> None:
        """Says how a population is cut: those that send to it need that many targets."""
        for link in self.into(population):
            self._targets[link.source.name].append(axons.targets(link, grid))

    def axon_entries_into(self, population: Population, grid: Grid) -> dict[str, int]:
        """By source: the axon entries of all its neurons, own and settled ones included.

        That is, if the population were cut like this.
        """
        entries: dict[str, int] = {}
        for link in self.into(population):
            source = link.source
            if source.name not in entries:
                settled = sum(
                    axons.total_of_all(t, source.shape) for t in self._targets[source.name]
                )
                out = source.num_neurons if source.name in self.outputs else 0
                entries[source.name] = self.own_entries * source.num_neurons + out + settled
            entries[source.name] += axons.total_of_all(axons.targets(link, grid), source.shape)
        return entries

    def usage(self, population: Population, box: Box) -> Usage:
        """What a box takes of its core; populations that receive from it are settled."""
        received = sum((dendrites(self.formats, link, box) for link in self.into(population)), NONE)
        items = box.num_neurons if population.name in self.outputs else 0
        for targets in self._targets[population.name]:
            items += axons.total(targets, population.shape, box)
        state = self.formats.state_words(population)
        return Usage(
            box.num_neurons,
            received.words + state * box.num_neurons,
            received.count,
            self.own_entries * box.num_neurons + items,
            sum(axons_in(link, box) for link in self.into(population)),
        )
