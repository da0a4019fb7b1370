"""Capacity: how few cores and chips a network needs, and which memory asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from ..chip import Chip
from ..network import Network
from .boxes import Limits
from .place import cut_all


@dataclass(frozen=True, slots=True)
class Capacity:
    """The fewest cores that hold a network."""

    cores: int
    cores_of_chip: int
    """Cores of one chip that can hold neurons."""
    layer: str
    """The layer that takes the most of them."""
    layer_cores: int
    resource: str
    """What its fullest core has least left of."""
    share: float
    """How much of that is taken."""

    @property
    def chips(self) -> int:
        """Chips that have so many cores."""
        return ceil(self.cores / self.cores_of_chip)

    @property
    def lines(self) -> tuple[str, str]:
        """In words: on how many chips it fits, and what bounds that."""
        chips = f"{self.chips} chip{'s' * (self.chips != 1)} of {self.cores_of_chip:,} cores"
        return (
            f"fits {chips}: at least {self.cores:,} core{'s' * (self.cores != 1)}",
            f"most for layer {self.layer!r}: {self.layer_cores:,}; its fullest core takes "
            f"{100 * self.share:.0f} % of its {self.resource}",
        )


def capacity(network: Network, chip: Chip) -> Capacity | None:
    """What a network needs of a chip at least; None for a network without neurons on cores.

    Raises:
        CapacityError: If a neuron does not fit a core.
    """
    cuts = cut_all(network, chip)
    if not cuts.grids:
        return None
    limits = Limits.of(chip)
    fullest = {name: max(limits.fullest(used) for used in cuts.usages[name]) for name in cuts.grids}
    largest = max(cuts.grids, key=lambda name: (cuts.grids[name].num_boxes, fullest[name]))
    share, resource = fullest[largest]
    return Capacity(
        cores=cuts.num_boxes,
        cores_of_chip=len(chip.cores()) // chip.num_chips,
        layer=network.population(largest).layer,
        layer_cores=cuts.grids[largest].num_boxes,
        resource=resource,
        share=share,
    )
