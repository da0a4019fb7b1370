"""Nodes: the order in which cores are filled, and how far apart two of them may be.

Cores are filled along a Hilbert curve from where the input enters: neighbours on it are neighbours
on the mesh, so layers that follow each other sit near. Positions are columns and rows of the board.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..chip import Chip


def hilbert_position(side: int, distance: int) -> tuple[int, int]:
    """The point at a distance along the Hilbert curve of a square whose side is a power of two."""
    x = y = 0
    length = 1
    while length < side:
        right = (distance // 2) & 1
        up = (distance ^ right) & 1
        if up == 0:
            if right == 1:
                x, y = length - 1 - x, length - 1 - y
            x, y = y, x
        x += length * right
        y += length * up
        distance //= 4
        length *= 2
    return x, y


def filling_order(chip: Chip, start: tuple[int, int]) -> list[int]:
    """All cores of a board, chip after chip, each along the curve.

    Chips are filled row by row, to and fro, from the one that `start` is on, which is at a corner
    of the board if a port is there. The curve of each goes on from the core nearest to the last
    core of the chip before, at first from the one nearest to `start`.
    """
    order: list[int] = []
    free = set(chip.cores())
    width = chip.chip_size[0] * chip.board[0]
    curve = _curve(chip.chip_size)
    for left, low in _chips_to_and_fro(chip, start):
        here = [(low + y) * width + left + x for x, y in curve]
        each = range(chip.cores_per_node)
        cores = [node * len(each) + place for node in here for place in each]
        cores = [core for core in cores if core in free]
        positions = [chip.position_of(core) for core in cores]
        nearest = min(
            range(len(cores)), key=lambda i: (_distance(positions[i], start), i), default=0
        )
        order += cores[nearest:] + cores[:nearest]
        start = chip.position_of(order[-1]) if order else start
    return order


def _curve(size: tuple[int, int]) -> list[tuple[int, int]]:
    """The positions of a chip along the curve of the square around it."""
    side = 1 << (max(size) - 1).bit_length()
    points = (hilbert_position(side, distance) for distance in range(side * side))
    return [(x, y) for x, y in points if x < size[0] and y < size[1]]


def _chips_to_and_fro(chip: Chip, start: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The lower left node of each chip, row by row from the corner nearest to `start`."""
    first_x, first_y = chip.chip_at(start)
    columns, rows = (
        sorted(range(chips), reverse=2 * first >= chips)
        for chips, first in zip(chip.board, (first_x, first_y), strict=True)
    )
    for row in rows:
        for column in columns:
            yield column * chip.chip_size[0], row * chip.chip_size[1]
        columns = columns[::-1]


def _distance(a: tuple[int, int], b: tuple[int, int]) -> int:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


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

    def __init__(self, chip: Chip, positions: Iterable[tuple[int, int]]) -> None:
        """Takes columns and rows on the board."""
        mesh, self._chip = chip.spec["mesh"], chip
        self._max_hops = (mesh["max_hops_x"], mesh["max_hops_y"])
        self._max_chip_hops = (chip.spec["board"]["max_chip_hops"],) * 2
        of_chips: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for position in positions:
            of_chips.setdefault(chip.chip_at(position), []).append(position)
        self._corners = {place: _corners(held) for place, held in of_chips.items()}
        self._chip_corners = _corners(list(of_chips)) if of_chips else None

    def excess(self, here: tuple[int, int]) -> TooFar | None:
        """Why a packet cannot go from or to here, if it cannot."""
        place = self._chip.chip_at(here)
        names = ("mesh.max_hops_x", "mesh.max_hops_y")
        found = _excess(names, "hops", self._corners.get(place), here, self._max_hops)
        names = ("board.max_chip_hops",) * 2
        return found or _excess(names, "chips", self._chip_corners, place, self._max_chip_hops)


Corners: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""Lowest and highest along x, lowest and highest along y."""


def _corners(positions: Sequence[tuple[int, int]]) -> Corners:
    columns, rows = zip(*positions, strict=True)
    return (min(columns), max(columns)), (min(rows), max(rows))


def _excess(
    fields: tuple[str, str],
    unit: str,
    corners: Corners | None,
    here: tuple[int, int],
    allowed: tuple[int | None, int | None],
) -> TooFar | None:
    """The first axis along which a corner is farther than allowed."""
    for field, (low, high), at, limit in zip(fields, corners or (), here, allowed, strict=False):
        needed = max(at - low, high - at)
        if limit is not None and needed > limit:
            return TooFar(field, needed, limit, unit)
    return None
