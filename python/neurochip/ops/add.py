"""Add: a residual sum, or a bias."""

from __future__ import annotations

from ..layers import Add
from .affine import constant_operand, with_constant
from .builder import GraphBuilder
from .combining import quantized_constant_operand
from .node import Node
from .pairing import pair
from .registry import onnx_op
from .values import Value


@onnx_op("Add")
def add(node: Node, builder: GraphBuilder) -> Value:
    """Reads the sum of two quantized tensors, or of one value and a constant."""
    position = constant_operand(node)
    if position is None:
        return pair(node, builder, Add, builder.view(node, 0), builder.view(node, 1))
    fused = quantized_constant_operand(node, Add)
    if fused is not None:
        return fused
    return with_constant(
        node,
        builder,
        position,
        lambda column: lambda row: row + column,
        lambda total, offset: total.shifted(offset, builder, node.name),
    )
