"""Div by a constant."""

from __future__ import annotations

from .affine import constant_operand, with_constant
from .builder import GraphBuilder
from .node import Node
from .registry import onnx_op
from .values import Refusal, Value


@onnx_op("Div")
def div(node: Node, builder: GraphBuilder) -> Value:
    """Reads value / constant."""
    if constant_operand(node) != 1:
        raise Refusal("only division by a constant is known")
    return with_constant(
        node,
        builder,
        1,
        lambda column: lambda row: row / column,
        lambda total, divisor: total.scaled(1 / divisor, node.name, builder),
    )
