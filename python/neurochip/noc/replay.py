"""Replay: packets go through the network of a chip as they do in a whole run, without cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rich.console import RenderableType

from .. import files
from ..chip import Chip
from ..chip import load as load_chip
from ..errors import InputError
from ..links import hottest
from ..reprs import counted, named
from ..simulate.waiting import Waiting, finished, no_progress_bar, progress_bar
from ..tables import as_text
from .packets import RECORDED, WANTED, Packets, checked
from .summary import Latency, Recorded, Summary
from .telling import document, render

CONSUMERS = ("arrival", "chip")

SAVED = (*WANTED, *RECORDED, "link_flits", "output_blocked_cycles")
"""What a file of a replay holds."""


@dataclass(frozen=True)
class Replay:
    """When each packet was injected and arrived, in the order in which they were given.

    `print(replay)` shows the summary.
    """

    chip: Chip
    consume: str
    created: NDArray[np.int64]
    """(packets,): cycle in which each joined the queue of its source."""
    source: NDArray[np.int64]
    """(packets,): nodes, `y * width + x`."""
    destination: NDArray[np.int64]
    """(packets,): nodes."""
    injected: NDArray[np.int64]
    """(packets,): cycle in which its source sent the head flit."""
    arrived: NDArray[np.int64]
    """(packets,): cycle in which its tail flit was in the receive queue of the destination."""
    link_flits: NDArray[np.int64]
    """(nodes, 4): flits over the link from a node towards +x, -x, +y, -y."""
    output_blocked_cycles: NDArray[np.int64]
    """(nodes, 5): cycles in which a flit asked for an output of a router, the last one that to its
    core, and the queue after it was full."""
    recorded: Mapping[str, NDArray[np.int64]] = field(repr=False)
    """(packets,) each: `injected` and `arrived` of the recording, where it had them."""

    def __repr__(self) -> str:
        return (
            f"Replay({counted(len(self.created), 'packet')} on {named(self.chip.name)}, "
            f"consume {self.consume})"
        )

    @property
    def latency_cycles(self) -> NDArray[np.int64]:
        """(packets,): cycles from creation to arrival, those in the source queue included."""
        return self.arrived - self.created

    @property
    def network_cycles(self) -> NDArray[np.int64]:
        """(packets,): cycles from injection to arrival."""
        return self.arrived - self.injected

    @cached_property
    def hops(self) -> NDArray[np.int64]:
        """(packets,): links between source and destination."""
        return self._distance(1, 1)

    def _distance(self, columns: int, rows: int) -> NDArray[np.int64]:
        """(packets,): how often the way enters another group of so many columns or rows."""
        width = self.chip.size[0]
        along_x = self.destination % width // columns - self.source % width // columns
        along_y = self.destination // width // rows - self.source // width // rows
        return np.asarray(np.abs(along_x) + np.abs(along_y))

    @cached_property
    def empty_network_cycles(self) -> NDArray[np.int64]:
        """(packets,): the latency each would have alone, measured for every distance."""
        distances = np.stack([self.hops, self._distance(*self.chip.chip_size)])
        _, first, distance_of = np.unique(distances, axis=1, return_index=True, return_inverse=True)
        # So far apart that none meets another: idle cycles cost nothing.
        created = np.arange(len(first), dtype=np.int64) << 40
        alone = Packets(created, self.source[first], self.destination[first], {})
        latency = _sent(alone, self.chip, self.consume, lambda done: None)["arrived"] - created
        return np.asarray(latency[distance_of.ravel()])

    @cached_property
    def summary(self) -> Summary:
        """Latency and load."""
        return _summed_up(self)

    def __str__(self) -> str:
        return as_text(render(self.summary))

    def __rich__(self) -> RenderableType:
        return render(self.summary)

    def to_json(self) -> str:
        """The summary as one JSON document with a `schema_version`."""
        return document(self.summary)

    def save(self, path: str | Path) -> None:
        """Writes all arrays as an `.npz`, which can be replayed again.

        Raises:
            InputError: If the file cannot be written.
        """
        with files.written(path, InputError) as file:
            self.write(file)

    def write(self, file: BinaryIO) -> None:
        """Writes all arrays into a file that is open."""
        np.savez(file, **{name: getattr(self, name) for name in SAVED})


def replay(
    packets: str | Path | Mapping[str, ArrayLike] | ArrayLike,
    chip: str | Path | Chip = "darwin3",
    consume: str = "arrival",
    progress: bool = False,
) -> Replay:
    """Sends packets through the network of a chip, without its cores.

    A packet joins the unlimited queue of its source in the cycle of its creation; packets of one
    source leave in the order of creation, those of one cycle in the order in which they are given.
    Each has `noc.packet_flits` flits. One whose destination is its source passes its own router.

    Args:
        packets: Integer columns `created`, `source` and `destination`: an `.npz` file or a mapping
            with an array each, or with one array `packets` and the names of its columns in
            `columns`; or a (packets, 3) array. What a recording says in columns `injected` and
            `arrived` is compared with.
        chip: A built-in chip's name, a chip file, or a chip that was loaded:
            `nc.chip("tiny", overrides={"noc.hop_cycles": 3})`.
        consume: Cores take packets out of their receive queue on `arrival`, or at the pace of the
            `chip`: one each `core.timing.decode_cycles`.
        progress: Shows a progress bar on standard error.

    Raises:
        InputError: If the packets are none, or not of this mesh.
        ChipError: If there is no such chip.
        Interrupted: On Ctrl-C.
    """
    if consume not in CONSUMERS:
        raise InputError(f"no consumer {consume!r}", hint="consumers are `arrival` and `chip`")
    target = load_chip(chip)
    given = checked(packets, target)
    total = len(given.created)
    with progress_bar(total, "replaying") if progress else no_progress_bar() as waiting:
        arrays = _sent(given, target, consume, waiting)
    return Replay(
        chip=target,
        consume=consume,
        created=given.created,
        source=given.source,
        destination=given.destination,
        injected=arrays["injected"],
        arrived=arrays["arrived"],
        link_flits=arrays["output_flits"][:, :4],
        output_blocked_cycles=arrays["output_blocked_cycles"],
        recorded=given.recorded,
    )


def _sent(packets: Packets, chip: Chip, consume: str, waiting: Waiting) -> dict[str, NDArray[Any]]:
    """What became of packets, in their own order; the core wants them in that of their creation."""
    created = packets.created
    is_sorted = bool((created[1:] >= created[:-1]).all())
    order = slice(None) if is_sorted else np.argsort(created, kind="stable")
    job = chip.core.replay(
        created[order].astype(np.uint64),
        packets.source[order].astype(np.uint32),
        packets.destination[order].astype(np.uint32),
        consume == "chip",
    )
    arrays = finished(job, waiting, 0, len(created), "packets")
    for name in ("injected", "arrived"):
        column = np.empty_like(arrays[name])
        column[order] = arrays[name]
        arrays[name] = column
    return arrays


def _summed_up(replay: Replay) -> Summary:
    """Sums a replay up."""
    packet_flits = int(replay.chip.spec["noc"]["packet_flits"])
    width, height = replay.chip.size
    nodes, flits = width * height, len(replay.created) * packet_flits
    first, last_created = int(replay.created.min()), int(replay.created.max())
    cycles = int(replay.arrived.max()) - first + 1
    return Summary(
        chip=replay.chip.name,
        width=width,
        height=height,
        consume=replay.consume,
        packets=len(replay.created),
        packet_flits=packet_flits,
        mean_hops=float(replay.hops.mean()),
        cycles=cycles,
        offered_load=flits / nodes / (last_created - first + 1),
        throughput=flits / nodes / cycles,
        flit_hops=int(replay.link_flits.sum()),
        latency_cycles=_latency(replay.latency_cycles),
        network_cycles=_latency(replay.network_cycles),
        empty_network_cycles=_latency(replay.empty_network_cycles),
        hottest_link=hottest(replay.chip, replay.link_flits, cycles),
        output_blocked_cycles=int(replay.output_blocked_cycles.sum()),
        recorded=_recorded(replay) if replay.recorded else None,
    )


def _latency(cycles: NDArray[np.int64]) -> Latency:
    median, p95, p99 = np.percentile(cycles, (50, 95, 99), method="inverted_cdf")
    return Latency(float(cycles.mean()), int(median), int(p95), int(p99), int(cycles.max()))


def _recorded(replay: Replay) -> Recorded:
    """A packet whose cycles were not recorded, because it was still on its way, is not compared."""
    compared = np.ones(len(replay.created), bool)
    differs = np.zeros_like(compared)
    for name, cycles in replay.recorded.items():
        compared &= cycles >= 0
        differs |= cycles != getattr(replay, name)
    return Recorded(int(np.count_nonzero(differs & compared)), int(np.count_nonzero(compared)))
