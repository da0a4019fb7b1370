"""Network: populations of neurons and the projections between them; no cores yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from ..options import CompileOptions
from ..reprs import counted, named
from .connectors import Projection, WeightRange
from .host import Host
from .populations import Population
from .stored import APART, INDEX
from .stored import host as kept_by_host


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
