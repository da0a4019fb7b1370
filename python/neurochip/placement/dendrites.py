"""Dendrites: the words that a box of neurons takes for what it receives.

A packet names a dendrite: a meta word, a list of neuron ids and a list of weights. Lists that are
equal are stored once. Where the chip has relative ids, the ids of a convolution count from the
packet's neuron index, so that all source positions that reach the same taps share their lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from ..network import (
    ConvolutionConnector,
    DenseConnector,
    DepthwiseConnector,
    OneToOneConnector,
    PoolConnector,
    Window,
)
from .formats import META_WEIGHT_BITS, Formats
from .links import ResolvedProjection, tap_counts
from .synapse_lists import lengths
from .tiles import Box, Range


@dataclass(frozen=True, slots=True)
class Dendrites:
    """Dendrites into one box, and the words of their lists."""

    count: int
    words: int

    def __add__(self, other: Dendrites) -> Dendrites:
        """Both together."""
        return Dendrites(self.count + other.count, self.words + other.words)


NONE = Dendrites(0, 0)


def dendrites(formats: Formats, link: ResolvedProjection, box: Box) -> Dendrites:
    """What a link takes on the core that holds a box of its target."""
    connector = link.connector
    if formats.lists is not None:
        relative, bits = formats.relative_ids, formats.stored_bits(link.weights.bits)
        each = [(formats.lists.words(n, bits), many) for n, many in lengths(link, box, relative)]
        return Dendrites(sum(many for _, many in each), sum(words * many for words, many in each))
    if isinstance(connector, DenseConnector):
        sources, targets = link.source.num_neurons, box.num_neurons
        words = 1
        if not _shares_one_weight(link):
            words += formats.weight_words(targets, link.weights.bits)
        return Dendrites(sources, sources * words + formats.id_words(targets))
    if isinstance(connector, OneToOneConnector):
        relative = formats.relative_ids and link.has_the_index and connector.index is None
        count = 1 if relative else box.num_neurons
        return Dendrites(count, count * (1 + formats.id_words(1)))
    if isinstance(connector, ConvolutionConnector):
        variants = tuple(_variants(formats, link, connector.window, box))
        sources = link.source.shape[2] // connector.groups
        width = link.target.shape[2] // connector.groups
        return _of_groups(formats, link.weights.bits, (sources, width), box.channels, variants)
    return sum(_of_channels(formats, link, connector, box), NONE)


@lru_cache(maxsize=1024)
def _of_groups(
    formats: Formats,
    weight_bits: int,
    group: tuple[int, int],
    channels: Range,
    variants: tuple[tuple[int, int], ...],
) -> Dendrites:
    """Each source channel of a group reaches all channels of the group.

    Args:
        formats: The words of the core.
        weight_bits: Bits of the widest weight.
        group: Source and target channels of a group.
        channels: Those of the box, which most boxes of a population share, as they do variants.
        variants: As of `_variants`.
    """
    (sources, width), (first, stop) = group, channels
    count = words = 0
    for number in range(first // width, ceil(stop / width)):
        held = min((number + 1) * width, stop) - max(number * width, first)
        for taps, places in variants:
            synapses = taps * held
            words += places * (formats.id_words(synapses) + sources)  # and the meta words
            words += sources * formats.weight_words(synapses, weight_bits)
            count += places * sources
    return Dendrites(count, words)


def _of_channels(
    formats: Formats,
    link: ResolvedProjection,
    connector: DepthwiseConnector | PoolConnector,
    box: Box,
) -> Iterator[Dendrites]:
    """Each source channel reaches itself."""
    channels = box.lengths[2]
    lists = 1 if isinstance(connector, PoolConnector) else channels
    shared = _shares_one_weight(link)
    for taps, places in _variants(formats, link, connector.window, box):
        if not (formats.relative_ids and link.has_the_index):
            places *= channels
        count = max(lists, places)
        weights = 0 if shared else lists * formats.weight_words(taps, link.weights.bits)
        yield Dendrites(count, count + places * formats.id_words(taps) + weights)


def _shares_one_weight(link: ResolvedProjection) -> bool:
    """Whether one weight in the meta word says all."""
    return link.weights.is_one_value and link.weights.bits <= META_WEIGHT_BITS


def _variants(
    formats: Formats, link: ResolvedProjection, window: Window, box: Box
) -> Iterator[tuple[int, int]]:
    """The different sets of taps: how many taps each has, and how many lists of ids it needs.

    Relative ids need one; absolute ones are others for every source position.
    """
    rows, columns = (
        tap_counts(window, link.source, axis, targets)
        for axis, targets in enumerate((box.rows, box.columns))
    )
    relative = formats.relative_ids and link.has_the_index
    for taps_y, count_y in rows:
        for taps_x, count_x in columns:
            yield taps_y * taps_x, 1 if relative else count_y * count_x
