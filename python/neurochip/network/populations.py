"""Populations: neurons of one model, what is known of them, and the synapses between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..layers import Layer
from ..requantize import Proof, proof_in_words
from .codec import APART, INDEX, ByValue, host
from .neurons import Model
from .spike_codes import Code, FirstSpike, SpikeCode


@dataclass(frozen=True, slots=True)
class PopulationFacts:
    """What a population is of, what is proven of it, and what was measured as it was lowered.

    Plain numbers and text with no more digits than an image file holds, so that a loaded image has
    equal facts.
    """

    kind: str
    """The layer's kind in the graph, such as `Convolution`; else `Input`, `Relay`, `Readout`,
    `Rectifier` or `Bias`."""
    mode: str
    """`exact`, `double` or `scaled` integration, `ramp` or `rate`; `streaming` for max pooling."""
    tensor: str | None = None
    """The graph's tensor it holds, channels last; None for neurons between tensors."""
    proven: bool = False
    """Whether it is proven to send what the graph's exact integers say, given the same of its
    sources."""
    bias_mode: str = ""
    """`exact`, `scaled`, `calibrated` or `host`; empty for a population without a bias."""
    differing: int | None = None
    """Reachable accumulator values at which the chip's code differs from onnxruntime's."""
    reachable: int | None = None
    """Accumulator values that some input may lead to, of all channels."""
    worst_levels: int | None = None
    """By how many codes the chip's differs at most."""
    s1: tuple[float, ...] = ()
    """Scale of a scaled membrane: one, or one per channel."""
    largest_seen: int | None = None
    """Largest magnitude of a membrane over the calibration samples."""
    largest_possible: int | None = None
    """Largest magnitude that the interval analysis allows."""
    membrane_bits: int | None = None
    headroom_bits: float | None = None
    """By how much the largest membrane seen, or else possible, stays below its register's end."""
    bias_bits: int | None = None
    """Of the narrowest register that holds every bias where it is added; None if none is."""
    note: str = ""
    """What a reader of the report should know."""

    def __post_init__(self) -> None:
        """Refuses a part of a proof."""
        if self.differing is not None and None in (self.reachable, self.worst_levels):
            raise ValueError(f"of the proof of a {self.kind} a number is missing")

    @property
    def proof(self) -> str:
        """What is proven of the constants, in words; empty where there is nothing to prove."""
        if self.differing is None or self.reachable is None or self.worst_levels is None:
            return ""
        return proof_in_words(self.differing, self.reachable, self.worst_levels)


def facts_of(
    layer: Layer,
    mode: str,
    bias_mode: str = "",
    proof: Proof | None = None,
    *,
    proven: bool,
    s1: Iterable[float] = (),
    largest_seen: int | None = None,
    largest_possible: int | None = None,
    membrane_bits: int | None = None,
    headroom_bits: float | None = None,
    bias_bits: int | None = None,
    note: str = "",
) -> PopulationFacts:
    """The facts of the population that holds a layer's output.

    Args:
        layer: What it computes.
        mode: As in `PopulationFacts`, which says of the others what they are.
        bias_mode: Empty for a layer without a bias.
        proof: Reachable accumulator values, by channel, at which codes differ from onnxruntime's.
        proven: Whether the population sends what the graph's exact integers say.
        s1: Rounded to as many digits as float32 has: there may be one per channel.
        largest_seen: Of the calibration samples.
        largest_possible: By intervals.
        membrane_bits: Of a membrane.
        headroom_bits: Rounded to four decimals.
        bias_bits: Of the widest bias.
        note: For a reader of the report.
    """
    return PopulationFacts(
        kind=type(layer).__name__,
        mode=mode,
        tensor=layer.output.name,
        proven=proven,
        bias_mode=bias_mode,
        differing=None if proof is None else int(proof.differing.sum()),
        reachable=None if proof is None else int(proof.reachable.sum()),
        worst_levels=None if proof is None else int(proof.worst_levels.max(initial=0)),
        s1=tuple(float(f"{scale:.8g}") for scale in s1),
        largest_seen=largest_seen,
        largest_possible=largest_possible,
        membrane_bits=membrane_bits,
        headroom_bits=None if headroom_bits is None else round(headroom_bits, 4),
        bias_bits=bias_bits,
        note=note,
    )


def keeps_codes(code: Code | None) -> bool:
    """Whether what is sent says which of a tensor's codes it stands for, whenever it arrives."""
    if isinstance(code, FirstSpike):
        return code.codes_per_level == 1
    return isinstance(code, SpikeCode)


NOWHERE = -1
"""In an index of neurons: a value that no neuron holds, which is the zero point."""

Shape: TypeAlias = tuple[int, int, int]
"""Height, width, channels: neuron index `(y * width + x) * channels + channel`."""


@dataclass(frozen=True, slots=True)
class Population:
    """Neurons of one model with one schedule."""

    name: str
    layer: str = field(metadata=host())
    shape: Shape
    code: Code | None
    """None where the host reads the membrane."""
    model: Model
    facts: PopulationFacts = field(metadata=host())
    """What is proven of it, or was measured as it was lowered."""
    send_start: int = 0
    """Timestep of the first bit it sends, or, for a membrane that is read, of its last update."""

    @property
    def kind(self) -> str:
        """What the layer is, such as `Convolution`."""
        return self.facts.kind

    @property
    def model_name(self) -> str:
        """What its model is called in an image, such as `stem`."""
        return self.model.VARIANT["model"]

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


@dataclass(frozen=True, slots=True, eq=False)
class Readout(ByValue):
    """How the host turns membranes it reads into accumulators: `rne(H / s1) + bias`."""

    s1: NDArray[np.float64]
    bias: NDArray[np.int64]
    """Both: one, one per channel or one per neuron."""

    def accumulators(self, membranes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The accumulators of neurons, from their membranes; `bias` broadcasts against them."""
        return np.rint(membranes / self.s1).astype(np.int64) + self.bias


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window; each pair is y then x. `pad` is before the first position."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    dilation: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class DenseConnector(ByValue):
    """Every source to every target."""

    VARIANT: ClassVar = {"kind": "dense"}

    weights: NDArray[np.int32] = field(metadata=APART)
    """(source neurons, target neurons)."""


@dataclass(frozen=True, slots=True, eq=False)
class ConvolutionConnector(ByValue):
    """A convolution; groups do not see each other."""

    VARIANT: ClassVar = {"kind": "convolution"}

    window: Window
    groups: int
    weights: NDArray[np.int32] = field(metadata=APART)
    """(channels out, channels in / groups, height, width)."""


@dataclass(frozen=True, slots=True, eq=False)
class DepthwiseConnector(ByValue):
    """Each channel sees itself."""

    VARIANT: ClassVar = {"kind": "depthwise"}

    window: Window
    weights: NDArray[np.int32] = field(metadata=APART)
    """(height, width, channels)."""


@dataclass(frozen=True, slots=True, eq=False)
class PoolConnector(ByValue):
    """Each channel sees itself, with one weight a tap."""

    VARIANT: ClassVar = {"kind": "pool"}

    window: Window
    weights: NDArray[np.int32] = field(metadata=APART)
    """(height, width)."""


@dataclass(frozen=True, slots=True, eq=False)
class OneToOneConnector(ByValue):
    """One source a target, all with one weight."""

    VARIANT: ClassVar = {"kind": "one_to_one"}

    weight: int = field(metadata=APART)
    index: NDArray[np.int32] | None
    """Source neuron of each target neuron, -1 for none; None where it is the same neuron."""


Connector: TypeAlias = (
    DenseConnector | ConvolutionConnector | DepthwiseConnector | PoolConnector | OneToOneConnector
)


@dataclass(frozen=True, slots=True)
class WeightRange:
    """The smallest and the largest weight of a projection."""

    low: int
    high: int

    @staticmethod
    def of(connector: Connector) -> WeightRange:
        """Reads every weight once."""
        if isinstance(connector, OneToOneConnector):
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

    ELSEWHERE: ClassVar = ("weight_bits",)

    source: str = field(metadata=INDEX)
    target: str = field(metadata=INDEX)
    connector: Connector
