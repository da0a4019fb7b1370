"""Connectors: which synapses lie between two populations, and the weights they hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .by_value import ByValue
from .stored import APART, INDEX


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
