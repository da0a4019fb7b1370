"""Least work: cycles below which no placement of a network on its chip can bring a sample.

Of each stretch of timesteps in which a population sends, updates or receives, the work of an engine
is shared evenly over all cores that the population could fill; the way of one packet is added once.
Packets count as if each spike went to one core. Stretches that overlap count once, as the largest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..chip import Chip
from ..network import InputNeurons, Network, Population
from ..placement.axons import reaches_all
from ..placement.links import ResolvedProjection
from ..placement.work import EngineTimes, EngineWork
from ..simulate import Run


@dataclass(frozen=True, slots=True)
class Stretch:
    """Timesteps of a sample in which something takes at least so many cycles in all."""

    start: int
    stop: int
    cycles: float


def least_work_cycles(run: Run) -> float | None:
    """Of a sample, on average; None without cycles, or where samples overlap in time."""
    image = run.image
    if run.load is None or image.samples_in_flight > 1:
        return None
    chip = image.chip
    means = {
        name: counts.mean(axis=0)
        for name, counts in run.by_population.items()
        if name in ("spikes", "sops", "soma_updates")
    }
    counted = {
        population.name: {name: float(mean[at]) for name, mean in means.items()}
        for at, population in enumerate(image.populations)
    }
    return _longest(list(_stretches(image.network, chip, counted)))


def _longest(stretches: Sequence[Stretch]) -> float:
    """The most cycles of stretches that do not overlap (weighted interval scheduling)."""
    ends = sorted(stretches, key=lambda each: each.stop)
    most: list[tuple[int, float]] = [(0, 0.0)]
    for each in ends:
        before = max(cycles for stop, cycles in most if stop <= each.start)
        most.append((each.stop, max(most[-1][1], before + each.cycles)))
    return most[-1][1]


def _stretches(
    network: Network, chip: Chip, counted: dict[str, dict[str, float]]
) -> Iterator[Stretch]:
    """Of every population and engine."""
    cores, spec = len(chip.cores()), chip.spec
    timing, noc = spec["core"]["timing"], spec["noc"]
    model = EngineWork(network, chip, {})
    times = model.times
    way = noc["eject_cycles"] + times.lookup + timing["soma_latency"] + noc["inject_cycles"]
    for population in network.populations:
        spikes, links = counted[population.name]["spikes"], model.out_of[population.name]
        all_reach = any(reaches_all(link) for link in links)
        start, stop = population.send_start, population.send_start + population.steps
        if isinstance(population.model, InputNeurons):
            if all_reach:
                yield Stretch(start, stop, spikes * times.flits * times.input_flit)
            continue
        share = min(cores, population.num_neurons)
        sent = spikes * (times.lookup + (times.flits if all_reach else 0))
        yield Stretch(start, stop, sent / share)
        into = model.into[population.name]
        if into:
            yield from _received(population, into, counted, times, share, way)
        cycles = model.soma(population)
        busy = np.flatnonzero(cycles)
        if len(busy):
            least = float(cycles[busy].min())
            updates = counted[population.name]["soma_updates"] / times.lanes / share
            # The last group of a timestep may still be busy when it is visible.
            hidden = len(busy) * max(0.0, least - timing["soma_latency"])
            yield Stretch(int(busy[0]), int(busy[-1]) + 1, max(0.0, updates * least - hidden))


def _received(
    population: Population,
    into: Sequence[ResolvedProjection],
    counted: dict[str, dict[str, float]],
    times: EngineTimes,
    share: int,
    way: int,
) -> Iterator[Stretch]:
    """Of Receive: every spike is decoded at one core at least, and every synapse added."""
    starts = [link.source.send_start for link in into]
    stops = [link.source.send_start + link.source.steps for link in into]
    sources = {link.source.name for link in into if reaches_all(link)}
    decoded = sum(counted[name]["spikes"] for name in sources) * times.decode
    added = counted[population.name]["sops"] * times.synapse
    if decoded + added:
        yield Stretch(min(starts), max(stops), (decoded + added) / share + way)
