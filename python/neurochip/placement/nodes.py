"""Nodes: the order in which cores are filled, along a Hilbert curve from where the input enters.

Neighbours on the curve are neighbours on the mesh, so layers that follow each other sit near.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """All cores: along the curve from the one nearest to `start`, then from its beginning."""
    width, height = chip.spec["mesh"]["width"], chip.spec["mesh"]["height"]
    side = 1 << (max(width, height) - 1).bit_length()
    cores = set(chip.cores())
    order = []
    for distance in range(side * side):
        x, y = hilbert_position(side, distance)
        if x < width and y < height and y * width + x in cores:
            order.append(y * width + x)
    nearest = min(range(len(order)), key=lambda i: (_distance(chip.position(order[i]), start), i))
    return order[nearest:] + order[:nearest]


def _distance(a: tuple[int, int], b: tuple[int, int]) -> int:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


@dataclass(frozen=True, slots=True)
class Distances:
    """How far a chip's packets can be addressed."""

    max_x: int | None
    max_y: int | None

    @staticmethod
    def of(chip: Chip) -> Distances:
        """Reads a chip's description."""
        mesh = chip.spec["mesh"]
        return Distances(mesh["max_hops_x"], mesh["max_hops_y"])

    def excess(self, a: tuple[int, int], b: tuple[int, int]) -> tuple[str, int, int] | None:
        """The field, the hops needed and the hops there are, if a packet cannot go from a to b."""
        dx, dy = abs(a[0] - b[0]), abs(a[1] - b[1])
        if self.max_x is not None and dx > self.max_x:
            return "mesh.max_hops_x", dx, self.max_x
        if self.max_y is not None and dy > self.max_y:
            return "mesh.max_hops_y", dy, self.max_y
        return None
