"""Network: populations of neurons and the projections between them; no cores yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arithmetic import reference
from ..formats import Tensor
from ..graph import Graph
from ..layers import Layer
from ..options import CompileOptions
from ..reprs import counted, named
from ..requantize import Proof
from .spike_codes import Code
from .spike_codes import SpikeCode as SpikeCode

Shape: TypeAlias = tuple[int, int, int]
"""Height, width, channels: neuron index `(y * width + x) * channels + channel`."""

Arithmetic: TypeAlias = Callable[[Layer, Sequence[NDArray[Any]]], NDArray[Any]]
"""What a layer computes on the chip: the layer and its input codes to its output codes."""


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window; each pair is y then x. `pad` is before the first position."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    dilation: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """Every source to every target."""

    weights: NDArray[np.int32]
    """(source neurons, target neurons)."""


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """A convolution; groups do not see each other."""

    window: Window
    groups: int
    weights: NDArray[np.int32]
    """(channels out, channels in / groups, height, width)."""


@dataclass(frozen=True, slots=True, eq=False)
class Depthwise:
    """Each channel sees itself."""

    window: Window
    weights: NDArray[np.int32]
    """(height, width, channels)."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Each channel sees itself, with one weight a tap."""

    window: Window
    weights: NDArray[np.int32]
    """(height, width)."""


@dataclass(frozen=True, slots=True, eq=False)
class OneToOne:
    """One source a target, all with one weight."""

    weight: int
    index: NDArray[np.int32] | None
    """Source neuron of each target neuron, -1 for none; None where it is the same neuron."""


Connector: TypeAlias = Dense | Convolution | Depthwise | Pool | OneToOne


@dataclass(frozen=True, slots=True)
class WeightRange:
    """The smallest and the largest weight of a projection."""

    low: int
    high: int

    @staticmethod
    def of(connector: Connector) -> WeightRange:
        """Reads every weight once."""
        if isinstance(connector, OneToOne):
            return WeightRange(connector.weight, connector.weight)
        return WeightRange(int(connector.weights.min()), int(connector.weights.max()))

    @property
    def bits(self) -> int:
        """Bits of the widest weight, in two's complement."""
        return max((~min(self.low, 0)).bit_length(), max(self.high, 0).bit_length()) + 1

    @property
    def is_one_value(self) -> bool:
        """Whether all weights are equal."""
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class Projection:
    """All synapses from one population to another."""

    source: str
    target: str
    connector: Connector


@dataclass(frozen=True, slots=True)
class Double:
    """Exact integration into a membrane of two state words."""


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """Scaled integration: each weight sum enters as `(sum * k_t + half) >> shift` (eq. 15-19).

    Rows are one for the layer, or one a channel.
    """

    coefficients: NDArray[np.int64]
    """(rows, steps)."""
    shift: NDArray[np.int64]
    """(rows,)."""
    s1: NDArray[np.float64]
    """(rows,): the membrane's scale, as a factor of the accumulator."""


@dataclass(frozen=True, slots=True, eq=False)
class Float32:
    """`rne(f32(acc) * f32(M)) + zero`."""

    multiplier: NDArray[np.float32]
    zero: int

    def lowered(self, base: int) -> Float32:
        """Constants whose result is smaller by `base`."""
        return Float32(self.multiplier, self.zero - base)

    def codes(self, acc: NDArray[np.int64], output: Tensor) -> NDArray[Any]:
        """The codes of a tensor for its accumulators; the constants broadcast against them."""
        codes = reference(acc, self.multiplier, self.zero, output.low, output.high)
        return codes.astype(output.format.dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """`(acc * multiplier + offset) >> shift`."""

    multiplier: NDArray[np.int64]
    offset: NDArray[np.int64]
    shift: NDArray[np.int64]

    def lowered(self, base: int) -> Fixed:
        """Constants whose result is smaller by `base`."""
        return Fixed(self.multiplier, self.offset - (base << self.shift), self.shift)

    def codes(self, acc: NDArray[np.int64], output: Tensor) -> NDArray[Any]:
        """The codes of a tensor for its accumulators; the constants broadcast against them."""
        codes = (acc * self.multiplier + self.offset) >> self.shift
        clamped: NDArray[np.int64] = np.clip(codes, output.low, output.high)
        return clamped.astype(output.format.dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """`entries[channel, acc - first]`."""

    entries: NDArray[np.int32]
    first: int


@dataclass(frozen=True, slots=True)
class Float32Add:
    """`rne(fma(a, scale_a, fma(b, scale_b, offset))) + zero` of a membrane `a + 512 b`."""

    bases: tuple[int, int]
    scales: tuple[np.float32, np.float32]
    offset: np.float32
    zero: int


Requantizer: TypeAlias = Float32 | Fixed | Table | Float32Add


@dataclass(frozen=True, slots=True)
class Sparsity:
    """Which spikes of a train are left out (SDANN, section 3.3)."""

    rot: int
    """RoT: values are rounded to multiples of `2^rot`."""
    drlo: int
    """DRLO: only so many spikes are sent, the first ones."""

    def sent(self, values: NDArray[np.int64], code: SpikeCode) -> NDArray[np.int64]:
        """What is sent for values that do not round beyond the code's largest."""
        half = (1 << self.rot) >> 1
        rounded = (values + half) >> self.rot << self.rot
        sent = np.zeros(values.shape, np.int64)
        spikes = np.zeros(values.shape, np.int64)
        for step in range(code.bits):
            spike = (rounded >> (code.bits - 1 - step)) & (spikes < self.drlo)
            sent += spike * code.weight(step)
            spikes += spike
        return sent


@dataclass(frozen=True, slots=True, eq=False)
class Stem:
    """Accumulates, scales and generates. Arrays hold one, one a channel or one a neuron."""

    integration: Double | Scaled | None
    """None where each weight sum enters a membrane of one word exactly."""
    bias: NDArray[np.int64]
    requantizer: Requantizer | None
    """None where the host reads the membrane."""
    low: int
    high: int
    sparsity: Sparsity | None = None
    """None where all spikes are sent; else `low` and `high` are values it sends as they are."""


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Passes the largest input on, bit by bit."""


@dataclass(frozen=True, slots=True, eq=False)
class Quartz:
    """Integrates twice, then climbs until it fires. Arrays as in `Stem`."""

    bias: NDArray[np.int64]
    """The membrane before the first spike."""
    slope: NDArray[np.int64]
    """What the membrane climbs in a timestep, or what it takes for that; 0 where it is read."""
    threshold: NDArray[np.int64]
    added_by: int = 0
    """Synapses by which the readout adds the slope to the current; 0 if it sets it."""


@dataclass(frozen=True, slots=True, eq=False)
class IntegrateFire:
    """Integrates, fires and keeps the rest. Arrays as in `Stem`."""

    start: NDArray[np.int64]
    """The membrane before the first spike."""
    bias: NDArray[np.int64]
    """Added in every timestep."""
    threshold: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Sends the same in every sample."""

    values: NDArray[np.int64]
    """One a neuron."""


@dataclass(frozen=True, slots=True)
class Input:
    """Spikes come from outside."""


Model: TypeAlias = Input | Stem | MaxPool | Quartz | IntegrateFire | Constant


@dataclass(frozen=True, slots=True)
class Population:
    """Neurons of one model with one schedule."""

    name: str
    layer: str
    kind: str
    """What the layer is, such as `Convolution`."""
    shape: Shape
    code: Code | None
    """None where the host reads the membrane."""
    model: Model
    send_start: int = 0
    """Timestep of the first bit it sends, or, for a membrane that is read, of its last update."""

    @property
    def steps(self) -> int:
        """Timesteps in which it sends."""
        return self.code.steps if self.code else 0

    @property
    def send_stop(self) -> int:
        """The timestep after the last in which it sends."""
        return self.send_start + self.steps

    @property
    def num_neurons(self) -> int:
        """Number of neurons."""
        height, width, channels = self.shape
        return height * width * channels


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


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """How the host turns membranes it reads into accumulators: `rne(H / s1) + bias`."""

    s1: NDArray[np.float64]
    bias: NDArray[np.int64]
    """Both: one, one a channel or one a neuron."""

    def accumulators(self, membranes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The accumulators of neurons, from their membranes; `bias` broadcasts against them."""
        return np.rint(membranes / self.s1).astype(np.int64) + self.bias


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A population that the host reads for one of the graph's outputs."""

    population: str
    index: NDArray[np.int32]
    """Of the output tensor's shape: which neuron of the population, -1 for the zero point."""
    readout: Readout | None
    """How membranes become accumulators; None where spikes are read."""


@dataclass(frozen=True)
class Network:
    """A graph as neurons, and the proof of what they compute."""

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
    lowerings: tuple[Lowering, ...]
    arithmetic: Mapping[str, Arithmetic] = field(repr=False)
    """For `Graph.evaluate`: the layers whose constants on the chip are not the reference's."""
    notes: tuple[str, ...]
    evaluable: bool = True
    """Whether a layer's input codes say what its neurons send, not only when they arrive."""
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
    def is_the_graph(self) -> bool:
        """Whether it is proven that every neuron sends what the graph's exact integers say."""
        return self.evaluable and not self.arithmetic

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
