"""Summary: what the columns of a replay say together, as plain data.

Loads are flits per node and cycle; cycles from the first creation to the last arrival are those in
which the network had work, and a link carries at most one flit in each.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..links import Link


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
    """Flits per node and cycle, while packets were created."""
    throughput: float
    """Flits per node and cycle, from the first creation to the last arrival."""
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
