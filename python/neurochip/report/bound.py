"""Bound: what was busy for most cycles of a run, and so what to relieve first to make it faster."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..chip import Chip
from ..links import DIRECTIONS
from ..simulate import Run
from ..simulate.load import ENGINES, Load
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
