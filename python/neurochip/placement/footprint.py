"""Footprint: what a box of neurons takes of its core's memories, in the chip's own formats.

A packet names a dendrite: a meta word, a list of neuron ids and a list of weights. Lists that are
equal are stored once. Where the chip has relative ids, the ids of a convolution count from the
packet's neuron index, so that all source positions that reach the same taps share their lists; a
source has one neuron index, so a second projection shares only if it counts from the same one.
Dense lists are the same for every source and need no relative ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import TypeAlias

import numpy as np

from ..chip import Chip
from ..lower.network import (
    Connector,
    Convolution,
    Dense,
    Depthwise,
    Network,
    OneToOne,
    Pool,
    Population,
    Projection,
    Stem,
    Window,
)
from .tiles import Box, Grid, Range, Usage

SHARED_WEIGHT_BITS = 16
"""A weight that all synapses of a dendrite share stands in its meta word."""

Hits: TypeAlias = tuple[tuple[int, ...], ...]
"""For each source position of one axis: the taps through which it reaches a range of targets."""


@dataclass(frozen=True, slots=True)
class Formats:
    """The word formats of a core's dendrite memory."""

    word_bits: int
    ids_per_word: int
    relative_ids: bool
    weight_bits: tuple[int, ...]
    state_words_per_neuron: int

    @staticmethod
    def of(chip: Chip) -> Formats:
        """Reads a chip's description."""
        core = chip.spec["core"]
        memory = core["dendrite_memory"]
        return Formats(
            memory["word_bits"],
            memory["ids_per_word"],
            memory["relative_ids"],
            tuple(core["weight_bits"]),
            memory["state_words_per_neuron"],
        )

    def id_words(self, ids: int) -> int:
        """Words of a list of ids."""
        return ceil(ids / self.ids_per_word)

    def weight_words(self, weights: int, bits: int) -> int:
        """Words of a list of weights of the narrowest width that holds `bits`."""
        width = next((width for width in self.weight_bits if width >= bits), self.weight_bits[-1])
        return ceil(weights / (self.word_bits // width))


@dataclass(frozen=True, slots=True)
class Lists:
    """Dendrites of one projection into one box, and the words of their lists."""

    dendrites: int
    words: int

    def __add__(self, other: Lists) -> Lists:
        """Both together."""
        return Lists(self.dendrites + other.dendrites, self.words + other.words)


@lru_cache(maxsize=4096)
def axis_hits(
    source: int, kernel: int, stride: int, pad: int, dilation: int, targets: Range
) -> Hits:
    """The taps through which each source position of an axis reaches a range of targets."""
    hits: list[list[int]] = [[] for _ in range(source)]
    for target in range(*targets):
        for tap in range(kernel):
            position = target * stride - pad + tap * dilation
            if 0 <= position < source:
                hits[position].append(tap)
    return tuple(tuple(sorted(taps)) for taps in hits)


def hits_of(window: Window, source: Population, box: Box) -> tuple[Hits, Hits]:
    """Taps by source row and by source column."""
    y, x = (
        axis_hits(
            source.shape[axis],
            window.kernel[axis],
            window.stride[axis],
            window.pad[axis],
            window.dilation[axis],
            (box.rows, box.columns)[axis],
        )
        for axis in (0, 1)
    )
    return y, x


def weight_bits(connector: Connector) -> int:
    """Bits of the widest weight, in two's complement."""
    weights = (
        np.array([connector.weight]) if isinstance(connector, OneToOne) else connector.weights
    )
    low, high = int(weights.min(initial=0)), int(weights.max(initial=0))
    return max((~low).bit_length(), high.bit_length()) + 1


def lists_of(
    formats: Formats, projection: Projection, source: Population, target: Population, box: Box,
    relative: bool,
) -> Lists:
    """Dendrites and words that a projection takes on the core that holds a box."""
    connector = projection.connector
    bits = weight_bits(connector)
    if isinstance(connector, Dense):
        channels = box.lengths[2]
        words = 1 + formats.weight_words(channels, bits)
        return Lists(source.num_neurons, source.num_neurons * words + formats.id_words(channels))
    if isinstance(connector, OneToOne):
        if relative and connector.index is None:
            return Lists(1, 1 + formats.id_words(1))
        return Lists(box.num_neurons, box.num_neurons * (1 + formats.id_words(1)))
    y, x = hits_of(connector.window, source, box)
    if isinstance(connector, Convolution):
        return _convolution(formats, connector, (y, x), source, target, box, bits, relative)
    return _each_channel(formats, connector, (y, x), box, bits, relative)


def _variants(hits: Hits) -> dict[tuple[int, ...], int]:
    """The different sets of taps, and how many positions have each."""
    variants: dict[tuple[int, ...], int] = {}
    for taps in hits:
        if taps:
            variants[taps] = variants.get(taps, 0) + 1
    return variants


def _convolution(
    formats: Formats, connector: Convolution, hits: tuple[Hits, Hits], source: Population,
    target: Population, box: Box, bits: int, relative: bool,
) -> Lists:
    channels_out, channels_in = target.shape[2], source.shape[2]
    into, out_of = channels_in // connector.groups, channels_out // connector.groups
    total = Lists(0, 0)
    for group in range(connector.groups):
        start, stop = max(group * out_of, box.channels[0]), min((group + 1) * out_of, box.channels[1])
        if start >= stop:
            continue
        for (taps_y, rows) in _variants(hits[0]).items():
            for (taps_x, columns) in _variants(hits[1]).items():
                synapses = len(taps_y) * len(taps_x) * (stop - start)
                weights = into * formats.weight_words(synapses, bits)
                places = 1 if relative else rows * columns
                words = places * (formats.id_words(synapses) + into) + weights
                total += Lists(places * into, words)
    return total


def _each_channel(
    formats: Formats, connector: Depthwise | Pool, hits: tuple[Hits, Hits], box: Box, bits: int,
    relative: bool,
) -> Lists:
    channels = box.lengths[2]
    alike = bool((connector.weights == connector.weights.flat[0]).all())
    total = Lists(0, 0)
    for (taps_y, rows) in _variants(hits[0]).items():
        for (taps_x, columns) in _variants(hits[1]).items():
            synapses = len(taps_y) * len(taps_x)
            lists = 1 if isinstance(connector, Pool) else channels
            weights = 0 if alike and bits <= SHARED_WEIGHT_BITS else (
                lists * formats.weight_words(synapses, bits)
            )
            places = 1 if relative else rows * columns * channels
            dendrites = max(lists, places)
            total += Lists(dendrites, dendrites + places * formats.id_words(synapses) + weights)
    return total


def axon_items(
    projection: Projection, source: Population, target_grid: Grid, box: Box
) -> int:
    """Targets in the out-tables of a box's neurons, for one projection."""
    connector = projection.connector
    if isinstance(connector, Dense):
        return box.num_neurons * target_grid.num_boxes
    if isinstance(connector, OneToOne):
        return box.num_neurons  # one target each, or none
    rows = [0] * source.shape[0]
    columns = [0] * source.shape[1]
    for counts, axis, cuts in ((rows, 0, target_grid.rows), (columns, 1, target_grid.columns)):
        window = connector.window
        for cut in cuts:
            found = axis_hits(
                source.shape[axis], window.kernel[axis], window.stride[axis], window.pad[axis],
                window.dilation[axis], cut,
            )
            for position, taps in enumerate(found):
                counts[position] += bool(taps)
    reached = sum(rows[slice(*box.rows)]) * sum(columns[slice(*box.columns)])
    if isinstance(connector, Convolution) and connector.groups == 1:
        return reached * box.lengths[2] * len(target_grid.channels)
    return reached * box.lengths[2]  # its own channel lives in one box; a group rarely in two


def usage(
    formats: Formats, network: Network, population: Population, box: Box, grids: dict[str, Grid]
) -> Usage:
    """What a box takes of its core.

    Args:
        formats: The chip's words.
        network: The whole network.
        population: The population the box belongs to.
        box: The neurons.
        grids: How the populations that receive from this one are cut.
    """
    lists = Lists(0, 0)
    items = box.num_neurons if network.output == population.name else 0
    for projection in network.projections:
        if projection.target == population.name:
            relative = formats.relative_ids and has_the_index(network, projection)
            source = network.population(projection.source)
            lists += lists_of(formats, projection, source, population, box, relative)
        if projection.source == population.name:
            items += axon_items(projection, population, grids[projection.target], box)
    state = formats.state_words_per_neuron if isinstance(population.model, Stem) else 0
    words = lists.words + state * box.num_neurons
    return Usage(box.num_neurons, words, lists.dendrites, box.num_neurons + items)


def has_the_index(network: Network, projection: Projection) -> bool:
    """Whether the one neuron index of its source serves this projection.

    Of several it serves the one with the most weights; the ids of the others are absolute.
    """

    def size(other: Projection) -> int:
        connector = other.connector
        return 1 if isinstance(connector, OneToOne) else connector.weights.size

    rivals = [
        other
        for other in network.projections
        if other.source == projection.source and not isinstance(other.connector, Dense)
    ]
    return max(rivals, key=size, default=projection) is projection
