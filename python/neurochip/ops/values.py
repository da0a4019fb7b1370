"""What an ONNX tensor is while its graph is being read, and the layers that it becomes.

    Constant             known numbers
    QuantizedConstant    known integers with scale and zero point: weights and biases
    Feed                 the model's input, after float work on the host
    Codes                integers, maybe not computed yet
    Dequantized          the real numbers that a tensor's codes stand for
    Expression           real numbers that wait for the QuantizeLinear that will round them
    Hosted               real numbers past the last layer: float work on the host
    Unknown              the result of a node that was refused

Shapes leave out the sample axis, except in the constants.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Format, Tensor
from ..layers import Layer, Lookup
from ..layers.rearrange import pick

Shape: TypeAlias = tuple[int, ...]
Index: TypeAlias = NDArray[np.int32]
AnyLayer = TypeVar("AnyLayer", bound=Layer)

MAX_VALUES = 1 << 26
"""Of one sample of any tensor; checked before any is allocated."""


class Refusal(Exception):
    """Why one node cannot be imported; the walk collects them all."""


@dataclass(frozen=True, slots=True, eq=False)
class HostOp(ABC):
    """One float operation on the host, before the first layer or after the last: plain data."""

    name: str
    op_type: str

    @abstractmethod
    def evaluate(self, array: Array) -> Array:
        """Takes and returns an array with the sample axis first."""

    def index(self, before: Index) -> Index | None:
        """Where in a sample each value comes from, given where those before came from.

        Args:
            before: Of the shape of one sample: flat positions in the model's input, -1 for zeros.

        Returns:
            The same of what the operation returns; None if it computes, and does not only move.
        """
        return None


@dataclass(frozen=True, slots=True, eq=False)
class MoveOnHost(HostOp):
    """Values moved, as an index says; -1 stands for zero."""

    moved: Index
    """Of the result's shape: flat positions in one sample."""

    def evaluate(self, array: Array) -> Array:
        """Each result is one of the values, or 0."""
        return pick(array, self.moved, 0)

    def index(self, before: Index) -> Index:
        """The index, through that of what came before."""
        return np.where(self.moved < 0, np.int32(-1), before.ravel()[self.moved])


@dataclass(frozen=True, slots=True)
class QuantizeOnHost(HostOp):
    """Real numbers rounded to codes."""

    format: Format

    def evaluate(self, array: Array) -> Array:
        """The codes."""
        return self.format.quantize(array)


@dataclass(frozen=True, slots=True)
class DequantizeOnHost(HostOp):
    """The real numbers that codes stand for."""

    format: Format

    def evaluate(self, array: Array) -> Array:
        """The real numbers, in float32."""
        return self.format.dequantize(array)


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

    def quantize(self, builder: LayerBuilder, target: Target) -> Tensor:
        """Adds the layers that compute the expression's codes."""

    def finish(self, builder: LayerBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
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


@dataclass
class LayerBuilder:
    """Collects the layers that values become, the input, and remarks for the reader."""

    batch: int
    """The number of samples the model declares; reshapes may spell it out."""
    layers: list[Layer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    input: Tensor | None = None
    head: tuple[HostOp, ...] = ()
    _made: dict[tuple[int, Hashable], tuple[object, Tensor]] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def emit(self, layer: AnyLayer) -> Tensor:
        """Adds a layer; its name and its output's are made unique."""
        output = replace(layer.output, name=self._unique(layer.output.name))
        taken = {each.name for each in self.layers}
        names = chain([layer.name, output.name], (f"{layer.name} ({n})" for n in count(2)))
        name = next(each for each in names if each not in taken)
        self.layers.append(replace(layer, name=name, output=output))
        return output

    def once(
        self, source: object, make: Callable[[], Tensor], asked_for: Hashable = None
    ) -> Tensor:
        """The tensor that is made of a source, however often this is asked for of it."""
        key = id(source), asked_for
        if key not in self._made:
            # The source is kept beside the tensor, so that its id stays its own.
            self._made[key] = source, make()
        return self._made[key][1]

    def note(self, text: str) -> None:
        """Remembers a remark for the reader, once."""
        if text not in self.notes:
            self.notes.append(text)

    def note_float(self, name: str, *formats: Format) -> None:
        """Says so if onnxruntime has no integer kernel for a layer of these formats."""
        where = "in integers here, in float32 by onnxruntime"
        if any(format.bits < 8 for format in formats):
            self.note(f"{name!r} has codes of fewer than 8 bits: {where}")
        elif len({format.signed for format in formats}) > 1:
            self.note(f"{name!r} mixes int8 and uint8 tensors: {where}")

    def tensor(self, codes: Codes) -> Tensor:
        """The tensor that holds the codes, computed on first use."""
        target = codes.target
        asked_for = target.format, target.low, target.high
        return self.once(codes.source, lambda: self._compute(codes), asked_for)

    def look_up(
        self, name: str, source: Tensor, real: NDArray[np.float32], target: Target
    ) -> Tensor:
        """Adds the table that rounds `real`: one row per channel, one column per source code."""
        return self.emit_table(name, source, target.format.quantize(real), target)

    def emit_table(self, name: str, source: Tensor, table: Array, target: Target) -> Tensor:
        """Adds a table of codes, one row per channel, one column per code of `source`."""
        table = np.clip(table.astype(np.int32), target.low, target.high)
        first = source.format.qmin
        reachable = table[:, source.low - first : source.high - first + 1]
        target = target.narrowed(int(reachable.min()), int(reachable.max()))
        return self.emit(Lookup(name, (source,), target.tensor(source.shape), table))

    def finish(self, value: Dequantized | Expression | Hosted) -> Hosted:
        """The last integers that a real value comes from, and what is left to the host."""
        if isinstance(value, Hosted):
            return value
        if isinstance(value, Dequantized):
            return Hosted(value.shape, np.dtype(np.float32), value.tensor, ())
        tensor, ops = value.finish(self)
        return Hosted(value.shape, np.dtype(np.float32), tensor, ops)

    def _compute(self, codes: Codes) -> Tensor:
        source, target = codes.source, codes.target
        if isinstance(source, Feed):
            return self._set_input(source, target)
        if not isinstance(source, Dequantized):
            return source.quantize(self, target)
        held = source.tensor
        if held.format == target.format and target.low <= held.low and held.high <= target.high:
            return held
        if held.format != target.format:
            self.note(
                f"{target.name!r}: quantized again with another scale, which is a table here; "
                "onnxruntime's optimizer may merge the two roundings into one"
            )
        real = held.format.dequantize(every_code(held))
        return self.look_up(target.name, held, real, target)

    def _set_input(self, feed: Feed, target: Target) -> Tensor:
        tensor = target.tensor(feed.shape)
        if self.input is None:
            self.input, self.head = tensor, feed.ops
            self._names.add(tensor.name)
        elif (self.input.format, self.head) != (tensor.format, feed.ops):
            raise Refusal("the model's input is quantized in two different ways")
        return self.input

    def _unique(self, name: str) -> str:
        candidate, count = name, 1
        while candidate in self._names:
            count += 1
            candidate = f"{name}_{count}"
        self._names.add(candidate)
        return candidate


def every_code(tensor: Tensor) -> NDArray[np.int64]:
    """Every code the tensor's bits can hold, as one row."""
    return np.arange(tensor.format.qmin, tensor.format.qmax + 1)[None]
