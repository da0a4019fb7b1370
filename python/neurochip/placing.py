"""Placing: the placement that serves an objective, estimated and then timed by the engine.

Effort 0 takes the candidate with the best estimate. Effort 1 has the engine run samples on the best
few: no estimate says how long packets queue. Effort 2 does so with more of them, and lets the tiles
of the best follow their traffic. Efforts count placements and runs, never seconds: the same input
gives the same placement on every machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .chip import Chip
from .errors import InputError
from .graph import Graph
from .image import Image, assemble
from .lower.layout import channels_last
from .network import Network
from .optimize import optimize
from .options import MOST_EFFORT, CompileOptions
from .placement import Placement, place
from .placement.by_hand import read_placement
from .placement.objective import Candidate, candidates
from .placement.work import Activity, measured, stated
from .simulate import Run, simulate

TIMED = {1: 8, 2: 24}
"""By effort: how many candidates are timed."""

ALIKE = 2
"""Of placements with the same cuts, at most so many are timed."""

TIMED_SAMPLES = 2
"""Samples that each of them runs."""


def placed(
    network: Network,
    chip: Chip,
    asked_for: CompileOptions,
    graph: Graph,
    calibration: NDArray[Any] | None = None,
) -> Placement:
    """The placement that options ask for.

    Args:
        network: What is placed.
        chip: The chip, or the board of chips.
        asked_for: Objective, effort, most cores, the file of a placement, `optimize`.
        graph: What the network computes; it says what samples are as codes.
        calibration: Samples of the model's input, (samples, *shape), whose traffic counts; without
            them an activity is assumed, and random codes are timed.

    Raises:
        CapacityError: If the network does not fit the chip, or the cores that are allowed.
        InputError: If options exclude each other, or the file of a placement does not fit.
    """
    if asked_for.placement is not None:
        _refuse_beside_a_file(asked_for)
        return read_placement(asked_for.placement, network, chip)
    if asked_for.optimize or asked_for.objective == "cores":
        fewest = place(network, chip, max_cores=asked_for.max_cores)
        return optimize(fewest, asked_for.optimize, calibration, graph)
    activity = _activity(network, chip, graph, calibration)
    found = candidates(network, chip, asked_for.objective, activity, asked_for.max_cores)
    best = found[0].placement
    if asked_for.effort:
        samples = TimedSamples(graph, asked_for.objective, calibration)
        best = samples.best(found, asked_for.effort)
    return replace(best, objective=asked_for.objective, effort=asked_for.effort)


def _refuse_beside_a_file(asked_for: CompileOptions) -> None:
    others = {
        "effort": asked_for.effort > 0,
        "max_cores": asked_for.max_cores is not None,
        "optimize": asked_for.optimize > 0,
    }
    given = [name for name, is_given in others.items() if is_given]
    if given:
        raise InputError(
            f"`placement` names every core, so `{given[0]}` has nothing to decide",
            hint=f"leave out `placement` or `{given[0]}`",
        )


def _activity(
    network: Network, chip: Chip, graph: Graph, calibration: NDArray[Any] | None
) -> Activity:
    source = network.populations[0]
    if calibration is None or source.code is None:
        return stated(network)
    codes = channels_last(graph.quantize(calibration))
    return measured(network, chip, source.code.values(codes.astype(np.int64)).astype(np.uint8))


def _different(found: Sequence[Candidate], count: int) -> Iterator[Placement]:
    """The first so many, not all of them with the same cuts."""
    alike: Counter[object] = Counter()
    for candidate in found:
        cuts = tuple((tile.population, tile.box) for tile in candidate.placement.tiles)
        alike[cuts] += 1
        if count and alike[cuts] <= ALIKE:
            count -= 1
            yield candidate.placement


@dataclass(frozen=True, slots=True, eq=False)
class TimedSamples:
    """What the engine runs on a placement, and what of it is to be small."""

    graph: Graph
    objective: str
    calibration: NDArray[Any] | None
    """(samples, *shape) of the model's input; None for random codes."""

    def best(self, found: Sequence[Candidate], effort: int) -> Placement:
        """The best of some candidates, as the engine has it; of equals the one with fewer cores."""
        chosen = list(_different(found, TIMED[effort]))
        costs = [self.cost(each) for each in chosen]
        best = chosen[min(range(len(chosen)), key=lambda at: (costs[at], len(chosen[at].tiles)))]
        if effort < MOST_EFFORT or best.chip.num_chips > 1 or best.chip.cores_per_node > 1:
            return best  # the search that moves tiles knows one chip with a core a node
        moved = replace(optimize(best, 1, self.calibration, self.graph), gain=None)
        return moved if self.cost(moved) < min(costs) else best

    def cost(self, placement: Placement) -> float:
        """Cycles of work, or pJ, of the samples that are timed."""
        image = assemble(placement, graph=self.graph)
        x = self._samples(image, TIMED_SAMPLES + image.samples_in_flight - 1)
        run = simulate(image, x, compare=False, progress=False, tick="none")
        return _energy_pj(run) if self.objective == "energy" else float(run.work_cycles.sum())

    def _samples(self, image: Image, count: int) -> NDArray[Any]:
        if self.calibration is not None:
            return np.resize(self.calibration, (count, *self.calibration.shape[1:]))
        host, random = image.host, np.random.default_rng(0)
        low, high = host.input_range
        codes = random.integers(low, high, (count, *image.input_shape), endpoint=True)
        return codes if host.takes_codes else host.input_format.dequantize(codes)


def _energy_pj(run: Run) -> float:
    """Events, and idle power over the work alone."""
    return float(sum(component.sum() for component in run.energy_by_component_pj.values()))
