"""Summary: what the columns of a replay say together, as plain data.

Loads are flits a node and cycle; cycles from the first creation to the last arrival are those in
which the network had work, and a link carries at most one flit in each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..links import Link, hottest

if TYPE_CHECKING:
    from .replay import Replay


@dataclass(frozen=True, slots=True)
class Latency:
    """Cycles of a packet over all packets. p95: those that 95 in 100 packets do not exceed."""

    mean: float
    median: int
    p95: int
    p99: int
    largest: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """Packets whose cycles differ from those of the recording."""

    differing: int
    compared: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Latency and load of a replay."""

    chip: str
    width: int
    height: int
    consume: str
    packets: int
    packet_flits: int
    mean_hops: float
    cycles: int
    """From the first creation to the last arrival, both included."""
    offered_load: float
    """Flits a node and cycle, while packets were created."""
    throughput: float
    """Flits a node and cycle, from the first creation to the last arrival."""
    flit_hops: int
    latency_cycles: Latency
    """From creation to arrival."""
    network_cycles: Latency
    """From injection to arrival."""
    empty_network_cycles: Latency
    """What each packet would take alone."""
    hottest_link: Link | None
    """None where no packet crossed one."""
    output_blocked_cycles: int
    recorded: Recorded | None
    """None where the recording knew neither injection nor arrival."""


def summed_up(replay: Replay) -> Summary:
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
