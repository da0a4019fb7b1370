"""Mul: of two tensors, or with a constant."""

from __future__ import annotations

from ..layers import Multiply
from .affine import constant_operand, with_constant
from .builder import GraphBuilder
from .combining import quantized_constant_operand
from .node import Node
from .pairing import pair
from .registry import onnx_op
from .values import Value


@onnx_op("Mul")
def mul(node: Node, builder: GraphBuilder) -> Value:
    """Reads the product of two quantized tensors, or of one value and a constant."""
    position = constant_operand(node)
    if position is None:
        return pair(node, builder, Multiply, builder.view(node, 0), builder.view(node, 1))
    fused = quantized_constant_operand(node, Multiply)
    if fused is not None:
        return fused
    return with_constant(
        node,
        builder,
        position,
        lambda column: lambda row: row * column,
        lambda total, gain: total.scaled(gain, node.name, builder),
    )
