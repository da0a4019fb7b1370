"""The graph under construction: layers so far, the input, and remarks for the reader."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..formats import Array, Format, Tensor
from ..layers import Layer, Lookup
from .node import Node
from .quantization import activation_format
from .values import (
    Codes,
    Constant,
    Dequantized,
    Expression,
    Feed,
    Hosted,
    HostOp,
    QuantizedConstant,
    Refusal,
    Shape,
    Target,
    Unknown,
    Value,
)

AnyLayer = TypeVar("AnyLayer", bound=Layer)


@dataclass
class GraphBuilder:
    """Collects the layers that the translations of the nodes ask for."""

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

    def view(self, node: Node, position: int) -> Dequantized:
        """The view at one of the node's inputs.

        Raises:
            Refusal: If the input is anything but dequantized codes.
        """
        value = node.input(position)
        if isinstance(value, Dequantized):
            return value
        raise Refusal(unquantized(node, position))

    def codes_as(self, node: Node, position: int, scale_at: int, zero_point_at: int) -> Tensor:
        """The codes at one input, meaning what the scale and zero point beside them say."""
        value = node.input(position)
        tensor = self.tensor(value) if isinstance(value, Codes) else None
        held = "uint8" if tensor is None else tensor.format.type_name
        stated = activation_format(node, scale_at, zero_point_at, held)
        if isinstance(value, Feed) and value.dtype.kind in "iu":
            return self._integer_input(node, position, value, stated)
        if tensor is None:
            raise Refusal(unquantized(node, position))
        if (tensor.format.bits, tensor.format.signed) != (stated.bits, stated.signed):
            raise Refusal(f"its input {node.input_name(position)!r} has another integer type")
        if tensor.format == stated:
            return tensor
        identity = np.arange(stated.qmin, stated.qmax + 1, dtype=np.int32)[None]
        output = replace(tensor, format=stated)
        return self.emit(Lookup(f"{node.name}_reinterpret", (tensor,), output, identity))

    def quantized(self, source: Value, node: Node, target_format: Format) -> Codes:
        """The codes of a real value in a format, under the name of the node's output."""
        if isinstance(source, (Constant, QuantizedConstant, Codes, Hosted, Unknown)):
            raise Refusal(unquantized(node, 0))
        qmin, qmax = target_format.qmin, target_format.qmax
        return Codes(source, Target(node.output_name, target_format, qmin, qmax))

    def look_up(
        self, name: str, source: Tensor, real: NDArray[np.float32], target: Target
    ) -> Tensor:
        """Adds the table that rounds `real`, one row a channel, one column a code of `source`."""
        return self.emit_table(name, source, target.format.quantize(real), target)

    def emit_table(self, name: str, source: Tensor, table: Array, target: Target) -> Tensor:
        """Adds a table of codes, one row a channel, one column a code of `source`."""
        table = np.clip(table.astype(np.int32), target.low, target.high)
        first = source.format.qmin
        reachable = table[:, source.low - first : source.high - first + 1]
        target = target.narrowed(int(reachable.min()), int(reachable.max()))
        return self.emit(Lookup(name, (source,), target.tensor(source.shape), table))

    def host(self, node: Node, position: int) -> Feed | Hosted:
        """The node as float work on the host, before the first layer or after the last."""
        value = node.input(position)
        op = node.host_op(position)
        if isinstance(value, Feed):
            shape, dtype = _host_result(op, value.shape, value.dtype)
            return Feed(shape, dtype, (*value.ops, op))
        if value is None or isinstance(value, (Constant, QuantizedConstant, Codes, Unknown)):
            raise Refusal(unquantized(node, position))
        done = self.finish(value)
        shape, dtype = _host_result(op, done.shape, done.dtype)
        return Hosted(shape, dtype, done.tensor, (*done.ops, op))

    def finish(self, value: Dequantized | Expression | Hosted) -> Hosted:
        """The last integers behind a real value, and what is left to the host."""
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

    def _integer_input(self, node: Node, position: int, feed: Feed, stated: Format) -> Tensor:
        if feed.dtype != stated.dtype:
            raise Refusal(f"the model's input is {feed.dtype}, its zero point {stated.dtype}")
        dequantize = HostOp(node.name, "DequantizeLinear", stated.dequantize)
        real = Feed(feed.shape, np.dtype(np.float32), (*feed.ops, dequantize))
        name = node.input_name(position)
        if self.input is not None and self.input.name == name and self.input.format == stated:
            return self.input
        return self._set_input(real, Target(name, stated, stated.qmin, stated.qmax))

    def _unique(self, name: str) -> str:
        candidate, count = name, 1
        while candidate in self._names:
            count += 1
            candidate = f"{name}_{count}"
        self._names.add(candidate)
        return candidate


def _host_result(op: HostOp, shape: Shape, dtype: np.dtype[Any]) -> tuple[Shape, np.dtype[Any]]:
    """Shape and type of what a host operation makes of one sample, however many there are."""
    results = [op.evaluate(np.zeros((count, *shape), dtype)) for count in (2, 3)]
    shapes = [result.shape for result in results]
    if not all(shapes) or shapes != [(count, *shapes[0][1:]) for count in (2, 3)]:
        raise Refusal("it mixes samples")
    return results[0].shape[1:], results[0].dtype


def every_code(tensor: Tensor) -> NDArray[np.int64]:
    """Every code the tensor's bits can hold, as one row."""
    return np.arange(tensor.format.qmin, tensor.format.qmax + 1)[None]


def unquantized(node: Node, position: int) -> str:
    """Why an input is no tensor of codes; empty if the node before has been refused already."""
    value = node.input(position)
    if value is None:
        return "an input is missing"
    name = node.input_name(position)
    if isinstance(value, Unknown):
        return ""
    if isinstance(value, Hosted):
        op = value.ops[0]
        return f"its input {name!r} comes after {op.op_type} at {op.name!r}, which runs on the host"
    if isinstance(value, (Constant, QuantizedConstant)):
        return f"its input {name!r} is constant"
    if isinstance(value, Codes):
        return f"its input {name!r} is integer; a DequantizeLinear is missing before it"
    return f"its input {name!r} is not quantized: no QuantizeLinear stands between it and the node"
