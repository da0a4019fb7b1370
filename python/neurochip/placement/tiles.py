"""Tiles: boxes of a population's neurons, each on a core of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from ..network import Shape

Range: TypeAlias = tuple[int, int]
"""Half open."""


@dataclass(frozen=True, slots=True)
class Box:
    """Rows, columns and channels of a population, each a half-open range."""

    rows: Range
    columns: Range
    channels: Range

    @property
    def lengths(self) -> Shape:
        """Number of rows, columns and channels."""
        rows, columns, channels = (stop - start for start, stop in self)
        return rows, columns, channels

    @property
    def num_neurons(self) -> int:
        """Number of neurons."""
        rows, columns, channels = self.lengths
        return rows * columns * channels

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Selects the box's neurons of an array of the population's shape."""
        rows, columns, channels = (slice(*held) for held in self)
        return rows, columns, channels

    def __iter__(self) -> Iterator[Range]:
        """The three ranges."""
        return iter((self.rows, self.columns, self.channels))


@dataclass(frozen=True, slots=True)
class Grid:
    """A population cut into boxes along each axis."""

    rows: tuple[Range, ...]
    columns: tuple[Range, ...]
    channels: tuple[Range, ...]

    @staticmethod
    def of(shape: Shape, lengths: Shape) -> Grid:
        """Cuts a shape into boxes of at most these lengths."""
        cuts = [
            tuple((start, min(start + length, whole)) for start in range(0, whole, length))
            for whole, length in zip(shape, lengths, strict=True)
        ]
        return Grid(*cuts)

    @property
    def boxes(self) -> list[Box]:
        """All boxes: rows first, then columns, then channels."""
        return [Box(*ranges) for ranges in product(self.rows, self.columns, self.channels)]

    @property
    def axes(self) -> tuple[tuple[Range, ...], ...]:
        """The cuts of rows, of columns and of channels."""
        return self.rows, self.columns, self.channels

    @property
    def lengths(self) -> Shape:
        """Rows, columns and channels of the longest cuts."""
        rows, columns, channels = (max(stop - start for start, stop in cuts) for cuts in self.axes)
        return rows, columns, channels

    @property
    def num_boxes(self) -> int:
        """Number of boxes."""
        return len(self.rows) * len(self.columns) * len(self.channels)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tile takes of its core."""

    neurons: int
    dendrite_words: int
    dendrites: int
    axon_entries: int
    axons_in: int


@dataclass(frozen=True, slots=True)
class Tile:
    """A box of a population's neurons on one core."""

    population: str
    core: int
    box: Box
    usage: Usage
