"""The schedule: in which timesteps each population sends.

A population sends once it has received all its sources; a streaming one (max pooling) one timestep
behind its source. A timestep has one coefficient, so two sources of one neuron must send the same
step or not meet at all: whoever would meet otherwise waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from ..errors import ModelError
from .network import MaxPool, Population, Projection

MAX_ROUNDS = 1000


def schedule(
    populations: Sequence[Population], projections: Sequence[Projection]
) -> tuple[Population, ...]:
    """Gives every population the timestep of the first bit it sends; sources come before targets.

    Raises:
        ModelError: If two sources of one population cannot be kept apart.
    """
    sources: dict[str, list[str]] = {population.name: [] for population in populations}
    for projection in projections:
        sources[projection.target].append(projection.source)
    by_name = {population.name: population for population in populations}
    earliest = dict.fromkeys(by_name, 0)
    for _ in range(MAX_ROUNDS):
        start = _starts(populations, sources, earliest)
        clash = _first_clash(populations, sources, start)
        if clash is None:
            return tuple(replace(p, send_start=start[p.name]) for p in populations)
        late, wait = clash
        while isinstance(by_name[late].model, MaxPool):
            late = sources[late][0]
        earliest[late] = start[late] + wait
    raise ModelError(
        f"{late!r} and another source reach one layer in overlapping windows that cannot be parted"
    )


def _starts(
    populations: Sequence[Population],
    sources: Mapping[str, Sequence[str]],
    earliest: Mapping[str, int],
) -> dict[str, int]:
    start: dict[str, int] = {}
    stop: dict[str, int] = {}
    for population in populations:
        name = population.name
        if isinstance(population.model, MaxPool):
            start[name] = start[sources[name][0]] + 1
        else:
            start[name] = max([earliest[name], *(stop[source] for source in sources[name])])
        stop[name] = start[name] + (population.code.bits if population.code else 0)
    return start


def _first_clash(
    populations: Sequence[Population],
    sources: Mapping[str, Sequence[str]],
    start: Mapping[str, int],
) -> tuple[str, int] | None:
    """The first population that must wait, and how many timesteps."""
    codes = {population.name: population.code for population in populations}
    for population in populations:
        met = sorted(dict.fromkeys(sources[population.name]), key=lambda name: start[name])
        for early, late in pairwise(met):
            first, second = codes[early], codes[late]
            assert first, "only the output has no code, and nothing receives from it"
            assert second, "only the output has no code, and nothing receives from it"
            apart = start[early] + first.bits - start[late]
            alike = (first.bits, first.signed) == (second.bits, second.signed)
            if apart > 0 and not (alike and start[early] == start[late]):
                # Two alike may as well send together: then neither waits for a whole window.
                return (early, start[late] - start[early]) if alike else (late, apart)
    return None
