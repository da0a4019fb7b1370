"""Network: populations and the projections between them, who receives from whom; no cores yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

from ..options import CompileOptions
from ..reprs import counted, named
from .codec import APART, INDEX
from .codec import host as kept_by_host
from .host import Host
from .neurons import MaxPoolNeurons
from .populations import Population, Projection, WeightRange
from .spike_codes import SpikeCode


@dataclass(frozen=True)
class Network:
    """A graph as neurons: plain data, equal by value.

    All of it is in an image file, and is read back from there (`codec.py`).
    """

    ELSEWHERE: ClassVar = ("chip", "tiles", "host")

    name: str
    code: str
    populations: tuple[Population, ...]
    """Sources before targets."""
    projections: tuple[Projection, ...]
    outputs: tuple[str, ...] = field(metadata=INDEX)
    """The populations that the host reads, each once, in the order in which a run has them."""
    host: Host = field(repr=False, metadata=APART)
    """What is done to samples before the first spike, and to what is read after the last."""
    timesteps: int
    period: int
    """Timesteps between the entries of two samples; all `timesteps` where they do not overlap."""
    notes: tuple[str, ...] = field(metadata=kept_by_host())
    options: CompileOptions = field(default_factory=CompileOptions, metadata=kept_by_host())
    """What was decided as it was lowered."""

    def __repr__(self) -> str:
        neurons = sum(population.num_neurons for population in self.populations)
        return (
            f"Network({named(self.name)}, code {self.code}, "
            f"{counted(len(self.populations), 'population')}, "
            f"{counted(neurons, 'neuron')})"
        )

    @property
    def output(self) -> str:
        """The population that the host reads for the first output."""
        return self.outputs[self.host.outputs[0].population]

    def population(self, name: str) -> Population:
        """The population of this name."""
        return self._by_name[name]

    @cached_property
    def weight_ranges(self) -> tuple[WeightRange, ...]:
        """Of each projection, in their order: measured once, since there may be 10^8 weights."""
        return tuple(WeightRange.of(projection.connector) for projection in self.projections)

    @cached_property
    def _by_name(self) -> Mapping[str, Population]:
        return {population.name: population for population in self.populations}


@dataclass(frozen=True, slots=True)
class Flow:
    """Who receives from whom."""

    populations: Mapping[str, Population]
    sources: Mapping[str, Sequence[str]]
    ancestors: Mapping[str, frozenset[str]]
    """Whoever is before a population, and itself: if one of them waits, it waits."""

    @staticmethod
    def of(populations: Sequence[Population], projections: Sequence[Projection]) -> Flow:
        """Reads projections; sources come before targets."""
        sources: dict[str, list[str]] = {population.name: [] for population in populations}
        for projection in projections:
            sources[projection.target].append(projection.source)
        ancestors: dict[str, frozenset[str]] = {}
        for name, before in sources.items():
            ancestors[name] = frozenset([name]).union(*(ancestors[source] for source in before))
        by_name = {population.name: population for population in populations}
        return Flow(by_name, sources, ancestors)

    def bits(self, name: str) -> int:
        """Timesteps in which a population sends."""
        return self.populations[name].steps

    def starts(self, earliest: Mapping[str, int]) -> dict[str, int]:
        """When each population sends, if nobody waits but until its earliest timestep."""
        start: dict[str, int] = {}
        for name, population in self.populations.items():
            before = self.sources[name]
            if isinstance(population.model, MaxPoolNeurons):
                start[name] = start[before[0]] + 1
            else:
                received = (start[source] + self.bits(source) for source in before)
                start[name] = max([earliest[name], *received])
        return start

    def first_clash(self, start: Mapping[str, int]) -> tuple[str, str] | None:
        """Two sources of one population that meet, the one that sends first before the other."""
        for before in self.sources.values():
            met = sorted(dict.fromkeys(before), key=lambda name: start[name])
            for early, late in pairwise(met):
                together = self.alike(early, late) and start[early] == start[late]
                if start[early] + self.bits(early) > start[late] and not together:
                    return early, late
        return None

    def who_waits(self, early: str, late: str, start: Mapping[str, int]) -> tuple[str, int]:
        """Which population must wait so that two no longer meet, and how many timesteps.

        Two alike may as well send together: then neither waits for a whole window. Whoever the
        other one descends from cannot wait, since both would.
        """
        after_early = start[early] + self.bits(early) - start[late]
        after_late = start[late] + self.bits(late) - start[early]
        beside = start[late] - start[early]
        choices = [(early, late, beside)] if self.alike(early, late) else []
        choices += [(late, early, after_early), (early, late, after_late)]
        for name, other, wait in choices:
            waiting = self.unstreamed(name)
            if waiting not in self.ancestors[other]:
                return waiting, wait
        return late, 0

    def alike(self, a: str, b: str) -> bool:
        """Whether two populations send with the same coefficients."""
        codes = self.populations[a].code, self.populations[b].code
        first, second = (
            (code.bits, code.signed) if isinstance(code, SpikeCode) else None for code in codes
        )
        return first == second

    def unstreamed(self, name: str) -> str:
        """The population that a chain of streaming ones repeats."""
        while isinstance(self.populations[name].model, MaxPoolNeurons):
            name = self.sources[name][0]
        return name
