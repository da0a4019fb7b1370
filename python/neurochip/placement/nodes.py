"""Nodes: the order in which cores are filled, and how far apart two of them may be.

Cores are filled along a Hilbert curve from where the input enters: neighbours on it are neighbours
on the mesh, so layers that follow each other sit near. Positions are columns and rows of the board.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip


def hilbert_curve(width: int, height: int) -> NDArray[np.int64]:
    """The points (x, y) of a rectangle, in the order of the Hilbert curve of the square around it.

    The square itself is never laid out: a mesh may be a million nodes long and one wide.
    """
    y, x = (axis.ravel() for axis in np.indices((height, width), np.int64))
    points = np.stack([x, y], axis=1)
    distance = np.zeros_like(x)
    length = 1 << (max(width, height) - 1).bit_length() >> 1
    while length:
        right, up = (x & length > 0).astype(np.int64), (y & length > 0).astype(np.int64)
        distance += length * length * ((3 * right) ^ up)
        x, y = x & (length - 1), y & (length - 1)
        turned = (up == 0) & (right == 1)
        x, y = np.where(turned, length - 1 - x, x), np.where(turned, length - 1 - y, y)
        x, y = np.where(up == 0, y, x), np.where(up == 0, x, y)
        length >>= 1
    return np.asarray(points[np.argsort(distance)])


Place: TypeAlias = tuple[int, int]
"""Column and row: of a node on the board, or of a chip."""


@dataclass(frozen=True, slots=True, eq=False)
class FillingOrder:
    """All cores of a board that can hold neurons, in the order in which they are filled.

    Chip after chip, so that the cores of a chip are one slice; there may be a million of them.
    """

    cores: NDArray[np.int64]
    x: NDArray[np.int64]
    """Column of each core's node on the board."""
    y: NDArray[np.int64]
    """Row of each core's node on the board."""
    chips: Mapping[Place, slice]

    @staticmethod
    def of(chip: Chip, start: Place, band: int | None = None) -> FillingOrder:
        """Follows the curve through each chip, row by row of chips, to and fro.

        With `band`, nodes of a chip are taken in bands of so many rows that lead away from `start`,
        column by column, or the same along y where `start` is at the end of a column: then
        populations that follow each other share a window of `band` rows.

        The first chip is the one that `start` is on, which is at a corner of the board if a port is
        there. The curve of each goes on from the node nearest to the last one of the chip before,
        at first from the one nearest to `start`.
        """
        curve = _curve(chip) if band is None else _bands(chip, start, band)
        parts, slices, stop = [], {}, 0
        for place in _chips_to_and_fro(chip, start):
            nodes = curve + np.multiply(place, chip.chip_size)
            if band is None and len(nodes):
                nearest = np.abs(nodes - start).sum(axis=1).argmin()
                nodes = np.roll(nodes, -int(nearest), axis=0)
            parts.append(nodes)
            slices[place] = slice(stop, stop + len(nodes) * chip.cores_per_node)
            stop = slices[place].stop
            start = (int(nodes[-1, 0]), int(nodes[-1, 1])) if len(nodes) else start
        x, y = np.repeat(np.concatenate(parts), chip.cores_per_node, axis=0).T
        within = np.tile(np.arange(chip.cores_per_node), len(x) // chip.cores_per_node)
        return FillingOrder((y * chip.size[0] + x) * chip.cores_per_node + within, x, y, slices)


def _curve(chip: Chip) -> NDArray[np.int64]:
    """The nodes of a chip that can hold neurons, along the curve of the square around it."""
    points = hilbert_curve(*chip.chip_size)
    return points[chip.holds_neurons()[points[:, 1], points[:, 0]]]


def _bands(chip: Chip, start: Place, band: int) -> NDArray[np.int64]:
    """The nodes of a chip that can hold neurons, band by band from the one that `start` is in."""
    width, height = chip.chip_size
    at = tuple(np.mod(start, chip.chip_size).tolist())
    along = 0 if at[0] in (0, width - 1) else 1
    length, across = (width, height) if along == 0 else (height, width)
    first = min(max(0, at[1 - along] - band // 2), max(0, across - band))
    below, above = range(first - 1, -1, -1), range(first + band, across)
    lines = [*range(first, min(across, first + band)), *above, *below]
    backwards, nodes = at[along] > length // 2, []
    for start_line in range(0, len(lines), band):
        rows = lines[start_line : start_line + band]
        for position in range(length)[:: -1 if backwards else 1]:
            nodes += [(position, row) for row in rows]
            rows = rows[::-1]
        backwards = not backwards
    points = np.array(nodes, np.int64)[:, :: -1 if along else 1]
    return np.asarray(points[chip.holds_neurons()[points[:, 1], points[:, 0]]])


def _chips_to_and_fro(chip: Chip, start: Place) -> Iterator[Place]:
    """The chips of a board, row by row from the corner nearest to `start`."""
    first_x, first_y = chip.chip_at(start)
    columns, rows = (
        sorted(range(chips), reverse=2 * first >= chips)
        for chips, first in zip(chip.board, (first_x, first_y), strict=True)
    )
    for row in rows:
        for column in columns:
            yield column, row
        columns = columns[::-1]


@dataclass(frozen=True, slots=True)
class TooFar:
    """Why a packet cannot be addressed: a field of the chip, what it allows and what is needed."""

    field: str
    needed: int
    allowed: int
    unit: str

    def __str__(self) -> str:
        """What is needed, in words."""
        return f"{self.needed} {self.unit}"


class Reach:
    """Where packets from and to some positions can go.

    Within a chip a packet is addressed by hops; to another chip by chips, and there to any node.
    The positions of a chip are a rectangle as far as its reach goes, so asking costs the same
    however many positions there are.
    """

    def __init__(self, chip: Chip, positions: Iterable[Place]) -> None:
        """Takes columns and rows on the board."""
        mesh, self._chip = chip.spec["mesh"], chip
        self._max_hops = (mesh["max_hops_x"], mesh["max_hops_y"])
        self._max_chip_hops = (chip.spec["board"]["max_chip_hops"],) * 2
        of_chips: dict[Place, list[Place]] = {}
        for position in positions:
            of_chips.setdefault(chip.chip_at(position), []).append(position)
        self._corners = {place: _corners(held) for place, held in of_chips.items()}
        self._chip_corners = _corners(list(of_chips)) if of_chips else None

    def allows(self, order: FillingOrder) -> NDArray[np.bool_]:
        """For each core, whether a packet can go from and to it."""
        near = np.ones(len(order.cores), np.bool_)
        for place, held in order.chips.items():
            if _excess(("", ""), "", self._chip_corners, place, self._max_chip_hops):
                near[held] = False
                continue
            axes = zip(
                self._corners.get(place, ()), (order.x, order.y), self._max_hops, strict=False
            )
            for (low, high), at, limit in axes:
                if limit is not None:
                    near[held] &= np.maximum(at[held] - low, high - at[held]) <= limit
        return near

    def excess(self, here: Place) -> TooFar | None:
        """Why a packet cannot go from or to here, if it cannot."""
        place = self._chip.chip_at(here)
        names = ("mesh.max_hops_x", "mesh.max_hops_y")
        found = _excess(names, "hops", self._corners.get(place), here, self._max_hops)
        names = ("board.max_chip_hops",) * 2
        return found or _excess(names, "chips", self._chip_corners, place, self._max_chip_hops)


Corners: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""Lowest and highest along x, lowest and highest along y."""


def _corners(positions: Sequence[Place]) -> Corners:
    columns, rows = zip(*positions, strict=True)
    return (min(columns), max(columns)), (min(rows), max(rows))


def _excess(
    fields: tuple[str, str],
    unit: str,
    corners: Corners | None,
    here: Place,
    allowed: tuple[int | None, int | None],
) -> TooFar | None:
    """The first axis along which a corner is farther than allowed."""
    for field, (low, high), at, limit in zip(fields, corners or (), here, allowed, strict=False):
        needed = max(at - low, high - at)
        if limit is not None and needed > limit:
            return TooFar(field, needed, limit, unit)
    return None
