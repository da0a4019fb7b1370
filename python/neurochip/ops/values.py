"""What an ONNX tensor is while its graph is being read.

    Constant             known numbers
    QuantizedConstant    known integers with scale and zero point: weights and biases
    Feed                 the model's input, after float work on the host
    Codes                integers, maybe not computed yet
    View                 the real numbers that a tensor's codes stand for
    Expression           real numbers that wait for the QuantizeLinear that will round them
    Hosted               real numbers past the last layer: float work on the host
    Unknown              the result of a node that was refused

Shapes leave out the sample axis, except in the constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Format, Tensor

if TYPE_CHECKING:
    from .builder import GraphBuilder

Shape: TypeAlias = tuple[int, ...]

MAX_VALUES = 1 << 26
"""Of one sample of any tensor; checked before any is allocated."""


class Refusal(Exception):
    """Why one node cannot be imported; the walk collects them all."""


@dataclass(frozen=True, slots=True)
class HostOp:
    """One float operation on the host, before the first layer or after the last."""

    name: str
    op_type: str
    evaluate: Callable[[Array], Array]
    """Takes and returns an array with the sample axis first; no closure, so that graphs pickle."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a QuantizeLinear asks of an expression: codes of a format, within a range."""

    name: str
    format: Format
    low: int
    high: int

    def narrowed(self, low: int, high: int) -> Target:
        """The same request with its codes clamped to [low, high] as well."""
        clamped = (min(max(bound, low), high) for bound in (self.low, self.high))
        return replace(self, low=next(clamped), high=next(clamped))

    def tensor(self, shape: Shape) -> Tensor:
        """The tensor that will fulfil the request."""
        return Tensor(self.name, shape, self.format, self.low, self.high)


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Numbers known at import."""

    array: Array


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedConstant:
    """Integers known at import, with the scale and zero point of each entry along `axis`."""

    codes: NDArray[np.signedinteger[Any]]
    """64 bits wide only where the codes have 32: there may be 10^8 weights."""
    bits: int
    signed: bool
    scale: NDArray[np.float32]
    zero_point: NDArray[np.int64]
    axis: int
    """Along which scale and zero point lie, unless both have a single entry."""

    @property
    def per_tensor(self) -> bool:
        """Whether one scale and one zero point hold for every entry."""
        return self.scale.size == 1 and self.zero_point.size == 1

    def spread(self, parameter: Array) -> Array:
        """Scale or zero point, shaped to broadcast against the codes."""
        if parameter.size == 1:
            return parameter.reshape(())
        shape = [1] * self.codes.ndim
        shape[self.axis] = -1
        return parameter.reshape(shape)

    @property
    def centred(self) -> NDArray[np.signedinteger[Any]]:
        """Codes minus zero point, as wide as the codes are held."""
        if not self.zero_point.any():
            return self.codes
        return np.asarray(self.codes - self.spread(self.zero_point).astype(self.codes.dtype))

    @property
    def real(self) -> NDArray[np.float32]:
        """The numbers the codes stand for."""
        return np.asarray(self.centred.astype(np.float32) * self.spread(self.scale), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """The model's input, or what host operations make of it."""

    shape: Shape
    dtype: np.dtype[Any]
    ops: tuple[HostOp, ...] = ()


class Expression(Protocol):
    """Real numbers computed from views; they exist once something rounds them."""

    @property
    def shape(self) -> Shape:
        """Without the sample axis."""

    def quantize(self, builder: GraphBuilder, target: Target) -> Tensor:
        """Adds the layers that compute the expression's codes."""

    def finish(self, builder: GraphBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
        """Adds the layers up to the last integers, and says what is left to the host."""


@dataclass(frozen=True, slots=True, eq=False)
class Dequantized:
    """The real numbers that a tensor's codes stand for."""

    tensor: Tensor

    @property
    def shape(self) -> Shape:
        """Without the sample axis."""
        return self.tensor.shape


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """The codes that a target asks of a source; computed when first used."""

    source: Expression | Dequantized | Feed
    target: Target

    @property
    def shape(self) -> Shape:
        """Without the sample axis."""
        return self.source.shape


@dataclass(frozen=True, slots=True, eq=False)
class Hosted:
    """Real numbers past the last layer."""

    shape: Shape
    dtype: np.dtype[Any]
    tensor: Tensor
    ops: tuple[HostOp, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """The result of a node that was refused, or of one that reads such a result."""


Real: TypeAlias = "Dequantized | Expression"
Value: TypeAlias = (
    "Constant | QuantizedConstant | Feed | Codes | Dequantized | Expression | Hosted | Unknown"
)
