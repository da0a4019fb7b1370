"""Concat and Split: tensors side by side, and apart again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from ..formats import Tensor
from ..layers import Concat
from .axes import counted
from .movement import numbered_samples, rearrange, within_sample
from .node import GraphBuilder, Node, activation_format, unquantized
from .registry import onnx_op
from .values import (
    Codes,
    Constant,
    Dequantized,
    Expression,
    Feed,
    Hosted,
    HostOp,
    LayerBuilder,
    QuantizedConstant,
    Refusal,
    Shape,
    Target,
    Unknown,
    Value,
)


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Real values side by side; rounding moves into each part."""

    node: Node
    parts: tuple[Dequantized | Expression, ...]
    names: tuple[str, ...]
    index: NDArray[np.int32]

    @property
    def shape(self) -> Shape:
        """Without the sample axis."""
        return tuple(self.index.shape)

    def quantize(self, builder: LayerBuilder, target: Target) -> Tensor:
        """Rounds each part to the common format, then joins them."""
        targets = [
            Target(f"{name}_to_{target.name}", target.format, target.low, target.high)
            for name in self.names
        ]
        tensors = [builder.tensor(Codes(*pair)) for pair in zip(self.parts, targets, strict=True)]
        return join(builder, self.node, tensors, self.index, target.name)

    def finish(self, builder: LayerBuilder) -> tuple[Tensor, tuple[HostOp, ...]]:
        """Refuses: several tensors cannot leave the chip as one."""
        raise Refusal("its inputs differ in scale and its result is never quantized")


@onnx_op("Concat")
def concat(node: Node, builder: GraphBuilder) -> Value:
    """Reads codes of one format, or real values."""
    codes = [value for value in node.inputs if isinstance(value, Codes)]
    if codes and len(codes) == len(node.inputs):
        tensors = [builder.tensor(value) for value in codes]
        if len({tensor.format for tensor in tensors}) > 1:
            raise Refusal("it joins integers of different scales")
        index = joined_index(node, [tensor.shape for tensor in tensors])
        joined = join(builder, node, tensors, index, node.output_name)
        return builder.quantized(Dequantized(joined), node, joined.format)
    return join_real(node, builder, range(len(node.inputs)), list(node.inputs))


def join_real(
    node: Node, builder: GraphBuilder, positions: range, values: list[Value | None]
) -> Dequantized | Joined:
    """Real values side by side: a view if all have one format, else an expression."""
    parts: list[Dequantized | Expression] = []
    for position, value in zip(positions, values, strict=True):
        if value is None or isinstance(
            value, (Codes, Constant, QuantizedConstant, Feed, Hosted, Unknown)
        ):
            raise Refusal(unquantized(node, position))
        parts.append(value)
    index = joined_index(node, [part.shape for part in parts])
    tensors = [part.tensor for part in parts if isinstance(part, Dequantized)]
    if len(tensors) == len(parts) and len({tensor.format for tensor in tensors}) == 1:
        return Dequantized(join(builder, node, tensors, index, node.output_name))
    names = tuple(node.input_name(position) for position in positions)
    return Joined(node, tuple(parts), names, index)


def joined_index(node: Node, shapes: list[Shape]) -> NDArray[np.int32]:
    """Where each joined value stands in the flattened parts, one after another."""
    rank = len(shapes[0]) + 1
    (axis,) = counted([node.attributes["axis"]], rank)
    if axis == 0:
        raise Refusal("it joins samples")
    orders, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        orders.append(np.arange(start, start + size, dtype=np.int32).reshape(shape))
        start += size
    return np.concatenate(orders, axis=axis - 1)


def join(
    builder: LayerBuilder, node: Node, tensors: list[Tensor], index: NDArray[np.int32], name: str
) -> Tensor:
    """Adds the layer that joins tensors of one format."""
    low = min(tensor.low for tensor in tensors)
    high = max(tensor.high for tensor in tensors)
    output = Tensor(name, tuple(index.shape), tensors[0].format, low, high)
    return builder.emit(Concat(node.name, tuple(tensors), output, index))


@onnx_op("com.microsoft.QLinearConcat")
def qlinear_concat(node: Node, builder: GraphBuilder) -> Value:
    """Reads parts of different scales, each through its own table."""
    positions = range(2, len(node.inputs), 3)
    views: list[Value | None] = [
        Dequantized(builder.codes_as(node, n, n + 1, n + 2)) for n in positions
    ]
    joined = join_real(node, builder, positions, views)
    return builder.quantized(joined, node, activation_format(node, 0, 1))


@onnx_op("Split")
def split(node: Node, builder: GraphBuilder) -> tuple[Value, ...]:
    """Reads each part as a selection of its own."""
    value = node.input(0)
    if value is None or isinstance(value, (Constant, QuantizedConstant, Unknown)):
        raise Refusal(unquantized(node, 0))
    others = [node.constant(n, "input") for n in range(1, len(node.inputs))]
    parts = []
    results = node.evaluate([numbered_samples(value.shape), *others])
    for name, moved in zip(node.proto.output, results, strict=True):
        proto = NodeProto()
        proto.CopyFrom(node.proto)
        proto.name = str(name)
        proto.output[:] = [name]
        part = replace(node, proto=proto)
        parts.append(rearrange(part, builder, value, within_sample(moved, value.shape)))
    return tuple(parts)
