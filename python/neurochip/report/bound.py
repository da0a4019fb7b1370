"""Bound: what was busy for most cycles of a run, and below which work no placement can bring it.

The first says what to relieve to make it faster. The second is the least work of a sample on its
chip. Of each stretch of timesteps in which a population sends, updates or receives, the work of an
engine is shared evenly over all cores that the population could fill; the way of one packet is
added once. Packets count as if each spike went to one core. Stretches that overlap count once, as
the largest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..links import DIRECTIONS
from ..network import InputNeurons, Network, Population
from ..placement.axons import reaches_all
from ..placement.links import ResolvedProjection
from ..placement.work import EngineTimes, EngineWork
from ..simulate import Run
from ..simulate.run import ENGINES, Load
from .contents import Bound

NETWORK = "network"
LOCAL = len(DIRECTIONS)
"""The output of a router to its cores."""


def bound_of(run: Run) -> Bound | None:
    """The busiest engine of a core or way through the network; None without cycles or work.

    The share is that of the work of the whole run. A core's engines are busy as machine.md
    (section 7) counts it; a way through the network for as long as its flits take at the highest
    rate it has (sections 3 and 6).
    """
    if run.load is None:
        return None
    found = max(
        (*_engines(run, run.load), *_ways(run, run.load)), key=lambda bound: bound.work_cycles
    )
    return found if found.work_cycles > 0 else None


def _engines(run: Run, load: Load) -> Iterator[Bound]:
    """The busiest core of each engine."""
    image = run.image
    per_node = image.chip.cores_per_node
    for column, engine in enumerate(ENGINES):
        of_cores = load.core_cycles[[core.core for core in image.cores], column]
        if not len(of_cores):
            return
        core, cycles = image.cores[int(of_cores.argmax())], int(of_cores.max())
        position = core.x, core.y
        where = f"core {core.core % per_node} of {position}" if per_node > 1 else f"core {position}"
        yield _bound(run, engine, where, cycles, core.core, core.population)


def _ways(run: Run, load: Load) -> Iterator[Bound]:
    """The busiest output of a router, and the port where samples enter."""
    chip = run.image.chip
    cycles = load.output_flits * _cycles_per_flit(chip)
    node, output = divmod(int(cycles.argmax()), cycles.shape[1])
    position = chip.position(node)
    way = "cores" if output == LOCAL else list(DIRECTIONS)[output]
    yield _bound(run, NETWORK, f"{position} to {way}", float(cycles[node, output]))
    if chip.ports():
        flits = int(run.counters["input_packets"].sum()) * chip.spec["noc"]["packet_flits"]
        port = f"input port {chip.ports()[0]}"
        yield _bound(run, NETWORK, port, flits * int(chip.spec["io"][0]["io_cycles"]))


def _cycles_per_flit(chip: Chip) -> NDArray[np.float64]:
    """(nodes, 5): cycles between two flits of each output at best: credits have to come back."""
    noc, board = chip.spec["noc"], chip.spec["board"]
    along_y = noc["hop_y_cycles"] or noc["hop_cycles"]
    latency = np.array([noc["hop_cycles"]] * 2 + [along_y] * 2 + [noc["eject_cycles"]])
    depth = np.array([noc["queue_flits"]] * LOCAL + [noc["receive_flits"]])
    nodes = chip.size[0] * chip.size[1]
    cycles = np.tile(np.maximum(1.0, (latency + noc["credit_cycles"]) / depth), (nodes, 1))
    if chip.num_chips > 1:
        between = max(board["link_flit_cycles"], 2 * board["link_cycles"] / noc["queue_flits"])
        cycles[:, :LOCAL][_leaves_chip(chip)] = between
    return cycles


def _leaves_chip(chip: Chip) -> NDArray[np.bool_]:
    """(nodes, 4): outputs at a side of their chip; at the edge of the board they carry nothing."""
    (width, height), nodes = chip.chip_size, np.arange(chip.size[0] * chip.size[1])
    x, y = nodes % chip.size[0] % width, nodes // chip.size[0] % height
    return np.stack([x == width - 1, x == 0, y == height - 1, y == 0], axis=1)


def _bound(
    run: Run,
    engine: str,
    where: str,
    cycles: float,
    core: int | None = None,
    layer: str | None = None,
) -> Bound:
    return Bound(
        engine=engine,
        where=where,
        core=core,
        layer=layer,
        # A soma's last group is busy for some cycles after it is visible, when work may be over.
        share=min(1.0, cycles / int(run.timestep_work_cycles.sum())),
        work_cycles=cycles / len(run.outputs),
    )


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
                # In each timestep the first flit need not wait for one before it.
                free = (stop - start) * (times.input_flit - 1)
                flits = spikes * times.flits * times.input_flit
                yield Stretch(start, stop, max(0.0, flits - free))
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
