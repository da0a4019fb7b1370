"""What the translation of a node is given: the node, and the graph under construction.

A `Node` has the values of its inputs, the formats that scales and zero points among them describe,
and its meaning in NumPy. A `GraphBuilder` makes values of its inputs, and layers of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from ..formats import Array, Format, Tensor
from ..layers import Lookup
from .reference import evaluated
from .values import (
    Codes,
    Constant,
    Dequantized,
    DequantizeOnHost,
    Feed,
    Hosted,
    HostOp,
    Index,
    LayerBuilder,
    QuantizedConstant,
    Refusal,
    Shape,
    Target,
    Unknown,
    Value,
)

CONSTANT_BYTES_LIMIT = 1 << 28
"""The largest array constant folding may make."""


@dataclass(frozen=True)
class Node:
    """One node of the graph being read."""

    proto: NodeProto
    opset: int
    inputs: tuple[Value | None, ...]
    """None for an optional input that is left out."""

    @property
    def name(self) -> str:
        """The node's name, or its first output's where it has none."""
        return self.proto.name or self.proto.output[0]

    @property
    def op_type(self) -> str:
        """The operator, with its domain in front unless it is ONNX's own."""
        domain = self.proto.domain
        return (
            f"{domain}.{self.proto.op_type}"
            if domain not in ("", "ai.onnx")
            else self.proto.op_type
        )

    @property
    def output_name(self) -> str:
        """The first output's name."""
        return str(self.proto.output[0])

    @cached_property
    def attributes(self) -> Mapping[str, Any]:
        """Attributes by name, as Python values."""
        values = {a.name: helper.get_attribute_value(a) for a in self.proto.attribute}
        return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}

    def input(self, position: int) -> Value | None:
        """The value at a position, None if it is left out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def input_name(self, position: int) -> str:
        """The name of the tensor at a position."""
        return str(self.proto.input[position])

    def constant(self, position: int, what: str) -> Array | None:
        """The numbers at a position, None if it is left out.

        Raises:
            Refusal: If they are not known at import.
        """
        value = self.input(position)
        if value is None:
            return None
        if isinstance(value, Constant):
            return value.array
        if isinstance(value, QuantizedConstant):
            return value.real
        raise Refusal(f"its {what} {self.input_name(position)!r} is computed, not constant")

    def required(self, position: int, what: str) -> Array:
        """The numbers at a position that may not be left out."""
        array = self.constant(position, what)
        if array is None:
            raise Refusal(f"it has no {what}")
        return array

    @property
    def is_foldable(self) -> bool:
        """Whether all its inputs are constants, and so is what it computes."""
        own = self.op_type == self.proto.op_type
        if not own or self.op_type in ("QuantizeLinear", "DequantizeLinear"):
            return False
        return all(value is None or isinstance(value, Constant) for value in self.inputs)

    def evaluate(self, arrays: Sequence[Array | None]) -> tuple[Array, ...]:
        """What the node computes, by ONNX's own reference implementation."""
        return evaluated(self.proto, self.opset, arrays)

    def host_op(self, position: int) -> HostOp:
        """The node as a host operation on its input at `position`; the others are constants."""
        others = tuple(
            None if n == position else self.constant(n, "input") for n in range(len(self.inputs))
        )
        return NodeOnHost(self.name, self.op_type, self.proto, self.opset, position, others)


@dataclass(frozen=True, slots=True, eq=False)
class NodeOnHost(HostOp):
    """What a node makes of one of its inputs; the others are constants."""

    proto: NodeProto
    opset: int
    position: int
    others: tuple[Array | None, ...]

    def evaluate(self, array: Array) -> Array:
        """The node's first output."""
        arrays = list(self.others)
        arrays[self.position] = array
        return evaluated(self.proto, self.opset, arrays)[0]

    def index(self, before: Index) -> Index | None:
        """A Cast to a type that holds every sample leaves values where they are."""
        if self.op_type != "Cast":
            return None
        (to,) = (attribute.i for attribute in self.proto.attribute if attribute.name == "to")
        return before if to in (TensorProto.FLOAT, TensorProto.DOUBLE) else None


NUMPY_TYPES = {
    TensorProto.FLOAT: np.dtype(np.float32),
    TensorProto.UINT8: np.dtype(np.uint8),
    TensorProto.INT8: np.dtype(np.int8),
}
"""The element types a model's input may have."""


INTEGER_TYPES = {
    "uint2": (2, False),
    "int2": (2, True),
    "uint4": (4, False),
    "int4": (4, True),
    "uint8": (8, False),
    "int8": (8, True),
    "uint16": (16, False),
    "int16": (16, True),
    "int32": (32, True),
}
"""Bits and sign of each element type codes may have."""

OUTPUT_TYPES = {
    TensorProto.UINT4: "uint4",
    TensorProto.INT4: "int4",
    TensorProto.UINT8: "uint8",
    TensorProto.INT8: "int8",
    TensorProto.UINT16: "uint16",
    TensorProto.INT16: "int16",
}


def activation_format(
    node: Node, scale_at: int, zero_point_at: int, default_type: str = "uint8"
) -> Format:
    """The format that a scale and a zero point among the node's inputs describe.

    Args:
        node: The node.
        scale_at: Which of its inputs is the scale.
        zero_point_at: Which of its inputs is the zero point; its type is that of the codes.
        default_type: The type of the codes where neither zero point nor attribute says it.

    Raises:
        Refusal: If it is none that activations can have.
    """
    scale = _scale(node, scale_at)
    zero_point = node.constant(zero_point_at, "zero point")
    if zero_point is None or zero_point.size == 0:
        codes_type = OUTPUT_TYPES.get(node.attributes.get("output_dtype", 0), default_type)
        zero_point = np.zeros((), np.uint8)
    else:
        codes_type = zero_point.dtype.name
    if codes_type not in INTEGER_TYPES:
        raise Refusal(f"its codes are {codes_type}; int8, uint8, int4 and uint4 are supported")
    bits, signed = INTEGER_TYPES[codes_type]
    if bits > 8:
        raise Refusal(f"its codes have {bits} bits; activations have at most 8")
    levels = zero_point.astype(np.int64)
    if np.unique(scale).size > 1 or np.unique(levels).size > 1:
        raise Refusal(
            f"an activation with {max(scale.size, levels.size)} scales, one per channel; "
            "quantize activations per tensor"
        )
    return Format(bits, signed, scale.ravel()[0].reshape(()), int(levels.ravel()[0]))


def quantized_constant(
    node: Node, codes: Array, scale_at: int, zero_point_at: int, axis: int
) -> QuantizedConstant:
    """Constant codes with the scale and zero point among the node's inputs.

    Raises:
        Refusal: If the parameters do not fit the codes.
    """
    type_name = codes.dtype.name
    if type_name not in INTEGER_TYPES:
        raise Refusal(f"it dequantizes {type_name} values; integers of up to 32 bits are supported")
    scale = _scale(node, scale_at)
    given = node.constant(zero_point_at, "zero point")
    zero_point = np.zeros(1, np.int64) if given is None else given.astype(np.int64)
    axis = axis + codes.ndim if axis < 0 else axis
    length = codes.shape[axis] if axis < codes.ndim else 1
    for parameter in (scale, zero_point):
        if parameter.size not in (1, length) or (parameter.size > 1 and parameter.ndim != 1):
            raise Refusal(
                f"its scale has shape {list(parameter.shape)} for values of shape "
                f"{list(codes.shape)}; one per tensor or one per channel is supported"
            )
    bits, signed = INTEGER_TYPES[type_name]
    held: NDArray[np.signedinteger[Any]] = codes.astype(np.int64 if bits > 16 else np.int32)
    return QuantizedConstant(held, bits, signed, scale.ravel(), zero_point.ravel(), axis)


def _scale(node: Node, scale_at: int) -> NDArray[np.float32]:
    if node.attributes.get("block_size", 0):
        raise Refusal(
            "blockwise scales sum in float32, so no integer result is defined; "
            "quantize per tensor or per channel"
        )
    scale = node.required(scale_at, "scale").astype(np.float32)
    if not (scale.size and np.isfinite(scale).all() and (scale > 0).all()):
        raise Refusal(f"its scale {node.input_name(scale_at)!r} is not positive")
    return scale


class GraphBuilder(LayerBuilder):
    """What the translations of the nodes ask for: values by the inputs of a node."""

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

    def _integer_input(self, node: Node, position: int, feed: Feed, stated: Format) -> Tensor:
        if feed.dtype != stated.dtype:
            raise Refusal(f"the model's input is {feed.dtype}, its zero point {stated.dtype}")
        dequantize = DequantizeOnHost(node.name, "DequantizeLinear", stated)
        real = Feed(feed.shape, np.dtype(np.float32), (*feed.ops, dequantize))
        name = node.input_name(position)
        if self.input is not None and self.input.name == name and self.input.format == stated:
            return self.input
        return self._set_input(real, Target(name, stated, stated.qmin, stated.qmax))


def _host_result(op: HostOp, shape: Shape, dtype: np.dtype[Any]) -> tuple[Shape, np.dtype[Any]]:
    """Shape and type of what a host operation makes of one sample, however many there are."""
    results = [op.evaluate(np.zeros((count, *shape), dtype)) for count in (2, 3)]
    shapes = [result.shape for result in results]
    if not all(shapes) or shapes != [(count, *shapes[0][1:]) for count in (2, 3)]:
        raise Refusal("it mixes samples")
    return results[0].shape[1:], results[0].dtype


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
