"""The schedule: when each population sends, and how soon a sample may follow another.

A sample may enter as soon as every population can take it. A population that waits for the last of
its sources holds up all later samples, so earlier sources are carried along by relays. These cost
what neurons cost, and are told apart as populations of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count

from ...errors import ModelError
from ...network import (
    FirstSpike,
    Flow,
    IntegrateFireNeurons,
    Population,
    Projection,
    QuartzNeurons,
    StemNeurons,
)
from .relays import Layout, Room, TooSoon, Waits

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


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Populations in their timesteps, and how many timesteps lie between samples."""

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    period: int
    notes: tuple[str, ...] = ()
    """What a user should know about it."""

    @property
    def timesteps(self) -> int:
        """From the first spike of a sample to its last, or to the reading of its membranes."""
        return _timesteps(self.populations)


def one_by_one(populations: Sequence[Population], projections: Sequence[Projection]) -> Pipeline:
    """Schedules populations for samples that do not overlap.

    Raises:
        ModelError: If two sources of one population cannot be kept apart.
    """
    scheduled = schedule(populations, projections)
    return Pipeline(scheduled, tuple(projections), _timesteps(scheduled))


def paced(
    populations: Sequence[Population],
    projections: Sequence[Projection],
    buffers: int | None,
    notes: tuple[str, ...] = (),
) -> Pipeline:
    """The pipeline of populations that know when they send.

    Args:
        populations: Sources before targets.
        projections: Between them.
        buffers: Those of a neuron; None where samples do not overlap.
        notes: What a user should know.
    """
    if buffers is None:
        period = _timesteps(populations)
    else:
        period = shortest_period(populations, projections, buffers)
    return Pipeline(tuple(populations), tuple(projections), period, notes)


def pipelined(
    populations: Sequence[Population], projections: Sequence[Projection], buffers: int
) -> Pipeline:
    """Schedules populations for the shortest period, with relays where they make it shorter.

    Sources of one population must send alike codes. Windows are as short as their codes, or all as
    long as the longest, so that branches of equally many layers meet: whichever gives the shorter
    period, then the shorter latency.
    """
    flow = Flow.of(populations, projections)
    longest = max(map(flow.bits, flow.populations))
    pipelines = [_with_windows(flow, projections, buffers, window) for window in (1, longest)]
    return min(pipelines, key=lambda pipeline: (pipeline.period, pipeline.timesteps))


def shortest_period(
    populations: Sequence[Population], projections: Sequence[Projection], buffers: int
) -> int:
    """The fewest timesteps after which every population can take the next sample.

    With two buffers a neuron sends one sample while it receives the next; with one, no spike of the
    next may arrive before it has sent its last bit. The state of a Quartz neuron is updated in all
    timesteps of both windows, which are one where it may fire before it is read out; that of an
    integrate-and-fire neuron is all it has. Others hold only what they send.
    """
    start = {population.name: population.send_start for population in populations}
    sources = Flow.of(populations, projections).sources

    def held(population: Population) -> int:
        sends = _sends(population)
        if not isinstance(population.model, StemNeurons | QuartzNeurons | IntegrateFireNeurons):
            return sends
        first = min(start[source] for source in sources[population.name])
        receives = population.send_start - first
        apart = not (isinstance(population.code, FirstSpike) and population.code.early)
        if buffers == 2 and apart and not isinstance(population.model, IntegrateFireNeurons):
            return max(receives, sends)
        updates = receives + sends - 1
        return updates + 1 if isinstance(population.model, StemNeurons) else updates

    return max(map(held, populations))


def _timesteps(populations: Iterable[Population]) -> int:
    return max(population.send_start + _sends(population) for population in populations)


def _sends(population: Population) -> int:
    """Timesteps in which it sends; a membrane is read in one."""
    return max(1, population.steps)


def _with_windows(
    flow: Flow, projections: Sequence[Projection], buffers: int, window: int
) -> Pipeline:
    """The pipeline of the shortest period in which windows have at least so many timesteps."""
    for period in count(1):
        try:
            layout = _laid_out(flow, projections, Room(period, buffers, window))
        except TooSoon:
            continue
        if shortest_period(layout.populations, layout.projections, buffers) <= period:
            return _pipeline(flow, layout, period)
    raise AssertionError("a period in which every population may wait for all before it is enough")


def _laid_out(flow: Flow, projections: Sequence[Projection], room: Room) -> Layout:
    """The layout in which whoever has to wait does.

    Raises:
        TooSoon: If there is none in this period.
    """
    incoming: dict[str, list[Projection]] = {name: [] for name in flow.populations}
    for projection in projections:
        incoming[projection.target].append(projection)
    waiting: Counter[str] = Counter()
    while True:  # each round lets one population wait longer, and none may for ever
        layout = Layout(flow, room, waiting)
        try:
            for population in flow.populations.values():
                layout.add(population, incoming[population.name])
            return layout
        except Waits as waits:
            waiting[waits.population] += waits.timesteps


def _pipeline(flow: Flow, layout: Layout, period: int) -> Pipeline:
    relays = [each for each in layout.populations if each.name not in flow.populations]
    neurons = sum(population.num_neurons for population in relays)
    note = (
        f"{neurons:,} relay neurons ({len(relays)} populations) carry values past other layers, "
        f"so that a sample may enter every {period} timesteps"
    )
    populations, projections = tuple(layout.populations), tuple(layout.projections)
    return Pipeline(populations, projections, period, (note,) if relays else ())
