"""Fitting: cuts that were chosen for their work, made finer where a core's memory asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from ..chip import Chip
from ..network import Population
from .boxes import Limits, cut, usages_of
from .footprint import Footprints
from .place import Cuts
from .spread import Chooser
from .tiles import Grid, Usage


class Fitting:
    """What the boxes of chosen cuts take of their cores; found once for each choice."""

    def __init__(self, chooser: Chooser, chip: Chip) -> None:
        """For one network on one chip."""
        self.chooser, self.chip, self.limits = chooser, chip, Limits.of(chip)
        self._known: dict[tuple[object, ...], list[Usage] | None] = {}

    def cuts(self, core_cost: float) -> Cuts:
        """The cuts that the chooser holds, each checked against the memories of a core.

        Where one does not fit, the chooser chooses again.

        Args:
            core_cost: Cycles of a sample that a core costs.

        Raises:
            CapacityError: If a population fits in no cut.
        """
        chooser = self.chooser
        grids: dict[str, Grid] = {}
        usages: dict[str, Sequence[Usage]] = {}
        footprints = Footprints(chooser.model.network, self.chip)
        # A box's out-tables depend on how its targets are cut: last layer first.
        for population in reversed(chooser.on_chip):
            name, options = population.name, chooser.model.options[population.name]
            while True:
                grid = options.grid(chooser.chosen[name])
                used = self._usages(footprints, population, grid, grids)
                if used is not None:
                    break
                if not chooser.forbid(name, chooser.chosen[name]):
                    grid, used = cut(footprints, population, self.limits)
                    break
                chooser.choose(population, core_cost)
            grids[name], usages[name] = grid, used
            footprints.settle(population, grid)
        return Cuts(grids, usages)

    def _usages(
        self,
        footprints: Footprints,
        population: Population,
        grid: Grid,
        grids: dict[str, Grid],
    ) -> list[Usage] | None:
        """What every box takes; None where one does not fit."""
        targets = [link.target.name for link in self.chooser.model.out_of[population.name]]
        key = (population.name, grid, *(grids[target] for target in targets))
        if key not in self._known:
            self._known[key] = usages_of(footprints, population, self.limits, grid)
        return self._known[key]
