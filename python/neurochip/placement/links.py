"""Links: projections with what counting their words and entries asks for again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from ..network import (
    Connector,
    DenseConnector,
    Network,
    OneToOneConnector,
    Population,
    Projection,
    WeightRange,
    Window,
)
from .tiles import Range

Hits: TypeAlias = tuple[tuple[int, ...], ...]
"""For each source position of one axis: the taps through which it reaches a range of targets."""


@dataclass(frozen=True, slots=True)
class ResolvedProjection:
    """A projection between two populations."""

    connector: Connector
    source: Population
    target: Population
    weights: WeightRange
    has_the_index: bool
    """Whether the one neuron index of its source is meant for it."""


def links_of(network: Network) -> tuple[ResolvedProjection, ...]:
    """The projections of a network, in its order."""
    return tuple(
        ResolvedProjection(
            projection.connector,
            network.population(projection.source),
            network.population(projection.target),
            weights,
            _has_the_index(network.projections, projection),
        )
        for projection, weights in zip(network.projections, network.weight_ranges, strict=True)
    )


def _has_the_index(projections: Sequence[Projection], projection: Projection) -> bool:
    """Whether the projection is the one with the most weights out of its source.

    A source has one neuron index, from which the ids of one projection can count; those of the
    others are absolute. Dense lists are the same for every source and need no index.
    """

    def size(other: Projection) -> int:
        connector = other.connector
        return 1 if isinstance(connector, OneToOneConnector) else connector.weights.size

    rivals = [
        other
        for other in projections
        if other.source == projection.source and not isinstance(other.connector, DenseConnector)
    ]
    return max(rivals, key=size, default=projection) is projection


def hits(window: Window, source: Population, axis: int, targets: Range) -> Hits:
    """Taps by source row (axis 0) or column (axis 1) that reach a range of targets."""
    return _axis_hits(
        source.shape[axis],
        window.kernel[axis],
        window.stride[axis],
        window.pad[axis],
        window.dilation[axis],
        targets,
    )


def tap_counts(
    window: Window, source: Population, axis: int, targets: Range
) -> tuple[tuple[int, int], ...]:
    """The different sets of taps that reach a range of targets: taps, and positions with them."""
    return _tap_counts(hits(window, source, axis, targets))


@lru_cache(maxsize=4096)
def _tap_counts(hits: Hits) -> tuple[tuple[int, int], ...]:
    counted = Counter(taps for taps in hits if taps)
    return tuple((len(taps), positions) for taps, positions in counted.items())


@lru_cache(maxsize=4096)
def _axis_hits(
    source: int, kernel: int, stride: int, pad: int, dilation: int, targets: Range
) -> Hits:
    found: list[list[int]] = [[] for _ in range(source)]
    for target in range(*targets):
        for tap in range(kernel):
            position = target * stride - pad + tap * dilation
            if 0 <= position < source:
                found[position].append(tap)
    return tuple(tuple(sorted(taps)) for taps in found)
