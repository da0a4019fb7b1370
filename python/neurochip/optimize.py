"""Optimize: tiles move to cores between which their packets cross fewer links.

Where packets go is measured: samples run through the values machine, for which it makes no
difference where tiles are. Level 1 lets each tile follow its traffic. Level 2 also anneals, several
times, and has the time machine choose: no count of packets says how long they queue.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from .chip import Chip
from .errors import ChipError, InputError
from .graph import Graph
from .image import Image, assemble
from .placement import Cost, Gain, Placement
from .placement.place import INPUT_PORT
from .simulate.waiting import finished, no_progress_bar

LEVELS = (0, 1, 2)

TRAFFIC_SAMPLES = 16
"""Samples that the traffic is measured on: more hardly change which tiles talk to which."""

ANNEALINGS = tuple((spread, seed) for spread in (0, 4, 8, 12) for seed in (0, 1))
"""How much, of 16, crowded links count beside crossed ones, and a seed.

No one spread is best: of three networks for CIFAR-10 each is fastest with another.
"""

TOLERANCE = 0.01
"""Placements whose cycles differ by less count as equally fast: it is one sample's word."""


def optimize(
    placement: Placement,
    level: int,
    calibration: NDArray[Any] | None = None,
    graph: Graph | None = None,
) -> Placement:
    """Moves tiles to other cores; what the network computes stays the same.

    Args:
        placement: A network on its chip.
        level: 0 moves nothing, 1 takes moments, 2 anneals and times for some seconds to a minute.
        calibration: Samples of the model's input, (samples, *shape), whose traffic counts; without
            them it is that of random codes.
        graph: What the network was lowered from; needed where the host computes with samples first.

    Raises:
        InputError: If there is no such level.
        ChipError: On a board of several chips, whose links the search does not know, or with
            several cores a node.
    """
    if level not in LEVELS:
        raise InputError(f"`optimize` is {level}, expected 0, 1 or 2")
    if level == 0:
        return placement
    if placement.chip.num_chips > 1:
        raise ChipError(
            f"`optimize` moves tiles on one chip; {placement.chip.name!r} is a board of "
            f"{placement.chip.num_chips}",
            hint="leave `optimize` at 0, or take a single chip",
        )
    if placement.chip.cores_per_node > 1:
        raise ChipError(
            f"`optimize` moves tiles between nodes of one core; {placement.chip.name!r} has "
            f"{placement.chip.cores_per_node} at each (mesh.cores_per_node)",
            hint="leave `optimize` at 0",
        )
    image = assemble(placement, graph=graph)
    codes = _random_codes(image) if calibration is None else _codes(image, calibration)
    search = _PlacementSearch(placement, _placer(placement, image, codes), codes)
    start = np.array([tile.core for tile in placement.tiles], np.uint32)
    found = search.placer.descend(start)
    if level == 1:
        before, after = search.counted(start), search.counted(found)
    else:
        before, (after, found) = search.timed(start), search.fastest(start, found)
    gain = Gain(level, len(codes), calibration is None, before, after)
    return replace(search.moved(found), gain=gain)


def _codes(image: Image, calibration: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image.codes(calibration[:TRAFFIC_SAMPLES]))


def _random_codes(image: Image) -> NDArray[np.uint8]:
    """Codes of which every bit is a coin toss, the same on every machine."""
    random = np.random.default_rng(0)
    return random.integers(0, 256, (TRAFFIC_SAMPLES, image.populations[0].num_neurons), np.uint8)


def _placer(placement: Placement, image: Image, codes: NDArray[np.uint8]) -> _core.Placer:
    """The chip's cores and the traffic between tiles, as the core takes them."""
    chip = placement.chip
    mesh = chip.spec["mesh"]
    simulator = _core.Simulator(image.core)
    spikes = sum(_spikes(image, sample) for sample in _records(simulator, codes))
    return _core.Placer(
        (mesh["width"], mesh["height"]),
        (mesh["max_hops_x"], mesh["max_hops_y"]),
        _core_words(chip),
        (INPUT_PORT, chip.ports()),
        np.array([tile.usage.dendrite_words for tile in placement.tiles], np.int64),
        simulator.flows(np.asarray(spikes, np.uint64)),
    )


def _spikes(image: Image, record: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """How often each neuron of a network spikes, given the record of a sample."""
    counts: list[NDArray[Any]] = []
    for population, sent in image.by_population(record[None]):
        silent, code = np.zeros(population.num_neurons, np.uint64), population.code
        counts.append(silent if code is None else code.num_spikes(sent)[0])
    return np.concatenate(counts).astype(np.uint64)


def _records(simulator: _core.Simulator, codes: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """What all neurons send, one sample after the other."""
    threads = os.cpu_count() or 1
    with no_progress_bar() as waiting:
        for done in range(len(codes)):
            job = simulator.start(codes[done : done + 1], False, True, threads)
            yield finished(job, waiting, done, len(codes))["codes"][0]


def _core_words(chip: Chip) -> NDArray[np.int64]:
    """Dendrite memory words by node; -1 where no neurons can be."""
    mesh = chip.spec["mesh"]
    words = np.full(mesh["width"] * mesh["height"], -1, np.int64)
    for node in chip.cores():
        words[node] = chip.dendrite_words(node)
    return words


@dataclass(frozen=True, slots=True)
class _PlacementSearch:
    """Where tiles could be, and the samples that show how good that is."""

    placement: Placement
    placer: _core.Placer
    codes: NDArray[np.uint8]

    def moved(self, nodes: NDArray[np.uint32]) -> Placement:
        """The placement with each tile on another node."""
        pairs = zip(self.placement.tiles, nodes, strict=True)
        tiles = tuple(replace(tile, core=int(node)) for tile, node in pairs)
        return replace(self.placement, tiles=tiles)

    def counted(self, nodes: NDArray[np.uint32]) -> Cost:
        """What a sample costs, but for its cycles; checks that every tile fits and is in reach."""
        flits = self.placement.chip.spec["noc"]["packet_flits"] / len(self.codes)
        packet_hops, hottest = self.placer.cost(nodes)
        return Cost(packet_hops * flits, hottest * flits, None)

    def timed(self, nodes: NDArray[np.uint32]) -> Cost:
        """What a sample costs; one is timed, while as many others are in flight as can be."""
        image = assemble(self.moved(nodes))
        simulator = _core.Simulator(image.core)
        codes = np.resize(self.codes, (image.samples_in_flight, self.codes.shape[1]))
        before, threads = len(codes) - 1, os.cpu_count() or 1
        job = simulator.start(codes, True, False, threads, (before, True))
        with no_progress_bar() as waiting:
            cycles = finished(job, waiting, 0, 1)["work_cycles"]
        return replace(self.counted(nodes), work_cycles=float(cycles.mean()))

    def fastest(self, *known: NDArray[np.uint32]) -> tuple[Cost, NDArray[np.uint32]]:
        """Of what is known and what annealing finds: the fewest hops among the fastest."""
        candidates = [*known, *self.annealed(known[-1])]
        costs = [self.timed(nodes) for nodes in candidates]
        cycles = [cost.work_cycles or 0.0 for cost in costs]
        limit = min(cycles) * (1 + TOLERANCE)
        fast = [number for number, taken in enumerate(cycles) if taken <= limit]
        best = min(fast, key=lambda number: costs[number].flit_hops)
        return costs[best], candidates[best]

    def annealed(self, start: NDArray[np.uint32]) -> Sequence[NDArray[np.uint32]]:
        """What each annealing finds; which thread it runs on makes no difference."""
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            found = [pool.submit(self.placer.anneal, start, *each) for each in ANNEALINGS]
            return [each.result() for each in found]
