"""Network: populations of neurons and the projections between them; no cores yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

from numpy.typing import NDArray

from ..layers import Layer
from ..options import CompileOptions
from ..reprs import counted, named
from ..requantize import Proof
from .connectors import Projection, WeightRange
from .host import Host
from .populations import Population
from .stored import APART, INDEX
from .stored import host as kept_by_host

Arithmetic: TypeAlias = Callable[[Layer, Sequence[NDArray[Any]]], NDArray[Any]]
"""What a layer computes on the chip: the layer and its input codes to its output codes."""


@dataclass(frozen=True, slots=True)
class Lowering:
    """How one layer was lowered, and what is proven about it."""

    layer: str
    mode: str
    """How its sums are integrated: `exact`, `double`, `scaled`, on a `ramp` or as a `rate`."""
    bias_mode: str
    """`exact`, `scaled`, `calibrated`, `host` or empty."""
    proof: Proof | None
    """Reachable accumulator values at which the chip's requantizer differs from onnxruntime's."""
    note: str = ""
    s1: tuple[float, ...] = ()
    """Scale of a scaled membrane: one, or one a channel."""
    largest_seen: int | None = None
    """Largest magnitude of a membrane over the calibration samples."""
    largest_possible: int | None = None
    """Largest magnitude that the interval analysis allows."""
    membrane_bits: int | None = None
    headroom_bits: float | None = None
    """By how much the largest membrane seen, or else possible, stays below its register's end."""
    bias_bits: int | None = None
    """Of the narrowest register that holds every bias where it is added; None if none is."""


@dataclass(frozen=True)
class Network:
    """A graph as neurons, and the proof of what they compute: plain data, equal by value.

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
    lowerings: tuple[Lowering, ...] = field(metadata=APART)
    arithmetic: Mapping[str, Arithmetic] = field(repr=False, metadata=APART)
    """For `Graph.evaluate`: the layers whose constants on the chip are not the reference's."""
    notes: tuple[str, ...] = field(metadata=kept_by_host())
    evaluable: bool = field(default=True, metadata=APART)
    """Whether a layer's input codes say what its neurons send, not only when they arrive."""
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
    def is_the_graph(self) -> bool:
        """Whether it is proven that every neuron sends what the graph's exact integers say."""
        return self.evaluable and not self.arithmetic

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
