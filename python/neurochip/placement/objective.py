"""Objective: placements that are worth considering for what is wanted of them, the best first.

All of it is estimated: `neurochip.placing` times some of them by the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..chip import Chip
from ..errors import CapacityError
from ..network import InputNeurons, Network
from .nodes import Place
from .place import Cuts, Placement, attempt, cut_all, orders_of, place, places_of
from .spread import Chooser, Fitting
from .work import Activity, WorkModel

HOPS_PER_CYCLE = 100
"""Flits that cross a link while the slowest engine works one cycle more because of the network.

Measured on LeNet and ResNet-20 on darwin3; it ranks placements and says nothing about any of them.
"""

REPAIRS = 5
"""How often cores become dearer for populations that find no place, before cuts are left out."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a sample is thought to take."""

    cycles: float
    """Work of its timesteps."""
    flit_hops: float
    pj: float
    """Events that depend on the placement, and idle power over the work."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A placement and what it is thought to take."""

    placement: Placement
    estimate: Estimate

    def cost(self, objective: str) -> float:
        """What is to be small."""
        return self.estimate.pj if objective == "energy" else self.estimate.cycles


def candidates(
    network: Network, chip: Chip, objective: str, activity: Activity, max_cores: int | None
) -> list[Candidate]:
    """Placements of a network, the best for an objective first.

    Args:
        network: What is placed.
        chip: The chip, or the board of chips.
        objective: `latency`, `throughput` or `energy`: the first two differ where samples overlap.
        activity: How often neurons spike.
        max_cores: Cores to use at most; None for all that the chip has.

    Raises:
        CapacityError: If not even the placement with the fewest cores fits.
    """
    fewest = cut_all(network, chip)
    limit = min(len(chip.cores()), max_cores or len(chip.cores()))
    if fewest.num_boxes > limit or not fewest.grids:
        return [Candidate(place(network, chip, fewest, max_cores), Estimate(0.0, 0.0, 0.0))]
    model = WorkModel(network, chip, activity, limit, fewest.grids)
    packet_cycles = _packet_cycles(chip) if objective == "energy" else 0.0
    chooser = Chooser(model, packet_cycles)
    found = []
    for cuts, placements in _choices(chooser, chip, limit):
        cycles = chooser.cycles()
        found += [Candidate(each, _estimate(each, cuts, model, cycles)) for each in placements]
    try:
        plain = place(network, chip, fewest, max_cores)
    except CapacityError:
        if not found:
            raise
    else:
        chooser.take(fewest.grids)
        found.append(Candidate(plain, _estimate(plain, fewest, model, chooser.cycles())))
    return sorted(found, key=lambda each: each.cost(objective))


def _choices(
    chooser: Chooser, chip: Chip, limit: int
) -> Iterator[tuple[Cuts, Sequence[Placement]]]:
    """Cuts from few boxes to many, each with the placements that exist."""
    seen: set[tuple[int, ...]] = set()
    fitting = Fitting(chooser, chip)
    for core_cost in chooser.costs(limit):
        for _ in range(REPAIRS):
            chooser.settle(core_cost)
            cuts = fitting.cuts(core_cost)
            if cuts.num_boxes > limit:
                break
            key = tuple(chooser.chosen.values())
            if key in seen:
                break
            seen.add(key)
            placements, stuck = _placed(chooser, chip, cuts)
            if placements:
                yield cuts, placements
                break
            chooser.crowded(stuck)


def _placed(chooser: Chooser, chip: Chip, cuts: Cuts) -> tuple[list[Placement], set[str]]:
    """The placements of some cuts, and around which populations others failed."""
    network, model, placements = chooser.model.network, chooser.model, []
    crowded: set[str] = set()
    for order in orders_of(chip):
        placement, refusal = attempt(network, chip, cuts, order)
        if placement is not None:
            placements.append(placement)
        elif refusal is not None and refusal.population is not None:
            stuck = refusal.population
            sources = {link.source.name for link in model.into[stuck.name]}
            crowded |= {stuck.name, *sources} & model.options.keys()
    return placements, crowded


def _packet_cycles(chip: Chip) -> float:
    """Cycles over which idle power takes what a packet does on an average way."""
    energy, noc = chip.spec["energy"], chip.spec["noc"]
    hops = sum(chip.chip_size) / 6  # of two nodes drawn from a quarter of the mesh
    picojoules = energy["packet_pj"] + hops * noc["packet_flits"] * energy["flit_hop_pj"]
    idle = _idle_pj_per_cycle(chip)
    return float(picojoules / idle) if idle else 0.0


def _idle_pj_per_cycle(chip: Chip) -> float:
    """Energy of the idle chip in a cycle: a milliwatt in a microsecond is 1e3 pJ."""
    milliwatts = float(chip.spec["energy"]["static_mw"] or 0.0) * chip.num_chips
    return milliwatts * 1e3 / chip.cycles_per_us


def _estimate(placement: Placement, cuts: Cuts, model: WorkModel, cycles: float) -> Estimate:
    """Work of the slowest engines, and what the way of packets adds."""
    chip, network = placement.chip, placement.network
    energy, flits = chip.spec["energy"], chip.spec["noc"]["packet_flits"]
    places = places_of(network, chip, placement.tiles)
    hops = packets = 0.0
    for name, links in model.into.items():
        if name not in cuts.grids:
            continue
        option = model.option_of(name, cuts.grids[name])
        for number, link in enumerate(links):
            spikes = float(model.spikes(link.source).sum()) * link.source.num_neurons
            sent = spikes * float(model.options[name].fan_in[option, number])
            packets += 0.0 if isinstance(link.source.model, InputNeurons) else sent
            hops += sent * flits * _distance(places[link.source.name], places[name])
    cycles += hops / HOPS_PER_CYCLE * _share_of_links(network)
    events = packets * energy["packet_pj"] + hops * energy["flit_hop_pj"]
    return Estimate(cycles, hops, events + cycles * _idle_pj_per_cycle(chip))


def _share_of_links(network: Network) -> float:
    """Samples that are in flight together share the links."""
    return network.period / network.timesteps


def _distance(sources: Sequence[Place], targets: Sequence[Place]) -> float:
    """Hops from any source to any target, on average."""
    apart = np.array(sources)[:, None] - np.array(targets)
    return float(np.abs(apart).sum(axis=2).mean())
