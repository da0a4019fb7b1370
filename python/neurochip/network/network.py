"""Network: populations of neurons and the projections between them; no cores yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..graph import Graph
from ..options import CompileOptions
from ..reprs import counted, named
from .connectors import Projection, WeightRange
from .populations import Population, Read


@dataclass(frozen=True)
class Network:
    """A graph as neurons."""

    name: str
    code: str
    graph: Graph
    populations: tuple[Population, ...]
    """Sources before targets."""
    projections: tuple[Projection, ...]
    reads: tuple[Read, ...]
    """One for each output of the graph; several may be of one population."""
    timesteps: int
    period: int
    """Timesteps between the entries of two samples; all `timesteps` where they do not overlap."""
    notes: tuple[str, ...]
    options: CompileOptions = field(default_factory=CompileOptions)
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
        return self.reads[0].population

    @property
    def outputs(self) -> tuple[str, ...]:
        """The populations that the host reads, each once."""
        return tuple(dict.fromkeys(read.population for read in self.reads))

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
