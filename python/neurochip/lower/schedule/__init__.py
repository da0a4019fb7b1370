"""The schedule: in which timesteps each population sends.

A population sends once it has received all its sources; a streaming one (max pooling) one timestep
after its source. A timestep has one coefficient, so two sources of one neuron must send the same
step or not meet at all: of two that would meet otherwise one waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...errors import ModelError
from ...network import Flow, Population, Projection

MAX_ROUNDS = 1000


def schedule(
    populations: Sequence[Population], projections: Sequence[Projection]
) -> tuple[Population, ...]:
    """Gives every population the timestep of the first bit it sends; sources come before targets.

    Raises:
        ModelError: If two sources of one population cannot be kept apart.
    """
    flow = Flow.of(populations, projections)
    earliest = dict.fromkeys(flow.populations, 0)
    for _ in range(MAX_ROUNDS):
        start = flow.starts(earliest)
        clash = flow.first_clash(start)
        if clash is None:
            return tuple(replace(p, send_start=start[p.name]) for p in populations)
        early, late = clash
        name, wait = flow.who_waits(early, late, start)
        earliest[name] = start[name] + wait
    raise ModelError(
        f"{early!r} and {late!r} reach one layer in windows that overlap, and cannot be parted"
    )
