"""QLinearMul."""

from __future__ import annotations

from ..layers import Multiply
from .builder import GraphBuilder
from .combining import qlinear
from .node import Node
from .registry import onnx_op
from .values import Value


@onnx_op("com.microsoft.QLinearMul")
def qlinear_mul(node: Node, builder: GraphBuilder) -> Value:
    """Reads a product from codes to codes."""
    return qlinear(node, builder, Multiply)
