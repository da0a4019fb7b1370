"""Links: the wires between neighbouring routers, and which of them carries most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chip import Chip

DIRECTIONS = {"+x": (1, 0), "-x": (-1, 0), "+y": (0, 1), "-y": (0, -1)}
"""In the order of the columns of `link_flits`: the step from a router to its neighbour."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link between two neighbours, each (x, y), and its load."""

    source: tuple[int, int]
    destination: tuple[int, int]
    direction: str
    flits: int
    flits_per_cycle: float

    def __str__(self) -> str:
        ends = f"{self.source} to {self.destination}"
        return f"{ends}: {self.flits_per_cycle:.3f} flits per cycle, {self.flits:,} in all"


def hottest(chip: Chip, link_flits: NDArray[np.int64], cycles: int) -> Link | None:
    """The link with the most flits in so many cycles; None where no flit crossed any.

    Args:
        chip: Whose links they are.
        link_flits: (nodes, 4): flits from each node towards +x, -x, +y, -y.
        cycles: How long that took.
    """
    node, column = divmod(int(link_flits.argmax()), len(DIRECTIONS))
    flits = int(link_flits[node, column])
    if flits == 0:
        return None
    direction = list(DIRECTIONS)[column]
    (x, y), (step_x, step_y) = chip.position(node), DIRECTIONS[direction]
    return Link((x, y), (x + step_x, y + step_y), direction, flits, flits / cycles)
