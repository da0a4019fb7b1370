"""Synapse lists: the words of chips on which an id stands beside each weight.

A list is what one source neuron adds: synapses in blocks, each with a head, that begin at a word.
Which list a packet means, and from which neuron its ids count, stands in the core's table of axons
in: one entry a source neuron. So equal lists are stored once where ids are relative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from ..network import ConvolutionConnector, DenseConnector, OneToOneConnector, PoolConnector
from .links import ResolvedProjection, tap_counts
from .tiles import Box


@dataclass(frozen=True, slots=True)
class SynapseLists:
    """The format of a chip's lists."""

    word_bits: int
    head_bits: int
    id_bits: int
    max_synapses: int
    """Of a block."""

    def words(self, synapses: int, weight_bits: int) -> int:
        """Words of one list."""
        full, rest = divmod(synapses, self.max_synapses)
        return full * self._block(self.max_synapses, weight_bits) + (
            self._block(rest, weight_bits) if rest else 0
        )

    def _block(self, synapses: int, weight_bits: int) -> int:
        return ceil((self.head_bits + synapses * (self.id_bits + weight_bits)) / self.word_bits)


def lengths(link: ResolvedProjection, box: Box, relative: bool) -> Iterator[tuple[int, int]]:
    """The lists that a link takes on the core of a box: how many synapses, and how many such lists.

    Args:
        link: Into the population of the box.
        box: Its neurons.
        relative: Whether ids count from a neuron index of each source neuron.
    """
    connector, channels = link.connector, box.lengths[2]
    if isinstance(connector, DenseConnector):
        yield box.num_neurons, link.source.num_neurons
    elif isinstance(connector, OneToOneConnector):
        yield 1, 1 if relative and connector.index is None else box.num_neurons
    elif isinstance(connector, ConvolutionConnector):
        for taps, places in _variants(link, box, relative):
            for held, sources in _groups(link, connector, box):
                yield taps * held, places * sources
    else:
        alike = isinstance(connector, PoolConnector)
        for taps, places in _variants(link, box, relative):
            yield taps, places if alike and relative else places * channels


def axons_in(link: ResolvedProjection, box: Box) -> int:
    """How many neurons of the source reach a box."""
    connector = link.connector
    if isinstance(connector, DenseConnector):
        return link.source.num_neurons
    if isinstance(connector, OneToOneConnector):
        return box.num_neurons
    positions = sum(places for _, places in _variants(link, box, relative=False))
    if isinstance(connector, ConvolutionConnector):
        return positions * sum(sources for _, sources in _groups(link, connector, box))
    return positions * box.lengths[2]


def _variants(link: ResolvedProjection, box: Box, relative: bool) -> Iterator[tuple[int, int]]:
    """The different sets of taps: how many taps, and at how many source positions they count."""
    window = link.connector.window  # type: ignore[union-attr]
    rows, columns = (
        tap_counts(window, link.source, axis, targets)
        for axis, targets in enumerate((box.rows, box.columns))
    )
    for taps_y, count_y in rows:
        for taps_x, count_x in columns:
            yield taps_y * taps_x, 1 if relative else count_y * count_x


def _groups(
    link: ResolvedProjection, connector: ConvolutionConnector, box: Box
) -> Iterator[tuple[int, int]]:
    """For each group of channels that a box meets: its channels in the box, its source channels."""
    sources = link.source.shape[2] // connector.groups
    width = link.target.shape[2] // connector.groups
    first, stop = box.channels
    for number in range(first // width, ceil(stop / width)):
        yield min((number + 1) * width, stop) - max(number * width, first), sources
