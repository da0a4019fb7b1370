"""Relays: neurons that repeat what others send, one window later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

import numpy as np

from ...network import (
    ExactIntegration,
    FixedRequantizer,
    Flow,
    MaxPoolNeurons,
    OneToOneConnector,
    Population,
    PopulationFacts,
    Projection,
    SpikeCode,
    StemNeurons,
)

RELAY = "Relay"
"""The kind of a population that holds what another has sent."""


def relay(name: str, source: Population) -> Population:
    """Neurons that send exactly what a population sends, once it is connected one to one."""
    assert isinstance(source.code, SpikeCode), "what sends no bits is not repeated by STEM"
    one = np.ones(1, np.int64)
    as_it_is = FixedRequantizer(one, 0 * one, 0 * one)
    low, high = source.code.low, source.code.high
    model = StemNeurons(ExactIntegration(), 0 * one, as_it_is, low, high)
    facts = PopulationFacts(RELAY, "exact", proven=True)
    return replace(source, name=name, layer=name, model=model, facts=facts)


class TooSoon(Exception):
    """Samples cannot follow each other this soon."""


class Waits(Exception):
    """The layout must begin anew: a population has to send later than its sources ask for."""

    def __init__(self, population: str, timesteps: int) -> None:
        """Names the population, and the timesteps that come to its waiting."""
        super().__init__(population, timesteps)
        self.population, self.timesteps = population, timesteps


@dataclass(frozen=True, slots=True)
class Room:
    """How long populations may take over a sample."""

    period: int
    """Timesteps between samples."""
    buffers: int
    window: int
    """Timesteps after which a population sends at the earliest."""

    def longest(self, bits: int) -> int:
        """The most timesteps from the first spike received to the first bit sent."""
        return self.period if self.buffers == 2 else self.period - bits

    def hops(self, timesteps: int, bits: int) -> int | None:
        """The fewest relays that carry a value for so long; None if none do it exactly."""
        longest = self.longest(bits)
        if timesteps == 0:
            return 0
        if longest < bits:
            return None
        hops = -(-timesteps // longest)
        return hops if hops * bits <= timesteps else None


class Layout:
    """Populations in their timesteps, and the relays between them; sources are added first."""

    def __init__(self, flow: Flow, room: Room, waiting: Mapping[str, int]) -> None:
        """Starts with nothing; `waiting`: timesteps that populations send later than they could."""
        self.flow, self.room, self.waiting = flow, room, waiting
        self.populations: list[Population] = []
        self.projections: list[Projection] = []
        self.start: dict[str, int] = {}
        self._arrival: dict[str, int] = {}
        self._copies: dict[str, list[str]] = {}

    def add(self, population: Population, incoming: Sequence[Projection]) -> None:
        """Adds a population after all that it receives from.

        Raises:
            TooSoon: If its sources cannot be brought together in this period.
            Waits: If one of them must wait for the others.
        """
        sources = list(dict.fromkeys(projection.source for projection in incoming))
        start, carriers = 0, {source: source for source in sources}
        if isinstance(population.model, MaxPoolNeurons):
            start = self.start[sources[0]] + 1
        elif sources:
            arrival = self._meeting(sources)
            carriers = {source: self._carried(source, arrival) for source in sources}
            self._arrival[population.name] = arrival
            window = max(self.room.window, *(self.flow.bits(source) for source in sources))
            start = arrival + window + self.waiting.get(population.name, 0)
        self._place(population, start)
        self._copies[population.name] = [population.name]
        self.projections += [replace(each, source=carriers[each.source]) for each in incoming]

    def _place(self, population: Population, start: int) -> None:
        self.start[population.name] = start
        self.populations.append(replace(population, send_start=start))

    def _meeting(self, sources: Sequence[str]) -> int:
        """The first timestep in which all sources, or relays of them, can send together."""
        latest = max(self.start[source] for source in sources)
        self._let_wait(sources, latest)
        for arrival in range(latest, latest + self.room.period + 1):
            if all(self._nearest(source, arrival) for source in sources):
                return arrival
        raise TooSoon

    def _let_wait(self, sources: Sequence[str], latest: int) -> None:
        """Lets a source that is early by less than a window wait: that takes no neurons."""
        late = [source for source in sources if self.start[source] == latest]
        for source in sources:
            early = latest - self.start[source]
            waiting = self.flow.unstreamed(source)
            if not 0 < early < self.flow.bits(source) or waiting not in self._arrival:
                continue
            receives = self.start[waiting] + early - self._arrival[waiting]
            held_up = any(waiting in self.flow.ancestors[other] for other in late)
            if not held_up and receives <= self.room.longest(self.flow.bits(waiting)):
                raise Waits(waiting, early)

    def _nearest(self, source: str, arrival: int) -> str | None:
        """The last relay of a source, or itself, whose value can be sent in a timestep."""
        bits = self.flow.bits(source)
        for copy in reversed(self._copies[source]):
            timesteps = arrival - self.start[copy]
            if timesteps >= 0 and self.room.hops(timesteps, bits) is not None:
                return copy
        return None

    def _carried(self, source: str, arrival: int) -> str:
        """Who sends a source's value in a timestep; adds the relays that this takes."""
        name = self._nearest(source, arrival)
        assert name is not None, "the meeting was chosen so that all can come"
        begin, bits = self.start[name], self.flow.bits(source)
        hops = self.room.hops(arrival - begin, bits) or 0
        for hop in range(1, hops + 1):
            repeated, name = name, self._unused_name(source)
            start = begin + (arrival - begin) * hop // hops
            self._place(relay(name, self.flow.populations[source]), start)
            self.projections.append(Projection(repeated, name, OneToOneConnector(1, None)))
            self._copies[source].append(name)
        return name

    def _unused_name(self, source: str) -> str:
        wanted = f"relay of {source}"
        names = chain([wanted], (f"{wanted} ({number})" for number in count(2)))
        taken = self.flow.populations.keys() | self.start.keys()
        return next(name for name in names if name not in taken)
